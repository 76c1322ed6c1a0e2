//! People, teachers and invitations.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        invitation_service_server::InvitationService, teacher_service_server::TeacherService,
        user_service_server::UserService, *,
    },
};
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use super::{Served, State, acting, refusal, teacher, teaching};

/// The acting person, if they are still as they were read.
fn current(state: &mut State, id: &str, version: i64) -> Result<User, Status> {
    let user = state.users.iter().find(|user| user.id == id).unwrap();
    if user.version != version {
        let refused = refusal(Code::Aborted, ErrorReason::VersionStale);
        return Err(refused.into_status("olm.lesson"));
    }
    Ok(user.clone())
}

fn keep(state: &mut State, mut user: User) -> User {
    let kept = state.users.iter_mut().find(|kept| kept.id == user.id);
    let kept = kept.unwrap();
    if *kept != user {
        user.version += 1;
        kept.clone_from(&user);
    }
    user
}

#[tonic::async_trait]
impl UserService for Served {
    answered! {
        get_user: GetUserRequest => GetUserResponse = teaching::get_user;
    }
    unused! {
        list_users: ListUsersRequest => ListUsersResponse;
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
                reminder_leads: vec![olm_proto::duration(jiff::SignedDuration::from_hours(1))],
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

    async fn update_user(
        &self,
        request: Request<UpdateUserRequest>,
    ) -> Result<Response<UpdateUserResponse>, Status> {
        let id = acting(&request);
        let request = request.into_inner();
        let mut state = self.open()?;
        let mut user = current(&mut state, &id, request.expected_version)?;
        let name = request.display_name.unwrap();
        if name.contains('\n') {
            return Err(Status::invalid_argument("a line break"));
        }
        user.display_name = name;
        let user = Some(keep(&mut state, user));
        Ok(Response::new(UpdateUserResponse { user }))
    }

    async fn update_settings(
        &self,
        request: Request<UpdateSettingsRequest>,
    ) -> Result<Response<UpdateSettingsResponse>, Status> {
        let id = acting(&request);
        let request = request.into_inner();
        let mut state = self.open()?;
        let rules = request.rules_zone();
        state.rules_zones.push(rules);
        let mut user = current(&mut state, &id, request.expected_version)?;
        let moves = request.time_zone.is_some() && state.works_elsewhere;
        if moves && rules == RulesZone::Unspecified {
            let needed = refusal(Code::FailedPrecondition, ErrorReason::RulesZoneNeeded);
            return Err(needed.into_status("olm.lesson"));
        }
        user.language = request.language.unwrap_or(user.language);
        user.time_zone = request.time_zone.unwrap_or(user.time_zone);
        if let Some(leads) = request.reminder_leads {
            user.reminder_leads = leads.leads;
        }
        if let Some(muted) = request.muted_kinds {
            user.muted_kinds = muted.kinds;
        }
        if let Some(hours) = request.quiet_hours {
            user.quiet_hours = (!hours.start_time_of_day.is_empty()).then_some(hours);
        }
        let user = Some(keep(&mut state, user));
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
        remove_student: RemoveStudentRequest => RemoveStudentResponse;
    }

    async fn list_students(
        &self,
        _: Request<ListStudentsRequest>,
    ) -> Result<Response<ListStudentsResponse>, Status> {
        drop(self.open()?);
        Ok(Response::new(ListStudentsResponse {
            students: vec![Student::default(), Student::default()],
            next_page_token: String::new(),
        }))
    }

    async fn get_teacher(
        &self,
        request: Request<GetTeacherRequest>,
    ) -> Result<Response<GetTeacherResponse>, Status> {
        let id = request.into_inner().teacher_id;
        let state = self.open()?;
        let mut teachers = state.teachers.iter();
        let Some(teacher) = teachers.find(|teacher| teacher.id == id) else {
            let unknown = refusal(Code::NotFound, ErrorReason::TeacherNotFound);
            return Err(unknown.into_status("olm.lesson"));
        };
        let teacher = Some(teacher.clone());
        Ok(Response::new(GetTeacherResponse { teacher }))
    }

    async fn list_my_teachers(
        &self,
        _: Request<ListMyTeachersRequest>,
    ) -> Result<Response<ListMyTeachersResponse>, Status> {
        let state = self.open()?;
        let own = |teacher: &&Teacher| state.own_teachers.contains(&teacher.id);
        Ok(Response::new(ListMyTeachersResponse {
            teachers: state.teachers.iter().filter(own).cloned().collect(),
            next_page_token: String::new(),
        }))
    }

    async fn search_teachers(
        &self,
        request: Request<SearchTeachersRequest>,
    ) -> Result<Response<SearchTeachersResponse>, Status> {
        let request = request.into_inner();
        let (name, subject) = (request.query.to_lowercase(), request.subject.to_lowercase());
        let meant = |teacher: &&Teacher| {
            let policies = teacher.policies.clone().unwrap_or_default();
            let mut subjects = policies.subjects.iter();
            let accepting = policies.accepting_students.unwrap_or(true);
            teacher.display_name.to_lowercase().contains(&name)
                && (subject.is_empty() || subjects.any(|known| known.to_lowercase() == subject))
                && (accepting || !request.only_accepting)
        };
        let state = self.open()?;
        Ok(Response::new(SearchTeachersResponse {
            teachers: state.teachers.iter().filter(meant).cloned().collect(),
            next_page_token: String::new(),
        }))
    }
}

#[tonic::async_trait]
impl InvitationService for Served {
    unused! {
        preview_invitation: PreviewInvitationRequest => PreviewInvitationResponse;
    }
    answered! {
        create_invitation: CreateInvitationRequest => CreateInvitationResponse
            = teaching::create_invitation;
        list_invitations: ListInvitationsRequest => ListInvitationsResponse
            = teaching::list_invitations;
        revoke_invitation: RevokeInvitationRequest => RevokeInvitationResponse
            = teaching::revoke_invitation;
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
                let refused = refused.metadata("group_title", "Chess & Co");
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
