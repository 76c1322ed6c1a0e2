//! Erasing a person: what goes, who is told, and what races with it (scenario 25).

mod racing;

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AddTimeOffRequest, BookLessonRequest, CancelLessonRequest, CreateTeacherRequest,
        EraseUserRequest, GetLessonRequest, GetUserRequest, Lesson, LessonStatus, QuietHours,
        TeacherPolicies, UpdateLessonRequest, UpdateSettingsRequest, UpdateUserRequest,
    },
    notify::v1::LessonState,
};
use service_kit::grpc::client::acting;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::{
    fake_notify::FakeNotify,
    support::{World, at, booking, fields, id, new_id, reason, until},
};

const TELEGRAM_ID: i64 = 7_000_123_456_789;

/// Where in schema `lesson` a text or a number is found, in whatever type of column.
async fn places(pool: &PgPool, text: &str, number: i64) -> Vec<String> {
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT c.table_name::text, c.column_name::text, c.data_type::text
         FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
         WHERE c.table_schema = 'lesson' AND t.table_type = 'BASE TABLE' AND c.table_name <> '_sqlx_migrations'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(columns.len() > 50, "the schema is looked through");
    let mut found = Vec::new();
    for (table, column, kind) in columns {
        let hit = match kind.as_str() {
            // ASCII stays as it is.
            "bytea" => format!(
                "encode({column}, 'escape') ILIKE '%' || $1 || '%' AND $2::bigint IS NOT NULL"
            ),
            _ => format!(
                "{column}::text ILIKE '%' || $1 || '%' OR {column}::text = $2::bigint::text"
            ),
        };
        let count = format!("SELECT count(*) FROM lesson.{table} WHERE {hit}");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .bind(text)
            .bind(number)
            .fetch_one(pool)
            .await
            .unwrap();
        if count > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found.sort();
    found
}

async fn lesson(world: &World, viewer: Uuid, id: &str) -> Lesson {
    let request = GetLessonRequest {
        lesson_id: id.to_owned(),
    };
    let answer = world.lessons().get_lesson(acting(request, viewer)).await;
    answer.unwrap().into_inner().lesson.unwrap()
}

/// A person whose every text says "Quixote", who teaches and learns.
async fn quixote(world: &World) -> Uuid {
    let policies = TeacherPolicies {
        min_notice: Some(crate::support::seconds(0)),
        subjects: vec!["Quixote studies".to_owned()],
        ..TeacherPolicies::default()
    };
    let person = world
        .teacher_with(TELEGRAM_ID, "Alonso Quixote", policies)
        .await;
    let profile = UpdateUserRequest {
        about: Some("Quixote of la Mancha".to_owned()),
        expected_version: 1,
        ..UpdateUserRequest::default()
    };
    let mut users = world.users();
    users.update_user(acting(profile, person)).await.unwrap();
    let settings = UpdateSettingsRequest {
        language: Some("ru".to_owned()),
        quiet_hours: Some(QuietHours {
            start_time_of_day: "22:00".to_owned(),
            end_time_of_day: "07:00".to_owned(),
        }),
        expected_version: 2,
        ..UpdateSettingsRequest::default()
    };
    users
        .update_settings(acting(settings, person))
        .await
        .unwrap();
    let time_off = AddTimeOffRequest {
        request_id: new_id(),
        start_time: Some(crate::support::wire("2026-07-01T00:00:00Z")),
        end_time: Some(crate::support::wire("2026-07-08T00:00:00Z")),
        note: "Quixote fights windmills".to_owned(),
    };
    let mut client = world.availability();
    let added = client.add_time_off(acting(time_off, person));
    added.await.unwrap();
    person
}

/// Cancels a lesson with a reason that names the person.
async fn cancel(world: &World, by: Uuid, lesson: &Lesson) {
    let request = CancelLessonRequest {
        lesson_id: lesson.id.clone(),
        expected_version: lesson.version,
        reason: "Quixote is ill".to_owned(),
    };
    let canceled = world.lessons().cancel_lesson(acting(request, by)).await;
    canceled.unwrap();
}

async fn describe(world: &World, by: Uuid, lesson: &Lesson) {
    let request = UpdateLessonRequest {
        lesson_id: lesson.id.clone(),
        expected_version: lesson.version,
        notes: Some("Quixote, chapter 8".to_owned()),
        meeting_url: Some("https://meet.example/quixote".to_owned()),
    };
    let updated = world.lessons().update_lesson(acting(request, by)).await;
    updated.unwrap();
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn nothing_of_an_erased_person_is_left_and_everybody_is_told(pool: PgPool) {
    let notify = FakeNotify::start().await;
    let world = World::start_with_notify(pool, &notify.url).await;
    let person = quixote(&world).await;
    let (teacher, student) = (world.teacher(2, "Anna").await, world.student(3).await);
    world.befriend(person, student).await;
    world.befriend(teacher, person).await;
    let book =
        async |student, teacher, start: &str| world.book(student, teacher, start).await.unwrap();
    let past = book(student, person, "2026-06-01T09:00:00Z").await;
    describe(&world, person, &past).await;
    let canceled = book(student, person, "2026-06-02T10:00:00Z").await;
    cancel(&world, person, &canceled).await;
    let refused = book(person, teacher, "2026-06-02T11:00:00Z").await;
    cancel(&world, person, &refused).await;
    world.clock.advance(SignedDuration::from_hours(20));
    let taught = book(student, person, "2026-06-03T09:00:00Z").await;
    describe(&world, person, &taught).await;
    let learned = book(person, teacher, "2026-06-03T14:00:00Z").await;
    assert!(!places(&world.pool, "quixote", TELEGRAM_ID).await.is_empty());

    assert_eq!(world.erase(person).await.unwrap(), 2);
    for (viewer, lesson_id) in [(student, &taught.id), (teacher, &learned.id)] {
        let seen = lesson(&world, viewer, lesson_id).await;
        assert_eq!(seen.status(), LessonStatus::Canceled);
        let names = seen.bookings.iter().map(|seat| seat.student_name.as_str());
        let names: Vec<_> = names.chain([seen.teacher_name.as_str()]).collect();
        assert!(names.contains(&""), "{names:?}");
    }
    let seen = lesson(&world, student, &past.id).await;
    assert_eq!(seen.start_time, past.start_time, "what was keeps its time");
    until("the outbox is empty", || async {
        world.outbox_rows().await == 0
    })
    .await;
    assert_eq!(places(&world.pool, "quixote", TELEGRAM_ID).await, [""; 0]);
    notify.told.with(|told| {
        let erased: Vec<_> = told.erased.iter().map(|one| one.user_id.clone()).collect();
        assert_eq!(erased, [person.to_string()]);
        let last = told
            .recipients
            .iter()
            .filter(|one| one.user_id == person.to_string());
        let last = last.map(|one| one.version).max();
        assert!(
            Some(told.erased[0].version) > last,
            "the erasure is the last word"
        );
        for lesson_id in [&taught.id, &learned.id] {
            let snapshots = told
                .lessons
                .iter()
                .filter(|one| one.lesson_id == *lesson_id);
            let newest = snapshots.max_by_key(|one| one.version).unwrap();
            assert_eq!(newest.state(), LessonState::Canceled);
        }
    });
    assert_eq!(world.erase(person).await.unwrap(), 0, "a repeat is safe");
    assert_eq!(notify.told.with(|told| told.erased.len()), 1);
    world.stop().await;
    notify.task.abort();
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_notify_svc_was_yet_to_be_told_of_the_person_is_taken_back(pool: PgPool) {
    let world = World::start(pool).await;
    let person = id(&world.person(TELEGRAM_ID, "Alonso Quixote").await);
    world.erase(person).await.unwrap();
    let kinds: Vec<String> = sqlx::query_scalar("SELECT kind FROM lesson.outbox")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(kinds, ["erasure"]);
    assert_eq!(places(&world.pool, "quixote", TELEGRAM_ID).await, [""; 0]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn the_erased_are_nobody_and_come_back_as_somebody_new(pool: PgPool) {
    let world = World::start(pool).await;
    let person = world.teacher(1, "Anna").await;
    let (student, admin) = (world.student(2).await, world.admin(3).await);
    world.befriend(person, student).await;
    world.erase(person).await.unwrap();
    let mut users = world.users();
    let get = GetUserRequest {
        user_id: person.to_string(),
    };
    for viewer in [person, student] {
        let seen = users.get_user(acting(get.clone(), viewer)).await;
        assert_eq!(reason(seen), ErrorReason::UserNotFound);
    }
    let tombstone = users.get_user(acting(get, admin)).await.unwrap();
    let tombstone = tombstone.into_inner().user.unwrap();
    assert_eq!(tombstone.id, person.to_string());
    assert_eq!(
        olm_proto::instant(&tombstone.erase_time.unwrap()),
        Some(at("2026-06-01T00:00:00Z"))
    );
    assert_eq!(
        (tombstone.display_name, tombstone.version),
        (String::new(), 0)
    );
    let teach = CreateTeacherRequest {
        request_id: new_id(),
        policies: None,
    };
    let taught = world.teachers().create_teacher(acting(teach, person)).await;
    assert_eq!(reason(taught), ErrorReason::UserNotFound);
    let again = world.person(1, "Anna").await;
    assert_ne!(again.id, person.to_string());
    assert!(!again.is_teacher);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn only_the_person_and_admins_erase_somebody(pool: PgPool) {
    let world = World::start(pool).await;
    let (teacher, student) = (world.teacher(1, "Anna").await, world.student(2).await);
    let admin = world.admin(3).await;
    world.befriend(teacher, student).await;
    let lesson = world.book(student, teacher, "2026-06-02T09:00:00Z").await;
    let erase = |user: Uuid| EraseUserRequest {
        user_id: user.to_string(),
    };
    let mut users = world.users();
    let refused = users.erase_user(acting(erase(student), teacher)).await;
    assert_eq!(reason(refused), ErrorReason::UserNotFound);
    let nobody = users.erase_user(acting(erase(Uuid::from_u128(7)), admin));
    assert_eq!(reason(nobody.await), ErrorReason::UserNotFound);
    let wrong = users.erase_user(acting(EraseUserRequest::default(), admin));
    assert_eq!(fields(wrong.await), ["user_id"]);
    for canceled in [1, 0] {
        let erased = users.erase_user(acting(erase(student), admin)).await;
        assert_eq!(erased.unwrap().into_inner().canceled_lessons, canceled);
    }
    let seen = self::lesson(&world, teacher, &lesson.unwrap().id).await;
    assert_eq!(seen.status(), LessonStatus::Canceled);
    world.stop().await;
}

/// notify-svc is away: what it will be told of lessons is still here.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_waits_to_be_told_says_nothing_of_an_erased_person(pool: PgPool) {
    let world = World::start(pool).await;
    let person = quixote(&world).await;
    let (teacher, student) = (world.teacher(2, "Anna").await, world.student(3).await);
    world.befriend(person, student).await;
    world.befriend(teacher, person).await;
    let taught = world.book(student, person, "2026-06-02T09:00:00Z").await;
    describe(&world, person, &taught.unwrap()).await;
    let refused = world.book(person, teacher, "2026-06-02T11:00:00Z").await;
    cancel(&world, person, &refused.unwrap()).await;
    assert!(!places(&world.pool, "quixote", TELEGRAM_ID).await.is_empty());

    assert_eq!(world.erase(person).await.unwrap(), 1);
    assert_eq!(places(&world.pool, "quixote", TELEGRAM_ID).await, [""; 0]);
    assert!(world.outbox_rows().await > 0, "nothing was left to be told");
    world.stop().await;
}

/// What an older release left there, or nobody knows who.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_waits_to_be_told_and_cannot_be_read_keeps_nobody_from_being_erased(pool: PgPool) {
    let world = World::start(pool).await;
    let (teacher, student) = (world.teacher(1, "Anna").await, world.student(2).await);
    let book = async |start: &str| world.book(student, teacher, start).await.unwrap();
    let (broken, empty) = (
        book("2026-06-02T09:00:00Z").await,
        book("2026-06-02T11:00:00Z").await,
    );
    for (lesson, payload) in [(&broken, b"\xffQuixote".as_slice()), (&empty, b"")] {
        sqlx::query("UPDATE lesson.outbox SET payload = $1 WHERE entity_id = $2::uuid")
            .bind(payload)
            .bind(&lesson.id)
            .execute(&world.pool)
            .await
            .unwrap();
    }
    assert_eq!(world.erase(teacher).await.unwrap(), 2);
    let told: Vec<(String, i64)> = sqlx::query_as(
        "SELECT entity_id::text, version FROM lesson.outbox WHERE kind = 'lesson' ORDER BY id",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(told, [(broken.id, 2), (empty.id, 2)], "the cancellations");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_an_admin_wrote_into_the_lessons_of_others_goes_with_them(pool: PgPool) {
    let world = World::start(pool).await;
    let (teacher, student) = (world.teacher(1, "Anna").await, world.student(2).await);
    let admin = world.admin(3).await;
    let given = BookLessonRequest {
        student_id: student.to_string(),
        notes: "Quixote gives this one".to_owned(),
        ..booking(teacher, "2026-06-02T09:00:00Z")
    };
    let mut lessons = world.lessons();
    let given = lessons.book_lesson(acting(given, admin)).await.unwrap();
    let given = given.into_inner().lesson.unwrap();
    let book = async |start: &str| world.book(student, teacher, start).await.unwrap();
    let described = book("2026-06-02T11:00:00Z").await;
    describe(&world, admin, &described).await;
    let taken_over = book("2026-06-02T13:00:00Z").await;
    describe(&world, admin, &taken_over).await;
    let own = UpdateLessonRequest {
        lesson_id: taken_over.id.clone(),
        expected_version: taken_over.version + 1,
        notes: Some("Chapter 9".to_owned()),
        meeting_url: Some("https://meet.example/anna".to_owned()),
    };
    let mut lessons = world.lessons();
    lessons.update_lesson(acting(own, teacher)).await.unwrap();
    assert_eq!(
        places(&world.pool, "quixote", -1).await,
        ["lessons.meeting_url", "lessons.notes", "outbox.payload"]
    );

    world.erase(admin).await.unwrap();
    assert_eq!(places(&world.pool, "quixote", -1).await, [""; 0]);
    let seen = lesson(&world, student, &taken_over.id).await;
    assert_eq!(seen.notes, "Chapter 9");
    assert_eq!(seen.meeting_url, "https://meet.example/anna");
    assert_eq!(
        places(&world.pool, "meet.example/anna", -1).await,
        ["lessons.meeting_url", "outbox.payload"]
    );
    for (lesson_id, version) in [(&given.id, 1), (&described.id, 2)] {
        let seen = lesson(&world, student, lesson_id).await;
        assert_eq!(seen.status(), LessonStatus::Scheduled);
        assert_eq!(seen.version, version, "nothing to tell of");
    }
    world.stop().await;
}
