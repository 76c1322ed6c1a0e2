//! A student's seat in a group's lesson: whether they come to its new time.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{LeaveLessonRequest, ReconfirmLessonRequest},
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{Label, Screen};
use tonic::Status;
use uuid::Uuid;

use super::{
    super::{Answer, Conversation, Fault, Reader, button, keyboard, redraw, say},
    cancelling::ended,
    line::{Line, Standing},
};
use crate::{buttons::Button, replies::Reply};

/// What is refused for good, and what it shows.
const REFUSALS: [(ErrorReason, Screen<'static>); 7] = [
    (ErrorReason::ReconfirmTooLate, Screen::SeatGone),
    (ErrorReason::BookingNotFound, Screen::NoSeat),
    (ErrorReason::LessonLapsed, Screen::Lapsed),
    (ErrorReason::LessonCanceled, Screen::AlreadyCanceled),
    (ErrorReason::LessonStarted, Screen::AlreadyBegun),
    (ErrorReason::LessonNotFound, Screen::NoLesson),
    (ErrorReason::LessonStatusUnsuitable, Screen::NoSeat),
];

impl Conversation {
    /// The reader comes to the new time, if nothing of theirs is in the way any more.
    pub(in super::super) async fn reconfirm(
        &self,
        reader: &Reader,
        lesson: Uuid,
        version: i64,
    ) -> Result<Answer, Fault> {
        let reconfirm = ReconfirmLessonRequest {
            lesson_id: lesson.to_string(),
            expected_version: version,
        };
        let mut client = self.lessons.clone();
        let line = match client.reconfirm_lesson(acting(reconfirm, reader.id)).await {
            Ok(kept) => {
                let lesson = kept.into_inner().lesson.ok_or(Fault::Unexpected)?;
                Line::new(reader, &lesson).ok_or(Fault::Unexpected)?
            }
            // The question keeps its buttons.
            Err(status) if reason(&status) == Some(ErrorReason::StudentBusy) => {
                return Ok(say(reader, Screen::SeatBusy));
            }
            Err(status) => return self.seat_refused(reader, lesson, status).await,
        };
        // A repeat is answered as the first was, with the lesson as it is now.
        if let Standing::Off(screen) = line.standing {
            return Ok(redraw(reader, screen));
        }
        let screen = Screen::SeatKept {
            name: &line.name,
            when: &line.when,
        };
        Ok(Answer::Here(Reply::new(
            screen.html(reader.language),
            keyboard(&[vec![line.cancel_button(reader)]]),
        )))
    }

    /// The reader gives up their seat.
    pub(in super::super) async fn leave(
        &self,
        reader: &Reader,
        lesson: Uuid,
        version: i64,
    ) -> Result<Answer, Fault> {
        let leave = LeaveLessonRequest {
            lesson_id: lesson.to_string(),
            expected_version: version,
            student_id: String::new(),
        };
        let mut client = self.lessons.clone();
        match client.leave_lesson(acting(leave, reader.id)).await {
            Ok(left) => {
                let lesson = left.into_inner().lesson.ok_or(Fault::Unexpected)?;
                let line = Line::new(reader, &lesson).ok_or(Fault::Unexpected)?;
                let screen = Screen::SeatLeft {
                    name: &line.name,
                    when: &line.when,
                };
                Ok(ended(reader, &lesson, screen))
            }
            Err(status) => self.seat_refused(reader, lesson, status).await,
        }
    }

    /// The answer to a refusal: what stands against it, or the lesson as it is now.
    async fn seat_refused(
        &self,
        reader: &Reader,
        lesson: Uuid,
        status: Status,
    ) -> Result<Answer, Fault> {
        let reason = reason(&status);
        if reason == Some(ErrorReason::VersionStale) {
            return self.as_it_is(reader, lesson).await;
        }
        let mut refusals = REFUSALS.iter();
        match refusals.find(|(refused, _)| Some(*refused) == reason) {
            Some((_, screen)) => Ok(redraw(reader, *screen)),
            None => Err(status.into()),
        }
    }
}

impl Line {
    /// To come to the new time, or to be asked whether to give up the seat.
    pub(super) fn seat_buttons(&self, reader: &Reader) -> Vec<serde_json::Value> {
        let (lesson, version) = (self.id, self.version);
        [
            (Label::Keep, Button::Reconfirm { lesson, version }),
            (Label::GiveUp, Button::AskCancel { lesson, version }),
        ]
        .into_iter()
        .map(|(label, pressed)| button(&label.text(reader.language), pressed))
        .collect()
    }
}
