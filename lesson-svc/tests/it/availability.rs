use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        Availability, GetAvailabilityRequest, ListSlotsRequest, SetWeeklyRulesRequest, WeeklyRule,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, at, fields, metadata, reason, rule, wire};

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
    let request = GetAvailabilityRequest {
        teacher_id: teacher.to_string(),
    };
    let read = world
        .availability()
        .get_availability(acting(request, viewer))
        .await
        .unwrap();
    assert_eq!(read.into_inner().availability.unwrap(), set);
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

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn slots_on_the_days_clocks_change_exist_and_can_all_be_booked(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let rules = vec![rule(7, "01:00", "04:00")];
    set(&world, teacher, "Europe/Berlin", rules, 1)
        .await
        .unwrap();
    world.clock.set(at("2026-10-20T00:00:00Z"));
    let offered = world
        .slots(
            teacher,
            None,
            "2026-10-24T00:00:00Z",
            "2026-10-26T00:00:00Z",
        )
        .await;
    // 01:00, 01:30, then 02:00 and 02:30 twice, then 03:00 on the wall.
    assert_eq!(
        offered,
        [
            "2026-10-24T23:00:00Z",
            "2026-10-24T23:30:00Z",
            "2026-10-25T00:00:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:00:00Z",
        ]
    );
    let student = world.student(2).await;
    for start in ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"] {
        world.book(student, teacher, start).await.unwrap();
    }
    world.clock.set(at("2027-03-25T00:00:00Z"));
    let offered = world
        .slots(
            teacher,
            None,
            "2027-03-27T12:00:00Z",
            "2027-03-29T00:00:00Z",
        )
        .await;
    // 01:00, 01:30, then 03:00 on the wall.
    assert_eq!(
        offered,
        [
            "2027-03-28T00:00:00Z",
            "2027-03-28T00:30:00Z",
            "2027-03-28T01:00:00Z"
        ]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_is_offered_can_be_booked_and_is_not_offered_again(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let other_teacher = world.teacher(2, "Boris").await;
    let student = world.student(3).await;
    let day = ("2026-06-02T00:00:00Z", "2026-06-03T00:00:00Z");
    world
        .book(student, other_teacher, "2026-06-02T12:00:00Z")
        .await
        .unwrap();
    let offered = world.slots(teacher, Some(student), day.0, day.1).await;
    assert_eq!(
        offered.len(),
        17 - 3,
        "the student's own lesson takes three starts"
    );
    let mut booked = 0;
    while let Some(start) = world
        .slots(teacher, Some(student), day.0, day.1)
        .await
        .first()
    {
        world.book(student, teacher, start).await.unwrap();
        booked += 1;
    }
    assert_eq!(booked, 8);
    assert_eq!(
        world.slots(teacher, None, day.0, day.1).await,
        ["2026-06-02T12:00:00Z"]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_list_of_slots_says_when_it_was_cut(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let list = |max_slots: i32| ListSlotsRequest {
        teacher_id: teacher.to_string(),
        max_slots,
        ..ListSlotsRequest::default()
    };
    let mut client = world.availability();
    let default = client.list_slots(list(0)).await.unwrap().into_inner();
    assert_eq!((default.slots.len(), default.truncated), (50, true));
    assert_eq!(default.time_zone, "UTC");
    assert_eq!(
        default.slots[0].start_time,
        Some(wire("2026-06-01T09:00:00Z"))
    );
    assert_eq!(
        default.slots[0].end_time,
        Some(wire("2026-06-01T10:00:00Z"))
    );
    let all = client.list_slots(list(1_000)).await.unwrap().into_inner();
    assert_eq!(
        (all.slots.len(), all.truncated),
        (7 * 17, false),
        "seven days when no end is given"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn windows_outside_notice_and_horizon_are_empty_not_wrong(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    assert!(
        world
            .slots(
                teacher,
                None,
                "1970-01-01T00:00:00Z",
                "1970-01-08T00:00:00Z"
            )
            .await
            .is_empty()
    );
    assert!(
        world
            .slots(
                teacher,
                None,
                "2026-08-02T00:00:00Z",
                "2026-08-03T00:00:00Z"
            )
            .await
            .is_empty()
    );
    assert!(
        world
            .slots(
                teacher,
                None,
                "9999-12-01T00:00:00Z",
                "9999-12-30T00:00:00Z"
            )
            .await
            .is_empty()
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_a_window_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let request = ListSlotsRequest {
        teacher_id: "anna".to_owned(),
        start_time: Some(prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        }),
        end_time: Some(wire("2026-05-01T00:00:00Z")),
        max_slots: -1,
        ..ListSlotsRequest::default()
    };
    let answer = world.availability().list_slots(request).await;
    assert_eq!(
        fields(answer),
        ["end_time", "max_slots", "start_time", "teacher_id"]
    );
    let long = ListSlotsRequest {
        teacher_id: teacher.to_string(),
        start_time: Some(wire("2026-06-01T00:00:00Z")),
        end_time: Some(wire("2026-07-02T00:00:01Z")),
        max_slots: 0,
        ..ListSlotsRequest::default()
    };
    assert_eq!(
        fields(world.availability().list_slots(long).await),
        ["end_time"]
    );
    world.stop().await;
}
