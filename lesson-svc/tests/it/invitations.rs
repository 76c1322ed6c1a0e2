//! Links by which people become a teacher's students.

use std::collections::HashSet;

use jiff::SignedDuration;
use lesson_svc::invitations::hash;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AcceptInvitationRequest, AcceptInvitationResponse, CreateInvitationRequest,
        CreateInvitationResponse, Invitation, InvitationState, ListInvitationsRequest,
        ListInvitationsResponse, PreviewInvitationRequest, RevokeInvitationRequest, Teacher,
        TeacherPolicies, invitation_service_client::InvitationServiceClient,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    support::{
        INVITATION_SECRET, NO_NOTIFY, Service, World, fields, metadata, new_id, reason, seconds,
    },
    telemetry::{lines_with, record},
};

fn one() -> CreateInvitationRequest {
    CreateInvitationRequest {
        request_id: new_id(),
        ..CreateInvitationRequest::default()
    }
}

async fn create(
    world: &World,
    teacher: Uuid,
    request: CreateInvitationRequest,
) -> Result<CreateInvitationResponse, Status> {
    let mut client = world.invitations();
    let answer = client.create_invitation(acting(request, teacher));
    Ok(answer.await?.into_inner())
}

async fn invite(world: &World, teacher: Uuid, max_uses: i32) -> (Invitation, String) {
    let request = CreateInvitationRequest { max_uses, ..one() };
    let made = create(world, teacher, request).await.unwrap();
    (made.invitation.unwrap(), made.token)
}

async fn preview(world: &World, viewer: Uuid, token: &str) -> Result<Teacher, Status> {
    let request = PreviewInvitationRequest {
        token: token.to_owned(),
    };
    let mut client = world.invitations();
    let answer = client.preview_invitation(acting(request, viewer));
    Ok(answer.await?.into_inner().teacher.unwrap())
}

async fn accept(
    world: &World,
    user: Uuid,
    token: &str,
) -> Result<AcceptInvitationResponse, Status> {
    let request = AcceptInvitationRequest {
        token: token.to_owned(),
    };
    let mut client = world.invitations();
    let answer = client.accept_invitation(acting(request, user));
    Ok(answer.await?.into_inner())
}

async fn revoke(world: &World, teacher: Uuid, id: &str) -> Result<Invitation, Status> {
    let request = RevokeInvitationRequest {
        invitation_id: id.to_owned(),
    };
    let mut client = world.invitations();
    let answer = client.revoke_invitation(acting(request, teacher));
    Ok(answer.await?.into_inner().invitation.unwrap())
}

async fn list(
    world: &World,
    teacher: Uuid,
    page_size: i32,
    page_token: &str,
) -> Result<ListInvitationsResponse, Status> {
    let request = ListInvitationsRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    let mut client = world.invitations();
    let answer = client.list_invitations(acting(request, teacher));
    Ok(answer.await?.into_inner())
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_repeat_answers_the_same_token_though_only_its_hash_is_kept(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let request = one();
    let first = create(&world, teacher, request.clone()).await.unwrap();
    let invitation = first.invitation.clone().unwrap();
    assert_eq!((invitation.max_uses, invitation.uses), (1, 0));
    assert_eq!(invitation.state(), InvitationState::Open);
    let at = |time: Option<prost_types::Timestamp>| olm_proto::instant(&time.unwrap()).unwrap();
    assert_eq!(
        at(invitation.expire_time).duration_since(at(invitation.create_time)),
        SignedDuration::from_hours(72),
        "TMB-1"
    );
    let repeat = create(&world, teacher, request.clone()).await.unwrap();
    assert_eq!(repeat, first);
    let explicit = CreateInvitationRequest {
        max_uses: 1,
        lifetime: Some(seconds(72 * 3_600)),
        ..request.clone()
    };
    assert_eq!(
        create(&world, teacher, explicit).await.unwrap(),
        first,
        "the defaults are what was asked for"
    );
    let other = CreateInvitationRequest {
        max_uses: 2,
        ..request.clone()
    };
    assert_eq!(
        reason(create(&world, teacher, other).await),
        ErrorReason::RequestIdReused
    );
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT token_hash FROM lesson.invitations")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(stored, [hash(&first.token).to_vec()]);
    // As if it had been made with another secret: a dead link is never answered.
    sqlx::query("UPDATE lesson.invitations SET token_hash = sha256('another')")
        .execute(&world.pool)
        .await
        .unwrap();
    let rotated = create(&world, teacher, request).await;
    assert_eq!(reason(rotated), ErrorReason::Internal);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_an_invitation_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    for (max_uses, lifetime) in [
        (
            -1,
            prost_types::Duration {
                seconds: 3_600,
                nanos: 1,
            },
        ),
        (101, seconds(3_599)),
        (i32::MAX, seconds(90 * 86_400 + 1)),
    ] {
        let wrong = CreateInvitationRequest {
            request_id: "7".to_owned(),
            max_uses,
            lifetime: Some(lifetime),
            ..CreateInvitationRequest::default()
        };
        assert_eq!(
            fields(create(&world, teacher, wrong).await),
            ["lifetime", "max_uses", "request_id"]
        );
    }
    for (max_uses, lifetime) in [(100, 3_600), (1, 90 * 86_400)] {
        let widest = CreateInvitationRequest {
            max_uses,
            lifetime: Some(seconds(lifetime)),
            ..one()
        };
        assert!(create(&world, teacher, widest).await.is_ok());
    }
    assert_eq!(
        fields(revoke(&world, teacher, "7").await),
        ["invitation_id"]
    );
    assert_eq!(fields(list(&world, teacher, -1, "").await), ["page_size"]);
    let student = world.student(2).await;
    for refused in [
        reason(create(&world, student, one()).await),
        reason(list(&world, student, 0, "").await),
    ] {
        assert_eq!(refused, ErrorReason::NotATeacher);
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn an_invitation_lets_in_whom_the_teacher_does_not_accept_otherwise(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        accepting_students: Some(false),
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let student = world.student(2).await;
    let (_, token) = invite(&world, teacher, 1).await;
    let seen = preview(&world, student, &token).await.unwrap();
    assert_eq!(
        (seen.id, seen.display_name.as_str()),
        (teacher.to_string(), "Anna")
    );
    assert_eq!(
        reason(accept(&world, teacher, &token).await),
        ErrorReason::SelfInvitation
    );
    let joined = accept(&world, student, &token).await.unwrap();
    assert_eq!(
        (joined.joined, joined.teacher.unwrap().id),
        (true, teacher.to_string())
    );
    let again = accept(&world, student, &token).await.unwrap();
    assert!(
        !again.joined,
        "who repeats because the answer was lost is in"
    );
    let other = world.student(3).await;
    for refused in [
        reason(accept(&world, other, &token).await),
        reason(preview(&world, other, &token).await),
    ] {
        assert_eq!(refused, ErrorReason::InvitationUsedUp);
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_is_a_student_already_takes_nobodys_place(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    world.befriend(teacher, student).await;
    let (invitation, token) = invite(&world, teacher, 1).await;
    assert!(!accept(&world, student, &token).await.unwrap().joined);
    let listed = list(&world, teacher, 0, "").await.unwrap().invitations;
    let listed = listed.iter().find(|one| one.id == invitation.id).unwrap();
    assert_eq!((listed.uses, listed.state()), (0, InvitationState::Open));
    assert!(accept(&world, other, &token).await.unwrap().joined);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn expired_revoked_and_unknown_invitations_are_refused(pool: PgPool) {
    let world = World::start(pool).await;
    let (teacher, other) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let student = world.student(3).await;
    let (invitation, token) = invite(&world, teacher, 5).await;
    let (_, late) = invite(&world, teacher, 5).await;
    assert_eq!(
        reason(revoke(&world, other, &invitation.id).await),
        ErrorReason::InvitationNotFound
    );
    let revoked = revoke(&world, teacher, &invitation.id).await.unwrap();
    assert_eq!(revoked.state(), InvitationState::Revoked);
    world.clock.advance(SignedDuration::from_hours(71));
    let again = revoke(&world, teacher, &invitation.id).await.unwrap();
    assert_eq!(again, revoked);
    assert!(preview(&world, student, &late).await.is_ok());
    world.clock.advance(SignedDuration::from_hours(1));
    for (token, expected) in [
        (&token, ErrorReason::InvitationRevoked),
        (&late, ErrorReason::InvitationExpired),
        (&"x".repeat(43), ErrorReason::InvitationNotFound),
        (&String::new(), ErrorReason::InvitationNotFound),
    ] {
        assert_eq!(reason(accept(&world, student, token).await), expected);
        assert_eq!(reason(preview(&world, student, token).await), expected);
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn invitations_are_listed_the_newest_first_page_after_page(pool: PgPool) {
    let world = World::start(pool).await;
    let (teacher, other) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, invite(&world, teacher, 1).await.0.id);
        world.clock.advance(SignedDuration::from_secs(1));
    }
    invite(&world, other, 1).await;
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let page = list(&world, teacher, 2, &token).await.unwrap();
        assert!(page.invitations.len() <= 2);
        seen.extend(page.invitations.into_iter().map(|one| one.id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, made);
    let token = list(&world, teacher, 1, "").await.unwrap().next_page_token;
    assert_eq!(
        reason(list(&world, other, 1, &token).await),
        ErrorReason::PageTokenInvalid
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_teacher_has_two_hundred_open_invitations_at_most(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (first, _) = invite(&world, teacher, 1).await;
    sqlx::query(
        "INSERT INTO lesson.invitations (id, teacher_id, token_hash, max_uses, create_time, expire_time)
         SELECT gen_random_uuid(), teacher_id, sha256(n::text::bytea), 1, create_time, expire_time
         FROM lesson.invitations, generate_series(1, 198) AS n",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let request = one();
    let last = create(&world, teacher, request.clone()).await.unwrap();
    let refused = create(&world, teacher, one()).await;
    assert_eq!(metadata(refused.as_ref().unwrap_err(), "limit"), "200");
    assert_eq!(reason(refused), ErrorReason::LimitReached);
    assert_eq!(
        create(&world, teacher, request).await.unwrap(),
        last,
        "a repeat makes nothing, so nothing is too many"
    );
    revoke(&world, teacher, &first.id).await.unwrap();
    assert!(create(&world, teacher, one()).await.is_ok());
    assert!(create(&world, teacher, one()).await.is_err());
    world.clock.advance(SignedDuration::from_hours(72));
    assert!(
        create(&world, teacher, one()).await.is_ok(),
        "the others expired"
    );
    world.stop().await;
}

/// Scenario 22.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn of_ten_who_open_one_link_at_once_as_many_join_as_were_invited(pool: PgPool) {
    let world = World::start(pool).await;
    let second = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
    let teacher = world.teacher(1, "Anna").await;
    let mut people = Vec::new();
    for telegram_id in 10..20 {
        people.push(world.student(telegram_id).await);
    }
    for max_uses in [1, 3, 1, 1, 9] {
        let (invitation, token) = invite(&world, teacher, max_uses).await;
        let opened = people.iter().enumerate().map(|(index, person)| {
            let replica = if index % 2 == 0 {
                &world.service
            } else {
                &second
            };
            let mut client = InvitationServiceClient::new(replica.backend.clone());
            let request = AcceptInvitationRequest {
                token: token.clone(),
            };
            let request = acting(request, *person);
            tokio::spawn(async move { client.accept_invitation(request).await })
        });
        let mut joined = 0;
        for answer in opened.collect::<Vec<_>>() {
            match answer.await.unwrap() {
                Ok(answer) => {
                    assert!(answer.into_inner().joined);
                    joined += 1;
                }
                Err(refused) => {
                    assert_eq!(reason(Err::<(), _>(refused)), ErrorReason::InvitationUsedUp);
                }
            }
        }
        assert_eq!(joined, max_uses);
        let counts: (i16, i64) = sqlx::query_as(
            "SELECT uses, (SELECT count(*) FROM lesson.invitation_uses WHERE invitation_id = id)
             FROM lesson.invitations WHERE id = $1::uuid",
        )
        .bind(&invitation.id)
        .fetch_one(&world.pool)
        .await
        .unwrap();
        assert_eq!((i32::from(counts.0), counts.1), (max_uses, max_uses.into()));
        sqlx::query("UPDATE lesson.students SET end_time = now()")
            .execute(&world.pool)
            .await
            .unwrap();
    }
    second.stop().await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn one_person_at_ten_devices_counts_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let (_, token) = invite(&world, teacher, 5).await;
    let taps = (0..10).map(|_| {
        let mut client = world.invitations();
        let request = AcceptInvitationRequest {
            token: token.clone(),
        };
        let request = acting(request, student);
        tokio::spawn(async move { client.accept_invitation(request).await })
    });
    let mut joined = 0;
    for tap in taps.collect::<Vec<_>>() {
        joined += i32::from(tap.await.unwrap().unwrap().into_inner().joined);
    }
    assert_eq!(joined, 1);
    let listed = list(&world, teacher, 0, "").await.unwrap().invitations;
    assert_eq!(listed[0].uses, 1);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn tokens_and_the_secret_they_are_made_from_are_in_no_log(pool: PgPool) {
    record();
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let mut tokens = HashSet::new();
    for max_uses in 1..4 {
        let (invitation, token) = invite(&world, teacher, max_uses).await;
        preview(&world, student, &token).await.unwrap();
        accept(&world, student, &token).await.unwrap();
        let event = "invitation_created";
        let told = lines_with(&invitation.id).into_iter();
        let told = told.filter(|line| line["fields"]["event"] == event);
        assert_eq!(told.count(), 1);
        tokens.insert(token);
    }
    assert_eq!(tokens.len(), 3, "no two are equal");
    tokens.insert(INVITATION_SECRET.to_owned());
    for secret in tokens {
        assert!(lines_with(&secret).is_empty());
    }
    world.stop().await;
}
