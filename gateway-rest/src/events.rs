//! Changes as they happen, as server-sent events.

pub(crate) mod http;
pub(crate) mod relay;

use axum::response::sse::Event;
use olm_proto::lesson::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What a browser waits before it comes again.
const RETRY_MS: u64 = 1_000;

/// Whose free times are watched too.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Teachers whose free times, hours and policies are watched too, comma separated; at
    /// most 50.
    #[param(value_type = Option<Vec<Uuid>>, style = Form, explode = false, nullable = false)]
    pub(crate) teacher_ids: Option<String>,
}

/// The header as the OpenAPI document tells it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the OpenAPI derive only")]
pub(crate) struct LastEventId {
    /// The `id` of the last event that was handled: continues after it. Without it: from
    /// now on.
    #[param(
        rename = "Last-Event-ID",
        nullable = false,
        pattern = "^[A-Za-z0-9_-]{43}$"
    )]
    last_event_id: Option<String>,
}

/// The data of an event `changes`; that of `reset` and `beat` is `{}`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changes {
    /// In the order in which they became certain.
    changes: Vec<Change>,
}

/// Something changed: what, not how. Whoever needs to know more reads it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Change {
    kind: ChangeKind,
    /// What changed: a lesson, person, teacher, series or group. Of `slots` and
    /// `availability` the teacher.
    #[schema(format = "uuid")]
    entity_id: String,
    /// Its version after the change; 0 for `slots`.
    version: i64,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChangeKind {
    /// A lesson of the acting user's.
    Lesson,
    /// The acting user's name, profile or settings.
    User,
    /// Policies of the acting user, or of a teacher who is watched.
    Teacher,
    /// Hours of work or time off, likewise.
    Availability,
    /// A teacher who is watched has other free times.
    Slots,
    /// A series of the acting user's.
    Series,
    /// A group of the acting user's, or who is in it.
    Group,
    /// A kind newer than this gateway.
    Unknown,
}

impl From<pb::ChangeKind> for ChangeKind {
    fn from(kind: pb::ChangeKind) -> Self {
        match kind {
            pb::ChangeKind::Unspecified => Self::Unknown,
            pb::ChangeKind::Lesson => Self::Lesson,
            pb::ChangeKind::User => Self::User,
            pb::ChangeKind::Teacher => Self::Teacher,
            pb::ChangeKind::Availability => Self::Availability,
            pb::ChangeKind::Slots => Self::Slots,
            pb::ChangeKind::Series => Self::Series,
            pb::ChangeKind::Group => Self::Group,
        }
    }
}

impl From<pb::Change> for Change {
    fn from(change: pb::Change) -> Self {
        Self {
            kind: change.kind().into(),
            entity_id: change.entity_id,
            version: change.version,
        }
    }
}

/// An answer of the service as an event; `None` when it could not be written.
fn event(answer: pb::WatchChangesResponse) -> Option<Event> {
    let event = Event::default()
        .id(answer.cursor)
        .retry(std::time::Duration::from_millis(RETRY_MS));
    if answer.reset {
        return Some(event.event("reset").data("{}"));
    }
    if answer.changes.is_empty() {
        return Some(event.event("beat").data("{}"));
    }
    let changes = answer.changes.into_iter().map(Change::from).collect();
    event.event("changes").json_data(Changes { changes }).ok()
}
