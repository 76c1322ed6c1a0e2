//! What a bot keeps of a chat between two updates, also from one process to the next.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    buttons::{Drawn, Ending},
    replies::Reply,
    store::Store,
};

/// A text that comes later than this after a question is no answer to it: some answers act
/// at once, and whoever put the phone away writes of something else.
const ANSWERED_WITHIN_S: i64 = 15 * 60;

/// What the person was asked, so that the next text is the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Question {
    /// Whom to look for among the teachers?
    TeacherSearch,
    /// Why does a teacher end a lesson?
    Reason {
        /// How it ends.
        ending: Ending,
        /// The lesson as it was shown.
        drawn: Drawn,
    },
    /// On which days does a teacher not work?
    DaysOff,
    /// Which zone? A city, a clock, or a location answers.
    Zone(Then),
    /// The same, with the button for the location in place of the menu below the text field.
    Place(Then),
    /// How long before a lesson to remind?
    Lead,
    /// From when until when not to remind?
    QuietHours,
    /// Which name?
    Name,
}

impl Question {
    /// Whether an answer that comes late may be meant for something else, and would do harm.
    /// Where somebody is can be said at any time.
    fn lapses(&self) -> bool {
        match self {
            Self::Zone(_) | Self::Place(_) => false,
            Self::TeacherSearch
            | Self::DaysOff
            | Self::Reason { .. }
            | Self::Lead
            | Self::QuietHours
            | Self::Name => true,
        }
    }
}

/// What follows once the zone is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Then {
    /// All settings: the reader came from there.
    Settings,
    /// The teachers: the reader is new.
    Teachers,
    /// The free times of the teacher who invited the reader.
    Teacher(Uuid),
}

/// One chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ChatMemory {
    /// The message with the buttons of the conversation: only the last one keeps them.
    pub(crate) screen: Option<i32>,
    /// What was asked last, unless something else was done since.
    pub(crate) question: Option<Question>,
    /// When that was, in Unix seconds.
    pub(crate) asked_at: i64,
    /// The language the person chose, for when it cannot be asked for.
    pub(crate) language: Option<String>,
    /// Whether the person has chosen a zone here, be it the one everybody begins with.
    pub(crate) zone_chosen: bool,
    /// The zone that the person began with, as long as it was seen here before anything of
    /// theirs was changed: who still has it never chose one.
    pub(crate) first_zone: Option<String>,
}

impl ChatMemory {
    /// The same at `now`, without a question that was asked too long ago.
    pub(crate) fn at(self, now: Timestamp) -> Self {
        let age = now.as_second().saturating_sub(self.asked_at);
        let in_time = |question: &Question| !question.lapses() || age <= ANSWERED_WITHIN_S;
        let question = self.question.filter(in_time);
        Self { question, ..self }
    }

    /// What is to be kept once `reply` was shown at `now`, as the message `shown`.
    pub(crate) fn after(
        &self,
        reply: Reply,
        shown: i32,
        language: Option<String>,
        now: Timestamp,
    ) -> Self {
        let asked_at = reply.question.as_ref().map(|_| now.as_second());
        Self {
            screen: reply.has_buttons().then_some(shown),
            zone_chosen: self.zone_chosen || reply.zone_chosen,
            question: reply.question,
            asked_at: asked_at.unwrap_or_default(),
            first_zone: self.first_zone.clone(),
            language,
        }
    }
}

/// What is kept of every chat of one bot; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    bot_id: i64,
    store: Store,
}

impl Memory {
    /// Of a bot, in `store`.
    pub(crate) fn new(bot_id: i64, store: Store) -> Self {
        Self { bot_id, store }
    }

    /// What is kept of a chat; nothing where that cannot be read.
    pub(crate) async fn chat(&self, chat: i64) -> ChatMemory {
        let kept = self.store.chat(self.bot_id, chat).await;
        kept.ok().flatten().unwrap_or_default()
    }

    /// Keeps it, in place of what was. Where that fails, which is logged, a question is
    /// forgotten and old buttons stay.
    pub(crate) async fn keep(&self, chat: i64, memory: ChatMemory) {
        let _ = self.store.keep(self.bot_id, chat, &memory).await;
    }
}
