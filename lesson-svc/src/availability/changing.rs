//! Changing hours: each change in one transaction, under the lock of the teacher's row,
//! so that no booking decides by hours that change meanwhile.

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};
use olm_proto::lesson::v1 as pb;
use service_kit::status::Violations;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    DateOverride, LONGEST_NOTE, LONGEST_TIME_OFF, MAX_OVERRIDES, MAX_TIME_OFF, MOST_DAYS_AHEAD,
    TimeOff, listing, messages, slots::Stretch, store, yesterday,
};
use crate::{
    errors::{Error, check_text, check_version, read_instant},
    ids::{TimeOffId, UserId},
    requests::{self, Claim},
    state::State,
    teachers::{self, Teacher},
    users, zones,
};

/// How many lessons an answer names that stand in time off.
const MOST_LESSONS_NAMED: i64 = 50;

/// The acting teacher, locked, and the zone and version of the hours.
struct Locked {
    teacher: Teacher,
    time_zone: String,
    version: i64,
}

async fn lock(conn: &mut PgConnection, acting: UserId) -> Result<Locked, Error> {
    users::store::require_locked(&mut *conn, acting).await?;
    let teacher = teachers::store::lock(&mut *conn, acting).await?;
    let teacher = teacher.ok_or(Error::NotATeacher)?;
    let (time_zone, version) = match store::find(conn, acting).await? {
        Some(stored) => (stored.time_zone, stored.version),
        None => (teacher.time_zone.clone(), 0),
    };
    Ok(Locked {
        teacher,
        time_zone,
        version,
    })
}

impl Locked {
    /// The first date whose hours still matter.
    fn yesterday(&self, now: Timestamp) -> Result<Date, Error> {
        let zone = zones::zone(&self.time_zone);
        let zone = zone.ok_or(Error::Corrupt("availabilities.time_zone"))?;
        Ok(yesterday(&zone, now))
    }
}

fn check_expected(expected_version: i64, violations: &mut Violations) {
    violations.require(expected_version >= 0, "expected_version", "is negative");
}

/// Replaces the weekly rules and their zone.
pub(super) async fn set_rules(
    state: &State,
    acting: UserId,
    request: &pb::SetWeeklyRulesRequest,
) -> Result<pb::Availability, Error> {
    let mut violations = Violations::default();
    let time_zone = zones::canonical_name(&request.time_zone);
    violations.require(time_zone.is_some(), "time_zone", "is not an IANA time zone");
    let rules = messages::read_rules(&request.rules, &mut violations);
    check_expected(request.expected_version, &mut violations);
    violations.check()?;
    let time_zone = time_zone.unwrap_or_default();
    let mut tx = state.pool.begin().await?;
    let locked = lock(&mut tx, acting).await?;
    check_version(request.expected_version, locked.version)?;
    store::raise_version(&mut tx, acting, &time_zone).await?;
    store::replace_rules(&mut tx, acting, &time_zone, &rules).await?;
    let availability = listing::availability(&mut tx, &locked.teacher, true, state.now()).await?;
    tx.commit().await?;
    state.committed();
    tracing::info!(event = "weekly_rules_set", teacher_id = %acting, rules = rules.len(), "weekly rules set");
    Ok(availability)
}

/// Sets or replaces the hours of one date.
pub(super) async fn put_override(
    state: &State,
    acting: UserId,
    request: &pb::PutOverrideRequest,
) -> Result<pb::Availability, Error> {
    let now = state.now();
    let mut violations = Violations::default();
    let (date, intervals) =
        messages::read_override(request.date_override.as_ref(), &mut violations);
    check_expected(request.expected_version, &mut violations);
    let Some(date) = date else {
        violations.check()?;
        return Err(Error::Corrupt("a date that is missing was not recorded"));
    };
    // What is wrong with the date depends on the zone of the hours.
    let mut tx = state.pool.begin().await?;
    let locked = lock(&mut tx, acting).await?;
    let yesterday = locked.yesterday(now)?;
    let last = yesterday.saturating_add((MOST_DAYS_AHEAD + 1).days());
    violations.require(
        yesterday <= date && date <= last,
        "date_override.date",
        format!("is not between {yesterday} and {last}"),
    );
    violations.check()?;
    check_version(request.expected_version, locked.version)?;
    if store::count_overrides(&mut tx, acting, yesterday, date).await? >= MAX_OVERRIDES {
        return Err(Error::LimitReached {
            what: "overrides",
            limit: MAX_OVERRIDES,
        });
    }
    store::raise_version(&mut tx, acting, &locked.time_zone).await?;
    let put = DateOverride { date, intervals };
    store::put_override(&mut tx, acting, &put, yesterday).await?;
    let availability = listing::availability(&mut tx, &locked.teacher, true, now).await?;
    tx.commit().await?;
    state.committed();
    tracing::info!(event = "override_put", teacher_id = %acting, date = %date, "override put");
    Ok(availability)
}

/// Gives a date its weekly hours back.
pub(super) async fn delete_override(
    state: &State,
    acting: UserId,
    request: &pb::DeleteOverrideRequest,
) -> Result<pb::Availability, Error> {
    let mut violations = Violations::default();
    let date = messages::read_date(&request.date, "date", &mut violations);
    check_expected(request.expected_version, &mut violations);
    violations.check()?;
    let date = date.unwrap_or_default();
    let mut tx = state.pool.begin().await?;
    let locked = lock(&mut tx, acting).await?;
    check_version(request.expected_version, locked.version)?;
    let deleted = store::delete_override(&mut tx, acting, date).await?;
    if deleted {
        store::raise_version(&mut tx, acting, &locked.time_zone).await?;
    }
    let availability = listing::availability(&mut tx, &locked.teacher, true, state.now()).await?;
    tx.commit().await?;
    state.committed();
    tracing::info!(event = "override_deleted", teacher_id = %acting, date = %date, deleted, "override deleted");
    Ok(availability)
}

/// Time off as a request names it.
struct WantedTimeOff {
    request_id: Uuid,
    body_hash: [u8; 32],
    during: Stretch,
    note: String,
    /// What is wrong with it now, though it may have been right when it was first asked
    /// for.
    too_late: Violations,
}

fn read_time_off(request: &pb::AddTimeOffRequest, now: Timestamp) -> Result<WantedTimeOff, Error> {
    let mut violations = Violations::default();
    let request_id = violations.uuid("request_id", &request.request_id);
    let mut read = |field: &str, given: Option<&prost_types::Timestamp>| {
        violations.require(given.is_some(), field, "is missing");
        // The database keeps microseconds.
        read_instant(&mut violations, field, given)
            .and_then(|instant| Timestamp::from_microsecond(instant.as_microsecond()).ok())
    };
    let start = read("start_time", request.start_time.as_ref());
    let end = read("end_time", request.end_time.as_ref());
    check_text(&mut violations, "note", &request.note, LONGEST_NOTE);
    if let Some((start, end)) = start.zip(end) {
        let length = end.duration_since(start);
        violations.require(
            length > SignedDuration::ZERO,
            "end_time",
            "is not after start_time",
        );
        violations.require(
            length <= LONGEST_TIME_OFF,
            "end_time",
            "is more than 366 days after start_time",
        );
    }
    let wrong = !violations.is_empty();
    if let Some(end) = end {
        let ahead = end.duration_since(now);
        violations.require(ahead > SignedDuration::ZERO, "end_time", "is past");
        violations.require(
            ahead <= SignedDuration::from_hours(24 * MOST_DAYS_AHEAD),
            "end_time",
            "is more than 3 years ahead",
        );
    }
    if wrong {
        violations.check()?;
        return Err(Error::Corrupt("a fault that was recorded is gone"));
    }
    let during = Stretch {
        start: start.unwrap_or_default(),
        end: end.unwrap_or_default(),
    };
    let body = pb::AddTimeOffRequest {
        request_id: String::new(),
        start_time: Some(olm_proto::timestamp(during.start)),
        end_time: Some(olm_proto::timestamp(during.end)),
        note: request.note.clone(),
    };
    Ok(WantedTimeOff {
        request_id,
        body_hash: requests::body_hash("AddTimeOff", &body),
        during,
        note: request.note.clone(),
        too_late: violations,
    })
}

/// Adds time off, and names the lessons that stand in it.
pub(super) async fn add_time_off(
    state: &State,
    acting: UserId,
    request: &pb::AddTimeOffRequest,
) -> Result<pb::AddTimeOffResponse, Error> {
    let now = state.now();
    let wanted = read_time_off(request, now)?;
    let id = TimeOffId::new(&*state.clock);
    let mut tx = state.pool.begin().await?;
    users::store::require_locked(&mut tx, acting).await?;
    let (request_id, body_hash) = (wanted.request_id, wanted.body_hash);
    let claim = requests::claim(&mut tx, acting, request_id, body_hash, id.0, now).await?;
    let off = match claim {
        Claim::Repeat(first) => {
            let first = store::find_time_off(&mut tx, acting, TimeOffId(first)).await?;
            first.ok_or(Error::TimeOffNotFound)?
        }
        Claim::New => insert_time_off(&mut tx, acting, id, wanted, now).await?,
    };
    let lessons =
        store::busy::list_lessons_in(&mut tx, acting, off.during, now, MOST_LESSONS_NAMED).await?;
    tx.commit().await?;
    state.committed();
    tracing::info!(
        event = "time_off_added",
        teacher_id = %acting,
        time_off_id = %off.id,
        lessons = lessons.len(),
        "time off added"
    );
    Ok(pb::AddTimeOffResponse {
        time_off: Some(messages::time_off_message(off)),
        lesson_ids: lessons.iter().map(ToString::to_string).collect(),
    })
}

async fn insert_time_off(
    conn: &mut PgConnection,
    acting: UserId,
    id: TimeOffId,
    wanted: WantedTimeOff,
    now: Timestamp,
) -> Result<TimeOff, Error> {
    wanted.too_late.check()?;
    let locked = lock(&mut *conn, acting).await?;
    if store::count_time_off(&mut *conn, acting, now).await? >= MAX_TIME_OFF {
        return Err(Error::LimitReached {
            what: "time off",
            limit: MAX_TIME_OFF,
        });
    }
    store::raise_version(&mut *conn, acting, &locked.time_zone).await?;
    let off = TimeOff {
        id,
        during: wanted.during,
        note: wanted.note,
    };
    store::insert_time_off(conn, acting, &off, now).await?;
    Ok(off)
}

/// Removes time off.
pub(super) async fn remove_time_off(
    state: &State,
    acting: UserId,
    request: &pb::RemoveTimeOffRequest,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    let id = TimeOffId(violations.uuid("time_off_id", &request.time_off_id));
    violations.check()?;
    let mut tx = state.pool.begin().await?;
    let locked = lock(&mut tx, acting).await?;
    if !store::delete_time_off(&mut tx, acting, id).await? {
        return Err(Error::TimeOffNotFound);
    }
    store::raise_version(&mut tx, acting, &locked.time_zone).await?;
    tx.commit().await?;
    state.committed();
    tracing::info!(event = "time_off_removed", teacher_id = %acting, time_off_id = %id, "time off removed");
    Ok(())
}
