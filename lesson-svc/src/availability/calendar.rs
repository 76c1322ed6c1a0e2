//! Everything that decides about one teacher's free time, for listing slots and for
//! booking alike: read from the database in one go, or made of plain data.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use sqlx::PgConnection;

use super::{
    Hours,
    days::{LONGEST_DAY, LessonDays},
    open::{OpenTime, dates_around},
    slots::{Bookable, Offer, Stretch},
    store,
    stretches::Stretches,
};
use crate::{
    errors::Error,
    ids::{LessonId, UserId},
    teachers::{Policies, Teacher},
    zones,
};

pub use super::stretches::saturating;

/// A teacher's time around a window.
#[derive(Debug)]
pub struct Calendar {
    policies: Policies,
    open: OpenTime,
    days: LessonDays,
    teacher_busy: Stretches,
    student_busy: Stretches,
    /// The zone of availability, IANA name.
    pub time_zone: String,
}

/// The time that lessons take of a teacher and a student around a window, in any order;
/// the lesson that is being moved is in none of the lists.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// The teacher's lessons. With a daily limit: those of all the days that the window
    /// touches.
    pub lessons: Vec<Bookable>,
    /// Where the lesson that is being moved begins.
    pub moving: Option<Timestamp>,
    /// The time the teacher is in lessons of others.
    pub teacher_seats: Vec<Stretch>,
    /// The time the student is in lessons, in either role.
    pub student: Vec<Stretch>,
}

/// For whom a place is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seeker<'a> {
    /// The student; `None`: anybody.
    pub student: Option<UserId>,
    /// Whether the times that the student holds make way, as they do when students place
    /// lessons themselves.
    pub holds_make_way: bool,
    /// The lessons that are being moved: as if they were not there.
    pub except: &'a [LessonId],
}

impl Calendar {
    /// What decides about starts within `window`, made of plain data.
    #[must_use]
    pub fn new(policies: Policies, hours: &Hours, window: Stretch, taken: &Taken) -> Self {
        let lessons = taken.lessons.iter();
        let days = match policies.daily_lesson_limit {
            Some(_) => {
                let starts = lessons.clone().map(|lesson| lesson.during.start);
                LessonDays::new(&hours.zone, window, starts, taken.moving)
            }
            None => LessonDays::default(),
        };
        let seats = taken.teacher_seats.iter().copied();
        Self {
            policies,
            open: OpenTime::around(hours, window),
            days,
            teacher_busy: lessons.map(|lesson| lesson.blocked).chain(seats).collect(),
            student_busy: taken.student.iter().copied().collect(),
            time_zone: hours.zone.iana_name().unwrap_or_default().to_owned(),
        }
    }

    /// Reads what decides about starts within `window` at `now`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn read(
        conn: &mut PgConnection,
        teacher: &Teacher,
        seeker: Seeker<'_>,
        window: Stretch,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let Seeker {
            student, except, ..
        } = seeker;
        let policies = teacher.policies.clone();
        let hours = read_hours(&mut *conn, teacher, window).await?;
        // A busy search must not be empty when the window is one instant.
        let after =
            policies.longest_duration() + policies.buffer_after + SignedDuration::from_secs(1);
        let touched = window.widened(policies.buffer_before, after);
        let asked = store::busy::Asked {
            within: touched,
            except,
            without_holds_of: student.filter(|_| seeker.holds_make_way),
            now,
        };
        let counted = store::busy::Asked {
            within: match policies.daily_lesson_limit {
                Some(_) => touched.widened(LONGEST_DAY, LONGEST_DAY),
                None => touched,
            },
            ..asked
        };
        let lessons = store::busy::list_lessons(&mut *conn, teacher.id, counted).await?;
        let taken = Taken {
            lessons: lessons.staying,
            moving: lessons.moving,
            teacher_seats: store::busy::list_seats(&mut *conn, teacher.id, asked).await?,
            student: match student.filter(|student| *student != teacher.id) {
                Some(student) => store::busy::list_both_roles(conn, student, asked).await?,
                None => Vec::new(),
            },
        };
        Ok(Self::new(policies, &hours, window, &taken))
    }

    /// The rule, at `now`.
    #[must_use]
    pub fn offer(&self, now: Timestamp) -> Offer<'_> {
        Offer {
            policies: &self.policies,
            open: &self.open,
            days: &self.days,
            teacher_busy: &self.teacher_busy,
            student_busy: &self.student_busy,
            now,
        }
    }
}

/// The hours that decide about starts within `window`; of a teacher who never set any,
/// none, in the teacher's own zone.
///
/// # Errors
///
/// When the database fails.
pub async fn read_hours(
    conn: &mut PgConnection,
    teacher: &Teacher,
    window: Stretch,
) -> Result<Hours, Error> {
    let Some(stored) = store::find(&mut *conn, teacher.id).await? else {
        return Ok(Hours::none(zone(&teacher.time_zone, "users.time_zone")?));
    };
    let zone = zone(&stored.time_zone, "availabilities.time_zone")?;
    let (first, last) = dates_around(&zone, window);
    let overrides = store::list_overrides(&mut *conn, teacher.id, first, Some(last)).await?;
    // As far as a lesson reaches that begins in the window.
    let reach = window.widened(SignedDuration::ZERO, LONGEST_DAY);
    let time_off = store::list_time_off(conn, teacher.id, reach.start, Some(reach.end)).await?;
    Ok(Hours {
        zone,
        rules: stored.rules,
        overrides,
        time_off: time_off.into_iter().map(|off| off.during).collect(),
    })
}

fn zone(name: &str, column: &'static str) -> Result<TimeZone, Error> {
    zones::zone(name).ok_or(Error::Corrupt(column))
}
