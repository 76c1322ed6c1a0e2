//! What would become of a series: read and decided, nothing is locked or written.

use std::collections::BTreeSet;

use olm_proto::lesson::v1::{PreviewSeriesRequest, PreviewSeriesResponse};
use service_kit::status::Violations;
use sqlx::PgConnection;

use super::{
    creating::Ground,
    deciding::Clock,
    materialising::{horizon, is_near},
    messages::Viewing,
    reading::Wanted,
    store,
};
use crate::{
    actors::Claimed, errors::Error, ids::UserId, state::State, teachers::Teacher, users, zones,
};

/// Says what creating a series would do with every occurrence.
///
/// # Errors
///
/// What stands against the whole of it.
pub async fn preview(
    state: &State,
    by: Claimed,
    request: &PreviewSeriesRequest,
) -> Result<PreviewSeriesResponse, Error> {
    let mut violations = Violations::default();
    let wanted = Wanted::read(&mut violations, request.series.as_ref());
    violations.check()?;
    let wanted = wanted.ok_or(Error::Corrupt("a series without faults that is none"))?;
    let now = state.now();
    // One moment for all of it.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let mut tx = state.pool.begin_with(begin).await?;
    let actor = by.actor(&mut tx).await?;
    let ground = Ground::read(&mut tx, actor, &wanted).await?;
    let (pattern, count) = wanted.pattern(&ground.teacher, now)?;
    let decisions = ground.decide(&mut tx, &pattern, count, now).await?;
    let viewing = viewing(&mut tx, actor.user, &ground.teacher, &ground.students).await?;
    tx.commit().await?;
    let near = horizon(&ground.teacher);
    let free = decisions
        .iter()
        .filter(|decision| decision.conflict.is_none());
    let booked = free.filter(|decision| is_near(&decision.occurrence, near, now));
    let booked_count = i32::try_from(booked.count()).unwrap_or(i32::MAX);
    let against = decisions
        .iter()
        .filter(|decision| decision.conflict.is_some());
    let conflict_count = i32::try_from(against.count()).unwrap_or(i32::MAX);
    let mut shifted = BTreeSet::new();
    let occurrences = decisions.iter().map(|decision| {
        let (message, students) = viewing.occurrence(&pattern, decision);
        shifted.extend(students);
        message
    });
    Ok(PreviewSeriesResponse {
        occurrences: occurrences.collect(),
        conflict_count,
        viewer_time_zone: viewing.viewer.iana_name().unwrap_or_default().to_owned(),
        shifted_student_ids: shifted.iter().map(UserId::to_string).collect(),
        booked_count,
    })
}

/// The clocks that a preview looks at.
///
/// # Errors
///
/// When the database fails.
pub async fn viewing(
    conn: &mut PgConnection,
    viewer: UserId,
    teacher: &Teacher,
    students: &[UserId],
) -> Result<Viewing, Error> {
    let zone = |name: &str| zones::zone(name).ok_or(Error::Corrupt("users.time_zone"));
    let own = users::store::require_zone(&mut *conn, viewer).await?;
    let mut people = vec![Clock {
        user: teacher.id,
        zone: zone(&teacher.time_zone)?,
    }];
    for person in store::list_people(conn, students).await? {
        people.push(Clock {
            user: person.id,
            zone: zone(&person.time_zone)?,
        });
    }
    Ok(Viewing {
        viewer: zone(&own)?,
        people,
        teacher: teacher.id,
    })
}
