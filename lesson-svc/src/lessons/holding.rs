//! Holding a time: a student keeps it for a few minutes while they decide.

use jiff::{SignedDuration, Timestamp};
use olm_proto::lesson::v1::HoldSlotRequest;
use service_kit::status::Violations;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Acting, Lesson, Role,
    booking::first_answer,
    changes::Changed,
    placing::{self, Place},
    reading, recording,
    rules::{self, Beginning, New, NewSeat},
};
use crate::{
    actors::Claimed,
    errors::Error,
    ids::{BookingId, LessonId, UserId},
    requests::{self, Claim},
    retrying::retrying,
    state::State,
    students,
};

#[derive(Debug)]
struct Wanted {
    request_id: Uuid,
    body_hash: [u8; 32],
    teacher: UserId,
    start: Timestamp,
    duration: Option<SignedDuration>,
}

fn read(request: &HoldSlotRequest) -> Result<Wanted, Error> {
    let mut violations = Violations::default();
    let request_id = violations.uuid("request_id", &request.request_id);
    let teacher = UserId(violations.uuid("teacher_id", &request.teacher_id));
    let start = reading::start(&mut violations, request.start_time.as_ref());
    let duration = reading::duration(&mut violations, request.lesson_duration.as_ref());
    violations.check()?;
    let body = HoldSlotRequest {
        request_id: String::new(),
        teacher_id: teacher.to_string(),
        start_time: Some(olm_proto::timestamp(start)),
        lesson_duration: duration.map(olm_proto::duration),
    };
    Ok(Wanted {
        request_id,
        body_hash: requests::body_hash("HoldSlot", &body),
        teacher,
        start,
        duration,
    })
}

/// Holds a time for the acting user; the one they held before is let go.
///
/// # Errors
///
/// What stands against it; a taken slot names other starts, and the former hold stays.
pub async fn hold(state: &State, by: Claimed, request: &HoldSlotRequest) -> Result<Lesson, Error> {
    let wanted = read(request)?;
    retrying(|| try_hold(state, by, &wanted)).await
}

async fn try_hold(state: &State, by: Claimed, wanted: &Wanted) -> Result<Lesson, Error> {
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    let id = LessonId::new(&*state.clock);
    let (request, hash) = (wanted.request_id, wanted.body_hash);
    let claim = requests::claim(&mut tx, actor.user, request, hash, id.0, state.now());
    if let Claim::Repeat(first) = claim.await? {
        return first_answer(&mut tx, actor, first, state.now()).await;
    }
    let place = Place {
        teacher: wanted.teacher,
        student: Some(actor.user),
        role: Role::Student,
        start: wanted.start,
        duration: wanted.duration,
        except: None,
    };
    let changed = match make(&mut tx, state, &place, actor.user, id).await {
        Ok(changed) => changed,
        Err(error) => {
            tx.rollback().await?;
            return Err(placing::naming_alternatives(state, &place, error).await);
        }
    };
    tx.commit().await?;
    recording::announce(state, &changed);
    let made = changed.into_iter().last();
    let made = made.ok_or(Error::Corrupt("a hold without a lesson"))?;
    Ok(made.lesson.seen_by(actor, state.now()))
}

/// Makes the hold; what had to make way comes before it.
async fn make(
    conn: &mut PgConnection,
    state: &State,
    place: &Place,
    student: UserId,
    id: LessonId,
) -> Result<Vec<Changed>, Error> {
    let people = placing::lock_people(&mut *conn, place.teacher, &[student]).await?;
    let now = state.now();
    let teacher = people.teacher.as_ref().ok_or(Error::TeacherNotFound)?;
    if teacher.id == student {
        return Err(Error::SelfBooking);
    }
    let name = people.student(student).ok_or(Error::UserNotFound)?;
    let seat = NewSeat {
        id: BookingId::new(&*state.clock),
        student,
        name: name.to_owned(),
    };
    let is_student = students::store::is_student(&mut *conn, teacher.id, student).await?;
    rules::admit(place.role, teacher, is_student)?;
    let (time, mut changed) = placing::decide(&mut *conn, teacher, place, &[student], now).await?;
    let new = New {
        id,
        teacher,
        seats: vec![seat],
        group: None,
        capacity: 1,
        open_seats: false,
        series: None,
        time,
        notes: String::new(),
        meeting_url: String::new(),
    };
    let by = Acting {
        user: student,
        role: place.role,
    };
    let made = rules::begin(new, by, Beginning::Hold, now);
    recording::record_new(conn, std::slice::from_ref(&made), now).await?;
    changed.push(made);
    Ok(changed)
}
