//! A stand-in for lesson-svc: one teacher, slots of tomorrow, and what was asked of it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::{SignedDuration, Timestamp};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        availability_service_server::{AvailabilityService, AvailabilityServiceServer},
        invitation_service_server::{InvitationService, InvitationServiceServer},
        lesson_service_server::{LessonService, LessonServiceServer},
        teacher_service_server::{TeacherService, TeacherServiceServer},
        user_service_server::{UserService, UserServiceServer},
        *,
    },
};
use service_kit::{
    clock::{Clock as _, SystemClock},
    status::Refusal,
};
use tokio::{net::TcpListener, sync::watch};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status, transport::Server};
use uuid::Uuid;

mod deciding;

use deciding::{decide, seat};

pub const TEACHER: Uuid = Uuid::from_u128(0x7ea);

#[derive(Debug, Default)]
pub struct State {
    pub users: Vec<User>,
    pub lessons: Vec<Lesson>,
    /// The request ids that `BookLesson` was called with, answered or not.
    pub book_requests: Vec<String>,
    /// The next booking is refused with these alternatives.
    pub taken: Option<Vec<Timestamp>>,
    /// Bookings are requests.
    pub approval: bool,
    /// What each invitation's token is answered with; none: accepted.
    pub invitations: Vec<(String, Option<ErrorReason>)>,
    /// What was decided of which lesson from which version.
    pub decisions: Vec<(String, i64, LessonStatus)>,
    /// The `rules_zone` of each change of settings.
    pub rules_zones: Vec<RulesZone>,
    /// Versions of group lessons before it are stale.
    pub current_since: i64,
    /// Seats are refused for this.
    pub refused: Option<ErrorReason>,
}

#[derive(Debug)]
pub struct Lessons {
    pub state: Mutex<State>,
    /// While true, `BookLesson` does not answer.
    pub stuck: watch::Sender<bool>,
    /// While true, every call is UNAVAILABLE.
    pub away: watch::Sender<bool>,
}

/// The service as tonic takes it; a type of this crate.
#[derive(Debug, Clone)]
struct Served(Arc<Lessons>);

impl Lessons {
    pub async fn start() -> (Arc<Self>, String) {
        let lessons = Arc::new(Self {
            state: Mutex::default(),
            stuck: watch::Sender::new(false),
            away: watch::Sender::new(false),
        });
        let served = Served(Arc::clone(&lessons));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Server::builder()
            .add_service(UserServiceServer::new(served.clone()))
            .add_service(TeacherServiceServer::new(served.clone()))
            .add_service(AvailabilityServiceServer::new(served.clone()))
            .add_service(InvitationServiceServer::new(served.clone()))
            .add_service(LessonServiceServer::new(served));
        tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
        (lessons, url)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Changes a lesson behind the student's back.
    pub fn move_lesson(&self, by: SignedDuration) {
        let mut state = self.state();
        let lesson = state.lessons.first_mut().unwrap();
        for time in [&mut lesson.start_time, &mut lesson.end_time] {
            let instant = olm_proto::instant(time.as_ref().unwrap()).unwrap();
            *time = Some(olm_proto::timestamp(instant + by));
        }
        lesson.version += 1;
    }
}

/// 10:00 UTC tomorrow and each half hour after it.
pub fn slots() -> Vec<Timestamp> {
    let day = SystemClock.now().as_second().div_euclid(86_400) + 1;
    let ten = Timestamp::from_second(day * 86_400 + 10 * 3_600).unwrap();
    (0..5)
        .map(|index| ten + SignedDuration::from_mins(30 * index))
        .collect()
}

impl Served {
    fn open(&self) -> Result<MutexGuard<'_, State>, Status> {
        if *self.0.away.borrow() {
            return Err(Status::unavailable("away"));
        }
        Ok(self.0.state())
    }
}

fn acting<T>(request: &Request<T>) -> String {
    let user = request.metadata().get("x-acting-user").unwrap();
    user.to_str().unwrap().to_owned()
}

fn refusal(code: Code, reason: ErrorReason) -> Refusal {
    Refusal::new(code, reason, "refused")
}

fn teacher() -> Teacher {
    Teacher {
        id: TEACHER.to_string(),
        display_name: "Мария <3".to_owned(),
        time_zone: "Europe/Moscow".to_owned(),
        ..Teacher::default()
    }
}

/// RPCs that the gateway never calls.
macro_rules! unused {
    ($($name:ident: $request:ty => $response:ty;)*) => { $(
        fn $name<'a, 'b>(
            &'a self,
            _: Request<$request>,
        ) -> Pin<Box<dyn Future<Output = Result<Response<$response>, Status>> + Send + 'b>>
        where
            'a: 'b,
            Self: 'b,
        {
            Box::pin(async { Err(Status::unimplemented("")) })
        }
    )* };
}

#[tonic::async_trait]
impl UserService for Served {
    unused! {
        get_user: GetUserRequest => GetUserResponse;
        list_users: ListUsersRequest => ListUsersResponse;
        update_user: UpdateUserRequest => UpdateUserResponse;
        set_admin: SetAdminRequest => SetAdminResponse;
        erase_user: EraseUserRequest => EraseUserResponse;
    }

    async fn register_telegram_user(
        &self,
        request: Request<RegisterTelegramUserRequest>,
    ) -> Result<Response<RegisterTelegramUserResponse>, Status> {
        let request = request.into_inner();
        let mut state = self.open()?;
        let id = Uuid::from_u128(u128::try_from(request.telegram_user_id).unwrap()).to_string();
        let known = state.users.iter().find(|user| user.id == id).cloned();
        let created = known.is_none();
        let user = known.unwrap_or_else(|| {
            let user = User {
                id,
                display_name: request.display_name,
                language: request.language_code,
                time_zone: "Europe/Berlin".to_owned(),
                version: 1,
                ..User::default()
            };
            state.users.push(user.clone());
            user
        });
        let user = Some(user);
        Ok(Response::new(RegisterTelegramUserResponse {
            user,
            created,
        }))
    }

    async fn update_settings(
        &self,
        request: Request<UpdateSettingsRequest>,
    ) -> Result<Response<UpdateSettingsResponse>, Status> {
        let id = acting(&request);
        let request = request.into_inner();
        let mut state = self.open()?;
        state.rules_zones.push(request.rules_zone());
        let user = state.users.iter_mut().find(|user| user.id == id).unwrap();
        if user.version != request.expected_version {
            let refused = refusal(Code::Aborted, ErrorReason::VersionStale);
            return Err(refused.into_status("olm.lesson"));
        }
        user.version += 1;
        user.language = request.language.unwrap_or(user.language.clone());
        user.time_zone = request.time_zone.unwrap_or(user.time_zone.clone());
        let user = Some(user.clone());
        Ok(Response::new(UpdateSettingsResponse {
            user,
            ..UpdateSettingsResponse::default()
        }))
    }
}

#[tonic::async_trait]
impl TeacherService for Served {
    unused! {
        create_teacher: CreateTeacherRequest => CreateTeacherResponse;
        update_teacher: UpdateTeacherRequest => UpdateTeacherResponse;
        delete_teacher: DeleteTeacherRequest => DeleteTeacherResponse;
        list_students: ListStudentsRequest => ListStudentsResponse;
        remove_student: RemoveStudentRequest => RemoveStudentResponse;
        list_my_teachers: ListMyTeachersRequest => ListMyTeachersResponse;
    }

    async fn get_teacher(
        &self,
        _: Request<GetTeacherRequest>,
    ) -> Result<Response<GetTeacherResponse>, Status> {
        drop(self.open()?);
        let teacher = Some(teacher());
        Ok(Response::new(GetTeacherResponse { teacher }))
    }

    async fn search_teachers(
        &self,
        _: Request<SearchTeachersRequest>,
    ) -> Result<Response<SearchTeachersResponse>, Status> {
        drop(self.open()?);
        Ok(Response::new(SearchTeachersResponse {
            teachers: vec![teacher()],
            next_page_token: String::new(),
        }))
    }
}

#[tonic::async_trait]
impl AvailabilityService for Served {
    unused! {
        get_availability: GetAvailabilityRequest => GetAvailabilityResponse;
        set_weekly_rules: SetWeeklyRulesRequest => SetWeeklyRulesResponse;
        put_override: PutOverrideRequest => PutOverrideResponse;
        delete_override: DeleteOverrideRequest => DeleteOverrideResponse;
        add_time_off: AddTimeOffRequest => AddTimeOffResponse;
        remove_time_off: RemoveTimeOffRequest => RemoveTimeOffResponse;
    }

    async fn list_slots(
        &self,
        request: Request<ListSlotsRequest>,
    ) -> Result<Response<ListSlotsResponse>, Status> {
        drop(self.open()?);
        // Only the first page has any.
        let first = request.into_inner().start_time.is_none();
        let slots = if first { slots() } else { Vec::new() };
        let slots = slots.into_iter().map(|start| Slot {
            start_time: Some(olm_proto::timestamp(start)),
            end_time: Some(olm_proto::timestamp(start + SignedDuration::from_hours(1))),
            ..Slot::default()
        });
        Ok(Response::new(ListSlotsResponse {
            slots: slots.collect(),
            time_zone: "Europe/Moscow".to_owned(),
            ..ListSlotsResponse::default()
        }))
    }
}

#[tonic::async_trait]
impl InvitationService for Served {
    unused! {
        create_invitation: CreateInvitationRequest => CreateInvitationResponse;
        list_invitations: ListInvitationsRequest => ListInvitationsResponse;
        revoke_invitation: RevokeInvitationRequest => RevokeInvitationResponse;
        preview_invitation: PreviewInvitationRequest => PreviewInvitationResponse;
    }

    async fn accept_invitation(
        &self,
        request: Request<AcceptInvitationRequest>,
    ) -> Result<Response<AcceptInvitationResponse>, Status> {
        let token = request.into_inner().token;
        let mut state = self.open()?;
        let of = |(known, _): &&mut (String, _)| *known == token;
        let Some((_, refused)) = state.invitations.iter_mut().find(of) else {
            let unknown = refusal(Code::NotFound, ErrorReason::InvitationNotFound);
            return Err(unknown.into_status("olm.lesson"));
        };
        match refused {
            // Open, or a repeat by the same person.
            None | Some(ErrorReason::Unspecified) => {}
            Some(reason) => {
                let refused = refusal(Code::FailedPrecondition, *reason);
                return Err(refused.into_status("olm.lesson"));
            }
        }
        let joined = refused.is_none();
        *refused = Some(ErrorReason::Unspecified);
        let teacher = Some(teacher());
        Ok(Response::new(AcceptInvitationResponse {
            teacher,
            joined,
            ..AcceptInvitationResponse::default()
        }))
    }
}

#[tonic::async_trait]
impl LessonService for Served {
    unused! {
        hold_slot: HoldSlotRequest => HoldSlotResponse;
        reschedule_lesson: RescheduleLessonRequest => RescheduleLessonResponse;
        update_lesson: UpdateLessonRequest => UpdateLessonResponse;
        record_attendance: RecordAttendanceRequest => RecordAttendanceResponse;
        list_lesson_changes: ListLessonChangesRequest => ListLessonChangesResponse;
        join_lesson: JoinLessonRequest => JoinLessonResponse;
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
        let mut state = self.open()?;
        if let Some(alternatives) = state.taken.take() {
            let alternatives: Vec<_> = alternatives.iter().map(ToString::to_string).collect();
            let taken = refusal(Code::FailedPrecondition, ErrorReason::SlotTaken)
                .metadata("alternatives", alternatives.join(","));
            return Err(taken.into_status("olm.lesson"));
        }
        // Idempotent by request id, which becomes the lesson's id here.
        let known = state
            .lessons
            .iter()
            .find(|lesson| lesson.id == request.request_id);
        if let Some(lesson) = known.cloned() {
            return Ok(Response::new(BookLessonResponse {
                lesson: Some(lesson),
                ..BookLessonResponse::default()
            }));
        }
        let start = olm_proto::instant(&request.start_time.unwrap()).unwrap();
        let lesson = Lesson {
            id: request.request_id,
            teacher_id: request.teacher_id,
            teacher_name: teacher().display_name,
            start_time: Some(olm_proto::timestamp(start)),
            end_time: Some(olm_proto::timestamp(start + SignedDuration::from_hours(1))),
            status: if state.approval {
                LessonStatus::Requested.into()
            } else {
                LessonStatus::Scheduled.into()
            },
            version: 1,
            bookings: vec![Booking {
                student_id: student,
                status: BookingStatus::Confirmed.into(),
                ..Booking::default()
            }],
            ..Lesson::default()
        };
        state.lessons.push(lesson.clone());
        Ok(Response::new(BookLessonResponse {
            lesson: Some(lesson),
            ..BookLessonResponse::default()
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
        let lesson = Some(decide(
            &mut *self.open()?,
            id,
            version,
            LessonStatus::Declined,
        )?);
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
        _: Request<ListLessonsRequest>,
    ) -> Result<Response<ListLessonsResponse>, Status> {
        let state = self.open()?;
        let live = [LessonStatus::Scheduled, LessonStatus::Requested];
        let scheduled = |lesson: &&Lesson| live.contains(&lesson.status());
        Ok(Response::new(ListLessonsResponse {
            lessons: state.lessons.iter().filter(scheduled).cloned().collect(),
            next_page_token: String::new(),
        }))
    }

    async fn cancel_lesson(
        &self,
        request: Request<CancelLessonRequest>,
    ) -> Result<Response<CancelLessonResponse>, Status> {
        let request = request.into_inner();
        let mut state = self.open()?;
        let lesson = state
            .lessons
            .iter_mut()
            .find(|lesson| lesson.id == request.lesson_id);
        let lesson = lesson.unwrap();
        if lesson.version != request.expected_version {
            let refused = refusal(Code::Aborted, ErrorReason::VersionStale);
            return Err(refused.into_status("olm.lesson"));
        }
        lesson.version += 1;
        lesson.status = LessonStatus::Canceled.into();
        let lesson = Some(lesson.clone());
        Ok(Response::new(CancelLessonResponse { lesson }))
    }
}
