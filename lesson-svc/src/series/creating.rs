//! Making a series: all occurrences are decided, and those that are near booked, in one
//! transaction.

use jiff::Timestamp;
use olm_proto::lesson::v1::{self as pb, CreateSeriesRequest};
use service_kit::status::Violations;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Decided, Kept, LastChange, Learner, Pattern, Series, Status,
    busy::span,
    deciding::{Busy, Decision},
    listing,
    materialising::{self, Maker, horizon, is_near},
    reading::{For, Mode, Wanted, mode},
    store, telling,
};
use crate::{
    actors::{Actor, Claimed},
    errors::Error,
    groups,
    ids::{SeriesId, UserId},
    lessons::{Acting, Role, changes::Changed, lapsing, placing, recording, rules, store::Way},
    requests::{self, Claim},
    retrying::retrying,
    state::State,
    students,
    teachers::{self, Teacher},
};

/// Who a series is about, and who asks for it.
#[derive(Debug)]
pub struct Ground {
    /// Who teaches.
    pub teacher: Teacher,
    /// Whom it is for.
    pub learner: Learner,
    /// The one student, or the group's members, by id.
    pub students: Vec<UserId>,
    /// Who makes it.
    pub by: Acting,
}

impl Ground {
    /// Reads who a series is about.
    ///
    /// # Errors
    ///
    /// What stands against these people.
    pub async fn read(
        conn: &mut PgConnection,
        actor: Actor,
        wanted: &Wanted,
    ) -> Result<Self, Error> {
        let (id, by) = teacher_of(actor, wanted)?;
        let students = students_of(&mut *conn, wanted.people).await?;
        let teacher = teachers::store::find(&mut *conn, id).await?;
        Self::check(conn, teacher, by, wanted.people, students).await
    }

    /// Like [`Self::read`], with all of them locked until the transaction ends.
    ///
    /// # Errors
    ///
    /// What stands against these people; [`Error::PeopleChanged`] when the group's members
    /// did meanwhile.
    pub async fn lock(
        conn: &mut PgConnection,
        actor: Actor,
        wanted: &Wanted,
    ) -> Result<Self, Error> {
        let (id, by) = teacher_of(actor, wanted)?;
        let students = students_of(&mut *conn, wanted.people).await?;
        let people = placing::lock_people(&mut *conn, id, &students).await?;
        if students_of(&mut *conn, wanted.people).await? != students {
            return Err(Error::PeopleChanged);
        }
        Self::check(conn, people.teacher, by, wanted.people, students).await
    }

    async fn check(
        conn: &mut PgConnection,
        teacher: Option<Teacher>,
        by: Acting,
        people: For,
        students: Vec<UserId>,
    ) -> Result<Self, Error> {
        let teacher = teacher.ok_or(match by.role {
            Role::Teacher => Error::NotATeacher,
            Role::Student | Role::Admin | Role::System => Error::TeacherNotFound,
        })?;
        let learner = match people {
            For::Student(id) => {
                if id == teacher.id {
                    return Err(Error::SelfBooking);
                }
                let is_student = students::store::is_student(&mut *conn, teacher.id, id).await?;
                rules::admit(by.role, &teacher, is_student)?;
                let found = store::list_people(conn, &[id]).await?.pop();
                let name = found.ok_or(Error::UserNotFound)?.name;
                Learner::Student { id, name }
            }
            For::Group(id) => {
                let group = groups::store::find(conn, None, id).await?;
                let group = group
                    .filter(|group| group.teacher_id == teacher.id && group.delete_time.is_none());
                let group = group.ok_or(Error::GroupNotFound)?;
                Learner::Group {
                    id,
                    title: group.title,
                    capacity: group.capacity,
                }
            }
        };
        Ok(Self {
            teacher,
            learner,
            students,
            by,
        })
    }

    /// Decides about all occurrences.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn decide(
        &self,
        conn: &mut PgConnection,
        pattern: &Pattern,
        count: i16,
        now: Timestamp,
    ) -> Result<Vec<Decision>, Error> {
        let occurrences: Vec<_> = pattern.occurrences(0, count).collect();
        let within = span(&occurrences).ok_or(Error::Corrupt("a series without occurrences"))?;
        let busy = Busy::read(conn, &self.teacher, &self.learner, within, &[], now).await?;
        Ok(busy.decide(occurrences, &[].into_iter().collect(), now))
    }
}

/// Who teaches, and in which role the acting user makes it.
fn teacher_of(actor: Actor, wanted: &Wanted) -> Result<(UserId, Acting), Error> {
    let teacher = wanted.teacher.unwrap_or(actor.user);
    let role = if teacher == actor.user {
        Role::Teacher
    } else if actor.admin {
        Role::Admin
    } else {
        return Err(Error::TeacherOnly);
    };
    let user = actor.user;
    Ok((teacher, Acting { user, role }))
}

async fn students_of(conn: &mut PgConnection, people: For) -> Result<Vec<UserId>, Error> {
    match people {
        For::Student(id) => Ok(vec![id]),
        For::Group(id) => {
            let members = groups::store::list_members(conn, id).await?;
            Ok(members
                .into_iter()
                .map(|member| member.student_id)
                .collect())
        }
    }
}

/// Refuses what cannot be done as it is wanted.
///
/// # Errors
///
/// [`Error::SeriesConflicts`].
pub fn check_conflicts(decisions: &[Decision], mode: Mode) -> Result<(), Error> {
    let against = decisions
        .iter()
        .filter(|decision| decision.conflict.is_some());
    let starts: Vec<_> = against
        .map(|decision| decision.occurrence.during.start)
        .collect();
    let refused = match mode {
        Mode::Strict => !starts.is_empty(),
        Mode::Skip => !decisions.is_empty() && starts.len() == decisions.len(),
    };
    if refused {
        return Err(Error::SeriesConflicts {
            count: starts.len(),
            starts,
        });
    }
    Ok(())
}

/// A series to be made.
#[derive(Debug)]
struct Asked {
    request_id: Uuid,
    body_hash: [u8; 32],
    wanted: Wanted,
    mode: Mode,
}

fn read(request: &CreateSeriesRequest) -> Result<Asked, Error> {
    let mut violations = Violations::default();
    let request_id = violations.uuid("request_id", &request.request_id);
    let mode = mode(&mut violations, request.conflict_mode());
    let wanted = Wanted::read(&mut violations, request.series.as_ref());
    violations.check()?;
    let wanted = wanted.ok_or(Error::Corrupt("a series without faults that is none"))?;
    let body = CreateSeriesRequest {
        request_id: String::new(),
        series: Some(wanted.canonical()),
        conflict_mode: request.conflict_mode,
    };
    Ok(Asked {
        request_id,
        body_hash: requests::body_hash("CreateSeries", &body),
        wanted,
        mode,
    })
}

/// Makes a series, and books its lessons as far ahead as they are booked.
///
/// # Errors
///
/// What stands against it.
pub async fn create(
    state: &State,
    by: Claimed,
    request: &CreateSeriesRequest,
) -> Result<pb::CreateSeriesResponse, Error> {
    let asked = read(request)?;
    retrying(|| try_create(state, by, &asked)).await
}

async fn try_create(
    state: &State,
    by: Claimed,
    asked: &Asked,
) -> Result<pb::CreateSeriesResponse, Error> {
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    let id = SeriesId::new(&*state.clock);
    let (request, hash) = (asked.request_id, asked.body_hash);
    let claim = requests::claim(&mut tx, actor.user, request, hash, id.0, state.now());
    let (id, changed) = match claim.await? {
        Claim::Repeat(first) => (SeriesId(first), Vec::new()),
        Claim::New => (id, make(&mut tx, state, actor, asked, id).await?),
    };
    let now = state.now();
    let series = store::find(&mut tx, actor.viewer(), id).await?;
    let series = series.ok_or(Error::SeriesNotFound)?;
    let message = listing::message(&mut tx, &series, actor, now).await?;
    let lessons = store::occurrences::list_lessons(&mut tx, id).await?;
    tx.commit().await?;
    if !changed.is_empty() {
        recording::announce(state, &changed);
        tracing::info!(
            event = "series_created", series_id = %id, teacher_id = %series.teacher_id,
            lessons = lessons.len(), "series created"
        );
    }
    Ok(pb::CreateSeriesResponse {
        series: Some(message),
        lesson_ids: lessons.iter().map(ToString::to_string).collect(),
    })
}

async fn make(
    conn: &mut PgConnection,
    state: &State,
    actor: Actor,
    asked: &Asked,
    id: SeriesId,
) -> Result<Vec<Changed>, Error> {
    let ground = Ground::lock(&mut *conn, actor, &asked.wanted).await?;
    let now = state.now();
    let teacher = &ground.teacher;
    let (pattern, count) = asked.wanted.pattern(teacher, now)?;
    let occurrences: Vec<_> = pattern.occurrences(0, count).collect();
    let within = span(&occurrences).ok_or(Error::Corrupt("a series without occurrences"))?;
    let way = Way {
        teacher: teacher.id,
        students: &ground.students,
        within,
        holds: false,
    };
    let mut changed = lapsing::clear(&mut *conn, way, now).await?;
    let busy = Busy::read(&mut *conn, teacher, &ground.learner, within, &[], now).await?;
    let decisions = busy.decide(occurrences, &[].into_iter().collect(), now);
    check_conflicts(&decisions, asked.mode)?;
    let near = horizon(teacher);
    let far = decisions
        .iter()
        .find(|decision| !is_near(&decision.occurrence, near, now));
    let next = far.map_or(count, |far| far.occurrence.ordinal);
    let mut series = begin(id, &ground, &asked.wanted, (pattern, count, next), now);
    series.describe(ground.by);
    series.rearm(near);
    store::insert(&mut *conn, &series).await?;
    let maker = Maker {
        clock: &*state.clock,
        series: &series,
        teacher,
        group: busy.group.as_ref(),
        by: ground.by,
        now,
    };
    let booked = materialising::book(&mut *conn, &maker, &decisions).await?;
    changed.extend(booked);
    let skipped: Vec<_> = decisions
        .iter()
        .filter_map(|decision| skip(decision, false))
        .collect();
    store::occurrences::put(&mut *conn, id, &skipped).await?;
    telling::tell(conn, &series, now).await?;
    Ok(changed)
}

/// A new series, when it is armed yet to be.
fn begin(
    id: SeriesId,
    ground: &Ground,
    wanted: &Wanted,
    (pattern, occurrence_count, next_ordinal): (Pattern, i16, i16),
    now: Timestamp,
) -> Series {
    Series {
        id,
        teacher_id: ground.teacher.id,
        teacher_name: ground.teacher.display_name.clone(),
        learner: ground.learner.clone(),
        pattern,
        occurrence_count,
        next_ordinal,
        status: Status::Running,
        meeting_url: wanted.meeting_url.clone(),
        notes: wanted.notes.clone(),
        described_by: None,
        cancel_reason: String::new(),
        canceled_from: None,
        change: LastChange {
            role: ground.by.role,
            by: Some(ground.by.user),
            hash: None,
        },
        version: 1,
        schedule_version: 1,
        told_version: 1,
        create_time: now,
        due_time: None,
    }
}

/// The row of an occurrence that something stands against.
#[must_use]
pub fn skip(decision: &Decision, unasked: bool) -> Option<Kept> {
    Some(Kept {
        ordinal: decision.occurrence.ordinal,
        original_start: decision.occurrence.during.start,
        decided: Decided::Skipped {
            conflict: decision.conflict?,
            unasked,
        },
    })
}
