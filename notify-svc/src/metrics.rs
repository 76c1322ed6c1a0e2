//! The figures of the engine, at `/metrics` (docs/architecture.md, "Figures").

pub mod queue;

use std::time::Duration;

use service_kit::metrics::{Counter, Gauge, Histogram, SECONDS};

use crate::notifications::{Lane, states::State};

/// Begun after it was due at first, whatever put it off since; what is begun early counts as 0.
pub static BEGIN_LATENESS: Histogram<1> = Histogram::new(
    "olm.notify.begin.lateness",
    "s",
    "Begun after due, with the attempts before, by lane",
    SECONDS,
    ["lane"],
);
/// Rows begun.
pub static BEGUN: Counter<1> = Counter::new(
    "olm.notify.begun",
    "{message}",
    "Messages begun, by lane",
    ["lane"],
);
/// Rows that a dispatcher wanted to begin and Begin refused.
pub static BEGIN_REFUSED: Counter<1> = Counter::new(
    "olm.notify.begin.refused",
    "{message}",
    "Messages that Begin refused, by reason: changed (the row is not as it was read), \
     over (the epoch is over or sending is off), failed (the database)",
    ["reason"],
);
/// Rows due that no wake-up had told of.
pub static MISSED: Counter<0> = Counter::new(
    "olm.notify.wakeups.missed",
    "{message}",
    "Due messages that the sweep found and no wake-up had told of",
    [],
);
/// How long due rows waited for nothing but credit.
pub static STARVED: Histogram<1> = Histogram::new(
    "olm.notify.credit.starvation",
    "s",
    "How long due messages waited only for the gateway's credit, by lane",
    SECONDS,
    ["lane"],
);
/// What gateways and clients said of attempts.
pub static OUTCOMES: Counter<1> = Counter::new(
    "olm.notify.outcomes",
    "{attempt}",
    "Outcomes of attempts",
    ["outcome"],
);
/// Edges that the sweep took.
pub static SWEPT: Counter<2> = Counter::new(
    "olm.notify.swept",
    "{message}",
    "Messages whose state the sweep changed",
    ["event", "state"],
);
/// Rows whose outcome became unknown.
pub static UNCERTAIN: Counter<0> = Counter::new(
    "olm.notify.uncertain",
    "{message}",
    "Messages whose outcome became unknown",
    [],
);
/// What became of unknown outcomes.
pub static RESOLVED: Counter<1> = Counter::new(
    "olm.notify.uncertain.resolved",
    "{message}",
    "Unknown outcomes resolved: resent (a second copy was allowed), sent, unconfirmed, or \
     another state the gateway's word led to",
    ["as"],
);
/// What the engine's statements take.
pub static DATABASE: Histogram<1> = Histogram::new(
    "olm.notify.database.duration",
    "s",
    "Time in the database, with waiting for a connection, by step: read, begin, results",
    SECONDS,
    ["step"],
);
/// Rows that those steps handled: time by rows is the time per message.
pub static DATABASE_ROWS: Counter<1> = Counter::new(
    "olm.notify.database.messages",
    "{message}",
    "Messages handled in the database, by step: read, begin, results",
    ["step"],
);
/// What waits.
pub static QUEUE: Gauge<2> = Gauge::new(
    "olm.notify.queue",
    "{message}",
    "Messages of all bots that have not ended, by lane and state; pending: those due. Every \
     replica shows the same",
    ["lane", "state"],
);
/// Rows removed by age.
pub static RETIRED: Counter<1> = Counter::new(
    "olm.notify.retired",
    "{row}",
    "Rows removed by age, by table",
    ["table"],
);

/// A lane's label.
#[must_use]
pub fn lane(lane: Lane) -> &'static str {
    match lane {
        Lane::Interactive => "interactive",
        Lane::Reminder => "reminder",
        Lane::Broadcast => "broadcast",
    }
}

/// One step in the database.
pub fn database(step: &'static str, took: Duration, rows: usize) {
    DATABASE.time(took, [step]);
    DATABASE_ROWS.add(count(rows), [step]);
}

/// A row begun so long after it was due.
pub fn begun(of: Lane, late: Duration) {
    BEGUN.add(1, [lane(of)]);
    BEGIN_LATENESS.time(late, [lane(of)]);
}

/// An edge, as far as unknown outcomes are concerned.
pub fn moved(before: State, after: State) {
    match (before, after) {
        (State::Uncertain, State::Uncertain) => {}
        (_, State::Uncertain) => UNCERTAIN.add(1, []),
        (State::Uncertain, State::Pending) => RESOLVED.add(1, ["resent"]),
        (State::Uncertain, after) => RESOLVED.add(1, [after.as_str()]),
        _ => {}
    }
}

/// As a counter takes it.
#[must_use]
pub fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
