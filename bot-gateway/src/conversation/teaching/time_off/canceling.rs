//! Cancelling all lessons in time off: shown first, then one by one from the version that
//! was shown.

use jiff::Timestamp;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{CancelLessonRequest, DeclineLessonRequest, LessonStatus},
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{TeachingLabel, TeachingNote, TimeOffScreen};
use tonic::Status;
use uuid::Uuid;

use super::{
    super::{
        super::{Conversation, Fault, Reader, keyboard},
        add_days,
        agenda::{self, SHOWN},
        date_in, fit,
        lesson::Taught,
        press,
    },
    Stretch,
};
use crate::{
    buttons::{Teaching, fingerprint},
    replies::Reply,
};

/// What became of the lessons that were shown.
#[derive(Debug, Default)]
struct Called {
    off: usize,
    /// Not as they were shown any more, so they stand.
    changed: Vec<Taught>,
    /// No answer came for it.
    unknown: Option<Taught>,
    /// Not tried.
    left: usize,
}

impl Conversation {
    /// The lessons that have not begun and stand in a stretch.
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

    /// Cancels those that were shown, if they are still as they were, and offers the rest.
    pub(in super::super) async fn cancel_all(
        &self,
        reader: &Reader,
        id: Uuid,
        shown: u32,
    ) -> Result<Reply, Fault> {
        let Some(lessons) = self.lessons_of(reader, id).await? else {
            return self.time_off(reader, Some(TeachingNote::NoTimeOff)).await;
        };
        if seen(&lessons) != shown {
            let note = Some(TeachingNote::CalendarChanged);
            return Ok(self.asked(reader, id, &lessons, note));
        }
        let called = self.call_off_each(reader, lessons).await?;
        Ok(self.called_off(reader, id, called))
    }

    /// As many as one message shows, one by one; to the first that is not answered.
    async fn call_off_each(&self, reader: &Reader, lessons: Vec<Taught>) -> Result<Called, Fault> {
        let mut called = Called::default();
        let mut lessons = lessons.into_iter();
        for lesson in lessons.by_ref().take(SHOWN) {
            let Err(status) = self.call_off(reader, &lesson).await else {
                called.off += 1;
                continue;
            };
            tracing::info!(code = ?status.code(), "a lesson in time off was not cancelled");
            if is_refusal(&status) {
                called.changed.push(lesson);
            } else if called.off == 0 && called.changed.is_empty() {
                // There is nothing else to be told.
                return Err(status.into());
            } else {
                called.unknown = Some(lesson);
                break;
            }
        }
        called.left = lessons.len();
        Ok(called)
    }

    /// What was cancelled and what was not.
    fn called_off(&self, reader: &Reader, id: Uuid, called: Called) -> Reply {
        let (language, now) = (reader.language, self.now());
        let mut lines = Vec::new();
        if called.off > 0 {
            let count = count(called.off);
            lines.push(TimeOffScreen::CancelDone { count }.html(language));
        }
        if !called.changed.is_empty() {
            let count = count(called.changed.len());
            lines.push(TimeOffScreen::CancelFailed { count }.html(language));
            lines.extend(self::lines(reader, &called.changed, now));
        }
        if let Some(unknown) = &called.unknown {
            lines.push(TeachingNote::CancelUnknown.html(language));
            lines.extend(self::lines(reader, std::slice::from_ref(unknown), now));
        }
        if called.left > 0 {
            let count = count(called.left);
            lines.push(TimeOffScreen::CancelLeft { count }.html(language));
        }
        let mut standing = called.changed;
        standing.extend(called.unknown);
        let mut rows = agenda::lesson_rows(reader, &standing, |lesson| {
            reader.moment_short(lesson.start)
        });
        let standing = count(standing.len() + called.left);
        if called.left > 0 {
            let label = TeachingLabel::CancelAll { count: standing };
            rows.push(vec![press(reader, label, Teaching::OffAskCancel(id))]);
        }
        rows.push(vec![press(reader, TeachingLabel::Back, Teaching::TimeOff)]);
        Reply::new(fit(lines), keyboard(&rows))
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
            let count = count(lessons.len().min(SHOWN));
            lines.push(TimeOffScreen::CancelAsk { count }.html(language));
            let shown = seen(lessons);
            let yes = Teaching::OffCancel { id, shown };
            rows.push(vec![press(reader, TeachingLabel::CancelAllYes, yes)]);
        }
        lines.extend(self::lines(reader, lessons, self.now()));
        rows.push(vec![press(reader, TeachingLabel::Back, Teaching::TimeOff)]);
        Reply::new(fit(lines), keyboard(&rows))
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

/// Whether the lesson is not as it was shown any more; else nobody answered.
fn is_refusal(status: &Status) -> bool {
    matches!(
        reason(status),
        Some(
            ErrorReason::VersionStale
                | ErrorReason::LessonCanceled
                | ErrorReason::LessonLapsed
                | ErrorReason::LessonStatusUnsuitable
                | ErrorReason::LessonStarted
                | ErrorReason::LessonNotFound
                | ErrorReason::TeacherOnly
        )
    )
}

/// Tells what a message shows of the lessons apart from what another does.
fn seen(lessons: &[Taught]) -> u32 {
    fingerprint(lessons.iter().take(SHOWN).map(|lesson| lesson.drawn))
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Lessons as lines, each with its day; as many as one message shows.
pub(super) fn lines(reader: &Reader, lessons: &[Taught], now: Timestamp) -> Vec<String> {
    let line = |lesson: &Taught| {
        let day = texts::day_short(date_in(&reader.zone, lesson.start), reader.language);
        format!("• {day}, {}", agenda::line(reader, lesson, now))
    };
    let mut lines: Vec<_> = lessons.iter().take(SHOWN).map(line).collect();
    if lessons.len() > SHOWN {
        let count = count(lessons.len() - SHOWN);
        lines.push(TimeOffScreen::More { count }.html(reader.language));
    }
    lines
}
