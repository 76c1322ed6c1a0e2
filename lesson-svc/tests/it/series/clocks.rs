//! Whose local hour shifts is told once, in the week before.

use jiff::SignedDuration;
use olm_proto::{
    lesson::v1::{ConflictMode, SeriesChange, UpdateSeriesRequest, UpdateSettingsRequest},
    notify::v1::ClockShift,
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use uuid::Uuid;

use super::{count, create, in_zone, lessons, text, told, weekly};
use crate::{
    steps::cancel,
    support::{NO_NOTIFY, Service, World, at, id, until},
};

/// Mondays at 10:00 in Berlin from 5 October on: its clock goes back on 25 October. The
/// teacher lives there, the student in UTC.
async fn autumn(pool: PgPool) -> (World, Uuid, Uuid) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    world.befriend(teacher, student).await;
    move_to(&world, teacher, "Europe/Berlin").await;
    world.clock.set(at("2026-10-01T00:00:00Z"));
    let wanted = in_zone(weekly(student, "2026-10-05", "10:00", 8), "Europe/Berlin");
    create(&world, teacher, wanted, ConflictMode::Strict)
        .await
        .unwrap();
    (world, teacher, student)
}

async fn move_to(world: &World, person: Uuid, zone: &str) {
    let version: i64 = sqlx::query_scalar("SELECT version FROM lesson.users WHERE id = $1")
        .bind(person)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let request = UpdateSettingsRequest {
        time_zone: Some(zone.to_owned()),
        rules_zone: olm_proto::lesson::v1::RulesZone::Keep.into(),
        expected_version: version,
        ..UpdateSettingsRequest::default()
    };
    let moved = world.users().update_settings(acting(request, person)).await;
    assert_eq!(id(&moved.unwrap().into_inner().user.unwrap()), person);
}

/// Everything that is to be looked at by now was.
async fn looked(world: &World, now: &str) {
    world.clock.set(at(now));
    until("clocks are looked at", || async {
        let query = "SELECT count(*) FROM lesson.series WHERE clock_check_time <= $1";
        let due: i64 = sqlx::query_scalar(query)
            .bind(jiff_sqlx::ToSqlx::to_sqlx(at(now)))
            .fetch_one(&world.pool)
            .await
            .unwrap();
        due == 0
    })
    .await;
}

/// Every shift that was told, each as often as it was.
async fn shifts(world: &World) -> Vec<(String, String, String)> {
    let told = told(&world.pool).await;
    let shifts = told.into_iter().flat_map(|snapshot| snapshot.clock_shifts);
    let fact = |shift: ClockShift| {
        (
            shift.user_id,
            text(shift.previous_start_time.as_ref()),
            text(shift.start_time.as_ref()),
        )
    };
    shifts.map(fact).collect()
}

/// That of the student, between these two lessons.
fn shift(student: Uuid, previous: &str, start: &str) -> (String, String, String) {
    (student.to_string(), previous.to_owned(), start.to_owned())
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_lives_elsewhere_is_told_once_in_the_week_before_by_either_replica(pool: PgPool) {
    let (world, _, student) = autumn(pool).await;
    let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
    for day in 1..=19 {
        looked(&world, &format!("2026-10-{day:02}T08:30:00Z")).await;
    }
    assert!(shifts(&world).await.is_empty());
    for now in [
        "2026-10-20T09:30:00Z",
        "2026-10-21T10:00:00Z",
        "2026-10-25T10:00:00Z",
    ] {
        looked(&world, now).await;
    }
    let expected = [shift(
        student,
        "2026-10-19T08:00:00Z",
        "2026-10-26T09:00:00Z",
    )];
    assert_eq!(shifts(&world).await, expected);
    for day in 27..=31 {
        looked(&world, &format!("2026-10-{day:02}T12:00:00Z")).await;
    }
    looked(&world, "2026-11-09T12:00:00Z").await;
    assert_eq!(shifts(&world).await, expected);
    replica.stop().await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_service_that_was_away_for_days_tells_still(pool: PgPool) {
    let (world, _, student) = autumn(pool).await;
    looked(&world, "2026-10-13T00:00:00Z").await;
    looked(&world, "2026-10-25T23:00:00Z").await;
    let expected = [shift(
        student,
        "2026-10-19T08:00:00Z",
        "2026-10-26T09:00:00Z",
    )];
    assert_eq!(shifts(&world).await, expected);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_cancelled_at_the_change_neither_loses_nor_doubles_it(pool: PgPool) {
    let (world, teacher, student) = autumn(pool).await;
    looked(&world, "2026-10-13T00:00:00Z").await;
    let all = lessons(&world, teacher, "2026-10-01T00:00:00Z").await;
    cancel(&world, teacher, &all[3].id, 1, "holiday")
        .await
        .unwrap();
    for now in ["2026-10-20T12:00:00Z", "2026-10-24T12:00:00Z"] {
        looked(&world, now).await;
    }
    assert!(shifts(&world).await.is_empty());
    for now in [
        "2026-10-27T12:00:00Z",
        "2026-10-29T12:00:00Z",
        "2026-11-03T12:00:00Z",
    ] {
        looked(&world, now).await;
    }
    let expected = [shift(
        student,
        "2026-10-19T08:00:00Z",
        "2026-11-02T09:00:00Z",
    )];
    assert_eq!(shifts(&world).await, expected);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_moves_is_told_of_no_shift(pool: PgPool) {
    let (world, _, student) = autumn(pool).await;
    looked(&world, "2026-10-13T00:00:00Z").await;
    move_to(&world, student, "Asia/Tokyo").await;
    looked(&world, "2026-10-14T12:00:00Z").await;
    move_to(&world, student, "Europe/Paris").await;
    for now in [
        "2026-10-16T12:00:00Z",
        "2026-10-21T12:00:00Z",
        "2026-10-27T12:00:00Z",
    ] {
        looked(&world, now).await;
    }
    assert!(shifts(&world).await.is_empty());
    assert_eq!(count(&world.pool, "series_clocks").await, 2);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_series_that_moves_to_another_hour_tells_of_that_and_not_of_a_shift(pool: PgPool) {
    let (world, teacher, student) = autumn(pool).await;
    looked(&world, "2026-10-13T00:00:00Z").await;
    let series: Uuid = sqlx::query_scalar("SELECT id FROM lesson.series")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let request = UpdateSeriesRequest {
        series_id: series.to_string(),
        expected_version: 1,
        change: Some(SeriesChange {
            start_time_of_day: Some("12:00".to_owned()),
            ..SeriesChange::default()
        }),
        conflict_mode: ConflictMode::Strict.into(),
    };
    world
        .series()
        .update_series(acting(request, teacher))
        .await
        .unwrap();
    looked(&world, "2026-10-13T01:00:00Z").await;
    assert!(shifts(&world).await.is_empty());
    world.clock.advance(SignedDuration::from_hours(1));
    looked(&world, "2026-10-21T12:00:00Z").await;
    let expected = [shift(
        student,
        "2026-10-19T10:00:00Z",
        "2026-10-26T11:00:00Z",
    )];
    assert_eq!(shifts(&world).await, expected);
    world.stop().await;
}
