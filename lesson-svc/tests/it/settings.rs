//! Profiles, quiet hours, muted kinds, and a teacher who moves to another zone.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        Availability, GetAvailabilityRequest, MutedKinds, QuietHours, RulesZone,
        UpdateSettingsRequest, UpdateUserRequest, User,
    },
    notify::v1::{LessonNoticeKind, PutRecipientRequest, Recipient},
};
use prost::Message as _;
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, fields, id, metadata, reason, registration};

async fn update(world: &World, user: Uuid, request: UpdateSettingsRequest) -> Result<User, Status> {
    let answer = world.users().update_settings(acting(request, user)).await?;
    Ok(answer.into_inner().user.unwrap())
}

async fn profile(world: &World, user: Uuid, request: UpdateUserRequest) -> Result<User, Status> {
    let answer = world.users().update_user(acting(request, user)).await?;
    Ok(answer.into_inner().user.unwrap())
}

fn quiet(start: &str, end: &str) -> QuietHours {
    QuietHours {
        start_time_of_day: start.to_owned(),
        end_time_of_day: end.to_owned(),
    }
}

/// The last that notify-svc is to be told of a person.
async fn told(world: &World, person: Uuid) -> Recipient {
    let payload: Vec<u8> = sqlx::query_scalar(
        "SELECT payload FROM lesson.outbox WHERE kind = 'recipient' AND entity_id = $1
         ORDER BY version DESC LIMIT 1",
    )
    .bind(person)
    .fetch_one(&world.pool)
    .await
    .unwrap();
    let request = PutRecipientRequest::decode(payload.as_slice()).unwrap();
    request.recipient.unwrap()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn quiet_hours_and_muted_kinds_are_kept_told_and_taken_back(pool: PgPool) {
    let world = World::start(pool).await;
    let anna = world.student(1).await;
    let kinds = [LessonNoticeKind::Lapsed, LessonNoticeKind::Booked];
    let set = UpdateSettingsRequest {
        quiet_hours: Some(quiet("22:00", "07:30")),
        muted_kinds: Some(MutedKinds {
            kinds: kinds.map(Into::into).to_vec(),
        }),
        expected_version: 1,
        ..UpdateSettingsRequest::default()
    };
    let changed = update(&world, anna, set).await.unwrap();
    assert_eq!(changed.quiet_hours, Some(quiet("22:00", "07:30")));
    let muted: Vec<_> = changed.muted_kinds().collect();
    assert_eq!(muted, [LessonNoticeKind::Booked, LessonNoticeKind::Lapsed]);
    let copy = told(&world, anna).await;
    let hours = copy.quiet_hours.unwrap();
    assert_eq!((hours.start_minute, hours.end_minute), (1_320, 450));
    assert_eq!((copy.version, copy.muted_kinds().count()), (2, 2));
    let others_stay = UpdateSettingsRequest {
        language: Some("ru".to_owned()),
        expected_version: 2,
        ..UpdateSettingsRequest::default()
    };
    let stays = update(&world, anna, others_stay).await.unwrap();
    assert_eq!(
        (stays.quiet_hours, stays.muted_kinds),
        (changed.quiet_hours, changed.muted_kinds)
    );
    let none = UpdateSettingsRequest {
        quiet_hours: Some(QuietHours::default()),
        muted_kinds: Some(MutedKinds::default()),
        expected_version: 3,
        ..UpdateSettingsRequest::default()
    };
    let cleared = update(&world, anna, none).await.unwrap();
    assert_eq!((cleared.quiet_hours, cleared.muted_kinds.len()), (None, 0));
    assert_eq!(told(&world, anna).await.quiet_hours, None);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_the_newer_settings_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let anna = world.student(1).await;
    let wrong = UpdateSettingsRequest {
        quiet_hours: Some(quiet("24:00", "")),
        muted_kinds: Some(MutedKinds {
            kinds: vec![LessonNoticeKind::Canceled.into(), 0, 1, 1],
        }),
        rules_zone: 9,
        expected_version: -1,
        ..UpdateSettingsRequest::default()
    };
    assert_eq!(
        fields(update(&world, anna, wrong).await),
        [
            "expected_version",
            "muted_kinds.kinds[0]",
            "muted_kinds.kinds[1]",
            "muted_kinds.kinds[3]",
            "quiet_hours.end_time_of_day",
            "quiet_hours.start_time_of_day",
            "rules_zone",
        ]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_chosen_name_is_not_replaced_by_telegrams(pool: PgPool) {
    let world = World::start(pool).await;
    let anna = id(&world.person(1, "anna_1999").await);
    let renamed = world.person(1, "Anna P.").await;
    assert_eq!(
        (renamed.display_name.as_str(), renamed.version),
        ("Anna P.", 2)
    );
    let choose = UpdateUserRequest {
        display_name: Some("  Anna Petrova ".to_owned()),
        about: Some("Ten years\nof English".to_owned()),
        expected_version: 2,
    };
    let chosen = profile(&world, anna, choose.clone()).await.unwrap();
    assert_eq!(chosen.display_name, "Anna Petrova");
    assert_eq!(
        (chosen.about.as_str(), chosen.version),
        ("Ten years\nof English", 3)
    );
    assert_eq!(told(&world, anna).await.display_name, "Anna Petrova");
    let request = olm_proto::lesson::v1::RegisterTelegramUserRequest {
        chat_id: 77,
        ..registration(1, "anna_2000")
    };
    let started = world.users().register_telegram_user(request).await.unwrap();
    let started = started.into_inner().user.unwrap();
    assert_eq!(started.display_name, "Anna Petrova");
    assert_eq!(
        started.telegram.unwrap().chat_id,
        77,
        "the chat is Telegram's"
    );
    let stale = profile(&world, anna, choose).await;
    assert_eq!(
        metadata(stale.as_ref().unwrap_err(), "current_version"),
        "4"
    );
    assert_eq!(reason(stale), ErrorReason::VersionStale);
    let about = UpdateUserRequest {
        about: Some(String::new()),
        expected_version: 4,
        ..UpdateUserRequest::default()
    };
    let cleared = profile(&world, anna, about).await.unwrap();
    assert_eq!(
        (cleared.about.as_str(), cleared.display_name.as_str()),
        ("", "Anna Petrova")
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_a_profile_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let anna = world.student(1).await;
    for name in ["", " \t ", "a\nb", &"я".repeat(129)] {
        let wrong = UpdateUserRequest {
            display_name: Some(name.to_owned()),
            about: Some("я".repeat(1_001)),
            expected_version: 0,
        };
        let faults = fields(profile(&world, anna, wrong).await);
        assert_eq!(
            faults,
            ["about", "display_name", "expected_version"],
            "{name:?}"
        );
    }
    let longest = UpdateUserRequest {
        display_name: Some("я".repeat(128)),
        about: Some("я".repeat(1_000)),
        expected_version: 1,
    };
    assert!(profile(&world, anna, longest).await.is_ok());
    world.stop().await;
}

fn move_to(zone: &str, expected_version: i64, rules_zone: RulesZone) -> UpdateSettingsRequest {
    UpdateSettingsRequest {
        time_zone: Some(zone.to_owned()),
        expected_version,
        rules_zone: rules_zone.into(),
        ..UpdateSettingsRequest::default()
    }
}

async fn hours(world: &World, teacher: Uuid) -> Availability {
    let request = GetAvailabilityRequest {
        teacher_id: teacher.to_string(),
    };
    let mut client = world.availability();
    let answer = client.get_availability(acting(request, teacher)).await;
    answer.unwrap().into_inner().availability.unwrap()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_teacher_who_moves_says_what_becomes_of_the_hours(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let booked = world.book(student, teacher, "2026-06-02T09:00:00Z").await;
    let booked = booked.unwrap();
    let asked = update(
        &world,
        teacher,
        move_to("Asia/Tokyo", 1, RulesZone::Unspecified),
    )
    .await;
    assert_eq!(
        metadata(asked.as_ref().unwrap_err(), "rules_time_zone"),
        "UTC"
    );
    assert_eq!(reason(asked), ErrorReason::RulesZoneNeeded);
    let same = update(&world, teacher, move_to("UTC", 1, RulesZone::Unspecified)).await;
    assert_eq!(
        same.unwrap().version,
        1,
        "nobody moved, so nothing is asked"
    );

    let kept = update(&world, teacher, move_to("Asia/Tokyo", 1, RulesZone::Keep)).await;
    assert_eq!(kept.unwrap().time_zone, "Asia/Tokyo");
    let before = hours(&world, teacher).await;
    assert_eq!((before.time_zone.as_str(), before.version), ("UTC", 1));

    let back = update(&world, teacher, move_to("UTC", 2, RulesZone::Unspecified)).await;
    assert_eq!(
        back.unwrap().version,
        3,
        "the hours are in that zone already"
    );

    let converted = update(
        &world,
        teacher,
        move_to("Asia/Tokyo", 3, RulesZone::Convert),
    )
    .await;
    assert_eq!(converted.unwrap().version, 4);
    let after = hours(&world, teacher).await;
    assert_eq!((after.time_zone.as_str(), after.version), ("Asia/Tokyo", 2));
    assert_eq!(after.rules, before.rules, "the same wall clock");
    let slots = world
        .slots(
            teacher,
            None,
            "2026-06-03T00:00:00Z",
            "2026-06-03T01:00:00Z",
        )
        .await;
    assert_eq!(
        slots.first().map(String::as_str),
        Some("2026-06-03T00:00:00Z")
    );

    let mut client = world.lessons();
    let stays = client.get_lesson(acting(
        olm_proto::lesson::v1::GetLessonRequest {
            lesson_id: booked.id.clone(),
        },
        student,
    ));
    let stays = stays.await.unwrap().into_inner().lesson.unwrap();
    assert_eq!(stays, booked, "no lesson moves");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_has_no_hours_moves_without_being_asked(pool: PgPool) {
    let world = World::start(pool).await;
    let student = world.student(1).await;
    let moved = update(
        &world,
        student,
        move_to("Asia/Tokyo", 1, RulesZone::Unspecified),
    )
    .await;
    assert_eq!(moved.unwrap().version, 2);
    let teacher = world.student(2).await;
    let request = olm_proto::lesson::v1::CreateTeacherRequest {
        request_id: crate::support::new_id(),
        policies: None,
    };
    let created = world
        .teachers()
        .create_teacher(acting(request, teacher))
        .await;
    created.unwrap();
    let moved = update(
        &world,
        teacher,
        move_to("Asia/Tokyo", 1, RulesZone::Convert),
    )
    .await;
    assert_eq!(moved.unwrap().version, 2);
    let hours = hours(&world, teacher).await;
    assert_eq!((hours.time_zone.as_str(), hours.version), ("Asia/Tokyo", 0));
    world.stop().await;
}
