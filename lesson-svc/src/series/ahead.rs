//! What of a series is ahead: its lessons that have not begun, and from which one on a change
//! holds.

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{Decided, Kept, Series, store};
use crate::{
    errors::Error,
    ids::LessonId,
    lessons::{self, Lesson},
};

/// A series' occurrences and its lessons ahead.
#[derive(Debug)]
pub struct Ahead {
    /// What was decided about occurrences, by number; of those that the series has no more,
    /// only the lessons that took place.
    pub kept: Vec<Kept>,
    /// The living lessons that have not begun, with all their seats, by start.
    pub lessons: Vec<Lesson>,
}

impl Ahead {
    /// Reads what is ahead.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn read(
        conn: &mut PgConnection,
        series: &Series,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let ids = store::occurrences::list_ahead(&mut *conn, series.id, now).await?;
        Self::of(conn, series, &ids).await
    }

    /// Like [`Self::read`], with the lessons locked until the transaction ends; after the
    /// series.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn lock(
        conn: &mut PgConnection,
        series: &Series,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let ids = store::occurrences::lock_ahead(&mut *conn, series.id, now).await?;
        Self::of(conn, series, &ids).await
    }

    async fn of(
        conn: &mut PgConnection,
        series: &Series,
        ids: &[uuid::Uuid],
    ) -> Result<Self, Error> {
        let lessons = lessons::store::find_all(&mut *conn, ids).await?;
        let kept = store::occurrences::list(conn, series.id, 0).await?;
        Ok(Self { kept, lessons })
    }

    /// The number of a lesson in the series.
    #[must_use]
    pub fn ordinal(&self, lesson: LessonId) -> Option<i16> {
        let mut kept = self.kept.iter();
        let kept = kept.find(|kept| kept.decided == Decided::Booked(lesson));
        kept.map(|kept| kept.ordinal)
    }

    /// The lesson ahead that an occurrence is.
    #[must_use]
    pub fn lesson(&self, kept: &Kept) -> Option<&Lesson> {
        match kept.decided {
            Decided::Booked(id) => self.lessons.iter().find(|lesson| lesson.id == id),
            Decided::Skipped { .. } => None,
        }
    }

    /// The lessons from an occurrence on, each with its number, by start.
    pub fn from(&self, ordinal: i16) -> impl Iterator<Item = (i16, &Lesson)> {
        let numbered = self
            .lessons
            .iter()
            .filter_map(|lesson| Some((self.ordinal(lesson.id)?, lesson)));
        numbered.filter(move |(number, _)| *number >= ordinal)
    }

    /// The first occurrence that is ahead: a lesson that has not begun, or what was skipped
    /// or is yet to be decided.
    #[must_use]
    pub fn first(&self, series: &Series, now: Timestamp) -> Option<i16> {
        let booked = self.from(0).map(|(ordinal, _)| ordinal).min();
        let skipped = self.kept.iter().filter(|kept| match kept.decided {
            Decided::Skipped { .. } => kept.original_start > now,
            Decided::Booked(_) => false,
        });
        let skipped = skipped.map(|kept| kept.ordinal).min();
        let open = series
            .pattern
            .occurrences(series.next_ordinal, series.occurrence_count)
            .find(|next| next.during.start > now);
        let open = open.map(|open| open.ordinal);
        [booked, skipped, open].into_iter().flatten().min()
    }

    /// The occurrence from which on a change holds: that of a lesson, or the first ahead.
    ///
    /// # Errors
    ///
    /// [`Error::SeriesEnded`] when nothing is ahead, [`Error::LessonNotFound`] of a lesson
    /// that is none of the series, [`Error::LessonStarted`].
    pub async fn start(
        &self,
        conn: &mut PgConnection,
        series: &Series,
        lesson: Option<LessonId>,
        now: Timestamp,
    ) -> Result<i16, Error> {
        let first = self.first(series, now).ok_or(Error::SeriesEnded)?;
        let Some(id) = lesson else {
            return Ok(first);
        };
        let ordinal = self.ordinal(id).ok_or(Error::LessonNotFound)?;
        let lesson = lessons::store::find(conn, None, id).await?;
        let lesson = lesson.ok_or(Error::LessonNotFound)?;
        if lesson.time.during.start <= now {
            return Err(Error::LessonStarted);
        }
        Ok(ordinal)
    }
}
