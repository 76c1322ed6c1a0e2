//! What several do with series, their people and their lessons at once, through two replicas,
//! while the job of both books what is due.

use jiff::SignedDuration;
use lesson_svc::{
    errors::Error,
    ids::SeriesId,
    invitations::TokenKey,
    outbox::Wake,
    retrying::retrying,
    series::materialising::materialise,
    state::State,
    users::{Defaults, Language},
    watching::Watchers,
};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        CancelSeriesRequest, ConflictMode, EraseUserRequest, Lesson, LessonStatus,
        RemoveStudentRequest, RescheduleLessonRequest, SeriesChange, UpdateSeriesRequest,
        WantedSeries, lesson_service_client::LessonServiceClient, series_change,
        series_service_client::SeriesServiceClient, teacher_service_client::TeacherServiceClient,
        user_service_client::UserServiceClient, wanted_series,
    },
};
use secrecy::SecretString;
use service_kit::{
    clock::Clock as _,
    grpc::client::{Backend, acting},
    shutdown::Shutdown,
};
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::task::JoinHandle;
use tonic::Status;
use uuid::Uuid;

use super::{count, create, get, lessons, materialising, weekly};
use crate::{
    steps::{group, put},
    support::{INVITATION_SECRET, NO_NOTIFY, Service, World, reason},
};

struct Race {
    world: World,
    replica: Service,
    state: State,
}

impl Race {
    async fn start(pool: PgPool) -> Self {
        let world = World::start(pool).await;
        let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
        let state = State {
            pool: world.pool.clone(),
            clock: world.clock.clone(),
            defaults: Defaults {
                language: Language::En,
                time_zone: "UTC".to_owned(),
            },
            tokens: TokenKey::new(SecretString::from(INVITATION_SECRET)),
            wake: Wake::default(),
            watchers: Watchers::new(1, Shutdown::manual(std::time::Duration::from_secs(5))),
        };
        Self {
            world,
            replica,
            state,
        }
    }

    /// Stops all, and answers how often PostgreSQL had to undo one who waited for another
    /// that waited for them.
    async fn deadlocks(self) -> i64 {
        let options = self.world.pool.connect_options();
        self.replica.stop().await;
        self.world.stop().await;
        // Those who are gone have told what they counted.
        let mut conn = PgConnection::connect_with(&options).await.unwrap();
        sqlx::query_scalar(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
        )
        .fetch_one(&mut conn)
        .await
        .unwrap()
    }

    /// Even callers ask one replica, odd callers the other.
    fn backend(&self, caller: usize) -> Backend {
        let service = [&self.world.service, &self.replica][caller % 2];
        service.backend.clone()
    }

    /// Books what of a series is due, as the job does, at this moment.
    fn materialise(&self, series: &str) -> JoinHandle<Result<(), Error>> {
        let (state, id) = (self.state.clone(), SeriesId(series.parse().unwrap()));
        tokio::spawn(async move { retrying(|| materialise(&state, id)).await })
    }

    fn erase(&self, caller: usize, person: Uuid) -> JoinHandle<Result<(), Status>> {
        let mut users = UserServiceClient::new(self.backend(caller));
        let request = EraseUserRequest {
            user_id: person.to_string(),
        };
        let request = acting(request, person);
        tokio::spawn(async move { users.erase_user(request).await.map(drop) })
    }

    fn part(&self, caller: usize, teacher: Uuid, student: Uuid) -> JoinHandle<Result<(), Status>> {
        let mut teachers = TeacherServiceClient::new(self.backend(caller));
        let request = RemoveStudentRequest {
            student_id: student.to_string(),
        };
        let request = acting(request, teacher);
        tokio::spawn(async move { teachers.remove_student(request).await.map(drop) })
    }

    fn cancel(
        &self,
        caller: usize,
        by: Uuid,
        series: (&str, i64),
        from: &str,
    ) -> JoinHandle<Result<(), Status>> {
        let mut client = SeriesServiceClient::new(self.backend(caller));
        let request = CancelSeriesRequest {
            series_id: series.0.to_owned(),
            expected_version: series.1,
            from_lesson_id: from.to_owned(),
            ..CancelSeriesRequest::default()
        };
        let request = acting(request, by);
        tokio::spawn(async move { client.cancel_series(request).await.map(drop) })
    }

    fn update(
        &self,
        caller: usize,
        by: Uuid,
        series: (&str, i64),
        change: SeriesChange,
    ) -> JoinHandle<Result<(), Status>> {
        let mut client = SeriesServiceClient::new(self.backend(caller));
        let request = UpdateSeriesRequest {
            series_id: series.0.to_owned(),
            expected_version: series.1,
            change: Some(change),
            conflict_mode: ConflictMode::Skip.into(),
        };
        let request = acting(request, by);
        tokio::spawn(async move { client.update_series(request).await.map(drop) })
    }

    fn shift(&self, caller: usize, by: Uuid, lesson: &Lesson) -> JoinHandle<Result<(), Status>> {
        let mut client = LessonServiceClient::new(self.backend(caller));
        let start = olm_proto::instant(lesson.start_time.as_ref().unwrap()).unwrap();
        let request = RescheduleLessonRequest {
            lesson_id: lesson.id.clone(),
            expected_version: lesson.version,
            start_time: Some(olm_proto::timestamp(start + SignedDuration::from_hours(27))),
        };
        let request = acting(request, by);
        tokio::spawn(async move { client.reschedule_lesson(request).await.map(drop) })
    }

    /// Nothing of an erased person is left, and nothing is counted wrong.
    async fn check(&self) {
        for wrong in [
            "bookings b JOIN lesson.users u ON u.id = b.student_id
             WHERE u.erase_time IS NOT NULL AND b.status IN ('pending', 'confirmed', 'reconfirm')
               AND lower(b.during) > NOW",
            "lessons l JOIN lesson.users u ON u.id = l.teacher_id
             WHERE u.erase_time IS NOT NULL AND l.status = 'scheduled' AND lower(l.during) > NOW",
            "group_members m JOIN lesson.users u ON u.id = m.student_id
             WHERE u.erase_time IS NOT NULL AND m.end_time IS NULL",
            "series s JOIN lesson.users u ON u.id IN (s.teacher_id, s.student_id)
             WHERE u.erase_time IS NOT NULL AND s.status = 'running'",
            "group_members m JOIN lesson.students s USING (teacher_id, student_id)
             WHERE m.end_time IS NULL AND s.end_time IS NOT NULL",
            "bookings b JOIN lesson.lessons l ON l.id = b.lesson_id
             JOIN lesson.group_members m ON m.group_id = l.group_id AND m.student_id = b.student_id
             WHERE m.end_time IS NOT NULL AND b.status IN ('confirmed', 'reconfirm')
               AND lower(b.during) > NOW",
            "series_occurrences o JOIN lesson.series s ON s.id = o.series_id
             JOIN lesson.lessons l ON l.id = o.lesson_id
             WHERE o.ordinal >= s.occurrence_count AND l.status = 'scheduled'
               AND lower(l.during) > NOW",
            // Each lesson here is of a series: none was made twice and lost.
            "lessons l WHERE l.status = 'scheduled' AND NOT EXISTS (
                 SELECT FROM lesson.series_occurrences o WHERE o.lesson_id = l.id)",
            // A series that goes on is due, or decided to its end.
            "series s WHERE s.status = 'running' AND s.due_time < NOW",
        ] {
            let now = format!("'{}'::timestamptz", self.world.clock.now());
            let wrong = wrong.replace("NOW", &now);
            assert_eq!(count(&self.world.pool, &wrong).await, 0, "{wrong}");
        }
    }
}

/// Refusals of who came too late: somebody else was there, or it is gone.
fn is_polite(status: Status) -> bool {
    matches!(
        reason(Err::<(), _>(status)),
        ErrorReason::UserNotFound
            | ErrorReason::NotATeacher
            | ErrorReason::SeriesNotFound
            | ErrorReason::SeriesEnded
            | ErrorReason::VersionStale
            | ErrorReason::TeacherNotFound
            | ErrorReason::LessonNotFound
            | ErrorReason::LessonCanceled
            | ErrorReason::SeriesConflicts
            | ErrorReason::SlotTaken
            | ErrorReason::StudentBusy
    )
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_leaves_while_series_are_cancelled_and_booked_leaves_nothing_behind(pool: PgPool) {
    let race = Race::start(pool).await;
    let world = &race.world;
    for round in 0..12_usize {
        let id = 100 * (i64::try_from(round).unwrap() + 1);
        let teacher = world.teacher(id, "Anna").await;
        let made = group(world, teacher, 4).await;
        let mut people = Vec::new();
        for next in 1..4 {
            let student = world.student(id + next).await;
            world.befriend(teacher, student).await;
            put(world, teacher, &made, student).await.unwrap();
            people.push(student);
        }
        let first = world.clock.now() + SignedDuration::from_hours(24);
        let first = first.strftime("%F").to_string();
        let of_group = WantedSeries {
            people: Some(wanted_series::People::GroupId(made.id.clone())),
            ..weekly(people[0], &first, "12:00", 20)
        };
        let alone = weekly(people[0], &first, "14:00", 20);
        let mut series = Vec::new();
        for wanted in [of_group, alone] {
            let made = create(world, teacher, wanted, ConflictMode::Strict).await;
            series.push(made.unwrap().series.unwrap().id);
        }
        // Two weeks of each are to be booked.
        world.clock.advance(SignedDuration::from_hours(14 * 24));
        let erased = [people[0], people[1], teacher][round % 3];
        let calls = [
            race.erase(round, erased),
            race.part(round + 1, teacher, people[0]),
            race.cancel(round, teacher, (&series[round % 2], 1), ""),
        ];
        let booked = [0, 1, 0].map(|which: usize| race.materialise(&series[which]));
        for call in calls {
            if let Err(refused) = call.await.unwrap() {
                let text = refused.to_string();
                assert!(is_polite(refused), "{text}");
            }
        }
        for call in booked {
            let done = call.await.unwrap();
            assert!(
                matches!(done, Ok(()) | Err(Error::PeopleChanged)),
                "{done:?}"
            );
        }
    }
    materialising::settled(world).await;
    race.check().await;
    assert_eq!(race.deadlocks().await, 0, "locks are taken in one order");
}

/// What is done to a series in this round, so that in all of them everything meets everything.
fn change(round: usize, from: &Lesson) -> SeriesChange {
    let hour = ["13:00", "15:30", "10:00"][round % 3];
    let end = [18, 30, 9][(round / 3) % 3];
    let from_lesson_id = match round % 2 {
        0 => String::new(),
        _ => from.id.clone(),
    };
    SeriesChange {
        from_lesson_id,
        start_time_of_day: (round % 4 != 1).then(|| hour.to_owned()),
        end: (round % 4 != 2).then_some(series_change::End::Count(end)),
        ..SeriesChange::default()
    }
}

/// Awaits what was asked at once, of which each was done or refused politely.
async fn settle(calls: Vec<JoinHandle<Result<(), Status>>>) {
    for call in calls {
        if let Err(refused) = call.await.unwrap() {
            let text = refused.to_string();
            assert!(is_polite(refused), "{text}");
        }
    }
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_series_changed_cancelled_and_booked_at_once_loses_and_doubles_nothing(pool: PgPool) {
    let race = Race::start(pool).await;
    let world = &race.world;
    for round in 0..18_usize {
        let id = 100 * (i64::try_from(round).unwrap() + 1);
        let teacher = world.teacher(id, "Anna").await;
        let student = world.student(id + 1).await;
        world.befriend(teacher, student).await;
        let first = world.clock.now() + SignedDuration::from_hours(24);
        let first = first.strftime("%F").to_string();
        let wanted = weekly(student, &first, "12:00", 20);
        let made = create(world, teacher, wanted, ConflictMode::Strict).await;
        let series = made.unwrap().series.unwrap().id;
        // Two weeks of it are to be booked.
        world.clock.advance(SignedDuration::from_hours(14 * 24));
        let now = world.clock.now().to_string();
        let ahead = lessons(world, teacher, &now).await;
        let booked = [(); 2].map(|()| race.materialise(&series));
        let (from, other) = (&ahead[round % 5], &ahead[(round / 2) % 7]);
        let until = if round % 3 == 0 { "" } else { &from.id };
        settle(vec![
            race.update(round, teacher, (&series, 1), change(round, from)),
            race.cancel(
                round + 1,
                [teacher, student][round % 2],
                (&series, 1),
                until,
            ),
            race.shift(round, teacher, other),
        ])
        .await;
        for call in booked {
            call.await.unwrap().unwrap();
        }
        race.check().await;
        // What is left: one more lesson moves, and then all is off.
        let left = lessons(world, teacher, &now).await;
        let left = left.iter();
        let mut left = left.filter(|lesson| lesson.status() == LessonStatus::Scheduled);
        if let Some(next) = left.nth(round % 3) {
            settle(vec![race.shift(round, teacher, next)]).await;
        }
        let seen = get(world, teacher, &series).await.unwrap();
        let of = (seen.id.as_str(), seen.version);
        settle(vec![race.cancel(round, teacher, of, "")]).await;
        let now = world.clock.now();
        let left = format!("lessons WHERE status = 'scheduled' AND lower(during) > '{now}'");
        assert_eq!(count(&world.pool, &left).await, 0, "round {round}");
    }
    materialising::settled(world).await;
    race.check().await;
    assert_eq!(race.deadlocks().await, 0, "locks are taken in one order");
}
