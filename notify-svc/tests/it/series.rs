//! What is told of series as a whole, and of groups' lessons beside them.

use jiff::SignedDuration;
use olm_proto::notify::v1::{
    ClockShift, EraseRecipientRequest, Lane, LessonNoticeKind, LessonRole, SeriesSnapshot,
};
use sqlx::PgPool;
use tonic::Code;
use uuid::Uuid;

use crate::support::{
    Gateway, Service, changed, lesson, notice, now, person, reminders, rows, series, series_notice,
    start, told,
};

/// A teacher and two students who write with the bot, in chats 11 to 13.
async fn people(service: &Service) -> [Uuid; 3] {
    let people = [(); 3].map(|()| Uuid::new_v4());
    for (user, (name, chat)) in people
        .iter()
        .zip([("Anna", 11), ("Boris", 12), ("Carla", 13)])
    {
        service.put(person(*user, name, chat)).await;
    }
    people
}

/// The same at its next version.
fn later(series: &SeriesSnapshot) -> SeriesSnapshot {
    SeriesSnapshot {
        version: series.version + 1,
        ..series.clone()
    }
}

/// After a change of its schedule.
fn rescheduled(series: &SeriesSnapshot) -> SeriesSnapshot {
    let mut after = later(series);
    after.schedule_version += 1;
    "19:00".clone_into(&mut after.plan.as_mut().unwrap().start_time_of_day);
    after
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_series_and_its_lessons_are_one_message_to_each_and_reminders(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let [teacher, student, _] = people(&service).await;
    let begins = now(&pool).await + SignedDuration::from_hours(48);
    let booked = series(teacher, &[student], begins);
    let week = SignedDuration::from_hours(168);
    for number in 0..3 {
        let mut of_series = lesson(teacher, student, begins + week * number);
        of_series.series_id.clone_from(&booked.series_id);
        of_series.with_series = true;
        of_series.seats[0].with_series = true;
        service.sync(of_series).await;
    }
    assert_eq!(service.sync_series(booked.clone()).await.unwrap(), 1);
    let mut chats = Vec::new();
    for _ in 0..2 {
        let deliver = gateway.send().await;
        let told = series_notice(&deliver);
        assert_eq!(told.kind(), LessonNoticeKind::SeriesBooked);
        let name = if deliver.chat_id == 11 {
            "Boris"
        } else {
            "Anna"
        };
        assert_eq!(told.counterpart_name, name);
        assert_eq!(deliver.lane(), Lane::Interactive);
        chats.push(deliver.chat_id);
    }
    chats.sort_unstable();
    assert_eq!(chats, [11, 12]);
    assert_eq!(reminders(&pool, student).await.len(), 3);
    // A repeat and an older version tell nothing.
    assert_eq!(service.sync_series(booked.clone()).await.unwrap(), 1);
    assert_eq!(service.sync_series(later(&booked)).await.unwrap(), 2);
    assert_eq!(service.sync_series(booked.clone()).await.unwrap(), 2);
    gateway.nothing_comes(&service, student).await;

    assert_eq!(
        service
            .sync_series(rescheduled(&later(&booked)))
            .await
            .unwrap(),
        3
    );
    for _ in 0..2 {
        let deliver = gateway.send().await;
        let told = series_notice(&deliver);
        assert_eq!(told.kind(), LessonNoticeKind::SeriesChanged);
        assert_eq!(told.previous_start_time, Some(olm_proto::timestamp(begins)));
    }
    gateway.nothing_comes(&service, student).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn two_replicas_tell_a_series_once(pool: PgPool) {
    let replicas = [start(&pool, &[]).await, start(&pool, &[]).await];
    let [teacher, first, second] = people(&replicas[0]).await;
    let begins = now(&pool).await + SignedDuration::from_hours(48);
    let mut group = series(teacher, &[first], begins);
    group.group_title = "Beginners".to_owned();
    for _ in 0..20 {
        let mut joined = later(&group);
        joined.student_ids.push(second.to_string());
        let synced = tokio::join!(
            replicas[0].sync_series(joined.clone()),
            replicas[1].sync_series(group.clone()),
            replicas[1].sync_series(joined.clone()),
        );
        assert_eq!(synced.0.unwrap(), joined.version);
        assert!(synced.1.is_ok());
        assert_eq!(synced.2.unwrap(), joined.version);
        for person in [teacher, first, second] {
            assert_eq!(
                told(&pool, person).await,
                rows(&[("series_booked", "pending")])
            );
        }
        group = SeriesSnapshot {
            student_ids: joined.student_ids.clone(),
            ..later(&joined)
        };
        group.student_ids.truncate(1);
        group.changed_by = LessonRole::Teacher.into();
        let back = SeriesSnapshot {
            student_ids: joined.student_ids,
            ..later(&group)
        };
        replicas[0].sync_series(back.clone()).await.unwrap();
        group = later(&back);
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn who_joins_and_leaves_a_group_hears_of_it_and_the_others_do_not(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let [teacher, first, second] = people(&service).await;
    let begins = now(&pool).await + SignedDuration::from_hours(48);
    let mut group = series(teacher, &[first], begins);
    group.group_title = "Beginners".to_owned();
    service.sync_series(group.clone()).await.unwrap();
    gateway.send().await;
    gateway.send().await;
    for _ in 0..2 {
        group = later(&group);
        group.student_ids.push(second.to_string());
        service.sync_series(group.clone()).await.unwrap();
        let deliver = gateway.send().await;
        assert_eq!(deliver.chat_id, 13);
        assert_eq!(
            series_notice(&deliver).kind(),
            LessonNoticeKind::SeriesBooked
        );
        assert_eq!(series_notice(&deliver).group_title, "Beginners");
        gateway.nothing_comes(&service, first).await;
        group = later(&group);
        group.student_ids.pop();
        service.sync_series(group.clone()).await.unwrap();
        let deliver = gateway.send().await;
        assert_eq!(deliver.chat_id, 13);
        assert_eq!(
            series_notice(&deliver).kind(),
            LessonNoticeKind::SeriesCanceled
        );
        gateway.nothing_comes(&service, first).await;
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_shift_goes_to_whose_clock_it_is_in_the_lane_of_reminders(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let [teacher, student, _] = people(&service).await;
    let begins = now(&pool).await + SignedDuration::from_hours(100);
    let booked = series(teacher, &[student], begins);
    service.sync_series(booked.clone()).await.unwrap();
    gateway.send().await;
    gateway.send().await;
    let mut shifted = later(&booked);
    shifted.clock_shifts = vec![ClockShift {
        user_id: student.to_string(),
        start_time: Some(olm_proto::timestamp(begins)),
        previous_start_time: Some(olm_proto::timestamp(
            begins - SignedDuration::from_hours(168),
        )),
    }];
    shifted.unbooked_start_times = vec![olm_proto::timestamp(begins)];
    service.sync_series(shifted.clone()).await.unwrap();
    let mut delivered = [gateway.send().await, gateway.send().await];
    delivered.sort_by_key(|deliver| deliver.chat_id);
    let [skipped, shift] = &delivered;
    assert_eq!((skipped.chat_id, shift.chat_id), (11, 12));
    assert_eq!(
        series_notice(skipped).kind(),
        LessonNoticeKind::SeriesSkipped
    );
    assert_eq!(series_notice(shift).kind(), LessonNoticeKind::ClockShifts);
    assert_eq!(shift.lane(), Lane::Reminder);
    service.sync_series(later(&shifted)).await.unwrap();
    gateway.nothing_comes(&service, student).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_group_s_lesson_goes_on_without_anybody_in_it(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let [teacher, student, _] = people(&service).await;
    let begins = now(&pool).await + SignedDuration::from_hours(48);
    let mut empty = lesson(teacher, student, begins);
    empty.group_id = Uuid::new_v4().to_string();
    empty.group_title = "Beginners".to_owned();
    let seat = empty.seats.remove(0);
    service.sync(empty.clone()).await;
    let booked = [("booked", "pending"), ("reminder", "pending")];
    assert_eq!(told(&pool, teacher).await, rows(&booked));
    // Somebody joins, and their seat is to be reconfirmed when it moves.
    let mut joined = empty.clone();
    joined.version += 1;
    joined.seats.push(seat);
    service.sync(joined.clone()).await;
    assert_eq!(told(&pool, teacher).await, rows(&booked));
    assert_eq!(told(&pool, student).await, rows(&booked));
    let mut clashes = changed(&joined, LessonRole::Teacher);
    clashes.seats[0].reconfirm = true;
    clashes.seats[0].reconfirm_expire_time = clashes.start_time;
    service.sync(clashes.clone()).await;
    let asked = told(&pool, student).await;
    let open: Vec<_> = asked
        .iter()
        .filter(|(_, state)| state == "pending")
        .collect();
    assert_eq!(open, [&("reconfirm".to_owned(), "pending".to_owned())]);
    let mut gateway = Gateway::ready(&service).await;
    let mut asked = [gateway.send().await, gateway.send().await];
    asked.sort_by_key(|deliver| deliver.chat_id);
    assert_eq!(notice(&asked[0]).group_title, "Beginners");
    assert!(notice(&asked[0]).no_counterpart);
    assert_eq!(notice(&asked[1]).kind(), LessonNoticeKind::Reconfirm);
    assert_eq!(notice(&asked[1]).counterpart_name, "Anna");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_is_no_series_is_refused_with_every_fault(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let status = service
        .sync_series(SeriesSnapshot::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    for field in [
        "series_id",
        "teacher_id",
        "version",
        "schedule_version",
        "time_zone",
        "day_of_week",
        "every_weeks",
        "lesson_duration",
    ] {
        assert!(status.message().contains(field), "{field}: {status:?}");
    }
}

/// How many values of the schema hold these words.
async fn kept(pool: &PgPool, words: &str) -> i64 {
    sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM notify.series
                 WHERE position($1 IN encode(snapshot, 'escape')) > 0)
              + (SELECT count(*) FROM notify.lessons
                 WHERE position($1 IN encode(snapshot, 'escape')) > 0)
              + (SELECT count(*) FROM notify.notification_details
                 WHERE position($1 IN encode(content, 'escape')) > 0)",
    )
    .bind(words)
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn an_erased_teacher_leaves_no_word_in_series_and_groups(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let [teacher, student, _] = people(&service).await;
    let begins = now(&pool).await + SignedDuration::from_hours(48);
    let mut booked = series(teacher, &[student], begins);
    booked.group_title = "Beginners".to_owned();
    "https://meet.example/anna".clone_into(&mut booked.plan.as_mut().unwrap().meeting_url);
    service.sync_series(booked.clone()).await.unwrap();
    let mut of_group = lesson(teacher, student, begins);
    of_group.group_id = Uuid::new_v4().to_string();
    of_group.group_title = "Beginners".to_owned();
    service.sync(of_group.clone()).await;
    // Snapshots, and what both are told.
    assert!(kept(&pool, "Beginners").await >= 6);
    assert!(kept(&pool, "meet.example").await >= 3);
    let request = EraseRecipientRequest {
        user_id: teacher.to_string(),
        version: 7,
    };
    service.recipients().erase_recipient(request).await.unwrap();
    assert_eq!(kept(&pool, "Beginners").await, 0);
    assert_eq!(kept(&pool, "meet.example").await, 0);
    // What was on its way brings nothing back, and tells of no other place.
    let mut late = later(&booked);
    late.schedule_version += 1;
    late.canceled = true;
    late.cancel_reason = "moved abroad".to_owned();
    service.sync_series(late).await.unwrap();
    service.sync(changed(&of_group, LessonRole::Teacher)).await;
    for words in ["Beginners", "meet.example", "abroad"] {
        assert_eq!(kept(&pool, words).await, 0, "{words}");
    }
    let told = told(&pool, student).await;
    assert!(
        told.iter().all(|(kind, _)| kind != "series_changed"),
        "{told:?}"
    );
}
