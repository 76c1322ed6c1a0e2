//! Study groups: who is in them, and what of their lessons is theirs.

mod inviting;
mod series;

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        BookingStatus, CreateGroupRequest, DeleteGroupRequest, GetGroupRequest, Group, Lesson,
        ListGroupMembersRequest, ListGroupsRequest, RemoveStudentRequest, TeacherPolicies,
        UpdateGroupRequest,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    steps::{
        book_group, gather, gathering, get, group, join, leave, put, seats, snapshot, take_out,
    },
    support::{World, fields, id, metadata, new_id, reason, seconds},
};

const NOON: &str = "2026-06-02T12:00:00Z";
const EVENING: &str = "2026-06-02T17:00:00Z";

async fn see(world: &World, viewer: Uuid, group: &Group) -> Result<Group, Status> {
    let request = GetGroupRequest {
        group_id: group.id.clone(),
    };
    let answer = world.groups().get_group(acting(request, viewer)).await?;
    Ok(answer.into_inner().group.unwrap())
}

async fn change(
    world: &World,
    by: Uuid,
    group: &Group,
    title: Option<&str>,
    capacity: Option<i32>,
) -> Result<Group, Status> {
    let request = UpdateGroupRequest {
        group_id: group.id.clone(),
        expected_version: group.version,
        title: title.map(ToOwned::to_owned),
        capacity,
    };
    let answer = world.groups().update_group(acting(request, by)).await?;
    Ok(answer.into_inner().group.unwrap())
}

async fn dissolve(world: &World, by: Uuid, group: &Group) -> Result<(), Status> {
    let request = DeleteGroupRequest {
        group_id: group.id.clone(),
        expected_version: group.version,
    };
    let mut groups = world.groups();
    groups.delete_group(acting(request, by)).await.map(drop)
}

async fn members(world: &World, by: Uuid, group: &Group) -> Result<Vec<String>, Status> {
    let (mut names, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListGroupMembersRequest {
            group_id: group.id.clone(),
            page_size: 2,
            page_token,
        };
        let mut groups = world.groups();
        let page = groups.list_group_members(acting(request, by)).await?;
        let page = page.into_inner();
        names.extend(page.members.into_iter().map(|member| member.display_name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(names);
        }
    }
}

async fn titles(world: &World, viewer: Uuid) -> Vec<String> {
    let (mut titles, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListGroupsRequest {
            page_size: 2,
            page_token,
        };
        let page = world.groups().list_groups(acting(request, viewer)).await;
        let page = page.unwrap().into_inner();
        titles.extend(page.groups.into_iter().map(|group| group.title));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return titles;
        }
    }
}

async fn lesson_of(world: &World, teacher: Uuid, group: &Group, start: &str) -> Lesson {
    let booked = book_group(world, teacher, gathering(teacher, group, start, 0)).await;
    booked.unwrap().lesson.unwrap()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_group_is_made_once_and_seen_by_its_teacher_and_its_members(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, stranger) = (world.student(2).await, world.student(3).await);
    world.befriend(teacher, student).await;
    let request = CreateGroupRequest {
        request_id: new_id(),
        title: "  Chess  ".to_owned(),
        capacity: 2,
    };
    let mut groups = world.groups();
    let made = groups.create_group(acting(request.clone(), teacher)).await;
    let made = made.unwrap().into_inner().group.unwrap();
    assert_eq!(
        (made.title.as_str(), made.teacher_name.as_str()),
        ("Chess", "Anna")
    );
    assert_eq!((made.capacity, made.member_count, made.version), (2, 0, 1));
    let again = groups.create_group(acting(request.clone(), teacher)).await;
    assert_eq!(again.unwrap().into_inner().group.unwrap(), made);
    let other = CreateGroupRequest {
        capacity: 3,
        ..request.clone()
    };
    let other = groups.create_group(acting(other, teacher)).await;
    assert_eq!(reason(other), ErrorReason::RequestIdReused);
    let not_teacher = groups.create_group(acting(request, student)).await;
    assert_eq!(reason(not_teacher), ErrorReason::NotATeacher);
    let long = "x".repeat(129);
    for (title, capacity) in [("", 1), (" \t ", 51), ("a\nb", 0), (long.as_str(), -1)] {
        let wrong = CreateGroupRequest {
            request_id: "7".to_owned(),
            title: title.to_owned(),
            capacity,
        };
        let wrong = groups.create_group(acting(wrong, teacher)).await;
        assert_eq!(
            fields(wrong),
            ["capacity", "request_id", "title"],
            "{title}"
        );
    }
    assert_eq!(see(&world, teacher, &made).await.unwrap(), made);
    let hidden = ErrorReason::GroupNotFound;
    assert_eq!(reason(see(&world, student, &made).await), hidden);
    let joined = put(&world, teacher, &made, student).await.unwrap();
    assert!(joined.joined);
    let seen = see(&world, student, &made).await.unwrap();
    assert_eq!((seen.member_count, seen.version), (1, 2));
    assert_eq!(joined.group.unwrap(), seen);
    assert_eq!(reason(see(&world, stranger, &made).await), hidden);
    let only_teachers = ErrorReason::TeacherOnly;
    assert_eq!(reason(members(&world, student, &made).await), only_teachers);
    assert_eq!(
        reason(dissolve(&world, student, &seen).await),
        only_teachers
    );
    assert_eq!(
        reason(put(&world, student, &made, student).await),
        only_teachers
    );
    let unrelated = put(&world, teacher, &made, stranger).await;
    assert_eq!(reason(unrelated), ErrorReason::NotAStudent);
    let themselves = put(&world, teacher, &made, teacher).await;
    assert_eq!(reason(themselves), ErrorReason::NotAStudent);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn groups_and_members_are_listed_by_name_page_after_page(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (made, _) = gather(&world, teacher, 5, 0).await;
    let mut one = Uuid::nil();
    for (telegram_id, name) in (10..).zip(["zoe", "Adam", "Eve"]) {
        one = id(&world.person(telegram_id, name).await);
        world.befriend(teacher, one).await;
        put(&world, teacher, &made, one).await.unwrap();
    }
    assert_eq!(
        members(&world, teacher, &made).await.unwrap(),
        ["Adam", "Eve", "zoe"]
    );
    for title in ["go", "Bridge"] {
        let made = group(&world, teacher, 2).await;
        change(&world, teacher, &made, Some(title), None)
            .await
            .unwrap();
    }
    assert_eq!(
        titles(&world, teacher).await,
        ["Bridge", "Chess on Mondays", "go"]
    );
    assert_eq!(titles(&world, one).await, ["Chess on Mondays"]);
    take_out(&world, teacher, &made, one).await.unwrap();
    assert_eq!(titles(&world, one).await, [""; 0]);
    assert_eq!(
        members(&world, teacher, &made).await.unwrap(),
        ["Adam", "zoe"]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_comes_has_a_seat_in_the_lessons_ahead_and_hears_which_they_miss(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let (made, _) = gather(&world, anna, 3, 1).await;
    let noon = lesson_of(&world, anna, &made, NOON).await;
    let evening = lesson_of(&world, anna, &made, EVENING).await;
    let open = gathering(anna, &made, "2026-06-03T12:00:00Z", 2);
    let open = book_group(&world, anna, open)
        .await
        .unwrap()
        .lesson
        .unwrap();
    assert_eq!((noon.capacity, noon.seats_taken), (3, 1));
    assert_eq!((open.capacity, open.seats_taken), (2, 0));
    let student = world.student(9).await;
    world.befriend(anna, student).await;
    world
        .book(student, boris, "2026-06-02T16:30:00Z")
        .await
        .unwrap();
    let coming = put(&world, anna, &made, student).await.unwrap();
    assert_eq!(coming.missed_lesson_ids, [evening.id.as_str()]);
    assert_eq!(coming.group.unwrap().member_count, 2);
    let seen = get(&world, student, &noon).await.unwrap();
    assert_eq!(
        (seats(&seen), seen.seats_taken),
        (vec![BookingStatus::Confirmed], 2)
    );
    let told = snapshot(&world, &noon, 2).await;
    assert_eq!((told.seats.len(), told.schedule_version), (2, 1));
    assert_eq!(seats(&get(&world, student, &evening).await.unwrap()), []);
    let free = get(&world, student, &open).await.unwrap();
    assert_eq!(
        (free.seats_taken, free.version),
        (0, 1),
        "they join by themselves"
    );
    // What they gave up stays so when the call is repeated.
    leave(&world, student, &seen, None).await.unwrap();
    let again = put(&world, anna, &made, student).await.unwrap();
    assert!(!again.joined);
    assert_eq!(again.missed_lesson_ids, [evening.id.as_str()]);
    assert_eq!(get(&world, anna, &noon).await.unwrap().seats_taken, 1);
    // Coming back seats again.
    assert_eq!(take_out(&world, anna, &made, student).await.unwrap(), 0);
    assert!(put(&world, anna, &made, student).await.unwrap().joined);
    let back = get(&world, student, &noon).await.unwrap();
    assert_eq!(
        seats(&back),
        [BookingStatus::Confirmed, BookingStatus::Canceled]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_leaves_gives_up_the_seats_ahead_late_when_it_is_late(pool: PgPool) {
    use BookingStatus::{Canceled, Confirmed, LateCanceled};
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        cancel_notice: Some(seconds(24 * 3_600)),
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let (made, people) = gather(&world, teacher, 3, 3).await;
    let soon = lesson_of(&world, teacher, &made, "2026-06-01T12:00:00Z").await;
    let later = lesson_of(&world, teacher, &made, "2026-06-08T12:00:00Z").await;
    let others = take_out(&world, people[0], &made, people[1]).await;
    assert_eq!(reason(others), ErrorReason::TeacherOnly);
    assert_eq!(
        take_out(&world, people[0], &made, people[0]).await.unwrap(),
        2
    );
    assert_eq!(
        take_out(&world, people[0], &made, people[0]).await.unwrap(),
        0,
        "a repeat"
    );
    assert_eq!(
        take_out(&world, teacher, &made, people[1]).await.unwrap(),
        2
    );
    let stranger = world.student(9).await;
    let never = take_out(&world, teacher, &made, stranger).await;
    assert_eq!(reason(never), ErrorReason::UserNotFound);
    let never = take_out(&world, stranger, &made, stranger).await;
    assert_eq!(reason(never), ErrorReason::GroupNotFound);
    let soon = get(&world, teacher, &soon).await.unwrap();
    assert_eq!(seats(&soon), [Confirmed, Canceled, LateCanceled]);
    let later = get(&world, teacher, &later).await.unwrap();
    assert_eq!(seats(&later), [Confirmed, Canceled, Canceled]);
    assert_eq!(later.schedule_version, 1);
    let seen = see(&world, teacher, &made).await.unwrap();
    assert_eq!(seen.member_count, 1);
    // Their seat is history: it is seen, and no way back in.
    let seen = get(&world, people[0], &soon).await.unwrap();
    assert_eq!(seats(&seen), [LateCanceled]);
    assert_eq!(
        reason(join(&world, people[0], &soon).await),
        ErrorReason::GroupNotFound
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_group_holds_no_more_than_it_says_and_more_seats_come_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (made, people) = gather(&world, teacher, 2, 2).await;
    let lesson = lesson_of(&world, teacher, &made, NOON).await;
    let open = gathering(teacher, &made, EVENING, 1);
    let open = book_group(&world, teacher, open)
        .await
        .unwrap()
        .lesson
        .unwrap();
    let student = world.student(9).await;
    world.befriend(teacher, student).await;
    let full = put(&world, teacher, &made, student).await;
    assert_eq!(metadata(full.as_ref().unwrap_err(), "capacity"), "2");
    assert_eq!(reason(full), ErrorReason::GroupFull);
    let stale = change(&world, teacher, &made, None, Some(3)).await;
    assert_eq!(reason(stale), ErrorReason::VersionStale);
    let made = see(&world, teacher, &made).await.unwrap();
    let wider = change(&world, teacher, &made, None, Some(4)).await.unwrap();
    assert_eq!((wider.capacity, wider.version), (4, made.version + 1));
    let same = change(&world, teacher, &wider, Some(&made.title), None).await;
    assert_eq!(same.unwrap(), wider, "nothing to change");
    let seen = get(&world, teacher, &lesson).await.unwrap();
    assert_eq!(
        (seen.capacity, seen.version),
        (4, 2),
        "for whoever keeps a copy"
    );
    assert_eq!(get(&world, teacher, &open).await.unwrap().capacity, 1);
    assert!(put(&world, teacher, &made, student).await.unwrap().joined);
    assert_eq!(get(&world, teacher, &lesson).await.unwrap().seats_taken, 3);
    let wider = see(&world, teacher, &made).await.unwrap();
    let fewer = change(&world, teacher, &wider, None, Some(2)).await;
    assert_eq!(reason(fewer), ErrorReason::GroupFull);
    take_out(&world, people[0], &made, people[0]).await.unwrap();
    let wider = see(&world, teacher, &made).await.unwrap();
    let fewer = change(&world, teacher, &wider, None, Some(2)).await;
    assert_eq!(fewer.unwrap().capacity, 2);
    let kept = get(&world, teacher, &lesson).await.unwrap();
    assert_eq!(
        (kept.capacity, kept.seats_taken),
        (4, 2),
        "what is booked stays"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_group_with_lessons_ahead_is_not_dissolved(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (made, people) = gather(&world, teacher, 2, 1).await;
    lesson_of(&world, teacher, &made, NOON).await;
    let made = see(&world, teacher, &made).await.unwrap();
    assert_eq!(
        reason(dissolve(&world, teacher, &made).await),
        ErrorReason::LessonsAhead
    );
    world.clock.advance(SignedDuration::from_hours(48));
    dissolve(&world, teacher, &made).await.unwrap();
    let seen = see(&world, teacher, &made).await.unwrap();
    assert!(seen.delete_time.is_some());
    assert_eq!(seen.member_count, 0);
    assert_eq!(titles(&world, teacher).await, [""; 0]);
    let gone = ErrorReason::GroupNotFound;
    assert_eq!(reason(see(&world, people[0], &made).await), gone);
    assert_eq!(reason(dissolve(&world, teacher, &seen).await), gone);
    assert_eq!(reason(put(&world, teacher, &made, people[0]).await), gone);
    let late = gathering(teacher, &made, "2026-06-09T12:00:00Z", 0);
    assert_eq!(reason(book_group(&world, teacher, late).await), gone);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_is_no_student_any_more_is_in_no_group_and_keeps_their_own_lessons_only(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let boris = world.teacher(2, "Boris").await;
    let (made, people) = gather(&world, teacher, 2, 2).await;
    let (first, other) = (people[0], group(&world, teacher, 3).await);
    put(&world, teacher, &other, first).await.unwrap();
    let of_boris = group(&world, boris, 2).await;
    world.befriend(boris, first).await;
    put(&world, boris, &of_boris, first).await.unwrap();
    let lesson = lesson_of(&world, teacher, &made, NOON).await;
    let of_other = lesson_of(&world, teacher, &other, EVENING).await;
    let elsewhere = lesson_of(&world, boris, &of_boris, "2026-06-03T12:00:00Z").await;
    let alone = world.book(first, teacher, "2026-06-04T12:00:00Z").await;
    let alone = alone.unwrap();
    let request = RemoveStudentRequest {
        student_id: first.to_string(),
    };
    for _ in 0..2 {
        let request = acting(request.clone(), teacher);
        world.teachers().remove_student(request).await.unwrap();
    }
    assert_eq!(see(&world, teacher, &made).await.unwrap().member_count, 1);
    for group in [&made, &other] {
        let seen = see(&world, first, group).await;
        assert_eq!(reason(seen), ErrorReason::GroupNotFound);
    }
    for lesson in [&lesson, &of_other] {
        let seen = get(&world, first, lesson).await.unwrap();
        assert_eq!(seats(&seen), [BookingStatus::Canceled]);
        assert_eq!(seen.version, 2, "a repeat gives up nothing");
        assert_eq!(seen.schedule_version, 1, "others hear nothing");
    }
    for lesson in [&elsewhere, &alone] {
        let seen = get(&world, first, lesson).await.unwrap();
        assert_eq!(seats(&seen), [BookingStatus::Confirmed]);
    }
    // Who comes instead has the seat.
    let third = world.student(30).await;
    world.befriend(teacher, third).await;
    let came = put(&world, teacher, &made, third).await.unwrap();
    assert_eq!((came.joined, came.missed_lesson_ids), (true, vec![]));
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn open_seats_stay_open_however_many_the_group_holds(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (made, _) = gather(&world, teacher, 3, 2).await;
    let open = gathering(teacher, &made, NOON, 3);
    let open = book_group(&world, teacher, open).await.unwrap();
    let open = open.lesson.unwrap();
    let everybody = lesson_of(&world, teacher, &made, EVENING).await;
    // As many as the group holds, and then fewer than it did.
    let made = see(&world, teacher, &made).await.unwrap();
    let fewer = change(&world, teacher, &made, None, Some(2)).await.unwrap();
    let wider = change(&world, teacher, &fewer, None, Some(6)).await;
    let wider = wider.unwrap();
    let student = world.student(9).await;
    world.befriend(teacher, student).await;
    let came = put(&world, teacher, &wider, student).await.unwrap();
    assert_eq!(came.missed_lesson_ids, [""; 0]);
    let open = get(&world, teacher, &open).await.unwrap();
    assert_eq!((open.capacity, open.seats_taken), (3, 0));
    let everybody = get(&world, teacher, &everybody).await.unwrap();
    assert_eq!((everybody.capacity, everybody.seats_taken), (6, 3));
    world.stop().await;
}
