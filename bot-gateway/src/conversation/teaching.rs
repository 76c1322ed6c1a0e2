//! What a teacher does in the bot: agenda, requests, attendance, moving and cancelling,
//! time off, invitations.

mod agenda;
mod attendance;
mod deciding;
mod deliveries;
mod ending;
mod inviting;
mod lesson;
mod moving;
mod time_off;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use texts::{TeachingLabel, TeachingNote};
use uuid::Uuid;

use super::{
    Answer, Conversation, Fault, Reader,
    booking::{add_days, date_in, monday_of},
    button,
    fitting::{fit, short},
};
use crate::{
    buttons::{Button, Teaching},
    replies::Reply,
};
pub(super) use lesson::NOTES;

impl Conversation {
    /// Does what a button of the teachers' part says. `request_id` makes its effect happen
    /// once.
    pub(super) async fn teach(
        &self,
        reader: &Reader,
        request_id: Uuid,
        pressed: Teaching,
    ) -> Result<Answer, Fault> {
        if !reader.teaches {
            return Ok(Answer::New(not_teaching(reader)));
        }
        let reply = match pressed {
            Teaching::Day(day) => self.agenda_day(reader, day).await,
            Teaching::Week(monday) => self.agenda_week(reader, monday).await,
            Teaching::Lesson(lesson) => self.taught(reader, lesson, None).await,
            Teaching::Seats(lesson, page) => self.seats_page(reader, lesson, page).await,
            Teaching::AskWhy(ending, lesson) => self.ask_why(reader, ending, lesson).await,
            Teaching::End(ending, lesson, why) => {
                let reason = match why {
                    0 => String::new(),
                    number => TeachingLabel::Reason { number }.text(reader.language),
                };
                self.end(reader, ending, lesson, reason).await
            }
            Teaching::OwnWords(ending, lesson) => Ok(ending::own_words(reader, ending, lesson)),
            Teaching::Attendance { lesson, seat, came } => {
                self.attendance(reader, lesson, seat, came).await
            }
            Teaching::Move(lesson, from) => self.move_days(reader, lesson, from, None).await,
            Teaching::MoveDay(lesson, day, page) => {
                self.move_times(reader, lesson, (day, page), None).await
            }
            Teaching::MoveAsk(lesson, to) => self.move_ask(reader, lesson, to).await,
            Teaching::MoveTo(lesson, to) => self.move_taught(reader, lesson, to).await,
            Teaching::TimeOff => self.time_off(reader, None).await,
            Teaching::OffFirst { month } => Ok(self.first_day_off(reader, month)),
            Teaching::OffLast { first, month } => self.last_day_off(reader, first, month).await,
            Teaching::OffType => Ok(time_off::type_days(reader, TeachingNote::TypeDays)),
            Teaching::Off { first, last, .. } => {
                self.add_time_off(reader, request_id, first, last).await
            }
            Teaching::OffSoon { today, ahead, .. } => {
                self.day_off_soon(reader, request_id, today, ahead).await
            }
            Teaching::OffRemove(id) => self.remove_time_off(reader, id).await,
            Teaching::OffAskCancel(id) => self.ask_cancel_all(reader, id).await,
            Teaching::OffCancel { id, shown } => self.cancel_all(reader, id, shown).await,
            Teaching::Invite => self.invite_whom(reader).await,
            Teaching::InviteStudent => {
                return self.invite(reader, request_id, None).await;
            }
            Teaching::InviteGroup(group) => {
                return self.invite(reader, request_id, Some(group)).await;
            }
            Teaching::Invitations => self.open_invitations(reader, None).await,
            Teaching::Revoke(id) => self.revoke_invitation(reader, id).await,
        };
        reply.map(Answer::Here)
    }

    /// /agenda: the present day.
    pub(super) async fn agenda(&self, reader: &Reader) -> Result<Answer, Fault> {
        if !reader.teaches {
            return Ok(Answer::New(not_teaching(reader)));
        }
        let today = self.today(reader);
        self.agenda_day(reader, today).await.map(Answer::New)
    }

    /// /invite
    pub(super) async fn invitations_menu(&self, reader: &Reader) -> Result<Answer, Fault> {
        if !reader.teaches {
            return Ok(Answer::New(not_teaching(reader)));
        }
        self.invite_whom(reader).await.map(Answer::New)
    }

    /// The present day on the reader's clock.
    fn today(&self, reader: &Reader) -> Date {
        date_in(&reader.zone, self.now())
    }
}

fn not_teaching(reader: &Reader) -> Reply {
    Reply::text(TeachingNote::NotTeaching.html(reader.language))
}

/// When a day begins in a zone; `None` at the end of time.
fn begin(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let begin = day.to_zoned(zone.clone()).ok()?;
    Some(begin.timestamp())
}

fn press(reader: &Reader, label: TeachingLabel<'_>, pressed: Teaching) -> serde_json::Value {
    button(&label.text(reader.language), Button::Teaching(pressed))
}
