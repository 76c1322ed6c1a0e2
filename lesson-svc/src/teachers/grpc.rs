//! `TeacherService`: parse, transaction, reply.

use olm_proto::lesson::v1::{
    CreateTeacherRequest, CreateTeacherResponse, DeleteTeacherRequest, DeleteTeacherResponse,
    GetTeacherRequest, GetTeacherResponse, ListMyTeachersRequest, ListMyTeachersResponse,
    ListStudentsRequest, ListStudentsResponse, RemoveStudentRequest, RemoveStudentResponse,
    SearchTeachersRequest, SearchTeachersResponse, UpdateTeacherRequest, UpdateTeacherResponse,
    teacher_service_server::TeacherService,
};
use service_kit::{grpc::server::required_acting_user, status::Violations};
use tonic::{Request, Response, Status};

use super::{Policies, Teacher, listing, store};
use crate::{
    errors::{Error, check_version},
    groups,
    ids::UserId,
    invitations,
    lessons::{self, recording},
    requests::{self, Claim},
    retrying::retrying,
    series::{self, store::jobs::Of},
    state::State,
    students, users,
};

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Teachers(pub State);

#[tonic::async_trait]
impl TeacherService for Teachers {
    async fn create_teacher(
        &self,
        request: Request<CreateTeacherRequest>,
    ) -> Result<Response<CreateTeacherResponse>, Status> {
        let user = UserId(required_acting_user(&request)?);
        let teacher = create(&self.0, user, &request.into_inner()).await?;
        Ok(Response::new(CreateTeacherResponse {
            teacher: Some(teacher.into()),
        }))
    }

    async fn get_teacher(
        &self,
        request: Request<GetTeacherRequest>,
    ) -> Result<Response<GetTeacherResponse>, Status> {
        let viewer = UserId(required_acting_user(&request)?);
        let teacher = get(&self.0, viewer, &request.into_inner()).await?;
        Ok(Response::new(GetTeacherResponse {
            teacher: Some(teacher.into()),
        }))
    }

    async fn update_teacher(
        &self,
        request: Request<UpdateTeacherRequest>,
    ) -> Result<Response<UpdateTeacherResponse>, Status> {
        let user = UserId(required_acting_user(&request)?);
        let teacher = update(&self.0, user, &request.into_inner()).await?;
        Ok(Response::new(UpdateTeacherResponse {
            teacher: Some(teacher.into()),
        }))
    }

    async fn search_teachers(
        &self,
        request: Request<SearchTeachersRequest>,
    ) -> Result<Response<SearchTeachersResponse>, Status> {
        let viewer = UserId(required_acting_user(&request)?);
        let page = listing::search(&self.0, viewer, &request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn delete_teacher(
        &self,
        request: Request<DeleteTeacherRequest>,
    ) -> Result<Response<DeleteTeacherResponse>, Status> {
        let user = UserId(required_acting_user(&request)?);
        delete(&self.0, user, &request.into_inner()).await?;
        Ok(Response::new(DeleteTeacherResponse {}))
    }

    async fn list_students(
        &self,
        request: Request<ListStudentsRequest>,
    ) -> Result<Response<ListStudentsResponse>, Status> {
        let teacher = UserId(required_acting_user(&request)?);
        let page = listing::students(&self.0, teacher, &request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn remove_student(
        &self,
        request: Request<RemoveStudentRequest>,
    ) -> Result<Response<RemoveStudentResponse>, Status> {
        let teacher = UserId(required_acting_user(&request)?);
        remove_student(&self.0, teacher, &request.into_inner()).await?;
        Ok(Response::new(RemoveStudentResponse {}))
    }

    async fn list_my_teachers(
        &self,
        request: Request<ListMyTeachersRequest>,
    ) -> Result<Response<ListMyTeachersResponse>, Status> {
        let student = UserId(required_acting_user(&request)?);
        let page = listing::my_teachers(&self.0, student, &request.into_inner()).await?;
        Ok(Response::new(page))
    }
}

async fn create(
    state: &State,
    user: UserId,
    request: &CreateTeacherRequest,
) -> Result<Teacher, Error> {
    let mut violations = Violations::default();
    let request_id = violations.uuid("request_id", &request.request_id);
    let policies = Policies::read(request.policies.as_ref(), &mut violations);
    violations.check()?;
    let body = CreateTeacherRequest {
        request_id: String::new(),
        policies: Some(policies.to_message()),
    };
    let body_hash = requests::body_hash("CreateTeacher", &body);
    let now = state.now();
    let mut tx = state.pool.begin().await?;
    // After the lessons that the person is just booking as a student: those could not
    // lock the teacher that the person is from here on.
    let living = users::store::lock(&mut tx, user).await?;
    living.ok_or(Error::UserNotFound)?;
    let claim = requests::claim(&mut tx, user, request_id, body_hash, user.0, now).await?;
    let created = claim == Claim::New && store::insert(&mut tx, user, &policies, now).await?;
    let teacher = store::find(&mut tx, user).await?;
    tx.commit().await?;
    state.committed();
    if created {
        tracing::info!(event = "teacher_created", teacher_id = %user, "teacher created");
    }
    teacher.ok_or(Error::TeacherNotFound)
}

async fn get(state: &State, viewer: UserId, request: &GetTeacherRequest) -> Result<Teacher, Error> {
    let mut violations = Violations::default();
    let id = UserId(violations.uuid("teacher_id", &request.teacher_id));
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    users::store::require(&mut conn, viewer).await?;
    store::find(&mut conn, id)
        .await?
        .ok_or(Error::TeacherNotFound)
}

async fn update(
    state: &State,
    user: UserId,
    request: &UpdateTeacherRequest,
) -> Result<Teacher, Error> {
    let mut violations = Violations::default();
    violations.require(request.policies.is_some(), "policies", "is missing");
    let policies = Policies::read(request.policies.as_ref(), &mut violations);
    violations.require(
        request.expected_version > 0,
        "expected_version",
        "is not more than 0",
    );
    violations.check()?;
    retrying(|| try_update(state, user, request.expected_version, &policies)).await
}

async fn try_update(
    state: &State,
    user: UserId,
    expected_version: i64,
    policies: &Policies,
) -> Result<Teacher, Error> {
    let mut tx = state.pool.begin().await?;
    users::store::require_locked(&mut tx, user).await?;
    let teacher = store::lock(&mut tx, user).await?;
    let mut teacher = teacher.ok_or(Error::NotATeacher)?;
    check_version(expected_version, teacher.version)?;
    if teacher.policies != *policies {
        if policies.booking_horizon > teacher.policies.booking_horizon {
            // Students reach no further than series are decided.
            series::store::jobs::update_due(&mut tx, user, state.now()).await?;
        }
        teacher.version = store::update_policies(&mut tx, user, policies).await?;
        teacher.policies = policies.clone();
        tx.commit().await?;
        state.committed();
    }
    Ok(teacher)
}

async fn delete(state: &State, user: UserId, request: &DeleteTeacherRequest) -> Result<(), Error> {
    let mut violations = Violations::default();
    violations.require(
        request.expected_version > 0,
        "expected_version",
        "is not more than 0",
    );
    violations.check()?;
    retrying(|| try_delete(state, user, request.expected_version)).await
}

async fn try_delete(state: &State, user: UserId, expected_version: i64) -> Result<(), Error> {
    let now = state.now();
    let mut tx = state.pool.begin().await?;
    users::store::require_locked(&mut tx, user).await?;
    // Bookings with this teacher are over, or wait and find no teacher.
    let teacher = store::lock(&mut tx, user).await?;
    let teacher = teacher.ok_or(Error::NotATeacher)?;
    check_version(expected_version, teacher.version)?;
    if lessons::store::has_lessons_ahead(&mut tx, user, now).await?
        || series::store::jobs::has_due(&mut tx, user).await?
    {
        return Err(Error::LessonsAhead);
    }
    store::update_deleted(&mut tx, user, now).await?;
    invitations::store::update_all_revoked(&mut tx, user, now).await?;
    tx.commit().await?;
    state.committed();
    tracing::info!(event = "teacher_deleted", teacher_id = %user, "teacher deleted");
    Ok(())
}

async fn remove_student(
    state: &State,
    teacher: UserId,
    request: &RemoveStudentRequest,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    let student = UserId(violations.uuid("student_id", &request.student_id));
    violations.check()?;
    retrying(|| try_remove_student(state, teacher, student)).await
}

async fn try_remove_student(state: &State, teacher: UserId, student: UserId) -> Result<(), Error> {
    let mut tx = state.pool.begin().await?;
    users::store::require_locked(&mut tx, teacher).await?;
    // Nobody is put into the teacher's groups meanwhile.
    let locked = store::lock(&mut tx, teacher).await?;
    locked.ok_or(Error::NotATeacher)?;
    let now = state.now();
    let of = Of::Pair { teacher, student };
    let ids = series::store::jobs::lock_of(&mut tx, of, now).await?;
    let series = series::store::find_all(&mut tx, &ids).await?;
    let (of_groups, alone) = series
        .into_iter()
        .partition::<Vec<_>, _>(|series| series.learner.group().is_some());
    let of_groups: Vec<_> = of_groups.iter().map(|series| series.id.0).collect();
    let left = groups::membership::remove_from_all(&mut tx, teacher, student, &of_groups, now);
    let left = left.await?;
    for series in alone {
        series::forgetting::stop(&mut tx, series, now).await?;
    }
    if !students::store::update_ended(&mut tx, teacher, student, now).await? {
        return Err(Error::UserNotFound);
    }
    tx.commit().await?;
    recording::announce(state, &left);
    state.committed();
    tracing::info!(
        event = "student_removed", teacher_id = %teacher, student_id = %student,
        seats = left.len(), "student removed"
    );
    Ok(())
}
