//! What notify-svc is told of a series as a whole (docs/decisions/0015).

use jiff::Timestamp;
use olm_proto::notify::v1::{ClockShift, SeriesPlan, SeriesSnapshot};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Decided, Learner, Series, Standing, Status, store};
use crate::{availability::format_minute, errors::Error, groups, ids::UserId, outbox};

/// Notify-svc takes no more unbooked starts.
const MOST_UNBOOKED: usize = 50;

/// Tells of a locked series as it was just written, with its `told_version`.
///
/// # Errors
///
/// When the database fails.
pub async fn tell(conn: &mut PgConnection, series: &Series, now: Timestamp) -> Result<(), Error> {
    tell_after(conn, series, None, now).await
}

/// As [`tell`]; `left` is who left its group by themselves with it.
async fn tell_after(
    conn: &mut PgConnection,
    series: &Series,
    left: Option<UserId>,
    now: Timestamp,
) -> Result<(), Error> {
    let mut standing = store::occurrences::list_standing(&mut *conn, &[series.id.0], now).await?;
    let standing = standing.remove(&series.id).unwrap_or_default();
    let students = match &series.learner {
        Learner::Student { id, .. } => vec![*id],
        Learner::Group { id, .. } => {
            let members = groups::store::list_members(&mut *conn, *id).await?;
            members
                .into_iter()
                .map(|member| member.student_id)
                .collect()
        }
    };
    let shifts = store::clocks::list_shifts(&mut *conn, series.id, now).await?;
    let snapshot = SeriesSnapshot {
        left_student_id: left.map_or_else(String::new, |student| student.to_string()),
        clock_shifts: shifts
            .into_iter()
            .map(|shift| ClockShift {
                user_id: shift.user.to_string(),
                start_time: Some(olm_proto::timestamp(shift.start)),
                previous_start_time: Some(olm_proto::timestamp(shift.previous)),
            })
            .collect(),
        ..snapshot(series, &standing, &students, now)
    };
    outbox::store::insert_series(conn, series.id, snapshot, now).await
}

/// Tells anew of locked series in which only people or clocks changed; `left` is who left
/// their group by themselves: they are not told that they did, their teacher is.
///
/// # Errors
///
/// When the database fails.
pub async fn retell(
    conn: &mut PgConnection,
    ids: &[Uuid],
    left: Option<UserId>,
    now: Timestamp,
) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    store::raise_told(&mut *conn, ids).await?;
    for series in store::find_all(&mut *conn, ids).await? {
        tell_after(&mut *conn, &series, left, now).await?;
    }
    Ok(())
}

fn snapshot(
    series: &Series,
    standing: &Standing,
    students: &[UserId],
    now: Timestamp,
) -> SeriesSnapshot {
    let unbooked = standing.skipped.iter().filter(|kept| match kept.decided {
        Decided::Skipped { unasked, .. } => unasked,
        Decided::Booked(_) => false,
    });
    let wire = |time: Timestamp| olm_proto::timestamp(time);
    SeriesSnapshot {
        series_id: series.id.to_string(),
        version: series.told_version,
        schedule_version: series.schedule_version,
        teacher_id: series.teacher_id.to_string(),
        student_ids: students.iter().map(UserId::to_string).collect(),
        group_title: match &series.learner {
            Learner::Student { .. } => String::new(),
            Learner::Group { title, .. } => title.clone(),
        },
        plan: Some(plan(series, standing, now)),
        canceled: series.status == Status::Canceled,
        changed_by: series.change.role.to_notify().into(),
        cancel_reason: series.cancel_reason.clone(),
        canceled_from_time: series.canceled_from.map(wire),
        unbooked_start_times: unbooked
            .take(MOST_UNBOOKED)
            .map(|kept| wire(kept.original_start))
            .collect(),
        clock_shifts: Vec::new(),
        left_student_id: String::new(),
    }
}

fn plan(series: &Series, standing: &Standing, now: Timestamp) -> SeriesPlan {
    let pattern = &series.pattern;
    let undecided = match series.status {
        Status::Running => series.next_ordinal..series.occurrence_count,
        Status::Canceled => 0..0,
    };
    let skipped = |ordinal: i16| standing.skipped.iter().any(|kept| kept.ordinal == ordinal);
    let open: Vec<_> = pattern
        .occurrences(undecided.start, undecided.end)
        .filter(|next| next.during.start > now && !skipped(next.ordinal))
        .map(|next| next.during.start)
        .collect();
    let first = standing
        .next_start
        .into_iter()
        .chain(open.first().copied())
        .min();
    let last = standing
        .last_booked
        .into_iter()
        .chain(open.last().copied())
        .max();
    let open = i32::try_from(open.len()).unwrap_or(i32::MAX);
    SeriesPlan {
        time_zone: pattern.zone_name().to_owned(),
        day_of_week: pattern.weekday().to_monday_one_offset().into(),
        start_time_of_day: format_minute(pattern.start_minute),
        lesson_duration: Some(olm_proto::duration(pattern.duration)),
        every_weeks: pattern.every_weeks.into(),
        meeting_url: series.meeting_url.clone(),
        first_start_time: first.map(olm_proto::timestamp),
        last_start_time: last.map(olm_proto::timestamp),
        lesson_count: standing.ahead.saturating_add(open),
    }
}
