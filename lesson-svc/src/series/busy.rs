//! Reading all that stands against occurrences.

use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;

use super::{Learner, deciding::Busy, pattern::Occurrence};
use crate::{
    availability::{
        calendar::read_hours,
        open::OpenTime,
        slots::Stretch,
        store::busy::{self, Asked},
    },
    errors::Error,
    ids::LessonId,
    lessons::gathering::Gathering,
    teachers::Teacher,
};

/// The time of occurrences, from the first to the last; `None` when there are none.
#[must_use]
pub fn span(occurrences: &[Occurrence]) -> Option<Stretch> {
    let starts = occurrences.iter().map(|occurrence| occurrence.during.start);
    let ends = occurrences.iter().map(|occurrence| occurrence.during.end);
    Some(Stretch {
        start: starts.min()?,
        end: ends.max()?,
    })
}

impl Busy {
    /// Reads what stands against lessons within `within`; `except` are being moved.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn read(
        conn: &mut PgConnection,
        teacher: &Teacher,
        learner: &Learner,
        within: Stretch,
        except: &[LessonId],
        now: Timestamp,
    ) -> Result<Self, Error> {
        // A search of the calendar must not be empty.
        let within = within.widened(SignedDuration::ZERO, SignedDuration::from_secs(1));
        let asked = Asked {
            within,
            except,
            without_holds_of: None,
            now,
        };
        let hours = read_hours(&mut *conn, teacher, within).await?;
        let overrides = hours.overrides.iter();
        let days_off = overrides.filter(|other| other.intervals.is_empty());
        let days_off = days_off.map(|other| other.date).collect();
        let lessons = busy::list_taught(&mut *conn, teacher.id, asked).await?;
        let teacher_seats = busy::list_seats(&mut *conn, teacher.id, asked).await?;
        let student = match learner.student() {
            Some(student) => busy::list_both_roles(&mut *conn, student, asked).await?,
            None => Vec::new(),
        };
        let group = match learner.group() {
            Some(group) => Some(Gathering::read(conn, group, within, except, now).await?),
            None => None,
        };
        Ok(Self {
            lessons,
            teacher_seats: teacher_seats.into_iter().collect(),
            student: student.into_iter().collect(),
            off: hours.time_off.iter().copied().collect(),
            days_off,
            open: OpenTime::around(&hours, within),
            hours_zone: hours.zone,
            group,
        })
    }
}
