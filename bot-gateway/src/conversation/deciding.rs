//! A teacher confirms or declines a request.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{ConfirmLessonRequest, DeclineLessonRequest, Lesson},
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{Label, Screen};
use tonic::Status;
use uuid::Uuid;

use super::{
    Answer, Conversation, Fault, Reader, button, keyboard,
    lessons::{Line, Standing},
    redraw,
};
use crate::{buttons::Button, replies::Reply};

impl Conversation {
    /// Confirms, if the request is still the one the button was drawn for.
    pub(super) async fn confirm(
        &self,
        reader: &Reader,
        lesson: Uuid,
        version: i64,
    ) -> Result<Answer, Fault> {
        let confirm = ConfirmLessonRequest {
            lesson_id: lesson.to_string(),
            expected_version: version,
        };
        let mut client = self.lessons.clone();
        match client.confirm_lesson(acting(confirm, reader.id)).await {
            Ok(confirmed) => {
                let line = decided(reader, confirmed.into_inner().lesson)?;
                // A repeat is answered as the first was, with the lesson as it is now.
                if let Standing::Off(screen) = line.standing {
                    return Ok(redraw(reader, screen));
                }
                let screen = Screen::Confirmed {
                    name: &line.name,
                    when: &line.when,
                };
                Ok(Answer::Here(Reply::new(
                    screen.html(reader.language),
                    keyboard(&[vec![line.cancel_button(reader)]]),
                )))
            }
            Err(status) => self.not_decided(reader, lesson, status).await,
        }
    }

    /// Declines, if the request is still the one the button was drawn for.
    pub(super) async fn decline(
        &self,
        reader: &Reader,
        lesson: Uuid,
        version: i64,
    ) -> Result<Answer, Fault> {
        let decline = DeclineLessonRequest {
            lesson_id: lesson.to_string(),
            expected_version: version,
            reason: String::new(),
        };
        let mut client = self.lessons.clone();
        match client.decline_lesson(acting(decline, reader.id)).await {
            Ok(declined) => {
                let line = decided(reader, declined.into_inner().lesson)?;
                let screen = Screen::Declined {
                    name: &line.name,
                    when: &line.when,
                };
                Ok(redraw(reader, screen))
            }
            Err(status) => self.not_decided(reader, lesson, status).await,
        }
    }

    /// The answer to a refusal: what the request has become meanwhile.
    async fn not_decided(
        &self,
        reader: &Reader,
        lesson: Uuid,
        status: Status,
    ) -> Result<Answer, Fault> {
        match reason(&status) {
            Some(
                ErrorReason::VersionStale
                | ErrorReason::LessonCanceled
                | ErrorReason::LessonLapsed
                | ErrorReason::LessonStatusUnsuitable,
            ) => {}
            Some(ErrorReason::LessonStarted) => return Ok(redraw(reader, Screen::AlreadyBegun)),
            Some(ErrorReason::LessonNotFound | ErrorReason::TeacherOnly) => {
                return Ok(redraw(reader, Screen::NoLesson));
            }
            _ => return Err(status.into()),
        }
        let Some(line) = self.line(reader, lesson).await? else {
            return Ok(redraw(reader, Screen::NoLesson));
        };
        let (name, when) = (line.name.as_str(), line.when.as_str());
        Ok(match line.standing {
            // Whoever reads the lesson may read it before the sweep ends the request.
            Standing::Requested if reason(&status) == Some(ErrorReason::LessonLapsed) => {
                redraw(reader, Screen::Lapsed)
            }
            Standing::Requested => Answer::Here(Reply::new(
                Screen::RequestChanged { name, when }.html(reader.language),
                keyboard(&[line.decide_buttons(reader)]),
            )),
            Standing::Ahead | Standing::Held => Answer::Here(Reply::new(
                Screen::AlreadyConfirmed { name, when }.html(reader.language),
                keyboard(&[vec![line.cancel_button(reader)]]),
            )),
            Standing::Off(screen) => redraw(reader, screen),
        })
    }
}

fn decided(reader: &Reader, lesson: Option<Lesson>) -> Result<Line, Fault> {
    let lesson = lesson.ok_or(Fault::Unexpected)?;
    Line::new(reader, &lesson).ok_or(Fault::Unexpected)
}

impl Line {
    /// To confirm or to decline the request as it is now.
    pub(super) fn decide_buttons(&self, reader: &Reader) -> Vec<serde_json::Value> {
        let (lesson, version) = (self.id, self.version);
        [
            (Label::Confirm, Button::Confirm { lesson, version }),
            (Label::Decline, Button::Decline { lesson, version }),
        ]
        .into_iter()
        .map(|(label, pressed)| button(&label.text(reader.language), pressed))
        .collect()
    }
}
