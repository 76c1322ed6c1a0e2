//! A teacher declines a request or cancels a lesson, with a reason or without.

use olm_proto::lesson::v1::{CancelLessonRequest, DeclineLessonRequest, LessonStatus};
use service_kit::grpc::client::acting;
use texts::{TeachingLabel, TeachingNote, TeachingScreen};

use super::{
    super::{Answer, Conversation, Fault, Reader, keyboard},
    lesson::{changed, no_lesson},
    press,
};
use crate::{
    buttons::{Drawn, Ending, Teaching},
    memory::Question,
    replies::Reply,
};

/// Characters of a reason (contract).
const REASON: usize = 500;

impl Conversation {
    /// Asks why, and with it whether.
    pub(in super::super) async fn ask_why(
        &self,
        reader: &Reader,
        ending: Ending,
        drawn: Drawn,
    ) -> Result<Reply, Fault> {
        let Some(taught) = self.find_taught(reader, drawn.id).await? else {
            return Ok(no_lesson(reader));
        };
        let note = match (ending, taught.status) {
            (_, LessonStatus::Scheduled | LessonStatus::Requested)
                if taught.start <= self.now() =>
            {
                Some(TeachingNote::TooLate)
            }
            // Others come to a group's lesson and go; whether that matters is its service's
            // to say.
            (Ending::Decline, LessonStatus::Requested)
            | (Ending::Cancel, LessonStatus::Scheduled)
                if taught.of_group || taught.drawn == drawn =>
            {
                None
            }
            _ => Some(TeachingNote::Changed),
        };
        if let Some(note) = note {
            let note = note.html(reader.language);
            return Ok(self.details(reader, Some(note), &taught).await);
        }
        let (name, when) = (taught.name.as_str(), taught.when.as_str());
        let screen = match ending {
            Ending::Decline => TeachingScreen::DeclineAsk { name, when },
            Ending::Cancel => TeachingScreen::CancelAsk { name, when },
        };
        let usual = (1..=TeachingLabel::REASONS).map(|number| {
            let end = Teaching::End(ending, drawn, number);
            vec![press(reader, TeachingLabel::Reason { number }, end)]
        });
        let mut rows: Vec<_> = usual.collect();
        let own_words = Teaching::OwnWords(ending, drawn);
        let unsaid = Teaching::End(ending, drawn, 0);
        rows.push(vec![
            press(reader, TeachingLabel::OwnWords, own_words),
            press(reader, TeachingLabel::WithoutReason, unsaid),
        ]);
        let keep = Teaching::Lesson(drawn.id);
        rows.push(vec![press(reader, TeachingLabel::Keep, keep)]);
        Ok(Reply::new(screen.html(reader.language), keyboard(&rows)))
    }

    /// Ends the lesson, if it is still the one that the button was drawn for.
    pub(super) async fn end(
        &self,
        reader: &Reader,
        ending: Ending,
        drawn: Drawn,
        reason: String,
    ) -> Result<Reply, Fault> {
        let mut client = self.lessons.clone();
        let (lesson_id, expected_version) = (drawn.id.to_string(), drawn.version);
        let ended = match ending {
            Ending::Decline => {
                let decline = DeclineLessonRequest {
                    lesson_id,
                    expected_version,
                    reason,
                };
                let declined = client.decline_lesson(acting(decline, reader.id)).await;
                declined.map(|declined| declined.into_inner().lesson)
            }
            Ending::Cancel => {
                let cancel = CancelLessonRequest {
                    lesson_id,
                    expected_version,
                    reason,
                };
                let canceled = client.cancel_lesson(acting(cancel, reader.id)).await;
                canceled.map(|canceled| canceled.into_inner().lesson)
            }
        };
        let taught = match ended {
            Ok(lesson) => changed(reader, lesson)?,
            Err(status) => return self.not_changed(reader, drawn.id, status).await,
        };
        let (name, when) = (taught.name.as_str(), taught.when.as_str());
        let screen = match ending {
            Ending::Decline => TeachingScreen::DeclineDone { name, when },
            Ending::Cancel => TeachingScreen::CancelDone { name, when },
        };
        let mut html = screen.html(reader.language);
        let reason = &texts::reason(&taught.lesson.cancel_reason, reader.language);
        if !reason.is_empty() {
            html.push('\n');
            html.push_str(&TeachingScreen::Reason { reason }.html(reader.language));
        }
        Ok(Reply::new(html, keyboard(&[vec![taught.back(reader)]])))
    }

    /// A reason in the reader's own words has come.
    pub(in super::super) async fn end_in_words(
        &self,
        reader: &Reader,
        (ending, drawn): (Ending, Drawn),
        words: &str,
    ) -> Result<Answer, Fault> {
        let words = words.trim();
        if words.chars().count() > REASON {
            let too_long = TeachingNote::ReasonTooLong.html(reader.language);
            let question = Question::Reason { ending, drawn };
            return Ok(Answer::New(Reply::text(too_long).asking(question)));
        }
        let reply = self.end(reader, ending, drawn, words.to_owned()).await?;
        Ok(Answer::New(reply))
    }
}

/// Asks for a reason in the reader's own words.
pub(super) fn own_words(reader: &Reader, ending: Ending, drawn: Drawn) -> Reply {
    let keep = Teaching::Lesson(drawn.id);
    let rows = [vec![press(reader, TeachingLabel::Keep, keep)]];
    let html = TeachingNote::OwnWords.html(reader.language);
    Reply::new(html, keyboard(&rows)).asking(Question::Reason { ending, drawn })
}
