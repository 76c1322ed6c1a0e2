//! Seats in lessons of groups: booked with the lesson, taken, given up.

mod listing;
mod racing;

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        BookLessonRequest, BookingStatus, ConfirmLessonRequest, Group, Lesson, LessonChange,
        LessonChangeKind, LessonStatus, TeacherPolicies, UpdateLessonRequest,
    },
    notify::v1::LessonRole,
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Code;
use uuid::Uuid;

use crate::{
    steps::{
        book_group, cancel, gather, gathering, get, history, hold, join, join_as_shown, leave, put,
        seats, shift, snapshot,
    },
    support::{World, fields, metadata, reason, seconds},
};

use BookingStatus::{Canceled, Confirmed, LateCanceled};

const NOON: &str = "2026-06-02T12:00:00Z";

/// A lesson of a group at noon, with so many open seats (0: everybody has one).
async fn lesson_of(world: &World, teacher: Uuid, group: &Group, open: i32) -> Lesson {
    let booked = book_group(world, teacher, gathering(teacher, group, NOON, open)).await;
    booked.unwrap().lesson.unwrap()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn whoever_is_in_the_group_has_a_seat_but_for_those_in_another_lesson(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let (group, people) = gather(&world, anna, 5, 3).await;
    // Learns in one lesson, teaches in none; another teaches at that time.
    world
        .book(people[0], boris, "2026-06-02T11:30:00Z")
        .await
        .unwrap();
    put_teacher(&world, anna, &group, boris).await;
    let request = gathering(anna, &group, NOON, 0);
    let booked = book_group(&world, anna, request.clone()).await.unwrap();
    let lesson = booked.lesson.clone().unwrap();
    let mut busy = [people[0].to_string(), boris.to_string()];
    busy.sort();
    assert_eq!(booked.busy_student_ids, busy);
    assert_eq!(lesson.status(), LessonStatus::Scheduled);
    assert_eq!((lesson.capacity, lesson.seats_taken), (5, 2));
    assert_eq!(
        (lesson.group_id, lesson.group_title),
        (group.id.clone(), group.title.clone())
    );
    assert_eq!(
        seats(booked.lesson.as_ref().unwrap()),
        [Confirmed, Confirmed]
    );
    let again = book_group(&world, anna, request.clone()).await.unwrap();
    assert_eq!(again, booked, "a repeat answers as the first did");
    let other = BookLessonRequest {
        open_seats: 3,
        ..request
    };
    let other = book_group(&world, anna, other).await;
    assert_eq!(reason(other), ErrorReason::RequestIdReused);
    let taken = book_group(&world, anna, gathering(anna, &group, NOON, 0)).await;
    assert_eq!(reason(taken), ErrorReason::SlotTaken);
    // A student sees their own seat, and how many sit there.
    let seen = get(&world, people[1], booked.lesson.as_ref().unwrap())
        .await
        .unwrap();
    assert_eq!((seen.bookings.len(), seen.seats_taken), (1, 2));
    let told = snapshot(&world, &seen, 1).await;
    assert_eq!((told.seats.len(), told.group_title), (2, group.title));
    world.stop().await;
}

async fn put_teacher(world: &World, anna: Uuid, group: &Group, boris: Uuid) {
    world.befriend(anna, boris).await;
    put(world, anna, group, boris).await.unwrap();
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn only_its_teacher_books_for_a_group(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let admin = world.admin(3).await;
    let (group, people) = gather(&world, anna, 2, 1).await;
    let request = || gathering(anna, &group, NOON, 0);
    let by_member = book_group(&world, people[0], request()).await;
    assert_eq!(reason(by_member), ErrorReason::TeacherOnly);
    let by_other = book_group(&world, boris, request()).await;
    assert_eq!(reason(by_other), ErrorReason::GroupNotFound);
    let with_other = gathering(boris, &group, NOON, 0);
    for by in [boris, anna, admin] {
        let refused = book_group(&world, by, with_other.clone()).await;
        assert_eq!(reason(refused), ErrorReason::GroupNotFound);
    }
    let faults = BookLessonRequest {
        student_id: people[0].to_string(),
        open_seats: 51,
        ..request()
    };
    assert_eq!(
        fields(book_group(&world, anna, faults).await),
        ["group_id", "open_seats"]
    );
    let faults = BookLessonRequest {
        group_id: String::new(),
        open_seats: 1,
        ..request()
    };
    assert_eq!(
        fields(book_group(&world, anna, faults).await),
        ["open_seats"]
    );
    let booked = book_group(&world, admin, request()).await.unwrap();
    assert_eq!(booked.lesson.unwrap().seats_taken, 1);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn members_join_an_open_lesson_while_there_are_seats(pool: PgPool) {
    use LessonChangeKind::{Booked, Joined, Left};
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (group, people) = gather(&world, teacher, 5, 3).await;
    let lesson = lesson_of(&world, teacher, &group, 2).await;
    assert_eq!((lesson.capacity, lesson.seats_taken), (2, 0));
    let free = get(&world, people[2], &lesson).await.unwrap();
    assert_eq!((free.bookings.len(), free.capacity), (0, 2));
    assert_eq!(history(&world, people[2], &lesson).await.len(), 1);
    let joined = join(&world, people[0], &lesson).await.unwrap();
    assert!(joined.joined);
    assert_eq!(seats(joined.lesson.as_ref().unwrap()), [Confirmed]);
    let again = join(&world, people[0], &lesson).await.unwrap();
    assert_eq!((again.joined, again.lesson), (false, joined.lesson));
    join(&world, people[1], &lesson).await.unwrap();
    let full = join(&world, people[2], &lesson).await;
    assert_eq!(metadata(full.as_ref().unwrap_err(), "capacity"), "2");
    assert_eq!(reason(full), ErrorReason::LessonFull);
    let own = join(&world, teacher, &lesson).await;
    assert_eq!(reason(own), ErrorReason::SelfBooking);
    let stranger = world.student(9).await;
    let hidden = join(&world, stranger, &lesson).await;
    assert_eq!(reason(hidden), ErrorReason::LessonNotFound);
    let seen = get(&world, people[0], &lesson).await.unwrap();
    leave(&world, people[0], &seen, None).await.unwrap();
    assert!(join(&world, people[2], &lesson).await.unwrap().joined);
    let lines = history(&world, teacher, &lesson).await;
    let kinds: Vec<_> = lines.iter().map(LessonChange::kind).collect();
    assert_eq!(kinds, [Booked, Joined, Joined, Left, Joined]);
    let own: Vec<_> = history(&world, people[2], &lesson).await;
    let own: Vec<_> = own.iter().map(|line| line.version).collect();
    assert_eq!(own, [1, 5], "others' seats are theirs");
    world.clock.advance(SignedDuration::from_hours(48));
    let late = join(&world, people[0], &lesson).await;
    assert_eq!(reason(late), ErrorReason::LessonStarted);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn nobody_is_seated_at_another_time_than_they_were_shown(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (group, people) = gather(&world, teacher, 5, 3).await;
    let shown = lesson_of(&world, teacher, &group, 3).await;
    let seated = join_as_shown(&world, people[0], &shown).await.unwrap();
    assert!(seated.joined);
    let moved = shift(&world, teacher, &shown, "2026-06-02T15:00:00Z")
        .await
        .unwrap();
    let stale = join_as_shown(&world, people[1], &shown).await;
    let current = moved.version.to_string();
    assert_eq!(
        metadata(stale.as_ref().unwrap_err(), "current_version"),
        current
    );
    assert_eq!(stale.as_ref().unwrap_err().code(), Code::Aborted);
    assert_eq!(reason(stale), ErrorReason::VersionStale);
    assert_eq!(get(&world, teacher, &shown).await.unwrap(), moved);
    // Who has a seat keeps it: a repeat answers as the first did.
    let again = join_as_shown(&world, people[0], &shown).await.unwrap();
    assert!(!again.joined);
    let joined = join_as_shown(&world, people[1], &moved).await.unwrap();
    assert_eq!(joined.lesson.unwrap().start_time, moved.start_time);
    // Who asks for no time takes the seat at whatever it is.
    assert!(join(&world, people[2], &shown).await.unwrap().joined);
    let never = Lesson {
        start_time: Some(prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        }),
        ..moved
    };
    let never = join_as_shown(&world, people[2], &never).await;
    assert_eq!(fields(never), ["start_time"]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn nobody_joins_while_in_another_lesson_but_what_they_hold_makes_way(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let (group, people) = gather(&world, anna, 2, 2).await;
    let lesson = lesson_of(&world, anna, &group, 2).await;
    world
        .book(people[0], boris, "2026-06-02T12:30:00Z")
        .await
        .unwrap();
    let busy = join(&world, people[0], &lesson).await;
    assert_eq!(reason(busy), ErrorReason::StudentBusy);
    let held = hold(&world, people[1], boris, "2026-06-02T11:30:00Z").await;
    assert!(join(&world, people[1], &lesson).await.unwrap().joined);
    let held = get(&world, people[1], &held).await.unwrap();
    assert_eq!(held.status(), LessonStatus::Canceled);
    // And a seat takes its student's time like any other lesson.
    let other = world.book(people[1], boris, "2026-06-02T11:30:00Z").await;
    assert_eq!(reason(other), ErrorReason::StudentBusy);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_seat_is_given_up_by_its_student_or_taken_by_the_teacher(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        cancel_notice: Some(seconds(24 * 3_600)),
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let (group, people) = gather(&world, teacher, 4, 4).await;
    let lesson = lesson_of(&world, teacher, &group, 0).await;
    let others = leave(&world, people[0], &lesson, Some(people[1])).await;
    assert_eq!(reason(others), ErrorReason::TeacherOnly);
    let none = leave(&world, teacher, &lesson, None).await;
    assert_eq!(reason(none), ErrorReason::BookingNotFound);
    let left = leave(&world, people[0], &lesson, None).await.unwrap();
    assert_eq!((seats(&left), left.seats_taken), (vec![Canceled], 3));
    let again = leave(&world, people[0], &lesson, None).await.unwrap();
    assert_eq!(again, left, "a repeat");
    let twice = leave(&world, people[0], &left, None).await;
    assert_eq!(reason(twice), ErrorReason::BookingNotFound);
    // The teacher acts on the version of before: somebody else's seat made it not stale.
    let taken = leave(&world, teacher, &lesson, Some(people[1]))
        .await
        .unwrap();
    assert_eq!(taken.seats_taken, 2);
    let repeat = leave(&world, teacher, &lesson, Some(people[1]))
        .await
        .unwrap();
    assert_eq!(repeat, taken);
    let told = snapshot(&world, &lesson, 3).await;
    let told: Vec<_> = told.seats.iter().filter(|seat| seat.canceled).collect();
    let mut roles: Vec<_> = told.iter().map(|seat| seat.changed_by()).collect();
    roles.sort();
    assert_eq!(roles, [LessonRole::Teacher, LessonRole::Student]);
    world.clock.advance(SignedDuration::from_hours(20));
    let late = leave(&world, people[2], &lesson, None).await.unwrap();
    assert_eq!(seats(&late), [LateCanceled]);
    let excused = leave(&world, teacher, &lesson, Some(people[3]))
        .await
        .unwrap();
    assert_eq!(
        seats(&excused),
        [Canceled, Canceled, Canceled, LateCanceled]
    );
    assert_eq!(excused.schedule_version, 1, "the schedule is as it was");
    assert_eq!(excused.status(), LessonStatus::Scheduled);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn others_seats_make_no_version_stale_and_changes_of_the_lesson_do(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (group, people) = gather(&world, teacher, 4, 3).await;
    let lesson = lesson_of(&world, teacher, &group, 0).await;
    leave(&world, people[0], &lesson, None).await.unwrap();
    join(&world, people[0], &lesson).await.unwrap();
    // Nine buttons of others still work; the one whose own seat changed is told so.
    let own = leave(&world, people[0], &lesson, None).await.unwrap();
    assert_eq!(own.seats_taken, 3, "the repeat of what they did first");
    assert_eq!(
        leave(&world, people[1], &lesson, None)
            .await
            .unwrap()
            .version,
        4
    );
    let update = UpdateLessonRequest {
        lesson_id: lesson.id.clone(),
        expected_version: lesson.version,
        notes: Some("p. 7".to_owned()),
        meeting_url: None,
    };
    let updated = world.lessons().update_lesson(acting(update, teacher)).await;
    let updated = updated.unwrap().into_inner().lesson.unwrap();
    assert_eq!(updated.version, 5);
    let stale = leave(&world, people[2], &lesson, None).await;
    assert_eq!(
        metadata(stale.as_ref().unwrap_err(), "current_version"),
        "5"
    );
    assert_eq!(reason(stale), ErrorReason::VersionStale);
    let left = leave(&world, people[2], &updated, None).await.unwrap();
    let never = Lesson {
        version: left.version + 1,
        ..left.clone()
    };
    let never = leave(&world, teacher, &never, Some(people[0])).await;
    assert_eq!(reason(never), ErrorReason::VersionStale);
    world.stop().await;
}

/// The lesson goes on without who gave their seat up, and so does what is said of it.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn notes_and_link_are_for_those_who_have_a_seat(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (group, people) = gather(&world, teacher, 2, 2).await;
    let lesson = lesson_of(&world, teacher, &group, 0).await;
    leave(&world, people[0], &lesson, None).await.unwrap();
    let update = UpdateLessonRequest {
        lesson_id: lesson.id.clone(),
        expected_version: 2,
        notes: Some("p. 7".to_owned()),
        meeting_url: Some("https://meet.example/new".to_owned()),
    };
    let updated = world.lessons().update_lesson(acting(update, teacher)).await;
    updated.unwrap();
    let said = async |viewer: Uuid| {
        let seen = get(&world, viewer, &lesson).await.unwrap();
        (seen.notes, seen.meeting_url)
    };
    let all = ("p. 7".to_owned(), "https://meet.example/new".to_owned());
    assert_eq!(said(people[1]).await, all);
    assert_eq!(said(teacher).await, all);
    assert_eq!(said(people[0]).await, Default::default());
    join(&world, people[0], &lesson).await.unwrap();
    assert_eq!(said(people[0]).await, all);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_of_a_group_waits_for_no_decision(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (group, _) = gather(&world, teacher, 2, 2).await;
    let nobody_yet = lesson_of(&world, teacher, &group, 2).await;
    assert_eq!(nobody_yet.seats_taken, 0);
    let request = ConfirmLessonRequest {
        lesson_id: nobody_yet.id,
        expected_version: 1,
    };
    let confirmed = world
        .lessons()
        .confirm_lesson(acting(request, teacher))
        .await;
    assert_eq!(reason(confirmed), ErrorReason::LessonStatusUnsuitable);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_of_a_group_is_cancelled_and_moved_by_its_teacher_only(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (group, people) = gather(&world, teacher, 2, 2).await;
    let lesson = lesson_of(&world, teacher, &group, 0).await;
    let only_teachers = ErrorReason::TeacherOnly;
    let moved = shift(&world, people[0], &lesson, "2026-06-03T12:00:00Z").await;
    assert_eq!(reason(moved), only_teachers);
    let off = cancel(&world, people[0], &lesson.id, 1, "").await;
    assert_eq!(reason(off), only_teachers);
    // Who is in the group sees its lessons, with a seat or without, and hears who may.
    let open = gathering(teacher, &group, "2026-06-05T12:00:00Z", 1);
    let open = book_group(&world, teacher, open).await.unwrap();
    let open = open.lesson.unwrap();
    let moved = shift(&world, people[0], &open, "2026-06-03T12:00:00Z").await;
    assert_eq!(reason(moved), only_teachers);
    let off = cancel(&world, people[0], &open.id, 1, "").await;
    assert_eq!(reason(off), only_teachers);
    let update = UpdateLessonRequest {
        lesson_id: open.id.clone(),
        expected_version: 1,
        notes: Some("mine".to_owned()),
        ..UpdateLessonRequest::default()
    };
    let mut lessons = world.lessons();
    let updated = lessons.update_lesson(acting(update, people[0])).await;
    assert_eq!(reason(updated), only_teachers);
    let stranger = world.student(9).await;
    let off = cancel(&world, stranger, &open.id, 1, "").await;
    assert_eq!(reason(off), ErrorReason::LessonNotFound);
    let off = cancel(&world, teacher, &lesson.id, 1, "ill").await.unwrap();
    assert_eq!(
        (seats(&off), off.seats_taken),
        (vec![Canceled, Canceled], 0)
    );
    let gone = ErrorReason::LessonCanceled;
    assert_eq!(reason(join(&world, people[0], &lesson).await), gone);
    assert_eq!(reason(leave(&world, people[0], &off, None).await), gone);
    // A lesson of one student is cancelled, not left.
    let single = world.book(people[0], teacher, NOON).await.unwrap();
    let left = leave(&world, people[0], &single, None).await;
    assert_eq!(reason(left), ErrorReason::LessonStatusUnsuitable);
    let joined = join(&world, people[0], &single).await.unwrap();
    assert!(!joined.joined, "they have the seat");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_is_erased_gives_up_the_seat_only_and_a_teacher_the_group(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (group, people) = gather(&world, teacher, 3, 2).await;
    let lesson = lesson_of(&world, teacher, &group, 0).await;
    assert_eq!(world.erase(people[0]).await.unwrap(), 1);
    let seen = get(&world, teacher, &lesson).await.unwrap();
    assert_eq!(seen.status(), LessonStatus::Scheduled);
    assert_eq!(
        (seats(&seen), seen.seats_taken),
        (vec![Confirmed, Canceled], 1)
    );
    let count = "SELECT member_count FROM lesson.groups WHERE title = 'Chess on Mondays'";
    let members: i16 = sqlx::query_scalar(count)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(members, 1);
    assert_eq!(world.erase(teacher).await.unwrap(), 1);
    let seen = get(&world, people[1], &lesson).await.unwrap();
    assert_eq!(seen.status(), LessonStatus::Canceled);
    assert_eq!(
        (seen.group_title.as_str(), seats(&seen)),
        ("", vec![Canceled])
    );
    let forgotten: (bool, i16, String) =
        sqlx::query_as("SELECT delete_time IS NOT NULL, member_count, title FROM lesson.groups")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(forgotten, (true, 0, String::new()));
    for version in 1..=seen.version {
        assert_eq!(snapshot(&world, &lesson, version).await.group_title, "");
    }
    world.stop().await;
}
