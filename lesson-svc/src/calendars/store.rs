//! Feeds and entries in SQL.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Entry, Feed, Reader, Seats};
use crate::{
    availability::{calendar::saturating, slots::Stretch},
    errors::Error,
    ids::{FeedId, LessonId, UserId},
    invitations::TokenHash,
    lessons::LessonStatus,
    users::Language,
};

/// No lesson is longer: a search for those that end after an instant begins here.
const LONGEST_LESSON: SignedDuration = SignedDuration::from_hours(8);

/// Locks a living person for making a feed: one after the other.
///
/// # Errors
///
/// [`Error::UserNotFound`] for nobody and for the erased.
pub async fn lock_owner(conn: &mut PgConnection, user: UserId) -> Result<(), Error> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM lesson.users WHERE id = $1 AND erase_time IS NULL FOR NO KEY UPDATE",
        user.0
    )
    .fetch_optional(conn)
    .await?;
    found.map(drop).ok_or(Error::UserNotFound)
}

/// Writes a new feed.
///
/// # Errors
///
/// When the database fails.
pub async fn insert(
    conn: &mut PgConnection,
    user: UserId,
    feed: &Feed,
    hash: TokenHash,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.calendar_feeds (id, user_id, token_hash, create_time)
         VALUES ($1, $2, $3, $4)",
        feed.id.0,
        user.0,
        hash.as_slice(),
        feed.create_time.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A person's feed, if it was made with this token.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    user: UserId,
    id: FeedId,
    hash: TokenHash,
) -> Result<Option<Feed>, Error> {
    let row = sqlx::query!(
        "SELECT id, create_time, revoke_time FROM lesson.calendar_feeds
         WHERE id = $1 AND user_id = $2 AND token_hash = $3",
        id.0,
        user.0,
        hash.as_slice(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Feed {
        id: FeedId(row.id),
        create_time: row.create_time.to_jiff(),
        revoke_time: row.revoke_time.map(jiff_sqlx::Timestamp::to_jiff),
    }))
}

/// A person's feeds that are not revoked, the newest first.
///
/// # Errors
///
/// When the database fails.
pub async fn list(conn: &mut PgConnection, user: UserId) -> Result<Vec<Feed>, Error> {
    let rows = sqlx::query!(
        "SELECT id, create_time FROM lesson.calendar_feeds
         WHERE user_id = $1 AND revoke_time IS NULL ORDER BY create_time DESC, id DESC",
        user.0,
    )
    .fetch_all(conn)
    .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|row| Feed {
            id: FeedId(row.id),
            create_time: row.create_time.to_jiff(),
            revoke_time: None,
        })
        .collect())
}

/// Ends a person's feed, unless it is ended; `None` when they have no such feed.
///
/// # Errors
///
/// When the database fails.
pub async fn update_revoked(
    conn: &mut PgConnection,
    user: UserId,
    id: FeedId,
    now: Timestamp,
) -> Result<Option<Feed>, Error> {
    let row = sqlx::query!(
        "UPDATE lesson.calendar_feeds SET revoke_time = coalesce(revoke_time, $3)
         WHERE id = $1 AND user_id = $2 RETURNING id, create_time, revoke_time",
        id.0,
        user.0,
        now.to_sqlx(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Feed {
        id: FeedId(row.id),
        create_time: row.create_time.to_jiff(),
        revoke_time: row.revoke_time.map(jiff_sqlx::Timestamp::to_jiff),
    }))
}

/// Deletes all feeds of a person who is erased.
///
/// # Errors
///
/// When the database fails.
pub async fn delete_all(conn: &mut PgConnection, user: UserId) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM lesson.calendar_feeds WHERE user_id = $1",
        user.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whose feed a token opens.
///
/// # Errors
///
/// When the database fails.
pub async fn find_reader(
    conn: &mut PgConnection,
    hash: TokenHash,
) -> Result<Option<Reader>, Error> {
    let row = sqlx::query!(
        "SELECT u.id, u.language, u.time_zone
         FROM lesson.calendar_feeds f
             JOIN lesson.users u ON u.id = f.user_id AND u.erase_time IS NULL
         WHERE f.token_hash = $1 AND f.revoke_time IS NULL",
        hash.as_slice(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| reader(row.id, &row.language, row.time_zone))
        .transpose()
}

/// A registered, living person as a reader.
///
/// # Errors
///
/// [`Error::UserNotFound`] for nobody and for the erased.
pub async fn require_reader(conn: &mut PgConnection, user: UserId) -> Result<Reader, Error> {
    let row = sqlx::query!(
        "SELECT id, language, time_zone FROM lesson.users WHERE id = $1 AND erase_time IS NULL",
        user.0,
    )
    .fetch_optional(conn)
    .await?;
    let row = row.ok_or(Error::UserNotFound)?;
    reader(row.id, &row.language, row.time_zone)
}

fn reader(id: Uuid, language: &str, time_zone: String) -> Result<Reader, Error> {
    let language: Language = language
        .parse()
        .map_err(|_| Error::Corrupt("users.language"))?;
    Ok(Reader {
        user: UserId(id),
        language,
        time_zone,
    })
}

/// The lessons that a person's calendar shows: those that end after an instant, at most so
/// many, the latest first. What was never more than held is not among them.
///
/// # Errors
///
/// When the database fails.
pub async fn list_lessons(
    conn: &mut PgConnection,
    user: UserId,
    from: Timestamp,
    most: i64,
) -> Result<Vec<Uuid>, Error> {
    let earliest = saturating(from, -LONGEST_LESSON);
    let ids = sqlx::query_scalar!(
        r#"SELECT mine.id AS "id!" FROM (
             (SELECT l.id, lower(l.during) AS start_time FROM lesson.lessons l
              WHERE l.teacher_id = $1 AND lower(l.during) > $2 AND upper(l.during) > $3
                AND (l.status IN ('requested', 'scheduled')
                     OR EXISTS (SELECT FROM lesson.lesson_changes c
                                WHERE c.lesson_id = l.id AND c.kind IN ('requested', 'booked')))
              ORDER BY lower(l.during) DESC, l.id DESC LIMIT $4)
             UNION
             (SELECT b.lesson_id, lower(b.during)
              FROM lesson.bookings b JOIN lesson.lessons l ON l.id = b.lesson_id
              WHERE b.student_id = $1 AND lower(b.during) > $2 AND upper(b.during) > $3
                AND (l.status IN ('requested', 'scheduled')
                     OR EXISTS (SELECT FROM lesson.lesson_changes c
                                WHERE c.lesson_id = l.id AND c.kind IN ('requested', 'booked')))
              ORDER BY lower(b.during) DESC, b.lesson_id DESC LIMIT $4)
           ) AS mine ORDER BY mine.start_time DESC, mine.id DESC LIMIT $4"#,
        user.0,
        earliest.to_sqlx(),
        from.to_sqlx(),
        most,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Of these lessons those in which a person has, or had, a part, as entries of their
/// calendar, by start and id.
///
/// # Errors
///
/// When the database fails.
pub async fn entries(
    conn: &mut PgConnection,
    user: UserId,
    lessons: &[Uuid],
) -> Result<Vec<Entry>, Error> {
    // Joins and attendance change nothing in the teacher's calendar, others' seats nothing
    // in a student's.
    let rows = sqlx::query!(
        r#"SELECT l.id, lower(l.during) AS "start!", upper(l.during) AS "end!", l.status,
               l.expire_time, l.schedule_version,
               -- It goes on without who gave their seat up.
               CASE WHEN l.teacher_id = $1 OR l.group_id IS NULL OR seats.living
                    THEN l.meeting_url ELSE '' END AS "meeting_url!",
               l.teacher_id = $1 AS "teaches!", t.display_name AS teacher_name,
               g.title AS "group_title?", seats.versions::bigint AS versions,
               seats.living AS "living?", seats.reconfirm AS "reconfirm?",
               (SELECT s.display_name FROM lesson.bookings b
                    JOIN lesson.users s ON s.id = b.student_id
                WHERE b.lesson_id = l.id AND l.group_id IS NULL ORDER BY b.id DESC LIMIT 1)
                   AS student_name,
               coalesce((SELECT max(c.change_time) FROM lesson.lesson_changes c
                         WHERE c.lesson_id = l.id AND (c.booking_id IS NULL
                             OR c.booking_id = ANY(seats.ids)
                             OR (l.teacher_id = $1 AND c.kind NOT IN (
                                 'attendance', 'joined', 'left', 'reconfirmed', 'seat_freed')))),
                        l.create_time) AS "update_time!"
           FROM lesson.lessons l JOIN lesson.users t ON t.id = l.teacher_id
               LEFT JOIN lesson.groups g ON g.id = l.group_id
               CROSS JOIN LATERAL (
                   SELECT sum(b.version) AS versions, array_agg(b.id) AS ids,
                          bool_or(b.status NOT IN ('canceled', 'late_canceled')) AS living,
                          bool_or(b.status = 'reconfirm') AS reconfirm
                   FROM lesson.bookings b WHERE b.lesson_id = l.id AND b.student_id = $1
               ) AS seats
           WHERE l.id = ANY($2) AND (l.teacher_id = $1 OR seats.ids IS NOT NULL)
           ORDER BY lower(l.during), l.id"#,
        user.0,
        lessons,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let seats = row.versions.map(|versions| Seats {
                versions,
                living: row.living == Some(true),
                reconfirm: row.reconfirm == Some(true),
            });
            let counterpart = match (row.teaches, &row.group_title) {
                (false, _) => row.teacher_name,
                (true, None) => row.student_name.unwrap_or_default(),
                (true, Some(_)) => String::new(),
            };
            Ok(Entry {
                lesson: LessonId(row.id),
                during: Stretch {
                    start: row.start.to_jiff(),
                    end: row.end.to_jiff(),
                },
                status: LessonStatus::from_name(&row.status)?,
                expire_time: row.expire_time.map(jiff_sqlx::Timestamp::to_jiff),
                schedule_version: row.schedule_version,
                seats,
                update_time: row.update_time.to_jiff(),
                teaches: row.teaches,
                counterpart,
                group_title: row.group_title.unwrap_or_default(),
                meeting_url: row.meeting_url,
            })
        })
        .collect()
}
