//! Lessons of a group, as lists.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{ListLessonsRequest, ListLessonsResponse},
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    steps::{book_group, cancel, gather, gathering, take_out},
    support::{World, fields, new_id, reason},
};

async fn list(
    world: &World,
    viewer: Uuid,
    request: ListLessonsRequest,
) -> Result<ListLessonsResponse, Status> {
    let answer = world
        .lessons()
        .list_lessons(acting(request, viewer))
        .await?;
    Ok(answer.into_inner())
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn members_see_all_lessons_of_their_group_page_after_page(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (group, people) = gather(&world, teacher, 3, 2).await;
    let mut made = Vec::new();
    for (day, open) in [(2, 0), (3, 1), (4, 0), (5, 1)] {
        let start = format!("2026-06-{day:02}T12:00:00Z");
        let request = gathering(teacher, &group, &start, open);
        let booked = book_group(&world, teacher, request).await.unwrap();
        made.push(booked.lesson.unwrap().id);
    }
    world
        .book(people[0], teacher, "2026-06-02T15:00:00Z")
        .await
        .unwrap();
    cancel(&world, teacher, &made[2], 1, "").await.unwrap();
    let of_group = ListLessonsRequest {
        group_id: group.id.clone(),
        page_size: 2,
        ..ListLessonsRequest::default()
    };
    for viewer in [teacher, people[0]] {
        for (include_canceled, expected) in [
            (false, vec![&made[0], &made[1], &made[3]]),
            (true, made.iter().collect()),
        ] {
            let (mut seen, mut page_token) = (Vec::new(), String::new());
            loop {
                let request = ListLessonsRequest {
                    include_canceled,
                    page_token,
                    ..of_group.clone()
                };
                let page = list(&world, viewer, request).await.unwrap();
                seen.extend(page.lessons);
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    break;
                }
            }
            let ids: Vec<_> = seen.iter().map(|lesson| &lesson.id).collect();
            assert_eq!(ids, expected);
            let most = if viewer == teacher { 2 } else { 1 };
            assert!(seen.iter().all(|lesson| lesson.bookings.len() <= most));
        }
    }
    let own = list(&world, people[0], ListLessonsRequest::default()).await;
    assert_eq!(own.unwrap().lessons.len(), 2, "those they sit in");
    take_out(&world, teacher, &group, people[1]).await.unwrap();
    assert_eq!(
        reason(list(&world, people[1], of_group.clone()).await),
        ErrorReason::GroupNotFound
    );
    let faults = ListLessonsRequest {
        series_id: new_id(),
        user_id: people[0].to_string(),
        ..of_group
    };
    assert_eq!(
        fields(list(&world, teacher, faults).await),
        ["series_id", "user_id"]
    );
    world.stop().await;
}
