//! Booking a lesson: one transaction from the claim of the `request_id` to the outbox
//! row.

use jiff::{SignedDuration, Timestamp};
use olm_proto::lesson::v1::BookLessonRequest;
use service_kit::status::Violations;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Acting, Lesson, Role,
    changes::Changed,
    gathering,
    placing::{self, Place},
    reading, recording,
    rules::{self, Beginning, New, NewSeat},
    store,
};
use crate::{
    actors::{Actor, Claimed},
    errors::Error,
    groups,
    ids::{BookingId, GroupId, LessonId, UserId},
    requests::{self, Claim},
    retrying::retrying,
    state::State,
    students,
    teachers::Teacher,
};

/// How many requests of one student may wait for decisions, so that nobody takes all the
/// time there is by asking for it.
const MOST_REQUESTS: usize = 20;

/// A booking as it is asked for.
#[derive(Debug)]
struct Wanted {
    request_id: Uuid,
    body_hash: [u8; 32],
    teacher: UserId,
    start: Timestamp,
    duration: Option<SignedDuration>,
    /// Whom it is for; `None`: the acting user.
    student: Option<UserId>,
    /// The hold that becomes the lesson.
    held: Option<LessonId>,
    /// The group it is for, instead of one student.
    group: Option<GroupId>,
    /// Of a group's: how many seats are free for who joins; 0: everybody has one.
    open_seats: i16,
    notes: String,
}

fn read(request: &BookLessonRequest) -> Result<Wanted, Error> {
    let mut violations = Violations::default();
    let request_id = violations.uuid("request_id", &request.request_id);
    let teacher = UserId(violations.uuid("teacher_id", &request.teacher_id));
    let start = reading::start(&mut violations, request.start_time.as_ref());
    let duration = reading::duration(&mut violations, request.lesson_duration.as_ref());
    let mut optional = |field: &str, id: &str| (!id.is_empty()).then(|| violations.uuid(field, id));
    let student = optional("student_id", &request.student_id).map(UserId);
    let held = optional("held_lesson_id", &request.held_lesson_id).map(LessonId);
    let group = optional("group_id", &request.group_id).map(GroupId);
    let alone = group.is_none() || (student.is_none() && held.is_none());
    violations.require(alone, "group_id", "is given beside a student or a hold");
    let open_seats = read_open_seats(request, &mut violations);
    reading::notes(&mut violations, &request.notes);
    violations.check()?;
    let body = BookLessonRequest {
        request_id: String::new(),
        teacher_id: teacher.to_string(),
        start_time: Some(olm_proto::timestamp(start)),
        lesson_duration: duration.map(olm_proto::duration),
        student_id: student.map(|id| id.to_string()).unwrap_or_default(),
        held_lesson_id: held.map(|id| id.to_string()).unwrap_or_default(),
        notes: request.notes.clone(),
        group_id: group.map(|id| id.to_string()).unwrap_or_default(),
        open_seats: open_seats.into(),
    };
    Ok(Wanted {
        request_id,
        body_hash: requests::body_hash("BookLesson", &body),
        teacher,
        start,
        duration,
        student,
        held,
        group,
        open_seats,
        notes: body.notes,
    })
}

fn read_open_seats(request: &BookLessonRequest, violations: &mut Violations) -> i16 {
    let (field, given) = ("open_seats", request.open_seats);
    let most = *groups::CAPACITY.end();
    violations.require(
        (0..=most).contains(&given),
        field,
        format!("is {given}, not between 0 and {most}"),
    );
    let of_group = given == 0 || !request.group_id.is_empty();
    violations.require(of_group, field, "is given without a group");
    i16::try_from(given).unwrap_or_default()
}

/// What was booked.
#[derive(Debug)]
pub struct Booked {
    /// The lesson.
    pub lesson: Lesson,
    /// Of a group's: its members who have no seat because of another lesson.
    pub busy: Vec<UserId>,
}

/// Books a lesson with a teacher: for the acting user, or for their student by a
/// teacher, or for anybody by an admin.
///
/// # Errors
///
/// What stands against it; a taken slot names other starts.
pub async fn book(
    state: &State,
    by: Claimed,
    request: &BookLessonRequest,
) -> Result<Booked, Error> {
    let wanted = read(request)?;
    retrying(|| try_book(state, by, &wanted)).await
}

async fn try_book(state: &State, by: Claimed, wanted: &Wanted) -> Result<Booked, Error> {
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    if let Some(group) = wanted.group {
        gathering::require(&mut tx, actor, wanted.teacher, group).await?;
    }
    let place = place_of(actor, wanted)?;
    let id = wanted.held.unwrap_or_else(|| LessonId::new(&*state.clock));
    let (request, hash) = (wanted.request_id, wanted.body_hash);
    let claim = requests::claim(&mut tx, actor.user, request, hash, id.0, state.now());
    if let Claim::Repeat(first) = claim.await? {
        let busy = match wanted.group {
            Some(group) if wanted.open_seats == 0 => {
                gathering::list_seatless(&mut tx, group, LessonId(first)).await?
            }
            Some(_) | None => Vec::new(),
        };
        let lesson = first_answer(&mut tx, actor, first, state.now()).await?;
        return Ok(Booked { lesson, busy });
    }
    let made = make_any(&mut tx, state, actor, wanted, &place, id).await;
    let (changed, busy) = match made {
        Ok(made) => made,
        Err(error) => {
            tx.rollback().await?;
            return Err(placing::naming_alternatives(state, &place, error).await);
        }
    };
    tx.commit().await?;
    recording::announce(state, &changed);
    let made = changed.into_iter().last();
    let made = made.ok_or(Error::Corrupt("a booking without a lesson"))?;
    let lesson = made.lesson.seen_by(actor, state.now());
    Ok(Booked { lesson, busy })
}

/// Makes the lesson, of a student or of a group; answers what became of lessons, the new one
/// the last, and who of the group has no seat.
async fn make_any(
    conn: &mut PgConnection,
    state: &State,
    actor: Actor,
    wanted: &Wanted,
    place: &Place,
    id: LessonId,
) -> Result<(Vec<Changed>, Vec<UserId>), Error> {
    let Some(group) = wanted.group else {
        let changed = make(conn, state, actor, wanted, place, id).await?;
        return Ok((changed, Vec::new()));
    };
    let new = gathering::New {
        id,
        by: acting(actor, place),
        open_seats: wanted.open_seats,
        notes: &wanted.notes,
    };
    gathering::make(conn, state, group, place, new).await
}

fn acting(actor: Actor, place: &Place) -> Acting {
    Acting {
        user: actor.user,
        role: place.role,
    }
}

/// What the request of before made, as it is now.
///
/// # Errors
///
/// When the database fails.
pub async fn first_answer(
    conn: &mut PgConnection,
    actor: Actor,
    made: Uuid,
    now: Timestamp,
) -> Result<Lesson, Error> {
    let lesson = store::find(conn, actor.viewer(), LessonId(made)).await?;
    let lesson = lesson.ok_or(Error::LessonNotFound)?;
    Ok(lesson.seen_by(actor, now))
}

/// Whose lesson it is to be, and in which role the acting user books it.
fn place_of(actor: Actor, wanted: &Wanted) -> Result<Place, Error> {
    let student = wanted.student.unwrap_or(actor.user);
    let role = if wanted.group.is_none() && student == actor.user {
        Role::Student
    } else if actor.user == wanted.teacher {
        Role::Teacher
    } else if actor.admin {
        Role::Admin
    } else {
        return Err(Error::TeacherOnly);
    };
    if role != Role::Student && wanted.held.is_some() {
        return Err(refused_hold("is only for a booking of one's own"));
    }
    Ok(Place {
        teacher: wanted.teacher,
        student: wanted.group.is_none().then_some(student),
        role,
        start: wanted.start,
        duration: wanted.duration,
        except: None,
    })
}

fn refused_hold(text: &str) -> Error {
    let mut violations = Violations::default();
    violations.add("held_lesson_id", text);
    match violations.check() {
        Err(refusal) => refusal.into(),
        Ok(()) => Error::LessonNotFound,
    }
}

/// Makes the lesson; what had to make way comes before it.
async fn make(
    conn: &mut PgConnection,
    state: &State,
    actor: Actor,
    wanted: &Wanted,
    place: &Place,
    id: LessonId,
) -> Result<Vec<Changed>, Error> {
    let student = wanted.student.unwrap_or(actor.user);
    let people = placing::lock_people(&mut *conn, place.teacher, &[student]).await?;
    let now = state.now();
    let teacher = people.teacher.as_ref().ok_or(Error::TeacherNotFound)?;
    if teacher.id == student {
        return Err(Error::SelfBooking);
    }
    let is_student = students::store::is_student(&mut *conn, teacher.id, student).await?;
    rules::admit(place.role, teacher, is_student)?;
    let name = people.student(student).ok_or(Error::UserNotFound)?;
    let seat = NewSeat {
        id: BookingId::new(&*state.clock),
        student,
        name: name.to_owned(),
    };
    let by = acting(actor, place);
    let beginning = Beginning::of_booking(place.role, teacher);
    if beginning == Beginning::Request
        && store::count_requests(&mut *conn, student, now).await? >= MOST_REQUESTS
    {
        return Err(Error::LimitReached {
            what: "requests that wait for a decision",
            limit: MOST_REQUESTS,
        });
    }
    if wanted.held.is_some() {
        let hold = lock_hold(&mut *conn, teacher, place, student, id).await?;
        let made = [rules::convert(&hold, by, beginning, &wanted.notes, now)?];
        recording::record(conn, &made, now).await?;
        return Ok(made.into());
    }
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
        notes: wanted.notes.clone(),
        meeting_url: String::new(),
    };
    let made = rules::begin(new, by, beginning, now);
    recording::record_new(conn, std::slice::from_ref(&made), now).await?;
    changed.push(made);
    Ok(changed)
}

/// The student's own hold of exactly this place, locked.
async fn lock_hold(
    conn: &mut PgConnection,
    teacher: &Teacher,
    place: &Place,
    student: UserId,
    id: LessonId,
) -> Result<Lesson, Error> {
    if !store::lock(&mut *conn, Some(student), id).await? {
        return Err(Error::LessonNotFound);
    }
    let hold = store::find(conn, None, id).await?;
    let hold = hold.ok_or(Error::LessonNotFound)?;
    let mut seats = hold.bookings.iter();
    if !seats.any(|seat| seat.student_id == student) {
        return Err(Error::LessonNotFound);
    }
    let length = place.duration.unwrap_or(teacher.policies.usual_duration());
    let during = hold.time.during;
    if hold.teacher_id != place.teacher
        || during.start != place.start
        || during.end.duration_since(during.start) != length
    {
        return Err(refused_hold("has another teacher, start or length"));
    }
    Ok(hold)
}
