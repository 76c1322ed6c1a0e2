use proptest::prelude::*;

use super::*;
use crate::zones;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn stretch(start: &str, end: &str) -> Stretch {
    Stretch {
        start: at(start),
        end: at(end),
    }
}

fn rule(day_of_week: i16, start: &str, end: &str) -> WeeklyRule {
    WeeklyRule {
        day_of_week,
        start_minute: crate::availability::parse_minute(start, false).unwrap(),
        end_minute: crate::availability::parse_minute(end, true).unwrap(),
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

/// The local starts offered on the local `date`, with their offset.
fn offered(zone: &str, rules: Vec<WeeklyRule>, policies: &Policies, date: &str) -> Vec<String> {
    let zone = zones::zone(zone).unwrap();
    let hours = WeeklyHours {
        zone: zone.clone(),
        rules,
    };
    let date: Date = date.parse().unwrap();
    let day = |date: Date| date.to_zoned(zone.clone()).unwrap().timestamp();
    let window = Stretch {
        start: day(date),
        end: day(date.tomorrow().unwrap()),
    };
    let open = open_intervals(&hours, window);
    let offer = Offer {
        policies,
        open: &open,
        teacher_busy: &[],
        student_busy: &[],
        now: window.start - SignedDuration::from_hours(72),
    };
    offer
        .slots(window, policies.usual_duration())
        .map(|slot| {
            let local = slot.during.start.to_zoned(zone.clone());
            local.strftime("%H:%M%:z").to_string()
        })
        .collect()
}

#[test]
fn a_skipped_hour_offers_no_local_time_that_does_not_exist() {
    let slots = offered(
        "Europe/Berlin",
        vec![rule(7, "00:00", "05:00")],
        &policies(60, 60),
        "2026-03-29",
    );
    assert_eq!(
        slots,
        ["00:00+01:00", "01:00+01:00", "03:00+02:00", "04:00+02:00"]
    );
}

#[test]
fn a_doubled_hour_offers_both_of_its_instants() {
    let slots = offered(
        "Europe/Berlin",
        vec![rule(7, "01:00", "04:00")],
        &policies(60, 60),
        "2026-10-25",
    );
    assert_eq!(
        slots,
        ["01:00+02:00", "02:00+02:00", "02:00+01:00", "03:00+01:00"]
    );
}

#[test]
fn a_shift_of_half_an_hour_moves_the_grid_with_absolute_time() {
    let rules = || vec![rule(7, "01:00", "03:30")];
    // 02:00 becomes 02:30 on 4 October 2026.
    let forward = offered(
        "Australia/Lord_Howe",
        rules(),
        &policies(30, 30),
        "2026-10-04",
    );
    assert_eq!(
        forward,
        ["01:00+10:30", "01:30+10:30", "02:30+11:00", "03:00+11:00"]
    );
    // 02:00 becomes 01:30 on 5 April 2026.
    let back = offered(
        "Australia/Lord_Howe",
        rules(),
        &policies(30, 30),
        "2026-04-05",
    );
    assert_eq!(
        back,
        [
            "01:00+11:00",
            "01:30+11:00",
            "01:30+10:30",
            "02:00+10:30",
            "02:30+10:30",
            "03:00+10:30"
        ]
    );
}

#[test]
fn a_midnight_that_does_not_exist_starts_the_day_where_the_gap_ends() {
    // In Beirut 29 March 2026 begins at 01:00.
    let day = offered(
        "Asia/Beirut",
        vec![rule(7, "00:00", "03:00")],
        &policies(60, 60),
        "2026-03-29",
    );
    assert_eq!(day, ["01:00+03:00", "02:00+03:00"]);
    let eve = offered(
        "Asia/Beirut",
        vec![rule(6, "22:00", "24:00")],
        &policies(60, 60),
        "2026-03-28",
    );
    assert_eq!(eve, ["22:00+02:00", "23:00+02:00"]);
}

#[test]
fn a_rule_that_ends_in_a_gap_ends_where_the_gap_begins() {
    let slots = offered(
        "Europe/Berlin",
        vec![rule(7, "01:00", "02:30")],
        &policies(30, 30),
        "2026-03-29",
    );
    assert_eq!(slots, ["01:00+01:00", "01:30+01:00"]);
}

#[test]
fn a_rule_that_begins_in_a_gap_begins_at_the_instant_of_rfc_5545() {
    let slots = offered(
        "Europe/Berlin",
        vec![rule(7, "02:30", "05:00")],
        &policies(30, 30),
        "2026-03-29",
    );
    assert_eq!(slots, ["03:30+02:00", "04:00+02:00", "04:30+02:00"]);
}

#[test]
fn a_rule_within_a_gap_offers_nothing() {
    let slots = offered(
        "Europe/Berlin",
        vec![rule(7, "02:10", "02:50")],
        &policies(30, 30),
        "2026-03-29",
    );
    assert!(slots.is_empty(), "{slots:?}");
}

#[test]
fn a_whole_day_that_was_skipped_offers_nothing_on_its_neighbours() {
    // Samoa had no 30 December 2011, a Friday.
    let rules = vec![rule(5, "09:00", "17:00")];
    let hours = WeeklyHours {
        zone: zones::zone("Pacific/Apia").unwrap(),
        rules,
    };
    let week = stretch("2011-12-29T00:00:00Z", "2012-01-05T00:00:00Z");
    assert_eq!(
        open_intervals(&hours, week).grid(week, SignedDuration::from_hours(1)),
        []
    );
}

#[test]
fn a_lesson_may_run_over_midnight_from_one_rule_into_the_next() {
    let rules = vec![rule(1, "23:00", "24:00"), rule(2, "00:00", "01:00")];
    let slots = offered("Europe/Berlin", rules, &policies(60, 30), "2026-06-01");
    assert_eq!(slots, ["23:00+02:00", "23:30+02:00"]);
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
    let hours = WeeklyHours {
        zone: TimeZone::UTC,
        rules: vec![rule(1, "09:00", "12:00")],
    };
    let start = at(start);
    let open = open_intervals(&hours, Stretch { start, end: start });
    let offer = Offer {
        policies: &policies,
        open: &open,
        teacher_busy: &[stretch("2026-06-01T10:00:00Z", "2026-06-01T11:10:00Z")],
        student_busy: &[stretch("2026-06-08T09:15:00Z", "2026-06-08T09:45:00Z")],
        now: at(now),
    };
    offer.bookable(start, offer.policies.usual_duration())
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

#[derive(Debug)]
struct Case {
    zone: String,
    rules: Vec<WeeklyRule>,
    policies: Policies,
    busy: Vec<Stretch>,
    student: Vec<Stretch>,
    now: Timestamp,
}

impl Case {
    fn offer<'a>(&'a self, open: &'a OpenTime) -> Offer<'a> {
        Offer {
            policies: &self.policies,
            open,
            teacher_busy: &self.busy,
            student_busy: &self.student,
            now: self.now,
        }
    }
}

/// A week around an instant of 2025 to 2028, half of the time around a clock change.
fn instant(zone: &str, second: i64, around_change: bool) -> Timestamp {
    let instant = at("2025-01-01T00:00:00Z") + SignedDuration::from_secs(second);
    let change = zones::zone(zone)
        .unwrap()
        .following(instant)
        .next()
        .map(|change| change.timestamp() - SignedDuration::from_hours(50));
    change.filter(|_| around_change).unwrap_or(instant)
}

fn busy(starts: Vec<(i64, i64)>, from: Timestamp) -> Vec<Stretch> {
    let mut busy: Vec<Stretch> = Vec::new();
    for (ahead, minutes) in starts {
        let start = from + SignedDuration::from_mins(ahead * 5);
        let lesson = Stretch {
            start,
            end: start + SignedDuration::from_mins(minutes * 5),
        };
        if !busy.iter().any(|other| other.overlaps(&lesson)) {
            busy.push(lesson);
        }
    }
    busy.sort_unstable();
    busy
}

fn policy() -> impl Strategy<Value = Policies> {
    (
        1..30_i64,
        1..30_i64,
        0..6_i64,
        0..6_i64,
        0..48_i64,
        1..100_i64,
    )
        .prop_map(|(lesson, step, before, after, notice, horizon)| Policies {
            lesson_durations: vec![SignedDuration::from_mins(lesson * 5)],
            slot_step: SignedDuration::from_mins(step * 5),
            buffer_before: SignedDuration::from_mins(before * 5),
            buffer_after: SignedDuration::from_mins(after * 5),
            min_notice: SignedDuration::from_hours(notice),
            booking_horizon: SignedDuration::from_hours(horizon),
            ..Policies::default()
        })
}

fn rules() -> impl Strategy<Value = Vec<WeeklyRule>> {
    let rule =
        (1..=7_i16, 0..288_i16, 1..=288_i16).prop_map(|(day_of_week, start, length)| WeeklyRule {
            day_of_week,
            start_minute: start * 5,
            end_minute: (start + length).min(288) * 5,
        });
    prop::collection::vec(rule, 0..20).prop_map(|rules| {
        let mut kept: Vec<WeeklyRule> = Vec::new();
        for rule in rules {
            if !kept.iter().any(|other| other.overlaps(&rule)) {
                kept.push(rule);
            }
        }
        kept
    })
}

fn case() -> impl Strategy<Value = Case> {
    let lessons = || prop::collection::vec((0..1500_i64, 1..30_i64), 0..12);
    let when = (0..4 * 365 * 86_400_i64, any::<bool>());
    (
        prop::sample::select(zones::names()),
        rules(),
        policy(),
        lessons(),
        lessons(),
        when,
    )
        .prop_map(
            |(zone, rules, policies, teacher, student, (second, around_change))| {
                let now = instant(&zone, second / 300 * 300, around_change);
                Case {
                    busy: busy(teacher, now),
                    student: busy(student, now),
                    zone,
                    rules,
                    policies,
                    now,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario 6: a slot offered is a slot that books, asked for on its own; what is
    /// not offered is refused with a reason.
    #[test]
    fn offered_is_bookable_in_every_zone(case in case()) {
        let zone = zones::zone(&case.zone).unwrap();
        let hours = WeeklyHours { zone: zone.clone(), rules: case.rules.clone() };
        let window = Stretch { start: case.now, end: case.now + SignedDuration::from_hours(100) };
        let wide = open_intervals(&hours, window);
        let offered: Vec<_> = case.offer(&wide).slots(window, case.policies.usual_duration()).map(|slot| slot.during.start).collect();
        prop_assert!(offered.is_sorted_by(|one, next| one < next));
        let mut start = window.start;
        let mut bookable = Vec::new();
        while start < window.end {
            let end = start + case.policies.usual_duration();
            let narrow = open_intervals(&hours, Stretch { start, end });
            if let Ok(lesson) = case.offer(&narrow).bookable(start, case.policies.usual_duration()) {
                prop_assert_eq!(lesson.during, Stretch { start, end });
                prop_assert!(!case.busy.iter().any(|other| other.overlaps(&lesson.blocked)));
                prop_assert!(!case.student.iter().any(|other| other.overlaps(&lesson.during)));
                bookable.push(start);
            }
            start += SignedDuration::from_mins(5);
        }
        // Zones whose offset is no multiple of five minutes have their grid elsewhere.
        let odd = |instant: &Timestamp| (instant.as_second() - window.start.as_second()) % 300 != 0;
        prop_assert_eq!(offered.iter().copied().filter(|start| !odd(start)).collect::<Vec<_>>(), bookable);
    }

    /// Scenario 1: what is offered is a local time of a rule, except in the second pass
    /// of a doubled hour that a rule begins within.
    #[test]
    fn offered_local_times_lie_within_a_rule(case in case()) {
        let zone = zones::zone(&case.zone).unwrap();
        let hours = WeeklyHours { zone: zone.clone(), rules: case.rules.clone() };
        let window = Stretch { start: case.now, end: case.now + SignedDuration::from_hours(100) };
        let open = open_intervals(&hours, window);
        for start in open.grid(window, case.policies.slot_step) {
            let local = start.to_zoned(zone.clone());
            let minute = i16::from(local.hour()) * 60 + i16::from(local.minute());
            let in_rule = case.rules.iter().any(|rule| {
                rule.weekday() == Some(local.weekday())
                    && rule.start_minute <= minute
                    && minute < rule.end_minute
            });
            let second_pass = zone
                .to_ambiguous_timestamp(local.datetime())
                .compatible()
                .is_ok_and(|first| first < start);
            prop_assert!(in_rule || second_pass, "{local} is in no rule");
        }
    }
}
