//! What people do with lessons that are there.

use olm_proto::{
    lesson::v1::{
        AddGroupMemberRequest, AddGroupMemberResponse, BookLessonRequest, BookLessonResponse,
        Booking, BookingStatus, CancelLessonRequest, CreateGroupRequest, GetLessonRequest, Group,
        HoldSlotRequest, JoinLessonRequest, JoinLessonResponse, LeaveLessonRequest, Lesson,
        LessonChange, ListLessonChangesRequest, ReconfirmLessonRequest, RemoveGroupMemberRequest,
        RescheduleLessonRequest,
    },
    notify::v1::{LessonSnapshot, SyncLessonRequest},
};
use prost::Message as _;
use service_kit::grpc::client::acting;
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, booking, new_id, wire};

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

pub async fn group(world: &World, teacher: Uuid, capacity: i32) -> Group {
    let request = CreateGroupRequest {
        request_id: new_id(),
        title: "Chess on Mondays".to_owned(),
        capacity,
    };
    let answer = world.groups().create_group(acting(request, teacher)).await;
    answer.unwrap().into_inner().group.unwrap()
}

/// Puts a student into a group.
pub async fn put(
    world: &World,
    teacher: Uuid,
    group: &Group,
    student: Uuid,
) -> Result<AddGroupMemberResponse, Status> {
    let request = AddGroupMemberRequest {
        group_id: group.id.clone(),
        student_id: student.to_string(),
    };
    let mut groups = world.groups();
    let answer = groups.add_group_member(acting(request, teacher)).await?;
    Ok(answer.into_inner())
}

/// Takes somebody out of a group; answers how many seats were given up.
pub async fn take_out(
    world: &World,
    by: Uuid,
    group: &Group,
    student: Uuid,
) -> Result<i32, Status> {
    let request = RemoveGroupMemberRequest {
        group_id: group.id.clone(),
        student_id: student.to_string(),
    };
    let mut groups = world.groups();
    let answer = groups.remove_group_member(acting(request, by)).await?;
    Ok(answer.into_inner().canceled_seats)
}

/// A group of new students with a teacher who is there.
pub async fn gather(
    world: &World,
    teacher: Uuid,
    capacity: i32,
    people: i64,
) -> (Group, Vec<Uuid>) {
    let made = group(world, teacher, capacity).await;
    let mut students = Vec::new();
    for telegram_id in 1_000..1_000 + people {
        let student = world.student(telegram_id).await;
        world.befriend(teacher, student).await;
        put(world, teacher, &made, student).await.unwrap();
        students.push(student);
    }
    (made, students)
}

/// A booking of a lesson of a group with so many open seats (0: everybody has one).
pub fn gathering(teacher: Uuid, group: &Group, start: &str, open_seats: i32) -> BookLessonRequest {
    BookLessonRequest {
        group_id: group.id.clone(),
        open_seats,
        ..booking(teacher, start)
    }
}

pub async fn book_group(
    world: &World,
    by: Uuid,
    request: BookLessonRequest,
) -> Result<BookLessonResponse, Status> {
    let answer = world.lessons().book_lesson(acting(request, by)).await?;
    Ok(answer.into_inner())
}

pub async fn join(
    world: &World,
    student: Uuid,
    lesson: &Lesson,
) -> Result<JoinLessonResponse, Status> {
    let any_time = Lesson {
        start_time: None,
        ..lesson.clone()
    };
    join_as_shown(world, student, &any_time).await
}

/// Takes a seat at the time at which the lesson was read.
pub async fn join_as_shown(
    world: &World,
    student: Uuid,
    lesson: &Lesson,
) -> Result<JoinLessonResponse, Status> {
    let request = JoinLessonRequest {
        lesson_id: lesson.id.clone(),
        start_time: lesson.start_time,
    };
    let answer = world
        .lessons()
        .join_lesson(acting(request, student))
        .await?;
    Ok(answer.into_inner())
}

/// Gives up a seat as the lesson was read; of `None` their own.
pub async fn leave(
    world: &World,
    by: Uuid,
    lesson: &Lesson,
    student: Option<Uuid>,
) -> Result<Lesson, Status> {
    let request = LeaveLessonRequest {
        lesson_id: lesson.id.clone(),
        expected_version: lesson.version,
        student_id: student.map(|id| id.to_string()).unwrap_or_default(),
    };
    let answer = world.lessons().leave_lesson(acting(request, by)).await?;
    Ok(answer.into_inner().lesson.unwrap())
}

pub async fn reconfirm(world: &World, student: Uuid, lesson: &Lesson) -> Result<Lesson, Status> {
    let request = ReconfirmLessonRequest {
        lesson_id: lesson.id.clone(),
        expected_version: lesson.version,
    };
    let mut lessons = world.lessons();
    let answer = lessons.reconfirm_lesson(acting(request, student)).await?;
    Ok(answer.into_inner().lesson.unwrap())
}

/// What became of the seats, those that are taken first.
pub fn seats(lesson: &Lesson) -> Vec<BookingStatus> {
    let mut seats: Vec<_> = lesson.bookings.iter().map(Booking::status).collect();
    seats.sort();
    seats
}
