//! A group's lesson that moves onto other lessons of its students.

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{BookingStatus, Group, Lesson, LessonChangeKind},
    notify::v1::LessonRole,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    steps::{
        book_group, cancel, gather, gathering, get, history, join, leave, reconfirm, seats, shift,
        snapshot,
    },
    support::{NO_NOTIFY, Service, World, at, reason, until},
};

use BookingStatus::{Canceled, Confirmed, Reconfirm};

const NOON: &str = "2026-06-05T12:00:00Z";
const EVENING: &str = "2026-06-05T16:00:00Z";

/// A lesson of three at noon, of whom the first has another lesson in the evening.
struct Clash {
    world: World,
    teacher: Uuid,
    group: Group,
    people: Vec<Uuid>,
    lesson: Lesson,
    /// The other one.
    other: Lesson,
}

impl Clash {
    async fn make(pool: PgPool) -> Self {
        let world = World::start(pool).await;
        let teacher = world.teacher(1, "Anna").await;
        let boris = world.teacher(2, "Boris").await;
        let (group, people) = gather(&world, teacher, 3, 3).await;
        let booked = book_group(&world, teacher, gathering(teacher, &group, NOON, 0)).await;
        let other = world.book(people[0], boris, "2026-06-05T16:30:00Z").await;
        Self {
            teacher,
            group,
            people,
            lesson: booked.unwrap().lesson.unwrap(),
            other: other.unwrap(),
            world,
        }
    }

    /// Moves it onto the other one.
    async fn moved(pool: PgPool) -> Self {
        let mut clash = Self::make(pool).await;
        let moved = shift(&clash.world, clash.teacher, &clash.lesson, EVENING).await;
        clash.lesson = moved.unwrap();
        clash
    }

    /// The lesson as the one who clashes sees it.
    async fn seen(&self) -> Lesson {
        get(&self.world, self.people[0], &self.lesson)
            .await
            .unwrap()
    }

    async fn freed(&self) {
        until("the seat is freed", || async {
            seats(&self.seen().await) == [Canceled]
        })
        .await;
    }
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_clashes_keeps_the_seat_for_a_day_and_nobody_else_is_asked(pool: PgPool) {
    let clash = Clash::moved(pool).await;
    let Clash { world, lesson, .. } = &clash;
    assert_eq!(seats(lesson), [Confirmed, Confirmed, Reconfirm]);
    assert_eq!((lesson.seats_taken, lesson.schedule_version), (3, 2));
    let asked = lesson
        .bookings
        .iter()
        .find(|seat| seat.status() == Reconfirm);
    let asked = asked.unwrap();
    assert_eq!(asked.student_id, clash.people[0].to_string());
    let expire = asked.reconfirm_expire_time.as_ref().unwrap();
    assert_eq!(
        olm_proto::instant(expire).unwrap(),
        at("2026-06-02T00:00:00Z")
    );
    let told = snapshot(world, lesson, 2).await;
    let asked: Vec<_> = told.seats.iter().filter(|seat| seat.reconfirm).collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].student_id, clash.people[0].to_string());
    assert!(asked[0].reconfirm_expire_time.is_some());
    // The seat takes none of their time: the other lesson may move, too.
    let other = get(world, clash.people[0], &clash.other).await.unwrap();
    assert_eq!(seats(&other), [Confirmed]);
    clash.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_says_so_comes_once_nothing_is_in_the_way(pool: PgPool) {
    let clash = Clash::moved(pool).await;
    let Clash { world, people, .. } = &clash;
    let seen = clash.seen().await;
    let busy = reconfirm(world, people[0], &seen).await;
    assert_eq!(reason(busy), ErrorReason::StudentBusy);
    let other = &clash.other;
    cancel(world, people[0], &other.id, other.version, "")
        .await
        .unwrap();
    let kept = reconfirm(world, people[0], &seen).await.unwrap();
    assert_eq!(seats(&kept), [Confirmed]);
    assert_eq!(kept.bookings[0].reconfirm_expire_time, None);
    assert_eq!((kept.seats_taken, kept.schedule_version), (3, 2));
    assert_eq!(
        reconfirm(world, people[0], &seen).await.unwrap(),
        kept,
        "a repeat"
    );
    assert_eq!(
        reconfirm(world, people[0], &kept).await.unwrap(),
        kept,
        "as it is"
    );
    let line = history(world, people[0], &kept).await.pop().unwrap();
    assert_eq!(line.kind(), LessonChangeKind::Reconfirmed);
    assert_eq!(line.booking_status(), Confirmed);
    // Who sits there without a clash has nothing to say, a stranger neither.
    let none = reconfirm(world, people[1], &seen).await.unwrap();
    assert_eq!(seats(&none), [Confirmed]);
    let stranger = world.student(9).await;
    let hidden = reconfirm(world, stranger, &seen).await;
    assert_eq!(reason(hidden), ErrorReason::LessonNotFound);
    clash.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_seat_nobody_speaks_for_is_freed_after_a_day_by_one_replica(pool: PgPool) {
    let clash = Clash::moved(pool).await;
    let world = &clash.world;
    let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
    let seen = clash.seen().await;
    world.clock.advance(SignedDuration::from_hours(24));
    clash.freed().await;
    let freed = clash.seen().await;
    assert_eq!((freed.seats_taken, freed.version), (2, seen.version + 1));
    let late = reconfirm(world, clash.people[0], &seen).await;
    assert_eq!(reason(late), ErrorReason::ReconfirmTooLate);
    let told = snapshot(world, &freed, freed.version).await;
    let told: Vec<_> = told.seats.iter().filter(|seat| seat.canceled).collect();
    assert_eq!(
        (told.len(), told[0].changed_by()),
        (1, LessonRole::Unspecified)
    );
    let lines = history(world, clash.teacher, &freed).await;
    let freed = |line: &&_| {
        let line: &olm_proto::lesson::v1::LessonChange = line;
        line.kind() == LessonChangeKind::SeatFreed
    };
    assert_eq!(lines.iter().filter(freed).count(), 1);
    replica.stop().await;
    clash.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_needs_the_seat_frees_it_before_the_job_does(pool: PgPool) {
    let clash = Clash::moved(pool).await;
    let world = &clash.world;
    let student = world.student(9).await;
    world.befriend(clash.teacher, student).await;
    // Nobody else comes in: a place in the group, none in the lesson.
    leave_group(&clash).await;
    crate::steps::put(world, clash.teacher, &clash.group, student)
        .await
        .unwrap();
    let full = join(world, student, &clash.lesson).await;
    assert_eq!(reason(full), ErrorReason::LessonFull);
    world.clock.advance(SignedDuration::from_hours(24));
    assert!(join(world, student, &clash.lesson).await.unwrap().joined);
    assert_eq!(seats(&clash.seen().await), [Canceled]);
    clash.world.stop().await;
}

/// The second leaves the group, and the teacher gives the seat to nobody.
async fn leave_group(clash: &Clash) {
    let sql = "UPDATE lesson.group_members SET end_time = now() WHERE student_id = $1";
    sqlx::query(sql)
        .bind(clash.people[1])
        .execute(&clash.world.pool)
        .await
        .unwrap();
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn nobody_is_asked_for_longer_than_until_the_start(pool: PgPool) {
    let clash = Clash::make(pool).await;
    let world = &clash.world;
    world.clock.set(at("2026-06-05T10:00:00Z"));
    shift(world, clash.teacher, &clash.lesson, EVENING)
        .await
        .unwrap();
    let seen = clash.seen().await;
    let expire = seen.bookings[0].reconfirm_expire_time.as_ref().unwrap();
    assert_eq!(olm_proto::instant(expire).unwrap(), at(EVENING));
    world.clock.set(at(EVENING));
    clash.freed().await;
    clash.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_that_moves_on_needs_no_answer_and_asks_again_where_it_clashes(pool: PgPool) {
    let clash = Clash::moved(pool).await;
    let world = &clash.world;
    let moved = shift(world, clash.teacher, &clash.lesson, "2026-06-05T14:00:00Z").await;
    let moved = moved.unwrap();
    assert_eq!(seats(&moved), [Confirmed, Confirmed, Confirmed]);
    world.clock.advance(SignedDuration::from_hours(12));
    let again = shift(world, clash.teacher, &moved, EVENING).await.unwrap();
    let later = shift(world, clash.teacher, &again, "2026-06-05T17:00:00Z").await;
    assert_eq!(seats(&later.unwrap()), [Confirmed, Confirmed, Reconfirm]);
    let seen = clash.seen().await;
    let expire = seen.bookings[0].reconfirm_expire_time.as_ref().unwrap();
    assert_eq!(
        olm_proto::instant(expire).unwrap(),
        at("2026-06-02T12:00:00Z")
    );
    // Who was moved gives up in time, however short it is before the start.
    world.clock.set(at("2026-06-02T11:59:59Z"));
    let left = leave(world, clash.people[0], &seen, None).await.unwrap();
    assert_eq!(seats(&left), [Canceled]);
    clash.world.stop().await;
}
