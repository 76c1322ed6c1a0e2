//! SQL of hours: weekly rules, overrides, time off. All three share one version, and
//! whoever changes one holds the lock of the teacher's row.

pub mod busy;

use jiff::{Timestamp, ToSpan as _, civil::Date, civil::Weekday};
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;

use super::{DateOverride, Interval, TimeOff, WeeklyRule, slots::Stretch};
use crate::{
    errors::Error,
    ids::{TimeOffId, UserId},
};

/// A teacher's weekly hours as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// IANA name.
    pub time_zone: String,
    /// By day and start.
    pub rules: Vec<WeeklyRule>,
    /// Raised by every change of rules, overrides or time off.
    pub version: i64,
}

/// A teacher's weekly hours; `None` before anything was set. One statement, so that
/// zone, version and rules are of one moment.
///
/// # Errors
///
/// When the database fails.
pub async fn find(conn: &mut PgConnection, teacher: UserId) -> Result<Option<Availability>, Error> {
    let rows = sqlx::query!(
        r#"SELECT a.time_zone, a.version, r.day_of_week AS "day_of_week?",
                  r.start_minute AS "start_minute?", r.end_minute AS "end_minute?",
                  r.first_date, r.last_date
           FROM lesson.availabilities a LEFT JOIN lesson.weekly_rules r USING (teacher_id)
           WHERE a.teacher_id = $1 ORDER BY r.day_of_week, r.start_minute, r.first_date NULLS FIRST"#,
        teacher.0,
    )
    .fetch_all(conn)
    .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let (time_zone, version) = (first.time_zone.clone(), first.version);
    let rules = rows.into_iter().filter_map(|row| {
        let day = i8::try_from(row.day_of_week?).ok()?;
        Some(WeeklyRule {
            weekday: Weekday::from_monday_one_offset(day).ok()?,
            interval: Interval {
                start_minute: row.start_minute?,
                end_minute: row.end_minute?,
            },
            first_date: row.first_date.map(jiff_sqlx::Date::to_jiff),
            last_date: row.last_date.map(jiff_sqlx::Date::to_jiff),
        })
    });
    Ok(Some(Availability {
        time_zone,
        version,
        rules: rules.collect(),
    }))
}

/// Raises the version of a teacher's hours; the first change makes them, in that zone.
///
/// # Errors
///
/// When the database fails.
pub async fn raise_version(
    conn: &mut PgConnection,
    teacher: UserId,
    zone_if_new: &str,
) -> Result<i64, Error> {
    let version = sqlx::query_scalar!(
        "INSERT INTO lesson.availabilities AS a (teacher_id, time_zone) VALUES ($1, $2)
         ON CONFLICT (teacher_id) DO UPDATE SET version = a.version + 1
         RETURNING version",
        teacher.0,
        zone_if_new,
    )
    .fetch_one(conn)
    .await?;
    Ok(version)
}

/// Replaces the weekly rules of hours that are there, and their zone.
///
/// # Errors
///
/// When the database fails.
pub async fn replace_rules(
    conn: &mut PgConnection,
    teacher: UserId,
    time_zone: &str,
    rules: &[WeeklyRule],
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.availabilities SET time_zone = $2 WHERE teacher_id = $1",
        teacher.0,
        time_zone,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "DELETE FROM lesson.weekly_rules WHERE teacher_id = $1",
        teacher.0
    )
    .execute(&mut *conn)
    .await?;
    let column = |of: fn(&WeeklyRule) -> i16| rules.iter().map(of).collect::<Vec<_>>();
    let days = column(|rule| rule.weekday.to_monday_one_offset().into());
    let starts = column(|rule| rule.interval.start_minute);
    let ends = column(|rule| rule.interval.end_minute);
    let dates = |of: fn(&WeeklyRule) -> Option<Date>| {
        let dates = rules.iter().map(of);
        dates
            .map(|date| date.map(jiff_sqlx::ToSqlx::to_sqlx))
            .collect::<Vec<_>>()
    };
    let firsts = dates(|rule| rule.first_date);
    let lasts = dates(|rule| rule.last_date);
    sqlx::query!(
        "INSERT INTO lesson.weekly_rules
             (teacher_id, day_of_week, start_minute, end_minute, first_date, last_date)
         SELECT $1, rule.*
         FROM unnest($2::smallint[], $3::smallint[], $4::smallint[], $5::date[], $6::date[]) AS rule",
        teacher.0,
        &days,
        &starts,
        &ends,
        &firsts as &[Option<jiff_sqlx::Date>],
        &lasts as &[Option<jiff_sqlx::Date>],
    )
    .execute(conn)
    .await?;
    Ok(())
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

/// A teacher's overrides of the dates from `first` to `last`, by date.
///
/// # Errors
///
/// When the database fails.
pub async fn list_overrides(
    conn: &mut PgConnection,
    teacher: UserId,
    first: Date,
    last: Option<Date>,
) -> Result<Vec<DateOverride>, Error> {
    let rows = sqlx::query!(
        "SELECT on_date, start_minutes, end_minutes FROM lesson.date_overrides
         WHERE teacher_id = $1 AND on_date BETWEEN $2 AND coalesce($3::date, 'infinity') ORDER BY on_date",
        teacher.0,
        first.to_sqlx(),
        last.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<jiff_sqlx::Date>,
    )
    .fetch_all(conn)
    .await?;
    let interval = |(start_minute, end_minute)| Interval {
        start_minute,
        end_minute,
    };
    let overrides = rows.into_iter().map(|row| {
        let minutes = row.start_minutes.into_iter().zip(row.end_minutes);
        DateOverride {
            date: row.on_date.to_jiff(),
            intervals: minutes.map(interval).collect(),
        }
    });
    Ok(overrides.collect())
}

/// How many overrides a teacher has from `first` on, that of `except` not counted.
///
/// # Errors
///
/// When the database fails.
pub async fn count_overrides(
    conn: &mut PgConnection,
    teacher: UserId,
    first: Date,
    except: Date,
) -> Result<usize, Error> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM lesson.date_overrides
           WHERE teacher_id = $1 AND on_date >= $2 AND on_date <> $3"#,
        teacher.0,
        first.to_sqlx(),
        except.to_sqlx(),
    )
    .fetch_one(conn)
    .await?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// Sets or replaces an override, and drops those of dates that cannot matter any more,
/// in whatever zone: of more than a week before `yesterday`.
///
/// # Errors
///
/// When the database fails.
pub async fn put_override(
    conn: &mut PgConnection,
    teacher: UserId,
    put: &DateOverride,
    yesterday: Date,
) -> Result<(), Error> {
    let column = |of: fn(&Interval) -> i16| -> Vec<i16> { put.intervals.iter().map(of).collect() };
    sqlx::query!(
        "INSERT INTO lesson.date_overrides (teacher_id, on_date, start_minutes, end_minutes)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (teacher_id, on_date) DO UPDATE SET start_minutes = $3, end_minutes = $4",
        teacher.0,
        put.date.to_sqlx(),
        &column(|interval| interval.start_minute),
        &column(|interval| interval.end_minute),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "DELETE FROM lesson.date_overrides WHERE teacher_id = $1 AND on_date < $2",
        teacher.0,
        yesterday.saturating_sub(1.week()).to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the override of a date; false when there is none.
///
/// # Errors
///
/// When the database fails.
pub async fn delete_override(
    conn: &mut PgConnection,
    teacher: UserId,
    date: Date,
) -> Result<bool, Error> {
    let deleted = sqlx::query!(
        "DELETE FROM lesson.date_overrides WHERE teacher_id = $1 AND on_date = $2",
        teacher.0,
        date.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(deleted.rows_affected() == 1)
}

/// A teacher's time off that shares an instant with the time between `from` and
/// `until`, by start.
///
/// # Errors
///
/// When the database fails.
pub async fn list_time_off(
    conn: &mut PgConnection,
    teacher: UserId,
    from: Timestamp,
    until: Option<Timestamp>,
) -> Result<Vec<TimeOff>, Error> {
    let rows = sqlx::query!(
        r#"SELECT id, lower(during) AS "start!", upper(during) AS "end!", note FROM lesson.time_off
           WHERE teacher_id = $1 AND during && tstzrange($2, $3, '[)') ORDER BY 2, id"#,
        teacher.0,
        from.to_sqlx(),
        until.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>,
    )
    .fetch_all(conn)
    .await?;
    let time_off = rows.into_iter().map(|row| TimeOff {
        id: TimeOffId(row.id),
        during: stretch(row.start, row.end),
        note: row.note,
    });
    Ok(time_off.collect())
}

/// Time off of a teacher.
///
/// # Errors
///
/// When the database fails.
pub async fn find_time_off(
    conn: &mut PgConnection,
    teacher: UserId,
    id: TimeOffId,
) -> Result<Option<TimeOff>, Error> {
    let row = sqlx::query!(
        r#"SELECT lower(during) AS "start!", upper(during) AS "end!", note FROM lesson.time_off
           WHERE teacher_id = $1 AND id = $2"#,
        teacher.0,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| TimeOff {
        id,
        during: stretch(row.start, row.end),
        note: row.note,
    }))
}

/// How many stretches of a teacher's time off are not over at `now`.
///
/// # Errors
///
/// When the database fails.
pub async fn count_time_off(
    conn: &mut PgConnection,
    teacher: UserId,
    now: Timestamp,
) -> Result<usize, Error> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM lesson.time_off
           WHERE teacher_id = $1 AND during && tstzrange($2, NULL, '[)')"#,
        teacher.0,
        now.to_sqlx(),
    )
    .fetch_one(conn)
    .await?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// Inserts time off, and drops what was over by `now`.
///
/// # Errors
///
/// When the database fails.
pub async fn insert_time_off(
    conn: &mut PgConnection,
    teacher: UserId,
    off: &TimeOff,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.time_off (id, teacher_id, during, note, create_time)
         VALUES ($1, $2, tstzrange($3, $4, '[)'), $5, $6)",
        off.id.0,
        teacher.0,
        off.during.start.to_sqlx(),
        off.during.end.to_sqlx(),
        off.note,
        now.to_sqlx(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "DELETE FROM lesson.time_off WHERE teacher_id = $1 AND during << tstzrange($2, NULL, '[)')",
        teacher.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes time off of a teacher; false when there is none.
///
/// # Errors
///
/// When the database fails.
pub async fn delete_time_off(
    conn: &mut PgConnection,
    teacher: UserId,
    id: TimeOffId,
) -> Result<bool, Error> {
    let deleted = sqlx::query!(
        "DELETE FROM lesson.time_off WHERE teacher_id = $1 AND id = $2",
        teacher.0,
        id.0,
    )
    .execute(conn)
    .await?;
    Ok(deleted.rows_affected() == 1)
}

fn stretch(start: jiff_sqlx::Timestamp, end: jiff_sqlx::Timestamp) -> Stretch {
    Stretch {
        start: start.to_jiff(),
        end: end.to_jiff(),
    }
}
