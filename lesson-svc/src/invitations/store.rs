//! SQL of invitations. What takes an id also takes the teacher whose invitation it is;
//! what takes a token's hash answers whoever holds the token.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Invitation, TokenHash};
use crate::{
    errors::Error,
    ids::{GroupId, InvitationId, UserId},
};

struct InvitationRow {
    id: Uuid,
    teacher_id: Uuid,
    group_id: Option<Uuid>,
    max_uses: i16,
    uses: i16,
    create_time: jiff_sqlx::Timestamp,
    expire_time: jiff_sqlx::Timestamp,
    revoke_time: Option<jiff_sqlx::Timestamp>,
}

impl From<InvitationRow> for Invitation {
    fn from(row: InvitationRow) -> Self {
        Self {
            id: InvitationId(row.id),
            teacher_id: UserId(row.teacher_id),
            group_id: row.group_id.map(GroupId),
            max_uses: row.max_uses,
            uses: row.uses,
            create_time: row.create_time.to_jiff(),
            expire_time: row.expire_time.to_jiff(),
            revoke_time: row.revoke_time.map(jiff_sqlx::Timestamp::to_jiff),
        }
    }
}

/// `SELECT` of a whole invitation; the tail says which, and how it is locked.
macro_rules! select_invitation {
    ($tail:literal, $($arg:expr),+ $(,)?) => {
        sqlx::query_as!(
            InvitationRow,
            "SELECT i.id, i.teacher_id, i.group_id, i.max_uses, i.uses, i.create_time,
                    i.expire_time, i.revoke_time
             FROM lesson.invitations i "
                + $tail,
            $($arg),+
        )
    };
}

/// Inserts an invitation.
///
/// # Errors
///
/// When the database fails.
pub async fn insert(
    conn: &mut PgConnection,
    invitation: &Invitation,
    hash: TokenHash,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.invitations (id, teacher_id, group_id, token_hash, max_uses, create_time,
             expire_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        invitation.id.0,
        invitation.teacher_id.0,
        invitation.group_id.map(|group| group.0),
        hash.as_slice(),
        invitation.max_uses,
        invitation.create_time.to_sqlx(),
        invitation.expire_time.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An invitation of a teacher, if it was made with this token.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    teacher: UserId,
    id: InvitationId,
    hash: TokenHash,
) -> Result<Option<Invitation>, Error> {
    let row = select_invitation!(
        "WHERE i.id = $1 AND i.teacher_id = $2 AND i.token_hash = $3",
        id.0,
        teacher.0,
        hash.as_slice(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Invitation::from))
}

/// The invitation of a token whose teacher still teaches.
///
/// # Errors
///
/// When the database fails.
pub async fn find_by_token(
    conn: &mut PgConnection,
    hash: TokenHash,
) -> Result<Option<Invitation>, Error> {
    let row = select_invitation!(
        "JOIN lesson.teachers t ON t.user_id = i.teacher_id AND t.delete_time IS NULL
         WHERE i.token_hash = $1",
        hash.as_slice(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Invitation::from))
}

/// Like [`find_by_token`], locked until the transaction ends: people accept an
/// invitation one after the other.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_by_token(
    conn: &mut PgConnection,
    hash: TokenHash,
) -> Result<Option<Invitation>, Error> {
    let row = select_invitation!(
        "JOIN lesson.teachers t ON t.user_id = i.teacher_id AND t.delete_time IS NULL
         WHERE i.token_hash = $1 FOR NO KEY UPDATE OF i",
        hash.as_slice(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Invitation::from))
}

/// How many invitations of a teacher whose row is locked are open.
///
/// # Errors
///
/// When the database fails.
pub async fn count_open(
    conn: &mut PgConnection,
    teacher: UserId,
    now: Timestamp,
) -> Result<usize, Error> {
    let open = sqlx::query_scalar!(
        r#"SELECT count(*) AS "open!" FROM lesson.invitations
           WHERE teacher_id = $1 AND revoke_time IS NULL AND expire_time > $2 AND uses < max_uses"#,
        teacher.0,
        now.to_sqlx(),
    )
    .fetch_one(conn)
    .await?;
    Ok(usize::try_from(open).unwrap_or(usize::MAX))
}

/// A teacher's invitations, the newest first, after the one made and identified by
/// `after`.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    teacher: UserId,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<Invitation>, Error> {
    // The first page begins after nothing: no invitation is made in the year 9999.
    let (time, id) = after.unwrap_or((Timestamp::MAX, Uuid::max()));
    let rows = select_invitation!(
        "WHERE i.teacher_id = $1 AND (i.create_time, i.id) < ($2, $3)
         ORDER BY i.create_time DESC, i.id DESC LIMIT $4",
        teacher.0,
        time.to_sqlx(),
        id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Invitation::from).collect())
}

/// Writes down that somebody accepted; false when they did before.
///
/// # Errors
///
/// When the database fails.
pub async fn insert_use(
    conn: &mut PgConnection,
    id: InvitationId,
    user: UserId,
    now: Timestamp,
) -> Result<bool, Error> {
    let inserted = sqlx::query!(
        "INSERT INTO lesson.invitation_uses (invitation_id, user_id, accept_time)
         VALUES ($1, $2, $3) ON CONFLICT (invitation_id, user_id) DO NOTHING",
        id.0,
        user.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Counts one more use; false when all are used.
///
/// # Errors
///
/// When the database fails.
pub async fn update_used(conn: &mut PgConnection, id: InvitationId) -> Result<bool, Error> {
    let updated = sqlx::query!(
        "UPDATE lesson.invitations SET uses = uses + 1 WHERE id = $1 AND uses < max_uses",
        id.0,
    )
    .execute(conn)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Takes an invitation of a teacher back, once; `None` when the teacher has none with
/// this id.
///
/// # Errors
///
/// When the database fails.
pub async fn update_revoked(
    conn: &mut PgConnection,
    teacher: UserId,
    id: InvitationId,
    now: Timestamp,
) -> Result<Option<Invitation>, Error> {
    let row = sqlx::query_as!(
        InvitationRow,
        "UPDATE lesson.invitations SET revoke_time = coalesce(revoke_time, $3)
         WHERE id = $1 AND teacher_id = $2
         RETURNING id, teacher_id, group_id, max_uses, uses, create_time, expire_time, revoke_time",
        id.0,
        teacher.0,
        now.to_sqlx(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Invitation::from))
}

/// Takes every invitation of a teacher back that was not before.
///
/// # Errors
///
/// When the database fails.
pub async fn update_all_revoked(
    conn: &mut PgConnection,
    teacher: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.invitations SET revoke_time = $2
         WHERE teacher_id = $1 AND revoke_time IS NULL",
        teacher.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes every invitation into a group back that was not before.
///
/// # Errors
///
/// When the database fails.
pub async fn update_group_revoked(
    conn: &mut PgConnection,
    group: GroupId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.invitations SET revoke_time = $2
         WHERE group_id = $1 AND revoke_time IS NULL",
        group.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
