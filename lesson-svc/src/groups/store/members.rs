//! SQL of who is in groups.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    errors::Error,
    groups::{Group, Member},
    ids::{GroupId, UserId},
};

/// Who is in a group now, by id: there are at most 50. Stable in a transaction that locked
/// the group's teacher.
///
/// # Errors
///
/// When the database fails.
pub async fn list_members(conn: &mut PgConnection, id: GroupId) -> Result<Vec<Member>, Error> {
    let rows = sqlx::query!(
        "SELECT m.student_id, u.display_name, m.create_time
         FROM lesson.group_members m JOIN lesson.users u ON u.id = m.student_id
         WHERE m.group_id = $1 AND m.end_time IS NULL ORDER BY m.student_id",
        id.0,
    )
    .fetch_all(conn)
    .await?;
    let members = rows.into_iter().map(|row| Member {
        student_id: UserId(row.student_id),
        display_name: row.display_name,
        create_time: row.create_time.to_jiff(),
    });
    Ok(members.collect())
}

/// Who is in a group of `teacher`, by name, after the one named and identified by `after`;
/// each with the name they are sorted by.
///
/// # Errors
///
/// When the database fails.
pub async fn list_members_by_name(
    conn: &mut PgConnection,
    teacher: UserId,
    id: GroupId,
    after: (&str, Uuid),
    limit: i64,
) -> Result<Vec<(Member, String)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT m.student_id, u.display_name, m.create_time,
                  lower(u.display_name) AS "sort_name!"
           FROM lesson.group_members m JOIN lesson.users u ON u.id = m.student_id
           WHERE m.group_id = $1 AND m.teacher_id = $2 AND m.end_time IS NULL
             AND (lower(u.display_name) COLLATE "C", u.id) > ($3, $4)
           ORDER BY lower(u.display_name) COLLATE "C", u.id LIMIT $5"#,
        id.0,
        teacher.0,
        after.0,
        after.1,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let members = rows.into_iter().map(|row| {
        let member = Member {
            student_id: UserId(row.student_id),
            display_name: row.display_name,
            create_time: row.create_time.to_jiff(),
        };
        (member, row.sort_name)
    });
    Ok(members.collect())
}

/// Whether a person is in a group now; `None` when they never were.
///
/// # Errors
///
/// When the database fails.
pub async fn find_membership(
    conn: &mut PgConnection,
    id: GroupId,
    student: UserId,
) -> Result<Option<bool>, Error> {
    let is_member = sqlx::query_scalar!(
        r#"SELECT end_time IS NULL AS "is_member!" FROM lesson.group_members
           WHERE group_id = $1 AND student_id = $2"#,
        id.0,
        student.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(is_member)
}

/// Puts a student of its teacher into a locked group.
///
/// # Errors
///
/// [`Error::GroupFull`], or the database's.
pub async fn insert_member(
    conn: &mut PgConnection,
    group: &Group,
    student: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.group_members AS m (group_id, teacher_id, student_id, create_time)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (group_id, student_id) DO UPDATE SET create_time = $4, end_time = NULL
         WHERE m.end_time IS NOT NULL",
        group.id.0,
        group.teacher_id.0,
        student.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await
    .map_err(Error::of_insert)?;
    Ok(())
}

/// Takes somebody out of locked groups; false when they are in none of them.
///
/// # Errors
///
/// When the database fails.
pub async fn update_members_ended(
    conn: &mut PgConnection,
    ids: &[Uuid],
    student: UserId,
    now: Timestamp,
) -> Result<bool, Error> {
    let ended = sqlx::query!(
        "UPDATE lesson.group_members SET end_time = $3
         WHERE group_id = ANY($1) AND student_id = $2 AND end_time IS NULL",
        ids,
        student.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(ended.rows_affected() > 0)
}

/// Locks the groups of a locked teacher that a student is in, in order of id: nobody else
/// counts who is in them meanwhile.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_of(
    conn: &mut PgConnection,
    teacher: UserId,
    student: UserId,
) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT g.id FROM lesson.groups g
         WHERE g.id IN (SELECT m.group_id FROM lesson.group_members m
                        WHERE m.student_id = $2 AND m.teacher_id = $1 AND m.end_time IS NULL)
         ORDER BY g.id FOR NO KEY UPDATE",
        teacher.0,
        student.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// The teachers of the groups that a person is in.
///
/// # Errors
///
/// When the database fails.
pub async fn list_teachers(conn: &mut PgConnection, student: UserId) -> Result<Vec<UserId>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT DISTINCT teacher_id FROM lesson.group_members
         WHERE student_id = $1 AND end_time IS NULL",
        student.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}
