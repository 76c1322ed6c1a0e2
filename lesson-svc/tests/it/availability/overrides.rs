//! Other hours on one date.

use jiff::{SignedDuration, ToSpan as _, civil::Date};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        Availability, DateOverride, DeleteOverrideRequest, PutOverrideRequest, TimeInterval,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use super::{get, set, teacher_without_hours};
use crate::support::{World, at, fields, metadata, reason, rule};

fn on(date: &str, intervals: &[(&str, &str)]) -> DateOverride {
    let interval = |(start, end): &(&str, &str)| TimeInterval {
        start_time_of_day: (*start).to_owned(),
        end_time_of_day: (*end).to_owned(),
    };
    DateOverride {
        date: date.to_owned(),
        intervals: intervals.iter().map(interval).collect(),
    }
}

async fn put(
    world: &World,
    teacher: Uuid,
    date_override: impl Into<Option<DateOverride>>,
    expected_version: i64,
) -> Result<Availability, Status> {
    let request = PutOverrideRequest {
        date_override: date_override.into(),
        expected_version,
    };
    let mut client = world.availability();
    let answer = client.put_override(acting(request, teacher)).await?;
    Ok(answer.into_inner().availability.unwrap())
}

async fn delete(
    world: &World,
    teacher: Uuid,
    date: &str,
    expected_version: i64,
) -> Result<Availability, Status> {
    let request = DeleteOverrideRequest {
        date: date.to_owned(),
        expected_version,
    };
    let mut client = world.availability();
    let answer = client.delete_override(acting(request, teacher)).await?;
    Ok(answer.into_inner().availability.unwrap())
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn an_override_is_put_replaced_and_deleted_and_slots_follow(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let offered = || {
        world.slots(
            teacher,
            None,
            "2026-06-02T00:00:00Z",
            "2026-06-03T00:00:00Z",
        )
    };
    assert_eq!(offered().await.len(), 17);
    let hours = on("2026-06-02", &[("20:00", "21:00"), ("07:00", "08:00")]);
    let set = put(&world, teacher, hours, 1).await.unwrap();
    assert_eq!(set.version, 2);
    let sorted = on("2026-06-02", &[("07:00", "08:00"), ("20:00", "21:00")]);
    assert_eq!(set.overrides, [sorted]);
    assert_eq!(get(&world, student, teacher).await.unwrap(), set);
    assert_eq!(
        offered().await,
        ["2026-06-02T07:00:00Z", "2026-06-02T20:00:00Z"]
    );
    let off = on("2026-06-02", &[]);
    let set = put(&world, teacher, off.clone(), 2).await.unwrap();
    assert_eq!((set.overrides, set.version), (vec![off], 3));
    assert!(offered().await.is_empty());
    let set = delete(&world, teacher, "2026-06-02", 3).await.unwrap();
    assert_eq!((set.overrides, set.version), (Vec::new(), 4));
    assert_eq!(offered().await.len(), 17);
    let again = delete(&world, teacher, "2026-06-02", 4).await.unwrap();
    assert_eq!((again.overrides, again.version), (Vec::new(), 4));
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn overrides_change_only_from_the_version_that_was_read(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let stale = put(&world, teacher, on("2026-06-02", &[]), 0).await;
    assert_eq!(
        metadata(stale.as_ref().unwrap_err(), "current_version"),
        "1"
    );
    assert_eq!(reason(stale), ErrorReason::VersionStale);
    put(&world, teacher, on("2026-06-02", &[]), 1)
        .await
        .unwrap();
    assert_eq!(
        reason(delete(&world, teacher, "2026-06-02", 1).await),
        ErrorReason::VersionStale
    );
    assert_eq!(
        reason(set(&world, teacher, "UTC", vec![rule(1, "09:00", "10:00")], 1).await),
        ErrorReason::VersionStale,
        "one version over rules and overrides"
    );
    // Rules are replaced, overrides stay.
    let set = set(&world, teacher, "UTC", Vec::new(), 2).await.unwrap();
    assert_eq!((set.overrides.len(), set.version), (1, 3));
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_an_override_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let wrong = on(
        "2026-05-30",
        &[("24:00", "25:00"), ("22:00", "02:00"), ("23:00", "24:00")],
    );
    assert_eq!(
        fields(put(&world, teacher, wrong, -1).await),
        [
            "date_override.date",
            "date_override.intervals[0].end_time_of_day",
            "date_override.intervals[0].start_time_of_day",
            "date_override.intervals[2]",
            "expected_version",
        ]
    );
    let many = on("02.06.2026", &[("09:00", "10:00"); 11]);
    let named = fields(put(&world, teacher, many, 1).await);
    assert!(named.contains(&"date_override.intervals".to_owned()));
    assert!(named.contains(&"date_override.date".to_owned()));
    assert_eq!(
        fields(put(&world, teacher, None, 1).await),
        ["date_override"]
    );
    assert_eq!(
        fields(delete(&world, teacher, "2026-6-2", -1).await),
        ["date", "expected_version"]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn dates_are_bounded_where_the_hours_are(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = teacher_without_hours(&world, 1).await;
    world.clock.set(at("2026-06-01T12:00:00Z"));
    // It is the second of June there.
    let zone = "Pacific/Kiritimati";
    set(&world, teacher, zone, Vec::new(), 0).await.unwrap();
    let mut version = 1;
    for (date, allowed) in [
        ("2026-05-31", false),
        ("2026-06-01", true),
        ("2029-06-02", true),
        ("2029-06-03", false),
    ] {
        let put = put(&world, teacher, on(date, &[]), version).await;
        if allowed {
            version = put.unwrap().version;
        } else {
            assert_eq!(fields(put), ["date_override.date"], "{date}");
        }
    }
    world.clock.set(at("2026-06-02T12:00:00Z"));
    let left = get(&world, teacher, teacher).await.unwrap().overrides;
    assert_eq!(left, [on("2029-06-02", &[])], "from yesterday on");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_teacher_without_hours_makes_them_by_an_override(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = teacher_without_hours(&world, 1).await;
    let student = world.student(2).await;
    let hours = on("2026-06-02", &[("09:00", "10:00")]);
    assert_eq!(
        reason(put(&world, student, hours.clone(), 0).await),
        ErrorReason::NotATeacher
    );
    assert_eq!(
        delete(&world, teacher, "2026-06-02", 0)
            .await
            .unwrap()
            .version,
        0
    );
    let made = put(&world, teacher, hours, 0).await.unwrap();
    assert_eq!((made.time_zone.as_str(), made.version), ("UTC", 1));
    let (from, until) = ("2026-06-01T00:00:00Z", "2026-06-08T00:00:00Z");
    let offered = world.slots(teacher, None, from, until).await;
    assert_eq!(offered, ["2026-06-02T09:00:00Z"]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn there_are_400_overrides_from_yesterday_on_and_no_more(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    sqlx::query(
        "INSERT INTO lesson.date_overrides (teacher_id, on_date)
         SELECT $1, date '2026-05-22' + day FROM generate_series(0, 408) AS day",
    )
    .bind(teacher)
    .execute(&world.pool)
    .await
    .unwrap();
    // Yesterday was 31 May: 400 of them, and 9 of before.
    let first: Date = "2026-05-31".parse().unwrap();
    let day = |ahead: i64| on(&first.saturating_add(ahead.days()).to_string(), &[]);
    let one_more = put(&world, teacher, day(400), 1).await;
    assert_eq!(metadata(one_more.as_ref().unwrap_err(), "limit"), "400");
    assert_eq!(reason(one_more), ErrorReason::LimitReached);
    let replaced = put(&world, teacher, day(399), 1).await.unwrap();
    assert_eq!(replaced.overrides.len(), 400);
    world
        .clock
        .set(at("2026-06-01T00:00:00Z") + SignedDuration::from_hours(24));
    let next_day = put(&world, teacher, day(400), 2).await.unwrap();
    assert_eq!(next_day.overrides.len(), 400);
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM lesson.date_overrides")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(kept, 407, "those of more than a week before yesterday went");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn of_two_changes_at_once_from_one_version_one_is_stale(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = teacher_without_hours(&world, 1).await;
    for version in 0..5 {
        let (day, off) = (
            on("2026-06-02", &[("09:00", "10:00")]),
            on("2026-06-02", &[]),
        );
        let (one, other) = tokio::join!(
            put(&world, teacher, day, version),
            put(&world, teacher, off, version)
        );
        let stale = match (one, other) {
            (Ok(_), refused @ Err(_)) | (refused @ Err(_), Ok(_)) => refused,
            both => panic!("{both:?}"),
        };
        assert_eq!(reason(stale), ErrorReason::VersionStale);
    }
    world.stop().await;
}
