//! What to tell whom about a series as a whole: one pure function, whose rows the store
//! reconciles by key, as with lessons.

use std::{collections::BTreeSet, fmt, str::FromStr};

use jiff::Timestamp;
use olm_proto::notify::v1::{Content, SeriesNotice, content};
use uuid::Uuid;

use super::Snapshot;
use crate::notifications::{
    Kind, Lane,
    planned::{self, Due, Row},
    states::State,
};

mod telling;

use telling::Telling;

/// Somebody of the series, or who was, with the settings planning depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub user_id: Uuid,
    /// What they do not want to be told.
    pub muted: BTreeSet<Kind>,
}

/// What makes a planned notification the same one in every plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What it tells.
    pub kind: Kind,
    /// About which series.
    pub series_id: Uuid,
    /// Whom.
    pub user_id: Uuid,
    /// Of which schedule.
    pub schedule_version: i64,
    /// The start it is about, in seconds of Unix time; `None`: about all of them.
    pub start_s: Option<i64>,
    /// The snapshot's version, when its reader learned something of the same schedule
    /// before: they were taken out of a group and came back. Otherwise 0.
    pub edition: i64,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, series, user) = (self.kind.as_str(), self.series_id, self.user_id);
        write!(f, "{kind}/series/{series}/{user}/{}", self.schedule_version)?;
        if let Some(start_s) = self.start_s {
            write!(f, "/{start_s}")?;
        }
        if self.edition > 0 {
            write!(f, "/v{}", self.edition)?;
        }
        Ok(())
    }
}

/// A stored key that this version did not write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the key of a notification about a series")]
pub struct KeyUnknown(String);

impl FromStr for Key {
    type Err = KeyUnknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || KeyUnknown(text.to_owned());
        let parts: Vec<_> = text.split('/').collect();
        let [kind, "series", series, user, schedule, more @ ..] = parts.as_slice() else {
            return Err(unknown());
        };
        let mut key = Self {
            kind: Kind::parse(kind).ok_or_else(unknown)?,
            series_id: series.parse().map_err(|_| unknown())?,
            user_id: user.parse().map_err(|_| unknown())?,
            schedule_version: schedule.parse().map_err(|_| unknown())?,
            start_s: None,
            edition: 0,
        };
        for part in more {
            match part.strip_prefix('v') {
                Some(edition) => key.edition = edition.parse().map_err(|_| unknown())?,
                None => key.start_s = Some(part.parse().map_err(|_| unknown())?),
            }
        }
        Ok(key)
    }
}

/// A planned notification that exists and holds its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Which one.
    pub key: Key,
    /// Where it stands.
    pub state: State,
    /// A copy may be out although it is pending again.
    pub resent: bool,
    /// What it says; empty when its reader was erased.
    pub notice: SeriesNotice,
    /// Whose name is joined when it is sent.
    pub counterpart_id: Option<Uuid>,
}

impl Told {
    fn reached(&self) -> bool {
        planned::reached(self.state, self.resent)
    }

    fn in_flight(&self) -> bool {
        planned::in_flight(self.state, self.resent)
    }

    /// Whether it says when and where the series is, or that it is off.
    fn announces(&self) -> bool {
        matches!(
            self.key.kind,
            Kind::SeriesBooked | Kind::SeriesChanged | Kind::SeriesCanceled
        )
    }

    /// Whether it says that nothing of the series is left.
    fn ends(&self) -> bool {
        self.key.kind == Kind::SeriesCanceled && self.notice.previous_start_time.is_none()
    }

    /// In which order announcements were learned.
    fn order(&self) -> (i64, i64, bool) {
        (self.key.schedule_version, self.key.edition, self.ends())
    }
}

/// A notification that should exist.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Which one, and whom.
    pub key: Key,
    /// In which lane.
    pub lane: Lane,
    /// When.
    pub due: Due,
    /// When it is pointless to begin; `None`: 24 hours after it is due.
    pub expires_at: Option<Timestamp>,
    /// What it says, without names.
    pub notice: SeriesNotice,
    /// Whose name is joined when it is sent.
    pub counterpart_id: Option<Uuid>,
}

impl From<Planned> for Row {
    fn from(planned: Planned) -> Self {
        Self {
            kind: planned.key.kind,
            key: planned.key.to_string(),
            user_id: planned.key.user_id,
            lane: planned.lane,
            due: planned.due,
            expires_at: planned.expires_at,
            content: Content {
                kind: Some(content::Kind::SeriesNotice(planned.notice)),
            },
            counterpart_id: planned.counterpart_id,
        }
    }
}

/// The rows that should exist for `readers`, given what they were told.
///
/// - To both sides, what is new of the whole series, against what each learned last:
///   that it is booked, so that who joins a group hears of each of its series and nobody
///   else does; that it is at another hour, elsewhere or longer; that it, or its end, is
///   off; to a student who was taken out of its group too.
/// - To the teacher: which occurrences were not booked.
/// - To the teacher: who left the group by themselves.
/// - To whose clock shifts: once for the first lesson at the new hour.
///
/// What a reader muted is planned as [`Due::Never`].
#[must_use]
pub fn plan(
    snapshot: &Snapshot,
    readers: &[Reader],
    told: &[Told],
    now: Timestamp,
) -> Vec<Planned> {
    let mut planned = Vec::new();
    for reader in readers {
        let mut rows = Telling::new(snapshot, reader.user_id, told, now).rows();
        for row in &mut rows {
            if reader.muted.contains(&row.key.kind) {
                row.due = Due::Never;
            }
        }
        planned.extend(rows);
    }
    planned
}

#[cfg(test)]
mod tests;
