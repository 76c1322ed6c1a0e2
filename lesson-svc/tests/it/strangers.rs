//! Who may see: every RPC of every service as somebody who is not registered, as
//! somebody who was erased, and as a teacher to whom all of it is strange.

use std::{collections::BTreeSet, future::Future, pin::Pin};

use olm_proto::{
    DESCRIPTORS,
    common::v1::ErrorReason,
    lesson::v1::{
        AcceptInvitationRequest, AddGroupMemberRequest, AddTimeOffRequest, BookLessonRequest,
        BookingStatus, CancelLessonRequest, CancelSeriesRequest, ConfirmLessonRequest,
        ConflictMode, CreateCalendarFeedRequest, CreateGroupRequest, CreateInvitationRequest,
        CreateSeriesRequest, CreateTeacherRequest, DateOverride, DeclineLessonRequest,
        DeleteGroupRequest, DeleteOverrideRequest, DeleteTeacherRequest, EraseUserRequest,
        GetAvailabilityRequest, GetCalendarEntryRequest, GetGroupRequest, GetLessonRequest,
        GetSeriesRequest, GetTeacherRequest, GetUserRequest, HoldSlotRequest, JoinLessonRequest,
        LeaveLessonRequest, Lesson, ListCalendarFeedsRequest, ListGroupMembersRequest,
        ListGroupsRequest, ListInvitationsRequest, ListLessonChangesRequest, ListLessonsRequest,
        ListMyTeachersRequest, ListSeriesRequest, ListSlotsRequest, ListStudentsRequest,
        ListUsersRequest, PreviewInvitationRequest, PreviewSeriesRequest,
        PreviewSeriesUpdateRequest, PutOverrideRequest, ReconfirmLessonRequest,
        RecordAttendanceRequest, RemoveGroupMemberRequest, RemoveStudentRequest,
        RemoveTimeOffRequest, RescheduleLessonRequest, RevokeCalendarFeedRequest,
        RevokeInvitationRequest, SearchTeachersRequest, SeriesChange, SetAdminRequest,
        SetWeeklyRulesRequest, TeacherPolicies, UpdateGroupRequest, UpdateLessonRequest,
        UpdateSeriesRequest, UpdateSettingsRequest, UpdateTeacherRequest, UpdateUserRequest,
        WantedSeries, WatchChangesRequest,
    },
};
use service_kit::{grpc::client::acting, status};
use sqlx::PgPool;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    series::{create, weekly},
    steps::{group, put},
    support::{World, booking, new_id, registration, rule, wire},
};

/// What a stranger is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stranger {
    /// The call is about the stranger's own things, or about what everybody may see.
    Served,
    Refused(ErrorReason),
}

use ErrorReason::{
    AdminOnly, CalendarFeedNotFound, GroupNotFound, InvitationNotFound, LessonNotFound,
    SeriesNotFound, TeacherOnly, TimeOffNotFound, UserNotFound,
};
use Stranger::{Refused, Served};

type Call = Pin<Box<dyn Future<Output = Result<(), Status>> + Send>>;

/// One way to call an RPC.
struct Probe {
    /// `Service/Method`, as in the contract.
    method: String,
    stranger: Stranger,
    call: Box<dyn Fn(Uuid) -> Call>,
}

fn camel_case(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

/// `Service client { method(request) => what a stranger is answered; … }`
macro_rules! probes {
    ($world:ident, $service:literal, $client:ident, {
        $($method:ident($request:expr) => $stranger:expr;)*
    }) => {
        vec![$({
            let (client, request) = ($world.$client(), $request);
            Probe {
                method: format!("{}/{}", $service, camel_case(stringify!($method))),
                stranger: $stranger,
                call: Box::new(move |viewer| {
                    let (mut client, request) = (client.clone(), request.clone());
                    Box::pin(async move { client.$method(acting(request, viewer)).await.map(drop) })
                }),
            }
        }),*]
    };
}

/// Things that are not the stranger's.
struct Things {
    teacher: String,
    student: String,
    lesson: Lesson,
    invitation: String,
    series: String,
    time_off: String,
    /// The student is in it.
    group: String,
    feed: String,
}

impl Things {
    async fn make(world: &World) -> Self {
        let (teacher, student) = (world.teacher(1, "Anna").await, world.student(2).await);
        world.befriend(teacher, student).await;
        let invite = CreateInvitationRequest {
            request_id: new_id(),
            ..CreateInvitationRequest::default()
        };
        let mut invitations = world.invitations();
        let made = invitations.create_invitation(acting(invite, teacher)).await;
        let mut availability = world.availability();
        let added = availability.add_time_off(acting(time_off(), teacher)).await;
        let lesson = world.book(student, teacher, "2026-06-01T12:00:00Z").await;
        let wanted = weekly(student, "2026-06-05", "17:00", 2);
        let series = create(world, teacher, wanted, ConflictMode::Strict).await;
        let group = group(world, teacher, 2).await;
        put(world, teacher, &group, student).await.unwrap();
        let feed = CreateCalendarFeedRequest {
            request_id: new_id(),
        };
        let mut calendars = world.calendars();
        let feed = calendars.create_calendar_feed(acting(feed, student)).await;
        Self {
            teacher: teacher.to_string(),
            student: student.to_string(),
            lesson: lesson.unwrap(),
            invitation: made.unwrap().into_inner().invitation.unwrap().id,
            time_off: added.unwrap().into_inner().time_off.unwrap().id,
            feed: feed.unwrap().into_inner().feed.unwrap().id,
            series: series.unwrap().series.unwrap().id,
            group: group.id,
        }
    }
}

fn time_off() -> AddTimeOffRequest {
    AddTimeOffRequest {
        request_id: new_id(),
        start_time: Some(wire("2026-06-10T00:00:00Z")),
        end_time: Some(wire("2026-06-11T00:00:00Z")),
        note: String::new(),
    }
}

fn people(world: &World, things: &Things) -> Vec<Probe> {
    let user_id = || things.student.clone();
    probes!(world, "UserService", users, {
        get_user(GetUserRequest { user_id: user_id() }) => Refused(UserNotFound);
        list_users(ListUsersRequest::default()) => Refused(AdminOnly);
        update_user(UpdateUserRequest {
            expected_version: 1,
            ..UpdateUserRequest::default()
        }) => Served;
        update_settings(UpdateSettingsRequest {
            expected_version: 1,
            ..UpdateSettingsRequest::default()
        }) => Served;
        set_admin(SetAdminRequest { user_id: user_id(), is_admin: true }) => Refused(AdminOnly);
        erase_user(EraseUserRequest { user_id: user_id() }) => Refused(UserNotFound);
    })
}

fn teachers(world: &World, things: &Things) -> Vec<Probe> {
    probes!(world, "TeacherService", teachers, {
        create_teacher(CreateTeacherRequest { request_id: new_id(), policies: None }) => Served;
        get_teacher(GetTeacherRequest { teacher_id: things.teacher.clone() }) => Served;
        update_teacher(UpdateTeacherRequest {
            policies: Some(TeacherPolicies::default()),
            expected_version: 1,
        }) => Served;
        search_teachers(SearchTeachersRequest::default()) => Served;
        list_students(ListStudentsRequest::default()) => Served;
        remove_student(RemoveStudentRequest {
            student_id: things.student.clone(),
        }) => Refused(UserNotFound);
        list_my_teachers(ListMyTeachersRequest::default()) => Served;
    })
}

/// Last of all, because the stranger is no teacher afterwards.
fn stop_teaching(world: &World) -> Vec<Probe> {
    probes!(world, "TeacherService", teachers, {
        delete_teacher(DeleteTeacherRequest { expected_version: 2 }) => Served;
    })
}

fn invitations(world: &World, things: &Things) -> Vec<Probe> {
    let token = || "x".repeat(43);
    probes!(world, "InvitationService", invitations, {
        create_invitation(CreateInvitationRequest {
            request_id: new_id(),
            ..CreateInvitationRequest::default()
        }) => Served;
        list_invitations(ListInvitationsRequest::default()) => Served;
        revoke_invitation(RevokeInvitationRequest {
            invitation_id: things.invitation.clone(),
        }) => Refused(InvitationNotFound);
        preview_invitation(PreviewInvitationRequest { token: token() }) => Refused(InvitationNotFound);
        accept_invitation(AcceptInvitationRequest { token: token() }) => Refused(InvitationNotFound);
    })
}

fn availability(world: &World, things: &Things) -> Vec<Probe> {
    probes!(world, "AvailabilityService", availability, {
        get_availability(GetAvailabilityRequest { teacher_id: things.teacher.clone() }) => Served;
        set_weekly_rules(SetWeeklyRulesRequest {
            time_zone: "UTC".to_owned(),
            rules: vec![rule(1, "09:00", "18:00")],
            expected_version: 1,
        }) => Served;
        put_override(PutOverrideRequest {
            date_override: Some(DateOverride {
                date: "2026-06-09".to_owned(),
                ..DateOverride::default()
            }),
            expected_version: 2,
        }) => Served;
        delete_override(DeleteOverrideRequest {
            date: "2026-06-09".to_owned(),
            expected_version: 3,
        }) => Served;
        add_time_off(time_off()) => Served;
        remove_time_off(RemoveTimeOffRequest {
            time_off_id: things.time_off.clone(),
        }) => Refused(TimeOffNotFound);
        list_slots(ListSlotsRequest {
            teacher_id: things.teacher.clone(),
            ..ListSlotsRequest::default()
        }) => Served;
    })
}

fn lessons(world: &World, things: &Things) -> Vec<Probe> {
    let teacher: Uuid = things.teacher.parse().unwrap();
    let lesson_id = || things.lesson.id.clone();
    let expected_version = 1;
    let gone = Refused(LessonNotFound);
    probes!(world, "LessonService", lessons, {
        hold_slot(HoldSlotRequest {
            request_id: new_id(),
            teacher_id: things.teacher.clone(),
            start_time: Some(wire("2026-06-01T14:00:00Z")),
            lesson_duration: None,
        }) => Served;
        book_lesson(booking(teacher, "2026-06-01T16:00:00Z")) => Served;
        book_lesson(BookLessonRequest {
            student_id: things.student.clone(),
            ..booking(teacher, "2026-06-02T16:00:00Z")
        }) => Refused(TeacherOnly);
        get_lesson(GetLessonRequest { lesson_id: lesson_id() }) => gone;
        list_lessons(ListLessonsRequest::default()) => Served;
        list_lessons(ListLessonsRequest {
            user_id: things.student.clone(),
            ..ListLessonsRequest::default()
        }) => Refused(AdminOnly);
        confirm_lesson(ConfirmLessonRequest { lesson_id: lesson_id(), expected_version }) => gone;
        decline_lesson(DeclineLessonRequest {
            lesson_id: lesson_id(),
            expected_version,
            reason: String::new(),
        }) => gone;
        reschedule_lesson(RescheduleLessonRequest {
            lesson_id: lesson_id(),
            expected_version,
            start_time: Some(wire("2026-06-03T09:00:00Z")),
        }) => gone;
        update_lesson(UpdateLessonRequest {
            lesson_id: lesson_id(),
            expected_version,
            notes: Some("mine now".to_owned()),
            meeting_url: None,
        }) => gone;
        cancel_lesson(CancelLessonRequest {
            lesson_id: lesson_id(),
            expected_version,
            reason: String::new(),
        }) => gone;
        record_attendance(RecordAttendanceRequest {
            lesson_id: lesson_id(),
            expected_version,
            booking_id: things.lesson.bookings[0].id.clone(),
            status: BookingStatus::Attended.into(),
        }) => gone;
        list_lesson_changes(ListLessonChangesRequest {
            lesson_id: lesson_id(),
            ..ListLessonChangesRequest::default()
        }) => gone;
        list_lessons(ListLessonsRequest {
            group_id: things.group.clone(),
            ..ListLessonsRequest::default()
        }) => Refused(GroupNotFound);
        list_lessons(ListLessonsRequest {
            series_id: things.series.clone(),
            ..ListLessonsRequest::default()
        }) => Refused(SeriesNotFound);
        book_lesson(BookLessonRequest {
            group_id: things.group.clone(),
            ..booking(teacher, "2026-06-02T16:00:00Z")
        }) => Refused(GroupNotFound);
        join_lesson(JoinLessonRequest { lesson_id: lesson_id(), start_time: None }) => gone;
        leave_lesson(LeaveLessonRequest {
            lesson_id: lesson_id(),
            expected_version,
            student_id: String::new(),
        }) => gone;
        reconfirm_lesson(ReconfirmLessonRequest { lesson_id: lesson_id(), expected_version }) => gone;
    })
}

fn groups(world: &World, things: &Things) -> Vec<Probe> {
    let group_id = || things.group.clone();
    let student_id = || things.student.clone();
    let expected_version = 2;
    let gone = Refused(GroupNotFound);
    probes!(world, "GroupService", groups, {
        create_group(CreateGroupRequest {
            request_id: new_id(),
            title: "Mine".to_owned(),
            capacity: 2,
        }) => Served;
        get_group(GetGroupRequest { group_id: group_id() }) => gone;
        list_groups(ListGroupsRequest::default()) => Served;
        update_group(UpdateGroupRequest {
            group_id: group_id(),
            expected_version,
            title: Some("Mine now".to_owned()),
            capacity: None,
        }) => gone;
        delete_group(DeleteGroupRequest { group_id: group_id(), expected_version }) => gone;
        list_group_members(ListGroupMembersRequest {
            group_id: group_id(),
            ..ListGroupMembersRequest::default()
        }) => gone;
        add_group_member(AddGroupMemberRequest {
            group_id: group_id(),
            student_id: student_id(),
        }) => gone;
        remove_group_member(RemoveGroupMemberRequest {
            group_id: group_id(),
            student_id: student_id(),
        }) => gone;
    })
}

fn series(world: &World, things: &Things) -> Vec<Probe> {
    let student: Uuid = things.student.parse().unwrap();
    let of_others = || WantedSeries {
        teacher_id: things.teacher.clone(),
        ..weekly(student, "2026-06-06", "17:00", 2)
    };
    probes!(world, "SeriesService", series, {
        preview_series(PreviewSeriesRequest { series: Some(of_others()) }) => Refused(TeacherOnly);
        create_series(CreateSeriesRequest {
            request_id: new_id(),
            series: Some(of_others()),
            conflict_mode: ConflictMode::Skip.into(),
        }) => Refused(TeacherOnly);
        get_series(GetSeriesRequest { series_id: things.series.clone() }) => Refused(SeriesNotFound);
        list_series(ListSeriesRequest::default()) => Served;
        preview_series_update(PreviewSeriesUpdateRequest {
            series_id: things.series.clone(),
            change: Some(SeriesChange::default()),
        }) => Refused(SeriesNotFound);
        update_series(UpdateSeriesRequest {
            series_id: things.series.clone(),
            expected_version: 1,
            change: Some(SeriesChange::default()),
            conflict_mode: ConflictMode::Skip.into(),
        }) => Refused(SeriesNotFound);
        cancel_series(CancelSeriesRequest {
            series_id: things.series.clone(),
            expected_version: 1,
            ..CancelSeriesRequest::default()
        }) => Refused(SeriesNotFound);
    })
}

fn calendars(world: &World, things: &Things) -> Vec<Probe> {
    probes!(world, "CalendarService", calendars, {
        create_calendar_feed(CreateCalendarFeedRequest { request_id: new_id() }) => Served;
        list_calendar_feeds(ListCalendarFeedsRequest::default()) => Served;
        revoke_calendar_feed(RevokeCalendarFeedRequest {
            feed_id: things.feed.clone(),
        }) => Refused(CalendarFeedNotFound);
        get_calendar_entry(GetCalendarEntryRequest {
            lesson_id: things.lesson.id.clone(),
        }) => Refused(LessonNotFound);
    })
}

fn changes(world: &World) -> Vec<Probe> {
    probes!(world, "ChangeService", changes, {
        watch_changes(WatchChangesRequest::default()) => Served;
    })
}

fn all(world: &World, things: &Things) -> Vec<Probe> {
    let mut probes = people(world, things);
    probes.extend(teachers(world, things));
    probes.extend(invitations(world, things));
    probes.extend(availability(world, things));
    probes.extend(lessons(world, things));
    probes.extend(series(world, things));
    probes.extend(groups(world, things));
    probes.extend(calendars(world, things));
    probes.extend(changes(world));
    probes.extend(stop_teaching(world));
    probes
}

/// Every RPC that speaks for a person. Registration speaks for nobody: there is no
/// person yet. Who reads a feed is who has its token.
fn contract() -> BTreeSet<String> {
    let services = DESCRIPTORS
        .services()
        .filter(|service| service.full_name().starts_with("olm.lesson."));
    let methods = services.flat_map(|service| {
        let name = service.name().to_owned();
        let names = service
            .methods()
            .map(move |method| format!("{name}/{}", method.name()));
        names.collect::<Vec<_>>()
    });
    methods
        .filter(|method| {
            let nobodys = [
                "UserService/RegisterTelegramUser",
                "CalendarService/ReadCalendarFeed",
            ];
            !nobodys.contains(&method.as_str())
        })
        .collect()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn no_rpc_is_forgotten_here(pool: PgPool) {
    let world = World::start(pool).await;
    let things = Things::make(&world).await;
    let probes = all(&world, &things);
    let probed: BTreeSet<_> = probes.into_iter().map(|probe| probe.method).collect();
    assert_eq!(probed, contract());
    let speaks = acting(registration(9, "Anna"), Uuid::from_u128(7));
    let refused = world.users().register_telegram_user(speaks).await;
    let reason = status::reason(&refused.unwrap_err());
    assert_eq!(reason, Some(ErrorReason::ActingUserNotPermitted));
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn every_rpc_finds_nothing_for_those_who_are_not_registered_or_were_erased(pool: PgPool) {
    let world = World::start(pool).await;
    let things = Things::make(&world).await;
    let erased = world.teacher(3, "Boris").await;
    world
        .befriend(things.teacher.parse().unwrap(), erased)
        .await;
    world.erase(erased).await.unwrap();
    for probe in all(&world, &things) {
        for viewer in [Uuid::from_u128(7), erased] {
            let refused = (probe.call)(viewer).await;
            let refused = refused.expect_err(&probe.method);
            let answered = (refused.code(), status::reason(&refused));
            let expected = (Code::NotFound, Some(UserNotFound));
            assert_eq!(answered, expected, "{} as {viewer}", probe.method);
        }
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn nobody_reaches_what_is_not_theirs(pool: PgPool) {
    let world = World::start(pool).await;
    let things = Things::make(&world).await;
    let stranger = world.teacher(3, "Boris").await;
    for probe in all(&world, &things) {
        let answered = match (probe.call)(stranger).await {
            Ok(()) => Served,
            Err(refused) => Refused(
                status::reason(&refused).unwrap_or_else(|| panic!("{}: {refused:?}", probe.method)),
            ),
        };
        assert_eq!(answered, probe.stranger, "{}", probe.method);
    }
    world.stop().await;
}
