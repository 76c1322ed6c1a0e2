//! The states of a notification and every edge between them (docs/architecture.md,
//! "States of a notification"), as one pure function. The store locks a row, asks this
//! function, and compares and sets what it answers; only Begin is a statement of its
//! own, because it must check the owner's epoch with the row.

use std::time::Duration;

/// Why what falls due for a person whom nothing reaches fails.
pub const UNREACHABLE: &str = "the recipient cannot be reached";

/// Where a notification stands; see `olm.notify.v1.NotificationState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum State {
    /// Accepted; not begun, or allowed to be begun again.
    Pending,
    /// Begun: permission to send is given, no outcome is known yet.
    Sending,
    /// Telegram accepted it.
    Sent,
    /// Telegram refused it for good.
    Failed,
    /// Telegram may have accepted it; to be resolved.
    Uncertain,
    /// Telegram may have accepted it, and it will not be sent again.
    Unconfirmed,
    /// Cancelled before it was begun.
    Canceled,
    /// Not begun in time.
    Expired,
}

impl State {
    /// Every state, in the order of the contract.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Sending,
        Self::Sent,
        Self::Failed,
        Self::Uncertain,
        Self::Unconfirmed,
        Self::Canceled,
        Self::Expired,
    ];

    /// Whether nothing leads out of it, except `Unconfirmed` to `Sent`.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::Sending | Self::Uncertain)
    }

    /// As stored and logged.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Uncertain => "uncertain",
            Self::Unconfirmed => "unconfirmed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }
}

/// What to do when Telegram leaves an outcome unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum UncertainPolicy {
    /// Send it once more: perhaps two copies, surely one.
    Resend,
    /// Never send it again: perhaps none, surely no second.
    Hold,
}

/// The attempts that Telegram may refuse before a notification has failed (OLM-3).
pub const MAX_COUNTED: i16 = 3;

/// What an edge depends on.
#[expect(
    clippy::struct_excessive_bools,
    reason = "five independent facts; their combinations are what the state machine is about"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    /// Where it stands.
    pub state: State,
    /// Of the last Begin; 0 before the first.
    pub attempt_no: i32,
    /// Refused attempts, at most [`MAX_COUNTED`].
    pub counted: i16,
    /// Uncounted returns to pending in a row.
    pub returned: i16,
    /// A second copy was allowed.
    pub resent: bool,
    /// Nothing may begin it again.
    pub stop: bool,
    /// What to do with an unknown outcome.
    pub policy: UncertainPolicy,
    /// Whether it is past its expiry.
    pub expired: bool,
    /// Its markup could not be read: it goes as plain text.
    pub plain: bool,
    /// Another copy is out though an earlier one is known to have arrived by now.
    pub proved: bool,
}

/// What a gateway says of one attempt; see `olm.notify.v1.Outcome`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Telegram answered ok:true.
    Sent {
        /// Telegram's id of the message.
        message_id: i64,
    },
    /// Telegram never saw it.
    NotWritten {
        /// Why not.
        cause: String,
        /// At least how long to wait.
        retry_after: Duration,
    },
    /// 429.
    Limited {
        /// At least how long to wait.
        retry_after: Duration,
    },
    /// Nothing reaches this chat until it writes again.
    ChatGone {
        /// Telegram's words.
        description: String,
    },
    /// Another 4xx.
    Refused {
        /// Telegram's error code.
        code: i32,
        /// Telegram's words.
        description: String,
        /// The text is at fault: no repeat can help.
        bad_content: bool,
        /// Only its markup is: it goes once more, as plain text.
        bad_markup: bool,
    },
    /// Telegram may have sent it.
    Ambiguous {
        /// What happened instead of an answer.
        cause: String,
    },
    /// The chat is another now.
    Moved {
        /// Which.
        chat_id: i64,
    },
}

impl Outcome {
    /// As stored in the log of attempts.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::NotWritten { .. } => "not_written",
            Self::Limited { .. } => "limited",
            Self::ChatGone { .. } => "chat_gone",
            Self::Refused { .. } => "refused",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Moved { .. } => "moved",
        }
    }

    /// Telegram's or the gateway's words.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::Sent { .. } | Self::Limited { .. } | Self::Moved { .. } => "",
            Self::NotWritten { cause, .. } | Self::Ambiguous { cause } => cause,
            Self::ChatGone { description } | Self::Refused { description, .. } => description,
        }
    }

    /// Telegram's id of the message, when it was sent.
    #[must_use]
    pub fn message_id(&self) -> Option<i64> {
        match self {
            Self::Sent { message_id } => Some(*message_id),
            Self::NotWritten { .. }
            | Self::Limited { .. }
            | Self::ChatGone { .. }
            | Self::Refused { .. }
            | Self::Ambiguous { .. }
            | Self::Moved { .. } => None,
        }
    }
}

/// What happens to a notification after it was accepted, Begin apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A gateway's result, or its journal's.
    Outcome {
        /// Of which attempt.
        attempt_no: i32,
        /// What became of it.
        outcome: &'a Outcome,
    },
    /// Nothing was heard of a begun row for too long.
    Silence,
    /// An unknown outcome is to be resolved.
    Resolve,
    /// The API or the planner does not want it any more.
    Cancel,
    /// The API wants it at another time.
    Reschedule,
    /// It is past its expiry.
    Expire,
    /// It fell due while its recipient cannot be reached.
    Unreachable,
    /// The database is a restored copy of one in which it was in flight: whatever is known
    /// of its outcome is not known here.
    Restored,
}

/// What an edge changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The standing afterwards.
    pub standing: Standing,
    /// How long until it may be begun again; `Some` exactly when it became pending.
    pub wait: Option<Duration>,
    /// Why it failed, for people.
    pub failure: Option<String>,
}

/// How long refused and unwritten rows wait.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// First wait of an uncounted return; it doubles from there.
    pub shortest: Duration,
    /// Longest wait of an uncounted return.
    pub longest: Duration,
    /// Over how long the counted tries are spread (delivery.md: 10 minutes).
    pub counted_spread: Duration,
}

impl Backoff {
    /// The wait before the attempt after the `returned`th uncounted return; `jitter` in
    /// 0..1 spreads it over its upper half, so that rows that fail together do not come
    /// back together. What Telegram asks for is the same for all that waited for it: which of
    /// them goes first is the dispatcher's.
    fn uncounted(&self, returned: i16, asked: Duration, jitter: f64) -> Duration {
        let doublings = u32::from(returned.unsigned_abs().min(16));
        let whole = self
            .shortest
            .saturating_mul(1 << doublings)
            .min(self.longest);
        whole.mul_f64(0.5 + jitter / 2.0).max(asked)
    }

    /// The wait after the `counted`th refusal: a fifth of the spread, then the rest.
    fn counted(&self, counted: i16) -> Duration {
        if counted <= 1 {
            self.counted_spread / 5
        } else {
            self.counted_spread * 4 / 5
        }
    }
}

/// The edge that `event` takes from `now`, or `None` when it changes nothing: a
/// repeat, a late word on what has ended, or a word on an attempt that never was.
#[must_use]
pub fn after(now: &Standing, event: &Event<'_>, backoff: &Backoff, jitter: f64) -> Option<Change> {
    match event {
        Event::Outcome {
            attempt_no,
            outcome,
        } => after_outcome(now, *attempt_no, outcome, backoff, jitter),
        Event::Silence => (now.state == State::Sending).then(|| unknown(now, State::Uncertain)),
        Event::Resolve => (now.state == State::Uncertain).then(|| resolve(now)),
        Event::Restored => matches!(now.state, State::Sending | State::Uncertain)
            .then(|| unknown(now, State::Unconfirmed)),
        Event::Cancel => match now.state {
            State::Pending => Some(end(now, State::Canceled, "")),
            State::Sending | State::Uncertain if !now.stop => {
                let mut change = to(now, now.state);
                change.standing.stop = true;
                Some(change)
            }
            State::Sending
            | State::Uncertain
            | State::Sent
            | State::Failed
            | State::Unconfirmed
            | State::Canceled
            | State::Expired => None,
        },
        Event::Reschedule => is_movable(now).then(|| Change {
            wait: Some(Duration::ZERO),
            ..to(now, State::Pending)
        }),
        Event::Expire => (now.state == State::Pending).then(|| end(now, State::Expired, "")),
        Event::Unreachable => {
            (now.state == State::Pending).then(|| end(now, State::Failed, UNREACHABLE))
        }
    }
}

/// Whether it may get another time: nothing of it is out, or may have arrived. What is past
/// its expiry has missed its time, whether or not the sweep has been.
fn is_movable(now: &Standing) -> bool {
    now.state == State::Pending && !now.resent && !now.expired
}

fn after_outcome(
    now: &Standing,
    attempt_no: i32,
    outcome: &Outcome,
    backoff: &Backoff,
    jitter: f64,
) -> Option<Change> {
    if attempt_no < 1 || attempt_no > now.attempt_no {
        return None;
    }
    let last = attempt_no == now.attempt_no;
    match now.state {
        State::Sending | State::Uncertain if last => {
            Some(after_attempt(now, outcome, backoff, jitter)?)
        }
        // An older copy turned out to be delivered, or the resend became needless
        // before it was begun.
        State::Uncertain | State::Unconfirmed | State::Pending => match outcome {
            Outcome::Sent { .. } if now.state != State::Pending || now.resent => {
                Some(to(now, State::Sent))
            }
            // The first copy is known unsent after all: what follows is no resend.
            Outcome::NotWritten { .. } | Outcome::Limited { .. } | Outcome::Moved { .. }
                if now.state == State::Pending && now.resent && last =>
            {
                let mut change = to(now, State::Pending);
                change.standing.resent = false;
                change.wait = Some(Duration::ZERO);
                Some(change)
            }
            Outcome::Sent { .. }
            | Outcome::NotWritten { .. }
            | Outcome::Limited { .. }
            | Outcome::ChatGone { .. }
            | Outcome::Refused { .. }
            | Outcome::Ambiguous { .. }
            | Outcome::Moved { .. } => None,
        },
        // The first copy arrived while the second is out: what becomes of that one decides
        // when it ends, and nothing makes a third.
        State::Sending if now.resent && !now.proved => matches!(outcome, Outcome::Sent { .. })
            .then(|| {
                let mut change = to(now, State::Sending);
                change.standing.proved = true;
                change
            }),
        State::Sending | State::Sent | State::Failed | State::Canceled | State::Expired => None,
    }
}

fn after_attempt(
    now: &Standing,
    outcome: &Outcome,
    backoff: &Backoff,
    jitter: f64,
) -> Option<Change> {
    if now.proved {
        return Some(to(now, State::Sent));
    }
    match outcome {
        Outcome::Sent { .. } => Some(to(now, State::Sent)),
        Outcome::NotWritten { retry_after, .. } | Outcome::Limited { retry_after } => {
            let wait = backoff.uncounted(now.returned, *retry_after, jitter);
            let mut change = again(now, wait, "canceled before it could be sent");
            change.standing.returned = now.returned.saturating_add(1);
            Some(change)
        }
        // The next attempt goes to another chat: nothing to wait for, unless chats move
        // in a circle.
        Outcome::Moved { .. } => {
            let wait = match now.returned {
                0 => Duration::ZERO,
                returned => backoff.uncounted(returned, Duration::ZERO, jitter),
            };
            let mut change = again(now, wait, "canceled before it could be sent");
            change.standing.returned = now.returned.saturating_add(1);
            Some(change)
        }
        Outcome::ChatGone { description } => Some(end(now, State::Failed, description)),
        Outcome::Refused {
            description,
            bad_markup: true,
            ..
        } if !now.plain => {
            let mut change = again(now, Duration::ZERO, description);
            change.standing.plain = true;
            Some(change)
        }
        Outcome::Refused {
            description,
            bad_content,
            bad_markup,
            ..
        } => {
            let counted = now.counted + 1;
            let mut change = if *bad_content || *bad_markup || counted >= MAX_COUNTED {
                end(now, State::Failed, description)
            } else {
                again(now, backoff.counted(counted), description)
            };
            change.standing.counted = counted.min(MAX_COUNTED);
            Some(change)
        }
        Outcome::Ambiguous { .. } => {
            (now.state == State::Sending).then(|| to(now, State::Uncertain))
        }
    }
}

/// Nothing more is heard of an attempt: unknown, unless a copy is known to have arrived.
fn unknown(now: &Standing, state: State) -> Change {
    to(now, if now.proved { State::Sent } else { state })
}

/// An unknown outcome: once more by policy, else it stays unknown for good.
fn resolve(now: &Standing) -> Change {
    let again = now.policy == UncertainPolicy::Resend && !now.resent && !now.stop && !now.expired;
    if !again {
        return to(now, State::Unconfirmed);
    }
    let mut change = to(now, State::Pending);
    change.standing.resent = true;
    change.wait = Some(Duration::ZERO);
    change
}

/// Back to pending after `wait`, unless it was cancelled meanwhile.
fn again(now: &Standing, wait: Duration, why_not: &str) -> Change {
    if now.stop {
        return end(now, State::Failed, why_not);
    }
    let mut change = to(now, State::Pending);
    change.wait = Some(wait);
    change
}

/// An end without delivery; of a row whose first copy may have been delivered nobody
/// can claim that, so it ends unconfirmed.
fn end(now: &Standing, state: State, failure: &str) -> Change {
    let mut change = to(
        now,
        if now.resent {
            State::Unconfirmed
        } else {
            state
        },
    );
    change.failure = (!failure.is_empty()).then(|| failure.to_owned());
    change
}

fn to(now: &Standing, state: State) -> Change {
    Change {
        standing: Standing { state, ..*now },
        wait: None,
        failure: None,
    }
}

#[cfg(test)]
mod tests;
