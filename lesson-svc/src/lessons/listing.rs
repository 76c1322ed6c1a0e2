//! Reading lessons and their history.

use olm_proto::lesson::v1::{
    GetLessonRequest, ListLessonChangesRequest, ListLessonChangesResponse, ListLessonsRequest,
    ListLessonsResponse,
};
use prost::Message as _;
use service_kit::{
    paging::{self, InvalidToken, Position, Query, SortKey},
    status::Violations,
};

use super::{Lesson, Role, changes, store};
use crate::{
    actors::Claimed,
    errors::{Error, read_instant},
    ids::{LessonId, UserId},
    state::State,
    users,
};

/// A lesson the acting user may see.
///
/// # Errors
///
/// [`Error::LessonNotFound`].
pub async fn get(state: &State, by: Claimed, request: &GetLessonRequest) -> Result<Lesson, Error> {
    let mut violations = Violations::default();
    let id = LessonId(violations.uuid("lesson_id", &request.lesson_id));
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    let actor = by.actor(&mut conn).await?;
    let lesson = store::find(&mut conn, actor.viewer(), id).await?;
    let lesson = lesson.ok_or(Error::LessonNotFound)?;
    Ok(lesson.seen_by(actor, state.now()))
}

/// A person's lessons, as teacher and as student.
///
/// # Errors
///
/// [`Error::AdminOnly`] for another's, unless an admin asks.
pub async fn list(
    state: &State,
    by: Claimed,
    request: &ListLessonsRequest,
) -> Result<ListLessonsResponse, Error> {
    let now = state.now();
    let mut violations = Violations::default();
    let from = read_instant(&mut violations, "start_time", request.start_time.as_ref());
    let until = read_instant(&mut violations, "end_time", request.end_time.as_ref());
    let size = paging::size(&mut violations, request.page_size);
    let whose =
        (!request.user_id.is_empty()).then(|| UserId(violations.uuid("user_id", &request.user_id)));
    let from = from.unwrap_or(now);
    if let Some(until) = until {
        violations.require(until > from, "end_time", "is not after start_time");
    }
    violations.check()?;
    // One moment for all of it: what is listed is what was looked for.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let mut tx = state.pool.begin_with(begin).await?;
    let actor = by.actor(&mut tx).await?;
    let user = whose.unwrap_or(actor.user);
    if user != actor.user {
        if !actor.admin {
            return Err(Error::AdminOnly);
        }
        users::store::require(&mut tx, user).await?;
    }
    let query = query_of(actor.user, user, request);
    let after = match query.position(&request.page_token)? {
        None => None,
        Some(position) => Some((position.time()?, position.id)),
    };
    let filter = store::Filter {
        user,
        from,
        until,
        include_canceled: request.include_canceled,
        now,
    };
    let limit = i64::from(size) + 1;
    let mut lessons = store::list(&mut tx, actor.viewer(), filter, after, limit).await?;
    tx.commit().await?;
    let next_page_token = query.cut(&mut lessons, size, |last| {
        Position::at(last.time.during.start, last.id.0)
    });
    let lessons = lessons.into_iter();
    Ok(ListLessonsResponse {
        lessons: lessons
            .map(|lesson| lesson.seen_by(actor, now).into())
            .collect(),
        next_page_token,
    })
}

/// Of the request as it was sent: an unset start stays unset on every page.
fn query_of(viewer: UserId, user: UserId, request: &ListLessonsRequest) -> Query {
    let filters = ListLessonsRequest {
        page_size: 0,
        page_token: String::new(),
        user_id: user.to_string(),
        ..request.clone()
    };
    Query::of(
        "ListLessons",
        &[viewer.0.as_bytes(), &filters.encode_to_vec()],
    )
}

/// A lesson's history, the oldest first; a student sees what concerns all or their own
/// seat.
///
/// # Errors
///
/// [`Error::LessonNotFound`] for those who take no part.
pub async fn list_changes(
    state: &State,
    by: Claimed,
    request: &ListLessonChangesRequest,
) -> Result<ListLessonChangesResponse, Error> {
    let mut violations = Violations::default();
    let id = LessonId(violations.uuid("lesson_id", &request.lesson_id));
    let size = paging::size(&mut violations, request.page_size);
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    let actor = by.actor(&mut conn).await?;
    let query = Query::of(
        "ListLessonChanges",
        &[actor.user.0.as_bytes(), id.0.as_bytes()],
    );
    let after = match query.position(&request.page_token)? {
        None => 0,
        Some(position) => position.text()?.parse().map_err(|_| InvalidToken)?,
    };
    let lesson = store::find(&mut conn, actor.viewer(), id).await?;
    let lesson = lesson.ok_or(Error::LessonNotFound)?;
    let viewer = match lesson.acting(actor)?.role {
        Role::Student => Some(actor.user),
        Role::Teacher | Role::Admin | Role::System => None,
    };
    let limit = i64::from(size) + 1;
    let mut found = changes::store::list(&mut conn, id, viewer, after, limit).await?;
    let next_page_token = query.cut(&mut found, size, |last| Position {
        key: SortKey::Text(last.version.to_string()),
        id: id.0,
    });
    Ok(ListLessonChangesResponse {
        changes: found.into_iter().map(Into::into).collect(),
        next_page_token,
    })
}
