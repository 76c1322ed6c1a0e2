//! What is free, as `ListSlots` tells it.

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{ListSlotsRequest, ListSlotsResponse, TeacherPolicies},
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::{Request, Status};
use uuid::Uuid;

use super::set;
use crate::support::{World, at, fields, metadata, reason, rule, seconds, wire};

async fn list(
    world: &World,
    viewer: Option<Uuid>,
    request: ListSlotsRequest,
) -> Result<ListSlotsResponse, Status> {
    let request = match viewer {
        Some(viewer) => acting(request, viewer),
        None => Request::new(request),
    };
    Ok(world.availability().list_slots(request).await?.into_inner())
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
        lesson_duration: Some(seconds(299)),
        time_zone: "Mars/Olympus".to_owned(),
        except_lesson_id: "mine".to_owned(),
    };
    let answer = world.availability().list_slots(request).await;
    assert_eq!(
        fields(answer),
        [
            "end_time",
            "except_lesson_id",
            "lesson_duration",
            "max_slots",
            "start_time",
            "teacher_id",
            "time_zone"
        ]
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

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn doubled_times_of_every_kind_of_change_are_booked_twice(pool: PgPool) {
    let world = World::start(pool).await;
    let half_an_hour = TeacherPolicies {
        lesson_durations: vec![seconds(1_800)],
        min_notice: Some(seconds(0)),
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", half_an_hour).await;
    // When clocks went back, at midnight and by half an hour among them.
    let changes = [
        ("Asia/Beirut", "2026-10-24T21:00:00Z", 60),
        ("Africa/Cairo", "2026-10-29T21:00:00Z", 60),
        ("Australia/Lord_Howe", "2027-04-03T15:00:00Z", 30),
        ("America/Santiago", "2027-04-04T03:00:00Z", 60),
    ];
    let student = world.student(2).await;
    for (version, (zone, change, minutes)) in (1..).zip(changes) {
        let always = (1..=7).map(|day| rule(day, "00:00", "24:00")).collect();
        set(&world, teacher, zone, always, version).await.unwrap();
        let change = at(change);
        world.clock.set(change - SignedDuration::from_hours(72));
        let mut shown = Vec::new();
        for pass in [change - SignedDuration::from_mins(minutes), change] {
            let request = ListSlotsRequest {
                teacher_id: teacher.to_string(),
                start_time: Some(olm_proto::timestamp(pass)),
                time_zone: zone.to_owned(),
                max_slots: 1,
                ..ListSlotsRequest::default()
            };
            let mut listed = list(&world, Some(student), request).await.unwrap();
            let slot = listed.slots.remove(0);
            assert_eq!(slot.start_time, Some(olm_proto::timestamp(pass)), "{zone}");
            shown.push(slot.local_start_time);
            let booked = world.book(student, teacher, &pass.to_string()).await;
            booked.unwrap();
        }
        let (first, second) = (&shown[0], &shown[1]);
        assert_eq!(first[..19], second[..19], "{zone}: the same on the wall");
        assert_ne!(first[19..], second[19..], "{zone}: another offset");
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn local_times_are_in_the_zone_that_was_asked_for_or_the_viewers_or_the_teachers(
    pool: PgPool,
) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    sqlx::query("UPDATE lesson.users SET time_zone = CASE id WHEN $1 THEN 'Asia/Tokyo' ELSE 'America/New_York' END")
        .bind(teacher)
        .execute(&world.pool)
        .await
        .unwrap();
    let request = |zone: &str| ListSlotsRequest {
        teacher_id: teacher.to_string(),
        time_zone: zone.to_owned(),
        max_slots: 1,
        ..ListSlotsRequest::default()
    };
    for (viewer, asked, zone, local) in [
        (
            Some(student),
            "europe/berlin",
            "Europe/Berlin",
            "2026-06-01T11:00:00+02:00",
        ),
        (
            Some(student),
            "",
            "America/New_York",
            "2026-06-01T05:00:00-04:00",
        ),
        (None, "", "Asia/Tokyo", "2026-06-01T18:00:00+09:00"),
        (None, "UTC", "UTC", "2026-06-01T09:00:00+00:00"),
    ] {
        let listed = list(&world, viewer, request(asked)).await.unwrap();
        assert_eq!(listed.viewer_time_zone, zone);
        assert_eq!(listed.time_zone, "UTC", "the hours' own");
        assert_eq!(listed.slots[0].local_start_time, local);
        assert_eq!(
            listed.slots[0].start_time,
            Some(wire("2026-06-01T09:00:00Z"))
        );
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn each_length_the_teacher_gives_has_slots_of_its_own(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        lesson_durations: vec![seconds(5_400), seconds(1_800)],
        min_notice: Some(seconds(0)),
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let request = |duration: Option<i64>| ListSlotsRequest {
        teacher_id: teacher.to_string(),
        end_time: Some(wire("2026-06-02T00:00:00Z")),
        lesson_duration: duration.map(seconds),
        ..ListSlotsRequest::default()
    };
    for (duration, slots, end) in [
        (None, 16, "2026-06-01T10:30:00Z"),
        (Some(5_400), 16, "2026-06-01T10:30:00Z"),
        (Some(1_800), 18, "2026-06-01T09:30:00Z"),
    ] {
        let listed = list(&world, None, request(duration)).await.unwrap();
        assert_eq!(listed.slots.len(), slots);
        assert_eq!(listed.slots[0].end_time, Some(wire(end)));
    }
    let refused = list(&world, None, request(Some(3_600))).await;
    assert_eq!(
        metadata(refused.as_ref().unwrap_err(), "durations_s"),
        "5400,1800"
    );
    assert_eq!(reason(refused), ErrorReason::DurationNotOffered);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn slots_are_listed_to_those_who_need_an_invitation_first(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        accepting_students: Some(false),
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let student = world.student(2).await;
    let day = ("2026-06-02T00:00:00Z", "2026-06-03T00:00:00Z");
    let offered = world.slots(teacher, Some(student), day.0, day.1).await;
    assert_eq!(offered.len(), 17);
    world.stop().await;
}
