//! A teacher confirms a request.

use olm_proto::lesson::v1::ConfirmLessonRequest;
use service_kit::grpc::client::acting;
use texts::{Label, Screen};
use uuid::Uuid;

use super::{
    super::{Answer, Conversation, Fault, Reader, booking::Line, button, keyboard},
    lesson::changed,
};
use crate::{buttons::Button, replies::Reply};

impl Conversation {
    /// Confirms, if the request is still the one the button was drawn for.
    pub(in super::super) async fn confirm(
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
        let confirmed = match client.confirm_lesson(acting(confirm, reader.id)).await {
            Ok(confirmed) => changed(reader, confirmed.into_inner().lesson)?,
            Err(status) => {
                let reply = self.not_changed(reader, lesson, status).await?;
                return Ok(Answer::Here(reply));
            }
        };
        // A repeat is answered as the first was, with the lesson as it is now.
        if !confirmed.is_live() {
            return Ok(Answer::Here(self.details(reader, None, &confirmed).await));
        }
        let screen = Screen::Confirmed {
            name: &confirmed.name,
            when: &confirmed.when,
        };
        Ok(Answer::Here(Reply::new(
            screen.html(reader.language),
            keyboard(&confirmed.rows(reader, self.now())),
        )))
    }
}

impl Line {
    /// To confirm or to decline the request as it is now.
    pub(in super::super) fn decide_buttons(&self, reader: &Reader) -> Vec<serde_json::Value> {
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
