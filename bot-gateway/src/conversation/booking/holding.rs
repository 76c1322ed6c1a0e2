//! Booking a time: it is kept while the student decides, and becomes the lesson with one
//! more tap.

use jiff::{SignedDuration, Timestamp};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{BookLessonRequest, CancelLessonRequest, HoldSlotRequest, Lesson},
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{BookingLabel, BookingScreen, Screen};
use uuid::Uuid;

use super::{
    super::{Answer, Conversation, Fault, Reader, keyboard, redraw},
    date_in,
    line::{Line, Standing},
    lines, minutes, press,
    refusals::{not_offered, refused},
    tutor::Tutor,
};
use crate::{
    buttons::{Booking, Purpose},
    replies::Reply,
};

impl Conversation {
    /// Keeps a time for the reader, and asks whether to book it. What they kept before is let
    /// go by the service.
    pub(super) async fn hold(
        &self,
        reader: &Reader,
        hold_id: Uuid,
        (teacher, length): (Uuid, u16),
        start: Timestamp,
    ) -> Result<Answer, Fault> {
        let wanted = HoldSlotRequest {
            request_id: hold_id.to_string(),
            teacher_id: teacher.to_string(),
            start_time: Some(olm_proto::timestamp(start)),
            lesson_duration: span(length),
        };
        let mut client = self.lessons.clone();
        let answer = client.hold_slot(acting(wanted, reader.id));
        let (answer, tutor) = tokio::join!(answer, self.tutor(reader, teacher));
        let lesson = match answer {
            Ok(answer) => answer.into_inner().lesson.ok_or(Fault::Unexpected)?,
            Err(status) => {
                let of = Purpose::Book {
                    teacher,
                    minutes: length,
                };
                return refused(reader, of, start, &status).ok_or_else(|| status.into());
            }
        };
        let Some(tutor) = tutor? else {
            return Ok(Answer::Here(not_offered(reader)));
        };
        let asked = self.book_ask(reader, &tutor, &lesson);
        asked.map(Answer::Here).ok_or(Fault::Unexpected)
    }

    /// Everything one should know before booking; `None` when the lesson lacks what every
    /// lesson has.
    pub(super) fn book_ask(&self, reader: &Reader, tutor: &Tutor, held: &Lesson) -> Option<Reply> {
        let now = self.now();
        let line = Line::new(reader, held)?;
        let (start, end) = (line.start, line.end);
        let length = end.duration_since(start);
        let kept = held.expire_time.as_ref().and_then(olm_proto::instant)?;
        let kept = kept.duration_since(now).as_secs().max(0);
        let ask = BookingScreen::BookAsk {
            name: &line.name,
            when: &line.when,
            minutes: length.as_mins(),
        };
        let kept = BookingScreen::Kept {
            minutes: (kept + 59) / 60,
        };
        let (approves, label) = if tutor.approves {
            let approves = BookingScreen::Approves.html(reader.language);
            (approves, BookingLabel::Request)
        } else {
            (String::new(), BookingLabel::Book)
        };
        let html = lines([
            ask.html(reader.language),
            tutor.elsewhere(reader, start, end),
            tutor.cancelling(reader, start, now),
            approves,
            kept.html(reader.language),
        ]);
        let book = Booking::Book {
            hold: line.id,
            teacher: tutor.id,
            start,
            minutes: minutes(length),
        };
        let release = Booking::Release {
            hold: line.id,
            version: line.version,
        };
        let rows = [
            vec![press(reader, label, book)],
            vec![press(reader, BookingLabel::AnotherTime, release)],
        ];
        Some(Reply::new(html, keyboard(&rows)))
    }

    /// Books the time that is kept; one that ran out meanwhile is booked without.
    pub(super) async fn book(
        &self,
        reader: &Reader,
        request_id: Uuid,
        hold: Uuid,
        (teacher, length): (Uuid, u16),
        start: Timestamp,
    ) -> Result<Answer, Fault> {
        let book = BookLessonRequest {
            request_id: request_id.to_string(),
            teacher_id: teacher.to_string(),
            start_time: Some(olm_proto::timestamp(start)),
            lesson_duration: span(length),
            held_lesson_id: hold.to_string(),
            ..BookLessonRequest::default()
        };
        let anew = BookLessonRequest {
            // Another request: the first may have been answered.
            request_id: Uuid::new_v5(&request_id, b"anew").to_string(),
            held_lesson_id: String::new(),
            ..book.clone()
        };
        let mut client = self.lessons.clone();
        let mut booked = client.book_lesson(acting(book, reader.id)).await;
        if let Err(status) = &booked
            && is_let_go(reason(status))
        {
            booked = client.book_lesson(acting(anew, reader.id)).await;
        }
        let lesson = match booked {
            Ok(booked) => booked.into_inner().lesson.ok_or(Fault::Unexpected)?,
            Err(status) => {
                let of = Purpose::Book {
                    teacher,
                    minutes: length,
                };
                return refused(reader, of, start, &status).ok_or_else(|| status.into());
            }
        };
        let line = Line::new(reader, &lesson).ok_or(Fault::Unexpected)?;
        let (name, when) = (line.name.as_str(), line.when.as_str());
        let screen = match line.standing {
            // A repeat of a booking that ended since.
            Standing::Off(screen) => return Ok(redraw(reader, screen)),
            Standing::Requested => BookingScreen::Requested { name, when },
            Standing::Ahead | Standing::Held => BookingScreen::Booked { name, when },
        };
        let lessons = Booking::Lessons { page: 0 };
        let rows = [
            line.buttons(reader),
            vec![press(reader, BookingLabel::Lessons, lessons)],
        ];
        let html = screen.html(reader.language);
        Ok(Answer::Here(Reply::new(html, keyboard(&rows))))
    }

    /// Lets go what is kept, and shows its day again.
    pub(super) async fn release(
        &self,
        reader: &Reader,
        hold: Uuid,
        version: i64,
    ) -> Result<Answer, Fault> {
        let cancel = CancelLessonRequest {
            lesson_id: hold.to_string(),
            expected_version: version,
            reason: String::new(),
        };
        let mut client = self.lessons.clone();
        let kept = match client.cancel_lesson(acting(cancel, reader.id)).await {
            Ok(canceled) => canceled.into_inner().lesson,
            Err(status) if is_let_go(reason(&status)) => self.lesson(reader, hold).await?,
            Err(status) => return Err(status.into()),
        };
        let Some(kept) = kept else {
            return Ok(redraw(reader, Screen::NoLesson));
        };
        let kept = Line::new(reader, &kept).ok_or(Fault::Unexpected)?;
        let of = Purpose::Book {
            teacher: kept.teacher,
            minutes: minutes(kept.end.duration_since(kept.start)),
        };
        let date = date_in(&reader.zone, kept.start);
        self.day(reader, of, date, 0).await
    }
}

/// Whether a hold is none any more, so that its time has to be booked without it.
fn is_let_go(refused: Option<ErrorReason>) -> bool {
    matches!(
        refused,
        Some(
            ErrorReason::LessonLapsed
                | ErrorReason::LessonCanceled
                | ErrorReason::LessonNotFound
                | ErrorReason::LessonStatusUnsuitable
                | ErrorReason::LessonStarted
                | ErrorReason::VersionStale
        )
    )
}

fn span(minutes: u16) -> Option<prost_types::Duration> {
    let length = SignedDuration::from_mins(minutes.into());
    (minutes > 0).then(|| olm_proto::duration(length))
}
