use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        GetUserRequest, RegisterTelegramUserRequest, ReminderLeads, UpdateSettingsRequest, User,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, fields, id, metadata, reason, registration, seconds};

async fn register(world: &World, request: RegisterTelegramUserRequest) -> (User, bool) {
    let answer = world
        .users()
        .register_telegram_user(request)
        .await
        .unwrap()
        .into_inner();
    (answer.user.unwrap(), answer.created)
}

async fn get(world: &World, viewer: Uuid, user: Uuid) -> Result<User, Status> {
    let request = GetUserRequest {
        user_id: user.to_string(),
    };
    let answer = world.users().get_user(acting(request, viewer)).await?;
    Ok(answer.into_inner().user.unwrap())
}

async fn update(world: &World, user: Uuid, request: UpdateSettingsRequest) -> Result<User, Status> {
    let answer = world.users().update_settings(acting(request, user)).await?;
    Ok(answer.into_inner().user.unwrap())
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_person_who_starts_twice_is_registered_once(pool: PgPool) {
    let world = World::start(pool).await;
    let (first, created) = register(&world, registration(7, "Anna")).await;
    assert!(created);
    assert_eq!(
        (
            first.language.as_str(),
            first.time_zone.as_str(),
            first.version
        ),
        ("en", "UTC", 1)
    );
    assert_eq!(first.reminder_leads, [seconds(3600)]);
    assert_eq!(first.telegram.unwrap().chat_id, 7);
    let (again, created) = register(&world, registration(7, "Anna")).await;
    assert!(!created);
    assert_eq!(again, first);
    assert_eq!(
        world.outbox_rows().await,
        1,
        "nothing changed, so nothing is told"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_repeated_start_updates_name_and_chat_but_no_settings(pool: PgPool) {
    let world = World::start(pool).await;
    let anna = world.person(7, "Anna").await;
    let settings = UpdateSettingsRequest {
        language: Some("ru".to_owned()),
        expected_version: anna.version,
        ..UpdateSettingsRequest::default()
    };
    update(&world, id(&anna), settings).await.unwrap();
    let moved = RegisterTelegramUserRequest {
        chat_id: 8,
        ..registration(7, "Anna P.")
    };
    let (user, created) = register(&world, moved).await;
    assert!(!created);
    assert_eq!(
        (
            user.display_name.as_str(),
            user.language.as_str(),
            user.version
        ),
        ("Anna P.", "ru", 3)
    );
    assert_eq!(user.telegram.unwrap().chat_id, 8);
    assert_eq!(get(&world, id(&anna), id(&anna)).await.unwrap(), user);
    assert_eq!(world.outbox_rows().await, 3);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn ten_starts_at_once_register_one_person(pool: PgPool) {
    let world = World::start(pool).await;
    let starts = (0..10).map(|_| {
        let mut users = world.users();
        tokio::spawn(async move { users.register_telegram_user(registration(7, "Anna")).await })
    });
    let mut ids = Vec::new();
    let mut created = 0;
    for start in starts.collect::<Vec<_>>() {
        let answer = start.await.unwrap().unwrap().into_inner();
        created += i32::from(answer.created);
        ids.push(answer.user.unwrap().id);
    }
    ids.dedup();
    assert_eq!((ids.len(), created), (1, 1));
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM lesson.users")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(users, 1, "who lost the race left nothing behind");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn an_unknown_language_falls_back_to_the_default(pool: PgPool) {
    let world = World::start(pool).await;
    for (telegram_id, tag, language) in [
        (1, "ru-RU", "ru"),
        (2, "uk", "en"),
        (3, "", "en"),
        (4, "RU", "ru"),
    ] {
        let request = RegisterTelegramUserRequest {
            language_code: tag.to_owned(),
            ..registration(telegram_id, "A")
        };
        assert_eq!(
            register(&world, request).await.0.language,
            language,
            "{tag}"
        );
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_name_is_cut_and_an_empty_one_becomes_the_telegram_id(pool: PgPool) {
    let world = World::start(pool).await;
    assert_eq!(
        world.person(1, &"я".repeat(500)).await.display_name,
        "я".repeat(128)
    );
    assert_eq!(world.person(2, " \u{0} ").await.display_name, "2");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_a_registration_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let request = RegisterTelegramUserRequest {
        bot_id: 0,
        telegram_user_id: -1,
        chat_id: 0,
        ..registration(7, "A")
    };
    let answer = world.users().register_telegram_user(request).await;
    assert_eq!(fields(answer), ["bot_id", "chat_id", "telegram_user_id"]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn settings_change_only_where_they_are_given(pool: PgPool) {
    let world = World::start(pool).await;
    let anna = world.person(7, "Anna").await;
    let zone = UpdateSettingsRequest {
        time_zone: Some("europe/berlin".to_owned()),
        reminder_leads: Some(ReminderLeads {
            leads: vec![seconds(7200), seconds(600)],
        }),
        expected_version: 1,
        ..UpdateSettingsRequest::default()
    };
    let changed = update(&world, id(&anna), zone).await.unwrap();
    assert_eq!(
        (
            changed.time_zone.as_str(),
            changed.language.as_str(),
            changed.version
        ),
        ("Europe/Berlin", "en", 2)
    );
    assert_eq!(changed.reminder_leads, [seconds(600), seconds(7200)]);
    let none = UpdateSettingsRequest {
        reminder_leads: Some(ReminderLeads::default()),
        expected_version: 2,
        ..UpdateSettingsRequest::default()
    };
    assert_eq!(
        update(&world, id(&anna), none)
            .await
            .unwrap()
            .reminder_leads,
        []
    );
    let nothing = UpdateSettingsRequest {
        expected_version: 3,
        ..UpdateSettingsRequest::default()
    };
    assert_eq!(update(&world, id(&anna), nothing).await.unwrap().version, 3);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn settings_read_before_somebody_changed_them_are_refused(pool: PgPool) {
    let world = World::start(pool).await;
    let anna = world.person(7, "Anna").await;
    let change = |language: &str| UpdateSettingsRequest {
        language: Some(language.to_owned()),
        expected_version: 1,
        ..UpdateSettingsRequest::default()
    };
    update(&world, id(&anna), change("ru")).await.unwrap();
    let refused = update(&world, id(&anna), change("en")).await;
    assert_eq!(
        metadata(refused.as_ref().unwrap_err(), "current_version"),
        "2"
    );
    assert_eq!(reason(refused), ErrorReason::VersionStale);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_settings_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let anna = world.person(7, "Anna").await;
    let request = UpdateSettingsRequest {
        language: Some("de".to_owned()),
        time_zone: Some("Mars/Olympus".to_owned()),
        reminder_leads: Some(ReminderLeads {
            leads: vec![seconds(59), seconds(60), seconds(60)],
        }),
        expected_version: 0,
        ..UpdateSettingsRequest::default()
    };
    assert_eq!(
        fields(update(&world, id(&anna), request).await),
        [
            "expected_version",
            "language",
            "reminder_leads.leads[0]",
            "reminder_leads.leads[2]",
            "time_zone"
        ]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn people_see_themselves_and_those_they_have_a_lesson_with(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Teacher").await;
    let student = world.student(2).await;
    let other = world.student(3).await;
    assert_eq!(
        reason(get(&world, student, teacher).await),
        ErrorReason::UserNotFound
    );
    world
        .book(student, teacher, "2026-06-01T09:00:00Z")
        .await
        .unwrap();
    let seen = get(&world, student, teacher).await.unwrap();
    assert_eq!(
        (seen.display_name.as_str(), seen.is_teacher),
        ("Teacher", true)
    );
    assert_eq!(
        (seen.telegram, seen.reminder_leads),
        (None, Vec::new()),
        "the other's own affair"
    );
    assert_eq!(
        get(&world, teacher, student).await.unwrap().display_name,
        "Student"
    );
    assert_eq!(
        reason(get(&world, other, teacher).await),
        ErrorReason::UserNotFound
    );
    assert_eq!(
        reason(get(&world, teacher, other).await),
        ErrorReason::UserNotFound
    );
    assert!(get(&world, other, other).await.unwrap().telegram.is_some());
    world.stop().await;
}
