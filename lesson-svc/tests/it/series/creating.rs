//! Previews, conflicts, and what a new series is.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AddTimeOffRequest, ClockMark, ConflictMode, CreateSeriesRequest, DateOverride,
        ListSeriesRequest, OccurrenceConflict, PutOverrideRequest, SeriesState, WantedSeries,
        wanted_series,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use uuid::Uuid;

use super::{conflicts, count, create, get, in_zone, lessons, preview, starts, text, told, weekly};
use crate::support::{World, fields, metadata, new_id, reason, wire};

/// A teacher and her student.
async fn pair(pool: PgPool) -> (World, Uuid, Uuid) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    world.befriend(teacher, student).await;
    (world, teacher, student)
}

/// A calendar in which five Mondays from 8 June on are as the conflicts say.
async fn crowded(world: &World, teacher: Uuid, student: Uuid) {
    let other = world.teacher(3, "Boris").await;
    world.befriend(other, student).await;
    // The teacher, in a lesson of their own.
    let third = world.student(4).await;
    world
        .book(third, teacher, "2026-06-15T10:30:00Z")
        .await
        .unwrap();
    // The student, with somebody else.
    world
        .book(student, other, "2026-06-22T09:30:00Z")
        .await
        .unwrap();
    let off = AddTimeOffRequest {
        request_id: new_id(),
        start_time: Some(wire("2026-06-29T10:59:00Z")),
        end_time: Some(wire("2026-06-29T12:00:00Z")),
        note: String::new(),
    };
    let mut availability = world.availability();
    availability
        .add_time_off(acting(off, teacher))
        .await
        .unwrap();
    let holiday = PutOverrideRequest {
        date_override: Some(DateOverride {
            date: "2026-07-06".to_owned(),
            ..DateOverride::default()
        }),
        expected_version: 2,
    };
    availability
        .put_override(acting(holiday, teacher))
        .await
        .unwrap();
}

const EXPECTED: [OccurrenceConflict; 6] = [
    OccurrenceConflict::Unspecified,
    OccurrenceConflict::TeacherBusy,
    OccurrenceConflict::StudentBusy,
    OccurrenceConflict::TimeOff,
    OccurrenceConflict::TimeOff,
    OccurrenceConflict::Unspecified,
];

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_preview_names_every_conflict_and_a_strict_series_is_all_or_nothing(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    crowded(&world, teacher, student).await;
    let wanted = weekly(student, "2026-06-08", "10:00", 6);
    let before = world.outbox_rows().await;
    let seen = preview(&world, teacher, wanted.clone()).await.unwrap();
    assert_eq!(conflicts(&seen.occurrences), EXPECTED);
    assert_eq!((seen.conflict_count, seen.booked_count), (4, 2));
    assert!(!seen.occurrences[1].conflicting_lesson_id.is_empty());
    let refused = create(&world, teacher, wanted, ConflictMode::Strict).await;
    let status = refused.as_ref().unwrap_err();
    assert_eq!(metadata(status, "conflict_count"), "4");
    assert_eq!(
        metadata(status, "starts"),
        "2026-06-15T10:00:00Z,2026-06-22T10:00:00Z,2026-06-29T10:00:00Z,2026-07-06T10:00:00Z"
    );
    assert_eq!(reason(refused), ErrorReason::SeriesConflicts);
    assert_eq!(world.outbox_rows().await, before);
    assert_eq!(count(&world.pool, "series").await, 0);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_the_preview_said_is_booked_and_the_rest_is_skipped_and_told_once(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    crowded(&world, teacher, student).await;
    let wanted = weekly(student, "2026-06-08", "10:00", 6);
    let made = create(&world, teacher, wanted, ConflictMode::Skip)
        .await
        .unwrap();
    let series = made.series.unwrap();
    assert_eq!(made.lesson_ids.len(), 2);
    assert_eq!(series.state(), SeriesState::Running);
    assert_eq!(series.last_date, "2026-07-13");
    assert_eq!(
        text(series.next_start_time.as_ref()),
        "2026-06-08T10:00:00Z"
    );
    let skipped: Vec<_> = series
        .skipped
        .iter()
        .map(|skip| (skip.ordinal, skip.conflict(), skip.unasked))
        .collect();
    let expected: Vec<_> = (1..5)
        .map(|ordinal: i32| (ordinal, EXPECTED[usize::try_from(ordinal).unwrap()], false))
        .collect();
    assert_eq!(skipped, expected);
    // The student sees the lessons, not what the teacher has instead.
    let seen = get(&world, student, &series.id).await.unwrap();
    assert!(seen.skipped.is_empty());
    let of_series = lessons(&world, student, "2026-06-01T00:00:00Z").await;
    let of_series: Vec<_> = of_series
        .into_iter()
        .filter(|lesson| lesson.series_id == series.id)
        .collect();
    assert_eq!(
        starts(&of_series),
        ["2026-06-08T10:00:00Z", "2026-07-13T10:00:00Z"]
    );
    let told = told(&world.pool).await;
    assert_eq!(told.len(), 1);
    let plan = told[0].plan.as_ref().unwrap();
    assert_eq!((plan.lesson_count, plan.day_of_week), (2, 1));
    assert_eq!(plan.start_time_of_day, "10:00");
    assert_eq!(text(plan.last_start_time.as_ref()), "2026-07-13T10:00:00Z");
    assert_eq!(told[0].student_ids, [student.to_string()]);
    assert!(told[0].unbooked_start_times.is_empty());
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_series_of_which_nothing_can_be_booked_is_refused_either_way(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    world
        .book(student, teacher, "2026-06-08T10:00:00Z")
        .await
        .unwrap();
    for mode in [ConflictMode::Skip, ConflictMode::Strict] {
        let wanted = weekly(student, "2026-06-08", "10:30", 1);
        let refused = create(&world, teacher, wanted, mode).await;
        assert_eq!(reason(refused), ErrorReason::SeriesConflicts);
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_repeat_makes_no_second_series(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let request = CreateSeriesRequest {
        request_id: new_id(),
        series: Some(weekly(student, "2026-06-01", "10:00", 3)),
        conflict_mode: ConflictMode::Strict.into(),
    };
    let mut series = world.series();
    let first = series
        .create_series(acting(request.clone(), teacher))
        .await
        .unwrap()
        .into_inner();
    // Its first date is past by then.
    world.clock.advance(jiff::SignedDuration::from_hours(24));
    let again = series
        .create_series(acting(request.clone(), teacher))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first.lesson_ids, again.lesson_ids);
    assert_eq!(count(&world.pool, "series").await, 1);
    let other = CreateSeriesRequest {
        conflict_mode: ConflictMode::Skip.into(),
        ..request
    };
    let refused = series.create_series(acting(other, teacher)).await;
    assert_eq!(reason(refused), ErrorReason::RequestIdReused);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn every_wrong_field_is_named(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let mut wanted = WantedSeries {
        people: None,
        end: Some(wanted_series::End::Count(201)),
        ..weekly(student, "2026-6-1", "24:00", 1)
    };
    if let Some(pattern) = &mut wanted.pattern {
        "Mars/Olympus".clone_into(&mut pattern.time_zone);
        pattern.every_weeks = 53;
        pattern.lesson_duration = Some(crate::support::seconds(330));
    }
    let request = CreateSeriesRequest {
        request_id: new_id(),
        series: Some(wanted),
        conflict_mode: 0,
    };
    let refused = world.series().create_series(acting(request, teacher)).await;
    assert_eq!(
        fields(refused),
        [
            "conflict_mode",
            "series.count",
            "series.pattern.every_weeks",
            "series.pattern.first_date",
            "series.pattern.lesson_duration",
            "series.pattern.start_time_of_day",
            "series.pattern.time_zone",
            "series.student_id",
        ]
    );
    for (first_date, end, field) in [
        (
            "2026-05-31",
            wanted_series::End::Count(1),
            "series.pattern.first_date",
        ),
        (
            "2027-06-03",
            wanted_series::End::Count(1),
            "series.pattern.first_date",
        ),
        (
            "2026-06-02",
            wanted_series::End::UntilDate("2026-06-01".to_owned()),
            "series.until_date",
        ),
        ("2026-06-02", wanted_series::End::Count(106), "series.count"),
    ] {
        let wanted = WantedSeries {
            end: Some(end),
            ..weekly(student, first_date, "10:00", 1)
        };
        assert_eq!(fields(preview(&world, teacher, wanted).await), [field]);
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn series_are_made_by_teachers_for_their_students_and_by_admins(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let stranger = world.student(5).await;
    let admin = world.admin(6).await;
    let try_make = async |by: Uuid, whose: Uuid, student: Uuid| {
        let wanted = WantedSeries {
            teacher_id: whose.to_string(),
            ..weekly(student, "2026-06-08", "10:00", 1)
        };
        create(&world, by, wanted, ConflictMode::Strict).await
    };
    let own = try_make(student, student, stranger).await;
    assert_eq!(reason(own), ErrorReason::NotATeacher);
    assert_eq!(
        reason(try_make(student, teacher, student).await),
        ErrorReason::TeacherOnly
    );
    assert_eq!(
        reason(try_make(teacher, teacher, stranger).await),
        ErrorReason::NotAStudent
    );
    assert_eq!(
        reason(try_make(teacher, teacher, teacher).await),
        ErrorReason::SelfBooking
    );
    assert_eq!(
        reason(try_make(admin, stranger, student).await),
        ErrorReason::TeacherNotFound
    );
    let made = try_make(admin, teacher, stranger).await.unwrap();
    let id = made.series.unwrap().id;
    for (viewer, sees) in [
        (teacher, true),
        (stranger, true),
        (admin, true),
        (student, false),
    ] {
        assert_eq!(get(&world, viewer, &id).await.is_ok(), sees);
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn previews_mark_what_clocks_do_for_whom(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    // Both people are in UTC; Berlin's clock goes back on 25 October.
    let wanted = in_zone(weekly(student, "2026-10-12", "10:00", 3), "Europe/Berlin");
    let seen = preview(&world, teacher, wanted).await.unwrap();
    let marks: Vec<Vec<_>> = seen
        .occurrences
        .iter()
        .map(|occurrence| occurrence.clock_marks().collect())
        .collect();
    let shifts = [
        ClockMark::SeriesClockChanged,
        ClockMark::TeacherTimeShifts,
        ClockMark::StudentTimeShifts,
    ];
    assert_eq!(marks, [vec![], vec![], shifts.to_vec()]);
    let local: Vec<_> = seen
        .occurrences
        .iter()
        .map(|occurrence| occurrence.local_start_time.as_str())
        .collect();
    assert_eq!(
        local[1..],
        ["2026-10-19T10:00:00+02:00", "2026-10-26T10:00:00+01:00"]
    );
    assert_eq!(
        seen.occurrences[2].viewer_local_start_time,
        "2026-10-26T09:00:00+00:00"
    );
    assert_eq!(
        (seen.shifted_student_ids, seen.viewer_time_zone),
        (vec![student.to_string()], "UTC".to_owned())
    );
    // 02:30 on 29 March 2027 … the Sunday before is the 28th, which has no such hour.
    let gap = in_zone(weekly(student, "2027-03-28", "02:30", 1), "Europe/Berlin");
    let seen = preview(&world, teacher, gap).await.unwrap();
    assert_eq!(
        seen.occurrences[0].clock_marks().collect::<Vec<_>>(),
        [ClockMark::Gap]
    );
    assert!(seen.occurrences[0].outside_hours);
    assert_eq!(
        seen.occurrences[0].local_start_time,
        "2027-03-28T03:30:00+02:00"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn people_list_the_series_they_are_in_page_after_page(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    for (date, time) in [
        ("2026-06-01", "10:00"),
        ("2026-06-02", "10:00"),
        ("2026-06-03", "10:00"),
    ] {
        create(
            &world,
            teacher,
            weekly(student, date, time, 1),
            ConflictMode::Strict,
        )
        .await
        .unwrap();
        world.clock.advance(jiff::SignedDuration::from_secs(1));
    }
    // The first of them is over.
    world.clock.advance(jiff::SignedDuration::from_hours(30));
    let mut found = Vec::new();
    let mut request = ListSeriesRequest {
        page_size: 1,
        ..ListSeriesRequest::default()
    };
    loop {
        let page = world
            .series()
            .list_series(acting(request.clone(), student))
            .await
            .unwrap()
            .into_inner();
        found.extend(
            page.series
                .into_iter()
                .map(|series| series.pattern.unwrap().first_date),
        );
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(found, ["2026-06-03", "2026-06-02"]);
    let all = ListSeriesRequest {
        include_ended: true,
        ..ListSeriesRequest::default()
    };
    let all = world
        .series()
        .list_series(acting(all, teacher))
        .await
        .unwrap()
        .into_inner();
    let states: Vec<_> = all
        .series
        .iter()
        .map(olm_proto::lesson::v1::Series::state)
        .collect();
    assert_eq!(
        states,
        [
            SeriesState::Running,
            SeriesState::Running,
            SeriesState::Ended
        ]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_a_preview_says_is_what_creating_does_in_any_calendar(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let third = world.student(7).await;
    // A calendar that nobody arranged: lessons at odd hours of many days, by a fixed rule.
    for turn in 0..40_i32 {
        let (day, hour) = (1 + turn * 7 % 58, 9 + turn * 5 % 8);
        let date = jiff::civil::date(2026, 6, 1)
            .checked_add(jiff::Span::new().days(day))
            .unwrap();
        let who = if turn % 3 == 0 { student } else { third };
        // Some are refused: those that overlap.
        drop(
            world
                .book(who, teacher, &format!("{date}T{hour:02}:30:00Z"))
                .await,
        );
    }
    let mut seen_conflicts = 0;
    for round in 0..14 {
        let date = jiff::civil::date(2026, 6, 2)
            .checked_add(jiff::Span::new().days(round % 7))
            .unwrap();
        let time = format!("{:02}:{}0", 9 + round % 9, round % 6);
        let mut wanted = in_zone(
            weekly(student, &date.to_string(), &time, 9),
            "Europe/Berlin",
        );
        if let Some(pattern) = &mut wanted.pattern {
            pattern.every_weeks = 1 + i32::from(round % 4 == 0);
        }
        let seen = preview(&world, teacher, wanted.clone()).await.unwrap();
        seen_conflicts += seen.conflict_count;
        let free: Vec<_> = seen
            .occurrences
            .iter()
            .filter(|occurrence| occurrence.conflict() == OccurrenceConflict::Unspecified)
            .map(|occurrence| text(occurrence.start_time.as_ref()))
            .collect();
        let made = create(&world, teacher, wanted, ConflictMode::Skip).await;
        if free.is_empty() {
            assert_eq!(reason(made), ErrorReason::SeriesConflicts);
            continue;
        }
        let made = made.unwrap();
        assert_eq!(
            made.lesson_ids.len(),
            usize::try_from(seen.booked_count).unwrap()
        );
        let series = made.series.unwrap();
        assert_eq!(
            series.skipped.len(),
            usize::try_from(seen.conflict_count).unwrap()
        );
        let all = lessons(&world, teacher, "2026-06-01T00:00:00Z").await;
        let own: Vec<_> = all
            .into_iter()
            .filter(|lesson| lesson.series_id == series.id)
            .collect();
        assert_eq!(starts(&own), free[..own.len()]);
    }
    assert!(seen_conflicts > 10, "{seen_conflicts}");
    world.stop().await;
}
