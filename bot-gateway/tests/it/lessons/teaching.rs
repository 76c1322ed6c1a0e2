//! What a teacher has and does: attendance, moving, time off, groups and invitations.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "each answers one RPC, and all have one shape"
)]

use jiff::{SignedDuration, Timestamp};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{group_service_server::GroupService, *},
};
use service_kit::clock::{Clock as _, SystemClock};
use telegram_sim::api::Person;
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use super::{Served, State, refusal};

/// What a teacher has.
#[derive(Debug, Default)]
pub struct Teaching {
    pub time_off: Vec<TimeOff>,
    /// The request ids of the time off.
    time_off_requests: Vec<(String, TimeOff)>,
    pub invitations: Vec<Invitation>,
    /// The request ids of the invitations.
    invitation_requests: Vec<(String, String)>,
    pub groups: Vec<Group>,
    /// These lessons are not cancelled.
    pub kept: Vec<String>,
    /// Whether these lessons are cancelled is not answered.
    pub silent: Vec<String>,
    /// The zones of students.
    pub zones: Vec<(String, String)>,
}

fn refused(code: Code, reason: ErrorReason) -> Status {
    refusal(code, reason).into_status("olm.lesson")
}

impl super::Lessons {
    /// Lets somebody be a teacher from their first word on.
    pub fn teaches(&self, person: &Person) {
        let user = User {
            id: Uuid::from_u128(u128::try_from(person.id).unwrap()).to_string(),
            display_name: person.first_name.clone(),
            language: person.language_code.clone(),
            time_zone: "Europe/Berlin".to_owned(),
            version: 1,
            is_teacher: true,
            ..User::default()
        };
        self.state().users.push(user);
    }
}

/// A lesson of the teacher `teacher` with `students`, who are named by their ids.
pub fn lesson(id: u128, teacher: Uuid, start: Timestamp, students: &[(u128, &str)]) -> Lesson {
    let seat = |(student, name): &(u128, &str)| Booking {
        id: Uuid::from_u128(id << 32 | student).to_string(),
        student_id: Uuid::from_u128(*student).to_string(),
        student_name: (*name).to_owned(),
        status: BookingStatus::Confirmed.into(),
        ..Booking::default()
    };
    Lesson {
        id: Uuid::from_u128(id).to_string(),
        teacher_id: teacher.to_string(),
        start_time: Some(olm_proto::timestamp(start)),
        end_time: Some(olm_proto::timestamp(start + SignedDuration::from_hours(1))),
        status: LessonStatus::Scheduled.into(),
        version: 1,
        bookings: students.iter().map(seat).collect(),
        capacity: 1,
        seats_taken: i32::try_from(students.len()).unwrap(),
        ..Lesson::default()
    }
}

/// Whether a lesson ends after the beginning and starts before the end that were asked for.
pub fn is_in(lesson: &Lesson, request: &ListLessonsRequest) -> bool {
    let instant = |time: &Option<prost_types::Timestamp>| {
        time.as_ref().map(|time| olm_proto::instant(time).unwrap())
    };
    let from = instant(&request.start_time);
    let until = instant(&request.end_time);
    from.is_none_or(|from| instant(&lesson.end_time).unwrap() > from)
        && until.is_none_or(|until| instant(&lesson.start_time).unwrap() < until)
}

fn at_version<'a>(state: &'a mut State, id: &str, version: i64) -> Result<&'a mut Lesson, Status> {
    let lesson = state.lessons.iter_mut().find(|lesson| lesson.id == id);
    let lesson = lesson.ok_or_else(|| refused(Code::NotFound, ErrorReason::LessonNotFound))?;
    if lesson.version != version {
        return Err(refused(Code::Aborted, ErrorReason::VersionStale));
    }
    Ok(lesson)
}

pub fn record_attendance(
    state: &mut State,
    _: &str,
    request: RecordAttendanceRequest,
) -> Result<RecordAttendanceResponse, Status> {
    let lesson = at_version(state, &request.lesson_id, request.expected_version)?;
    let start = olm_proto::instant(&lesson.start_time.unwrap()).unwrap();
    if start > SystemClock.now() {
        let early = ErrorReason::LessonNotStarted;
        return Err(refused(Code::FailedPrecondition, early));
    }
    let seat = lesson
        .bookings
        .iter_mut()
        .find(|seat| seat.id == request.booking_id)
        .unwrap();
    seat.status = request.status;
    lesson.version += 1;
    let lesson = Some(lesson.clone());
    Ok(RecordAttendanceResponse { lesson })
}

pub fn get_user(
    state: &mut State,
    _: &str,
    request: GetUserRequest,
) -> Result<GetUserResponse, Status> {
    let registered = state.users.iter().find(|user| user.id == request.user_id);
    if let Some(user) = registered.cloned() {
        return Ok(GetUserResponse { user: Some(user) });
    }
    let zones = &state.teaching.zones;
    let Some((id, zone)) = zones.iter().find(|(id, _)| *id == request.user_id) else {
        return Err(refused(Code::NotFound, ErrorReason::UserNotFound));
    };
    let user = Some(User {
        id: id.clone(),
        time_zone: zone.clone(),
        ..User::default()
    });
    Ok(GetUserResponse { user })
}

pub fn get_availability(
    state: &mut State,
    teacher: &str,
    _: GetAvailabilityRequest,
) -> Result<GetAvailabilityResponse, Status> {
    let teaching = &state.teaching;
    let availability = Some(Availability {
        teacher_id: teacher.to_owned(),
        version: i64::try_from(teaching.time_off_requests.len()).unwrap(),
        time_off: teaching.time_off.clone(),
        ..Availability::default()
    });
    Ok(GetAvailabilityResponse { availability })
}

pub fn add_time_off(
    state: &mut State,
    _: &str,
    request: AddTimeOffRequest,
) -> Result<AddTimeOffResponse, Status> {
    let teaching = &mut state.teaching;
    let mut known = teaching.time_off_requests.iter();
    let known = known.find(|&(id, _)| *id == request.request_id).cloned();
    let (_, time_off) = known.unwrap_or_else(|| {
        let time_off = TimeOff {
            id: Uuid::new_v4().to_string(),
            start_time: request.start_time,
            end_time: request.end_time,
            note: request.note,
        };
        let made = (request.request_id, time_off);
        teaching.time_off_requests.push(made.clone());
        teaching.time_off.push(made.1.clone());
        made
    });
    Ok(AddTimeOffResponse {
        time_off: Some(time_off),
        lesson_ids: Vec::new(),
    })
}

pub fn remove_time_off(
    state: &mut State,
    _: &str,
    request: RemoveTimeOffRequest,
) -> Result<RemoveTimeOffResponse, Status> {
    let time_off = &mut state.teaching.time_off;
    let before = time_off.len();
    time_off.retain(|off| off.id != request.time_off_id);
    if time_off.len() == before {
        return Err(refused(Code::NotFound, ErrorReason::TimeOffNotFound));
    }
    Ok(RemoveTimeOffResponse {})
}

pub fn create_invitation(
    state: &mut State,
    teacher: &str,
    request: CreateInvitationRequest,
) -> Result<CreateInvitationResponse, Status> {
    let teaching = &mut state.teaching;
    let mut known = teaching.invitation_requests.iter();
    let known = known.find(|&(id, _)| *id == request.request_id).cloned();
    let (_, id) = known.unwrap_or_else(|| {
        let invitation = Invitation {
            id: Uuid::new_v4().to_string(),
            teacher_id: teacher.to_owned(),
            max_uses: request.max_uses,
            expire_time: Some(olm_proto::timestamp(
                SystemClock.now() + SignedDuration::from_hours(72),
            )),
            state: InvitationState::Open.into(),
            group_id: request.group_id,
            ..Invitation::default()
        };
        let made = (request.request_id, invitation.id.clone());
        teaching.invitation_requests.push(made.clone());
        teaching.invitations.push(invitation);
        made
    });
    let mut made = teaching.invitations.iter();
    let invitation = made.find(|made| made.id == id).cloned();
    // As long as a real one.
    let token = id.replace('-', "_") + "1234567";
    Ok(CreateInvitationResponse { invitation, token })
}

pub fn list_invitations(
    state: &mut State,
    _: &str,
    _: ListInvitationsRequest,
) -> Result<ListInvitationsResponse, Status> {
    Ok(ListInvitationsResponse {
        invitations: state.teaching.invitations.clone(),
        ..ListInvitationsResponse::default()
    })
}

pub fn revoke_invitation(
    state: &mut State,
    _: &str,
    request: RevokeInvitationRequest,
) -> Result<RevokeInvitationResponse, Status> {
    let mut made = state.teaching.invitations.iter_mut();
    let Some(invitation) = made.find(|made| made.id == request.invitation_id) else {
        return Err(refused(Code::NotFound, ErrorReason::InvitationNotFound));
    };
    invitation.state = InvitationState::Revoked.into();
    let invitation = Some(invitation.clone());
    Ok(RevokeInvitationResponse { invitation })
}

fn get_group(
    state: &mut State,
    _: &str,
    request: GetGroupRequest,
) -> Result<GetGroupResponse, Status> {
    let mut groups = state.teaching.groups.iter();
    let group = groups.find(|group| group.id == request.group_id).cloned();
    if group.is_none() {
        return Err(refused(Code::NotFound, ErrorReason::GroupNotFound));
    }
    Ok(GetGroupResponse { group })
}

fn list_groups(
    state: &mut State,
    _: &str,
    _: ListGroupsRequest,
) -> Result<ListGroupsResponse, Status> {
    Ok(ListGroupsResponse {
        groups: state.teaching.groups.clone(),
        ..ListGroupsResponse::default()
    })
}

#[tonic::async_trait]
impl GroupService for Served {
    unused! {
        create_group: CreateGroupRequest => CreateGroupResponse;
        update_group: UpdateGroupRequest => UpdateGroupResponse;
        delete_group: DeleteGroupRequest => DeleteGroupResponse;
        list_group_members: ListGroupMembersRequest => ListGroupMembersResponse;
        add_group_member: AddGroupMemberRequest => AddGroupMemberResponse;
        remove_group_member: RemoveGroupMemberRequest => RemoveGroupMemberResponse;
    }
    answered! {
        get_group: GetGroupRequest => GetGroupResponse = get_group;
        list_groups: ListGroupsRequest => ListGroupsResponse = list_groups;
    }
}
