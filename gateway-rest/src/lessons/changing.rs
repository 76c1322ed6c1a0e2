//! Changes of a lesson over HTTP, each meant for the version that was read. A repeat by
//! the same person with the same `If-Match` and body answers as the first did; so no key
//! is needed.

use axum::extract::State;
use olm_proto::{
    lesson::v1::{
        BookingStatus, CancelLessonRequest, ConfirmLessonRequest, DeclineLessonRequest,
        RecordAttendanceRequest, RescheduleLessonRequest, UpdateLessonRequest,
    },
    timestamp,
};
use service_kit::{grpc::client::acting, status::Violations};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Attendance, AttendanceStatus, Explanation, Lesson, LessonUpdate, Move};
use crate::{
    api::App,
    body::{JsonBody, PathBooking, PathId},
    callers::PersonCaller,
    etag::{IfMatch, IfMatchHeader, Tagged},
    fields,
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[("lesson_id", "id"), ("expected_version", "If-Match")];

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(update))
        .routes(routes!(confirm))
        .routes(routes!(decline))
        .routes(routes!(reschedule))
        .routes(routes!(cancel))
        .routes(routes!(record_attendance))
}

/// Changes a lesson's notes and meeting link; for its teacher.
#[utoipa::path(
    patch,
    path = "/api/v1/lessons/{id}",
    tag = "lessons",
    operation_id = "update_lesson",
    params(("id" = Uuid, Path, description = "The lesson's id"), IfMatchHeader),
    request_body = LessonUpdate,
    responses(
        (status = 200, body = Lesson, description = "Changed"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn update(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<LessonUpdate>,
) -> Result<Tagged<Lesson>, Problem> {
    let message = UpdateLessonRequest {
        lesson_id: id.to_string(),
        expected_version,
        notes: body.notes,
        meeting_url: body.meeting_url,
    };
    let request = acting(message, caller.user);
    let answer = app.lessons().update_lesson(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Lesson::from_answer(answer.into_inner().lesson).map(Tagged)
}

/// Accepts a request; for its teacher.
#[utoipa::path(
    post,
    path = "/api/v1/lessons/{id}/confirm",
    tag = "lessons",
    operation_id = "confirm_lesson",
    params(("id" = Uuid, Path, description = "The lesson's id"), IfMatchHeader),
    responses(
        (status = 200, body = Lesson, description = "Scheduled"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn confirm(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    IfMatch(expected_version): IfMatch,
) -> Result<Tagged<Lesson>, Problem> {
    let message = ConfirmLessonRequest {
        lesson_id: id.to_string(),
        expected_version,
    };
    let request = acting(message, caller.user);
    let answer = app.lessons().confirm_lesson(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Lesson::from_answer(answer.into_inner().lesson).map(Tagged)
}

/// Refuses a request; for its teacher.
#[utoipa::path(
    post,
    path = "/api/v1/lessons/{id}/decline",
    tag = "lessons",
    operation_id = "decline_lesson",
    params(("id" = Uuid, Path, description = "The lesson's id"), IfMatchHeader),
    request_body = Explanation,
    responses(
        (status = 200, body = Lesson, description = "Declined"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn decline(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<Explanation>,
) -> Result<Tagged<Lesson>, Problem> {
    let message = DeclineLessonRequest {
        lesson_id: id.to_string(),
        expected_version,
        reason: body.reason.unwrap_or_default(),
    };
    let request = acting(message, caller.user);
    let answer = app.lessons().decline_lesson(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Lesson::from_answer(answer.into_inner().lesson).map(Tagged)
}

/// Moves a lesson that has not begun.
///
/// A student to a time the teacher's slots offer, or one that only this lesson takes; the
/// teacher beyond the policies. 409 when the time is taken (with `alternatives`), cannot
/// be booked, or it is too late to move.
#[utoipa::path(
    post,
    path = "/api/v1/lessons/{id}/reschedule",
    tag = "lessons",
    operation_id = "reschedule_lesson",
    params(("id" = Uuid, Path, description = "The lesson's id"), IfMatchHeader),
    request_body = Move,
    responses(
        (status = 200, body = Lesson, description = "Moved"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn reschedule(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<Move>,
) -> Result<Tagged<Lesson>, Problem> {
    let mut violations = Violations::default();
    let start = body.start_time.as_deref();
    let start_time = fields::required_instant(&mut violations, "start_time", start);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = RescheduleLessonRequest {
        lesson_id: id.to_string(),
        expected_version,
        start_time: start_time.map(timestamp),
    };
    let request = acting(message, caller.user);
    let answer = app.lessons().reschedule_lesson(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Lesson::from_answer(answer.into_inner().lesson).map(Tagged)
}

/// Cancels a lesson that has not begun.
///
/// Its teacher or its student may. A hold is let go, a request withdrawn.
#[utoipa::path(
    post,
    path = "/api/v1/lessons/{id}/cancel",
    tag = "lessons",
    operation_id = "cancel_lesson",
    params(("id" = Uuid, Path, description = "The lesson's id"), IfMatchHeader),
    request_body = Explanation,
    responses(
        (status = 200, body = Lesson, description = "Cancelled"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn cancel(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<Explanation>,
) -> Result<Tagged<Lesson>, Problem> {
    let message = CancelLessonRequest {
        lesson_id: id.to_string(),
        expected_version,
        reason: body.reason.unwrap_or_default(),
    };
    let request = acting(message, caller.user);
    let answer = app.lessons().cancel_lesson(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Lesson::from_answer(answer.into_inner().lesson).map(Tagged)
}

/// Says whether a student came, once the lesson has begun; for its teacher.
///
/// May be corrected. `If-Match` is the lesson's.
#[utoipa::path(
    put,
    path = "/api/v1/lessons/{id}/bookings/{booking_id}/attendance",
    tag = "lessons",
    operation_id = "record_attendance",
    params(
        ("id" = Uuid, Path, description = "The lesson's id"),
        ("booking_id" = Uuid, Path, description = "The seat's id"),
        IfMatchHeader,
    ),
    request_body(content = Attendance, example = json!({"status": "attended"})),
    responses(
        (status = 200, body = Lesson, description = "Recorded"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn record_attendance(
    State(app): State<App>,
    caller: PersonCaller,
    path: PathBooking,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<Attendance>,
) -> Result<Tagged<Lesson>, Problem> {
    let status = status(&body)?;
    let message = RecordAttendanceRequest {
        lesson_id: path.lesson.to_string(),
        expected_version,
        booking_id: path.booking.to_string(),
        status: BookingStatus::from(status).into(),
    };
    let request = acting(message, caller.user);
    let answer = app.lessons().record_attendance(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Lesson::from_answer(answer.into_inner().lesson).map(Tagged)
}

fn status(body: &Attendance) -> Result<AttendanceStatus, Problem> {
    body.status.ok_or_else(|| {
        let mut violations = Violations::default();
        violations.add("status", "is required");
        Problem::invalid(violations)
    })
}
