//! The reader's lessons, and cancelling.

use jiff::Timestamp;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        Booking, BookingStatus, CancelLessonRequest, GetLessonRequest, Lesson, LessonStatus,
        ListLessonsRequest,
    },
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{Label, Screen};
use uuid::Uuid;

use super::{Answer, Conversation, Fault, Reader, button, keyboard, redraw};
use crate::{
    buttons::{Button, Drawn, Ending},
    replies::Reply,
};

/// Lessons in one list.
const LESSONS: i32 = 10;

/// What cancelling refuses for good, and what it shows.
pub(super) const REFUSALS: [(ErrorReason, Screen<'static>); 4] = [
    (ErrorReason::LessonLapsed, Screen::Lapsed),
    (ErrorReason::LessonCanceled, Screen::AlreadyCanceled),
    (ErrorReason::LessonStarted, Screen::AlreadyBegun),
    (ErrorReason::LessonNotFound, Screen::NoLesson),
];

/// Whether a lesson takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does, or its status is one that this bot does not know.
    Ahead,
    /// Its teacher has not decided.
    Requested,
    /// Only kept.
    Held,
    /// It does not; what to say of it.
    Off(Screen<'static>),
}

impl Standing {
    pub(super) fn of(status: LessonStatus) -> Self {
        match status {
            LessonStatus::Scheduled | LessonStatus::Unspecified => Self::Ahead,
            LessonStatus::Requested => Self::Requested,
            LessonStatus::Held => Self::Held,
            LessonStatus::Canceled => Self::Off(Screen::AlreadyCanceled),
            LessonStatus::Declined => Self::Off(Screen::AlreadyDeclined),
            LessonStatus::Lapsed => Self::Off(Screen::Lapsed),
        }
    }
}

/// A lesson as its reader sees it.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) standing: Standing,
    pub(super) teacher: Uuid,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) teaching: bool,
    /// Of a group's lesson: others' seats change its version, and a student gives up their
    /// own.
    pub(super) of_group: bool,
    /// The lesson moved onto another one of the reader's, who has not said whether they
    /// come.
    pub(super) asks: bool,
    /// The other side's name, or the group's title.
    pub(super) name: String,
    pub(super) when: String,
    when_short: String,
}

impl Line {
    /// `None` when the lesson lacks what every lesson has.
    pub(super) fn new(reader: &Reader, lesson: &Lesson) -> Option<Self> {
        let start = olm_proto::instant(lesson.start_time.as_ref()?)?;
        let end = olm_proto::instant(lesson.end_time.as_ref()?)?;
        let teacher = Uuid::try_parse(&lesson.teacher_id).ok()?;
        let teaching = teacher == reader.id;
        let of_group = !lesson.group_id.is_empty();
        let reader_id = reader.id.to_string();
        let asks = lesson
            .bookings
            .iter()
            .any(|seat| seat.student_id == reader_id && seat.status() == BookingStatus::Reconfirm);
        let name = if teaching && of_group {
            lesson.group_title.clone()
        } else if teaching {
            students(reader, lesson)
        } else {
            texts::person_name(&lesson.teacher_name, reader.language)
        };
        Some(Self {
            id: Uuid::try_parse(&lesson.id).ok()?,
            version: lesson.version,
            standing: Standing::of(lesson.status()),
            teacher,
            start,
            end,
            teaching,
            of_group,
            asks,
            name,
            when: reader.lesson_time(start, end),
            when_short: reader.moment_short(start),
        })
    }

    pub(super) fn cancel_button(&self, reader: &Reader) -> serde_json::Value {
        let ask = Button::AskCancel {
            lesson: self.id,
            version: self.version,
        };
        let label = Label::Cancel {
            time: &self.when_short,
        };
        button(&label.text(reader.language), ask)
    }

    /// What the reader can do about it.
    pub(super) fn buttons(&self, reader: &Reader) -> Vec<serde_json::Value> {
        if self.asks && self.standing == Standing::Ahead {
            self.seat_buttons(reader)
        } else if self.teaching && self.standing == Standing::Requested {
            self.decide_buttons(reader)
        } else {
            vec![self.cancel_button(reader)]
        }
    }

    fn html(&self, reader: &Reader) -> String {
        let (name, when) = (self.name.as_str(), self.when.as_str());
        let screen = if self.teaching && self.of_group {
            Screen::LessonWithGroup { name, when }
        } else if self.teaching {
            Screen::LessonWithStudent { name, when }
        } else {
            Screen::LessonWithTeacher { name, when }
        };
        let line = screen.html(reader.language);
        let mark = match self.standing {
            Standing::Requested => Screen::LineRequested,
            Standing::Held => Screen::LineHeld,
            Standing::Ahead if self.asks => Screen::LineReconfirm,
            Standing::Ahead | Standing::Off(_) => return line,
        };
        format!("{line} ({})", mark.html(reader.language))
    }
}

/// Who comes; of a lesson that is off, who was to come.
pub(super) fn students(reader: &Reader, lesson: &Lesson) -> String {
    let gave_up = |booking: &Booking| match booking.status() {
        BookingStatus::Canceled | BookingStatus::LateCanceled => true,
        BookingStatus::Unspecified
        | BookingStatus::Confirmed
        | BookingStatus::Pending
        | BookingStatus::Reconfirm
        | BookingStatus::Attended
        | BookingStatus::NoShow => false,
    };
    let all_gave_up = lesson.bookings.iter().all(gave_up);
    let names: Vec<_> = lesson
        .bookings
        .iter()
        .filter(|booking| all_gave_up || !gave_up(booking))
        .map(|booking| texts::person_name(&booking.student_name, reader.language))
        .collect();
    names.join(", ")
}

impl Conversation {
    /// The next lessons, each with its button.
    pub(super) async fn lessons(&self, reader: &Reader) -> Result<Reply, Fault> {
        let list = ListLessonsRequest {
            page_size: LESSONS,
            ..ListLessonsRequest::default()
        };
        let mut client = self.lessons.clone();
        let page = client
            .list_lessons(acting(list, reader.id))
            .await?
            .into_inner();
        let lines = page.lessons.iter().map(|lesson| Line::new(reader, lesson));
        let lines: Vec<_> = lines.collect::<Option<_>>().ok_or(Fault::Unexpected)?;
        if lines.is_empty() {
            return Ok(Reply::text(Screen::NoLessons.html(reader.language)));
        }
        let mut html = Screen::Lessons.html(reader.language);
        for line in &lines {
            html.push_str("\n• ");
            html.push_str(&line.html(reader));
        }
        let rows = lines.iter().map(|line| line.buttons(reader));
        Ok(Reply::new(html, keyboard(&rows.collect::<Vec<_>>())))
    }

    /// Asks before cancelling, or before a student gives up their seat, with the lesson as
    /// it is now. Whether a version of a group's lesson is current for the reader is its
    /// service's to say: others come and go.
    pub(super) async fn ask_cancel(
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
            let asked = self.ask_why(reader, Ending::Cancel, drawn).await;
            return asked.map(Answer::Here);
        }
        let (name, when) = (line.name.as_str(), line.when.as_str());
        let (screen, label, pressed) = if line.of_group {
            let leave = Button::Leave { lesson, version };
            (Screen::LeaveAsk { name, when }, Label::GiveUp, leave)
        } else {
            let cancel = Button::Cancel { lesson, version };
            (Screen::CancelAsk { name, when }, Label::CancelYes, cancel)
        };
        let yes = button(&label.text(reader.language), pressed);
        let no = button(&Label::CancelNo.text(reader.language), Button::Lessons);
        Ok(Answer::Here(Reply::new(
            screen.html(reader.language),
            keyboard(&[vec![yes, no]]),
        )))
    }

    /// Cancels, if the lesson is still the one the button was drawn for.
    pub(super) async fn cancel(
        &self,
        reader: &Reader,
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
                let screen = Screen::Canceled {
                    name: &line.name,
                    when: &line.when,
                };
                return Ok(redraw(reader, screen));
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
    pub(super) async fn as_it_is(&self, reader: &Reader, lesson: Uuid) -> Result<Answer, Fault> {
        Ok(match self.line(reader, lesson).await? {
            Some(line) => match line.standing {
                Standing::Off(screen) => redraw(reader, screen),
                Standing::Ahead | Standing::Requested | Standing::Held => changed(reader, &line),
            },
            None => redraw(reader, Screen::NoLesson),
        })
    }

    pub(super) async fn line(&self, reader: &Reader, lesson: Uuid) -> Result<Option<Line>, Fault> {
        let get = GetLessonRequest {
            lesson_id: lesson.to_string(),
        };
        let mut client = self.lessons.clone();
        match client.get_lesson(acting(get, reader.id)).await {
            Ok(found) => {
                let lesson = found.into_inner().lesson.ok_or(Fault::Unexpected)?;
                Line::new(reader, &lesson)
                    .map(Some)
                    .ok_or(Fault::Unexpected)
            }
            Err(status) if reason(&status) == Some(ErrorReason::LessonNotFound) => Ok(None),
            Err(status) => Err(status.into()),
        }
    }
}

/// "Changed, now …", with buttons for the lesson as it is now.
pub(super) fn changed(reader: &Reader, line: &Line) -> Answer {
    let screen = Screen::Changed {
        name: &line.name,
        when: &line.when,
    };
    Answer::Here(Reply::new(
        screen.html(reader.language),
        keyboard(&[line.buttons(reader)]),
    ))
}
