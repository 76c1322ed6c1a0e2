//! When teachers work, as `AvailabilityService` keeps it.

mod busy;
mod constraints;
mod overrides;
pub mod queries;
mod slots;
mod time_off;

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AddTimeOffRequest, Availability, CreateTeacherRequest, DateOverride, DeleteOverrideRequest,
        GetAvailabilityRequest, PutOverrideRequest, RemoveTimeOffRequest, SetWeeklyRulesRequest,
        WeeklyRule,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, fields, metadata, new_id, reason, rule, wire};

async fn set(
    world: &World,
    teacher: Uuid,
    zone: &str,
    rules: Vec<WeeklyRule>,
    expected_version: i64,
) -> Result<Availability, Status> {
    let request = SetWeeklyRulesRequest {
        time_zone: zone.to_owned(),
        rules,
        expected_version,
    };
    let answer = world
        .availability()
        .set_weekly_rules(acting(request, teacher))
        .await?;
    Ok(answer.into_inner().availability.unwrap())
}

/// A teacher's hours as `viewer` sees them.
async fn get(world: &World, viewer: Uuid, teacher: Uuid) -> Result<Availability, Status> {
    let request = GetAvailabilityRequest {
        teacher_id: teacher.to_string(),
    };
    let answer = world
        .availability()
        .get_availability(acting(request, viewer))
        .await?;
    Ok(answer.into_inner().availability.unwrap())
}

/// A teacher who never set any hours.
async fn teacher_without_hours(world: &World, telegram_id: i64) -> Uuid {
    let teacher = world.student(telegram_id).await;
    let request = CreateTeacherRequest {
        request_id: new_id(),
        policies: None,
    };
    let mut client = world.teachers();
    client
        .create_teacher(acting(request, teacher))
        .await
        .unwrap();
    teacher
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn weekly_rules_are_kept_as_wall_clock(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let rules = vec![
        rule(2, "22:00", "24:00"),
        rule(1, "09:05", "09:50"),
        rule(1, "00:00", "09:05"),
    ];
    let set = set(&world, teacher, "europe/berlin", rules, 1)
        .await
        .unwrap();
    assert_eq!((set.time_zone.as_str(), set.version), ("Europe/Berlin", 2));
    assert_eq!(
        set.rules,
        [
            rule(1, "00:00", "09:05"),
            rule(1, "09:05", "09:50"),
            rule(2, "22:00", "24:00")
        ]
    );
    let viewer = world.student(2).await;
    assert_eq!(get(&world, viewer, teacher).await.unwrap(), set);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn rules_change_only_from_the_version_that_was_read(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let stale = set(&world, teacher, "UTC", Vec::new(), 0).await;
    assert_eq!(
        metadata(stale.as_ref().unwrap_err(), "current_version"),
        "1"
    );
    assert_eq!(reason(stale), ErrorReason::VersionStale);
    assert!(
        set(&world, teacher, "UTC", Vec::new(), 1)
            .await
            .unwrap()
            .rules
            .is_empty()
    );
    let student = world.student(2).await;
    assert_eq!(
        reason(set(&world, student, "UTC", Vec::new(), 0).await),
        ErrorReason::NotATeacher
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_rules_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let rules = vec![
        rule(0, "24:00", "25:00"),
        rule(1, "09:00", "11:00"),
        rule(1, "10:59", "12:00"),
    ];
    assert_eq!(
        fields(set(&world, teacher, "Mars/Olympus", rules, -1).await),
        [
            "expected_version",
            "rules[0].day_of_week",
            "rules[0].end_time_of_day",
            "rules[0].start_time_of_day",
            "rules[2]",
            "time_zone",
        ]
    );
    let many = (0..51).map(|_| rule(1, "09:00", "10:00")).collect();
    assert!(fields(set(&world, teacher, "UTC", many, 1).await).contains(&"rules".to_owned()));
    world.stop().await;
}

/// A rule that holds between two dates.
fn dated(rule: WeeklyRule, first: &str, last: &str) -> WeeklyRule {
    WeeklyRule {
        first_date: first.to_owned(),
        last_date: last.to_owned(),
        ..rule
    }
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn nights_and_dates_are_kept(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let rules = vec![
        dated(rule(1, "09:00", "17:00"), "", "2026-08-31"),
        dated(rule(1, "09:00", "13:00"), "2026-09-01", "2026-12-31"),
        rule(5, "10:00", "10:00"),
        dated(rule(7, "22:00", "02:00"), "", "2026-08-30"),
        // The night before ended with August.
        dated(rule(1, "00:00", "03:00"), "2026-09-01", ""),
    ];
    let set = set(&world, teacher, "UTC", rules.clone(), 1).await.unwrap();
    let mut sorted = rules;
    sorted.rotate_right(1);
    assert_eq!(set.rules, sorted);
    // An end at midnight is the end of the day.
    let midnight = vec![rule(1, "00:00", "00:00"), rule(2, "20:00", "00:00")];
    let set = super::availability::set(&world, teacher, "UTC", midnight, 2);
    assert_eq!(
        set.await.unwrap().rules,
        [rule(1, "00:00", "24:00"), rule(2, "20:00", "24:00")]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn rules_that_share_a_minute_of_a_date_are_refused_by_name(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let rules = vec![
        rule(7, "22:00", "02:00"),
        rule(1, "01:59", "03:00"),
        rule(1, "02:00", "03:00"),
        dated(rule(3, "09:00", "10:00"), "", "2026-06-10"),
        dated(rule(3, "09:30", "10:30"), "2026-06-10", ""),
        dated(rule(4, "09:00", "10:00"), "2026-06-11", "2026-06-10"),
        dated(rule(4, "09:00", "10:00"), "10.06.2026", "2026-06-31"),
    ];
    assert_eq!(
        fields(set(&world, teacher, "UTC", rules, 1).await),
        [
            "rules[1]",
            "rules[4]",
            "rules[5].last_date",
            "rules[6].first_date",
            "rules[6].last_date",
        ]
    );
    // 9 and 10 June 2026 are no Mondays, but the database compares dates: so do we.
    let rules = vec![
        dated(rule(1, "09:00", "10:00"), "", "2026-06-10"),
        dated(rule(1, "09:00", "10:00"), "2026-06-09", ""),
    ];
    assert_eq!(
        fields(set(&world, teacher, "UTC", rules, 1).await),
        ["rules[1]"]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_never_set_hours_has_none_in_their_own_zone(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = teacher_without_hours(&world, 1).await;
    let hours = get(&world, teacher, teacher).await.unwrap();
    assert_eq!(
        (hours.time_zone.as_str(), hours.version, hours.rules.len()),
        ("UTC", 0, 0)
    );
    let (from, until) = ("2026-06-01T00:00:00Z", "2026-06-08T00:00:00Z");
    assert!(world.slots(teacher, None, from, until).await.is_empty());
    let nobody = Uuid::from_u128(7);
    assert_eq!(
        reason(get(&world, teacher, nobody).await),
        ErrorReason::TeacherNotFound
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_is_not_registered_changes_no_hours(pool: PgPool) {
    let world = World::start(pool).await;
    let nobody = Uuid::from_u128(7);
    let mut client = world.availability();
    let put = PutOverrideRequest {
        date_override: Some(DateOverride {
            date: "2026-06-02".to_owned(),
            intervals: Vec::new(),
        }),
        expected_version: 0,
    };
    let delete = DeleteOverrideRequest {
        date: "2026-06-02".to_owned(),
        expected_version: 0,
    };
    let add = AddTimeOffRequest {
        request_id: new_id(),
        start_time: Some(wire("2026-06-02T00:00:00Z")),
        end_time: Some(wire("2026-06-03T00:00:00Z")),
        note: String::new(),
    };
    let remove = RemoveTimeOffRequest {
        time_off_id: new_id(),
    };
    for refused in [
        reason(client.put_override(acting(put, nobody)).await),
        reason(client.delete_override(acting(delete, nobody)).await),
        reason(client.add_time_off(acting(add, nobody)).await),
        reason(client.remove_time_off(acting(remove, nobody)).await),
        reason(set(&world, nobody, "UTC", Vec::new(), 0).await),
        reason(get(&world, nobody, nobody).await),
    ] {
        assert_eq!(refused, ErrorReason::UserNotFound);
    }
    world.stop().await;
}

/// Its words are headers, which have bounds; that they are passed ends the connection
/// that all calls share.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn rules_that_are_wrong_through_and_through_are_refused_and_the_next_call_works(
    pool: PgPool,
) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let wrong = WeeklyRule {
        first_date: "the first of May".to_owned(),
        last_date: "the last of May".to_owned(),
        ..rule(8, "9 in the morning", "6 in the evening")
    };
    let refused = set(&world, teacher, "UTC", vec![wrong; 50], 1).await;
    let status = refused.as_ref().unwrap_err().clone();
    assert_eq!(metadata(&status, "fault_count"), "250");
    assert!(status.message().ends_with("; … and 218 more"), "{status:?}");
    assert_eq!(fields(refused).len(), 32);
    assert_eq!(get(&world, teacher, teacher).await.unwrap().version, 1);
    world.stop().await;
}
