//! Making, changing and dissolving groups.

use jiff::Timestamp;
use olm_proto::lesson::v1::{CreateGroupRequest, DeleteGroupRequest, UpdateGroupRequest};
use service_kit::status::Violations;
use sqlx::PgConnection;

use super::{CAPACITY, Group, MOST_GROUPS, membership::Locked, store};
use crate::{
    actors::{Actor, Claimed},
    errors::{Error, check_version},
    ids::GroupId,
    invitations,
    lessons::{self},
    requests::{self, Claim},
    retrying::retrying,
    state::State,
    teachers,
    users::read_label,
};

/// Makes a group of the acting teacher.
///
/// # Errors
///
/// [`Error::NotATeacher`], [`Error::LimitReached`], or what is wrong with the request.
pub async fn create(
    state: &State,
    by: Claimed,
    request: &CreateGroupRequest,
) -> Result<Group, Error> {
    let mut violations = Violations::default();
    let request_id = violations.uuid("request_id", &request.request_id);
    let title = read_label("title", &request.title, &mut violations);
    let capacity = read_capacity(request.capacity, &mut violations);
    violations.check()?;
    let body = CreateGroupRequest {
        request_id: String::new(),
        title: title.clone(),
        capacity: request.capacity,
    };
    let body_hash = requests::body_hash("CreateGroup", &body);
    let now = state.now();
    let id = GroupId::new(&*state.clock);
    let mut tx = state.pool.begin().await?;
    let teacher = by.actor_locked(&mut tx).await?.user;
    let claim = requests::claim(&mut tx, teacher, request_id, body_hash, id.0, now).await?;
    if let Claim::Repeat(first) = claim {
        let group = store::find(&mut tx, Some(teacher), GroupId(first)).await?;
        return group.ok_or(Error::GroupNotFound);
    }
    let locked = teachers::store::lock(&mut tx, teacher).await?;
    locked.ok_or(Error::NotATeacher)?;
    if store::count(&mut tx, teacher).await? >= MOST_GROUPS {
        return Err(Error::LimitReached {
            what: "groups",
            limit: MOST_GROUPS,
        });
    }
    store::insert(&mut tx, id, teacher, (&title, capacity), now).await?;
    let group = store::find(&mut tx, Some(teacher), id).await?;
    tx.commit().await?;
    state.committed();
    tracing::info!(event = "group_created", group_id = %id, teacher_id = %teacher, "group created");
    group.ok_or(Error::GroupNotFound)
}

fn read_capacity(given: i32, violations: &mut Violations) -> i16 {
    let (fewest, most) = (CAPACITY.start(), CAPACITY.end());
    violations.require(
        CAPACITY.contains(&given),
        "capacity",
        format!("is {given}, not between {fewest} and {most}"),
    );
    i16::try_from(given).unwrap_or_default()
}

/// Which group is changed, and the version that was read.
fn target(violations: &mut Violations, id: &str, expected_version: i64) -> GroupId {
    violations.require(
        expected_version > 0,
        "expected_version",
        "is not more than 0",
    );
    GroupId(violations.uuid("group_id", id))
}

/// Locks a group of the acting teacher, as it was read, with its series.
async fn lock_own(
    conn: &mut PgConnection,
    actor: Actor,
    id: GroupId,
    expected_version: i64,
    now: Timestamp,
) -> Result<Locked, Error> {
    let found = store::find(&mut *conn, Some(actor.user), id).await?;
    found.ok_or(Error::GroupNotFound)?.require_teacher(actor)?;
    teachers::store::lock(&mut *conn, actor.user).await?;
    let locked = Locked::lock(conn, id, now).await?;
    let locked = locked.ok_or(Error::GroupNotFound)?;
    check_version(expected_version, locked.group.version)?;
    Ok(locked)
}

/// Changes title and capacity of a group of the acting teacher. Another title is announced to
/// nobody; what is to come of its lessons carries it.
///
/// # Errors
///
/// [`Error::GroupFull`] when more are in it than it is to hold; [`Error::VersionStale`];
/// [`Error::GroupNotFound`], or [`Error::TeacherOnly`] for members.
pub async fn update(
    state: &State,
    by: Claimed,
    request: &UpdateGroupRequest,
) -> Result<Group, Error> {
    let mut violations = Violations::default();
    let id = target(&mut violations, &request.group_id, request.expected_version);
    let title = request.title.as_deref();
    let title = title.map(|title| read_label("title", title, &mut violations));
    let capacity = request.capacity;
    let capacity = capacity.map(|capacity| read_capacity(capacity, &mut violations));
    violations.check()?;
    let wanted = (title, capacity);
    retrying(|| try_update(state, by, id, request.expected_version, &wanted)).await
}

async fn try_update(
    state: &State,
    by: Claimed,
    id: GroupId,
    expected_version: i64,
    (title, capacity): &(Option<String>, Option<i16>),
) -> Result<Group, Error> {
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    let now = state.now();
    let locked = lock_own(&mut tx, actor, id, expected_version, now).await?;
    let before = &locked.group;
    let title = title.as_ref().unwrap_or(&before.title);
    let capacity = capacity.unwrap_or(before.capacity);
    if (title, capacity) == (&before.title, before.capacity) {
        return Ok(locked.group);
    }
    if capacity < before.member_count {
        return Err(Error::GroupFull {
            capacity: Some(before.capacity),
            title: before.title.clone(),
        });
    }
    store::update(&mut tx, id, title, capacity).await?;
    if capacity > before.capacity {
        lessons::store::update_capacities(&mut tx, id, capacity, now).await?;
    }
    if *title != before.title {
        locked.retell(&mut tx, now).await?;
    }
    let after = store::find(&mut tx, Some(actor.user), id).await?;
    tx.commit().await?;
    state.committed();
    after.ok_or(Error::GroupNotFound)
}

/// Dissolves a group of the acting teacher that has nothing ahead.
///
/// # Errors
///
/// [`Error::LessonsAhead`]; [`Error::VersionStale`]; [`Error::GroupNotFound`], or
/// [`Error::TeacherOnly`] for members.
pub async fn delete(state: &State, by: Claimed, request: &DeleteGroupRequest) -> Result<(), Error> {
    let mut violations = Violations::default();
    let version = request.expected_version;
    let id = target(&mut violations, &request.group_id, version);
    violations.check()?;
    retrying(|| try_delete(state, by, id, version)).await
}

async fn try_delete(
    state: &State,
    by: Claimed,
    id: GroupId,
    expected_version: i64,
) -> Result<(), Error> {
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    let now = state.now();
    lock_own(&mut tx, actor, id, expected_version, now).await?;
    if store::has_ahead(&mut tx, id, now).await? {
        return Err(Error::LessonsAhead);
    }
    invitations::store::update_group_revoked(&mut tx, id, now).await?;
    store::update_dissolved(&mut tx, id, now).await?;
    tx.commit().await?;
    state.committed();
    tracing::info!(event = "group_deleted", group_id = %id, teacher_id = %actor.user, "group deleted");
    Ok(())
}
