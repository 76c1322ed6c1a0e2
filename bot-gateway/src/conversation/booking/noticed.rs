//! Buttons under notices. A notice keeps its text: what is asked and answered comes below it,
//! with buttons of its own, and those of the notice have done their work then.

use jiff::Timestamp;
use texts::{BookingScreen, Screen};
use uuid::Uuid;

use super::{
    super::{Answer, Conversation, Fault, Reader, redraw},
    line::{Line, OwnSeat, Standing, changed},
};
use crate::{
    buttons::{Drawn, Ending, Noticed, Purpose},
    replies::Reply,
};

impl Conversation {
    /// Does what the button of a notice says.
    pub(super) async fn noticed(
        &self,
        reader: &Reader,
        pressed: Noticed,
        lesson: Uuid,
        version: i64,
    ) -> Result<Answer, Fault> {
        let answer = match pressed {
            Noticed::Keep => self.reconfirm(reader, lesson, version).await?,
            Noticed::Confirm => self.confirm(reader, lesson, version).await?,
            Noticed::Decline => {
                let drawn = Drawn {
                    id: lesson,
                    version,
                };
                let asked = self.ask_why(reader, Ending::Decline, drawn).await;
                Answer::Here(asked?)
            }
            Noticed::Move => {
                let of = Purpose::Move { lesson, version };
                self.week(reader, of, None).await?
            }
            Noticed::Cancel | Noticed::GiveUp => self.ask_cancel(reader, lesson, version).await?,
        };
        Ok(below(answer))
    }

    /// The reader comes at the time that a reminder told them. That is told to nobody, unless
    /// they were asked whether they do.
    pub(super) async fn come(
        &self,
        reader: &Reader,
        (lesson, version): (Uuid, i64),
        start: Timestamp,
    ) -> Result<Answer, Fault> {
        let Some(line) = self.line(reader, lesson).await? else {
            return Ok(below(redraw(reader, Screen::NoLesson)));
        };
        let answer = match self.against_coming(reader, &line, version, start) {
            Some(answer) => answer,
            None if line.own == OwnSeat::Asks => self.reconfirm(reader, lesson, version).await?,
            None => {
                let see_you = BookingScreen::SeeYou { when: &line.when };
                Answer::Here(Reply::text(see_you.html(reader.language)))
            }
        };
        Ok(below(answer))
    }

    /// What the reader is told who does not come, or does not know when to.
    fn against_coming(
        &self,
        reader: &Reader,
        line: &Line,
        version: i64,
        start: Timestamp,
    ) -> Option<Answer> {
        // A button has whole minutes only.
        let minute = |instant: Timestamp| instant.as_second().div_euclid(60);
        if let Standing::Off(screen) = line.standing {
            Some(redraw(reader, screen))
        } else if line.start <= self.now() {
            Some(redraw(reader, Screen::AlreadyBegun))
        } else if line.own == OwnSeat::None {
            Some(redraw(reader, Screen::NoSeat))
        } else if minute(line.start) != minute(start)
            // Others come to a group's lesson and go, which raises its version too.
            || line.version != version && !line.of_group
        {
            Some(changed(reader, line))
        } else {
            None
        }
    }
}

/// What would stand in the notice's place comes below it.
fn below(answer: Answer) -> Answer {
    match answer {
        Answer::Here(reply) => Answer::Below(reply),
        // Among them what was not done and can be tried again from the notice.
        Answer::New(_) | Answer::Below(_) | Answer::Nothing | Answer::Both(..) => answer,
    }
}
