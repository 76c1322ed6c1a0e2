//! Reading groups and who is in them.

use olm_proto::lesson::v1::{
    GetGroupRequest, ListGroupMembersRequest, ListGroupMembersResponse, ListGroupsRequest,
    ListGroupsResponse,
};
use service_kit::{
    paging::{self, Position, Query, SortKey},
    status::Violations,
};
use uuid::Uuid;

use super::{Group, store};
use crate::{actors::Claimed, errors::Error, ids::GroupId, state::State, users::after_name};

/// A group that the acting user teaches or is in.
///
/// # Errors
///
/// [`Error::GroupNotFound`].
pub async fn get(state: &State, by: Claimed, request: &GetGroupRequest) -> Result<Group, Error> {
    let mut violations = Violations::default();
    let id = GroupId(violations.uuid("group_id", &request.group_id));
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    let actor = by.actor(&mut conn).await?;
    let group = store::find(&mut conn, actor.viewer(), id).await?;
    group.ok_or(Error::GroupNotFound)
}

/// The groups that the acting user teaches or is in, by title.
///
/// # Errors
///
/// What stands against it.
pub async fn list(
    state: &State,
    by: Claimed,
    request: &ListGroupsRequest,
) -> Result<ListGroupsResponse, Error> {
    let mut violations = Violations::default();
    let size = paging::size(&mut violations, request.page_size);
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    let actor = by.actor(&mut conn).await?;
    let query = Query::of("ListGroups", &[actor.user.0.as_bytes()]);
    let after = query.position(&request.page_token)?;
    let after = after_name(after.as_ref())?;
    let mut rows = store::list(&mut conn, actor.user, after, i64::from(size) + 1).await?;
    let next_page_token = query.cut(&mut rows, size, |(group, title)| by_text(title, group.id.0));
    Ok(ListGroupsResponse {
        groups: rows.into_iter().map(|(group, _)| group.into()).collect(),
        next_page_token,
    })
}

/// Who is in a group of the acting teacher, by name.
///
/// # Errors
///
/// [`Error::GroupNotFound`]; [`Error::TeacherOnly`] for members.
pub async fn list_members(
    state: &State,
    by: Claimed,
    request: &ListGroupMembersRequest,
) -> Result<ListGroupMembersResponse, Error> {
    let mut violations = Violations::default();
    let id = GroupId(violations.uuid("group_id", &request.group_id));
    let size = paging::size(&mut violations, request.page_size);
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    let actor = by.actor(&mut conn).await?;
    let query = Query::of(
        "ListGroupMembers",
        &[actor.user.0.as_bytes(), id.0.as_bytes()],
    );
    let after = query.position(&request.page_token)?;
    let after = after_name(after.as_ref())?;
    let group = store::find(&mut conn, Some(actor.user), id).await?;
    let group = group.ok_or(Error::GroupNotFound)?;
    if group.teacher_id != actor.user {
        return Err(Error::TeacherOnly);
    }
    let limit = i64::from(size) + 1;
    let mut rows = store::list_members_by_name(&mut conn, actor.user, id, after, limit).await?;
    let next_page_token = query.cut(&mut rows, size, |(member, name)| {
        by_text(name, member.student_id.0)
    });
    Ok(ListGroupMembersResponse {
        members: rows.into_iter().map(|(member, _)| member.into()).collect(),
        next_page_token,
    })
}

fn by_text(text: &str, id: Uuid) -> Position {
    Position {
        key: SortKey::Text(text.to_owned()),
        id,
    }
}
