//! What people do with lessons that are there.

use olm_proto::{
    lesson::v1::{
        CancelLessonRequest, GetLessonRequest, HoldSlotRequest, Lesson, LessonChange,
        ListLessonChangesRequest, RescheduleLessonRequest,
    },
    notify::v1::{LessonSnapshot, SyncLessonRequest},
};
use prost::Message as _;
use service_kit::grpc::client::acting;
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, new_id, wire};

pub async fn hold(world: &World, student: Uuid, teacher: Uuid, start: &str) -> Lesson {
    let request = HoldSlotRequest {
        request_id: new_id(),
        teacher_id: teacher.to_string(),
        start_time: Some(wire(start)),
        ..HoldSlotRequest::default()
    };
    let answer = world.lessons().hold_slot(acting(request, student)).await;
    answer.unwrap().into_inner().lesson.unwrap()
}

pub async fn get(world: &World, viewer: Uuid, lesson: &Lesson) -> Result<Lesson, Status> {
    let request = GetLessonRequest {
        lesson_id: lesson.id.clone(),
    };
    let answer = world.lessons().get_lesson(acting(request, viewer)).await?;
    Ok(answer.into_inner().lesson.unwrap())
}

/// Moves a lesson as it was read.
pub async fn shift(
    world: &World,
    by: Uuid,
    lesson: &Lesson,
    start: &str,
) -> Result<Lesson, Status> {
    let request = RescheduleLessonRequest {
        lesson_id: lesson.id.clone(),
        expected_version: lesson.version,
        start_time: Some(wire(start)),
    };
    let mut lessons = world.lessons();
    let answer = lessons.reschedule_lesson(acting(request, by)).await?;
    Ok(answer.into_inner().lesson.unwrap())
}

pub async fn cancel(
    world: &World,
    by: Uuid,
    lesson: &str,
    expected_version: i64,
    why: &str,
) -> Result<Lesson, Status> {
    let request = CancelLessonRequest {
        lesson_id: lesson.to_owned(),
        expected_version,
        reason: why.to_owned(),
    };
    let answer = world.lessons().cancel_lesson(acting(request, by)).await?;
    Ok(answer.into_inner().lesson.unwrap())
}

/// The whole history of a lesson, as somebody sees it.
pub async fn history(world: &World, viewer: Uuid, lesson: &Lesson) -> Vec<LessonChange> {
    let request = ListLessonChangesRequest {
        lesson_id: lesson.id.clone(),
        ..ListLessonChangesRequest::default()
    };
    let mut lessons = world.lessons();
    let answer = lessons.list_lesson_changes(acting(request, viewer)).await;
    answer.unwrap().into_inner().changes
}

/// What notify-svc is told of a lesson's version.
pub async fn snapshot(world: &World, lesson: &Lesson, version: i64) -> LessonSnapshot {
    let payload: Vec<u8> = sqlx::query_scalar(
        "SELECT payload FROM lesson.outbox
         WHERE kind = 'lesson' AND entity_id = $1 AND version = $2",
    )
    .bind(lesson.id.parse::<Uuid>().unwrap())
    .bind(version)
    .fetch_one(&world.pool)
    .await
    .unwrap();
    let request = SyncLessonRequest::decode(&*payload).unwrap();
    request.lesson.unwrap()
}
