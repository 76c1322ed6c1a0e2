//! Cancelling what of a series is ahead, from one of its lessons on.

use jiff::Timestamp;
use olm_proto::lesson::v1::{CancelSeriesRequest, CancelSeriesResponse};
use service_kit::status::Violations;
use sqlx::PgConnection;

use super::{LastChange, Series, Status, ahead::Ahead, listing, store, telling};
use crate::{
    actors::Claimed,
    errors::{Error, check_text, check_version},
    ids::{LessonId, SeriesId},
    lessons::{
        Acting, LONGEST_REASON,
        changes::Changed,
        placing, recording,
        rules::{self, Action},
    },
    requests,
    retrying::retrying,
    state::State,
};

/// What somebody asks for.
#[derive(Debug)]
struct Asked {
    id: SeriesId,
    expected_version: i64,
    from: Option<LessonId>,
    reason: String,
    body_hash: [u8; 32],
}

fn read(request: &CancelSeriesRequest) -> Result<Asked, Error> {
    let mut violations = Violations::default();
    let id = SeriesId(violations.uuid("series_id", &request.series_id));
    let expected_version = request.expected_version;
    violations.require(
        expected_version > 0,
        "expected_version",
        "is not more than 0",
    );
    let from = (!request.from_lesson_id.is_empty())
        .then(|| LessonId(violations.uuid("from_lesson_id", &request.from_lesson_id)));
    check_text(&mut violations, "reason", &request.reason, LONGEST_REASON);
    violations.check()?;
    let body = CancelSeriesRequest {
        series_id: id.to_string(),
        from_lesson_id: from.map(|from| from.to_string()).unwrap_or_default(),
        ..request.clone()
    };
    Ok(Asked {
        id,
        expected_version,
        from,
        reason: body.reason.clone(),
        body_hash: requests::body_hash("CancelSeries", &body),
    })
}

/// Cancels a series from one of its lessons on.
///
/// # Errors
///
/// What stands against it.
pub async fn cancel(
    state: &State,
    by: Claimed,
    request: &CancelSeriesRequest,
) -> Result<CancelSeriesResponse, Error> {
    let asked = read(request)?;
    retrying(|| try_cancel(state, by, &asked)).await
}

async fn try_cancel(
    state: &State,
    by: Claimed,
    asked: &Asked,
) -> Result<CancelSeriesResponse, Error> {
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    let found = store::find(&mut tx, actor.viewer(), asked.id).await?;
    let found = found.ok_or(Error::SeriesNotFound)?;
    let acting = found.acting(actor)?;
    placing::lock_people(&mut tx, found.teacher_id, &[]).await?;
    store::lock(&mut tx, &[asked.id.0]).await?;
    let series = store::find(&mut tx, None, asked.id).await?;
    let mut series = series.ok_or(Error::SeriesNotFound)?;
    let now = state.now();
    let repeats = series.is_repeat(actor.user, asked.expected_version, &asked.body_hash);
    let changed = if repeats {
        Vec::new()
    } else {
        check_version(asked.expected_version, series.version)?;
        if series.status == Status::Canceled {
            return Err(Error::SeriesEnded);
        }
        let ahead = Ahead::lock(&mut tx, &series, now).await?;
        let from = ahead.start(&mut tx, &series, asked.from, now).await?;
        series.change.hash = Some(asked.body_hash.to_vec());
        end(
            &mut tx,
            &mut series,
            &ahead,
            from,
            acting,
            &asked.reason,
            now,
        )
        .await?
    };
    let message = listing::message(&mut tx, &series, actor, now).await?;
    tx.commit().await?;
    if !repeats {
        recording::announce(state, &changed);
        state.committed();
        tracing::info!(
            event = "series_canceled", series_id = %series.id, role = acting.role.name(),
            lessons = changed.len(), "series cancelled"
        );
    }
    Ok(CancelSeriesResponse {
        series: Some(message),
        canceled_lessons: i32::try_from(changed.len()).unwrap_or(i32::MAX),
    })
}

/// Ends a locked series before an occurrence, with the hash of the request in its
/// [`LastChange`]; it is cancelled when nothing before that is ahead. Answers what became of
/// its lessons.
///
/// # Errors
///
/// When the database fails.
pub async fn end(
    conn: &mut PgConnection,
    series: &mut Series,
    ahead: &Ahead,
    from: i16,
    by: Acting,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<Changed>, Error> {
    let action = Action::Cancel {
        reason: reason.to_owned(),
    };
    let lessons = ahead.from(from);
    let changed: Vec<_> = lessons
        .map(|(_, lesson)| rules::apply_with_series(lesson, by, &action, now))
        .collect();
    recording::record(&mut *conn, &changed, now).await?;
    let canceled_from = canceled_from(series, ahead, from);
    let goes_on = ahead.first(series, now).is_some_and(|first| first < from);
    series.occurrence_count = from;
    series.next_ordinal = series.next_ordinal.min(from);
    if !goes_on {
        series.status = Status::Canceled;
    }
    series.canceled_from = canceled_from;
    reason.clone_into(&mut series.cancel_reason);
    series.change = LastChange {
        role: by.role,
        by: Some(by.user),
        hash: series.change.hash.take(),
    };
    series.version += 1;
    series.schedule_version += 1;
    series.told_version += 1;
    if series.status == Status::Canceled || series.next_ordinal == series.occurrence_count {
        series.due_time = None;
    }
    store::update(&mut *conn, series, None).await?;
    telling::tell(conn, series, now).await?;
    Ok(changed)
}

/// When the first lesson starts, or would have been booked, that ending before an occurrence
/// takes away.
#[must_use]
pub fn canceled_from(series: &Series, ahead: &Ahead, from: i16) -> Option<Timestamp> {
    let booked = ahead.from(from).map(|(_, lesson)| lesson.time.during.start);
    let open = from.max(series.next_ordinal);
    let open = (open < series.occurrence_count).then(|| series.pattern.occurrence(open));
    let open = open.flatten().map(|open| open.during.start);
    booked.chain(open).min()
}
