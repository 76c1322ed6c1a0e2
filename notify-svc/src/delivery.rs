//! What an operator switches: whether anything is sent at all, and how each bot is
//! served.

use jiff::Timestamp;
use olm_proto::notify::v1 as wire;
use uuid::Uuid;

pub mod grpc;
pub mod store;
pub mod switching;

/// Whether anything is sent, by all bots and replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// Why not; `None`: it is on.
    pub off: Option<OffReason>,
    /// Since when.
    pub changed_at: Timestamp,
}

/// Why nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum OffReason {
    /// An operator switched it off.
    Operator,
    /// The database is a restored copy.
    Restored,
}

impl Sending {
    /// As in the contract.
    #[must_use]
    pub fn wire(self) -> wire::Sending {
        let off_reason = match self.off {
            None => wire::SendingOffReason::Unspecified,
            Some(OffReason::Operator) => wire::SendingOffReason::Operator,
            Some(OffReason::Restored) => wire::SendingOffReason::Restored,
        };
        wire::Sending {
            enabled: self.off.is_none(),
            change_time: Some(olm_proto::timestamp(self.changed_at)),
            off_reason: off_reason.into(),
        }
    }
}

/// Who sends a bot's notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The gateway that owns it, over its stream.
    Stream,
    /// A client that polls.
    Polling {
        /// As gateway-rest names it.
        client: String,
    },
}

/// A bot, who sends for it, and what waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bot {
    /// More than 0.
    pub bot_id: i64,
    /// The client that polls; `None`: stream mode.
    pub client: Option<String>,
    /// Which gateway owns it now.
    pub gateway_id: Option<Uuid>,
    /// Of the last ownership; 0 before the first.
    pub epoch: i64,
    /// Rows due.
    pub due: i64,
    /// Rows begun.
    pub sending: i64,
    /// Rows whose outcome is unknown.
    pub uncertain: i64,
}

impl Bot {
    /// As in the contract.
    #[must_use]
    pub fn wire(self) -> wire::Bot {
        let mode = match self.client {
            Some(_) => wire::BotMode::Polling,
            None => wire::BotMode::Stream,
        };
        wire::Bot {
            bot_id: self.bot_id,
            mode: mode.into(),
            client: self.client.unwrap_or_default(),
            gateway_id: self.gateway_id.map(|id| id.to_string()).unwrap_or_default(),
            epoch: self.epoch,
            due_count: self.due,
            sending_count: self.sending,
            uncertain_count: self.uncertain,
        }
    }
}
