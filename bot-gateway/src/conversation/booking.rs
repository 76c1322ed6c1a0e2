//! What students do: find a teacher and a free time, book it, and look after their lessons.

mod calendar;
mod cancelling;
mod groups;
mod holding;
mod lessons;
mod line;
mod moving;
mod noticed;
mod refusals;
mod seats;
mod teachers;
mod tutor;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use texts::BookingLabel;
use uuid::Uuid;

use super::{Answer, Conversation, Fault, Reader, button, requests::Request};
use crate::buttons::{Booking, Button, Purpose};
pub(super) use refusals::alternatives;

pub(super) use line::{Line, Standing, students};

impl Conversation {
    /// Does what a button of booking says.
    pub(super) async fn booking(
        &self,
        reader: &Reader,
        request: &Request<'_>,
        request_id: Uuid,
        pressed: Booking,
    ) -> Result<Answer, Fault> {
        match pressed {
            Booking::Nothing => Ok(Answer::Nothing),
            Booking::Schedule => self.schedule(reader).await.map(Answer::Here),
            Booking::Teachers { page } => {
                let page = self.teachers(reader, page.into()).await;
                page.map(Answer::Here)
            }
            Booking::Week { of, monday } => self.week(reader, of, monday).await,
            Booking::Day { of, date, page } => self.day(reader, of, date, page.into()).await,
            Booking::Time { of, start } => match of {
                Purpose::Book { teacher, minutes } => {
                    // The same time may be kept, let go and kept again from one message.
                    let hold_id = request.update_id;
                    self.hold(reader, hold_id, (teacher, minutes), start).await
                }
                Purpose::Move { .. } => self.ask_move(reader, of, start).await,
            },
            Booking::Book {
                hold,
                teacher,
                start,
                minutes,
            } => {
                let lesson = (teacher, minutes);
                self.book(reader, request_id, hold, lesson, start).await
            }
            Booking::Release { hold, version } => self.release(reader, hold, version).await,
            Booking::MoveTo {
                lesson,
                version,
                start,
            } => self.move_to(reader, lesson, version, start).await,
            Booking::Lessons { page } => {
                let page = self.lessons(reader, page.into()).await;
                page.map(Answer::Here)
            }
            Booking::Lesson { lesson } => self.lesson_details(reader, lesson).await,
            Booking::OpenLessons { page } => self.open_lessons(reader, page.into()).await,
            Booking::Join { lesson, start } => self.join(reader, lesson, start).await,
            Booking::Come {
                lesson,
                version,
                start,
            } => self.come(reader, (lesson, version), start).await,
            Booking::Noticed {
                pressed,
                lesson,
                version,
            } => self.noticed(reader, pressed, lesson, version).await,
        }
    }
}

/// A button of booking.
fn press(reader: &Reader, label: BookingLabel<'_>, pressed: Booking) -> serde_json::Value {
    button(&label.text(reader.language), Button::Booking(pressed))
}

/// Back to the week of a time.
fn to_week(reader: &Reader, of: Purpose, start: Timestamp) -> serde_json::Value {
    let monday = Some(monday_of(date_in(&reader.zone, start)));
    press(reader, BookingLabel::ToWeek, Booking::Week { of, monday })
}

/// To the page before and the page after, where there is more than one; from 0.
fn turn_pages(
    reader: &Reader,
    page: usize,
    pages: usize,
    turned: impl Fn(u16) -> Booking,
) -> Option<Vec<serde_json::Value>> {
    let turn = |label, to: Option<usize>| {
        let to = to.filter(|to| *to < pages);
        match to.and_then(|to| u16::try_from(to).ok()) {
            Some(page) => press(reader, label, turned(page)),
            None => press(reader, BookingLabel::NoDay, Booking::Nothing),
        }
    };
    (pages > 1).then(|| {
        vec![
            turn(BookingLabel::Earlier, page.checked_sub(1)),
            turn(BookingLabel::Later, Some(page + 1)),
        ]
    })
}

pub(super) fn date_in(zone: &TimeZone, instant: Timestamp) -> Date {
    zone.to_datetime(instant).date()
}

/// The Monday on or before a day.
pub(super) fn monday_of(date: Date) -> Date {
    add_days(date, -i64::from(date.weekday().to_monday_zero_offset()))
}

/// The nearest day there is, at the ends of time.
pub(super) fn add_days(date: Date, days: i64) -> Date {
    date.saturating_add(SignedDuration::from_hours(24 * days))
}

fn minutes(length: SignedDuration) -> u16 {
    u16::try_from(length.as_mins()).unwrap_or(u16::MAX)
}

/// The paragraphs of a screen, one below the other.
fn lines<const N: usize>(lines: [String; N]) -> String {
    let written = lines.into_iter().filter(|line| !line.is_empty());
    written.collect::<Vec<_>>().join("\n")
}
