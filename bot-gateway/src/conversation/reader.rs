//! Who reads the answers, and how times and names look to them.

use jiff::{Timestamp, tz::TimeZone};
use olm_proto::lesson::v1::User;
use texts::{Language, Zone};
use uuid::Uuid;

/// Who reads the answer.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) language: Language,
    pub(super) zone: TimeZone,
    /// Whether they teach as well.
    pub(super) teaches: bool,
    /// Everything else of the person.
    pub(super) user: User,
}

impl Reader {
    pub(super) fn from_wire(user: User) -> Option<Self> {
        Some(Self {
            id: Uuid::try_parse(&user.id).ok()?,
            language: Language::from_tag(&user.language),
            zone: TimeZone::get(&user.time_zone).unwrap_or(TimeZone::UTC),
            teaches: user.is_teacher,
            name: user.display_name.clone(),
            user,
        })
    }

    /// Raised by every change of the person.
    pub(super) fn version(&self) -> i64 {
        self.user.version
    }

    /// The same person in another zone.
    pub(super) fn in_zone(&self, zone: Zone) -> Self {
        Self {
            zone: zone.time_zone(),
            ..self.clone()
        }
    }

    pub(super) fn lesson_time(&self, start: Timestamp, end: Timestamp) -> String {
        texts::lesson_time(start, end, self.language, &self.zone)
    }

    pub(super) fn moment_short(&self, instant: Timestamp) -> String {
        texts::moment_short(instant, self.language, &self.zone)
    }

    pub(super) fn zone_name(&self, now: Timestamp) -> String {
        texts::zone_name(&self.zone, self.language, now)
    }
}
