//! What is done for or with a person while they are being erased.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{CreateTeacherRequest, EraseUserRequest},
};
use service_kit::grpc::client::acting;
use sqlx::{AssertSqlSafe, PgPool};
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, booking, new_id, reason, until, waiting};

/// Runs both at once, and decides that `first` has its turn first: both wait for a row
/// of the person, in that order.
async fn in_this_order<A, B>(
    world: &World,
    (table, key): (&str, &str),
    person: Uuid,
    first: impl Future<Output = A> + Send + 'static,
    second: impl Future<Output = B> + Send + 'static,
) -> (A, B)
where
    A: Send + 'static,
    B: Send + 'static,
{
    let mut gate = world.pool.begin().await.unwrap();
    let lock = format!("SELECT FROM lesson.{table} WHERE {key} = $1 FOR UPDATE");
    sqlx::query(AssertSqlSafe(lock))
        .bind(person)
        .execute(&mut *gate)
        .await
        .unwrap();
    let first = tokio::spawn(first);
    until("the first waits", || async {
        waiting(&world.pool).await == 1
    })
    .await;
    let second = tokio::spawn(second);
    until("both wait", || async { waiting(&world.pool).await == 2 }).await;
    gate.commit().await.unwrap();
    (first.await.unwrap(), second.await.unwrap())
}

/// Erases a person on their own wish, as a task of its own.
fn erasing(world: &World, person: Uuid) -> impl Future<Output = Result<i32, Status>> + use<> {
    let mut users = world.users();
    let request = EraseUserRequest {
        user_id: person.to_string(),
    };
    async move {
        let answer = users.erase_user(acting(request, person)).await?;
        Ok(answer.into_inner().canceled_lessons)
    }
}

/// Whoever wins, no lesson ahead is left with somebody who is gone.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn erasing_and_booking_at_once_leave_no_lesson_with_nobody(pool: PgPool) {
    let world = World::start(pool).await;
    for round in 0..12 {
        let teacher = world.teacher(100 + round, "Anna").await;
        let student = world.student(200 + round).await;
        let (erased, gate, gone) = if round % 2 == 0 {
            (student, ("users", "id"), ErrorReason::UserNotFound)
        } else {
            (
                teacher,
                ("teachers", "user_id"),
                ErrorReason::TeacherNotFound,
            )
        };
        let erase = erasing(&world, erased);
        let mut lessons = world.lessons();
        let request = acting(booking(teacher, "2026-06-02T09:00:00Z"), student);
        let book = async move { lessons.book_lesson(request).await };
        if round % 4 < 2 {
            let (booked, canceled) = in_this_order(&world, gate, erased, book, erase).await;
            booked.unwrap();
            assert_eq!(canceled.unwrap(), 1);
        } else {
            let (canceled, booked) = in_this_order(&world, gate, erased, erase, book).await;
            assert_eq!(canceled.unwrap(), 0);
            assert_eq!(reason(booked), gone);
        }
    }
    let left: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM lesson.bookings b JOIN lesson.lessons l ON l.id = b.lesson_id
             JOIN lesson.users u ON u.id IN (l.teacher_id, b.student_id)
         WHERE u.erase_time IS NOT NULL AND (l.status = 'scheduled' OR b.status = 'confirmed')",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(left, 0);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn erasing_and_becoming_a_teacher_at_once_leave_no_teacher(pool: PgPool) {
    let world = World::start(pool).await;
    for round in 0..6 {
        let person = world.student(100 + round).await;
        let gate = ("users", "id");
        let erase = erasing(&world, person);
        let mut teachers = world.teachers();
        let request = CreateTeacherRequest {
            request_id: new_id(),
            policies: None,
        };
        let create = async move { teachers.create_teacher(acting(request, person)).await };
        if round % 2 == 0 {
            let (created, erased) = in_this_order(&world, gate, person, create, erase).await;
            created.unwrap();
            erased.unwrap();
        } else {
            let (erased, created) = in_this_order(&world, gate, person, erase, create).await;
            erased.unwrap();
            assert_eq!(reason(created), ErrorReason::UserNotFound);
        }
    }
    let teaching: i64 =
        sqlx::query_scalar("SELECT count(*) FROM lesson.teachers WHERE delete_time IS NULL")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(teaching, 0);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn erasing_and_starting_at_once_leave_one_living_person(pool: PgPool) {
    let world = World::start(pool).await;
    for telegram_id in 1..=10 {
        let person = world.student(telegram_id).await;
        let starts = (0..4).map(|_| {
            let mut users = world.users();
            let request = crate::support::registration(telegram_id, "Student");
            tokio::spawn(async move { users.register_telegram_user(request).await })
        });
        let starts: Vec<_> = starts.collect();
        world.erase(person).await.unwrap();
        for start in starts {
            start.await.unwrap().unwrap();
        }
        let now = world.student(telegram_id).await;
        assert_ne!(now, person);
    }
    let living: i64 =
        sqlx::query_scalar("SELECT count(*) FROM lesson.users WHERE erase_time IS NULL")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(living, 10);
    world.stop().await;
}
