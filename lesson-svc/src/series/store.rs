//! SQL of series. Every query that takes a series' id for somebody also takes the viewer.

pub mod clocks;
pub mod jobs;
pub mod occurrences;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{LastChange, Learner, Pattern, Series, Status};
use crate::{
    errors::Error,
    ids::{GroupId, SeriesId, UserId},
    lessons::Role,
    zones,
};

struct SeriesRow {
    id: Uuid,
    teacher_id: Uuid,
    teacher_name: String,
    student_id: Option<Uuid>,
    student_name: Option<String>,
    group_id: Option<Uuid>,
    group_title: Option<String>,
    group_capacity: Option<i16>,
    time_zone: String,
    first_date: jiff_sqlx::Date,
    start_minute: i16,
    duration_s: i32,
    every_weeks: i16,
    occurrence_count: i16,
    next_ordinal: i16,
    status: String,
    meeting_url: String,
    notes: String,
    cancel_reason: String,
    canceled_from_time: Option<jiff_sqlx::Timestamp>,
    changed_role: String,
    changed_by: Option<Uuid>,
    change_hash: Option<Vec<u8>>,
    described_by: Option<Uuid>,
    version: i64,
    schedule_version: i64,
    told_version: i64,
    create_time: jiff_sqlx::Timestamp,
    due_time: Option<jiff_sqlx::Timestamp>,
}

impl TryFrom<SeriesRow> for Series {
    type Error = Error;

    fn try_from(row: SeriesRow) -> Result<Self, Error> {
        let group = row.group_id.zip(row.group_title).zip(row.group_capacity);
        let learner = match (row.student_id, group) {
            (Some(id), None) => Learner::Student {
                id: UserId(id),
                name: row.student_name.unwrap_or_default(),
            },
            (None, Some(((id, title), capacity))) => Learner::Group {
                id: GroupId(id),
                title,
                capacity,
            },
            (None, None) | (Some(_), Some(_)) => return Err(Error::Corrupt("series.student_id")),
        };
        Ok(Self {
            id: SeriesId(row.id),
            teacher_id: UserId(row.teacher_id),
            teacher_name: row.teacher_name,
            learner,
            pattern: Pattern {
                zone: zones::zone(&row.time_zone).ok_or(Error::Corrupt("series.time_zone"))?,
                first_date: row.first_date.to_jiff(),
                start_minute: row.start_minute,
                duration: SignedDuration::from_secs(row.duration_s.into()),
                every_weeks: row.every_weeks,
            },
            occurrence_count: row.occurrence_count,
            next_ordinal: row.next_ordinal,
            status: Status::from_name(&row.status)?,
            meeting_url: row.meeting_url,
            notes: row.notes,
            described_by: row.described_by.map(UserId),
            cancel_reason: row.cancel_reason,
            canceled_from: row.canceled_from_time.map(jiff_sqlx::Timestamp::to_jiff),
            change: LastChange {
                role: Role::from_name(&row.changed_role)?,
                by: row.changed_by.map(UserId),
                hash: row.change_hash,
            },
            version: row.version,
            schedule_version: row.schedule_version,
            told_version: row.told_version,
            create_time: row.create_time.to_jiff(),
            due_time: row.due_time.map(jiff_sqlx::Timestamp::to_jiff),
        })
    }
}

/// `SELECT` of whole series; the tail says which.
macro_rules! select_series {
    ($tail:literal, $($arg:expr),+ $(,)?) => {
        sqlx::query_as!(
            SeriesRow,
            r#"SELECT s.id, s.teacher_id, t.display_name AS teacher_name, s.student_id,
                      l.display_name AS "student_name?", s.group_id, g.title AS "group_title?",
                      g.capacity AS "group_capacity?", s.time_zone, s.first_date, s.start_minute,
                      s.duration_s, s.every_weeks, s.occurrence_count, s.next_ordinal, s.status,
                      s.meeting_url, s.notes, s.cancel_reason, s.canceled_from_time,
                      s.changed_role, s.changed_by, s.change_hash, s.described_by, s.version, s.schedule_version,
                      s.told_version, s.create_time, s.due_time
               FROM lesson.series s JOIN lesson.users t ON t.id = s.teacher_id
                   LEFT JOIN lesson.users l ON l.id = s.student_id
                   LEFT JOIN lesson.groups g ON g.id = s.group_id "#
                + $tail,
            $($arg),+
        )
    };
}

/// A series that `viewer` teaches or is in (`None`: any).
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    viewer: Option<UserId>,
    id: SeriesId,
) -> Result<Option<Series>, Error> {
    let row = select_series!(
        "WHERE s.id = $1 AND ($2::uuid IS NULL OR s.teacher_id = $2 OR s.student_id = $2
             OR EXISTS (SELECT FROM lesson.group_members m WHERE m.group_id = s.group_id
                        AND m.student_id = $2 AND m.end_time IS NULL))",
        id.0,
        viewer.map(|viewer| viewer.0),
    )
    .fetch_optional(conn)
    .await?;
    row.map(Series::try_from).transpose()
}

/// Series by id, in order of id.
///
/// # Errors
///
/// When the database fails.
pub async fn find_all(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Series>, Error> {
    let rows = select_series!("WHERE s.id = ANY($1) ORDER BY s.id", ids)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Series::try_from).collect()
}

/// Which series of a person are listed.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// Whose: as teacher, as student, as a member of the group.
    pub user: UserId,
    /// Only this group's.
    pub group: Option<GroupId>,
    /// Also those of which nothing is ahead.
    pub include_ended: bool,
    /// The current instant.
    pub now: Timestamp,
}

/// A person's series, the newest first, after the one made at that instant with that id.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    filter: Filter,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<Series>, Error> {
    let (after_time, after_id) = after.unzip();
    let rows = select_series!(
        "WHERE s.id = ANY(ARRAY(
             SELECT o.id FROM lesson.series o WHERE o.teacher_id = $1
             UNION ALL
             SELECT o.id FROM lesson.series o WHERE o.student_id = $1
             UNION ALL
             SELECT o.id FROM lesson.series o WHERE o.group_id = ANY(ARRAY(
                 SELECT m.group_id FROM lesson.group_members m
                 WHERE m.student_id = $1 AND m.end_time IS NULL))))
           AND ($2::uuid IS NULL OR s.group_id = $2)
           AND ($3::timestamptz IS NULL OR (s.create_time, s.id) < ($3, $4::uuid))
           AND ($5 OR (s.status = 'running' AND (
               s.last_start_time + make_interval(secs => s.duration_s) > $6
               OR EXISTS (SELECT FROM lesson.series_occurrences c
                              JOIN lesson.lessons n ON n.id = c.lesson_id
                          WHERE c.series_id = s.id AND n.status = 'scheduled'
                            AND lower(n.during) > $6))))
         ORDER BY s.create_time DESC, s.id DESC LIMIT $7",
        filter.user.0,
        filter.group.map(|group| group.0),
        after_time.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>,
        after_id,
        filter.include_ended,
        filter.now.to_sqlx(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Series::try_from).collect()
}

/// Locks series until the transaction ends, in order of id; after their teachers.
///
/// # Errors
///
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, ids: &[Uuid]) -> Result<(), Error> {
    sqlx::query!(
        "SELECT id FROM lesson.series WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE",
        ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Inserts a series; whether local hours shift is looked at from `create_time` on.
///
/// # Errors
///
/// When the database fails.
pub async fn insert(conn: &mut PgConnection, series: &Series) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.series (id, teacher_id, student_id, group_id, time_zone, first_date,
             start_minute, duration_s, every_weeks, occurrence_count, next_ordinal,
             last_start_time, meeting_url, notes, changed_role, changed_by, create_time, due_time,
             clock_check_time, described_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
             $17, $19)",
        series.id.0,
        series.teacher_id.0,
        series.learner.student().map(|student| student.0),
        series.learner.group().map(|group| group.0),
        series.pattern.zone_name(),
        series.pattern.first_date.to_sqlx() as jiff_sqlx::Date,
        series.pattern.start_minute,
        i32::try_from(series.pattern.duration.as_secs()).unwrap_or(i32::MAX),
        series.pattern.every_weeks,
        series.occurrence_count,
        series.next_ordinal,
        series.last_start().map(jiff_sqlx::ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>,
        series.meeting_url,
        series.notes,
        series.change.role.name(),
        series.change.by.map(|by| by.0),
        series.create_time.to_sqlx(),
        series.due_time.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>,
        series.described_by.map(|by| by.0),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes a locked series as it is to be. `clock_check` is when to look next whether
/// somebody's hour shifts (`None`: as it was); a series that is off has none.
///
/// # Errors
///
/// When the database fails.
pub async fn update(
    conn: &mut PgConnection,
    series: &Series,
    clock_check: Option<Timestamp>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.series
         SET time_zone = $2, first_date = $3, start_minute = $4, duration_s = $5,
             occurrence_count = $6, next_ordinal = $7, last_start_time = $8, status = $9,
             meeting_url = $10, notes = $11, cancel_reason = $12, canceled_from_time = $13,
             changed_role = $14, changed_by = $15, change_hash = $16, version = $17,
             schedule_version = $18, told_version = $19, due_time = $20, described_by = $22,
             clock_check_time = CASE WHEN $9 = 'running' THEN coalesce($21::timestamptz, clock_check_time) END
         WHERE id = $1",
        series.id.0,
        series.pattern.zone_name(),
        series.pattern.first_date.to_sqlx() as jiff_sqlx::Date,
        series.pattern.start_minute,
        i32::try_from(series.pattern.duration.as_secs()).unwrap_or(i32::MAX),
        series.occurrence_count,
        series.next_ordinal,
        series.last_start().map(jiff_sqlx::ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>,
        series.status.name(),
        series.meeting_url,
        series.notes,
        series.cancel_reason,
        series.canceled_from.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>,
        series.change.role.name(),
        series.change.by.map(|by| by.0),
        series.change.hash.as_deref(),
        series.version,
        series.schedule_version,
        series.told_version,
        series.due_time.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>,
        clock_check.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>,
        series.described_by.map(|by| by.0),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Raises what notify-svc was told of locked series.
///
/// # Errors
///
/// When the database fails.
pub async fn raise_told(conn: &mut PgConnection, ids: &[Uuid]) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.series SET told_version = told_version + 1 WHERE id = ANY($1)",
        ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Somebody in a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// What they are called.
    pub name: String,
    /// Their zone, IANA name.
    pub time_zone: String,
}

/// Living people, by id.
///
/// # Errors
///
/// When the database fails.
pub async fn list_people(conn: &mut PgConnection, people: &[UserId]) -> Result<Vec<Person>, Error> {
    let rows = sqlx::query!(
        "SELECT id, display_name, time_zone FROM lesson.users
         WHERE id = ANY($1) AND erase_time IS NULL ORDER BY id",
        &people.iter().map(|person| person.0).collect::<Vec<_>>(),
    )
    .fetch_all(conn)
    .await?;
    let people = rows.into_iter().map(|row| Person {
        id: UserId(row.id),
        name: row.display_name,
        time_zone: row.time_zone,
    });
    Ok(people.collect())
}
