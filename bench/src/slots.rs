//! `cargo xtask bench slots`: the function that decides what is bookable, in memory.

use std::{hint::black_box, time::Duration};

use e2e::Result;
use jiff::{
    SignedDuration, Timestamp, ToSpan as _,
    civil::{Date, Weekday, date},
    tz::TimeZone,
};
use lesson_svc::{
    availability::{
        DateOverride, Hours, Interval, WeeklyRule,
        calendar::{Calendar, Taken},
        slots::{Bookable, Stretch},
    },
    teachers::Policies,
};
use tokio::time::Instant;

use crate::{measure::percentile, milliseconds};

/// The busy year of the requirement: it lists in under 5 ms.
const OVERRIDES: i32 = 50;
const LESSONS: usize = 2_000;

const WARM_UP: usize = 200;
const RUNS: usize = 2_000;

const MONDAY: Date = date(2026, 1, 5);

/// Lists a busy teacher's year again and again, and prints how long that took.
pub(crate) fn run() -> Result<()> {
    let year = Year::busy()?;
    for _ in 0..WARM_UP {
        black_box(year.list());
    }
    let mut spans = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let begun = Instant::now();
        black_box(black_box(&year).list());
        spans.push(begun.elapsed());
    }
    spans.sort_unstable();
    let figure = |span: Option<Duration>| span.map_or(0.0, milliseconds);
    println!(
        "A year of a busy teacher: {} rules, {} overrides, {} lessons; {} free slots listed",
        year.hours.rules.len(),
        year.hours.overrides.len(),
        year.taken.lessons.len(),
        year.list()
    );
    println!(
        "{RUNS} times: median {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        figure(percentile(&spans, 50)),
        figure(percentile(&spans, 99)),
        figure(spans.last().copied())
    );
    Ok(())
}

/// What decides about a teacher's year.
struct Year {
    policies: Policies,
    hours: Hours,
    window: Stretch,
    taken: Taken,
}

impl Year {
    /// Mornings and afternoons from Monday to Friday in Berlin, every week a date with
    /// other hours or none, and most of the time taken.
    fn busy() -> Result<Self> {
        let zone = TimeZone::get("Europe/Berlin")?;
        let mut year = Self {
            policies: Policies {
                lesson_durations: vec![SignedDuration::from_mins(45)],
                slot_step: SignedDuration::from_mins(15),
                buffer_after: SignedDuration::from_mins(10),
                booking_horizon: SignedDuration::from_hours(366 * 24),
                daily_lesson_limit: Some(10),
                ..Policies::default()
            },
            window: Stretch {
                start: MONDAY.to_zoned(zone.clone())?.timestamp(),
                end: (MONDAY + 1.year()).to_zoned(zone.clone())?.timestamp(),
            },
            hours: Hours {
                rules: rules(),
                overrides: (0..OVERRIDES).map(exception).collect(),
                ..Hours::none(zone)
            },
            taken: Taken::default(),
        };
        year.taken.lessons = year.some_lessons();
        if year.taken.lessons.len() == LESSONS {
            Ok(year)
        } else {
            Err(format!("only {} lessons fit", year.taken.lessons.len()).into())
        }
    }

    fn now(&self) -> Timestamp {
        self.window.start
    }

    /// Bookable lessons that follow each other, the first so many.
    fn some_lessons(&self) -> Vec<Bookable> {
        let calendar = self.calendar();
        let mut lessons: Vec<Bookable> = Vec::new();
        let offer = calendar.offer(self.now());
        for slot in offer.slots(self.window, self.policies.usual_duration()) {
            let follows = lessons
                .last()
                .is_none_or(|last| last.blocked.end <= slot.blocked.start);
            if follows && lessons.len() < LESSONS {
                lessons.push(slot);
            }
        }
        lessons
    }

    fn calendar(&self) -> Calendar {
        Calendar::new(self.policies.clone(), &self.hours, self.window, &self.taken)
    }

    /// From the rules and lessons to every free slot; how many there are.
    fn list(&self) -> usize {
        let calendar = self.calendar();
        let offer = calendar.offer(self.now());
        let slots = offer.slots(self.window, self.policies.usual_duration());
        slots.map(black_box).count()
    }
}

fn rules() -> Vec<WeeklyRule> {
    let days = std::iter::successors(Some(Weekday::Monday), |day| Some(day.next())).take(5);
    let rule = |weekday, interval| WeeklyRule {
        weekday,
        interval,
        first_date: None,
        last_date: None,
    };
    days.flat_map(|day| [rule(day, hours(9, 13)), rule(day, hours(14, 20))])
        .collect()
}

/// In every week on another weekday: by turns a day off and other hours.
fn exception(week: i32) -> DateOverride {
    let intervals = if week % 2 == 0 {
        Vec::new()
    } else {
        vec![hours(8, 12), hours(16, 21)]
    };
    DateOverride {
        date: MONDAY + (week * 7 + week % 5).days(),
        intervals,
    }
}

fn hours(start: i16, end: i16) -> Interval {
    Interval {
        start_minute: start * 60,
        end_minute: end * 60,
    }
}
