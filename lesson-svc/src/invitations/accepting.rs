//! Accepting an invitation, and looking who invites.

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{TokenHash, store};
use crate::{
    errors::Error,
    ids::UserId,
    state::State,
    students::{self, Origin},
    teachers::{self, Teacher},
    users,
};

/// Who invites with a token that can be accepted.
///
/// # Errors
///
/// [`Error::InvitationNotFound`], or why it cannot be accepted any more.
pub async fn preview(state: &State, viewer: UserId, token: TokenHash) -> Result<Teacher, Error> {
    let mut conn = state.pool.acquire().await?;
    users::store::require(&mut conn, viewer).await?;
    let invitation = store::find_by_token(&mut conn, token).await?;
    let invitation = invitation.ok_or(Error::InvitationNotFound)?;
    invitation.require_open(state.now())?;
    let teacher = teachers::store::find(&mut conn, invitation.teacher_id).await?;
    teacher.ok_or(Error::InvitationNotFound)
}

/// Makes a person the student of who invites; false when they were before. An
/// invitation lets people in whom the teacher does not accept otherwise.
///
/// # Errors
///
/// [`Error::InvitationNotFound`], or why it cannot be accepted.
pub async fn accept(
    state: &State,
    user: UserId,
    token: TokenHash,
) -> Result<(Teacher, bool), Error> {
    let first = try_accept(state, user, token).await;
    if first.as_ref().is_err_and(Error::is_conflict) {
        return try_accept(state, user, token).await;
    }
    first
}

async fn try_accept(
    state: &State,
    user: UserId,
    token: TokenHash,
) -> Result<(Teacher, bool), Error> {
    let now = state.now();
    let mut tx = state.pool.begin().await?;
    users::store::require_locked(&mut tx, user).await?;
    let joined = join(&mut tx, user, token, now).await?;
    let teacher = teachers::store::find(&mut tx, joined.teacher).await?;
    let teacher = teacher.ok_or(Error::InvitationNotFound)?;
    tx.commit().await?;
    if joined.now {
        tracing::info!(event = "invitation_accepted", teacher_id = %teacher.id, student_id = %user, "invitation accepted");
    }
    Ok((teacher, joined.now))
}

struct Joined {
    teacher: UserId,
    /// False when the person was a student before.
    now: bool,
}

async fn join(
    conn: &mut PgConnection,
    user: UserId,
    token: TokenHash,
    now: Timestamp,
) -> Result<Joined, Error> {
    let invitation = store::lock_by_token(&mut *conn, token).await?;
    let invitation = invitation.ok_or(Error::InvitationNotFound)?;
    let teacher = invitation.teacher_id;
    let open = invitation.require_open(now);
    // Who is in already takes nobody's place: also the one who took the last one, and
    // repeats because the answer was lost.
    let refused_for_all = matches!(
        open,
        Err(Error::InvitationRevoked | Error::InvitationExpired)
    );
    if !refused_for_all && students::store::is_student(&mut *conn, teacher, user).await? {
        return Ok(Joined {
            teacher,
            now: false,
        });
    }
    open?;
    if teacher == user {
        return Err(Error::SelfInvitation);
    }
    // Who comes back with the same link, after the teacher removed them, counts once.
    let counts = store::insert_use(&mut *conn, invitation.id, user, now).await?;
    if counts && !store::update_used(&mut *conn, invitation.id).await? {
        return Err(Error::InvitationUsedUp);
    }
    let joined = students::store::insert(conn, teacher, user, Origin::Invitation, now).await?;
    Ok(Joined {
        teacher,
        now: joined,
    })
}
