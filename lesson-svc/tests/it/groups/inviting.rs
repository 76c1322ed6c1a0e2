//! Links that lead into a group.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AcceptInvitationRequest, AcceptInvitationResponse, CreateInvitationRequest, Group,
        InvitationState, ListInvitationsRequest, PreviewInvitationRequest,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use super::{NOON, dissolve, lesson_of, see};
use crate::{
    steps::{gather, get, group, take_out},
    support::{World, metadata, new_id, reason},
};

async fn invite(
    world: &World,
    teacher: Uuid,
    group: &Group,
    max_uses: i32,
) -> Result<String, Status> {
    let request = CreateInvitationRequest {
        request_id: new_id(),
        max_uses,
        group_id: group.id.clone(),
        ..CreateInvitationRequest::default()
    };
    let mut client = world.invitations();
    let made = client.create_invitation(acting(request, teacher)).await?;
    let made = made.into_inner();
    assert_eq!(made.invitation.unwrap().group_id, group.id);
    Ok(made.token)
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
    let answer = client.accept_invitation(acting(request, user)).await?;
    Ok(answer.into_inner())
}

async fn uses(world: &World, teacher: Uuid) -> Vec<(i32, InvitationState)> {
    let request = acting(ListInvitationsRequest::default(), teacher);
    let page = world.invitations().list_invitations(request).await;
    let page = page.unwrap().into_inner().invitations.into_iter();
    let into_groups = page.filter(|one| !one.group_id.is_empty());
    into_groups.map(|one| (one.uses, one.state())).collect()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_link_makes_a_student_and_a_member_who_sits_in_the_lessons_ahead(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let made = group(&world, teacher, 3).await;
    let lesson = lesson_of(&world, teacher, &made, NOON).await;
    let token = invite(&world, teacher, &made, 2).await.unwrap();
    let student = world.student(2).await;
    let request = PreviewInvitationRequest {
        token: token.clone(),
    };
    let mut client = world.invitations();
    let seen = client.preview_invitation(acting(request, student)).await;
    assert_eq!(seen.unwrap().into_inner().group.unwrap(), made);
    let themselves = accept(&world, teacher, &token).await;
    assert_eq!(reason(themselves), ErrorReason::SelfInvitation);
    let joined = accept(&world, student, &token).await.unwrap();
    assert!(joined.joined);
    assert_eq!(joined.group.unwrap().member_count, 1);
    assert_eq!(get(&world, student, &lesson).await.unwrap().seats_taken, 1);
    let again = accept(&world, student, &token).await.unwrap();
    assert!(!again.joined);
    // A student of the teacher comes into the group by it.
    let other = world.student(3).await;
    world.befriend(teacher, other).await;
    assert!(accept(&world, other, &token).await.unwrap().joined);
    assert_eq!(uses(&world, teacher).await, [(2, InvitationState::UsedUp)]);
    let third = world.student(4).await;
    let used_up = accept(&world, third, &token).await;
    assert_eq!(reason(used_up), ErrorReason::InvitationUsedUp);
    // A place that was used is not given back.
    take_out(&world, teacher, &made, other).await.unwrap();
    let open = invite(&world, teacher, &made, 1).await.unwrap();
    assert!(accept(&world, other, &open).await.unwrap().joined);
    take_out(&world, teacher, &made, other).await.unwrap();
    assert_eq!(
        reason(accept(&world, other, &open).await),
        ErrorReason::InvitationUsedUp
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_full_group_uses_nothing_up(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (made, people) = gather(&world, teacher, 2, 2).await;
    let token = invite(&world, teacher, &made, 5).await.unwrap();
    let student = world.student(2).await;
    let full = accept(&world, student, &token).await;
    assert_eq!(metadata(full.as_ref().unwrap_err(), "capacity"), "2");
    let title = metadata(full.as_ref().unwrap_err(), "group_title");
    assert_eq!(title, made.title);
    assert_eq!(reason(full), ErrorReason::GroupFull);
    assert_eq!(uses(&world, teacher).await, [(0, InvitationState::Open)]);
    let seen = see(&world, student, &made).await;
    assert_eq!(reason(seen), ErrorReason::GroupNotFound);
    take_out(&world, people[0], &made, people[0]).await.unwrap();
    assert!(accept(&world, student, &token).await.unwrap().joined);
    assert_eq!(uses(&world, teacher).await, [(1, InvitationState::Open)]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_dissolved_group_invites_nobody(pool: PgPool) {
    let world = World::start(pool).await;
    let (teacher, other) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let made = group(&world, teacher, 2).await;
    let hidden = invite(&world, other, &made, 1).await;
    assert_eq!(reason(hidden), ErrorReason::GroupNotFound);
    let token = invite(&world, teacher, &made, 1).await.unwrap();
    dissolve(&world, teacher, &made).await.unwrap();
    let student = world.student(3).await;
    let refused = accept(&world, student, &token).await;
    assert_eq!(reason(refused), ErrorReason::InvitationRevoked);
    assert_eq!(uses(&world, teacher).await, [(0, InvitationState::Revoked)]);
    let late = invite(&world, teacher, &made, 1).await;
    assert_eq!(reason(late), ErrorReason::GroupNotFound);
    world.stop().await;
}
