//! Whom changes concern.

use olm_proto::lesson::v1::{Change, ChangeKind, WatchChangesRequest};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use uuid::Uuid;

use super::{Watch, after, settled};
use crate::{
    steps::{book_group, gather, gathering},
    support::{World, fields, new_id},
};

fn seen(changes: &[Change]) -> Vec<(ChangeKind, String, i64)> {
    let of = |change: &Change| (change.kind(), change.entity_id.clone(), change.version);
    changes.iter().map(of).collect()
}

/// Makes a change of their own settings, so that what was told before is complete.
async fn rename(pool: &PgPool, person: Uuid) {
    let done = sqlx::query("UPDATE lesson.users SET version = version + 1 WHERE id = $1")
        .bind(person)
        .execute(pool)
        .await;
    assert_eq!(done.unwrap().rows_affected(), 1);
}

/// Everything until somebody's own settings changed; that not among it.
async fn before_own(watch: &mut Watch) -> Vec<(ChangeKind, String, i64)> {
    let mut all = Vec::new();
    loop {
        all.extend(seen(&watch.changes().await));
        if all.last().is_some_and(|last| last.0 == ChangeKind::User) {
            all.pop();
            return all;
        }
    }
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_is_told_to_its_people_and_to_others_only_that_the_times_changed(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other, stranger) = (
        world.student(2).await,
        world.student(3).await,
        world.student(4).await,
    );
    settled(&pool).await;
    let service = &world.service;
    let mut of_teacher = Watch::person(service, teacher, &[]).await;
    let mut of_student = Watch::person(service, student, &[teacher]).await;
    let mut of_other = Watch::person(service, other, &[teacher]).await;
    let mut of_stranger = Watch::person(service, stranger, &[]).await;
    let mut of_service = Watch::all(service).await;
    let lesson = world.book(student, teacher, "2026-06-01T12:00:00Z").await;
    let lesson = lesson.unwrap();
    for person in [teacher, student, other, stranger] {
        rename(&pool, person).await;
    }
    let booked = (ChangeKind::Lesson, lesson.id.clone(), lesson.version);
    assert_eq!(
        before_own(&mut of_teacher).await,
        std::slice::from_ref(&booked)
    );
    assert_eq!(before_own(&mut of_student).await, [booked]);
    let times = (ChangeKind::Slots, teacher.to_string(), 0);
    assert_eq!(before_own(&mut of_other).await, [times]);
    assert_eq!(before_own(&mut of_stranger).await, []);
    let told = of_service.changes().await;
    assert_eq!(told[0].entity_id, lesson.id);
    let mut people = [teacher.to_string(), student.to_string()];
    people.sort();
    assert_eq!(told[0].user_ids, people, "both, by id");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_groups_lesson_is_told_to_its_members_without_a_seat_too(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let teacher = world.teacher(1, "Anna").await;
    let (group, people) = gather(&world, teacher, 3, 2).await;
    let member = people[0];
    settled(&pool).await;
    let mut watch = Watch::person(&world.service, member, &[]).await;
    let open = gathering(teacher, &group, "2026-06-02T12:00:00Z", 2);
    let open = book_group(&world, teacher, open).await.unwrap();
    let open = open.lesson.unwrap();
    rename(&pool, member).await;
    let told = before_own(&mut watch).await;
    assert!(
        told.contains(&(ChangeKind::Lesson, open.id, open.version)),
        "{told:?}"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn hours_and_policies_of_a_teacher_are_told_to_who_watches_them(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let (teacher, student) = (world.teacher(1, "Anna").await, world.student(2).await);
    settled(&pool).await;
    let mut watch = Watch::person(&world.service, student, &[teacher]).await;
    let statements = [
        "UPDATE lesson.availabilities SET version = version + 1 WHERE teacher_id = $1",
        "UPDATE lesson.teachers SET version = version + 1 WHERE user_id = $1",
    ];
    for statement in statements {
        sqlx::query(statement)
            .bind(teacher)
            .execute(&pool)
            .await
            .unwrap();
    }
    rename(&pool, student).await;
    let kinds: Vec<_> = before_own(&mut watch).await;
    let kinds: Vec<_> = kinds.into_iter().map(|(kind, id, _)| (kind, id)).collect();
    let teacher = teacher.to_string();
    assert_eq!(
        kinds,
        [
            (ChangeKind::Availability, teacher.clone()),
            (ChangeKind::Teacher, teacher)
        ]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_group_and_its_series_are_told_to_who_was_in_it_then_however_late_it_is_read(
    pool: PgPool,
) {
    let world = World::start(pool.clone()).await;
    let teacher = world.teacher(1, "Anna").await;
    let (member, left, gone) = (
        world.student(2).await,
        world.student(3).await,
        world.student(4).await,
    );
    for student in [member, left, gone] {
        world.befriend(teacher, student).await;
    }
    settled(&pool).await;
    let mut watches = Vec::new();
    for person in [teacher, member, left, gone] {
        watches.push(Watch::person(&world.service, person, &[]).await);
    }
    let cursor = watches[0].cursor.clone();
    let (group, series) = (Uuid::new_v4(), Uuid::new_v4());
    let now = crate::support::monday().to_string();
    let mut tx = pool.begin().await.unwrap();
    for statement in [
        "INSERT INTO lesson.groups (id, teacher_id, title, capacity, create_time)
         VALUES ($1, $2, 'Spanish', 5, $4::text::timestamptz)",
        "INSERT INTO lesson.group_members (group_id, teacher_id, student_id, create_time, end_time)
         SELECT $1, $2, student_id, $4::text::timestamptz - interval '1 day', NULL
         FROM lesson.students WHERE teacher_id = $2",
        "INSERT INTO lesson.series (id, teacher_id, group_id, time_zone, first_date, start_minute,
             duration_s, every_weeks, occurrence_count, last_start_time, changed_role, create_time, due_time)
         VALUES ($3, $2, $1, 'UTC', '2026-06-02', 600, 3600, 1, 1, '2026-06-02 10:00Z', 'teacher',
             $4::text::timestamptz, '2026-06-02 00:00Z')",
    ] {
        let bound = sqlx::query(statement).bind(group).bind(teacher).bind(series).bind(&now);
        bound.execute(&mut *tx).await.unwrap();
    }
    // Both by the database's clock, by which changes are dated.
    for (student, since) in [(left, "10 minutes"), (gone, "2 hours")] {
        sqlx::query(
            "UPDATE lesson.group_members SET end_time = now() - $3::text::interval
             WHERE group_id = $1 AND student_id = $2",
        )
        .bind(group)
        .bind(student)
        .bind(since)
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    // As if a transaction had held everybody up since.
    sqlx::query(
        "UPDATE lesson.changes SET create_time = now() - interval '10 minutes'
         WHERE xid = pg_current_xact_id()",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    // Those who watch, and those who catch up.
    for person in [teacher, member, left, gone] {
        let request = acting(after(&cursor), person);
        watches.push(Watch::begin(&world.service, request).await);
    }
    for person in [teacher, member, left, gone] {
        rename(&pool, person).await;
    }
    for (person, watch) in [teacher, member, left, gone]
        .into_iter()
        .cycle()
        .zip(&mut watches)
    {
        let told: Vec<_> = before_own(watch).await;
        let told: Vec<_> = told.into_iter().map(|(kind, id, _)| (kind, id)).collect();
        let both = vec![
            (ChangeKind::Series, series.to_string()),
            (ChangeKind::Group, group.to_string()),
        ];
        assert_eq!(told, if person == gone { Vec::new() } else { both });
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn teachers_are_watched_by_persons_and_not_by_too_many(pool: PgPool) {
    let world = World::start(pool).await;
    let student = world.student(2).await;
    let request = |count: usize| WatchChangesRequest {
        teacher_ids: (0..count).map(|_| new_id()).collect(),
        ..after("")
    };
    let mut client = world.changes();
    let refused = client.watch_changes(request(1)).await.map(drop);
    assert_eq!(fields(refused), ["teacher_ids"]);
    let refused = client.watch_changes(acting(request(51), student)).await;
    assert_eq!(fields(refused.map(drop)), ["teacher_ids"]);
    assert!(
        client
            .watch_changes(acting(request(50), student))
            .await
            .is_ok()
    );
    world.stop().await;
}
