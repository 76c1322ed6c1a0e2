//! SQL of weekly hours, and of the time that lessons take.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;

use super::{WeeklyRule, slots::Stretch};
use crate::{
    errors::Error,
    ids::{LessonId, UserId},
};

/// A teacher's weekly hours as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// IANA name.
    pub time_zone: String,
    /// By day and start.
    pub rules: Vec<WeeklyRule>,
    /// Raised by every change.
    pub version: i64,
}

/// A teacher's weekly hours; `None` before they were first set. One statement, so
/// that zone, version and rules are of one moment.
///
/// # Errors
///
/// When the database fails.
pub async fn find(conn: &mut PgConnection, teacher: UserId) -> Result<Option<Availability>, Error> {
    let rows = sqlx::query!(
        r#"SELECT a.time_zone, a.version, r.day_of_week AS "day_of_week?",
                  r.start_minute AS "start_minute?", r.end_minute AS "end_minute?"
           FROM lesson.availabilities a LEFT JOIN lesson.weekly_rules r USING (teacher_id)
           WHERE a.teacher_id = $1 ORDER BY r.day_of_week, r.start_minute"#,
        teacher.0,
    )
    .fetch_all(conn)
    .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let (time_zone, version) = (first.time_zone.clone(), first.version);
    let rules = rows.into_iter().filter_map(|row| {
        Some(WeeklyRule {
            day_of_week: row.day_of_week?,
            start_minute: row.start_minute?,
            end_minute: row.end_minute?,
        })
    });
    Ok(Some(Availability {
        time_zone,
        version,
        rules: rules.collect(),
    }))
}

/// Replaces the hours of a teacher whose row is locked; answers the new version.
///
/// # Errors
///
/// When the database fails.
pub async fn replace(
    conn: &mut PgConnection,
    teacher: UserId,
    time_zone: &str,
    rules: &[WeeklyRule],
) -> Result<i64, Error> {
    let version = sqlx::query_scalar!(
        "INSERT INTO lesson.availabilities AS a (teacher_id, time_zone) VALUES ($1, $2)
         ON CONFLICT (teacher_id) DO UPDATE SET time_zone = $2, version = a.version + 1
         RETURNING version",
        teacher.0,
        time_zone,
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query!(
        "DELETE FROM lesson.weekly_rules WHERE teacher_id = $1",
        teacher.0
    )
    .execute(&mut *conn)
    .await?;
    let days: Vec<i16> = rules.iter().map(|rule| rule.day_of_week).collect();
    let starts: Vec<i16> = rules.iter().map(|rule| rule.start_minute).collect();
    let ends: Vec<i16> = rules.iter().map(|rule| rule.end_minute).collect();
    sqlx::query!(
        "INSERT INTO lesson.weekly_rules (teacher_id, day_of_week, start_minute, end_minute)
         SELECT $1, rule.* FROM unnest($2::smallint[], $3::smallint[], $4::smallint[]) AS rule",
        teacher.0,
        &days,
        &starts,
        &ends,
    )
    .execute(conn)
    .await?;
    Ok(version)
}

/// The zone of a teacher's hours; `None` before they were first set.
///
/// # Errors
///
/// When the database fails.
pub async fn find_zone(conn: &mut PgConnection, teacher: UserId) -> Result<Option<String>, Error> {
    let zone = sqlx::query_scalar!(
        "SELECT time_zone FROM lesson.availabilities WHERE teacher_id = $1",
        teacher.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(zone)
}

/// Moves the hours of a teacher whose row is locked to another zone: the same wall
/// clock there. Time off stays at its instants. Hours that were never set, or are in
/// that zone already, stay as they are.
///
/// # Errors
///
/// When the database fails.
pub async fn convert_zone(
    conn: &mut PgConnection,
    teacher: UserId,
    time_zone: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.availabilities SET time_zone = $2, version = version + 1
         WHERE teacher_id = $1 AND time_zone <> $2",
        teacher.0,
        time_zone,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The time that a teacher's lessons, with their buffers, take within `window`, by
/// start.
///
/// # Errors
///
/// When the database fails.
pub async fn list_teacher_busy(
    conn: &mut PgConnection,
    teacher: UserId,
    window: Stretch,
    except: Option<LessonId>,
    now: Timestamp,
) -> Result<Vec<Stretch>, Error> {
    let rows = sqlx::query!(
        r#"SELECT lower(blocked) AS "start!", upper(blocked) AS "end!" FROM lesson.lessons
           WHERE teacher_id = $1 AND status IN ('held', 'requested', 'scheduled')
             AND blocked && tstzrange($2, $3, '[)')
             AND id IS DISTINCT FROM $4 AND (expire_time IS NULL OR expire_time > $5)
           ORDER BY 1"#,
        teacher.0,
        window.start.to_sqlx(),
        window.end.to_sqlx(),
        except.map(|lesson| lesson.0),
        now.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| stretch(row.start, row.end))
        .collect())
}

/// The time that a student's lessons take within `window`, by start.
///
/// # Errors
///
/// When the database fails.
pub async fn list_student_busy(
    conn: &mut PgConnection,
    student: UserId,
    window: Stretch,
    except: Option<LessonId>,
    now: Timestamp,
) -> Result<Vec<Stretch>, Error> {
    let rows = sqlx::query!(
        r#"SELECT lower(b.during) AS "start!", upper(b.during) AS "end!"
           FROM lesson.bookings b JOIN lesson.lessons l ON l.id = b.lesson_id
           WHERE b.student_id = $1 AND b.status IN ('pending', 'confirmed')
             AND b.during && tstzrange($2, $3, '[)')
             AND l.id IS DISTINCT FROM $4 AND (l.expire_time IS NULL OR l.expire_time > $5)
           ORDER BY 1"#,
        student.0,
        window.start.to_sqlx(),
        window.end.to_sqlx(),
        except.map(|lesson| lesson.0),
        now.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| stretch(row.start, row.end))
        .collect())
}

fn stretch(start: jiff_sqlx::Timestamp, end: jiff_sqlx::Timestamp) -> Stretch {
    Stretch {
        start: start.to_jiff(),
        end: end.to_jiff(),
    }
}
