//! Lessons and the seats in them.

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{lesson_service_server::LessonService, *},
};
use service_kit::clock::{Clock as _, SystemClock};
use tonic::{Code, Request, Response, Status};

use super::{
    Served, State, acting,
    deciding::{decide, seat},
    refusal, teacher, teaching,
};

fn refused(code: Code, reason: ErrorReason) -> Status {
    refusal(code, reason).into_status("olm.lesson")
}

fn find<'a>(state: &'a State, id: &str) -> Option<&'a Lesson> {
    state.lessons.iter().find(|lesson| lesson.id == id)
}

/// Refuses what is next, where a test wants it.
fn refuse(state: &mut State) -> Result<(), Status> {
    if let Some(alternatives) = state.taken.take() {
        let alternatives: Vec<_> = alternatives.iter().map(ToString::to_string).collect();
        let taken = refusal(Code::FailedPrecondition, ErrorReason::SlotTaken)
            .metadata("alternatives", alternatives.join(","));
        return Err(taken.into_status("olm.lesson"));
    }
    match state.refused_time.take() {
        Some(reason) => Err(refused(Code::FailedPrecondition, reason)),
        None => Ok(()),
    }
}

/// A lesson of one student; an hour long unless it is said.
fn new(
    id: &str,
    (teacher_id, student_id): (&str, &str),
    start_time: Option<prost_types::Timestamp>,
    length: Option<prost_types::Duration>,
) -> Lesson {
    let start = olm_proto::instant(start_time.as_ref().unwrap()).unwrap();
    let length = length.as_ref().and_then(olm_proto::span);
    let length = length.unwrap_or(SignedDuration::from_hours(1));
    Lesson {
        id: id.to_owned(),
        teacher_id: teacher_id.to_owned(),
        teacher_name: teacher().display_name,
        start_time,
        end_time: Some(olm_proto::timestamp(start + length)),
        version: 1,
        bookings: vec![Booking {
            student_id: student_id.to_owned(),
            status: BookingStatus::Confirmed.into(),
            ..Booking::default()
        }],
        ..Lesson::default()
    }
}

/// What `BookLesson` does.
fn book(
    state: &mut State,
    student: &str,
    request: &BookLessonRequest,
) -> Result<Response<BookLessonResponse>, Status> {
    let booked = |lesson: &Lesson| {
        Ok(Response::new(BookLessonResponse {
            lesson: Some(lesson.clone()),
            ..BookLessonResponse::default()
        }))
    };
    // Idempotent by request id, which becomes the lesson's id here.
    if let Some(lesson) = find(state, &request.request_id) {
        return booked(lesson);
    }
    let held = request.held_lesson_id.as_str();
    if !held.is_empty() {
        let let_go = |reason| Err(refused(Code::FailedPrecondition, reason));
        match find(state, held).map(Lesson::status) {
            None => return Err(refused(Code::NotFound, ErrorReason::LessonNotFound)),
            Some(LessonStatus::Held) => {}
            Some(LessonStatus::Lapsed) => return let_go(ErrorReason::LessonLapsed),
            Some(_) => return let_go(ErrorReason::LessonCanceled),
        }
    }
    refuse(state)?;
    state
        .lessons
        .retain(|lesson| lesson.status() != LessonStatus::Held);
    let lesson = Lesson {
        status: if state.approval {
            LessonStatus::Requested.into()
        } else {
            LessonStatus::Scheduled.into()
        },
        ..new(
            &request.request_id,
            (&request.teacher_id, student),
            request.start_time,
            request.lesson_duration,
        )
    };
    state.lessons.push(lesson.clone());
    booked(&lesson)
}

#[tonic::async_trait]
impl LessonService for Served {
    unused! {
        update_lesson: UpdateLessonRequest => UpdateLessonResponse;
        list_lesson_changes: ListLessonChangesRequest => ListLessonChangesResponse;
    }
    answered! {
        record_attendance: RecordAttendanceRequest => RecordAttendanceResponse
            = teaching::record_attendance;
    }

    async fn hold_slot(
        &self,
        request: Request<HoldSlotRequest>,
    ) -> Result<Response<HoldSlotResponse>, Status> {
        let student = acting(&request);
        let request = request.into_inner();
        let mut state = self.open()?;
        if let Some(first) = find(&state, &request.request_id) {
            let lesson = Some(first.clone());
            return Ok(Response::new(HoldSlotResponse { lesson }));
        }
        refuse(&mut state)?;
        // A person holds one time.
        state
            .lessons
            .retain(|lesson| lesson.status() != LessonStatus::Held);
        let in_five = SystemClock.now() + SignedDuration::from_mins(5);
        let lesson = Lesson {
            status: LessonStatus::Held.into(),
            expire_time: Some(olm_proto::timestamp(in_five)),
            ..new(
                &request.request_id,
                (&request.teacher_id, &student),
                request.start_time,
                request.lesson_duration,
            )
        };
        state.lessons.push(lesson.clone());
        let lesson = Some(lesson);
        Ok(Response::new(HoldSlotResponse { lesson }))
    }

    async fn book_lesson(
        &self,
        request: Request<BookLessonRequest>,
    ) -> Result<Response<BookLessonResponse>, Status> {
        let student = acting(&request);
        let request = request.into_inner();
        self.open()?.book_requests.push(request.request_id.clone());
        let mut stuck = self.0.stuck.subscribe();
        stuck.wait_for(|stuck| !stuck).await.unwrap();
        let booked = book(&mut *self.open()?, &student, &request)?;
        let mut mute = self.0.mute.subscribe();
        mute.wait_for(|mute| !mute).await.unwrap();
        Ok(booked)
    }

    async fn reschedule_lesson(
        &self,
        request: Request<RescheduleLessonRequest>,
    ) -> Result<Response<RescheduleLessonResponse>, Status> {
        let request = request.into_inner();
        let mut state = self.open()?;
        refuse(&mut state)?;
        let id = &request.lesson_id;
        let mut lessons = state.lessons.iter_mut();
        let lesson = lessons.find(|lesson| lesson.id == *id).unwrap();
        if lesson.version != request.expected_version {
            return Err(refused(Code::Aborted, ErrorReason::VersionStale));
        }
        let instant = |time: &Option<_>| olm_proto::instant(time.as_ref().unwrap()).unwrap();
        let length = instant(&lesson.end_time).duration_since(instant(&lesson.start_time));
        let end = instant(&request.start_time) + length;
        lesson.start_time = request.start_time;
        lesson.end_time = Some(olm_proto::timestamp(end));
        lesson.version += 1;
        let lesson = Some(lesson.clone());
        Ok(Response::new(RescheduleLessonResponse { lesson }))
    }

    async fn join_lesson(
        &self,
        request: Request<JoinLessonRequest>,
    ) -> Result<Response<JoinLessonResponse>, Status> {
        let student_id = acting(&request);
        let request = request.into_inner();
        let id = request.lesson_id;
        let mut state = self.open()?;
        refuse(&mut state)?;
        let mut lessons = state.lessons.iter_mut();
        let lesson = lessons.find(|lesson| lesson.id == id).unwrap();
        if let Some(shown) = &request.start_time
            && lesson.start_time.as_ref() != Some(shown)
        {
            return Err(refused(Code::Aborted, ErrorReason::VersionStale));
        }
        if lesson.seats_taken >= lesson.capacity {
            return Err(refused(Code::FailedPrecondition, ErrorReason::LessonFull));
        }
        lesson.seats_taken += 1;
        lesson.version += 1;
        lesson.bookings.push(Booking {
            student_id,
            status: BookingStatus::Confirmed.into(),
            ..Booking::default()
        });
        Ok(Response::new(JoinLessonResponse {
            lesson: Some(lesson.clone()),
            joined: true,
        }))
    }

    async fn confirm_lesson(
        &self,
        request: Request<ConfirmLessonRequest>,
    ) -> Result<Response<ConfirmLessonResponse>, Status> {
        let request = request.into_inner();
        let (id, version) = (&request.lesson_id, request.expected_version);
        let lesson = Some(decide(
            &mut *self.open()?,
            id,
            version,
            LessonStatus::Scheduled,
        )?);
        Ok(Response::new(ConfirmLessonResponse { lesson }))
    }

    async fn decline_lesson(
        &self,
        request: Request<DeclineLessonRequest>,
    ) -> Result<Response<DeclineLessonResponse>, Status> {
        let request = request.into_inner();
        let (id, version) = (&request.lesson_id, request.expected_version);
        let mut lesson = decide(&mut *self.open()?, id, version, LessonStatus::Declined)?;
        lesson.cancel_reason = request.reason;
        let lesson = Some(lesson);
        Ok(Response::new(DeclineLessonResponse { lesson }))
    }

    async fn leave_lesson(
        &self,
        request: Request<LeaveLessonRequest>,
    ) -> Result<Response<LeaveLessonResponse>, Status> {
        let student = acting(&request);
        let request = request.into_inner();
        let asked = (request.lesson_id.as_str(), request.expected_version);
        let status = BookingStatus::Canceled;
        let lesson = Some(seat(&mut *self.open()?, asked, &student, status)?);
        Ok(Response::new(LeaveLessonResponse { lesson }))
    }

    async fn reconfirm_lesson(
        &self,
        request: Request<ReconfirmLessonRequest>,
    ) -> Result<Response<ReconfirmLessonResponse>, Status> {
        let student = acting(&request);
        let request = request.into_inner();
        let asked = (request.lesson_id.as_str(), request.expected_version);
        let status = BookingStatus::Confirmed;
        let lesson = Some(seat(&mut *self.open()?, asked, &student, status)?);
        Ok(Response::new(ReconfirmLessonResponse { lesson }))
    }

    async fn get_lesson(
        &self,
        request: Request<GetLessonRequest>,
    ) -> Result<Response<GetLessonResponse>, Status> {
        let id = request.into_inner().lesson_id;
        let state = self.open()?;
        let lesson = state.lessons.iter().find(|lesson| lesson.id == id).cloned();
        if lesson.is_none() {
            let unknown = refusal(Code::NotFound, ErrorReason::LessonNotFound);
            return Err(unknown.into_status("olm.lesson"));
        }
        Ok(Response::new(GetLessonResponse { lesson }))
    }

    async fn list_lessons(
        &self,
        request: Request<ListLessonsRequest>,
    ) -> Result<Response<ListLessonsResponse>, Status> {
        let reader = acting(&request);
        let request = request.into_inner();
        let group = &request.group_id;
        let state = self.open()?;
        let live = [
            LessonStatus::Scheduled,
            LessonStatus::Requested,
            LessonStatus::Held,
        ];
        let meant = |lesson: &&Lesson| {
            let mut seats = lesson.bookings.iter();
            let own = lesson.teacher_id == reader || seats.any(|seat| seat.student_id == reader);
            let of_group = !group.is_empty() && lesson.group_id == *group;
            live.contains(&lesson.status())
                && (of_group || (group.is_empty() && own))
                && teaching::is_in(lesson, &request)
        };
        Ok(Response::new(ListLessonsResponse {
            lessons: state.lessons.iter().filter(meant).cloned().collect(),
            next_page_token: String::new(),
        }))
    }

    async fn cancel_lesson(
        &self,
        request: Request<CancelLessonRequest>,
    ) -> Result<Response<CancelLessonResponse>, Status> {
        let request = request.into_inner();
        let mut state = self.open()?;
        let kept = state.teaching.kept.contains(&request.lesson_id);
        if state.teaching.silent.contains(&request.lesson_id) {
            return Err(Status::unavailable("as the test wants it"));
        }
        let late = state.late;
        let lesson = state
            .lessons
            .iter_mut()
            .find(|lesson| lesson.id == request.lesson_id);
        let lesson = lesson.unwrap();
        if lesson.version != request.expected_version || kept {
            return Err(refused(Code::Aborted, ErrorReason::VersionStale));
        }
        lesson.version += 1;
        lesson.status = LessonStatus::Canceled.into();
        lesson.cancel_reason = request.reason;
        for seat in &mut lesson.bookings {
            seat.status = if late {
                BookingStatus::LateCanceled.into()
            } else {
                BookingStatus::Canceled.into()
            };
        }
        let lesson = Some(lesson.clone());
        Ok(Response::new(CancelLessonResponse { lesson }))
    }
}
