//! Which version of a lesson is current for whom: of a group's lesson, other people's seats
//! make nobody's version stale (docs/decisions/0017).

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Acting, Lesson, Role,
    changes::{self, Change},
};
use crate::{
    errors::{Error, check_version},
    ids::BookingId,
};

/// The first change of a locked lesson, read with all its seats, after `expected_version`
/// that concerns who acts: of a group's lesson one of the whole lesson, of the acting
/// student's own seats, or of the seat that the action names; of others the next one.
///
/// # Errors
///
/// When the database fails.
pub async fn first_change(
    conn: &mut PgConnection,
    lesson: &Lesson,
    by: Acting,
    named: Option<BookingId>,
    expected_version: i64,
) -> Result<Option<Change>, Error> {
    if lesson.group.is_none() {
        let version = expected_version.saturating_add(1);
        return changes::store::find(conn, lesson.id, version).await;
    }
    let seats = concerned(lesson, by, named);
    changes::store::find_first(conn, lesson.id, expected_version, &seats).await
}

/// The seats whose changes concern who acts.
fn concerned(lesson: &Lesson, by: Acting, named: Option<BookingId>) -> Vec<Uuid> {
    match by.role {
        Role::Student => {
            let seats = lesson.bookings.iter();
            let own = seats.filter(|seat| seat.student_id == by.user);
            own.map(|seat| seat.id.0).collect()
        }
        Role::Teacher | Role::Admin | Role::System => {
            named.map(|seat| seat.0).into_iter().collect()
        }
    }
}

/// Compares the version that somebody read with the one there is, as far as it concerns
/// them: `first` is the [first change](first_change) after it.
///
/// # Errors
///
/// [`Error::VersionStale`].
pub fn check(lesson: &Lesson, expected_version: i64, first: Option<&Change>) -> Result<(), Error> {
    if lesson.group.is_none() {
        return check_version(expected_version, lesson.version);
    }
    if first.is_none() && (1..=lesson.version).contains(&expected_version) {
        return Ok(());
    }
    Err(Error::VersionStale {
        current: lesson.version,
    })
}
