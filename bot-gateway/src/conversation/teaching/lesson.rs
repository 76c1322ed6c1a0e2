//! A lesson as its teacher sees it, with all that can be done about it.

use jiff::{Timestamp, tz::TimeZone};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{Booking, BookingStatus, GetLessonRequest, GetUserRequest, Lesson, LessonStatus},
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{Screen, SeatState, TeachingLabel, TeachingNote, TeachingScreen};
use tonic::Status;
use uuid::Uuid;

use super::{
    super::{Conversation, Fault, Reader, booking::students, button, calendars::Entry, keyboard},
    date_in, fit, press, short,
};
use crate::{
    buttons::{Button, Drawn, Ending, Teaching, seat_number},
    replies::Reply,
};

/// Seats on a page, each with its buttons: Telegram takes 100 of them.
const SEATS: usize = 20;
/// UTF-16 units of a student's name in a list, and on a button.
const NAME: usize = 40;
const LABEL: usize = 20;
/// UTF-16 units of the notes that are shown.
pub(in crate::conversation) const NOTES: usize = 1_000;

/// A lesson of the reader's, who teaches it.
#[derive(Debug)]
pub(super) struct Taught {
    pub(super) drawn: Drawn,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) status: LessonStatus,
    pub(super) of_group: bool,
    /// Who comes, or the group's title.
    pub(super) name: String,
    /// Its time in words.
    pub(super) when: String,
    pub(super) lesson: Lesson,
}

impl Taught {
    /// `None` when somebody else teaches it.
    pub(super) fn new(reader: &Reader, lesson: Lesson) -> Result<Option<Self>, Fault> {
        let teacher = Uuid::try_parse(&lesson.teacher_id);
        if teacher.map_err(|_| Fault::Unexpected)? != reader.id {
            return Ok(None);
        }
        let read = Self::read(reader, lesson);
        read.map(Some).ok_or(Fault::Unexpected)
    }

    fn read(reader: &Reader, lesson: Lesson) -> Option<Self> {
        let start = olm_proto::instant(lesson.start_time.as_ref()?)?;
        let end = olm_proto::instant(lesson.end_time.as_ref()?)?;
        let of_group = !lesson.group_id.is_empty();
        let name = if of_group {
            lesson.group_title.clone()
        } else {
            students(reader, &lesson)
        };
        Some(Self {
            drawn: Drawn {
                id: Uuid::try_parse(&lesson.id).ok()?,
                version: lesson.version,
            },
            start,
            end,
            status: lesson.status(),
            of_group,
            name,
            when: reader.lesson_time(start, end),
            lesson,
        })
    }

    /// Who sits in it, and whether somebody can say that they came.
    pub(super) fn seats(&self) -> impl Iterator<Item = (&Booking, bool)> {
        let seats = self.lesson.bookings.iter();
        seats.map(|seat| (seat, attends(seat)))
    }

    /// All seats, those of whoever comes first.
    fn in_order(&self) -> Vec<&Booking> {
        let (come, gone): (Vec<_>, Vec<_>) = self.seats().partition(|(_, attends)| *attends);
        let all = come.into_iter().chain(gone);
        all.map(|(seat, _)| seat).collect()
    }

    /// The seats of a page; the last one, where there are fewer.
    fn page(&self, page: usize) -> (usize, Vec<&Booking>) {
        let seats = self.in_order();
        let page = page.min(seats.len().saturating_sub(1) / SEATS);
        let seats = seats.into_iter().skip(page * SEATS).take(SEATS);
        (page, seats.collect())
    }

    /// The page that a seat stands on.
    pub(super) fn page_of(&self, seat: &str) -> usize {
        let mut seats = self.in_order().into_iter();
        seats.position(|found| found.id == seat).unwrap_or_default() / SEATS
    }

    /// Arrows to the seats before and after.
    fn turns(&self, reader: &Reader, page: usize) -> Option<Vec<serde_json::Value>> {
        let all = self.lesson.bookings.len();
        let open = |page: usize| {
            let numbers = format!("{}–{}", page * SEATS + 1, all.min((page + 1) * SEATS));
            let to = Teaching::Seats(self.drawn.id, u8::try_from(page).unwrap_or(u8::MAX));
            (numbers, to)
        };
        let mut row = Vec::new();
        if let Some(before) = page.checked_sub(1) {
            let (numbers, to) = open(before);
            row.push(press(reader, TeachingLabel::Earlier { day: &numbers }, to));
        }
        if (page + 1) * SEATS < all {
            let (numbers, to) = open(page + 1);
            row.push(press(reader, TeachingLabel::Later { day: &numbers }, to));
        }
        (!row.is_empty()).then_some(row)
    }

    /// Whether it is over and nobody said who came.
    pub(super) fn is_unrecorded(&self, now: Timestamp) -> bool {
        let open = |seat: &Booking| {
            matches!(
                seat.status(),
                BookingStatus::Confirmed | BookingStatus::Reconfirm
            )
        };
        self.status == LessonStatus::Scheduled
            && self.end <= now
            && self.lesson.bookings.iter().any(open)
    }

    /// Whether it still takes place, or may.
    pub(super) fn is_live(&self) -> bool {
        match self.status {
            LessonStatus::Scheduled
            | LessonStatus::Requested
            | LessonStatus::Held
            | LessonStatus::Unspecified => true,
            LessonStatus::Canceled | LessonStatus::Declined | LessonStatus::Lapsed => false,
        }
    }

    /// To the agenda of its day.
    pub(super) fn back(&self, reader: &Reader) -> serde_json::Value {
        let day = date_in(&reader.zone, self.start);
        press(reader, TeachingLabel::Back, Teaching::Day(day))
    }

    /// What can be done about it now.
    pub(super) fn rows(&self, reader: &Reader, now: Timestamp) -> Vec<Vec<serde_json::Value>> {
        self.rows_of(reader, now, 0)
    }

    /// The same, with a page of the seats.
    fn rows_of(&self, reader: &Reader, now: Timestamp, page: usize) -> Vec<Vec<serde_json::Value>> {
        let (page, seats) = self.page(page);
        let mut rows = Vec::new();
        let ahead = self.start > now;
        let moving = press(
            reader,
            TeachingLabel::Move,
            Teaching::Move(self.drawn, None),
        );
        match self.status {
            LessonStatus::Requested if ahead => {
                rows.push(self.decide_row(reader));
                rows.push(vec![moving]);
            }
            LessonStatus::Scheduled if ahead => {
                let cancel = Teaching::AskWhy(Ending::Cancel, self.drawn);
                rows.push(vec![moving]);
                rows.push(vec![press(reader, TeachingLabel::Cancel, cancel)]);
                rows.extend(self.in_calendar(reader).map(|button| vec![button]));
            }
            LessonStatus::Scheduled => {
                rows.extend(self.attendance_rows(reader, &seats));
            }
            LessonStatus::Requested
            | LessonStatus::Held
            | LessonStatus::Unspecified
            | LessonStatus::Canceled
            | LessonStatus::Declined
            | LessonStatus::Lapsed => {}
        }
        rows.extend(self.turns(reader, page));
        rows.push(vec![self.back(reader)]);
        rows
    }

    fn in_calendar(&self, reader: &Reader) -> Option<serde_json::Value> {
        let entry = Entry {
            start: self.start,
            end: self.end,
            with: &self.name,
            group: &self.lesson.group_title,
            place: &self.lesson.meeting_url,
        };
        entry.button(reader)
    }

    fn decide_row(&self, reader: &Reader) -> Vec<serde_json::Value> {
        let Drawn { id, version } = self.drawn;
        let confirm = Button::Confirm {
            lesson: id,
            version,
        };
        let decline = Button::Decline {
            lesson: id,
            version,
        };
        vec![
            button(&texts::Label::Confirm.text(reader.language), confirm),
            button(&texts::Label::Decline.text(reader.language), decline),
        ]
    }

    /// For each student what was not said of them yet, so that it can be corrected.
    fn attendance_rows(&self, reader: &Reader, seats: &[&Booking]) -> Vec<Vec<serde_json::Value>> {
        let seats = seats.iter().filter(|seat| attends(seat));
        let row = |seat: &&Booking| {
            let id = Uuid::try_parse(&seat.id).unwrap_or_default();
            let name = texts::person_name(&seat.student_name, reader.language);
            let name = short(&name, LABEL);
            let name = name.as_str();
            let (attended, no_show) = if self.of_group {
                (
                    TeachingLabel::SeatAttended { name },
                    TeachingLabel::SeatNoShow { name },
                )
            } else {
                (TeachingLabel::Attended, TeachingLabel::NoShow)
            };
            let said = |came: bool| Teaching::Attendance {
                lesson: self.drawn,
                seat: seat_number(id),
                came,
            };
            let status = seat.status();
            let mut row = Vec::new();
            if status != BookingStatus::Attended {
                row.push(press(reader, attended, said(true)));
            }
            if status != BookingStatus::NoShow {
                row.push(press(reader, no_show, said(false)));
            }
            row
        };
        seats.map(row).collect()
    }

    /// Everything about it in words, of these of its seats.
    fn lines(&self, reader: &Reader, now: Timestamp, seats: &[&Booking]) -> Vec<String> {
        let language = reader.language;
        let (name, when) = (self.name.as_str(), self.when.as_str());
        let mut lines = vec![TeachingScreen::Lesson { name, when }.html(language)];
        lines.extend(self.standing(reader, now));
        let reason = &texts::reason(&self.lesson.cancel_reason, language);
        if !reason.is_empty() {
            lines.push(TeachingScreen::Reason { reason }.html(language));
        }
        let url = self.lesson.meeting_url.as_str();
        if !url.is_empty() {
            lines.push(TeachingScreen::Place { url }.html(language));
        }
        if !self.lesson.notes.is_empty() {
            let notes = &short(&self.lesson.notes, NOTES);
            lines.push(TeachingScreen::Notes { notes }.html(language));
        }
        if self.of_group {
            let seats = TeachingScreen::Seats {
                taken: i64::from(self.lesson.seats_taken),
                capacity: i64::from(self.lesson.capacity),
            };
            lines.push(seats.html(language));
        }
        // One student stands above already, unless there is something to say of them.
        let seats = seats.iter();
        let seats = seats.filter(|seat| self.of_group || is_told(seat));
        lines.extend(seats.map(|seat| seat_line(reader, seat)));
        if self.status == LessonStatus::Scheduled && self.start <= now {
            lines.push(TeachingNote::AttendanceHint.html(language));
        }
        lines
    }

    /// Where it stands, unless it simply lies ahead.
    fn standing(&self, reader: &Reader, now: Timestamp) -> Option<String> {
        let note = match self.status {
            LessonStatus::Scheduled if self.end <= now => TeachingNote::Over,
            LessonStatus::Scheduled if self.start <= now => TeachingNote::Running,
            LessonStatus::Scheduled | LessonStatus::Unspecified => return None,
            LessonStatus::Requested => {
                let expires = self.lesson.expire_time.as_ref();
                let expires = expires.and_then(olm_proto::instant).unwrap_or(self.start);
                let until = &reader.moment_short(expires);
                return Some(TeachingScreen::Requested { until }.html(reader.language));
            }
            LessonStatus::Held => TeachingNote::Held,
            LessonStatus::Canceled => TeachingNote::Canceled,
            LessonStatus::Declined => TeachingNote::Declined,
            LessonStatus::Lapsed => TeachingNote::Lapsed,
        };
        Some(note.html(reader.language))
    }
}

/// Whether somebody can say of the seat's student that they came.
fn attends(seat: &Booking) -> bool {
    match seat.status() {
        BookingStatus::Confirmed
        | BookingStatus::Reconfirm
        | BookingStatus::Attended
        | BookingStatus::NoShow => true,
        BookingStatus::Unspecified
        | BookingStatus::Canceled
        | BookingStatus::Pending
        | BookingStatus::LateCanceled => false,
    }
}

/// Whether more than that they come is known of a seat.
fn is_told(seat: &Booking) -> bool {
    match seat.status() {
        BookingStatus::Reconfirm
        | BookingStatus::Attended
        | BookingStatus::NoShow
        | BookingStatus::LateCanceled => true,
        BookingStatus::Unspecified
        | BookingStatus::Confirmed
        | BookingStatus::Canceled
        | BookingStatus::Pending => false,
    }
}

fn seat_line(reader: &Reader, seat: &Booking) -> String {
    let state = match seat.status() {
        BookingStatus::Unspecified | BookingStatus::Confirmed | BookingStatus::Pending => {
            SeatState::Coming
        }
        BookingStatus::Reconfirm => SeatState::Asked,
        BookingStatus::Attended => SeatState::Attended,
        BookingStatus::NoShow => SeatState::NoShow,
        BookingStatus::Canceled => SeatState::GivenUp,
        BookingStatus::LateCanceled => SeatState::GivenUpLate,
    };
    let name = texts::person_name(&seat.student_name, reader.language);
    let name = &short(&name, NAME);
    TeachingScreen::Seat { name, state }.html(reader.language)
}

impl Conversation {
    /// A lesson's details, after a word on what just happened to it.
    pub(in super::super) async fn taught(
        &self,
        reader: &Reader,
        lesson: Uuid,
        note: Option<TeachingNote>,
    ) -> Result<Reply, Fault> {
        let Some(taught) = self.find_taught(reader, lesson).await? else {
            return Ok(no_lesson(reader));
        };
        let note = note.map(|note| note.html(reader.language));
        Ok(self.details(reader, note, &taught).await)
    }

    /// The same with a page of its seats.
    pub(super) async fn seats_page(
        &self,
        reader: &Reader,
        lesson: Uuid,
        page: u8,
    ) -> Result<Reply, Fault> {
        let Some(taught) = self.find_taught(reader, lesson).await? else {
            return Ok(no_lesson(reader));
        };
        Ok(self.details_of(reader, None, &taught, page.into()).await)
    }

    /// The details of a lesson, after a word on what just happened to it.
    pub(super) async fn details(
        &self,
        reader: &Reader,
        note: Option<String>,
        taught: &Taught,
    ) -> Reply {
        self.details_of(reader, note, taught, 0).await
    }

    /// The same with a page of its seats.
    pub(super) async fn details_of(
        &self,
        reader: &Reader,
        note: Option<String>,
        taught: &Taught,
        page: usize,
    ) -> Reply {
        let now = self.now();
        let (page, seats) = taught.page(page);
        let (time, deliveries) = tokio::join!(
            self.student_time(reader, taught),
            self.deliveries(reader, taught, &seats)
        );
        let mut lines: Vec<_> = note.map(|note| note + "\n").into_iter().collect();
        lines.extend(taught.lines(reader, now, &seats));
        lines.extend(time.into_iter().chain(deliveries));
        Reply::new(fit(lines), keyboard(&taught.rows_of(reader, now, page)))
    }

    /// The lesson, if the reader teaches it.
    pub(super) async fn find_taught(
        &self,
        reader: &Reader,
        lesson: Uuid,
    ) -> Result<Option<Taught>, Fault> {
        let get = GetLessonRequest {
            lesson_id: lesson.to_string(),
        };
        let mut client = self.lessons.clone();
        match client.get_lesson(acting(get, reader.id)).await {
            Ok(found) => {
                let lesson = found.into_inner().lesson.ok_or(Fault::Unexpected)?;
                Taught::new(reader, lesson)
            }
            Err(status) if reason(&status) == Some(ErrorReason::LessonNotFound) => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// When the lesson begins on its one student's clock, where that is another. The lesson
    /// is shown without it when the student cannot be asked for.
    async fn student_time(&self, reader: &Reader, taught: &Taught) -> Option<String> {
        let (seat, _) = taught.seats().find(|(_, attends)| *attends)?;
        if taught.of_group || !taught.is_live() {
            return None;
        }
        let get = GetUserRequest {
            user_id: seat.student_id.clone(),
        };
        let mut client = self.users.clone();
        let found = client.get_user(acting(get, reader.id)).await.ok()?;
        let zone = TimeZone::get(&found.into_inner().user?.time_zone).ok()?;
        if zone.to_offset(taught.start) == reader.zone.to_offset(taught.start) {
            return None;
        }
        let screen = TeachingScreen::StudentTime {
            time: &texts::moment_short(taught.start, reader.language, &zone),
            zone: &texts::zone_name(&zone, reader.language, taught.start),
        };
        Some(screen.html(reader.language))
    }

    /// The answer to a refused change of a lesson: the lesson as it is now.
    pub(super) async fn not_changed(
        &self,
        reader: &Reader,
        lesson: Uuid,
        status: Status,
    ) -> Result<Reply, Fault> {
        let note = match reason(&status) {
            Some(
                ErrorReason::VersionStale
                | ErrorReason::LessonCanceled
                | ErrorReason::LessonLapsed
                | ErrorReason::LessonStatusUnsuitable
                | ErrorReason::BookingNotFound,
            ) => TeachingNote::Changed,
            Some(ErrorReason::LessonStarted) => TeachingNote::TooLate,
            Some(ErrorReason::LessonNotStarted) => TeachingNote::NotBegun,
            Some(ErrorReason::LessonNotFound | ErrorReason::TeacherOnly) => {
                return Ok(no_lesson(reader));
            }
            _ => return Err(status.into()),
        };
        self.taught(reader, lesson, Some(note)).await
    }
}

pub(super) fn no_lesson(reader: &Reader) -> Reply {
    Reply::text(Screen::NoLesson.html(reader.language))
}

/// What a changing RPC answered.
pub(super) fn changed(reader: &Reader, lesson: Option<Lesson>) -> Result<Taught, Fault> {
    let lesson = lesson.ok_or(Fault::Unexpected)?;
    Taught::new(reader, lesson)?.ok_or(Fault::Unexpected)
}
