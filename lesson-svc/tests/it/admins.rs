//! What only admins may, who makes them, and why a bot never is one.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        EraseUserRequest, GetUserRequest, ListUsersRequest, ListUsersResponse, SetAdminRequest,
        user_service_client::UserServiceClient,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, fields, id, reason};

fn set(user: Uuid, is_admin: bool) -> SetAdminRequest {
    SetAdminRequest {
        user_id: user.to_string(),
        is_admin,
    }
}

async fn list(
    world: &World,
    viewer: Uuid,
    query: &str,
    page_size: i32,
    page_token: &str,
) -> Result<ListUsersResponse, Status> {
    let request = ListUsersRequest {
        query: query.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    let answer = world.users().list_users(acting(request, viewer)).await?;
    Ok(answer.into_inner())
}

fn names(page: ListUsersResponse) -> Vec<String> {
    page.users
        .into_iter()
        .map(|user| user.display_name)
        .collect()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn operators_and_admins_make_admins_and_nobody_else(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (world.student(1).await, world.student(2).await);
    let mut users = world.users();
    let refused = users.set_admin(acting(set(anna, true), anna)).await;
    assert_eq!(reason(refused), ErrorReason::AdminOnly);
    let mut rest = UserServiceClient::new(world.service.as_rest());
    let refused = rest.set_admin(set(anna, true)).await;
    assert_eq!(
        reason(refused),
        ErrorReason::AdminOnly,
        "a gateway that speaks for nobody is no operator"
    );
    let made = users.set_admin(set(anna, true)).await.unwrap();
    let made = made.into_inner().user.unwrap();
    assert_eq!((made.is_admin, made.version), (true, 2));
    let again = users.set_admin(set(anna, true)).await.unwrap();
    assert_eq!(again.into_inner().user.unwrap().version, 2);
    rest.set_admin(acting(set(boris, true), anna))
        .await
        .unwrap();
    users
        .set_admin(acting(set(anna, false), boris))
        .await
        .unwrap();
    let refused = users.set_admin(acting(set(boris, false), anna)).await;
    assert_eq!(reason(refused), ErrorReason::AdminOnly);
    let nobody = users.set_admin(set(Uuid::from_u128(7), true)).await;
    assert_eq!(reason(nobody), ErrorReason::UserNotFound);
    let wrong = SetAdminRequest::default();
    assert_eq!(fields(users.set_admin(wrong).await), ["user_id"]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_bots_key_never_speaks_for_an_admin(pool: PgPool) {
    let world = World::start(pool).await;
    let (admin, anna) = (world.admin(1).await, world.student(2).await);
    let mut bot = UserServiceClient::new(world.service.as_bot());
    for refused in [
        reason(bot.set_admin(acting(set(anna, true), admin)).await),
        reason(
            bot.list_users(acting(ListUsersRequest::default(), admin))
                .await,
        ),
    ] {
        assert_eq!(refused, ErrorReason::CallerNotPermitted);
    }
    let user_id = anna.to_string();
    let get = |user_id: &str| GetUserRequest {
        user_id: user_id.to_owned(),
    };
    let refused = bot.get_user(acting(get(&user_id), admin)).await;
    assert_eq!(reason(refused), ErrorReason::UserNotFound);
    let erase = EraseUserRequest {
        user_id: user_id.clone(),
    };
    let refused = bot.erase_user(acting(erase, admin)).await;
    assert_eq!(reason(refused), ErrorReason::UserNotFound);
    let mut rest = UserServiceClient::new(world.service.as_rest());
    let seen = rest.get_user(acting(get(&user_id), admin)).await.unwrap();
    let seen = seen.into_inner().user.unwrap();
    assert_eq!(
        (seen.telegram.unwrap().chat_id, seen.version),
        (2, 1),
        "with another key they are an admin, who sees everything"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn admins_list_everybody_by_name_and_by_any_part_of_it(pool: PgPool) {
    let world = World::start(pool).await;
    let admin = world.admin(1).await;
    for (telegram_id, name) in (2..).zip(["boris", "Anna", "Юлия Петрова", "100%", "Clara"])
    {
        world.person(telegram_id, name).await;
    }
    let gone = id(&world.person(99, "Anna Gone").await);
    world.erase(gone).await.unwrap();
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let page = list(&world, admin, "", 2, &token).await.unwrap();
        assert!(page.users.len() <= 2);
        token.clone_from(&page.next_page_token);
        seen.extend(names(page));
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(
        seen,
        ["100%", "Admin", "Anna", "boris", "Clara", "Юлия Петрова"]
    );
    for (query, found) in [
        ("NN", &["Anna"][..]),
        (" петр ", &["Юлия Петрова"]),
        ("0%", &["100%"]),
        ("_", &[]),
        ("a", &["Admin", "Anna", "Clara"]),
    ] {
        let page = list(&world, admin, query, 0, "").await.unwrap();
        assert_eq!(names(page), found, "{query}");
    }
    let token = list(&world, admin, "a", 1, "").await.unwrap();
    let other = list(&world, admin, "n", 1, &token.next_page_token).await;
    assert_eq!(reason(other), ErrorReason::PageTokenInvalid);
    let wrong = list(&world, admin, &"x".repeat(65), -1, "").await;
    assert_eq!(fields(wrong), ["page_size", "query"]);
    let anna = world.student(3).await;
    assert_eq!(
        reason(list(&world, anna, "", 0, "").await),
        ErrorReason::AdminOnly
    );
    world.stop().await;
}
