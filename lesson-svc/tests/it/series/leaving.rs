//! What becomes of series when their people move, part or leave.

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        ConflictMode, DeleteTeacherRequest, RemoveStudentRequest, RulesZone, SeriesChange,
        SeriesState, UpdateSeriesRequest, UpdateSettingsRequest, WantedSeries, wanted_series,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use uuid::Uuid;

use super::{count, create, get, in_zone, lessons, starts, told, weekly};
use crate::{
    steps::gather,
    support::{World, reason, until},
};

async fn pair(pool: PgPool) -> (World, Uuid, Uuid) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    world.befriend(teacher, student).await;
    (world, teacher, student)
}

fn with_texts(mut wanted: WantedSeries) -> WantedSeries {
    if let Some(pattern) = &mut wanted.pattern {
        "https://meet.example/anna".clone_into(&mut pattern.meeting_url);
        "about her divorce".clone_into(&mut pattern.notes);
    }
    wanted
}

async fn texts_left(world: &World) -> i64 {
    count(
        &world.pool,
        "series WHERE notes || meeting_url || cancel_reason <> ''",
    )
    .await
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_teacher_who_moves_keeps_every_instant_and_is_named_the_series(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let mode = ConflictMode::Strict;
    let berlin = in_zone(weekly(student, "2026-06-08", "10:00", 4), "Europe/Berlin");
    let berlin = create(&world, teacher, berlin, mode).await.unwrap();
    let tokyo = in_zone(weekly(student, "2026-06-09", "10:00", 4), "Asia/Tokyo");
    create(&world, teacher, tokyo, mode).await.unwrap();
    let before = lessons(&world, teacher, "2026-06-01T00:00:00Z").await;
    let request = UpdateSettingsRequest {
        time_zone: Some("Asia/Tokyo".to_owned()),
        rules_zone: RulesZone::Keep.into(),
        expected_version: 1,
        ..UpdateSettingsRequest::default()
    };
    let moved = world
        .users()
        .update_settings(acting(request, teacher))
        .await;
    let elsewhere = moved.unwrap().into_inner().series_ids_elsewhere;
    assert_eq!(elsewhere, [berlin.series.unwrap().id]);
    let after = lessons(&world, teacher, "2026-06-01T00:00:00Z").await;
    assert_eq!(starts(&after), starts(&before));
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn an_erased_student_leaves_no_series_and_no_word_of_theirs(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let wanted = with_texts(weekly(student, "2026-06-08", "10:00", 20));
    let made = create(&world, teacher, wanted, ConflictMode::Strict)
        .await
        .unwrap();
    assert_eq!(world.erase(student).await.unwrap(), 11);
    let series = get(&world, teacher, &made.series.unwrap().id)
        .await
        .unwrap();
    assert_eq!(series.state(), SeriesState::Canceled);
    assert_eq!(
        (series.student_name, series.pattern.unwrap().notes),
        (String::new(), String::new())
    );
    assert_eq!(
        count(&world.pool, "lessons WHERE status = 'scheduled'").await,
        0
    );
    assert_eq!(count(&world.pool, "lessons WHERE with_series").await, 11);
    assert_eq!(count(&world.pool, "series_clocks WHERE user_id IN (SELECT id FROM lesson.users WHERE erase_time IS NOT NULL)").await, 0);
    let told = told(&world.pool).await;
    assert_eq!((told.len(), told[1].canceled), (2, true));
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn an_erased_teachers_series_are_off_and_their_texts_gone_also_from_what_is_untold(
    pool: PgPool,
) {
    let (world, teacher, student) = pair(pool).await;
    let wanted = with_texts(weekly(student, "2026-06-08", "10:00", 3));
    create(&world, teacher, wanted, ConflictMode::Strict)
        .await
        .unwrap();
    let url = |snapshot: &olm_proto::notify::v1::SeriesSnapshot| {
        snapshot.plan.as_ref().unwrap().meeting_url.clone()
    };
    assert_eq!(
        url(&told(&world.pool).await[0]),
        "https://meet.example/anna"
    );
    assert_eq!(world.erase(teacher).await.unwrap(), 3);
    assert_eq!(texts_left(&world).await, 0);
    let told = told(&world.pool).await;
    assert_eq!(told.iter().map(url).collect::<Vec<_>>(), ["", ""]);
    assert!(told[1].canceled);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_student_who_is_removed_keeps_what_is_booked_and_gets_no_more(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let wanted = weekly(student, "2026-06-01", "10:00", 30);
    let made = create(&world, teacher, wanted, ConflictMode::Strict)
        .await
        .unwrap();
    let request = RemoveStudentRequest {
        student_id: student.to_string(),
    };
    world
        .teachers()
        .remove_student(acting(request, teacher))
        .await
        .unwrap();
    let series = get(&world, student, &made.series.unwrap().id)
        .await
        .unwrap();
    assert_eq!((series.occurrence_count, series.version), (12, 2));
    assert_eq!(
        count(&world.pool, "lessons WHERE status = 'scheduled'").await,
        12
    );
    assert_eq!(
        count(&world.pool, "series WHERE due_time IS NOT NULL").await,
        0
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_has_series_to_book_goes_on_teaching(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let wanted = weekly(student, "2027-05-31", "10:00", 2);
    let made = create(&world, teacher, wanted, ConflictMode::Strict)
        .await
        .unwrap();
    assert!(made.lesson_ids.is_empty());
    let request = DeleteTeacherRequest {
        expected_version: 1,
    };
    let refused = world
        .teachers()
        .delete_teacher(acting(request, teacher))
        .await;
    assert_eq!(reason(refused), ErrorReason::LessonsAhead);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_waits_to_be_told_of_a_series_names_no_group_of_an_erased_teacher(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (made, people) = gather(&world, teacher, 4, 2).await;
    let wanted = WantedSeries {
        people: Some(wanted_series::People::GroupId(made.id.clone())),
        ..weekly(people[0], "2026-06-08", "12:00", 3)
    };
    let created = create(&world, teacher, wanted, ConflictMode::Strict).await;
    created.unwrap();
    let titles = async || {
        let told = told(&world.pool).await.into_iter();
        told.map(|told| told.group_title).collect::<Vec<_>>()
    };
    assert_eq!(titles().await, [made.title]);
    world.erase(teacher).await.unwrap();
    assert_eq!(titles().await, ["", ""]);
    world.stop().await;
}

/// Also where the job copied it in the teacher's name; what the teacher wrote over it stays.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_an_admin_wrote_into_the_series_of_others_goes_with_them(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let admin = world.admin(3).await;
    for (time, over) in [("10:00", false), ("12:00", true)] {
        let wanted = WantedSeries {
            teacher_id: teacher.to_string(),
            ..with_texts(weekly(student, "2026-06-08", time, 14))
        };
        let made = create(&world, admin, wanted, ConflictMode::Strict).await;
        let series = made.unwrap().series.unwrap();
        let request = UpdateSeriesRequest {
            series_id: series.id,
            expected_version: series.version,
            change: Some(SeriesChange {
                notes: Some("chapter two".to_owned()),
                meeting_url: Some("https://meet.example/own".to_owned()),
                ..SeriesChange::default()
            }),
            conflict_mode: ConflictMode::Strict.into(),
        };
        if over {
            let mut client = world.series();
            let request = acting(request, teacher);
            client.update_series(request).await.unwrap();
        }
    }
    world.clock.advance(SignedDuration::from_hours(7 * 24 * 4));
    let all = "lessons WHERE status = 'scheduled'";
    until("all is booked", || async {
        count(&world.pool, all).await == 28
    })
    .await;
    let own = "lessons WHERE notes = 'chapter two' AND meeting_url = 'https://meet.example/own'";
    assert_eq!(count(&world.pool, own).await, 14);
    world.erase(admin).await.unwrap();
    let words = "WHERE notes LIKE '%divorce%' OR meeting_url LIKE '%anna%'";
    for table in ["lessons", "series"] {
        assert_eq!(count(&world.pool, &format!("{table} {words}")).await, 0);
    }
    assert_eq!(count(&world.pool, own).await, 14);
    let told = told(&world.pool).await.into_iter();
    let urls = told.map(|told| told.plan.unwrap().meeting_url);
    let urls: std::collections::BTreeSet<_> = urls.collect();
    assert!(!urls.contains("https://meet.example/anna"), "{urls:?}");
    let rows: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT payload FROM lesson.outbox WHERE kind = 'lesson'")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let word = b"meet.example/anna";
    let says = |row: &&Vec<u8>| row.windows(word.len()).any(|part| part == word);
    assert_eq!(rows.iter().filter(says).count(), 0);
    world.stop().await;
}
