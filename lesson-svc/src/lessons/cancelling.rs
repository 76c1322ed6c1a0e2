//! Cancelling a lesson.

use olm_proto::lesson::v1::CancelLessonRequest;
use service_kit::status::Violations;

use super::{Cancellation, LONGEST_REASON, Lesson, store};
use crate::{
    errors::{Error, check_text},
    ids::{LessonId, UserId},
    outbox,
    state::State,
};

/// Cancels a lesson for one of those who take part. A student's seat is the whole
/// lesson as long as lessons have one seat.
///
/// # Errors
///
/// What stands against it.
pub async fn cancel(
    state: &State,
    by: UserId,
    request: &CancelLessonRequest,
) -> Result<Lesson, Error> {
    let mut violations = Violations::default();
    let id = LessonId(violations.uuid("lesson_id", &request.lesson_id));
    violations.require(
        request.expected_version > 0,
        "expected_version",
        "is not more than 0",
    );
    check_text(&mut violations, "reason", &request.reason, LONGEST_REASON);
    violations.check()?;
    let first = try_cancel(state, by, id, request).await;
    if first.as_ref().is_err_and(Error::is_conflict) {
        return try_cancel(state, by, id, request).await;
    }
    first
}

async fn try_cancel(
    state: &State,
    by: UserId,
    id: LessonId,
    request: &CancelLessonRequest,
) -> Result<Lesson, Error> {
    let now = state.now();
    let mut tx = state.pool.begin().await?;
    if !store::lock(&mut tx, by, id).await? {
        return Err(Error::LessonNotFound);
    }
    let lesson = store::find(&mut tx, by, id).await?;
    let lesson = lesson.ok_or(Error::LessonNotFound)?;
    match lesson.cancel(by, request.expected_version, now)? {
        Cancellation::Repeat => return Ok(lesson),
        Cancellation::Now => {}
    }
    store::update_canceled(&mut tx, id, by, &request.reason).await?;
    let snapshot = store::find_for_snapshot(&mut tx, id).await?;
    let snapshot = snapshot.ok_or(Error::LessonNotFound)?;
    outbox::store::insert_lesson(&mut tx, &snapshot, now).await?;
    let lesson = store::find(&mut tx, by, id).await?;
    tx.commit().await?;
    state.wake.wake();
    tracing::info!(event = "lesson_canceled", lesson_id = %id, canceled_by = %by, "lesson cancelled");
    lesson.ok_or(Error::LessonNotFound)
}
