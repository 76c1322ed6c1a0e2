//! Reading series.

use jiff::Timestamp;
use olm_proto::lesson::v1::{self as pb, GetSeriesRequest, ListSeriesRequest, ListSeriesResponse};
use prost::Message as _;
use service_kit::{
    paging::{self, Position, Query},
    status::Violations,
};
use sqlx::PgConnection;

use super::{Series, store};
use crate::{
    actors::{Actor, Claimed},
    errors::Error,
    ids::{GroupId, SeriesId},
    state::State,
};

/// A series as somebody sees it.
///
/// # Errors
///
/// When the database fails.
pub async fn message(
    conn: &mut PgConnection,
    series: &Series,
    viewer: Actor,
    now: Timestamp,
) -> Result<pb::Series, Error> {
    let mut standing = store::occurrences::list_standing(conn, &[series.id.0], now).await?;
    let standing = standing.remove(&series.id).unwrap_or_default();
    Ok(series.to_message(&standing, viewer, now))
}

/// A series the acting user may see.
///
/// # Errors
///
/// [`Error::SeriesNotFound`].
pub async fn get(
    state: &State,
    by: Claimed,
    request: &GetSeriesRequest,
) -> Result<pb::Series, Error> {
    let mut violations = Violations::default();
    let id = SeriesId(violations.uuid("series_id", &request.series_id));
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    let actor = by.actor(&mut conn).await?;
    let series = store::find(&mut conn, actor.viewer(), id).await?;
    let series = series.ok_or(Error::SeriesNotFound)?;
    message(&mut conn, &series, actor, state.now()).await
}

/// The acting user's series, the newest first.
///
/// # Errors
///
/// When the request is wrong, or the database fails.
pub async fn list(
    state: &State,
    by: Claimed,
    request: &ListSeriesRequest,
) -> Result<ListSeriesResponse, Error> {
    let mut violations = Violations::default();
    let group = (!request.group_id.is_empty())
        .then(|| GroupId(violations.uuid("group_id", &request.group_id)));
    let size = paging::size(&mut violations, request.page_size);
    violations.check()?;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let mut tx = state.pool.begin_with(begin).await?;
    let actor = by.actor(&mut tx).await?;
    let filters = ListSeriesRequest {
        page_size: 0,
        page_token: String::new(),
        ..request.clone()
    };
    let query = Query::of(
        "ListSeries",
        &[actor.user.0.as_bytes(), &filters.encode_to_vec()],
    );
    let after = match query.position(&request.page_token)? {
        None => None,
        Some(position) => Some((position.time()?, position.id)),
    };
    let now = state.now();
    let filter = store::Filter {
        user: actor.user,
        group,
        include_ended: request.include_ended,
        now,
    };
    let limit = i64::from(size) + 1;
    let mut found = store::list(&mut tx, filter, after, limit).await?;
    let next_page_token = query.cut(&mut found, size, |last| {
        Position::at(last.create_time, last.id.0)
    });
    let ids: Vec<_> = found.iter().map(|series| series.id.0).collect();
    let mut standing = store::occurrences::list_standing(&mut tx, &ids, now).await?;
    tx.commit().await?;
    let series = found.iter().map(|series| {
        let standing = standing.remove(&series.id).unwrap_or_default();
        series.to_message(&standing, actor, now)
    });
    Ok(ListSeriesResponse {
        series: series.collect(),
        next_page_token,
    })
}
