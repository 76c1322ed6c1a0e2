//! Buttons under notices. A notice keeps its text: what is asked and answered comes below it.

use texts::{BookingScreen, Screen};
use uuid::Uuid;

use super::{
    super::{Answer, Conversation, Fault, Reader, redraw},
    line::{OwnSeat, Standing, changed},
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
            Noticed::Come => self.come(reader, lesson, version).await?,
            Noticed::Keep => done(self.reconfirm(reader, lesson, version).await?),
            Noticed::Confirm => done(self.confirm(reader, lesson, version).await?),
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
        let Answer::Here(reply) = answer else {
            return Ok(answer);
        };
        Ok(Answer::New(reply))
    }

    /// The reader comes. That is told to nobody, unless they were asked whether they do.
    async fn come(&self, reader: &Reader, lesson: Uuid, version: i64) -> Result<Answer, Fault> {
        let Some(line) = self.line(reader, lesson).await? else {
            return Ok(redraw(reader, Screen::NoLesson));
        };
        if let Standing::Off(screen) = line.standing {
            return Ok(done(redraw(reader, screen)));
        }
        if line.start <= self.now() {
            return Ok(done(redraw(reader, Screen::AlreadyBegun)));
        }
        if line.own == OwnSeat::None {
            return Ok(done(redraw(reader, Screen::NoSeat)));
        }
        if line.own == OwnSeat::Asks {
            return Ok(done(self.reconfirm(reader, lesson, version).await?));
        }
        if line.version != version && !line.of_group {
            return Ok(changed(reader, &line));
        }
        let see_you = BookingScreen::SeeYou { when: &line.when };
        let reply = Reply::text(see_you.html(reader.language));
        Ok(Answer::Below(reply))
    }
}

/// Nothing is left to be done from the notice.
fn done(answer: Answer) -> Answer {
    let Answer::Here(reply) = answer else {
        return answer;
    };
    Answer::Below(reply)
}
