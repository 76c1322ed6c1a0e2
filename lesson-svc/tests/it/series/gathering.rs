//! Series of groups: who has a seat, who is told, and who is asked when they move.

use BookingStatus::{Confirmed, Reconfirm};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AddGroupMemberRequest, BookingStatus, CancelSeriesRequest, ConflictMode,
        CreateGroupRequest, Lesson, RemoveGroupMemberRequest, Series, SeriesChange,
        UpdateSeriesRequest, WantedSeries, wanted_series,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use uuid::Uuid;

use super::{count, create, get, lessons, preview, told, weekly};
use crate::support::{World, new_id, reason, until};

/// A teacher, a group of three, and one who is to come into it.
struct Choir {
    world: World,
    teacher: Uuid,
    group: String,
    members: Vec<Uuid>,
    newcomer: Uuid,
}

impl Choir {
    async fn start(pool: PgPool) -> Self {
        let world = World::start(pool).await;
        let teacher = world.teacher(1, "Anna").await;
        let request = CreateGroupRequest {
            request_id: new_id(),
            title: "Choir".to_owned(),
            capacity: 4,
        };
        let made = world.groups().create_group(acting(request, teacher)).await;
        let group = made.unwrap().into_inner().group.unwrap().id;
        let mut people = Vec::new();
        for telegram_id in 10..14 {
            let student = world.student(telegram_id).await;
            world.befriend(teacher, student).await;
            people.push(student);
        }
        let newcomer = people.pop().unwrap();
        let choir = Self {
            world,
            teacher,
            group,
            members: people,
            newcomer,
        };
        for member in &choir.members {
            choir.add(*member).await;
        }
        choir
    }

    async fn add(&self, student: Uuid) {
        let request = AddGroupMemberRequest {
            group_id: self.group.clone(),
            student_id: student.to_string(),
        };
        let mut groups = self.world.groups();
        groups
            .add_group_member(acting(request, self.teacher))
            .await
            .unwrap();
    }

    async fn remove(&self, by: Uuid, student: Uuid) {
        let request = RemoveGroupMemberRequest {
            group_id: self.group.clone(),
            student_id: student.to_string(),
        };
        let mut groups = self.world.groups();
        groups
            .remove_group_member(acting(request, by))
            .await
            .unwrap();
    }

    fn wanted(&self, first_date: &str, count: i32) -> WantedSeries {
        WantedSeries {
            people: Some(wanted_series::People::GroupId(self.group.clone())),
            ..weekly(self.teacher, first_date, "10:00", count)
        }
    }

    async fn series(&self, count: i32) -> Series {
        let wanted = self.wanted("2026-06-08", count);
        let made = create(&self.world, self.teacher, wanted, ConflictMode::Strict).await;
        made.unwrap().series.unwrap()
    }

    async fn lessons(&self) -> Vec<Lesson> {
        let all = lessons(&self.world, self.teacher, "2026-06-01T00:00:00Z").await;
        all.into_iter()
            .filter(|lesson| !lesson.series_id.is_empty())
            .collect()
    }
}

/// Who has which seat in a lesson.
fn seat(lesson: &Lesson, student: Uuid) -> Option<BookingStatus> {
    let mut seats = lesson.bookings.iter().rev();
    let seat = seats.find(|seat| seat.student_id == student.to_string())?;
    Some(seat.status())
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn members_have_seats_but_where_they_are_busy_and_that_stops_nobody(pool: PgPool) {
    let choir = Choir::start(pool).await;
    let other = choir.world.teacher(2, "Boris").await;
    let busy = choir.members[1];
    choir
        .world
        .book(busy, other, "2026-06-15T09:30:00Z")
        .await
        .unwrap();
    let seen = preview(&choir.world, choir.teacher, choir.wanted("2026-06-08", 3))
        .await
        .unwrap();
    assert_eq!(seen.conflict_count, 0);
    assert_eq!(seen.occurrences[1].busy_student_ids, [busy.to_string()]);
    let series = choir.series(3).await;
    let taken: Vec<_> = choir
        .lessons()
        .await
        .iter()
        .map(|lesson| lesson.bookings.len())
        .collect();
    assert_eq!(taken, [3, 2, 3]);
    assert_eq!(series.group_title, "Choir");
    let snapshot = told(&choir.world.pool).await.pop().unwrap();
    assert_eq!(snapshot.student_ids.len(), 3);
    assert!(get(&choir.world, busy, &series.id).await.is_ok());
    assert!(get(&choir.world, choir.newcomer, &series.id).await.is_err());
    choir.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_comes_or_goes_is_told_of_the_series_as_a_whole(pool: PgPool) {
    let choir = Choir::start(pool).await;
    let series = choir.series(20).await;
    choir.add(choir.newcomer).await;
    let snapshot = told(&choir.world.pool).await.pop().unwrap();
    assert_eq!(
        (
            snapshot.student_ids.len(),
            snapshot.version,
            snapshot.schedule_version
        ),
        (4, 2, 1)
    );
    // Booked later, with a seat for who came.
    choir
        .world
        .clock
        .advance(jiff::SignedDuration::from_hours(24 * 7));
    until("the next is booked", || async {
        choir.lessons().await.len() == 12
    })
    .await;
    let last = choir.lessons().await.pop().unwrap();
    assert_eq!(seat(&last, choir.newcomer), Some(BookingStatus::Confirmed));
    choir.remove(choir.newcomer, choir.newcomer).await;
    let snapshot = told(&choir.world.pool).await.pop().unwrap();
    assert_eq!(snapshot.student_ids.len(), 3);
    assert_eq!(snapshot.left_student_id, choir.newcomer.to_string());
    choir.remove(choir.teacher, choir.members[0]).await;
    let snapshot = told(&choir.world.pool).await.pop().unwrap();
    assert_eq!(snapshot.student_ids.len(), 2);
    assert_eq!(snapshot.left_student_id, "");
    assert_eq!(snapshot.schedule_version, 1);
    assert_eq!(
        get(&choir.world, choir.teacher, &series.id)
            .await
            .unwrap()
            .version,
        1
    );
    choir.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_series_that_moves_asks_who_has_another_lesson_then(pool: PgPool) {
    let choir = Choir::start(pool).await;
    let other = choir.world.teacher(2, "Boris").await;
    let busy = choir.members[1];
    let series = choir.series(3).await;
    choir
        .world
        .book(busy, other, "2026-06-15T12:00:00Z")
        .await
        .unwrap();
    let update = async |version: i64, time: &str| {
        let request = UpdateSeriesRequest {
            series_id: series.id.clone(),
            expected_version: version,
            change: Some(SeriesChange {
                start_time_of_day: Some(time.to_owned()),
                ..SeriesChange::default()
            }),
            conflict_mode: ConflictMode::Strict.into(),
        };
        choir
            .world
            .series()
            .update_series(acting(request, choir.teacher))
            .await
    };
    update(1, "12:00").await.unwrap();
    let asked: Vec<_> = choir
        .lessons()
        .await
        .iter()
        .map(|lesson| seat(lesson, busy).unwrap())
        .collect();
    assert_eq!(asked, [Confirmed, Reconfirm, Confirmed]);
    update(2, "14:00").await.unwrap();
    let asked: Vec<_> = choir
        .lessons()
        .await
        .iter()
        .map(|lesson| seat(lesson, busy).unwrap())
        .collect();
    assert_eq!(asked, [Confirmed; 3]);
    choir.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn members_leave_the_group_instead_of_cancelling_its_series(pool: PgPool) {
    let choir = Choir::start(pool).await;
    let series = choir.series(3).await;
    let request = CancelSeriesRequest {
        series_id: series.id.clone(),
        expected_version: 1,
        ..CancelSeriesRequest::default()
    };
    let mut client = choir.world.series();
    let by_member = client
        .cancel_series(acting(request.clone(), choir.members[0]))
        .await;
    assert_eq!(reason(by_member), ErrorReason::TeacherOnly);
    let done = client
        .cancel_series(acting(request, choir.teacher))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(done.canceled_lessons, 3);
    assert_eq!(
        count(
            &choir.world.pool,
            "bookings WHERE with_series AND status = 'canceled'"
        )
        .await,
        9
    );
    choir.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn an_erased_member_is_in_the_groups_series_no_more(pool: PgPool) {
    let choir = Choir::start(pool).await;
    let series = choir.series(3).await;
    choir.world.erase(choir.members[0]).await.unwrap();
    let snapshot = told(&choir.world.pool).await.pop().unwrap();
    assert_eq!(snapshot.student_ids.len(), 2);
    assert!(!snapshot.canceled);
    let seats: Vec<_> = choir
        .lessons()
        .await
        .iter()
        .map(|lesson| lesson.seats_taken)
        .collect();
    assert_eq!(seats, [2; 3]);
    assert_eq!(choir.world.erase(choir.teacher).await.unwrap(), 3);
    let snapshot = told(&choir.world.pool).await.pop().unwrap();
    assert_eq!(
        (snapshot.series_id, snapshot.canceled, snapshot.group_title),
        (series.id, true, String::new())
    );
    choir.world.stop().await;
}
