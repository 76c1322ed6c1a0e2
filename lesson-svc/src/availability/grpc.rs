//! `AvailabilityService`: parse, transaction, reply.

use jiff::{SignedDuration, Timestamp};
use olm_proto::lesson::v1 as pb;
use olm_proto::lesson::v1::{
    GetAvailabilityRequest, GetAvailabilityResponse, ListSlotsRequest, ListSlotsResponse,
    SetWeeklyRulesRequest, SetWeeklyRulesResponse,
    availability_service_server::AvailabilityService,
};
use service_kit::{
    grpc::server::{acting_user, required_acting_user},
    status::Violations,
};
use tonic::{Request, Response, Status};

use super::{
    MAX_RULES, WeeklyRule,
    calendar::{Calendar, saturating},
    format_minute, parse_minute,
    slots::Stretch,
    store,
};
use crate::{
    errors::{Error, check_version, read_instant},
    ids::UserId,
    state::State,
    teachers, users, zones,
};

const DEFAULT_WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(31 * 24);
const DEFAULT_SLOTS: i32 = 50;
const MOST_SLOTS: i32 = 500;

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Availabilities(pub State);

#[tonic::async_trait]
impl AvailabilityService for Availabilities {
    async fn get_availability(
        &self,
        request: Request<GetAvailabilityRequest>,
    ) -> Result<Response<GetAvailabilityResponse>, Status> {
        let viewer = UserId(required_acting_user(&request)?);
        let availability = get(&self.0, viewer, &request.into_inner()).await?;
        Ok(Response::new(GetAvailabilityResponse {
            availability: Some(availability),
        }))
    }

    async fn set_weekly_rules(
        &self,
        request: Request<SetWeeklyRulesRequest>,
    ) -> Result<Response<SetWeeklyRulesResponse>, Status> {
        let teacher = UserId(required_acting_user(&request)?);
        let availability = set_rules(&self.0, teacher, &request.into_inner()).await?;
        Ok(Response::new(SetWeeklyRulesResponse {
            availability: Some(availability),
        }))
    }

    async fn list_slots(
        &self,
        request: Request<ListSlotsRequest>,
    ) -> Result<Response<ListSlotsResponse>, Status> {
        let viewer = acting_user(&request).map(UserId);
        let slots = list_slots(&self.0, viewer, &request.into_inner()).await?;
        Ok(Response::new(slots))
    }

    async fn put_override(
        &self,
        _request: Request<olm_proto::lesson::v1::PutOverrideRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::PutOverrideResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn delete_override(
        &self,
        _request: Request<olm_proto::lesson::v1::DeleteOverrideRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::DeleteOverrideResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn add_time_off(
        &self,
        _request: Request<olm_proto::lesson::v1::AddTimeOffRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::AddTimeOffResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn remove_time_off(
        &self,
        _request: Request<olm_proto::lesson::v1::RemoveTimeOffRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::RemoveTimeOffResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

async fn get(
    state: &State,
    viewer: UserId,
    request: &GetAvailabilityRequest,
) -> Result<pb::Availability, Error> {
    let mut violations = Violations::default();
    let teacher_id = UserId(violations.uuid("teacher_id", &request.teacher_id));
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    users::store::require(&mut conn, viewer).await?;
    let teacher = teachers::store::find(&mut conn, teacher_id).await?;
    let teacher = teacher.ok_or(Error::TeacherNotFound)?;
    Ok(match store::find(&mut conn, teacher_id).await? {
        Some(stored) => message(teacher_id, &stored.time_zone, &stored.rules, stored.version),
        None => message(teacher_id, &teacher.time_zone, &[], 0),
    })
}

fn message(
    teacher: UserId,
    time_zone: &str,
    rules: &[WeeklyRule],
    version: i64,
) -> pb::Availability {
    let rule = |rule: &WeeklyRule| pb::WeeklyRule {
        day_of_week: rule.day_of_week.into(),
        start_time_of_day: format_minute(rule.start_minute),
        end_time_of_day: format_minute(rule.end_minute),
        ..pb::WeeklyRule::default()
    };
    pb::Availability {
        teacher_id: teacher.to_string(),
        time_zone: time_zone.to_owned(),
        rules: rules.iter().map(rule).collect(),
        version,
        ..pb::Availability::default()
    }
}

/// Reads the rules; everything wrong with each of them is recorded.
fn read_rules(given: &[pb::WeeklyRule], violations: &mut Violations) -> Vec<WeeklyRule> {
    violations.require(
        given.len() <= MAX_RULES,
        "rules",
        format!("has {} rules, at most {MAX_RULES}", given.len()),
    );
    let mut rules: Vec<WeeklyRule> = Vec::new();
    for (index, rule) in given.iter().take(MAX_RULES).enumerate() {
        let field = |name: &str| format!("rules[{index}].{name}");
        let day = i16::try_from(rule.day_of_week)
            .ok()
            .filter(|day| (1..=7).contains(day));
        let start = parse_minute(&rule.start_time_of_day, false);
        let end = parse_minute(&rule.end_time_of_day, true);
        violations.require(
            day.is_some(),
            &field("day_of_week"),
            "is not 1 (Monday) to 7 (Sunday)",
        );
        violations.require(
            start.is_some(),
            &field("start_time_of_day"),
            "is not HH:MM, 00:00 to 23:59",
        );
        violations.require(
            end.is_some(),
            &field("end_time_of_day"),
            "is not HH:MM, 00:01 to 24:00",
        );
        let (Some(day_of_week), Some(start_minute), Some(end_minute)) = (day, start, end) else {
            continue;
        };
        let rule = WeeklyRule {
            day_of_week,
            start_minute,
            end_minute,
        };
        if start_minute >= end_minute {
            violations.add(field("end_time_of_day"), "is not after the start");
        } else if rules.iter().any(|other| other.overlaps(&rule)) {
            violations.add(
                format!("rules[{index}]"),
                "overlaps another rule of the same day",
            );
        } else {
            rules.push(rule);
        }
    }
    rules.sort_unstable();
    rules
}

async fn set_rules(
    state: &State,
    teacher: UserId,
    request: &SetWeeklyRulesRequest,
) -> Result<pb::Availability, Error> {
    let mut violations = Violations::default();
    let time_zone = zones::canonical_name(&request.time_zone);
    violations.require(time_zone.is_some(), "time_zone", "is not an IANA time zone");
    let rules = read_rules(&request.rules, &mut violations);
    violations.require(
        request.expected_version >= 0,
        "expected_version",
        "is negative",
    );
    violations.check()?;
    let time_zone = time_zone.unwrap_or_default();
    let mut tx = state.pool.begin().await?;
    users::store::require(&mut tx, teacher).await?;
    // The lock is the teacher's, so that no booking decides by rules that change.
    let locked = teachers::store::lock(&mut tx, teacher).await?;
    locked.ok_or(Error::NotATeacher)?;
    let stored = store::find(&mut tx, teacher).await?;
    let current = stored.map_or(0, |stored| stored.version);
    check_version(request.expected_version, current)?;
    let version = store::replace(&mut tx, teacher, &time_zone, &rules).await?;
    tx.commit().await?;
    tracing::info!(event = "weekly_rules_set", teacher_id = %teacher, rules = rules.len(), "weekly rules set");
    Ok(message(teacher, &time_zone, &rules, version))
}

/// The window asked for; what is wrong is recorded.
fn read_window(request: &ListSlotsRequest, now: Timestamp, violations: &mut Violations) -> Stretch {
    let start = read_instant(violations, "start_time", request.start_time.as_ref());
    let end = read_instant(violations, "end_time", request.end_time.as_ref());
    let start = start.unwrap_or(now);
    let end = end.unwrap_or_else(|| saturating(start, DEFAULT_WINDOW));
    if request.end_time.is_some() {
        violations.require(end > start, "end_time", "is not after start_time");
        violations.require(
            end.duration_since(start) <= LONGEST_WINDOW,
            "end_time",
            "is more than 31 days after start_time",
        );
    }
    Stretch { start, end }
}

async fn list_slots(
    state: &State,
    viewer: Option<UserId>,
    request: &ListSlotsRequest,
) -> Result<ListSlotsResponse, Error> {
    let now = state.now();
    let mut violations = Violations::default();
    let teacher_id = UserId(violations.uuid("teacher_id", &request.teacher_id));
    let window = read_window(request, now, &mut violations);
    violations.require(request.max_slots >= 0, "max_slots", "is negative");
    violations.check()?;
    let most = match request.max_slots {
        0 => DEFAULT_SLOTS,
        most => most.min(MOST_SLOTS),
    };
    let most = usize::try_from(most).unwrap_or_default();
    let mut conn = state.pool.acquire().await?;
    if let Some(viewer) = viewer {
        users::store::require(&mut conn, viewer).await?;
    }
    let teacher = teachers::store::find(&mut conn, teacher_id).await?;
    let teacher = teacher.ok_or(Error::TeacherNotFound)?;
    let window = bookable_part(window, now, &teacher.policies);
    let calendar = Calendar::read(&mut conn, &teacher, viewer, window, None, now).await?;
    let mut slots: Vec<_> = calendar
        .offer(now)
        .slots(window, teacher.policies.usual_duration())
        .take(most + 1)
        .collect();
    let truncated = slots.len() > most;
    slots.truncate(most);
    let slot = |slot: super::slots::Bookable| pb::Slot {
        start_time: Some(olm_proto::timestamp(slot.during.start)),
        end_time: Some(olm_proto::timestamp(slot.during.end)),
        ..pb::Slot::default()
    };
    Ok(ListSlotsResponse {
        slots: slots.into_iter().map(slot).collect(),
        time_zone: calendar.time_zone,
        truncated,
        ..ListSlotsResponse::default()
    })
}

/// Outside notice and horizon nothing is bookable, so nothing is computed there;
/// empty when they and the window do not meet.
fn bookable_part(window: Stretch, now: Timestamp, policies: &teachers::Policies) -> Stretch {
    let last = saturating(now, policies.booking_horizon);
    let start = window.start.max(saturating(now, policies.min_notice));
    // The horizon itself is bookable, the window's end is not.
    let end = window
        .end
        .min(saturating(last, SignedDuration::from_nanos(1)));
    Stretch {
        start,
        end: end.max(start),
    }
}
