//! What lesson-svc answers.

use olm_proto::{
    lesson::v1::{
        self as lesson,
        availability_service_server::{AvailabilityService, AvailabilityServiceServer},
        calendar_service_server::{CalendarService, CalendarServiceServer},
        change_service_server::ChangeServiceServer,
        group_service_server::{GroupService, GroupServiceServer},
        invitation_service_server::{InvitationService, InvitationServiceServer},
        lesson_service_server::{LessonService, LessonServiceServer},
        series_service_server::{SeriesService, SeriesServiceServer},
        teacher_service_server::{TeacherService, TeacherServiceServer},
        user_service_server::{UserService, UserServiceServer},
    },
    notify::v1::LessonNoticeKind,
};
use tonic::{Request, service::Routes};

use super::{BOOKING, Fake, INVITATION, LESSON, Reply, STUDENT, TEACHER, TIME_OFF, TOKEN, time};

const PACKAGE: &str = "olm.lesson.v1";

pub fn routes(fake: Fake) -> Routes {
    Routes::new(LessonServiceServer::new(fake.clone()))
        .add_service(AvailabilityServiceServer::new(fake.clone()))
        .add_service(CalendarServiceServer::new(fake.clone()))
        .add_service(ChangeServiceServer::new(fake.clone()))
        .add_service(GroupServiceServer::new(fake.clone()))
        .add_service(InvitationServiceServer::new(fake.clone()))
        .add_service(SeriesServiceServer::new(fake.clone()))
        .add_service(TeacherServiceServer::new(fake.clone()))
        .add_service(UserServiceServer::new(fake))
}

/// A service whose every RPC is noted and answered as it was told.
macro_rules! plays {
    ($service:ident { $($method:ident($request:ident) -> $response:ident;)+ }) => {
        #[tonic::async_trait]
        impl $service for Fake {
            $(async fn $method(
                &self,
                request: Request<lesson::$request>,
            ) -> Reply<lesson::$response> {
                let call = self.enter(PACKAGE, stringify!($request), &request).await?;
                self.keep(&call)?;
                Ok(self.told())
            })+
        }
    };
}

plays!(UserService {
    get_user(GetUserRequest) -> GetUserResponse;
    list_users(ListUsersRequest) -> ListUsersResponse;
    register_telegram_user(RegisterTelegramUserRequest) -> RegisterTelegramUserResponse;
    update_user(UpdateUserRequest) -> UpdateUserResponse;
    update_settings(UpdateSettingsRequest) -> UpdateSettingsResponse;
    set_admin(SetAdminRequest) -> SetAdminResponse;
    erase_user(EraseUserRequest) -> EraseUserResponse;
});

plays!(TeacherService {
    create_teacher(CreateTeacherRequest) -> CreateTeacherResponse;
    get_teacher(GetTeacherRequest) -> GetTeacherResponse;
    update_teacher(UpdateTeacherRequest) -> UpdateTeacherResponse;
    delete_teacher(DeleteTeacherRequest) -> DeleteTeacherResponse;
    search_teachers(SearchTeachersRequest) -> SearchTeachersResponse;
    list_students(ListStudentsRequest) -> ListStudentsResponse;
    remove_student(RemoveStudentRequest) -> RemoveStudentResponse;
    list_my_teachers(ListMyTeachersRequest) -> ListMyTeachersResponse;
});

plays!(AvailabilityService {
    get_availability(GetAvailabilityRequest) -> GetAvailabilityResponse;
    set_weekly_rules(SetWeeklyRulesRequest) -> SetWeeklyRulesResponse;
    put_override(PutOverrideRequest) -> PutOverrideResponse;
    delete_override(DeleteOverrideRequest) -> DeleteOverrideResponse;
    add_time_off(AddTimeOffRequest) -> AddTimeOffResponse;
    remove_time_off(RemoveTimeOffRequest) -> RemoveTimeOffResponse;
    list_slots(ListSlotsRequest) -> ListSlotsResponse;
});

plays!(InvitationService {
    create_invitation(CreateInvitationRequest) -> CreateInvitationResponse;
    list_invitations(ListInvitationsRequest) -> ListInvitationsResponse;
    revoke_invitation(RevokeInvitationRequest) -> RevokeInvitationResponse;
    preview_invitation(PreviewInvitationRequest) -> PreviewInvitationResponse;
    accept_invitation(AcceptInvitationRequest) -> AcceptInvitationResponse;
});

plays!(LessonService {
    hold_slot(HoldSlotRequest) -> HoldSlotResponse;
    book_lesson(BookLessonRequest) -> BookLessonResponse;
    get_lesson(GetLessonRequest) -> GetLessonResponse;
    list_lessons(ListLessonsRequest) -> ListLessonsResponse;
    confirm_lesson(ConfirmLessonRequest) -> ConfirmLessonResponse;
    decline_lesson(DeclineLessonRequest) -> DeclineLessonResponse;
    reschedule_lesson(RescheduleLessonRequest) -> RescheduleLessonResponse;
    update_lesson(UpdateLessonRequest) -> UpdateLessonResponse;
    cancel_lesson(CancelLessonRequest) -> CancelLessonResponse;
    record_attendance(RecordAttendanceRequest) -> RecordAttendanceResponse;
    list_lesson_changes(ListLessonChangesRequest) -> ListLessonChangesResponse;
    join_lesson(JoinLessonRequest) -> JoinLessonResponse;
    leave_lesson(LeaveLessonRequest) -> LeaveLessonResponse;
    reconfirm_lesson(ReconfirmLessonRequest) -> ReconfirmLessonResponse;
});

plays!(SeriesService {
    preview_series(PreviewSeriesRequest) -> PreviewSeriesResponse;
    create_series(CreateSeriesRequest) -> CreateSeriesResponse;
    get_series(GetSeriesRequest) -> GetSeriesResponse;
    list_series(ListSeriesRequest) -> ListSeriesResponse;
    preview_series_update(PreviewSeriesUpdateRequest) -> PreviewSeriesUpdateResponse;
    update_series(UpdateSeriesRequest) -> UpdateSeriesResponse;
    cancel_series(CancelSeriesRequest) -> CancelSeriesResponse;
});

plays!(GroupService {
    create_group(CreateGroupRequest) -> CreateGroupResponse;
    get_group(GetGroupRequest) -> GetGroupResponse;
    list_groups(ListGroupsRequest) -> ListGroupsResponse;
    update_group(UpdateGroupRequest) -> UpdateGroupResponse;
    delete_group(DeleteGroupRequest) -> DeleteGroupResponse;
    list_group_members(ListGroupMembersRequest) -> ListGroupMembersResponse;
    add_group_member(AddGroupMemberRequest) -> AddGroupMemberResponse;
    remove_group_member(RemoveGroupMemberRequest) -> RemoveGroupMemberResponse;
});

plays!(CalendarService {
    create_calendar_feed(CreateCalendarFeedRequest) -> CreateCalendarFeedResponse;
    list_calendar_feeds(ListCalendarFeedsRequest) -> ListCalendarFeedsResponse;
    revoke_calendar_feed(RevokeCalendarFeedRequest) -> RevokeCalendarFeedResponse;
    read_calendar_feed(ReadCalendarFeedRequest) -> ReadCalendarFeedResponse;
    get_calendar_entry(GetCalendarEntryRequest) -> GetCalendarEntryResponse;
});

/// What everything is answered with until a test says otherwise.
pub fn answers(fake: &Fake) {
    lessons(fake);
    people(fake);
    teachers(fake);
    calendars(fake);
    invitations(fake);
}

fn lessons(fake: &Fake) {
    let lesson = Some(a_lesson());
    fake.answer(lesson::HoldSlotResponse {
        lesson: Some(lesson::Lesson {
            status: lesson::LessonStatus::Held.into(),
            expire_time: Some(time("2026-01-16T12:05:00Z")),
            ..a_lesson()
        }),
    });
    fake.answer(lesson::BookLessonResponse {
        lesson: lesson.clone(),
        ..lesson::BookLessonResponse::default()
    });
    fake.answer(lesson::GetLessonResponse {
        lesson: lesson.clone(),
    });
    fake.answer(lesson::ListLessonsResponse {
        lessons: vec![a_lesson()],
        next_page_token: "next".to_owned(),
    });
    fake.answer(lesson::ConfirmLessonResponse {
        lesson: lesson.clone(),
    });
    fake.answer(lesson::DeclineLessonResponse {
        lesson: lesson.clone(),
    });
    fake.answer(lesson::RescheduleLessonResponse {
        lesson: lesson.clone(),
    });
    fake.answer(lesson::UpdateLessonResponse {
        lesson: lesson.clone(),
    });
    fake.answer(lesson::CancelLessonResponse {
        lesson: Some(lesson::Lesson {
            status: lesson::LessonStatus::Canceled.into(),
            cancel_reason: "I am ill".to_owned(),
            version: 4,
            ..a_lesson()
        }),
    });
    fake.answer(lesson::RecordAttendanceResponse { lesson });
    fake.answer(lesson::ListLessonChangesResponse {
        changes: vec![a_change()],
        next_page_token: String::new(),
    });
}

fn people(fake: &Fake) {
    let user = Some(a_user());
    fake.answer(lesson::GetUserResponse { user: user.clone() });
    fake.answer(lesson::ListUsersResponse {
        users: vec![a_user()],
        next_page_token: "next".to_owned(),
    });
    fake.answer(lesson::UpdateUserResponse { user: user.clone() });
    fake.answer(lesson::UpdateSettingsResponse {
        user: user.clone(),
        ..lesson::UpdateSettingsResponse::default()
    });
    fake.answer(lesson::SetAdminResponse { user });
    fake.answer(lesson::EraseUserResponse {
        canceled_lessons: 2,
    });
}

fn teachers(fake: &Fake) {
    let teacher = Some(a_teacher());
    fake.answer(lesson::CreateTeacherResponse {
        teacher: teacher.clone(),
    });
    fake.answer(lesson::GetTeacherResponse {
        teacher: teacher.clone(),
    });
    fake.answer(lesson::UpdateTeacherResponse { teacher });
    fake.answer(lesson::DeleteTeacherResponse {});
    fake.answer(lesson::SearchTeachersResponse {
        teachers: vec![a_teacher()],
        next_page_token: "next".to_owned(),
    });
    fake.answer(lesson::ListStudentsResponse {
        students: vec![lesson::Student {
            id: STUDENT.to_owned(),
            display_name: "Boris".to_owned(),
            time_zone: "Asia/Tbilisi".to_owned(),
            origin: lesson::StudentOrigin::Invitation.into(),
            create_time: Some(time("2026-01-10T08:00:00Z")),
        }],
        next_page_token: String::new(),
    });
    fake.answer(lesson::RemoveStudentResponse {});
    fake.answer(lesson::ListMyTeachersResponse {
        teachers: vec![a_teacher()],
        next_page_token: String::new(),
    });
}

fn calendars(fake: &Fake) {
    let availability = Some(an_availability());
    fake.answer(lesson::GetAvailabilityResponse {
        availability: availability.clone(),
    });
    fake.answer(lesson::SetWeeklyRulesResponse {
        availability: availability.clone(),
    });
    fake.answer(lesson::PutOverrideResponse {
        availability: availability.clone(),
    });
    fake.answer(lesson::DeleteOverrideResponse { availability });
    fake.answer(lesson::AddTimeOffResponse {
        time_off: Some(time_off()),
        lesson_ids: vec![LESSON.to_owned()],
    });
    fake.answer(lesson::RemoveTimeOffResponse {});
    fake.answer(lesson::ListSlotsResponse {
        slots: vec![lesson::Slot {
            start_time: Some(time("2026-01-16T12:00:00Z")),
            end_time: Some(time("2026-01-16T13:00:00Z")),
            local_start_time: "2026-01-16T16:00:00+04:00".to_owned(),
        }],
        time_zone: "Europe/Berlin".to_owned(),
        truncated: true,
        viewer_time_zone: "Asia/Tbilisi".to_owned(),
    });
}

fn invitations(fake: &Fake) {
    let teacher = Some(a_teacher());
    fake.answer(lesson::CreateInvitationResponse {
        invitation: Some(an_invitation()),
        token: TOKEN.to_owned(),
    });
    fake.answer(lesson::ListInvitationsResponse {
        invitations: vec![an_invitation()],
        next_page_token: String::new(),
    });
    fake.answer(lesson::RevokeInvitationResponse {
        invitation: Some(lesson::Invitation {
            revoke_time: Some(time("2026-01-11T08:00:00Z")),
            state: lesson::InvitationState::Revoked.into(),
            ..an_invitation()
        }),
    });
    fake.answer(lesson::PreviewInvitationResponse {
        teacher: teacher.clone(),
        ..lesson::PreviewInvitationResponse::default()
    });
    fake.answer(lesson::AcceptInvitationResponse {
        teacher,
        joined: true,
        ..lesson::AcceptInvitationResponse::default()
    });
}

pub fn a_lesson() -> lesson::Lesson {
    lesson::Lesson {
        id: LESSON.to_owned(),
        teacher_id: TEACHER.to_owned(),
        teacher_name: "Anna".to_owned(),
        start_time: Some(time("2026-01-16T12:00:00Z")),
        end_time: Some(time("2026-01-16T13:00:00Z")),
        status: lesson::LessonStatus::Scheduled.into(),
        version: 3,
        schedule_version: 1,
        bookings: vec![lesson::Booking {
            id: BOOKING.to_owned(),
            student_id: STUDENT.to_owned(),
            student_name: "Boris".to_owned(),
            status: lesson::BookingStatus::Confirmed.into(),
            version: 1,
            ..lesson::Booking::default()
        }],
        create_time: Some(time("2026-01-10T08:00:00.5Z")),
        capacity: 1,
        seats_taken: 1,
        ..lesson::Lesson::default()
    }
}

fn a_change() -> lesson::LessonChange {
    lesson::LessonChange {
        version: 2,
        kind: lesson::LessonChangeKind::Moved.into(),
        actor_id: TEACHER.to_owned(),
        actor_role: lesson::ActorRole::Teacher.into(),
        change_time: Some(time("2026-01-11T08:00:00Z")),
        start_time: Some(time("2026-01-16T12:00:00Z")),
        end_time: Some(time("2026-01-16T13:00:00Z")),
        previous_start_time: Some(time("2026-01-15T12:00:00Z")),
        previous_end_time: Some(time("2026-01-15T13:00:00Z")),
        booking_status: 0,
    }
}

/// The student, as they see themselves.
pub fn a_user() -> lesson::User {
    lesson::User {
        id: STUDENT.to_owned(),
        display_name: "Boris".to_owned(),
        language: "ru".to_owned(),
        time_zone: "Asia/Tbilisi".to_owned(),
        reminder_leads: vec![seconds(3600), seconds(600)],
        telegram: Some(lesson::TelegramAddress {
            bot_id: 7,
            chat_id: 42,
        }),
        version: 5,
        create_time: Some(time("2026-01-10T08:00:00Z")),
        is_teacher: false,
        about: "I learn".to_owned(),
        quiet_hours: Some(lesson::QuietHours {
            start_time_of_day: "22:00".to_owned(),
            end_time_of_day: "08:00".to_owned(),
        }),
        muted_kinds: vec![LessonNoticeKind::Booked.into()],
        is_admin: false,
        erase_time: None,
    }
}

pub fn a_teacher() -> lesson::Teacher {
    lesson::Teacher {
        id: TEACHER.to_owned(),
        display_name: "Anna".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        policies: Some(lesson::TeacherPolicies {
            lesson_durations: vec![seconds(3600), seconds(5400)],
            slot_step: Some(seconds(1800)),
            buffer_before: Some(seconds(0)),
            buffer_after: Some(seconds(600)),
            min_notice: Some(seconds(7200)),
            booking_horizon: Some(seconds(5_184_000)),
            daily_lesson_limit: 6,
            requires_approval: true,
            cancel_notice: Some(seconds(86_400)),
            reschedule_notice: Some(seconds(43_200)),
            accepting_students: Some(false),
            subjects: vec!["English".to_owned()],
        }),
        version: 6,
        create_time: Some(time("2026-01-10T08:00:00Z")),
        about: "I teach".to_owned(),
    }
}

pub fn an_availability() -> lesson::Availability {
    lesson::Availability {
        teacher_id: TEACHER.to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        rules: vec![lesson::WeeklyRule {
            day_of_week: 5,
            start_time_of_day: "22:00".to_owned(),
            end_time_of_day: "02:00".to_owned(),
            first_date: "2026-01-01".to_owned(),
            last_date: String::new(),
        }],
        version: 7,
        overrides: vec![lesson::DateOverride {
            date: "2026-01-19".to_owned(),
            intervals: vec![lesson::TimeInterval {
                start_time_of_day: "10:00".to_owned(),
                end_time_of_day: "24:00".to_owned(),
            }],
        }],
        time_off: vec![time_off()],
    }
}

fn time_off() -> lesson::TimeOff {
    lesson::TimeOff {
        id: TIME_OFF.to_owned(),
        start_time: Some(time("2026-07-01T00:00:00Z")),
        end_time: Some(time("2026-07-15T00:00:00Z")),
        note: "the sea".to_owned(),
    }
}

fn an_invitation() -> lesson::Invitation {
    lesson::Invitation {
        id: INVITATION.to_owned(),
        teacher_id: TEACHER.to_owned(),
        max_uses: 3,
        uses: 1,
        create_time: Some(time("2026-01-10T08:00:00Z")),
        expire_time: Some(time("2026-01-13T08:00:00Z")),
        revoke_time: None,
        state: lesson::InvitationState::Open.into(),
        ..lesson::Invitation::default()
    }
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}
