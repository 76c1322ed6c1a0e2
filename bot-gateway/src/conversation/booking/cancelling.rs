//! Cancelling a lesson, with the policy said before.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{BookingStatus, CancelLessonRequest, Lesson},
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{BookingLabel, BookingScreen, Label, Screen};
use uuid::Uuid;

use super::{
    super::{Answer, Conversation, Fault, Reader, button, keyboard, redraw},
    line::{Line, OwnSeat, Standing, changed},
    lines, press,
};
use crate::{
    buttons::{Booking, Button, Cancelling, Drawn, Ending},
    replies::Reply,
};

/// What cancelling refuses for good, and what it shows.
pub(super) const REFUSALS: [(ErrorReason, Screen<'static>); 4] = [
    (ErrorReason::LessonLapsed, Screen::Lapsed),
    (ErrorReason::LessonCanceled, Screen::AlreadyCanceled),
    (ErrorReason::LessonStarted, Screen::AlreadyBegun),
    (ErrorReason::LessonNotFound, Screen::NoLesson),
];

impl Conversation {
    /// Asks before cancelling, or before a student gives up their seat, with the lesson as
    /// it is now. Whether a version of a group's lesson is current for the reader is its
    /// service's to say: others come and go.
    pub(in super::super) async fn ask_cancel(
        &self,
        reader: &Reader,
        lesson: Uuid,
        version: i64,
    ) -> Result<Answer, Fault> {
        let Some(line) = self.line(reader, lesson).await? else {
            return Ok(redraw(reader, Screen::NoLesson));
        };
        if let Standing::Off(screen) = line.standing {
            return Ok(redraw(reader, screen));
        }
        if line.version != version && !line.of_group {
            return Ok(changed(reader, &line));
        }
        if line.teaching {
            let drawn = Drawn {
                id: lesson,
                version,
            };
            let ending = match line.standing {
                Standing::Requested => Ending::Decline,
                Standing::Ahead | Standing::Held | Standing::Off(_) => Ending::Cancel,
            };
            let asked = self.ask_why(reader, ending, drawn).await;
            return asked.map(Answer::Here);
        }
        if line.of_group && line.own == OwnSeat::None {
            return Ok(redraw(reader, Screen::NoSeat));
        }
        let policy = self.cancelling(reader, &line).await?;
        Ok(question(reader, &line, version, policy))
    }

    /// Cancels, if the lesson is still the one the button was drawn for.
    pub(in super::super) async fn cancel(
        &self,
        reader: &Reader,
        what: Cancelling,
        lesson: Uuid,
        version: i64,
    ) -> Result<Answer, Fault> {
        let cancel = CancelLessonRequest {
            lesson_id: lesson.to_string(),
            expected_version: version,
            reason: String::new(),
        };
        let mut client = self.lessons.clone();
        let status = match client.cancel_lesson(acting(cancel, reader.id)).await {
            Ok(canceled) => {
                let lesson = canceled.into_inner().lesson.ok_or(Fault::Unexpected)?;
                let line = Line::new(reader, &lesson).ok_or(Fault::Unexpected)?;
                let (name, when) = (line.name.as_str(), line.when.as_str());
                let screen = match what {
                    Cancelling::Lesson => Screen::Canceled { name, when },
                    Cancelling::Request => Screen::Withdrawn { name, when },
                    Cancelling::Hold => Screen::LetGo { name, when },
                };
                return Ok(ended(reader, &lesson, screen));
            }
            Err(status) => status,
        };
        let reason = reason(&status);
        if reason == Some(ErrorReason::VersionStale) {
            return self.as_it_is(reader, lesson).await;
        }
        match REFUSALS
            .iter()
            .find(|(refused, _)| Some(*refused) == reason)
        {
            Some((_, screen)) => Ok(redraw(reader, *screen)),
            None => Err(status.into()),
        }
    }

    /// "Changed, now …", or what became of it.
    pub(in super::super) async fn as_it_is(
        &self,
        reader: &Reader,
        lesson: Uuid,
    ) -> Result<Answer, Fault> {
        Ok(match self.line(reader, lesson).await? {
            Some(line) => match line.standing {
                Standing::Off(screen) => redraw(reader, screen),
                Standing::Ahead | Standing::Requested | Standing::Held => changed(reader, &line),
            },
            None => redraw(reader, Screen::NoLesson),
        })
    }

    /// What the teacher's policy makes of cancelling now; nothing where none applies, as to
    /// whoever is only asked whether they come to a new time.
    async fn cancelling(&self, reader: &Reader, line: &Line) -> Result<String, Fault> {
        if line.standing != Standing::Ahead || line.own == OwnSeat::Asks {
            return Ok(String::new());
        }
        let tutor = self.tutor(reader, line.teacher).await?;
        let said = tutor.map(|tutor| tutor.cancelling(reader, line.start, self.now()));
        Ok(said.unwrap_or_default())
    }
}

/// Whether to cancel it, in the words for what it is.
fn question(reader: &Reader, line: &Line, version: i64, policy: String) -> Answer {
    let (name, when) = (line.name.as_str(), line.when.as_str());
    let lesson = line.id;
    let cancel = |what| Button::Cancel {
        what,
        lesson,
        version,
    };
    let (screen, yes, pressed, no) = match line.standing {
        Standing::Requested => (
            Screen::WithdrawAsk { name, when },
            Label::WithdrawYes,
            cancel(Cancelling::Request),
            Label::LeaveIt,
        ),
        Standing::Held => (
            Screen::LetGoAsk { name, when },
            Label::LetGoYes,
            cancel(Cancelling::Hold),
            Label::LeaveIt,
        ),
        Standing::Ahead | Standing::Off(_) if line.of_group => (
            Screen::LeaveAsk { name, when },
            Label::GiveUp,
            Button::Leave { lesson, version },
            Label::CancelNo,
        ),
        Standing::Ahead | Standing::Off(_) => (
            Screen::CancelAsk { name, when },
            Label::CancelYes,
            cancel(Cancelling::Lesson),
            Label::CancelNo,
        ),
    };
    let details = Button::Booking(Booking::Lesson { lesson });
    let yes = button(&yes.text(reader.language), pressed);
    let no = button(&no.text(reader.language), details);
    let html = lines([screen.html(reader.language), policy]);
    Answer::Here(Reply::new(html, keyboard(&[vec![yes, no]])))
}

/// What ended, and whether that was late; with the way to one's lessons.
pub(super) fn ended(reader: &Reader, lesson: &Lesson, screen: Screen<'_>) -> Answer {
    let reader_id = reader.id.to_string();
    let mut seats = lesson.bookings.iter();
    let late = seats
        .any(|seat| seat.student_id == reader_id && seat.status() == BookingStatus::LateCanceled);
    let late = if late {
        BookingScreen::WasLate.html(reader.language)
    } else {
        String::new()
    };
    let html = lines([screen.html(reader.language), late]);
    let lessons = press(reader, BookingLabel::Lessons, Booking::Lessons { page: 0 });
    Answer::Here(Reply::new(html, keyboard(&[vec![lessons]])))
}
