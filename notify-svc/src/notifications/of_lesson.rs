//! What became of a lesson's notices to its students, for its teacher.

use std::collections::BTreeMap;

use olm_proto::notify::v1::{LessonDelivery, StudentDeliveries};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Kind, requests, states::State};
use crate::{errors::Error, lesson_plans};

/// Notices of one student that are told, the latest.
const PER_STUDENT: i64 = 20;

/// A notice to a student; a student without any has one row with none.
struct Row {
    student_id: Uuid,
    unreachable: bool,
    kind: Option<Kind>,
    state: Option<State>,
    due_at: Option<jiff_sqlx::Timestamp>,
    state_at: Option<jiff_sqlx::Timestamp>,
}

/// What became of the notices of a lesson that `teacher` teaches; `None`: of any lesson.
///
/// # Errors
///
/// [`Error::LessonNotFound`] for a lesson that was never heard of, that was forgotten, or
/// that somebody else teaches: its students too may not know who is reached.
pub async fn list(
    conn: &mut PgConnection,
    lesson_id: Uuid,
    teacher: Option<Uuid>,
) -> Result<Vec<StudentDeliveries>, Error> {
    let lesson = lesson_plans::store::find_lesson(conn, lesson_id).await?;
    let lesson = lesson.filter(|lesson| teacher.is_none_or(|id| id == lesson.teacher_id));
    let lesson = lesson.ok_or(Error::LessonNotFound)?;
    let seats = lesson.seats.iter().filter(|seat| !seat.canceled);
    let students: Vec<_> = seats.map(|seat| seat.student_id).collect();
    let mut told: BTreeMap<Uuid, StudentDeliveries> = BTreeMap::new();
    for row in rows(conn, lesson_id, &students).await? {
        let student = told
            .entry(row.student_id)
            .or_insert_with(|| StudentDeliveries {
                student_id: row.student_id.to_string(),
                reachable: !row.unreachable,
                deliveries: Vec::new(),
            });
        student.deliveries.extend(row.delivery());
    }
    Ok(told.into_values().collect())
}

impl Row {
    fn delivery(&self) -> Option<LessonDelivery> {
        let instant = |at: jiff_sqlx::Timestamp| olm_proto::timestamp(at.to_jiff());
        Some(LessonDelivery {
            kind: self.kind?.as_str().to_owned(),
            state: requests::wire_state(self.state?).into(),
            due_time: self.due_at.map(instant),
            state_time: self.state_at.map(instant),
        })
    }
}

async fn rows(
    conn: &mut PgConnection,
    lesson_id: Uuid,
    students: &[Uuid],
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT r.user_id AS student_id, r.unreachable_since IS NOT NULL AS "unreachable!",
                  t.kind AS "kind?: Kind", t.state AS "state?: State", t.due_at AS "due_at?",
                  t.state_at AS "state_at?"
           FROM notify.recipients r
           LEFT JOIN (
               SELECT n.user_id, d.kind, n.state, n.due_at, n.state_at,
                      row_number() OVER (
                          PARTITION BY n.user_id ORDER BY n.due_at DESC, n.id DESC) AS place
               FROM notify.notification_details d
               JOIN notify.notifications n ON n.id = d.notification_id
               WHERE d.lesson_id = $1 AND n.state <> 'canceled'
           ) t ON t.user_id = r.user_id AND t.place <= $3
           WHERE r.user_id = ANY ($2)
           ORDER BY r.user_id, t.due_at, t.place DESC"#,
        lesson_id,
        students,
        PER_STUDENT,
    )
    .fetch_all(conn)
    .await
}
