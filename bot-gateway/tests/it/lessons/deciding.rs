//! What becomes of requests and of seats.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{BookingStatus, Lesson, LessonStatus},
};
use tonic::{Code, Status};

use super::{State, refusal};

/// What becomes of a request, as lesson-svc has it: once, and a repeat from the same
/// version is answered with the lesson as it is now.
pub fn decide(
    state: &mut State,
    id: &str,
    expected_version: i64,
    to: LessonStatus,
) -> Result<Lesson, Status> {
    let lesson = state.lessons.iter_mut().find(|lesson| lesson.id == id);
    let refused = |code, reason| refusal(code, reason).into_status("olm.lesson");
    let Some(lesson) = lesson else {
        return Err(refused(Code::NotFound, ErrorReason::LessonNotFound));
    };
    let decision = (id.to_owned(), expected_version, to);
    if state.decisions.contains(&decision) {
        return Ok(lesson.clone());
    }
    let reason = match lesson.status() {
        LessonStatus::Requested if lesson.version == expected_version => {
            lesson.version += 1;
            lesson.status = to.into();
            state.decisions.push(decision);
            return Ok(lesson.clone());
        }
        LessonStatus::Requested => return Err(refused(Code::Aborted, ErrorReason::VersionStale)),
        LessonStatus::Lapsed => ErrorReason::LessonLapsed,
        LessonStatus::Canceled | LessonStatus::Declined => ErrorReason::LessonCanceled,
        _ => ErrorReason::LessonStatusUnsuitable,
    };
    Err(refused(Code::FailedPrecondition, reason))
}

/// A student keeps a seat or gives it up, as lesson-svc has it: from any version that is
/// current for them, and once.
pub fn seat(
    state: &mut State,
    (id, expected_version): (&str, i64),
    student: &str,
    to: BookingStatus,
) -> Result<Lesson, Status> {
    let refused = |code, reason| Err(refusal(code, reason).into_status("olm.lesson"));
    if let Some(reason) = state.refused {
        return refused(Code::FailedPrecondition, reason);
    }
    let lesson = state.lessons.iter_mut().find(|lesson| lesson.id == id);
    let Some(lesson) = lesson else {
        return refused(Code::NotFound, ErrorReason::LessonNotFound);
    };
    let seat = lesson
        .bookings
        .iter_mut()
        .find(|seat| seat.student_id == student)
        .unwrap();
    if seat.status() == to {
        return Ok(lesson.clone());
    }
    if expected_version < state.current_since {
        return refused(Code::Aborted, ErrorReason::VersionStale);
    }
    seat.status = to.into();
    lesson.version += 1;
    Ok(lesson.clone())
}
