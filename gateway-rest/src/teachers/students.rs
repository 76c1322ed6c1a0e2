//! Whom the acting user teaches, and who teaches them.

use ::http::StatusCode;
use axum::{Json, extract::State};
use jiff::Timestamp;
use olm_proto::{
    instant,
    lesson::v1::{self as pb, ListMyTeachersRequest, ListStudentsRequest, RemoveStudentRequest},
};
use serde::Serialize;
use service_kit::grpc::client::acting;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::TeacherPage;
use crate::{
    api::App,
    body::{PathId, QueryFields},
    callers::PersonCaller,
    paging::{self, PageQuery},
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[("student_id", "id")];

/// A person whom the acting user teaches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Student {
    /// The user's id.
    #[schema(format = "uuid")]
    id: String,
    #[schema(example = "Boris")]
    display_name: String,
    /// IANA name.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    origin: StudentOrigin,
    /// Since when.
    create_time: Timestamp,
}

/// How somebody became a student.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StudentOrigin {
    /// By booking a lesson.
    Booking,
    /// By the teacher's invitation.
    Invitation,
    /// A way newer than this gateway.
    Unknown,
}

/// A page of students.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StudentPage {
    /// By name.
    students: Vec<Student>,
    /// Ask with it for the next page; null: this is the last.
    next_page_token: Option<String>,
}

impl TryFrom<pb::Student> for Student {
    type Error = Problem;

    fn try_from(student: pb::Student) -> Result<Self, Problem> {
        let origin = match student.origin() {
            pb::StudentOrigin::Booking => StudentOrigin::Booking,
            pb::StudentOrigin::Invitation => StudentOrigin::Invitation,
            pb::StudentOrigin::Unspecified => StudentOrigin::Unknown,
        };
        let Some(create_time) = student.create_time.as_ref().and_then(instant) else {
            return Err(Problem::bad_answer("a student without their time"));
        };
        Ok(Self {
            id: student.id,
            display_name: student.display_name,
            time_zone: student.time_zone,
            origin,
            create_time,
        })
    }
}

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(remove))
        .routes(routes!(list_teachers))
}

/// Lists the acting teacher's students, by name.
#[utoipa::path(
    get,
    path = "/api/v1/me/students",
    tag = "teachers",
    operation_id = "list_students",
    params(PageQuery),
    responses(
        (status = 200, body = StudentPage, description = "One page"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn list(
    State(app): State<App>,
    caller: PersonCaller,
    QueryFields(query): QueryFields<PageQuery>,
) -> Result<Json<StudentPage>, Problem> {
    let (page_size, page_token) = query.read()?;
    let message = ListStudentsRequest {
        page_size,
        page_token,
    };
    let request = acting(message, caller.user);
    let answer = app.teachers().list_students(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    let students = answer.students.into_iter().map(Student::try_from);
    Ok(Json(StudentPage {
        students: students.collect::<Result<_, _>>()?,
        next_page_token: paging::next_page(answer.next_page_token),
    }))
}

/// Ends the acting teacher's relation to a student.
///
/// They leave the teacher's groups, and give up their seats there. Lessons booked with them alone
/// stay. A repeat answers like the first.
#[utoipa::path(
    delete,
    path = "/api/v1/me/students/{id}",
    tag = "teachers",
    operation_id = "remove_student",
    params(("id" = Uuid, Path, description = "The student's id")),
    responses(
        (status = 204, description = "Not a student of the teacher any more"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn remove(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    let message = RemoveStudentRequest {
        student_id: id.to_string(),
    };
    let request = acting(message, caller.user);
    let answer = app.teachers().remove_student(request).await;
    answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the teachers whose student the acting user is, by name.
#[utoipa::path(
    get,
    path = "/api/v1/me/teachers",
    tag = "teachers",
    operation_id = "list_my_teachers",
    params(PageQuery),
    responses((status = 200, body = TeacherPage, description = "One page")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn list_teachers(
    State(app): State<App>,
    caller: PersonCaller,
    QueryFields(query): QueryFields<PageQuery>,
) -> Result<Json<TeacherPage>, Problem> {
    let (page_size, page_token) = query.read()?;
    let message = ListMyTeachersRequest {
        page_size,
        page_token,
    };
    let request = acting(message, caller.user);
    let answer = app.teachers().list_my_teachers(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    TeacherPage::from_answer(answer.teachers, answer.next_page_token).map(Json)
}
