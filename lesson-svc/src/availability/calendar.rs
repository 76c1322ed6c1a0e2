//! Everything that decides about one teacher's free time, read from the database in
//! one go, for listing slots and for booking alike.

use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;

use super::{
    WeeklyHours,
    slots::{Offer, OpenTime, Stretch, open_intervals},
    store,
};
use crate::{
    errors::Error,
    ids::{LessonId, UserId},
    teachers::{Policies, Teacher},
    zones,
};

/// A teacher's time around a window.
#[derive(Debug)]
pub struct Calendar {
    policies: Policies,
    open: OpenTime,
    teacher_busy: Vec<Stretch>,
    student_busy: Vec<Stretch>,
    /// The zone of availability, IANA name.
    pub time_zone: String,
}

impl Calendar {
    /// Reads what decides about starts within `window` at `now`, as if the lesson
    /// `except` were not there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn read(
        conn: &mut PgConnection,
        teacher: &Teacher,
        student: Option<UserId>,
        window: Stretch,
        except: Option<LessonId>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let policies = teacher.policies.clone();
        let Some(stored) = store::find(&mut *conn, teacher.id).await? else {
            return Ok(Self {
                policies,
                open: OpenTime::default(),
                teacher_busy: Vec::new(),
                student_busy: Vec::new(),
                time_zone: teacher.time_zone.clone(),
            });
        };
        let zone =
            zones::zone(&stored.time_zone).ok_or(Error::Corrupt("availabilities.time_zone"))?;
        let hours = WeeklyHours {
            zone,
            rules: stored.rules,
        };
        let reach = policies.longest_duration() + policies.buffer_after;
        let touched = Stretch {
            start: saturating(window.start, -policies.buffer_before),
            // A busy search must not be empty when the window is one instant.
            end: saturating(window.end, reach + SignedDuration::from_secs(1)),
        };
        let student_busy = match student {
            Some(student) => {
                store::list_student_busy(&mut *conn, student, touched, except, now).await?
            }
            None => Vec::new(),
        };
        Ok(Self {
            open: open_intervals(&hours, window),
            teacher_busy: store::list_teacher_busy(conn, teacher.id, touched, except, now).await?,
            student_busy,
            policies,
            time_zone: stored.time_zone,
        })
    }

    /// The rule, at `now`.
    #[must_use]
    pub fn offer(&self, now: Timestamp) -> Offer<'_> {
        Offer {
            policies: &self.policies,
            open: &self.open,
            teacher_busy: &self.teacher_busy,
            student_busy: &self.student_busy,
            now,
        }
    }
}

/// `instant + span`, or the end of time.
#[must_use]
pub fn saturating(instant: Timestamp, span: SignedDuration) -> Timestamp {
    instant.saturating_add(span).unwrap_or(instant)
}
