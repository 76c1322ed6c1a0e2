//! Reading hours and listing what of them is free.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use olm_proto::lesson::v1 as pb;
use service_kit::status::Violations;
use sqlx::PgConnection;

use super::{
    calendar::{Calendar, Seeker, saturating},
    messages,
    slots::{Bookable, Stretch},
    store, yesterday,
};
use crate::{
    errors::{Error, read_instant},
    ids::{LessonId, UserId},
    lessons,
    state::State,
    teachers::{self, Policies, Teacher, policies::read_duration},
    users, zones,
};

const DEFAULT_WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(31 * 24);
const DEFAULT_SLOTS: usize = 50;
const MOST_SLOTS: usize = 500;

/// A teacher's hours as everybody may see them.
pub(super) async fn get(
    state: &State,
    viewer: UserId,
    request: &pb::GetAvailabilityRequest,
) -> Result<pb::Availability, Error> {
    let mut violations = Violations::default();
    let teacher_id = UserId(violations.uuid("teacher_id", &request.teacher_id));
    violations.check()?;
    // One moment for all of it, so that the version is that of what is read.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let mut tx = state.pool.begin_with(begin).await?;
    users::store::require(&mut tx, viewer).await?;
    let teacher = teachers::store::find(&mut tx, teacher_id).await?;
    let teacher = teacher.ok_or(Error::TeacherNotFound)?;
    let notes = viewer == teacher_id;
    let availability = availability(&mut tx, &teacher, notes, state.now()).await?;
    tx.commit().await?;
    Ok(availability)
}

/// A teacher's hours, and what is not over of overrides and time off.
pub(super) async fn availability(
    conn: &mut PgConnection,
    teacher: &Teacher,
    with_notes: bool,
    now: Timestamp,
) -> Result<pb::Availability, Error> {
    let mut availability = pb::Availability {
        teacher_id: teacher.id.to_string(),
        time_zone: teacher.time_zone.clone(),
        ..pb::Availability::default()
    };
    let Some(stored) = store::find(&mut *conn, teacher.id).await? else {
        return Ok(availability);
    };
    let zone = zones::zone(&stored.time_zone);
    let zone = zone.ok_or(Error::Corrupt("availabilities.time_zone"))?;
    let first = yesterday(&zone, now);
    let overrides = store::list_overrides(&mut *conn, teacher.id, first, None).await?;
    let time_off = store::list_time_off(conn, teacher.id, now, None).await?;
    availability.time_zone = stored.time_zone;
    availability.version = stored.version;
    availability.rules = stored.rules.iter().map(messages::rule_message).collect();
    availability.overrides = overrides.iter().map(messages::override_message).collect();
    availability.time_off = time_off
        .into_iter()
        .map(messages::time_off_message)
        .collect();
    if !with_notes {
        for off in &mut availability.time_off {
            off.note.clear();
        }
    }
    Ok(availability)
}

/// What a request for slots asks for.
struct Asked {
    teacher: UserId,
    window: Stretch,
    most: usize,
    duration: Option<SignedDuration>,
    /// The zone of local times, when the request names it.
    zone: Option<TimeZone>,
    /// The lesson that is to be moved.
    except: Option<LessonId>,
}

fn read(request: &pb::ListSlotsRequest, now: Timestamp) -> Result<Asked, Error> {
    let mut violations = Violations::default();
    let teacher = UserId(violations.uuid("teacher_id", &request.teacher_id));
    let window = read_window(request, now, &mut violations);
    let most = usize::try_from(request.max_slots);
    violations.require(most.is_ok(), "max_slots", "is negative");
    let given = request.lesson_duration.as_ref();
    let duration = read_duration("lesson_duration", given, &mut violations);
    let zone = zones::zone(&request.time_zone);
    let named = !request.time_zone.is_empty();
    violations.require(
        zone.is_some() || !named,
        "time_zone",
        "is not an IANA time zone",
    );
    let except = Some(request.except_lesson_id.as_str()).filter(|id| !id.is_empty());
    let except = except.map(|id| LessonId(violations.uuid("except_lesson_id", id)));
    violations.check()?;
    let most = most.unwrap_or_default().min(MOST_SLOTS);
    Ok(Asked {
        teacher,
        window,
        most: if most == 0 { DEFAULT_SLOTS } else { most },
        duration,
        zone: zone.filter(|_| named),
        except,
    })
}

/// The window asked for; what is wrong is recorded.
fn read_window(
    request: &pb::ListSlotsRequest,
    now: Timestamp,
    violations: &mut Violations,
) -> Stretch {
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

/// A lesson that another time is looked for.
struct Moved {
    id: LessonId,
    length: SignedDuration,
    /// Whose time it takes beside the teacher's; of a group's lesson nobody's.
    student: Option<UserId>,
}

impl Moved {
    /// A lesson of the teacher's that `viewer` may see: to everybody else it is not there, or
    /// they could learn from what becomes free when it is.
    async fn find(
        conn: &mut PgConnection,
        viewer: Option<UserId>,
        teacher: &Teacher,
        id: LessonId,
    ) -> Result<Self, Error> {
        let viewer = viewer.ok_or(Error::LessonNotFound)?;
        let lesson = lessons::store::find(conn, Some(viewer), id).await?;
        let lesson = lesson.filter(|lesson| lesson.teacher_id == teacher.id);
        let lesson = lesson.ok_or(Error::LessonNotFound)?;
        let student = match lesson.group {
            None => Some(lesson.student()?),
            Some(_) => None,
        };
        let Stretch { start, end } = lesson.time.during;
        Ok(Self {
            id,
            length: end.duration_since(start),
            student,
        })
    }
}

/// What can be booked in a window, or moved into it.
pub(super) async fn list_slots(
    state: &State,
    viewer: Option<UserId>,
    request: &pb::ListSlotsRequest,
) -> Result<pb::ListSlotsResponse, Error> {
    let now = state.now();
    let asked = read(request, now)?;
    let mut conn = state.pool.acquire().await?;
    let viewer_zone = match viewer {
        Some(viewer) => Some(users::store::require_zone(&mut conn, viewer).await?),
        None => None,
    };
    let teacher = teachers::store::find(&mut conn, asked.teacher).await?;
    let mut teacher = teacher.ok_or(Error::TeacherNotFound)?;
    let moved = match asked.except {
        Some(id) => Some(Moved::find(&mut conn, viewer, &teacher, id).await?),
        None => None,
    };
    let zone = match asked.zone {
        Some(zone) => zone,
        None => zones::zone(viewer_zone.as_ref().unwrap_or(&teacher.time_zone))
            .ok_or(Error::Corrupt("users.time_zone"))?,
    };
    if let Some(moved) = &moved {
        teacher.policies.offer_also(moved.length);
    }
    let wanted = asked.duration.or(moved.as_ref().map(|moved| moved.length));
    let duration = teacher.policies.offered_duration(wanted)?;
    let window = bookable_part(asked.window, now, &teacher.policies);
    let seeker = match &moved {
        Some(moved) => Seeker {
            student: moved.student,
            holds_make_way: moved.student == viewer,
            except: std::slice::from_ref(&moved.id),
        },
        None => Seeker {
            student: viewer,
            holds_make_way: true,
            except: &[],
        },
    };
    let calendar = Calendar::read(&mut conn, &teacher, seeker, window, now).await?;
    let mut slots: Vec<_> = calendar
        .offer(now)
        .slots(window, duration)
        .take(asked.most + 1)
        .map(|slot| message(slot, &zone))
        .collect();
    let truncated = slots.len() > asked.most;
    slots.truncate(asked.most);
    Ok(pb::ListSlotsResponse {
        slots,
        time_zone: calendar.time_zone,
        truncated,
        viewer_time_zone: zone.iana_name().unwrap_or_default().to_owned(),
    })
}

fn message(slot: Bookable, zone: &TimeZone) -> pb::Slot {
    let local = slot.during.start.to_zoned(zone.clone());
    pb::Slot {
        start_time: Some(olm_proto::timestamp(slot.during.start)),
        end_time: Some(olm_proto::timestamp(slot.during.end)),
        local_start_time: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    }
}

/// Outside notice and horizon nothing is bookable, so nothing is computed there;
/// empty when they and the window do not meet.
fn bookable_part(window: Stretch, now: Timestamp, policies: &Policies) -> Stretch {
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
