//! Booking a lesson: one transaction from the claim of the `request_id` to the outbox
//! row.

use jiff::{SignedDuration, Timestamp};
use olm_proto::lesson::v1::BookLessonRequest;
use service_kit::status::Violations;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Lesson, store};
use crate::{
    availability::{
        calendar::{Calendar, saturating},
        slots::{Stretch, Unbookable},
    },
    errors::{Error, read_instant},
    ids::{BookingId, LessonId, UserId},
    outbox,
    requests::{self, Claim},
    state::State,
    teachers::{self, Teacher},
    users,
};

/// How many other starts a refusal names, and how far from the wanted one they are
/// looked for.
const ALTERNATIVES: usize = 3;
const ALTERNATIVES_BEFORE: SignedDuration = SignedDuration::from_hours(24);
const ALTERNATIVES_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

struct Wanted {
    request_id: Uuid,
    body_hash: [u8; 32],
    teacher: UserId,
    start: Timestamp,
}

fn read(request: &BookLessonRequest) -> Result<Wanted, Error> {
    let mut violations = Violations::default();
    let request_id = violations.uuid("request_id", &request.request_id);
    let teacher = UserId(violations.uuid("teacher_id", &request.teacher_id));
    let start = read_instant(&mut violations, "start_time", request.start_time.as_ref());
    violations.require(request.start_time.is_some(), "start_time", "is missing");
    violations.check()?;
    let start = start.unwrap_or_default();
    let body = BookLessonRequest {
        request_id: String::new(),
        teacher_id: teacher.to_string(),
        start_time: Some(olm_proto::timestamp(start)),
        ..BookLessonRequest::default()
    };
    Ok(Wanted {
        request_id,
        body_hash: requests::body_hash("BookLesson", &body),
        teacher,
        start,
    })
}

/// Books a lesson with a teacher for `student`.
///
/// # Errors
///
/// What stands against it; a taken slot names other starts.
pub async fn book(
    state: &State,
    student: UserId,
    request: &BookLessonRequest,
) -> Result<Lesson, Error> {
    let wanted = read(request)?;
    let mut booked = try_book(state, student, &wanted).await;
    if booked.as_ref().is_err_and(Error::is_conflict) {
        booked = try_book(state, student, &wanted).await;
    }
    if let Err(Error::Unbookable {
        reason: Unbookable::SlotTaken,
        ..
    }) = booked
    {
        // Read after the transaction, so that what just took the slot is seen.
        return Err(Error::Unbookable {
            reason: Unbookable::SlotTaken,
            alternatives: alternatives(state, student, &wanted).await?,
        });
    }
    booked
}

async fn try_book(state: &State, student: UserId, wanted: &Wanted) -> Result<Lesson, Error> {
    let now = state.now();
    let id = LessonId::new(&*state.clock);
    let mut tx = state.pool.begin().await?;
    users::store::require(&mut tx, student).await?;
    let claim = requests::claim(
        &mut tx,
        student,
        wanted.request_id,
        wanted.body_hash,
        id.0,
        now,
    );
    if let Claim::Repeat(first) = claim.await? {
        let lesson = store::find(&mut tx, student, LessonId(first)).await?;
        return lesson.ok_or(Error::LessonNotFound);
    }
    let teacher = teachers::store::lock(&mut tx, wanted.teacher).await?;
    let teacher = teacher.ok_or(Error::TeacherNotFound)?;
    if teacher.id == student {
        return Err(Error::SelfBooking);
    }
    let mut lesson = insert(&mut tx, state, &teacher, student, id, wanted.start, now).await?;
    outbox::store::insert_lesson(&mut tx, &lesson, now).await?;
    lesson
        .bookings
        .retain(|booking| booking.student_id == student);
    tx.commit().await?;
    state.wake.wake();
    tracing::info!(
        event = "lesson_booked",
        lesson_id = %lesson.id,
        teacher_id = %teacher.id,
        student_id = %student,
        start_time = %lesson.during.start,
        "lesson booked"
    );
    Ok(lesson)
}

/// Decides by the rule, then inserts; the exclusion constraints have the last word.
async fn insert(
    conn: &mut PgConnection,
    state: &State,
    teacher: &Teacher,
    student: UserId,
    id: LessonId,
    start: Timestamp,
    now: Timestamp,
) -> Result<Lesson, Error> {
    let duration = teacher.policies.usual_duration();
    let end = saturating(start, duration);
    let window = Stretch { start, end };
    let calendar = Calendar::read(&mut *conn, teacher, Some(student), window, None, now).await?;
    let time = calendar.offer(now).bookable(start, duration)?;
    store::insert(&mut *conn, id, teacher.id, time, now).await?;
    let booking = BookingId::new(&*state.clock);
    store::insert_booking(&mut *conn, booking, id, student, now).await?;
    let lesson = store::find_for_snapshot(conn, id).await?;
    lesson.ok_or(Error::Corrupt("a lesson just inserted is gone"))
}

/// The bookable starts nearest to the wanted one, by time.
async fn alternatives(
    state: &State,
    student: UserId,
    wanted: &Wanted,
) -> Result<Vec<Timestamp>, Error> {
    let mut conn = state.pool.acquire().await?;
    let Some(teacher) = teachers::store::find(&mut conn, wanted.teacher).await? else {
        return Ok(Vec::new());
    };
    let window = Stretch {
        start: saturating(wanted.start, -ALTERNATIVES_BEFORE),
        end: saturating(wanted.start, ALTERNATIVES_AFTER),
    };
    let calendar = Calendar::read(
        &mut conn,
        &teacher,
        Some(student),
        window,
        None,
        state.now(),
    )
    .await?;
    let offer = calendar.offer(state.now());
    let duration = teacher.policies.usual_duration();
    let mut starts: Vec<_> = offer
        .slots(window, duration)
        .map(|slot| slot.during.start)
        .collect();
    starts.sort_by_key(|start| start.duration_since(wanted.start).abs());
    starts.truncate(ALTERNATIVES);
    starts.sort_unstable();
    Ok(starts)
}
