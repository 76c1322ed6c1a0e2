//! Reading lessons with their seats.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    availability::slots::{Bookable, Stretch},
    errors::Error,
    ids::{BookingId, GroupId, LessonId, SeriesId, UserId},
    lessons::{Booking, BookingStatus, Lesson, LessonStatus, Notices, OfGroup, OfSeries, Role},
};

/// No lesson is longer: the bound of `TeacherPolicies.lesson_durations`. It lets a
/// search for lessons that end after an instant begin in the index by start.
const LONGEST_LESSON: SignedDuration = SignedDuration::from_hours(8);

/// A lesson that `viewer` may see (`None`: any), with the seats the viewer may see.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    viewer: Option<UserId>,
    id: LessonId,
) -> Result<Option<Lesson>, Error> {
    Ok(load(conn, viewer, &[id.0]).await?.pop())
}

/// Lessons with all their seats, for the transaction that locked them.
///
/// # Errors
///
/// When the database fails.
pub async fn find_all(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Lesson>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    load(conn, None, ids).await
}

/// Which lessons are listed.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// Whose, as teacher and as student.
    pub user: UserId,
    /// Lessons that end after this instant.
    pub from: Timestamp,
    /// Lessons that start before this instant.
    pub until: Option<Timestamp>,
    /// Also those that are off.
    pub include_canceled: bool,
    /// What waits for longer than until now is off.
    pub now: Timestamp,
}

/// The lessons of a person, by start and id, after the one with the given start and id,
/// with the seats that `viewer` may see (`None`: all).
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    viewer: Option<UserId>,
    filter: Filter,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<Lesson>, Error> {
    let earliest = filter
        .from
        .saturating_sub(LONGEST_LESSON)
        .unwrap_or(filter.from);
    // A lesson that began at `earliest` is over at `from`: nothing is passed over.
    let (after_start, after_id) = after.unwrap_or((earliest, Uuid::nil()));
    let ids = sqlx::query_scalar!(
        r#"SELECT page.id AS "id!" FROM (
             (SELECT l.id, lower(l.during) AS start_time FROM lesson.lessons l
              WHERE l.teacher_id = $1 AND (lower(l.during), l.id) > ($2, $3)
                AND upper(l.during) > $4 AND ($5::timestamptz IS NULL OR lower(l.during) < $5)
                AND ($6 OR (l.status IN ('held', 'requested', 'scheduled')
                            AND (l.expire_time IS NULL OR l.expire_time > $7)))
              ORDER BY lower(l.during), l.id LIMIT $8)
             UNION
             (SELECT b.lesson_id, lower(b.during) FROM lesson.bookings b
                  JOIN lesson.lessons l ON l.id = b.lesson_id
              WHERE b.student_id = $1 AND (lower(b.during), b.lesson_id) > ($2, $3)
                AND upper(b.during) > $4 AND ($5::timestamptz IS NULL OR lower(b.during) < $5)
                AND ($6 OR (l.status IN ('held', 'requested', 'scheduled')
                            AND (l.expire_time IS NULL OR l.expire_time > $7)
                            AND b.status IN ('pending', 'confirmed', 'reconfirm', 'attended',
                                             'no_show')))
              ORDER BY lower(b.during), b.lesson_id LIMIT $8)
           ) AS page ORDER BY page.start_time, page.id LIMIT $8"#,
        filter.user.0,
        after_start.to_sqlx(),
        after_id,
        filter.from.to_sqlx(),
        filter.until.map(jiff_sqlx::ToSqlx::to_sqlx),
        filter.include_canceled,
        filter.now.to_sqlx(),
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    load(conn, viewer, &ids).await
}

/// Whose lessons are listed, beside those of a person.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    /// All of a group.
    Group(GroupId),
    /// All of a series.
    Series(SeriesId),
}

/// The lessons of a group or a series, as [`list`] does; [`Filter::user`] is not asked about.
///
/// # Errors
///
/// When the database fails.
pub async fn list_of(
    conn: &mut PgConnection,
    viewer: Option<UserId>,
    of: Of,
    filter: Filter,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<Lesson>, Error> {
    let earliest = filter
        .from
        .saturating_sub(LONGEST_LESSON)
        .unwrap_or(filter.from);
    let (after_start, after_id) = after.unwrap_or((earliest, Uuid::nil()));
    // Two statements, so that each has a plan of its own. They never wait, so that none has
    // run out.
    macro_rules! page {
        ($from:literal, $id:expr) => {
            sqlx::query_scalar!(
                r#"SELECT l.id FROM lesson.lessons l "#
                    + $from
                    + " AND (lower(l.during), l.id) > ($2, $3) AND upper(l.during) > $4
                        AND ($5::timestamptz IS NULL OR lower(l.during) < $5)
                        AND ($6 OR l.status IN ('held', 'requested', 'scheduled'))
                      ORDER BY lower(l.during), l.id LIMIT $7",
                $id,
                after_start.to_sqlx(),
                after_id,
                filter.from.to_sqlx(),
                filter.until.map(jiff_sqlx::ToSqlx::to_sqlx),
                filter.include_canceled,
                limit,
            )
        };
    }
    let ids = match of {
        Of::Group(id) => {
            page!("WHERE l.group_id = $1", id.0)
                .fetch_all(&mut *conn)
                .await?
        }
        Of::Series(id) => {
            page!(
                "JOIN lesson.series_occurrences o ON o.lesson_id = l.id WHERE o.series_id = $1",
                id.0
            )
            .fetch_all(&mut *conn)
            .await?
        }
    };
    load(conn, viewer, &ids).await
}

/// Whether `viewer` may see a series (`None`: any there is): who teaches it, its student, and
/// who is in its group.
///
/// # Errors
///
/// When the database fails.
pub async fn is_series_seen(
    conn: &mut PgConnection,
    viewer: Option<UserId>,
    id: SeriesId,
) -> Result<bool, Error> {
    let seen = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM lesson.series s
               WHERE s.id = $1 AND ($2::uuid IS NULL OR s.teacher_id = $2 OR s.student_id = $2
                   OR EXISTS (SELECT FROM lesson.group_members m WHERE m.group_id = s.group_id
                              AND m.student_id = $2 AND m.end_time IS NULL))) AS "seen!""#,
        id.0,
        viewer.map(|viewer| viewer.0),
    )
    .fetch_one(conn)
    .await?;
    Ok(seen)
}

/// Reads lessons by id, by start and id, with their seats; with a viewer, only what the
/// viewer may see: a teacher all seats of their lessons, a student their own, who is in its
/// group the lesson. One statement, so that a version is that of all that is read under it.
async fn load(
    conn: &mut PgConnection,
    viewer: Option<UserId>,
    ids: &[Uuid],
) -> Result<Vec<Lesson>, Error> {
    let rows = sqlx::query!(
        r#"SELECT l.id, l.teacher_id, u.display_name AS teacher_name, t.cancel_notice_s,
                  t.reschedule_notice_s, lower(l.during) AS "start!", upper(l.during) AS "end!",
                  lower(l.blocked) AS "blocked_start!", upper(l.blocked) AS "blocked_end!",
                  l.status, l.version, l.schedule_version, l.changed_role, l.expire_time,
                  l.canceled_by, l.cancel_reason, l.notes, l.meeting_url, l.create_time,
                  l.group_id, g.title AS "group_title?", l.capacity, l.open_seats, l.seats_taken, l.with_series,
                  o.series_id AS "series_id?", o.original_start AS "original_start?",
                  seats.ids AS "seat_ids!", seats.students AS "seat_students!",
                  seats.names AS "seat_names!", seats.statuses AS "seat_statuses!",
                  seats.versions AS "seat_versions!",
                  seats.expiries AS "seat_expiries!: Vec<Option<jiff_sqlx::Timestamp>>",
                  seats.roles AS "seat_roles!", seats.with_series AS "seat_with_series!"
           FROM lesson.lessons l JOIN lesson.users u ON u.id = l.teacher_id
               JOIN lesson.teachers t ON t.user_id = l.teacher_id
               LEFT JOIN lesson.groups g ON g.id = l.group_id
               LEFT JOIN lesson.series_occurrences o ON o.lesson_id = l.id
               CROSS JOIN LATERAL (
                   SELECT coalesce(array_agg(b.id ORDER BY b.id), '{}') AS ids,
                          coalesce(array_agg(b.student_id ORDER BY b.id), '{}') AS students,
                          coalesce(array_agg(s.display_name ORDER BY b.id), '{}') AS names,
                          coalesce(array_agg(b.status ORDER BY b.id), '{}') AS statuses,
                          coalesce(array_agg(b.version ORDER BY b.id), '{}') AS versions,
                          coalesce(array_agg(b.reconfirm_expire_time ORDER BY b.id), '{}') AS expiries,
                          coalesce(array_agg(b.changed_role ORDER BY b.id), '{}') AS roles,
                          coalesce(array_agg(b.with_series ORDER BY b.id), '{}') AS with_series
                   FROM lesson.bookings b JOIN lesson.users s ON s.id = b.student_id
                   WHERE b.lesson_id = l.id
                     AND ($2::uuid IS NULL OR l.teacher_id = $2 OR b.student_id = $2)
               ) AS seats
           WHERE l.id = ANY($1)
             AND ($2::uuid IS NULL OR l.teacher_id = $2 OR cardinality(seats.ids) > 0
                  OR EXISTS (SELECT FROM lesson.group_members m WHERE m.group_id = l.group_id
                             AND m.student_id = $2 AND m.end_time IS NULL))
           ORDER BY lower(l.during), l.id"#,
        ids,
        viewer.map(|viewer| viewer.0),
    )
    .fetch_all(conn)
    .await?;
    let stretch = |start: jiff_sqlx::Timestamp, end: jiff_sqlx::Timestamp| Stretch {
        start: start.to_jiff(),
        end: end.to_jiff(),
    };
    rows.into_iter()
        .map(|row| {
            let seats = Seats {
                ids: row.seat_ids,
                students: row.seat_students,
                names: row.seat_names,
                statuses: row.seat_statuses,
                versions: row.seat_versions,
                expiries: row.seat_expiries,
                roles: row.seat_roles,
                with_series: row.seat_with_series,
            };
            let group = row.group_id.zip(row.group_title);
            let series = row.series_id.zip(row.original_start);
            Ok(Lesson {
                id: LessonId(row.id),
                teacher_id: UserId(row.teacher_id),
                teacher_name: row.teacher_name,
                notices: Notices {
                    cancel: SignedDuration::from_secs(row.cancel_notice_s.into()),
                    reschedule: SignedDuration::from_secs(row.reschedule_notice_s.into()),
                },
                time: Bookable {
                    during: stretch(row.start, row.end),
                    blocked: stretch(row.blocked_start, row.blocked_end),
                },
                status: LessonStatus::from_name(&row.status)?,
                version: row.version,
                schedule_version: row.schedule_version,
                changed_role: Role::from_name(&row.changed_role)?,
                expire_time: row.expire_time.map(jiff_sqlx::Timestamp::to_jiff),
                canceled_by: row.canceled_by.map(UserId),
                cancel_reason: row.cancel_reason,
                notes: row.notes,
                meeting_url: row.meeting_url,
                group: group.map(|(id, title)| OfGroup {
                    id: GroupId(id),
                    title,
                }),
                capacity: row.capacity,
                open_seats: row.open_seats,
                seats_taken: row.seats_taken,
                series: series.map(|(id, original_start)| OfSeries {
                    id: SeriesId(id),
                    original_start: original_start.to_jiff(),
                }),
                with_series: row.with_series,
                create_time: row.create_time.to_jiff(),
                bookings: seats.into_bookings()?,
            })
        })
        .collect()
}

/// The seats of one lesson, a column each, in one order.
struct Seats {
    ids: Vec<Uuid>,
    students: Vec<Uuid>,
    names: Vec<String>,
    statuses: Vec<String>,
    versions: Vec<i64>,
    expiries: Vec<Option<jiff_sqlx::Timestamp>>,
    roles: Vec<String>,
    with_series: Vec<bool>,
}

impl Seats {
    fn into_bookings(self) -> Result<Vec<Booking>, Error> {
        let people = self.students.into_iter().zip(self.names);
        let states = self.statuses.into_iter().zip(self.versions);
        let ways = self.expiries.into_iter().zip(self.roles);
        let ways = ways.zip(self.with_series);
        let seats = self.ids.into_iter().zip(people).zip(states).zip(ways);
        seats
            .map(
                |(((id, person), (status, version)), ((expiry, role), with_series))| {
                    let (student_id, student_name) = person;
                    Ok(Booking {
                        id: BookingId(id),
                        student_id: UserId(student_id),
                        student_name,
                        status: BookingStatus::from_name(&status)?,
                        version,
                        reconfirm_expire_time: expiry.map(jiff_sqlx::Timestamp::to_jiff),
                        changed_role: Role::from_name(&role)?,
                        with_series,
                    })
                },
            )
            .collect()
    }
}
