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
use sqlx::PgConnection;

use super::{
    Lesson, Role, changes,
    store::{self, Of},
};
use crate::{
    actors::{Actor, Claimed},
    errors::{Error, read_instant},
    groups,
    ids::{GroupId, LessonId, SeriesId, UserId},
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

/// Which lessons are listed.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// Whose; `None`: the acting user's.
    user: Option<UserId>,
    /// All of a group or of a series instead.
    of: Option<Of>,
}

fn read_wanted(request: &ListLessonsRequest, violations: &mut Violations) -> Wanted {
    let mut optional = |field: &str, id: &str| (!id.is_empty()).then(|| violations.uuid(field, id));
    let user = optional("user_id", &request.user_id).map(UserId);
    let group = optional("group_id", &request.group_id).map(GroupId);
    let series = optional("series_id", &request.series_id).map(SeriesId);
    let alone = group.is_none() || series.is_none();
    violations.require(alone, "series_id", "is given beside a group");
    let whole = group.is_none() && series.is_none();
    violations.require(
        whole || user.is_none(),
        "user_id",
        "is given beside a group or a series",
    );
    Wanted {
        user,
        of: group.map(Of::Group).or(series.map(Of::Series)),
    }
}

/// Refuses a group or a series that the acting user may not see.
async fn require_seen(conn: &mut PgConnection, actor: Actor, of: Of) -> Result<(), Error> {
    match of {
        Of::Group(id) => {
            let group = groups::store::find(conn, actor.viewer(), id).await?;
            group.map(drop).ok_or(Error::GroupNotFound)
        }
        Of::Series(id) => {
            if store::is_series_seen(conn, actor.viewer(), id).await? {
                Ok(())
            } else {
                Err(Error::SeriesNotFound)
            }
        }
    }
}

/// A person's lessons, as teacher and as student; or all of a group or a series.
///
/// # Errors
///
/// [`Error::AdminOnly`] for another's, unless an admin asks; [`Error::GroupNotFound`] or
/// [`Error::SeriesNotFound`] for those who may not see it.
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
    let wanted = read_wanted(request, &mut violations);
    let from = from.unwrap_or(now);
    if let Some(until) = until {
        violations.require(until > from, "end_time", "is not after start_time");
    }
    violations.check()?;
    // One moment for all of it: what is listed is what was looked for.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let mut tx = state.pool.begin_with(begin).await?;
    let actor = by.actor(&mut tx).await?;
    let user = wanted.user.unwrap_or(actor.user);
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
    let viewer = actor.viewer();
    let mut lessons = match wanted.of {
        None => store::list(&mut tx, viewer, filter, after, limit).await?,
        Some(of) => {
            require_seen(&mut tx, actor, of).await?;
            store::list_of(&mut tx, viewer, of, filter, after, limit).await?
        }
    };
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
        Role::Teacher | Role::Admin | Role::System => None,
        Role::Student => Some(actor.user),
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
