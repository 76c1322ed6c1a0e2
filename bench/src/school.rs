//! The people who are measured: pairs of a teacher and a student, so that each booking
//! is a new lesson that nothing stands against, and a crowd of students who all want one
//! teacher.

use std::sync::atomic::{AtomicI64, Ordering};

use e2e::{Result, people, stack::Stack};
use jiff::{SignedDuration, Timestamp, Unit, civil::time};
use olm_proto::lesson::v1::TeacherPolicies;
use service_kit::clock::{Clock as _, SystemClock};
use uuid::Uuid;

/// Teachers, and students of theirs, whom bookings are spread over.
pub(crate) const PAIRS: i64 = 200;
/// Students who race for one teacher.
pub(crate) const CROWD: i64 = 200;
/// Everybody: the pairs, the popular teacher, the crowd.
pub(crate) const PEOPLE: i64 = 2 * PAIRS + 1 + CROWD;
/// Teachers work from nine to five on every day, in UTC, and give lessons of an hour.
const FIRST_HOUR: i64 = 9;
const HOURS: i64 = 8;
/// The lessons of one teacher's week.
pub(crate) const WEEK: i64 = 7 * HOURS;
/// Of the listed week every fourth lesson is taken.
const TAKEN_EVERY: i64 = 4;

/// Everybody.
#[derive(Debug)]
pub(crate) struct School {
    pairs: Vec<Pair>,
    /// Students nobody else has.
    pub(crate) crowd: Vec<Uuid>,
    /// The teacher whom the crowd wants.
    pub(crate) popular: Uuid,
    /// The listed week's first midnight, in the future.
    pub(crate) week: Timestamp,
    booked: AtomicI64,
}

/// A teacher, and a student who learns with nobody else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) teacher: Uuid,
    pub(crate) student: Uuid,
}

impl Pair {
    /// Both ids.
    pub(crate) fn ids(&self) -> [String; 2] {
        [self.teacher, self.student].map(|id| id.to_string())
    }
}

/// A lesson that nothing stands against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FreeLesson {
    pub(crate) pair: Pair,
    pub(crate) start: Timestamp,
}

impl School {
    /// Registers everybody, as an operator would, at a bot that is not there.
    pub(crate) async fn open(stack: &Stack) -> Result<Self> {
        Self::open_at(stack, &[people::BOT_ID]).await
    }

    /// The same at these bots, pair by pair; people's Telegram ids are 1 to [`PEOPLE`].
    pub(crate) async fn open_at(stack: &Stack, bots: &[i64]) -> Result<Self> {
        let tomorrow = SystemClock.now() + SignedDuration::from_hours(48);
        let week = tomorrow
            .to_zoned(jiff::tz::TimeZone::UTC)
            .with()
            .time(time(0, 0, 0, 0));
        let mut register = Register {
            stack,
            bots,
            people: 0,
        };
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            pairs.push(Pair {
                teacher: register.teacher().await?,
                student: register.person().await?,
            });
        }
        let popular = register.teacher().await?;
        let mut crowd = Vec::new();
        for _ in 0..CROWD {
            crowd.push(register.person().await?);
        }
        Ok(Self {
            pairs,
            crowd,
            popular,
            week: week.build()?.timestamp().round(Unit::Hour)?,
            booked: AtomicI64::new(0),
        })
    }

    /// Takes a quarter of the listed week of every teacher.
    pub(crate) async fn fill_week(&self, stack: &Stack) -> Result<()> {
        for pair in &self.pairs {
            for hour in (0..WEEK).step_by(usize::try_from(TAKEN_EVERY)?) {
                people::book(stack, pair.student, pair.teacher, self.start(hour)).await?;
            }
        }
        Ok(())
    }

    /// The next lesson to book: another teacher each time, after the listed week.
    pub(crate) fn next_lesson(&self) -> Result<FreeLesson> {
        let number = self.booked.fetch_add(1, Ordering::Relaxed);
        Ok(FreeLesson {
            pair: self.pair(number)?,
            start: self.start(WEEK + number / PAIRS),
        })
    }

    /// A pair for the `number`th call.
    pub(crate) fn pair(&self, number: i64) -> Result<Pair> {
        let index = usize::try_from(number % PAIRS)?;
        Ok(*self.pairs.get(index).ok_or("no pairs")?)
    }

    /// The start of the `number`th lesson from the listed week on.
    pub(crate) fn start(&self, number: i64) -> Timestamp {
        let hours = number / HOURS * 24 + FIRST_HOUR + number % HOURS;
        self.week + SignedDuration::from_hours(hours)
    }

    /// The end of the listed week.
    pub(crate) fn week_end(&self) -> Timestamp {
        self.week + SignedDuration::from_hours(7 * 24)
    }
}

struct Register<'a> {
    stack: &'a Stack,
    bots: &'a [i64],
    people: i64,
}

impl Register<'_> {
    async fn person(&mut self) -> Result<Uuid> {
        let pair = usize::try_from(self.people / 2)?;
        let bot = self.bots.get(pair % self.bots.len()).ok_or("no bot")?;
        self.people += 1;
        people::register_at(self.stack, *bot, self.people).await
    }

    async fn teacher(&mut self) -> Result<Uuid> {
        let teacher = self.person().await?;
        let hours = |hours: i64| olm_proto::duration(SignedDuration::from_hours(hours));
        let policies = TeacherPolicies {
            lesson_durations: vec![hours(1)],
            slot_step: Some(hours(1)),
            booking_horizon: Some(hours(366 * 24)),
            ..TeacherPolicies::default()
        };
        let start = format!("{FIRST_HOUR:02}:00");
        let end = format!("{:02}:00", FIRST_HOUR + HOURS);
        people::teach(self.stack, teacher, policies, &start, &end).await?;
        Ok(teacher)
    }
}
