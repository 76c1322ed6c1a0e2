//! Accepting an invitation, and looking who invites.

use sqlx::PgConnection;

use super::{Invitation, TokenHash, store};
use crate::{
    errors::Error,
    groups::{
        self, Group,
        membership::{self, Ahead, Coming, Locked, Wanted},
    },
    ids::{GroupId, UserId},
    lessons::{Acting, Role, placing},
    retrying::retrying,
    state::State,
    students::{self, Origin},
    teachers::{self, Teacher},
    users,
};

/// Who invites with a token that can be accepted, and into which group.
///
/// # Errors
///
/// [`Error::InvitationNotFound`], or why it cannot be accepted any more.
pub async fn preview(
    state: &State,
    viewer: UserId,
    token: TokenHash,
) -> Result<(Teacher, Option<Group>), Error> {
    let mut conn = state.pool.acquire().await?;
    users::store::require(&mut conn, viewer).await?;
    let invitation = store::find_by_token(&mut conn, token).await?;
    let invitation = invitation.ok_or(Error::InvitationNotFound)?;
    invitation.require_open(state.now())?;
    let teacher = teachers::store::find(&mut conn, invitation.teacher_id).await?;
    let teacher = teacher.ok_or(Error::InvitationNotFound)?;
    let group = match invitation.group_id {
        // Who has the link may see it.
        Some(group) => groups::store::find(&mut conn, None, group).await?,
        None => None,
    };
    Ok((teacher, group))
}

/// What became of somebody who accepted.
#[derive(Debug)]
pub struct Accepted {
    /// Who invited.
    pub teacher: Teacher,
    /// False when the person was a student before, and in the group, if it leads into one.
    pub joined: bool,
    /// The group, and what became of them in it; `None` when it leads into none.
    pub group: Option<(Group, Coming)>,
}

/// Makes a person the student of who invites, and a member of the group that the invitation
/// leads into. An invitation lets people in whom the teacher does not accept otherwise.
///
/// # Errors
///
/// [`Error::InvitationNotFound`], or why it cannot be accepted.
pub async fn accept(state: &State, user: UserId, token: TokenHash) -> Result<Accepted, Error> {
    retrying(|| try_accept(state, user, token)).await
}

async fn try_accept(state: &State, user: UserId, token: TokenHash) -> Result<Accepted, Error> {
    let mut tx = state.pool.begin().await?;
    users::store::require_locked(&mut tx, user).await?;
    let found = store::find_by_token(&mut tx, token).await?;
    let found = found.ok_or(Error::InvitationNotFound)?;
    let (joined, group) = match found.group_id {
        None => (join(&mut tx, state, user, token).await?, None),
        Some(group) => {
            let coming = join_group(&mut tx, state, user, &found, group, token).await?;
            let group = groups::store::find(&mut tx, Some(user), group).await?;
            let group = group.ok_or(Error::GroupNotFound)?;
            (coming.joined, Some((group, coming)))
        }
    };
    let teacher = teachers::store::find(&mut tx, found.teacher_id).await?;
    let teacher = teacher.ok_or(Error::InvitationNotFound)?;
    tx.commit().await?;
    if joined {
        tracing::info!(event = "invitation_accepted", teacher_id = %teacher.id, student_id = %user, "invitation accepted");
    }
    if let Some((group, coming)) = &group {
        let wanted = Wanted {
            group: group.id,
            student: user,
        };
        membership::announce(state, wanted, coming);
    }
    Ok(Accepted {
        teacher,
        joined,
        group,
    })
}

/// Locks the invitation of a token: people accept it one after the other.
async fn locked(conn: &mut PgConnection, token: TokenHash) -> Result<Invitation, Error> {
    let invitation = store::lock_by_token(conn, token).await?;
    invitation.ok_or(Error::InvitationNotFound)
}

/// Whether a locked invitation may be accepted by who is in already: that takes nobody's
/// place, also of the one who took the last one, and repeats because the answer was lost.
fn lets_repeat(open: &Result<(), Error>) -> bool {
    !matches!(
        open,
        Err(Error::InvitationRevoked | Error::InvitationExpired)
    )
}

/// Uses a locked invitation that is open. Who comes back with the same link, after the
/// teacher removed them, counts once.
async fn use_up(
    conn: &mut PgConnection,
    state: &State,
    invitation: &Invitation,
    user: UserId,
) -> Result<(), Error> {
    let counts = store::insert_use(&mut *conn, invitation.id, user, state.now()).await?;
    if counts && !store::update_used(conn, invitation.id).await? {
        return Err(Error::InvitationUsedUp);
    }
    Ok(())
}

/// Makes somebody a student; false when they were before.
async fn join(
    conn: &mut PgConnection,
    state: &State,
    user: UserId,
    token: TokenHash,
) -> Result<bool, Error> {
    let invitation = locked(&mut *conn, token).await?;
    let teacher = invitation.teacher_id;
    let open = invitation.require_open(state.now());
    if lets_repeat(&open) && students::store::is_student(&mut *conn, teacher, user).await? {
        return Ok(false);
    }
    open?;
    if teacher == user {
        return Err(Error::SelfInvitation);
    }
    use_up(&mut *conn, state, &invitation, user).await?;
    students::store::insert(conn, teacher, user, Origin::Invitation, state.now()).await
}

/// Makes somebody a member of a group, and a student of its teacher. A group that is full
/// uses nothing up.
async fn join_group(
    conn: &mut PgConnection,
    state: &State,
    user: UserId,
    found: &Invitation,
    group: GroupId,
    token: TokenHash,
) -> Result<Coming, Error> {
    let teacher = found.teacher_id;
    found.require_open(state.now()).or_else(|error| {
        let open = Err(error);
        if lets_repeat(&open) { Ok(()) } else { open }
    })?;
    if teacher == user {
        return Err(Error::SelfInvitation);
    }
    let people = placing::lock_people(&mut *conn, teacher, &[user]).await?;
    let name = people.student(user).ok_or(Error::UserNotFound)?;
    // Dissolved meanwhile, which revoked the invitation.
    let locked_group = Locked::lock(&mut *conn, group, state.now()).await?;
    let locked_group = locked_group.ok_or(Error::InvitationRevoked)?;
    let group = &locked_group.group;
    let now = state.now();
    let ahead = Ahead::lock(&mut *conn, group, user, now).await?;
    let invitation = locked(&mut *conn, token).await?;
    let open = invitation.require_open(now);
    let is_member = groups::store::find_membership(&mut *conn, group.id, user).await?;
    if !(lets_repeat(&open) && is_member == Some(true)) {
        open?;
        group.require_room()?;
        use_up(&mut *conn, state, &invitation, user).await?;
        students::store::insert(&mut *conn, teacher, user, Origin::Invitation, now).await?;
    }
    let by = Acting {
        user,
        role: Role::Student,
    };
    membership::come(conn, state, &locked_group, (user, name), by, ahead).await
}
