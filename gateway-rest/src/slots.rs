//! A teacher's free times.

pub(crate) mod http;

use jiff::Timestamp;
use olm_proto::{instant, lesson::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

/// Which slots are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SlotsQuery {
    /// Slots that start at or after this instant; default: now.
    #[param(value_type = Option<Timestamp>, nullable = false)]
    pub(crate) from: Option<String>,
    /// Slots that start before this instant, at most 31 days after `from`; default: 7
    /// days after it.
    #[param(value_type = Option<Timestamp>, nullable = false)]
    pub(crate) to: Option<String>,
    /// At most this many; default 50, never more than 500.
    #[param(value_type = Option<i32>, nullable = false, minimum = 0, maximum = 2_147_483_647, example = 50)]
    pub(crate) limit: Option<String>,
    /// One of the lengths the teacher offers, in seconds; default: the first of them.
    #[param(value_type = Option<i64>, nullable = false, minimum = 300, maximum = 28800)]
    pub(crate) lesson_duration_s: Option<String>,
    /// IANA name of the zone local times are written in; default: the acting user's, or
    /// the teacher's when nobody acts.
    #[param(nullable = false, example = "Europe/Berlin")]
    pub(crate) time_zone: Option<String>,
    /// A lesson of this teacher that the acting user may see, when it is to be moved: its own
    /// time counts as free, its length as offered, and is the default.
    #[param(value_type = Option<Uuid>, nullable = false)]
    pub(crate) except_lesson_id: Option<String>,
}

/// Times at which a lesson can be booked right now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SlotList {
    /// By start.
    slots: Vec<Slot>,
    /// The zone of the teacher's hours, IANA name.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// True when `limit` cut the list.
    truncated: bool,
    /// The zone of the local times, IANA name.
    #[schema(example = "Europe/Berlin")]
    viewer_time_zone: String,
}

/// One free time.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "a slot is times only")]
pub(crate) struct Slot {
    start_time: Timestamp,
    end_time: Timestamp,
    /// The start as the viewer's clock shows it, with its offset.
    #[schema(format = "date-time", example = "2026-01-16T13:00:00+01:00")]
    local_start_time: String,
}

impl TryFrom<pb::ListSlotsResponse> for SlotList {
    type Error = Problem;

    fn try_from(answer: pb::ListSlotsResponse) -> Result<Self, Problem> {
        let slots = answer.slots.into_iter().map(|slot| {
            let start_time = slot.start_time.as_ref().and_then(instant);
            let end_time = slot.end_time.as_ref().and_then(instant);
            match (start_time, end_time) {
                (Some(start_time), Some(end_time)) => Ok(Slot {
                    start_time,
                    end_time,
                    local_start_time: slot.local_start_time,
                }),
                (None, _) | (_, None) => Err(Problem::bad_answer("a slot without its times")),
            }
        });
        Ok(Self {
            slots: slots.collect::<Result<_, _>>()?,
            time_zone: answer.time_zone,
            truncated: answer.truncated,
            viewer_time_zone: answer.viewer_time_zone,
        })
    }
}
