use jiff::civil::{Date, Weekday};

use super::*;
use crate::{
    availability::{
        DateOverride, END_OF_DAY, Hours, Interval, WeeklyRule,
        calendar::{Calendar, Taken},
        parse_minute,
    },
    zones,
};

mod all_zones;
mod clock_changes;
mod properties;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn stretch(start: &str, end: &str) -> Stretch {
    Stretch {
        start: at(start),
        end: at(end),
    }
}

fn interval(start: &str, end: &str) -> Interval {
    let start_minute = parse_minute(start, false).unwrap();
    let end_minute = parse_minute(end, true).unwrap();
    let overnight = if end_minute > start_minute {
        0
    } else {
        END_OF_DAY
    };
    Interval {
        start_minute,
        end_minute: end_minute + overnight,
    }
}

fn rule(day_of_week: i8, start: &str, end: &str) -> WeeklyRule {
    WeeklyRule {
        weekday: Weekday::from_monday_one_offset(day_of_week).unwrap(),
        interval: interval(start, end),
        first_date: None,
        last_date: None,
    }
}

fn on(date: &str, intervals: Vec<Interval>) -> DateOverride {
    DateOverride {
        date: date.parse().unwrap(),
        intervals,
    }
}

fn policies(lesson_minutes: i64, step_minutes: i64) -> Policies {
    Policies {
        lesson_durations: vec![SignedDuration::from_mins(lesson_minutes)],
        slot_step: SignedDuration::from_mins(step_minutes),
        min_notice: SignedDuration::ZERO,
        ..Policies::default()
    }
}

fn hours(zone: &str, rules: Vec<WeeklyRule>) -> Hours {
    Hours {
        rules,
        ..Hours::none(zones::zone(zone).unwrap())
    }
}

/// The local starts offered on the local `date`, with their offset.
fn offered_of(hours: &Hours, policies: &Policies, taken: &Taken, date: &str) -> Vec<String> {
    let date: Date = date.parse().unwrap();
    let day = |date: Date| date.to_zoned(hours.zone.clone()).unwrap().timestamp();
    let window = Stretch {
        start: day(date),
        end: day(date.tomorrow().unwrap()),
    };
    let calendar = Calendar::new(policies.clone(), hours, window, taken);
    calendar
        .offer(window.start - SignedDuration::from_hours(72))
        .slots(window, policies.usual_duration())
        .map(|slot| {
            let local = slot.during.start.to_zoned(hours.zone.clone());
            local.strftime("%H:%M%:z").to_string()
        })
        .collect()
}

fn offered(zone: &str, rules: Vec<WeeklyRule>, policies: &Policies, date: &str) -> Vec<String> {
    offered_of(&hours(zone, rules), policies, &Taken::default(), date)
}

#[test]
fn a_night_runs_into_the_next_date_over_the_end_of_the_week_too() {
    let nights = || vec![rule(7, "22:00", "02:00")];
    let day = |date| offered("Europe/Berlin", nights(), &policies(60, 60), date);
    assert_eq!(day("2026-06-07"), ["22:00+02:00", "23:00+02:00"]);
    assert_eq!(day("2026-06-08"), ["00:00+02:00", "01:00+02:00"]);
    let whole = vec![rule(1, "10:00", "10:00")];
    let next = offered("UTC", whole, &policies(480, 120), "2026-06-02");
    assert_eq!(next, ["00:00+00:00", "02:00+00:00"]);
}

#[test]
fn a_rule_holds_between_its_dates_and_a_night_that_began_in_time_ends_after_them() {
    let mut night = rule(1, "23:00", "01:00");
    night.first_date = Some("2026-06-08".parse().unwrap());
    night.last_date = Some("2026-06-15".parse().unwrap());
    let day = |date| offered("UTC", vec![night], &policies(60, 60), date).len();
    let dates = [
        "2026-06-01",
        "2026-06-02",
        "2026-06-08",
        "2026-06-09",
        "2026-06-15",
        "2026-06-16",
        "2026-06-22",
        "2026-06-23",
    ];
    assert_eq!(dates.map(day), [0, 0, 1, 1, 1, 1, 0, 0]);
}

#[test]
fn an_override_replaces_what_begins_on_its_date_and_nothing_else() {
    let mut hours = hours(
        "UTC",
        vec![rule(1, "23:00", "02:00"), rule(2, "09:00", "11:00")],
    );
    let free = Taken::default();
    let tuesday = |hours: &Hours| offered_of(hours, &policies(60, 60), &free, "2026-06-02");
    let night = ["00:00+00:00", "01:00+00:00"];
    hours.overrides = vec![on("2026-06-02", Vec::new())];
    assert_eq!(tuesday(&hours), night, "a day off");
    let other = vec![interval("20:00", "21:00"), interval("23:00", "01:00")];
    hours.overrides = vec![on("2026-06-02", other)];
    assert_eq!(
        tuesday(&hours),
        [&night[..], &["20:00+00:00", "23:00+00:00"]].concat()
    );
    let wednesday = offered_of(&hours, &policies(60, 60), &free, "2026-06-03");
    assert_eq!(wednesday, ["00:00+00:00"]);
    hours.overrides = vec![on("2026-06-01", Vec::new())];
    assert_eq!(tuesday(&hours), ["09:00+00:00", "10:00+00:00"]);
}

#[test]
fn where_a_night_runs_into_an_override_the_earlier_grid_holds_to_its_end() {
    let mut hours = hours("UTC", vec![rule(1, "23:30", "02:00")]);
    hours.overrides = vec![on("2026-06-02", vec![interval("01:00", "04:00")])];
    let day = offered_of(&hours, &policies(60, 60), &Taken::default(), "2026-06-02");
    // 23:30, 00:30, 01:30 of the night, then the override's own grid. A lesson may run
    // from the one into the other.
    assert_eq!(
        day,
        ["00:30+00:00", "01:30+00:00", "02:00+00:00", "03:00+00:00"]
    );
    // An override within the night adds nothing.
    hours.overrides = vec![on("2026-06-02", vec![interval("00:10", "01:10")])];
    let day = offered_of(&hours, &policies(30, 30), &Taken::default(), "2026-06-02");
    assert_eq!(
        day,
        ["00:00+00:00", "00:30+00:00", "01:00+00:00", "01:30+00:00"]
    );
}

#[test]
fn nothing_is_offered_that_time_off_touches() {
    let mut hours = hours("UTC", vec![rule(1, "09:00", "15:00")]);
    hours.time_off = vec![
        stretch("2026-06-01T11:00:00Z", "2026-06-01T11:15:00Z"),
        stretch("2026-06-01T11:10:00Z", "2026-06-01T11:30:00Z"),
    ];
    let free = Taken::default();
    // A buffer may stand in time off; a grid goes on through it.
    let policies = Policies {
        buffer_after: SignedDuration::from_mins(30),
        ..policies(60, 60)
    };
    assert_eq!(
        offered_of(&hours, &policies, &free, "2026-06-01"),
        [
            "09:00+00:00",
            "10:00+00:00",
            "12:00+00:00",
            "13:00+00:00",
            "14:00+00:00"
        ]
    );
    let start = at("2026-06-01T11:00:00Z");
    let window = Stretch { start, end: start };
    let calendar = Calendar::new(policies, &hours, window, &free);
    let refused = calendar
        .offer(at("2026-06-01T00:00:00Z"))
        .bookable(start, SignedDuration::from_hours(1));
    assert_eq!(refused, Err(Unbookable::OutsideAvailability));
}

fn lesson(start: &str, end: &str) -> Bookable {
    let during = stretch(start, end);
    Bookable {
        during,
        blocked: during,
    }
}

#[test]
fn a_day_has_as_many_lessons_as_the_limit_says() {
    // Midnight in Berlin is 22:00Z.
    let hours = hours(
        "Europe/Berlin",
        (1..=7).map(|day| rule(day, "00:00", "24:00")).collect(),
    );
    let limited = Policies {
        daily_lesson_limit: Some(2),
        ..policies(60, 240)
    };
    let taken = Taken {
        lessons: vec![
            lesson("2026-06-01T21:00:00Z", "2026-06-01T22:00:00Z"),
            lesson("2026-06-01T22:00:00Z", "2026-06-01T23:00:00Z"),
            lesson("2026-06-02T21:00:00Z", "2026-06-02T22:00:00Z"),
        ],
        ..Taken::default()
    };
    let day =
        |policies: &Policies, taken: &Taken, date| offered_of(&hours, policies, taken, date).len();
    assert_eq!(day(&limited, &taken, "2026-06-01"), 6);
    assert_eq!(day(&limited, &taken, "2026-06-02"), 0);
    assert_eq!(day(&limited, &taken, "2026-06-03"), 6);
    assert_eq!(day(&policies(60, 240), &taken, "2026-06-02"), 5);
    // One of them moves: within its day, or to another that is full.
    let moving = |from: &str, others: [usize; 2]| Taken {
        lessons: others.map(|index| taken.lessons[index]).to_vec(),
        moving: Some(at(from)),
        ..Taken::default()
    };
    let stays = moving("2026-06-02T21:00:00Z", [0, 1]);
    assert_eq!(day(&limited, &stays, "2026-06-02"), 5);
    let comes = moving("2026-06-01T21:00:00Z", [1, 2]);
    assert_eq!(day(&limited, &comes, "2026-06-02"), 0);
}

#[test]
fn only_lengths_that_the_teacher_gives_are_offered() {
    let two = Policies {
        lesson_durations: [90, 30].map(SignedDuration::from_mins).to_vec(),
        ..policies(60, 30)
    };
    let hours = hours("UTC", vec![rule(1, "09:00", "11:00")]);
    let window = stretch("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z");
    let calendar = Calendar::new(two.clone(), &hours, window, &Taken::default());
    let offer = calendar.offer(window.start);
    let count = |minutes| {
        offer
            .slots(window, SignedDuration::from_mins(minutes))
            .count()
    };
    assert_eq!([90, 30, 60].map(count), [2, 4, 0]);
    assert_eq!(
        offer.bookable(at("2026-06-01T09:00:00Z"), SignedDuration::from_mins(60)),
        Err(Unbookable::DurationNotOffered {
            offered: two.lesson_durations.clone()
        })
    );
}

#[test]
fn nobody_is_in_two_places_whatever_their_role() {
    let hours = hours("UTC", vec![rule(1, "09:00", "12:00")]);
    let taken = Taken {
        // With the buffer before the lesson that is asked about.
        teacher_seats: vec![stretch("2026-06-01T09:00:00Z", "2026-06-01T09:50:00Z")],
        student: vec![stretch("2026-06-01T11:00:00Z", "2026-06-01T12:00:00Z")],
        ..Taken::default()
    };
    let policies = Policies {
        buffer_before: SignedDuration::from_mins(15),
        ..policies(60, 60)
    };
    let window = stretch("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z");
    let calendar = Calendar::new(policies, &hours, window, &taken);
    let offer = calendar.offer(window.start);
    let hour = SignedDuration::from_hours(1);
    let at_hour = |hour: i64| window.start + SignedDuration::from_hours(hour);
    assert_eq!(
        offer.bookable(at_hour(10), hour),
        Err(Unbookable::SlotTaken)
    );
    assert_eq!(
        offer.bookable(at_hour(11), hour),
        Err(Unbookable::StudentBusy)
    );
    // Beyond policy no buffer is taken, and hours do not matter, but lessons do.
    assert!(offer.free(at_hour(10), hour).is_ok());
    assert!(offer.free(at_hour(20), hour * 10).is_ok());
    assert_eq!(offer.free(at_hour(9), hour), Err(Unbookable::SlotTaken));
    assert_eq!(offer.free(at_hour(11), hour), Err(Unbookable::StudentBusy));
    assert_eq!(offer.free(at_hour(0), hour), Err(Unbookable::TooSoon));
}

#[test]
fn a_lesson_may_run_over_midnight_from_one_rule_into_the_next() {
    let rules = vec![rule(1, "23:00", "24:00"), rule(2, "00:00", "01:00")];
    let slots = offered("Europe/Berlin", rules, &policies(60, 30), "2026-06-01");
    assert_eq!(slots, ["23:00+02:00", "23:30+02:00"]);
}

#[test]
fn a_window_that_ends_before_midnight_still_knows_the_rule_after_it() {
    let rules = vec![rule(1, "23:00", "24:00"), rule(2, "00:00", "01:00")];
    let hours = hours("UTC", rules);
    let window = stretch("2026-06-01T23:30:00Z", "2026-06-01T23:31:00Z");
    let calendar = Calendar::new(policies(60, 30), &hours, window, &Taken::default());
    let offer = calendar.offer(window.start);
    assert_eq!(
        offer.slots(window, SignedDuration::from_hours(1)).count(),
        1
    );
}

#[test]
fn each_interval_begins_a_grid_of_its_own() {
    let rules = vec![rule(1, "09:00", "10:10"), rule(1, "10:10", "12:00")];
    let slots = offered("UTC", rules, &policies(50, 50), "2026-06-01");
    assert_eq!(
        slots,
        ["09:00+00:00", "09:50+00:00", "10:10+00:00", "11:00+00:00"]
    );
}

/// 09:00 to 12:00 UTC every Monday; a lesson at 10:00 to 11:00 with 10 minutes after.
fn refusal(start: &str, now: &str) -> Result<Bookable, Unbookable> {
    let policies = Policies {
        min_notice: SignedDuration::from_hours(2),
        booking_horizon: SignedDuration::from_hours(24 * 10),
        ..policies(60, 30)
    };
    let hours = hours("UTC", vec![rule(1, "09:00", "12:00")]);
    let start = at(start);
    let taken = Taken {
        teacher_seats: vec![stretch("2026-06-01T10:00:00Z", "2026-06-01T11:10:00Z")],
        student: vec![stretch("2026-06-08T09:15:00Z", "2026-06-08T09:45:00Z")],
        ..Taken::default()
    };
    let duration = policies.usual_duration();
    let calendar = Calendar::new(policies, &hours, Stretch { start, end: start }, &taken);
    calendar.offer(at(now)).bookable(start, duration)
}

#[test]
fn what_is_refused_carries_its_reason() {
    let monday = "2026-06-01T00:00:00Z";
    let cases = [
        ("2026-05-31T23:00:00Z", monday, Err(Unbookable::TooSoon)),
        ("2026-06-01T01:59:59Z", monday, Err(Unbookable::TooSoon)),
        ("2026-06-15T09:00:00Z", monday, Err(Unbookable::TooFar)),
        ("9999-12-30T22:00:00Z", monday, Err(Unbookable::TooFar)),
        (
            "2026-06-01T08:30:00Z",
            monday,
            Err(Unbookable::OutsideAvailability),
        ),
        (
            "2026-06-01T11:30:00Z",
            monday,
            Err(Unbookable::OutsideAvailability),
        ),
        ("2026-06-01T09:10:00Z", monday, Err(Unbookable::OffGrid)),
        (
            "2026-06-01T09:00:00.000000001Z",
            monday,
            Err(Unbookable::OffGrid),
        ),
        ("2026-06-01T09:30:00Z", monday, Err(Unbookable::SlotTaken)),
        ("2026-06-01T11:00:00Z", monday, Err(Unbookable::SlotTaken)),
        ("2026-06-08T09:00:00Z", monday, Err(Unbookable::StudentBusy)),
    ];
    for (start, now, expected) in cases {
        assert_eq!(refusal(start, now), expected, "{start}");
    }
    assert!(refusal("2026-06-01T09:00:00Z", monday).is_ok());
    assert!(refusal("2026-06-08T10:00:00Z", monday).is_ok());
}

#[test]
fn notice_and_horizon_are_durations_and_their_bounds_are_allowed() {
    assert!(refusal("2026-06-01T09:00:00Z", "2026-06-01T07:00:00Z").is_ok());
    assert_eq!(
        refusal("2026-06-01T09:00:00Z", "2026-06-01T07:00:00.000000001Z"),
        Err(Unbookable::TooSoon)
    );
    assert!(refusal("2026-06-08T10:00:00Z", "2026-05-29T10:00:00Z").is_ok());
    assert_eq!(
        refusal("2026-06-08T10:00:00Z", "2026-05-29T09:59:59Z"),
        Err(Unbookable::TooFar)
    );
}
