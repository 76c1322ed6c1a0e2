//! What is counted of sending, for `/metrics`. Figures are of the whole process: a bot's id
//! is no label.

use std::sync::atomic::{AtomicI64, Ordering};

use service_kit::metrics::{COUNTS, Counter, Gauge, Histogram, SECONDS};

use crate::pacer::{LANES, Lane};

/// Requests that write, by what became of them.
pub(crate) static SENDS: Counter<2> = Counter::new(
    "olm.bot.sends",
    "{request}",
    "Requests to Telegram that write, by method and outcome",
    ["method", "outcome"],
);

/// 429s: there should be none.
pub(crate) static LIMITED: Counter<1> = Counter::new(
    "olm.bot.limited",
    "{answer}",
    "Answers with 429, by what they froze",
    ["frozen"],
);

/// How late a notification was written, after the instant it was due at first.
pub(crate) static LATENESS: Histogram<1> = Histogram::new(
    "olm.bot.lateness",
    "s",
    "From a notification's instant to its writing, with the attempts before",
    SECONDS,
    ["lane"],
);

/// How much of the limit was used in a second in which messages waited for it.
pub(crate) static UTILISATION: Histogram<0> = Histogram::new(
    "olm.bot.utilisation",
    "1",
    "Share of a token's limit used in each second in which messages waited for it",
    &[0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 1.0, 1.1],
    [],
);

/// Credit given to notify-svc.
pub(crate) static CREDIT: Histogram<0> = Histogram::new(
    "olm.bot.credit",
    "{notification}",
    "Notifications of a lane that may be out, whenever it was measured anew",
    COUNTS,
    [],
);

/// How long a flush of the journal takes.
pub(crate) static JOURNAL: Histogram<0> = Histogram::new(
    "olm.bot.journal.duration",
    "s",
    "Flushes of the journal",
    SECONDS,
    [],
);

/// How long a flush of the store takes.
pub(crate) static STORE: Histogram<0> = Histogram::new(
    "olm.bot.store.duration",
    "s",
    "Flushes of what is kept of updates and chats",
    SECONDS,
    [],
);

/// Updates that were handled, by the command or button, never by what was written.
pub(crate) static UPDATES: Histogram<2> = Histogram::new(
    "olm.bot.updates.duration",
    "s",
    "Handling of updates, by command or button and outcome",
    SECONDS,
    ["action", "outcome"],
);

/// What a person waits for.
pub(crate) static ANSWERS: Histogram<1> = Histogram::new(
    "olm.bot.updates.answer",
    "s",
    "From an update's arrival to the end of its answer, by command or button",
    SECONDS,
    ["action"],
);

/// Updates that were not acted on.
pub(crate) static PASSED_OVER: Counter<1> = Counter::new(
    "olm.bot.updates.passed_over",
    "{update}",
    "Updates that were not acted on, by why",
    ["reason"],
);

/// Posts to the webhook.
pub(crate) static WEBHOOK: Counter<1> = Counter::new(
    "olm.bot.webhook.posts",
    "{request}",
    "Requests to the webhook, by the status they were answered with",
    ["status"],
);

/// Reads of lesson-svc that may be kept, by what they are of and where the answer came from.
pub(crate) static CACHE: Counter<2> = Counter::new(
    "olm.bot.server1.reads",
    "{read}",
    "Reads from lesson-svc: kept and fresh, fetched, stale because it failed, or missing",
    ["of", "outcome"],
);

/// Whether server 1 is left alone.
pub(crate) static BREAKER_OPEN: Gauge<0> = Gauge::new(
    "olm.bot.server1.breaker.open",
    "1",
    "1 while lesson-svc fails and is left alone but for trials, else 0",
    [],
);

static WAITING: Gauge<1> = Gauge::new(
    "olm.bot.waiting",
    "{message}",
    "Messages that wait for their instant or their slot",
    ["lane"],
);

static WAITING_NOW: [AtomicI64; LANES] = [const { AtomicI64::new(0) }; LANES];

/// In `lane` of one bot there wait so many more than it was last told.
pub(crate) fn waiting(lane: Lane, more: i64) {
    let of_lane = &WAITING_NOW[lane.index()];
    let now = of_lane.fetch_add(more, Ordering::Relaxed) + more;
    WAITING.set(u32::try_from(now).unwrap_or_default(), [lane.name()]);
}
