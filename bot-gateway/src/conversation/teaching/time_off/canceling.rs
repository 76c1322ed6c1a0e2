//! Cancelling all lessons in time off: shown first, then one by one from the version that
//! was shown.

use jiff::Timestamp;
use olm_proto::lesson::v1::{CancelLessonRequest, DeclineLessonRequest, LessonStatus};
use service_kit::grpc::client::acting;
use texts::{TeachingLabel, TeachingNote, TimeOffScreen};
use tonic::Status;
use uuid::Uuid;

use super::{
    super::{
        super::{Conversation, Fault, Reader, keyboard},
        add_days,
        agenda::{self, SHOWN},
        date_in,
        lesson::Taught,
        press,
    },
    Stretch,
};
use crate::{
    buttons::{Teaching, fingerprint},
    replies::Reply,
};

impl Conversation {
    /// The lessons that have not begun and stand in a stretch; as many as one message shows.
    pub(super) async fn lessons_in(
        &self,
        reader: &Reader,
        stretch: Stretch,
    ) -> Result<Vec<Taught>, Fault> {
        let first = date_in(&reader.zone, stretch.from);
        let last = date_in(&reader.zone, stretch.until);
        let mut lessons = self
            .lessons_between(reader, first, add_days(last, 1))
            .await?;
        let now = self.now();
        lessons.retain(|lesson| {
            lesson.start > now
                && lesson.start < stretch.until
                && lesson.end > stretch.from
                && lesson.status != LessonStatus::Held
        });
        lessons.truncate(SHOWN);
        Ok(lessons)
    }

    /// Shows the lessons in time off, and asks whether to cancel them all.
    pub(in super::super) async fn ask_cancel_all(
        &self,
        reader: &Reader,
        id: Uuid,
    ) -> Result<Reply, Fault> {
        let Some(lessons) = self.lessons_of(reader, id).await? else {
            return self.time_off(reader, Some(TeachingNote::NoTimeOff)).await;
        };
        Ok(self.asked(reader, id, &lessons, None))
    }

    /// Cancels them all, if they are those that were shown.
    pub(in super::super) async fn cancel_all(
        &self,
        reader: &Reader,
        id: Uuid,
        shown: u32,
    ) -> Result<Reply, Fault> {
        let Some(lessons) = self.lessons_of(reader, id).await? else {
            return self.time_off(reader, Some(TeachingNote::NoTimeOff)).await;
        };
        if fingerprint(lessons.iter().map(|lesson| lesson.drawn)) != shown {
            let note = Some(TeachingNote::CalendarChanged);
            return Ok(self.asked(reader, id, &lessons, note));
        }
        let all = lessons.len();
        let mut left = Vec::new();
        for lesson in lessons {
            if let Err(status) = self.call_off(reader, &lesson).await {
                tracing::info!(code = ?status.code(), "a lesson in time off was not cancelled");
                left.push(lesson);
            }
        }
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let done = TimeOffScreen::CancelDone {
            count: count(all - left.len()),
        };
        let mut lines = vec![done.html(reader.language)];
        if !left.is_empty() {
            let failed = TimeOffScreen::CancelFailed {
                count: count(left.len()),
            };
            lines.extend([String::new(), failed.html(reader.language)]);
            lines.extend(self::lines(reader, &left, self.now()));
        }
        let mut rows =
            agenda::lesson_rows(reader, &left, |lesson| reader.moment_short(lesson.start));
        rows.push(vec![press(reader, TeachingLabel::Back, Teaching::TimeOff)]);
        Ok(Reply::new(lines.join("\n"), keyboard(&rows)))
    }

    /// `None` when there is no such time off.
    async fn lessons_of(&self, reader: &Reader, id: Uuid) -> Result<Option<Vec<Taught>>, Fault> {
        let calendar = self.calendar(reader).await?;
        let stretch = calendar.stretches.into_iter().find(|off| off.id == id);
        match stretch {
            Some(stretch) => self.lessons_in(reader, stretch).await.map(Some),
            None => Ok(None),
        }
    }

    fn asked(
        &self,
        reader: &Reader,
        id: Uuid,
        lessons: &[Taught],
        note: Option<TeachingNote>,
    ) -> Reply {
        let note = note.filter(|_| !lessons.is_empty());
        let language = reader.language;
        let mut lines: Vec<_> = note.map(|note| note.html(language)).into_iter().collect();
        let mut rows = Vec::new();
        if lessons.is_empty() {
            lines.push(TeachingNote::NoLessonsInIt.html(language));
        } else {
            let count = i64::try_from(lessons.len()).unwrap_or(i64::MAX);
            lines.push(TimeOffScreen::CancelAsk { count }.html(language));
            let shown = fingerprint(lessons.iter().map(|lesson| lesson.drawn));
            let yes = Teaching::OffCancel { id, shown };
            rows.push(vec![press(reader, TeachingLabel::CancelAllYes, yes)]);
        }
        lines.extend(self::lines(reader, lessons, self.now()));
        rows.push(vec![press(reader, TeachingLabel::Back, Teaching::TimeOff)]);
        Reply::new(lines.join("\n"), keyboard(&rows))
    }

    /// Cancels a lesson or declines a request, from the version that was listed.
    async fn call_off(&self, reader: &Reader, taught: &Taught) -> Result<(), Status> {
        let mut client = self.lessons.clone();
        let (lesson_id, expected_version) = (taught.drawn.id.to_string(), taught.drawn.version);
        if taught.status == LessonStatus::Requested {
            let decline = DeclineLessonRequest {
                lesson_id,
                expected_version,
                reason: String::new(),
            };
            client.decline_lesson(acting(decline, reader.id)).await?;
        } else {
            let cancel = CancelLessonRequest {
                lesson_id,
                expected_version,
                reason: String::new(),
            };
            client.cancel_lesson(acting(cancel, reader.id)).await?;
        }
        Ok(())
    }
}

/// Lessons as lines, each with its day.
pub(super) fn lines(reader: &Reader, lessons: &[Taught], now: Timestamp) -> Vec<String> {
    let line = |lesson: &Taught| {
        let day = texts::day_short(date_in(&reader.zone, lesson.start), reader.language);
        format!("• {day}, {}", agenda::line(reader, lesson, now))
    };
    lessons.iter().map(line).collect()
}
