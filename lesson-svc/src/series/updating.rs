//! Changing a series from one of its lessons on: what moves, what is booked, what is cancelled
//! (docs/decisions/0013).

mod planning;
mod writing;

use jiff::Timestamp;
use olm_proto::lesson::v1::{
    self as pb, PreviewSeriesUpdateRequest, PreviewSeriesUpdateResponse, UpdateSeriesRequest,
};
use service_kit::status::Violations;
use sqlx::PgConnection;

use super::{
    Series, Status,
    ahead::Ahead,
    change::Change,
    creating::check_conflicts,
    listing,
    materialising::students_of,
    previewing::viewing,
    reading::{Mode, mode},
    store,
};
use crate::{
    actors::{Actor, Claimed},
    errors::{Error, check_version},
    ids::{LessonId, SeriesId, UserId},
    lessons::{Acting, Role, placing, reconfirming, recording},
    requests,
    retrying::retrying,
    state::State,
    teachers::{self, Teacher},
};
use planning::Plan;
use writing::Done;

/// In which role somebody changes a series: its teacher may, and admins.
fn acting(series: &Series, actor: Actor) -> Result<Acting, Error> {
    let acting = series.acting(actor)?;
    match acting.role {
        Role::Teacher | Role::Admin => Ok(acting),
        Role::Student | Role::System => Err(Error::TeacherOnly),
    }
}

/// Says what a change would do.
///
/// # Errors
///
/// What stands against the whole of it.
pub async fn preview(
    state: &State,
    by: Claimed,
    request: &PreviewSeriesUpdateRequest,
) -> Result<PreviewSeriesUpdateResponse, Error> {
    let mut violations = Violations::default();
    let id = SeriesId(violations.uuid("series_id", &request.series_id));
    let change = Change::read(&mut violations, request.change.as_ref());
    violations.check()?;
    let now = state.now();
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let mut tx = state.pool.begin_with(begin).await?;
    let actor = by.actor(&mut tx).await?;
    let series = store::find(&mut tx, actor.viewer(), id).await?;
    let series = series.ok_or(Error::SeriesNotFound)?;
    let by = acting(&series, actor)?;
    if series.status == Status::Canceled {
        return Err(Error::SeriesEnded);
    }
    let teacher = teachers::store::find(&mut tx, series.teacher_id).await?;
    let teacher = teacher.ok_or(Error::TeacherNotFound)?;
    let ahead = Ahead::read(&mut tx, &series, now).await?;
    let plan = Plan::make(&mut tx, &series, &teacher, &ahead, (&change, by), now).await?;
    let students = students_of(&mut tx, &series.learner).await?;
    let viewing = viewing(&mut tx, actor.user, &teacher, &students).await?;
    tx.commit().await?;
    let texts = |ids: Vec<LessonId>| ids.iter().map(ToString::to_string).collect();
    let against = plan
        .decisions
        .iter()
        .filter(|decision| decision.conflict.is_some());
    let conflict_count = i32::try_from(against.count()).unwrap_or(i32::MAX);
    let occurrences = plan.decisions.iter().map(|decision| {
        let (mut message, _) = viewing.occurrence(&plan.pattern, decision);
        if let Some(lesson) = plan.mover(decision.occurrence.ordinal) {
            message.lesson_id = lesson.id.to_string();
            message.previous_start_time = Some(olm_proto::timestamp(lesson.time.during.start));
        }
        message
    });
    Ok(PreviewSeriesUpdateResponse {
        occurrences: occurrences.collect(),
        conflict_count,
        kept_lesson_ids: texts(plan.own_time.iter().map(|lesson| lesson.id).collect()),
        canceled_lesson_ids: texts(plan.off.iter().map(|lesson| lesson.id).collect()),
        viewer_time_zone: viewing.viewer.iana_name().unwrap_or_default().to_owned(),
    })
}

/// What somebody asks for.
#[derive(Debug)]
struct Asked {
    id: SeriesId,
    expected_version: i64,
    change: Change,
    mode: Mode,
    body_hash: [u8; 32],
}

fn read(request: &UpdateSeriesRequest) -> Result<Asked, Error> {
    let mut violations = Violations::default();
    let id = SeriesId(violations.uuid("series_id", &request.series_id));
    let expected_version = request.expected_version;
    violations.require(
        expected_version > 0,
        "expected_version",
        "is not more than 0",
    );
    let change = Change::read(&mut violations, request.change.as_ref());
    let mode = mode(&mut violations, request.conflict_mode());
    violations.check()?;
    let body = UpdateSeriesRequest {
        series_id: id.to_string(),
        expected_version,
        change: Some(change.canonical()),
        conflict_mode: request.conflict_mode,
    };
    Ok(Asked {
        id,
        expected_version,
        change,
        mode,
        body_hash: requests::body_hash("UpdateSeries", &body),
    })
}

/// Changes a series from one of its lessons on.
///
/// # Errors
///
/// What stands against it.
pub async fn update(
    state: &State,
    by: Claimed,
    request: &UpdateSeriesRequest,
) -> Result<pb::UpdateSeriesResponse, Error> {
    let asked = read(request)?;
    retrying(|| try_update(state, by, &asked)).await
}

async fn try_update(
    state: &State,
    by: Claimed,
    asked: &Asked,
) -> Result<pb::UpdateSeriesResponse, Error> {
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    let found = store::find(&mut tx, actor.viewer(), asked.id).await?;
    let found = found.ok_or(Error::SeriesNotFound)?;
    let acting = acting(&found, actor)?;
    let now = state.now();
    let students = people_of(&mut tx, &found, now).await?;
    let people = placing::lock_people(&mut tx, found.teacher_id, &students).await?;
    store::lock(&mut tx, &[asked.id.0]).await?;
    let series = store::find(&mut tx, None, asked.id).await?;
    let mut series = series.ok_or(Error::SeriesNotFound)?;
    let now = state.now();
    let repeats = series.is_repeat(actor.user, asked.expected_version, &asked.body_hash);
    let done = if repeats {
        Done::default()
    } else {
        check_version(asked.expected_version, series.version)?;
        if series.status == Status::Canceled {
            return Err(Error::SeriesEnded);
        }
        let teacher = people.teacher.ok_or(Error::TeacherNotFound)?;
        let ground = (&teacher, students.as_slice());
        change(&mut tx, state, &mut series, ground, (asked, acting), now).await?
    };
    let message = listing::message(&mut tx, &series, actor, now).await?;
    tx.commit().await?;
    if !done.changed.is_empty() || done.written {
        recording::announce(state, &done.changed);
        state.committed();
        tracing::info!(
            event = "series_updated", series_id = %series.id, version = series.version,
            lessons = done.changed.len(), "series changed"
        );
    }
    Ok(pb::UpdateSeriesResponse {
        series: Some(message),
        changed_lesson_ids: done.changed_ids(series.id),
        kept_lesson_ids: done.kept.iter().map(ToString::to_string).collect(),
    })
}

/// Decides about a change of a locked series, whose people are locked too, and writes it.
async fn change(
    conn: &mut PgConnection,
    state: &State,
    series: &mut Series,
    (teacher, students): (&Teacher, &[UserId]),
    (asked, by): (&Asked, Acting),
    now: Timestamp,
) -> Result<Done, Error> {
    let mut ahead = Ahead::lock(&mut *conn, series, now).await?;
    if people_of(&mut *conn, series, now).await? != students {
        return Err(Error::PeopleChanged);
    }
    let wanted = &asked.change;
    let cleared = writing::clear(&mut *conn, series, teacher, students, wanted, now);
    let mut cleared = cleared.await?;
    let lessons = std::mem::take(&mut ahead.lessons);
    let (lessons, freed) = reconfirming::clear_seats(&mut *conn, lessons, now).await?;
    ahead.lessons = lessons;
    cleared.extend(freed);
    let plan = Plan::make(&mut *conn, series, teacher, &ahead, (wanted, by), now).await?;
    check_conflicts(&plan.decisions, asked.mode)?;
    let writer = writing::Writer {
        state,
        teacher,
        plan: &plan,
        by,
        now,
    };
    let written = writer.write(conn, series, wanted, &asked.body_hash);
    let mut done = written.await?;
    done.changed.splice(0..0, cleared);
    Ok(done)
}

/// Everybody whose time a change may take, by id: who is in the series, and who has a seat in
/// one of its lessons ahead.
async fn people_of(
    conn: &mut PgConnection,
    series: &Series,
    now: Timestamp,
) -> Result<Vec<UserId>, Error> {
    let mut people = students_of(&mut *conn, &series.learner).await?;
    people.extend(store::occurrences::list_seated(conn, series.id, now).await?);
    people.sort_unstable();
    people.dedup();
    Ok(people)
}
