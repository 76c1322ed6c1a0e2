//! Attacks on groups, their members and the seats in their lessons with plain SQL.

use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use super::constraint;
use crate::{
    steps::{book_group, gather, gathering, group, join, put},
    support::World,
};

const NOON: &str = "2026-06-02T12:00:00Z";

/// A teacher, their full group of two, and a lesson of it with one open seat, taken.
struct Full {
    world: World,
    teacher: Uuid,
    group: Uuid,
    lesson: Uuid,
    people: Vec<Uuid>,
}

async fn full(pool: &PgPool) -> Full {
    let world = World::start(pool.clone()).await;
    let teacher = world.teacher(1, "Anna").await;
    let (made, people) = gather(&world, teacher, 2, 2).await;
    let booked = book_group(&world, teacher, gathering(teacher, &made, NOON, 1)).await;
    let lesson = booked.unwrap().lesson.unwrap();
    join(&world, people[0], &lesson).await.unwrap();
    Full {
        group: made.id.parse().unwrap(),
        lesson: lesson.id.parse().unwrap(),
        people,
        teacher,
        world,
    }
}

async fn attack(pool: &PgPool, sql: String) -> String {
    let answer = sqlx::query(AssertSqlSafe(sql.as_str())).execute(pool).await;
    assert!(answer.is_err(), "{sql}");
    constraint(answer)
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_group_holds_only_its_teachers_students_and_no_more_than_it_says(pool: PgPool) {
    let Full {
        world,
        teacher,
        group: id,
        people,
        ..
    } = full(&pool).await;
    let boris = world.teacher(2, "Boris").await;
    let (student, stranger) = (world.student(8).await, world.student(9).await);
    world.befriend(teacher, student).await;
    world.befriend(boris, stranger).await;
    let member = |of: Uuid, who: Uuid| {
        format!("INSERT INTO lesson.group_members VALUES ('{id}', '{of}', '{who}', now())")
    };
    let full = "groups_members_within_capacity";
    let students = "group_members_students";
    for (sql, expected) in [
        (member(teacher, student), full),
        (member(boris, stranger), "group_members_group"),
        (
            format!("UPDATE lesson.groups SET member_count = 3 WHERE id = '{id}'"),
            full,
        ),
        (
            format!("UPDATE lesson.groups SET member_count = -1 WHERE id = '{id}'"),
            full,
        ),
        (
            format!("UPDATE lesson.groups SET delete_time = now() WHERE id = '{id}'"),
            "groups_dissolved_are_empty",
        ),
        (
            format!("UPDATE lesson.groups SET title = '' WHERE id = '{id}'"),
            "groups_title_length",
        ),
        (
            format!("UPDATE lesson.groups SET title = repeat('x', 129) WHERE id = '{id}'"),
            "groups_title_length",
        ),
        (
            format!("UPDATE lesson.groups SET version = 0 WHERE id = '{id}'"),
            "groups_version_positive",
        ),
        (
            format!("UPDATE lesson.invitations SET group_id = '{id}' WHERE teacher_id = '{boris}'"),
            "invitations_group",
        ),
    ] {
        assert_eq!(attack(&pool, sql).await, expected);
    }
    for capacity in [1, 51] {
        let sql = format!(
            "INSERT INTO lesson.groups (id, teacher_id, title, capacity, create_time)
             VALUES (gen_random_uuid(), '{teacher}', 'x', {capacity}, now())"
        );
        assert_eq!(attack(&pool, sql).await, "groups_capacity_range");
    }
    // With a free place: nobody but the teacher's students, and never the teacher.
    let end = "UPDATE lesson.group_members SET end_time = now() WHERE student_id = $1";
    sqlx::query(end)
        .bind(people[0])
        .execute(&pool)
        .await
        .unwrap();
    for who in [stranger, teacher] {
        assert_eq!(attack(&pool, member(teacher, who)).await, students);
    }
    sqlx::query(AssertSqlSafe(member(teacher, student)))
        .execute(&pool)
        .await
        .unwrap();
    let counts: (i16, i64) = sqlx::query_as("SELECT member_count, version FROM lesson.groups")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(counts, (2, 5), "counted, however it is written");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_holds_no_more_than_its_seats_and_stays_with_its_teachers_group(pool: PgPool) {
    let Full {
        world,
        teacher,
        lesson,
        people,
        ..
    } = full(&pool).await;
    let boris = world.teacher(2, "Boris").await;
    let other = group(&world, boris, 2).await;
    world.befriend(boris, people[1]).await;
    put(&world, boris, &other, people[1]).await.unwrap();
    let single = world.book(people[1], teacher, "2026-06-03T12:00:00Z").await;
    let single = single.unwrap().id;
    let seat = |id: &str| {
        format!(
            "INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, create_time)
             SELECT gen_random_uuid(), id, '{}', during, 'confirmed', now()
             FROM lesson.lessons WHERE id = '{id}'",
            people[usize::from(id == single)]
        )
    };
    let other_seat =
        seat(&lesson.to_string()).replace(&people[0].to_string(), &people[1].to_string());
    let within = "lessons_seats_within_capacity";
    let range = "lessons_capacity_range";
    let update = |set: &str, id: &str| format!("UPDATE lesson.lessons SET {set} WHERE id = '{id}'");
    let of_group = lesson.to_string();
    for (sql, expected) in [
        (other_seat, within),
        (update("seats_taken = 2", &of_group), within),
        (update("seats_taken = -1", &of_group), within),
        (update("capacity = 0", &of_group), range),
        (update("capacity = 51", &of_group), range),
        (update("capacity = 2", &single), range),
        (
            update("open_seats = true", &single),
            "lessons_open_seats_of_groups",
        ),
        (
            update(&format!("group_id = '{}'", other.id), &single),
            "lessons_group",
        ),
        (
            update("status = 'requested', expire_time = now()", &of_group),
            "lessons_of_groups_are_settled",
        ),
        (
            "UPDATE lesson.bookings SET status = 'reconfirm'".to_owned(),
            "bookings_reconfirm_runs_out",
        ),
        (
            "UPDATE lesson.bookings SET reconfirm_expire_time = now()".to_owned(),
            "bookings_reconfirm_runs_out",
        ),
        (
            "UPDATE lesson.bookings SET changed_role = 'bystander'".to_owned(),
            "bookings_changed_role_known",
        ),
    ] {
        assert_eq!(attack(&pool, sql.clone()).await, expected, "{sql}");
    }
    for kind in ["joined", "left", "reconfirmed", "seat_freed"] {
        let sql = format!(
            "INSERT INTO lesson.lesson_changes (lesson_id, version, kind, actor_role, change_time,
                 during) SELECT id, 77, '{kind}', 'system', now(), during FROM lesson.lessons
             WHERE id = '{lesson}'"
        );
        assert_eq!(attack(&pool, sql).await, "lesson_changes_seat_of_seats");
    }
    world.stop().await;
}
