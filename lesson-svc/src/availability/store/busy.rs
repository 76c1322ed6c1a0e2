//! SQL of the time that lessons take: those that are held, requested or scheduled. What
//! was only waiting and has run out takes none, whether or not anybody has said so yet.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::stretch;
use crate::{
    availability::slots::{Bookable, Stretch},
    errors::Error,
    ids::{LessonId, UserId},
};

/// Which lessons are asked about.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Those that take some of this time.
    pub within: Stretch,
    /// Those that are being moved: as if they were not there.
    pub except: &'a [LessonId],
    /// Whose holds are as if they were not there.
    pub without_holds_of: Option<UserId>,
    /// The current instant.
    pub now: Timestamp,
}

impl Asked<'_> {
    fn excepted(&self) -> Vec<Uuid> {
        self.except.iter().map(|lesson| lesson.0).collect()
    }
}

/// A teacher's lessons.
#[derive(Debug, Default)]
pub struct Lessons {
    /// By start, but those that are being moved.
    pub staying: Vec<Bookable>,
    /// Where the one that is being moved begins, when it was asked about; of several the
    /// last. It only matters to the daily limit, which binds who moves one.
    pub moving: Option<Timestamp>,
}

/// The lessons that a teacher gives.
///
/// # Errors
///
/// When the database fails.
pub async fn list_lessons(
    conn: &mut PgConnection,
    teacher: UserId,
    asked: Asked<'_>,
) -> Result<Lessons, Error> {
    let rows = sqlx::query!(
        r#"SELECT lower(during) AS "start!", upper(during) AS "end!",
                  lower(blocked) AS "blocked_start!", upper(blocked) AS "blocked_end!",
                  id = ANY($4) AS "moving!"
           FROM lesson.lessons
           WHERE teacher_id = $1 AND status IN ('held', 'requested', 'scheduled')
             AND blocked && tstzrange($2, $3, '[)')
             AND (expire_time IS NULL OR expire_time > $5)
             AND ($6::uuid IS NULL OR status <> 'held' OR NOT EXISTS (
                 SELECT FROM lesson.bookings b WHERE b.lesson_id = lessons.id AND b.student_id = $6))
           ORDER BY 1"#,
        teacher.0,
        asked.within.start.to_sqlx(),
        asked.within.end.to_sqlx(),
        &asked.excepted(),
        asked.now.to_sqlx(),
        asked.without_holds_of.map(|holder| holder.0),
    )
    .fetch_all(conn)
    .await?;
    let mut lessons = Lessons::default();
    for row in rows {
        let during = stretch(row.start, row.end);
        if row.moving {
            lessons.moving = Some(during.start);
        } else {
            lessons.staying.push(Bookable {
                during,
                blocked: stretch(row.blocked_start, row.blocked_end),
            });
        }
    }
    Ok(lessons)
}

/// The lessons that a teacher gives, but those that are being moved, each with the time it
/// takes with its buffers, by start.
///
/// # Errors
///
/// When the database fails.
pub async fn list_taught(
    conn: &mut PgConnection,
    teacher: UserId,
    asked: Asked<'_>,
) -> Result<Vec<(Stretch, LessonId)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT id, lower(blocked) AS "start!", upper(blocked) AS "end!"
           FROM lesson.lessons
           WHERE teacher_id = $1 AND status IN ('held', 'requested', 'scheduled')
             AND blocked && tstzrange($2, $3, '[)') AND id <> ALL($4)
             AND (expire_time IS NULL OR expire_time > $5)
           ORDER BY 2"#,
        teacher.0,
        asked.within.start.to_sqlx(),
        asked.within.end.to_sqlx(),
        &asked.excepted(),
        asked.now.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    let lessons = rows
        .into_iter()
        .map(|row| (stretch(row.start, row.end), LessonId(row.id)));
    Ok(lessons.collect())
}

/// The time that a person is in lessons of others.
///
/// # Errors
///
/// When the database fails.
pub async fn list_seats(
    conn: &mut PgConnection,
    person: UserId,
    asked: Asked<'_>,
) -> Result<Vec<Stretch>, Error> {
    let rows = sqlx::query!(
        r#"SELECT lower(b.during) AS "start!", upper(b.during) AS "end!"
           FROM lesson.bookings b JOIN lesson.lessons l ON l.id = b.lesson_id
           WHERE b.student_id = $1 AND b.status IN ('pending', 'confirmed', 'attended')
             AND b.during && tstzrange($2, $3, '[)')
             AND l.id <> ALL($4) AND (l.expire_time IS NULL OR l.expire_time > $5)
             AND (l.status <> 'held' OR b.student_id IS DISTINCT FROM $6)"#,
        person.0,
        asked.within.start.to_sqlx(),
        asked.within.end.to_sqlx(),
        &asked.excepted(),
        asked.now.to_sqlx(),
        asked.without_holds_of.map(|holder| holder.0),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| stretch(row.start, row.end))
        .collect())
}

/// The time that each of several people is in lessons, as a student or as the teacher,
/// without the buffers. Who is in none is not named.
///
/// # Errors
///
/// When the database fails.
pub async fn list_of_many(
    conn: &mut PgConnection,
    people: &[UserId],
    asked: Asked<'_>,
) -> Result<BTreeMap<UserId, Vec<Stretch>>, Error> {
    let rows = sqlx::query!(
        r#"SELECT p.id AS "person!", busy.during_start AS "start!", busy.during_end AS "end!"
           FROM unnest($1::uuid[]) AS p(id)
               CROSS JOIN LATERAL (
                   SELECT lower(b.during) AS during_start, upper(b.during) AS during_end
                   FROM lesson.bookings b JOIN lesson.lessons l ON l.id = b.lesson_id
                   WHERE b.student_id = p.id AND b.status IN ('pending', 'confirmed', 'attended')
                     AND b.during && tstzrange($2, $3, '[)')
                     AND l.id <> ALL($4) AND (l.expire_time IS NULL OR l.expire_time > $5)
                     AND (l.status <> 'held' OR b.student_id IS DISTINCT FROM $6)
                   UNION ALL
                   SELECT lower(l.during), upper(l.during) FROM lesson.lessons l
                   WHERE l.teacher_id = p.id AND l.status IN ('held', 'requested', 'scheduled')
                     AND l.blocked && tstzrange($2, $3, '[)')
                     AND l.id <> ALL($4) AND (l.expire_time IS NULL OR l.expire_time > $5)
                     AND ($6::uuid IS NULL OR l.status <> 'held' OR NOT EXISTS (
                         SELECT FROM lesson.bookings b
                         WHERE b.lesson_id = l.id AND b.student_id = $6))
               ) AS busy"#,
        &people.iter().map(|person| person.0).collect::<Vec<_>>(),
        asked.within.start.to_sqlx(),
        asked.within.end.to_sqlx(),
        &asked.excepted(),
        asked.now.to_sqlx(),
        asked.without_holds_of.map(|holder| holder.0),
    )
    .fetch_all(conn)
    .await?;
    let mut busy = BTreeMap::<_, Vec<_>>::new();
    for row in rows {
        let during = stretch(row.start, row.end);
        busy.entry(UserId(row.person)).or_default().push(during);
    }
    Ok(busy)
}

/// The time that a person is in lessons, as a student or as the teacher, without the
/// buffers: those are for the lessons a teacher gives.
///
/// # Errors
///
/// When the database fails.
pub async fn list_both_roles(
    conn: &mut PgConnection,
    person: UserId,
    asked: Asked<'_>,
) -> Result<Vec<Stretch>, Error> {
    let mut busy = list_seats(&mut *conn, person, asked).await?;
    let taught = list_lessons(conn, person, asked).await?;
    busy.extend(taught.staying.into_iter().map(|lesson| lesson.during));
    Ok(busy)
}

/// The lessons a teacher gives within `during`, by start; at most `most`.
///
/// # Errors
///
/// When the database fails.
pub async fn list_lessons_in(
    conn: &mut PgConnection,
    teacher: UserId,
    during: Stretch,
    now: Timestamp,
    most: i64,
) -> Result<Vec<LessonId>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM lesson.lessons
         WHERE teacher_id = $1 AND status IN ('held', 'requested', 'scheduled')
           AND blocked && tstzrange($2, $3, '[)') AND during && tstzrange($2, $3, '[)')
           AND (expire_time IS NULL OR expire_time > $4)
         ORDER BY lower(during), id LIMIT $5",
        teacher.0,
        during.start.to_sqlx(),
        during.end.to_sqlx(),
        now.to_sqlx(),
        most,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(LessonId).collect())
}
