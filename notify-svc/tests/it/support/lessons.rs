//! Lessons, how they change, and what is told of them.

use jiff::{SignedDuration, Timestamp};
use olm_proto::notify::v1::{
    Deliver, LessonNotice, LessonRole, LessonSnapshot, LessonState, SeatSnapshot, content,
};
use sqlx::PgPool;
use uuid::Uuid;

/// A lesson of one student that starts at `start`.
pub fn lesson(teacher: Uuid, student: Uuid, start: Timestamp) -> LessonSnapshot {
    LessonSnapshot {
        lesson_id: Uuid::new_v4().to_string(),
        version: 1,
        schedule_version: 1,
        state: LessonState::Scheduled.into(),
        changed_by: LessonRole::Student.into(),
        start_time: Some(olm_proto::timestamp(start)),
        end_time: Some(olm_proto::timestamp(start + SignedDuration::from_hours(1))),
        teacher_id: teacher.to_string(),
        seats: vec![SeatSnapshot {
            booking_id: Uuid::new_v4().to_string(),
            student_id: student.to_string(),
            ..SeatSnapshot::default()
        }],
        ..LessonSnapshot::default()
    }
}

/// The kinds and states of what a user is told, in the order it is due.
pub async fn told(pool: &PgPool, user: Uuid) -> Vec<(String, String)> {
    sqlx::query_as(
        "SELECT d.kind, n.state FROM notify.notifications n
         JOIN notify.notification_details d ON d.notification_id = n.id
         WHERE n.user_id = $1 ORDER BY n.due_at, d.created_at",
    )
    .bind(user)
    .fetch_all(pool)
    .await
    .unwrap()
}

/// The notice about a lesson that a row brings.
pub fn notice(deliver: &Deliver) -> &LessonNotice {
    match deliver.content.as_ref().unwrap().kind.as_ref().unwrap() {
        content::Kind::LessonNotice(notice) => notice,
        content::Kind::CustomText(_) | content::Kind::SeriesNotice(_) => {
            panic!("a custom text")
        }
    }
}

pub fn rows(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(kind, state): &(&str, &str)| ((*kind).to_owned(), (*state).to_owned());
    rows.iter().map(owned).collect()
}

/// The lesson after its student cancelled it.
pub fn canceled(lesson: &LessonSnapshot) -> LessonSnapshot {
    LessonSnapshot {
        version: lesson.version + 1,
        schedule_version: lesson.schedule_version + 1,
        state: LessonState::Canceled.into(),
        changed_by: LessonRole::Student.into(),
        cancel_reason: "ill".to_owned(),
        ..lesson.clone()
    }
}

/// The lesson after a change of its schedule.
pub fn changed(lesson: &LessonSnapshot, by: LessonRole) -> LessonSnapshot {
    LessonSnapshot {
        version: lesson.version + 1,
        schedule_version: lesson.schedule_version + 1,
        changed_by: by.into(),
        ..lesson.clone()
    }
}

/// The lesson after its teacher moved it.
pub fn moved(lesson: &LessonSnapshot, by: SignedDuration) -> LessonSnapshot {
    let moved = |time: Option<prost_types::Timestamp>| {
        let instant = olm_proto::instant(&time.unwrap()).unwrap();
        Some(olm_proto::timestamp(instant + by))
    };
    LessonSnapshot {
        start_time: moved(lesson.start_time),
        end_time: moved(lesson.end_time),
        ..changed(lesson, LessonRole::Teacher)
    }
}

/// When a person's reminders are due that wait.
pub async fn reminders(pool: &PgPool, user: Uuid) -> Vec<Timestamp> {
    let due: Vec<jiff_sqlx::Timestamp> = sqlx::query_scalar(
        "SELECT due_at FROM notify.notifications
         WHERE user_id = $1 AND lane = 3 AND state = 'pending' ORDER BY due_at",
    )
    .bind(user)
    .fetch_all(pool)
    .await
    .unwrap();
    due.into_iter().map(jiff_sqlx::Timestamp::to_jiff).collect()
}
