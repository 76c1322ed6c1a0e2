//! The reader's lessons: the next ones first, and one of them with all that is to know.

use jiff::Timestamp;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{GetLessonRequest, Lesson, ListLessonsRequest},
};
use serde_json::Value;
use service_kit::{grpc::client::acting, status::reason};
use texts::{BookingLabel, BookingScreen, Label, Screen};
use uuid::Uuid;

use super::{
    super::{
        Answer, Conversation, Fault, Reader, button,
        calendars::Entry,
        fitting::{fit, short},
        keyboard, redraw,
        teaching::NOTES,
    },
    line::{Line, OwnSeat, Standing},
    press, turn_pages,
    tutor::Tutor,
};
use crate::{
    buttons::{Booking, Button},
    replies::Reply,
};

/// As many as one call answers; who has more sees the next of them.
const MOST: i32 = 200;
/// Lessons on one page.
const PAGE: usize = 5;

impl Conversation {
    /// A page of the next lessons, each with its button.
    pub(in super::super) async fn lessons(
        &self,
        reader: &Reader,
        page: usize,
    ) -> Result<Reply, Fault> {
        let (ahead, groups) = tokio::try_join!(self.lessons_ahead(reader), self.groups_of(reader))?;
        let mut rows = Vec::new();
        let mut html = if ahead.is_empty() {
            Screen::NoLessons.html(reader.language)
        } else {
            Screen::Lessons.html(reader.language)
        };
        let pages = ahead.len().div_ceil(PAGE).max(1);
        let page = page.min(pages - 1);
        for line in ahead.iter().skip(page * PAGE).take(PAGE) {
            html.push_str("\n• ");
            html.push_str(&line.html(reader));
            rows.push(vec![line.details_button(reader)]);
        }
        let turned = |page| Booking::Lessons { page };
        rows.extend(turn_pages(reader, page, pages, turned));
        if !groups.is_empty() {
            let open = Booking::OpenLessons { page: 0 };
            rows.push(vec![press(reader, BookingLabel::OpenLessons, open)]);
        }
        if ahead.is_empty() {
            let schedule = Button::Booking(Booking::Schedule);
            rows.push(vec![button(
                &Label::Schedule.text(reader.language),
                schedule,
            )]);
        }
        Ok(Reply::new(html, keyboard(&rows)))
    }

    /// The reader's lessons that are not over.
    pub(in super::super) async fn lessons_ahead(
        &self,
        reader: &Reader,
    ) -> Result<Vec<Line>, Fault> {
        let list = ListLessonsRequest {
            page_size: MOST,
            ..ListLessonsRequest::default()
        };
        let mut found = self.list(reader, list).await?;
        let now = self.now();
        found.retain(|line| line.end > now);
        Ok(found)
    }

    /// Lessons as the reader sees them, by start.
    pub(super) async fn list(
        &self,
        reader: &Reader,
        list: ListLessonsRequest,
    ) -> Result<Vec<Line>, Fault> {
        let mut client = self.lessons.clone();
        let page = client.list_lessons(acting(list, reader.id)).await?;
        let lessons = page.into_inner().lessons;
        let lines = lessons.iter().map(|lesson| Line::new(reader, lesson));
        lines.collect::<Option<_>>().ok_or(Fault::Unexpected)
    }

    /// A lesson with all that is to know of it, and what can be done about it; to whoever
    /// teaches it as to a teacher.
    pub(super) async fn lesson_details(
        &self,
        reader: &Reader,
        lesson: Uuid,
    ) -> Result<Answer, Fault> {
        let Some(lesson) = self.lesson(reader, lesson).await? else {
            return Ok(redraw(reader, Screen::NoLesson));
        };
        let line = Line::new(reader, &lesson).ok_or(Fault::Unexpected)?;
        if line.teaching {
            return self.taught(reader, line.id, None).await.map(Answer::Here);
        }
        let tutor = self.tutor(reader, line.teacher).await?;
        let now = self.now();
        if let (Standing::Held, Some(tutor)) = (line.standing, &tutor) {
            let asked = self.book_ask(reader, tutor, &lesson);
            return asked.map(Answer::Here).ok_or(Fault::Unexpected);
        }
        let html = described(reader, &lesson, &line, tutor.as_ref(), now);
        let mut rows = Vec::new();
        if line.start > now {
            rows.push(line.choices(reader, tutor.as_ref(), now));
            rows.extend(line.in_calendar(reader, &lesson).map(|button| vec![button]));
        }
        rows.retain(|row: &Vec<Value>| !row.is_empty());
        let lessons = Booking::Lessons { page: 0 };
        rows.push(vec![press(reader, BookingLabel::Lessons, lessons)]);
        Ok(Answer::Here(Reply::new(html, keyboard(&rows))))
    }

    pub(in super::super) async fn line(
        &self,
        reader: &Reader,
        lesson: Uuid,
    ) -> Result<Option<Line>, Fault> {
        match self.lesson(reader, lesson).await? {
            Some(lesson) => {
                let line = Line::new(reader, &lesson);
                line.map(Some).ok_or(Fault::Unexpected)
            }
            None => Ok(None),
        }
    }

    /// `None` when the reader has no such lesson.
    pub(super) async fn lesson(
        &self,
        reader: &Reader,
        lesson: Uuid,
    ) -> Result<Option<Lesson>, Fault> {
        let get = GetLessonRequest {
            lesson_id: lesson.to_string(),
        };
        let mut client = self.lessons.clone();
        match client.get_lesson(acting(get, reader.id)).await {
            Ok(found) => {
                let lesson = found.into_inner().lesson;
                lesson.map(Some).ok_or(Fault::Unexpected)
            }
            Err(status) if reason(&status) == Some(ErrorReason::LessonNotFound) => Ok(None),
            Err(status) => Err(status.into()),
        }
    }
}

impl Line {
    /// For the calendar of whoever comes.
    fn in_calendar(&self, reader: &Reader, lesson: &Lesson) -> Option<Value> {
        let comes = self.standing == Standing::Ahead && self.own == OwnSeat::Taken;
        let entry = Entry {
            start: self.start,
            end: self.end,
            with: &lesson.teacher_name,
            group: &lesson.group_title,
            place: &lesson.meeting_url,
        };
        comes.then(|| entry.button(reader)).flatten()
    }

    /// What can be done about a lesson that lies ahead, as its details offer it.
    fn choices(&self, reader: &Reader, tutor: Option<&Tutor>, now: Timestamp) -> Vec<Value> {
        match self.standing {
            Standing::Off(_) => Vec::new(),
            Standing::Ahead if self.of_group && self.own == OwnSeat::None => {
                let open = self.seats_left > 0;
                open.then(|| press(reader, BookingLabel::Join, self.join()))
                    .into_iter()
                    .collect()
            }
            Standing::Ahead | Standing::Requested | Standing::Held => {
                let ahead = self.start.duration_since(now);
                let too_late = tutor.is_some_and(|tutor| ahead < tutor.move_notice);
                if too_late && self.own != OwnSeat::Asks {
                    vec![self.cancel_button(reader)]
                } else {
                    self.buttons(reader)
                }
            }
        }
    }
}

fn described(
    reader: &Reader,
    lesson: &Lesson,
    line: &Line,
    tutor: Option<&Tutor>,
    now: Timestamp,
) -> String {
    let language = reader.language;
    let shown = |given: &str, screen: BookingScreen<'_>| {
        if given.is_empty() {
            String::new()
        } else {
            screen.html(language)
        }
    };
    let name = &line.name;
    let notes = &short(&lesson.notes, NOTES);
    let (url, group) = (&lesson.meeting_url, &lesson.group_title);
    let elsewhere = tutor.map(|tutor| tutor.elsewhere(reader, line.start, line.end));
    let goes_on = line.standing == Standing::Ahead && line.start > now;
    let policy = tutor.filter(|_| goes_on && line.own != OwnSeat::None);
    let policy = policy.map(|tutor| tutor.cancelling(reader, line.start, now));
    let all = [
        BookingScreen::Lesson { when: &line.when }.html(language),
        elsewhere.unwrap_or_default(),
        BookingScreen::WithTeacher { name }.html(language),
        shown(group, BookingScreen::OfGroup { group }),
        seats(reader, lesson, line),
        shown(url, BookingScreen::Place { url }),
        shown(notes, BookingScreen::Notes { notes }),
        standing(reader, lesson, line, now),
        policy.unwrap_or_default(),
    ];
    fit(all.into_iter().filter(|line| !line.is_empty()))
}

fn seats(reader: &Reader, lesson: &Lesson, line: &Line) -> String {
    if !line.of_group {
        return String::new();
    }
    let seats = BookingScreen::Seats {
        taken: lesson.seats_taken.into(),
        capacity: lesson.capacity.into(),
    };
    seats.html(reader.language)
}

/// How it stands, where that is not plain.
fn standing(reader: &Reader, lesson: &Lesson, line: &Line, now: Timestamp) -> String {
    let until = |time: Option<&prost_types::Timestamp>| {
        let instant = time.and_then(olm_proto::instant);
        instant.map_or_else(String::new, |until| reader.moment_short(until))
    };
    let reader_id = reader.id.to_string();
    let screen = match line.standing {
        Standing::Off(screen) => return screen.html(reader.language),
        Standing::Requested => BookingScreen::WaitsUntil {
            moment: &until(lesson.expire_time.as_ref()),
        },
        Standing::Held => return Screen::LineHeld.html(reader.language),
        Standing::Ahead if line.own == OwnSeat::Asks => {
            let mut seats = lesson.bookings.iter();
            let own = seats
                .find(|seat| seat.student_id == reader_id && seat.reconfirm_expire_time.is_some());
            let Some(own) = own else {
                return Screen::LineReconfirm.html(reader.language);
            };
            BookingScreen::AsksUntil {
                moment: &until(own.reconfirm_expire_time.as_ref()),
            }
        }
        Standing::Ahead if line.start <= now => return Screen::AlreadyBegun.html(reader.language),
        Standing::Ahead if line.own == OwnSeat::Taken => BookingScreen::Stands,
        Standing::Ahead if line.seats_left == 0 => BookingScreen::Full,
        Standing::Ahead => BookingScreen::NoSeatYet,
    };
    screen.html(reader.language)
}
