//! Teachers, their free slots, and booking.

use jiff::{SignedDuration, Timestamp};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{BookLessonRequest, GetTeacherRequest, ListSlotsRequest, SearchTeachersRequest},
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{Label, Screen};
use tonic::Status;
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::{
    Answer, Conversation, Fault, Reader, button, keyboard,
    lessons::{Line, Standing},
    redraw, say,
};
use crate::{buttons::Button, replies::Reply};

/// Teachers in one list.
const TEACHERS: i32 = 20;
/// Slots on one page, and days that a page looks ahead.
const SLOTS: i32 = 20;
const DAYS: i64 = 7;
const SLOTS_PER_ROW: usize = 2;
/// Pages go on until here; teachers' horizon is 60 days unless they change it.
const FURTHEST_DAYS: i64 = 60;

/// What each refusal of a booking shows; the others are faults of ours.
const REFUSALS: [(ErrorReason, Screen<'static>); 12] = [
    (ErrorReason::NotAcceptingStudents, Screen::NotAccepting),
    (ErrorReason::DailyLimitReached, Screen::DayFull),
    (ErrorReason::DurationNotOffered, Screen::NotOffered),
    (ErrorReason::LimitReached, Screen::NotPossible),
    (ErrorReason::StudentBusy, Screen::Busy),
    (ErrorReason::OutsideAvailability, Screen::NotOffered),
    (ErrorReason::OffGrid, Screen::NotOffered),
    (ErrorReason::TeacherNotFound, Screen::NotOffered),
    (ErrorReason::NotATeacher, Screen::NotOffered),
    (ErrorReason::TooSoon, Screen::TooSoon),
    (ErrorReason::TooFar, Screen::TooFar),
    (ErrorReason::SelfBooking, Screen::SelfBooking),
];

impl Conversation {
    /// Lets the reader choose a teacher; with only one there is nothing to choose.
    pub(super) async fn teachers(&self, reader: &Reader) -> Result<Answer, Fault> {
        let search = SearchTeachersRequest {
            page_size: TEACHERS,
            ..SearchTeachersRequest::default()
        };
        let mut client = self.teachers.clone();
        let found = client
            .search_teachers(acting(search, reader.id))
            .await?
            .into_inner();
        let mut teachers = Vec::new();
        for teacher in found.teachers {
            let id = Uuid::try_parse(&teacher.id).map_err(|_| Fault::Unexpected)?;
            if id != reader.id {
                teachers.push((id, teacher.display_name));
            }
        }
        match teachers.as_slice() {
            [] => Ok(say(reader, Screen::NoTeachers)),
            [(id, name)] => Ok(Answer::New(self.slots_page(reader, *id, name, None).await?)),
            several => {
                let row = |(id, name): &(Uuid, String)| {
                    let slots = Button::Slots {
                        teacher: *id,
                        from: None,
                    };
                    vec![button(name, slots)]
                };
                Ok(Answer::New(Reply::new(
                    Screen::ChooseTeacher.html(reader.language),
                    keyboard(&several.iter().map(row).collect::<Vec<_>>()),
                )))
            }
        }
    }

    /// A page of a teacher's free slots.
    pub(super) async fn slots(
        &self,
        reader: &Reader,
        teacher: Uuid,
        from: Option<Timestamp>,
    ) -> Result<Answer, Fault> {
        let get = GetTeacherRequest {
            teacher_id: teacher.to_string(),
        };
        let mut client = self.teachers.clone();
        match client.get_teacher(acting(get, reader.id)).await {
            Ok(found) => {
                let name = found.into_inner().teacher.unwrap_or_default().display_name;
                Ok(Answer::Here(
                    self.slots_page(reader, teacher, &name, from).await?,
                ))
            }
            Err(status) if reason(&status) == Some(ErrorReason::TeacherNotFound) => {
                Ok(redraw(reader, Screen::NotOffered))
            }
            Err(status) => Err(status.into()),
        }
    }

    async fn slots_page(
        &self,
        reader: &Reader,
        teacher: Uuid,
        name: &str,
        from: Option<Timestamp>,
    ) -> Result<Reply, Fault> {
        let now = self.now();
        // A page drawn long ago begins now.
        let from = from.filter(|from| *from > now);
        let window = ListSlotsRequest {
            teacher_id: teacher.to_string(),
            start_time: from.map(olm_proto::timestamp),
            max_slots: SLOTS,
            ..ListSlotsRequest::default()
        };
        let mut client = self.availability.clone();
        let page = client
            .list_slots(acting(window, reader.id))
            .await?
            .into_inner();
        let starts = page
            .slots
            .iter()
            .filter_map(|slot| slot.start_time.as_ref());
        let starts: Vec<_> = starts.filter_map(olm_proto::instant).collect();
        let mut rows = slot_rows(reader, teacher, &starts);
        let next = match starts.last() {
            Some(last) if page.truncated => *last + SignedDuration::from_mins(1),
            Some(_) | None => from.unwrap_or(now) + SignedDuration::from_hours(24 * DAYS),
        };
        if next < now + SignedDuration::from_hours(24 * FURTHEST_DAYS) {
            let later = Button::Slots {
                teacher,
                from: Some(next),
            };
            rows.push(vec![button(&Label::More.text(reader.language), later)]);
        }
        let zone = reader.zone_name(now);
        let screen = if starts.is_empty() {
            Screen::NoSlots { name }
        } else {
            Screen::Slots { name, zone: &zone }
        };
        Ok(Reply::new(screen.html(reader.language), keyboard(&rows)))
    }

    /// Books the slot of a pressed button.
    pub(super) async fn book(
        &self,
        reader: &Reader,
        request_id: Uuid,
        teacher: Uuid,
        start: Timestamp,
    ) -> Result<Answer, Fault> {
        let book = BookLessonRequest {
            request_id: request_id.to_string(),
            teacher_id: teacher.to_string(),
            start_time: Some(olm_proto::timestamp(start)),
            ..BookLessonRequest::default()
        };
        let mut client = self.lessons.clone();
        let lesson = match client.book_lesson(acting(book, reader.id)).await {
            Ok(booked) => booked.into_inner().lesson.ok_or(Fault::Unexpected)?,
            Err(status) => {
                return not_booked(reader, teacher, &status).ok_or_else(|| status.into());
            }
        };
        let line = Line::new(reader, &lesson).ok_or(Fault::Unexpected)?;
        let (name, when) = (line.name.as_str(), line.when.as_str());
        let screen = match line.standing {
            // A repeat of a booking that ended since.
            Standing::Off(screen) => return Ok(redraw(reader, screen)),
            Standing::Requested => Screen::Requested { name, when },
            Standing::Ahead | Standing::Held => Screen::Booked { name, when },
        };
        Ok(Answer::Here(Reply::new(
            screen.html(reader.language),
            keyboard(&[vec![line.cancel_button(reader)]]),
        )))
    }
}

/// The answer to a refusal that is nobody's fault.
fn not_booked(reader: &Reader, teacher: Uuid, status: &Status) -> Option<Answer> {
    let reason = reason(status)?;
    if reason == ErrorReason::SlotTaken {
        let starts = alternatives(status);
        let screen = Screen::SlotTaken {
            alternatives: starts.len(),
        };
        return Some(Answer::Here(Reply::new(
            screen.html(reader.language),
            keyboard(&slot_rows(reader, teacher, &starts)),
        )));
    }
    let (_, screen) = REFUSALS.iter().find(|(refused, _)| *refused == reason)?;
    Some(redraw(reader, *screen))
}

/// The slots that a refusal names instead.
fn alternatives(status: &Status) -> Vec<Timestamp> {
    let info = status.get_details_error_info();
    let list = info.and_then(|mut info| info.metadata.remove("alternatives"));
    let list = list.unwrap_or_default();
    let starts = list.split(',').filter_map(|text| text.trim().parse().ok());
    // The contract says three; a mistaken peer gets no more buttons than a page.
    starts.take(6).collect()
}

fn slot_rows(reader: &Reader, teacher: Uuid, starts: &[Timestamp]) -> Vec<Vec<serde_json::Value>> {
    let slot = |start: &Timestamp| {
        let book = Button::Book {
            teacher,
            start: *start,
        };
        button(&reader.moment_short(*start), book)
    };
    let rows = starts.chunks(SLOTS_PER_ROW);
    rows.map(|row| row.iter().map(slot).collect()).collect()
}
