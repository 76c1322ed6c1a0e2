//! Scenario 6: a slot offered is a slot that books, and what is not offered is refused,
//! over random rules, overrides, time off, policies, lessons and zones.

use proptest::prelude::*;

use super::*;

const FIVE: SignedDuration = SignedDuration::from_mins(5);
const WINDOW: SignedDuration = SignedDuration::from_hours(100);

#[derive(Debug)]
struct Case {
    hours: Hours,
    policies: Policies,
    taken: Taken,
    now: Timestamp,
    duration: SignedDuration,
}

impl Case {
    fn calendar(&self, window: Stretch) -> Calendar {
        Calendar::new(self.policies.clone(), &self.hours, window, &self.taken)
    }

    fn window(&self) -> Stretch {
        Stretch {
            start: self.now,
            end: self.now + WINDOW,
        }
    }

    /// Every five minutes of the window: no zone's offset of these years lies between.
    fn starts(&self) -> impl Iterator<Item = Timestamp> {
        let window = self.window();
        std::iter::successors(Some(window.start), |start| Some(*start + FIVE))
            .take_while(move |start| *start < window.end)
    }

    fn offered(&self) -> Vec<Timestamp> {
        let calendar = self.calendar(self.window());
        let offer = calendar.offer(self.now);
        let slots = offer.slots(self.window(), self.duration);
        slots.map(|slot| slot.during.start).collect()
    }
}

fn minutes(fives: i64) -> SignedDuration {
    FIVE * i32::try_from(fives).unwrap()
}

/// A week around an instant of 2025 to 2028, half of the time around a clock change.
fn instant(zone: &str, second: i64, around_change: bool) -> Timestamp {
    let instant = at("2025-01-01T00:00:00Z") + SignedDuration::from_secs(second / 300 * 300);
    let change = zones::zone(zone)
        .unwrap()
        .following(instant)
        .next()
        .map(|change| change.timestamp() - SignedDuration::from_hours(50));
    change.filter(|_| around_change).unwrap_or(instant)
}

/// Stretches of so many times five minutes, so many after `from`.
fn stretches(fives: &[(i64, i64)], from: Timestamp) -> Vec<Stretch> {
    let stretch = |(ahead, length): &(i64, i64)| Stretch {
        start: from + minutes(*ahead),
        end: from + minutes(ahead + length),
    };
    fives.iter().map(stretch).collect()
}

fn policy() -> impl Strategy<Value = Policies> {
    let span = |fives: std::ops::Range<i64>| fives.prop_map(minutes);
    (
        prop::collection::vec(span(1..30), 1..4),
        span(1..30),
        span(0..6),
        span(0..6),
        0..48_i64,
        1..100_i64,
        prop::option::of(1..5_i16),
    )
        .prop_map(
            |(lengths, step, before, after, notice, horizon, limit)| Policies {
                lesson_durations: lengths,
                slot_step: step,
                buffer_before: before,
                buffer_after: after,
                min_notice: SignedDuration::from_hours(notice),
                booking_horizon: SignedDuration::from_hours(horizon),
                daily_lesson_limit: limit,
                ..Policies::default()
            },
        )
}

/// Intervals of one date, by start, none overlapping; the last may run past midnight.
fn intervals(most: usize) -> impl Strategy<Value = Vec<Interval>> {
    let interval = (0..288_i16, 1..=288_i16).prop_map(|(start, length)| Interval {
        start_minute: start * 5,
        end_minute: (start + length) * 5,
    });
    prop::collection::vec(interval, 0..most).prop_map(|intervals| {
        let mut kept: Vec<Interval> = Vec::new();
        for interval in intervals {
            if !kept.iter().any(|other| other.overlaps(interval, 0)) {
                kept.push(interval);
            }
        }
        kept.sort_unstable();
        kept
    })
}

/// Rules with dates within some days of the window, given as days from its start.
fn rules() -> impl Strategy<Value = Vec<(i8, Interval, Option<i32>, Option<i32>)>> {
    let bound = || prop::option::weighted(0.3, -3..6_i32);
    prop::collection::vec((1..=7_i8, intervals(4), bound(), bound()), 0..14).prop_map(|days| {
        let flat = days.into_iter().flat_map(|(day, intervals, first, last)| {
            let rule = move |interval| (day, interval, first, last);
            intervals.into_iter().map(rule).collect::<Vec<_>>()
        });
        flat.collect()
    })
}

fn kept(drafts: Vec<(i8, Interval, Option<i32>, Option<i32>)>, today: Date) -> Vec<WeeklyRule> {
    let mut kept: Vec<WeeklyRule> = Vec::new();
    for (day, interval, first, last) in drafts {
        let date = |days: i32| today.saturating_add(jiff::Span::new().days(days));
        let rule = WeeklyRule {
            weekday: Weekday::from_monday_one_offset(day).unwrap(),
            interval,
            first_date: first.map(date),
            last_date: last.map(date),
        };
        if !kept.iter().any(|other| other.overlaps(&rule)) {
            kept.push(rule);
        }
    }
    kept
}

fn case(names: Vec<String>) -> impl Strategy<Value = Case> {
    let fives = |most| prop::collection::vec((-100..1_300_i64, 1..30_i64), 0..most);
    let overrides = prop::collection::btree_map(-2..6_i32, intervals(4), 0..4);
    let when = (0..4 * 365 * 86_400_i64, any::<bool>());
    let lists = (fives(12), fives(4), fives(6), fives(4));
    let moving = prop::option::of(0..1_300_i64);
    (
        prop::sample::select(names),
        rules(),
        overrides,
        policy(),
        lists,
        when,
        moving,
        0..3_usize,
    )
        .prop_map(
            |(zone, rules, overrides, policies, lists, when, moving, length)| {
                let now = instant(&zone, when.0, when.1);
                let zone = zones::zone(&zone).unwrap();
                let today = zone.to_datetime(now).date();
                let (lessons, seats, student, off) = lists;
                let overrides = overrides.into_iter().map(|(days, intervals)| DateOverride {
                    date: today.saturating_add(jiff::Span::new().days(days)),
                    intervals,
                });
                let lesson = |during: Stretch| Bookable {
                    during,
                    blocked: during.widened(policies.buffer_before, policies.buffer_after),
                };
                Case {
                    hours: Hours {
                        zone,
                        rules: kept(rules, today),
                        overrides: overrides.collect(),
                        time_off: stretches(&off, now),
                    },
                    taken: Taken {
                        lessons: stretches(&lessons, now).into_iter().map(lesson).collect(),
                        moving: moving.map(|fives| now + minutes(fives)),
                        teacher_seats: stretches(&seats, now),
                        student: stretches(&student, now),
                    },
                    duration: policies.lesson_durations[length % policies.lesson_durations.len()],
                    policies,
                    now,
                }
            },
        )
}

/// The rule once more, said as slowly and plainly as it can be, for zones whose clocks
/// do not change.
fn plainly_bookable(case: &Case, start: Timestamp) -> bool {
    let (policies, hours, taken) = (&case.policies, &case.hours, &case.taken);
    let local = |instant: Timestamp| hours.zone.to_datetime(instant);
    let during = Stretch {
        start,
        end: start + case.duration,
    };
    let ahead = start.duration_since(case.now);
    let in_time = policies.min_notice <= ahead && ahead <= policies.booking_horizon;
    // The interval of its date or of the day before that a moment lies in, earliest
    // first, as minutes of the wall clock since its start.
    let since_start = |moment: Timestamp| {
        let wall = local(moment);
        let minute = i16::from(wall.hour()) * 60 + i16::from(wall.minute());
        [
            (wall.date().yesterday().unwrap(), minute + END_OF_DAY),
            (wall.date(), minute),
        ]
        .into_iter()
        .find_map(|(date, minute)| {
            let other = hours.overrides.iter().find(|other| other.date == date);
            let rules = hours.rules.iter().filter(|rule| rule.begins_on(date));
            let mut all: Vec<_> = match other {
                Some(other) => other.intervals.clone(),
                None => rules.map(|rule| rule.interval).collect(),
            };
            all.retain(|one| one.start_minute <= minute && minute < one.end_minute);
            all.first().map(|one| i64::from(minute - one.start_minute))
        })
    };
    let mut moments = std::iter::successors(Some(start), |moment| Some(*moment + FIVE))
        .take_while(|moment| *moment < during.end);
    let open = moments.all(|moment| {
        let five = Stretch {
            start: moment,
            end: moment + FIVE,
        };
        since_start(moment).is_some() && !hours.time_off.iter().any(|off| off.overlaps(&five))
    });
    let step = policies.slot_step.as_mins();
    let on_grid = since_start(start).is_some_and(|minutes| minutes % step == 0);
    let same_day = |other: &Timestamp| local(*other).date() == local(start).date();
    let starts = taken.lessons.iter().map(|lesson| lesson.during.start);
    let count = i16::try_from(starts.filter(same_day).count()).unwrap();
    let stays = taken.moving.as_ref().is_some_and(same_day);
    let room = stays
        || policies
            .daily_lesson_limit
            .is_none_or(|limit| count < limit);
    let blocked = during.widened(policies.buffer_before, policies.buffer_after);
    let free = !taken
        .lessons
        .iter()
        .any(|lesson| lesson.blocked.overlaps(&blocked))
        && !taken
            .teacher_seats
            .iter()
            .any(|seat| seat.overlaps(&blocked))
        && !taken.student.iter().any(|other| other.overlaps(&during));
    in_time && open && on_grid && room && free
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each start is asked about on its own, with nothing read but what is around it.
    #[test]
    fn offered_is_bookable_in_every_zone(case in case(zones::names())) {
        let offered = case.offered();
        prop_assert!(offered.is_sorted_by(|one, next| one < next));
        let bookable = |start: &Timestamp| {
            let end = *start + case.duration;
            let calendar = case.calendar(Stretch { start: *start, end });
            let decided = calendar.offer(case.now).bookable(*start, case.duration);
            decided.is_ok_and(|lesson| lesson.during == Stretch { start: *start, end })
        };
        let bookable: Vec<_> = case.starts().filter(bookable).collect();
        prop_assert_eq!(offered, bookable);
    }

    #[test]
    fn offered_is_what_the_rule_says_in_plain_words(
        case in case(["UTC", "Asia/Kathmandu", "America/Phoenix"].map(str::to_owned).to_vec())
    ) {
        let plainly: Vec<_> = case.starts().filter(|start| plainly_bookable(&case, *start)).collect();
        prop_assert_eq!(case.offered(), plainly);
    }

    /// Scenario 1: what is offered is a local time of the teacher's hours, except in the
    /// second pass of a doubled time that an interval begins or ends within.
    #[test]
    fn offered_local_times_lie_within_the_hours(case in case(zones::names())) {
        let (hours, zone) = (&case.hours, &case.hours.zone);
        for start in case.offered() {
            let local = start.to_zoned(zone.clone());
            let minute = i16::from(local.hour()) * 60 + i16::from(local.minute());
            let date = local.date();
            let days = [(date, minute), (date.yesterday().unwrap(), minute + END_OF_DAY)];
            let within = days.iter().any(|(date, minute)| {
                let holds = |one: &Interval| one.start_minute <= *minute && *minute < one.end_minute;
                match hours.overrides.iter().find(|other| other.date == *date) {
                    Some(other) => other.intervals.iter().any(holds),
                    None => hours.rules.iter().any(|rule| rule.begins_on(*date) && holds(&rule.interval)),
                }
            });
            let second_pass = zone
                .to_ambiguous_timestamp(local.datetime())
                .compatible()
                .is_ok_and(|first| first < start);
            prop_assert!(within || second_pass, "{} is in no hours", local);
        }
    }
}
