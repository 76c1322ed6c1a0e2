//! SQL of groups and who is in them. Every query that takes a group's id for somebody also
//! takes the viewer.

use sqlx::PgConnection;

use super::{Group, Member};
use crate::{
    errors::Error,
    ids::{GroupId, UserId},
};

/// A group that `viewer` teaches or is in (`None`: any), also one that was dissolved.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    viewer: Option<UserId>,
    id: GroupId,
) -> Result<Option<Group>, Error> {
    let row = sqlx::query!(
        "SELECT g.id, g.teacher_id, u.display_name AS teacher_name, g.title, g.capacity,
                g.member_count, g.version, g.create_time, g.delete_time
         FROM lesson.groups g JOIN lesson.users u ON u.id = g.teacher_id
         WHERE g.id = $1 AND ($2::uuid IS NULL OR g.teacher_id = $2 OR EXISTS (
             SELECT FROM lesson.group_members m
             WHERE m.group_id = g.id AND m.student_id = $2 AND m.end_time IS NULL))",
        id.0,
        viewer.map(|viewer| viewer.0),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Group {
        id: GroupId(row.id),
        teacher_id: UserId(row.teacher_id),
        teacher_name: row.teacher_name,
        title: row.title,
        capacity: row.capacity,
        member_count: row.member_count,
        version: row.version,
        create_time: row.create_time.to_jiff(),
        delete_time: row.delete_time.map(jiff_sqlx::Timestamp::to_jiff),
    }))
}

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
