//! Booking the lessons of series as their time comes: by whoever makes or changes one, and by
//! a job that every replica runs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use service_kit::{clock::Clock, metrics, shutdown::Shutdown, status};
use sqlx::PgConnection;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    Decided, Kept, Learner, Occurrence, Series, Status,
    busy::span,
    creating::skip,
    deciding::{Busy, Decision},
    store, telling,
};
use crate::{
    availability::{calendar::saturating, slots::Bookable},
    errors::Error,
    groups,
    ids::{BookingId, LessonId, SeriesId, UserId},
    lessons::{
        Acting, OfGroup, OfSeries, Role,
        changes::Changed,
        gathering::Gathering,
        lapsing, placing, recording,
        rules::{self, Beginning, New, NewSeat},
        store::Way,
    },
    retrying::retrying,
    state::State,
    teachers::Teacher,
    users,
};

/// Lessons are booked at least so far ahead: 12 weeks.
const SHORTEST_HORIZON: SignedDuration = SignedDuration::from_hours(84 * 24);
/// And so much further than students can book.
const BEYOND_STUDENTS: SignedDuration = SignedDuration::from_hours(24);
/// How often the job looks for what is due.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// How many series a replica takes at once.
const BATCH: i64 = 20;
/// How long it may take about them.
const LEASE: SignedDuration = SignedDuration::from_mins(1);

/// How far ahead lessons with a teacher are booked: what students can reach is decided before
/// they do.
#[must_use]
pub fn horizon(teacher: &Teacher) -> SignedDuration {
    let reach = teacher.policies.booking_horizon + BEYOND_STUDENTS;
    reach.max(SHORTEST_HORIZON)
}

/// True of an occurrence whose time to be booked has come.
#[must_use]
pub fn is_near(occurrence: &Occurrence, horizon: SignedDuration, now: Timestamp) -> bool {
    occurrence.during.start < saturating(now, horizon)
}

/// What lessons of a series are made of.
#[derive(Debug)]
pub struct Maker<'a> {
    /// Makes ids.
    pub clock: &'a dyn Clock,
    /// Which series.
    pub series: &'a Series,
    /// Its teacher.
    pub teacher: &'a Teacher,
    /// Who of its group can come; `None`: one student's.
    pub group: Option<&'a Gathering>,
    /// Who makes them.
    pub by: Acting,
    /// The current instant.
    pub now: Timestamp,
}

impl Maker<'_> {
    fn seat(&self, student: UserId, name: &str) -> NewSeat {
        NewSeat {
            id: BookingId::new(self.clock),
            student,
            name: name.to_owned(),
        }
    }

    fn lesson(&self, occurrence: &Occurrence) -> Changed {
        let during = occurrence.during;
        let (seats, group, capacity) = match &self.series.learner {
            Learner::Student { id, name } => (vec![self.seat(*id, name)], None, 1),
            Learner::Group {
                id,
                title,
                capacity,
            } => {
                let seated = self.group.map(|group| group.seats_for(during).seated);
                let seated = seated.unwrap_or_default().into_iter();
                let seats = seated.map(|member| self.seat(member.student_id, &member.display_name));
                let group = OfGroup {
                    id: *id,
                    title: title.clone(),
                };
                (seats.collect(), Some(group), *capacity)
            }
        };
        let new = New {
            id: LessonId::new(self.clock),
            teacher: self.teacher,
            seats,
            group,
            capacity,
            open_seats: false,
            series: Some(OfSeries {
                id: self.series.id,
                original_start: during.start,
            }),
            // A teacher's lessons take no buffers of their own.
            time: Bookable {
                during,
                blocked: during,
            },
            notes: self.series.notes.clone(),
            meeting_url: self.series.meeting_url.clone(),
        };
        rules::begin(new, self.by, Beginning::Book, self.now)
    }
}

/// Books those of these occurrences that nothing stands against and that are below the
/// series' `next_ordinal`.
///
/// # Errors
///
/// When the database fails.
pub async fn book(
    conn: &mut PgConnection,
    maker: &Maker<'_>,
    decisions: &[Decision],
) -> Result<Vec<Changed>, Error> {
    let free = decisions.iter().filter(|decision| {
        decision.conflict.is_none() && decision.occurrence.ordinal < maker.series.next_ordinal
    });
    let made: Vec<_> = free
        .map(|decision| (maker.lesson(&decision.occurrence), decision.occurrence))
        .collect();
    let kept: Vec<_> = made
        .iter()
        .map(|(made, occurrence)| Kept {
            ordinal: occurrence.ordinal,
            original_start: occurrence.during.start,
            decided: Decided::Booked(made.lesson.id),
        })
        .collect();
    let made: Vec<_> = made.into_iter().map(|(made, _)| made).collect();
    recording::record_new(&mut *conn, &made, maker.now).await?;
    store::occurrences::put(conn, maker.series.id, &kept).await?;
    Ok(made)
}

/// Runs the job until stopping begins. Replicas pass over each other's series.
pub async fn run(state: State, shutdown: Shutdown) {
    let stopping = shutdown.stopping();
    tokio::pin!(stopping);
    let mut ticks = interval(POLL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reachable = true;
    loop {
        tokio::select! {
            () = &mut stopping => return,
            _ = ticks.tick() => {}
        }
        match metrics::job("materialising", tick(&state, &shutdown)).await {
            Ok(()) => reachable = true,
            // Said once, not at every tick; readiness tells the rest.
            Err(error) if std::mem::take(&mut reachable) => {
                tracing::warn!(
                    error = status::chain(&error),
                    "series that are due cannot be read"
                );
            }
            Err(_) => {}
        }
    }
}

/// Books what is due until nothing is.
async fn tick(state: &State, shutdown: &Shutdown) -> Result<(), Error> {
    loop {
        let now = state.now();
        let mut conn = state.pool.acquire().await?;
        let due = store::jobs::lease_due(&mut conn, now, saturating(now, LEASE), BATCH).await?;
        drop(conn);
        for id in &due {
            if shutdown.is_stopping() {
                return Ok(());
            }
            // One that cannot be booked does not hold up the others; it is due again in a
            // minute.
            if let Err(error) = retrying(|| materialise(state, *id)).await {
                tracing::warn!(series_id = %id, error = status::chain(&error), "a series cannot be booked");
            }
        }
        if !i64::try_from(due.len()).is_ok_and(|taken| taken == BATCH) {
            return Ok(());
        }
    }
}

/// Decides about what of a series is near, in one transaction.
///
/// # Errors
///
/// When the database fails.
pub async fn materialise(state: &State, id: SeriesId) -> Result<(), Error> {
    let mut tx = state.pool.begin().await?;
    let found = store::find(&mut tx, None, id).await?;
    let found = found.ok_or(Error::SeriesNotFound)?;
    // Its lessons are in the teacher's name: as whoever acts, they are not erased meanwhile.
    match users::store::require_locked(&mut tx, found.teacher_id).await {
        Ok(_) => {}
        Err(Error::UserNotFound) => return Ok(()),
        Err(error) => return Err(error),
    }
    let (teacher, students) = lock(&mut tx, &found).await?;
    let now = state.now();
    // Read again: it may have been decided, changed or cancelled before the locks were had.
    let series = store::find(&mut tx, None, id).await?;
    let mut series = series.ok_or(Error::SeriesNotFound)?;
    let Some(teacher) = teacher.filter(|_| series.due_time.is_some()) else {
        return Ok(());
    };
    let near = horizon(&teacher);
    let changed = book_due(&mut tx, state, &mut series, &teacher, &students, now).await?;
    series.rearm(near);
    store::update(&mut tx, &series, None).await?;
    tx.commit().await?;
    recording::announce(state, &changed);
    state.committed();
    tracing::info!(
        event = "series_booked", series_id = %id, next_ordinal = series.next_ordinal,
        "series booked"
    );
    Ok(())
}

/// Locks the people of a series, and the series; whether it is still the same is for the
/// caller to read.
///
/// # Errors
///
/// [`Error::PeopleChanged`] when its group's members changed meanwhile.
pub async fn lock(
    conn: &mut PgConnection,
    series: &Series,
) -> Result<(Option<Teacher>, Vec<UserId>), Error> {
    let students = students_of(&mut *conn, &series.learner).await?;
    let people = placing::lock_people(&mut *conn, series.teacher_id, &students).await?;
    store::lock(&mut *conn, &[series.id.0]).await?;
    if students_of(conn, &series.learner).await? != students {
        return Err(Error::PeopleChanged);
    }
    Ok((people.teacher, students))
}

/// The one student, or the group's members, by id.
///
/// # Errors
///
/// When the database fails.
pub async fn students_of(conn: &mut PgConnection, learner: &Learner) -> Result<Vec<UserId>, Error> {
    match learner {
        Learner::Student { id, .. } => Ok(vec![*id]),
        Learner::Group { id, .. } => {
            let members = groups::store::list_members(conn, *id).await?;
            Ok(members
                .into_iter()
                .map(|member| member.student_id)
                .collect())
        }
    }
}

/// Decides about the undecided occurrences of a locked series that are near, and books those
/// that nothing stands against; the others are skipped, and its teacher is told.
async fn book_due(
    conn: &mut PgConnection,
    state: &State,
    series: &mut Series,
    teacher: &Teacher,
    students: &[UserId],
    now: Timestamp,
) -> Result<Vec<Changed>, Error> {
    if series.status != Status::Running {
        return Ok(Vec::new());
    }
    let near = horizon(teacher);
    let (from, until) = (series.next_ordinal, series.occurrence_count);
    let due: Vec<_> = series
        .pattern
        .occurrences(from, until)
        .take_while(|next| is_near(next, near, now))
        .collect();
    series.next_ordinal = due.last().map_or(from, |last| last.ordinal + 1);
    let decided = store::occurrences::list(&mut *conn, series.id, from).await?;
    let open = due
        .into_iter()
        .filter(|next| decided.iter().all(|kept| kept.ordinal != next.ordinal));
    let open: Vec<_> = open.collect();
    let Some(within) = span(&open) else {
        return Ok(Vec::new());
    };
    let way = Way {
        teacher: teacher.id,
        students,
        within,
        holds: false,
    };
    let mut changed = lapsing::clear(&mut *conn, way, now).await?;
    let busy = Busy::read(&mut *conn, teacher, &series.learner, within, &[], now).await?;
    let decisions = busy.decide(open, &[].into_iter().collect(), now);
    let maker = Maker {
        clock: &*state.clock,
        series,
        teacher,
        group: busy.group.as_ref(),
        by: Acting {
            user: teacher.id,
            role: Role::Teacher,
        },
        now,
    };
    changed.extend(book(&mut *conn, &maker, &decisions).await?);
    let skipped: Vec<_> = decisions
        .iter()
        .filter_map(|decision| skip(decision, true))
        .collect();
    store::occurrences::put(&mut *conn, series.id, &skipped).await?;
    if skipped.iter().any(|kept| kept.original_start > now) {
        series.told_version += 1;
        telling::tell(conn, series, now).await?;
    }
    Ok(changed)
}
