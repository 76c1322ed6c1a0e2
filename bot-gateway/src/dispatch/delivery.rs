//! One row: wait for its instant and its slot, write it down, send it, write down what
//! became of it.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use olm_proto::notify::v1::{Deliver, Outcome, Refused, outcome::Kind};
use serde_json::Value;
use service_kit::{clock::SharedClock, telemetry};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tracing::Instrument as _;

use super::{
    message::message,
    renewals::{FRESH, Named, Renewals, boot_time},
    rows::Rows,
};
use crate::{
    figures,
    holding::Holding,
    journal::{Attempt, Journal},
    limited::Limited,
    pacer::{
        Lane,
        gate::{Gate, Grant, Waiting},
    },
    telegram::{CallError, MayWrite, Telegram, not_written, outcome},
};

/// A row that could not be written down, or came too late, may be begun again at once;
/// this keeps a broken disk from spinning.
const PAUSE: Duration = Duration::from_secs(1);
/// Why rows are given back with one of their chat that was not written.
const BEHIND: &str = "one before it in its chat was not written";

/// What every row's task needs.
#[derive(Debug)]
pub(super) struct Delivering {
    pub(super) telegram: Telegram,
    pub(super) gate: Gate,
    pub(super) journal: Journal,
    pub(super) clock: SharedClock,
    pub(super) rows: Rows,
    pub(super) renewals: Renewals,
    pub(super) limited: Arc<Limited>,
    pub(super) holding: Holding,
}

/// A row as it was delivered.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) deliver: Deliver,
    /// The renewal it was begun under.
    pub(super) named: Named,
    pub(super) lane: Lane,
    pub(super) arrived: Instant,
    /// Until its instant when it arrived; negative when it came late.
    pub(super) due_in: SignedDuration,
}

impl Row {
    /// How long after its instant it is now, with what it was late when it came.
    fn lateness(&self) -> Duration {
        let here = SignedDuration::try_from(self.arrived.elapsed()).unwrap_or(SignedDuration::MAX);
        ahead(here.saturating_sub(self.due_in))
    }
}

/// A span that lies ahead; nothing for one that is past.
pub(super) fn ahead(span: SignedDuration) -> Duration {
    Duration::try_from(span).unwrap_or_default()
}

/// Brings a row to its outcome. A row given up meanwhile ends without a trace: the
/// table knows its outcome already.
pub(super) async fn deliver(
    delivering: Arc<Delivering>,
    attempt: Attempt,
    row: Row,
    waiting: Waiting,
    mut given_up: watch::Receiver<bool>,
) {
    let grant = tokio::select! {
        grant = waiting => Some(grant),
        // A row that waits longer is stale: it must not keep its credit, nor become
        // uncertain, while a chat is frozen.
        () = sleep(until_stale(&row)) => None,
        // Ends too when the session is gone.
        () = async { drop(given_up.wait_for(|given_up| *given_up).await) } => return,
    };
    if !delivering.rows.begin_writing(attempt) {
        if let Some(grant) = grant {
            grant.unused();
        }
        return;
    }
    let Some(grant) = grant else {
        let rows = &delivering.rows;
        rows.give_up_chat(row.deliver.chat_id, BEHIND, Duration::ZERO);
        let kind = not_written("its chat or its bot had no slot in time", PAUSE);
        delivering
            .rows
            .finish(attempt, Outcome { kind: Some(kind) });
        return;
    };
    let span = tracing::info_span!("deliver", otel.kind = "consumer");
    telemetry::set_parent(&span, &row.deliver.traceparent);
    async {
        let kind = write(&delivering, attempt, &row, grant).await;
        tracing::info!(
            notification_id = %attempt.notification,
            attempt_no = attempt.number,
            outcome = name(&kind),
            "notification delivered"
        );
        delivering
            .rows
            .finish(attempt, Outcome { kind: Some(kind) });
    }
    .instrument(span)
    .await;
}

/// How long a row may wait for its slot: its ownership is fresh no longer.
fn until_stale(row: &Row) -> Duration {
    FRESH + ahead(row.due_in).min(FRESH)
}

async fn write(delivering: &Arc<Delivering>, attempt: Attempt, row: &Row, grant: Grant) -> Kind {
    let fresh = || delivering.renewals.fresh(row.named, boot_time());
    let unwritten = |grant: Grant, cause| {
        let rows = &delivering.rows;
        rows.give_up_chat(row.deliver.chat_id, BEHIND, Duration::ZERO);
        grant.unused();
        not_written(cause, PAUSE)
    };
    if !fresh() {
        let cause = "the row is older than the ownership it was begun under";
        return unwritten(grant, cause);
    }
    let Some(message) = message(&row.deliver, delivering.clock.now()) else {
        grant.unused();
        return unreadable();
    };
    if delivering.journal.writing(attempt).await.is_err() {
        return unwritten(grant, "the journal cannot be written");
    }
    // Again, because the disk may have been slow.
    if !fresh() {
        let _ = delivering.journal.forget(attempt).await;
        return unwritten(grant, "the journal was slower than the ownership lasts");
    }
    // And again when there is a connection, for which it may have waited.
    let may_write: MayWrite = {
        let (delivering, named) = (Arc::clone(delivering), row.named);
        Arc::new(move || delivering.renewals.fresh(named, boot_time()))
    };
    figures::LATENESS.time(row.lateness(), [row.lane.name()]);
    grant.begun();
    let call = delivering
        .telegram
        .call_if(may_write, "sendMessage", &message);
    let result = call.await;
    give_back(delivering, row.deliver.chat_id, &result, grant);
    let outcome = outcome(&result);
    // When this fails the outcome is still told; only a crash before the
    // acknowledgement would make it unknown.
    let _ = delivering.journal.finished(attempt, outcome.clone()).await;
    outcome.kind.unwrap_or_else(unreadable)
}

/// Gives the slot back, and with it the rows that wait behind one that comes again: its chat
/// is frozen or another now, or it was not written. So none of them overtakes it.
fn give_back(
    delivering: &Delivering,
    chat_id: i64,
    result: &Result<Value, CallError>,
    grant: Grant,
) {
    let rows = &delivering.rows;
    match result {
        // Before the slot is given back, so that nothing slips through.
        Err(CallError::NotWritten { .. }) => {
            rows.give_up_chat(chat_id, BEHIND, Duration::ZERO);
            grant.unused();
        }
        Err(CallError::TokenRefused) => {
            rows.give_up_chat(chat_id, BEHIND, Duration::ZERO);
            grant.answered();
        }
        Err(CallError::Limited { retry_after }) => {
            delivering.limited.note(chat_id, *retry_after);
            rows.give_up_chat(chat_id, "its chat is limited", *retry_after);
            grant.answered();
        }
        Err(CallError::Moved { .. }) => {
            rows.give_up_chat(chat_id, "its chat is another now", Duration::ZERO);
            grant.answered();
        }
        Ok(_)
        | Err(
            CallError::ChatGone { .. } | CallError::Refused { .. } | CallError::Ambiguous { .. },
        ) => grant.answered(),
    }
}

fn unreadable() -> Kind {
    Kind::Refused(Refused {
        code: 0,
        description: "the notification has no content that this gateway can send".to_owned(),
        bad_content: true,
        bad_markup: false,
    })
}

fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Sent(_) => "sent",
        Kind::NotWritten(_) => "not_written",
        Kind::Limited(_) => "limited",
        Kind::ChatGone(_) => "chat_gone",
        Kind::Refused(_) => "refused",
        Kind::Ambiguous(_) => "ambiguous",
        Kind::Moved(_) => "moved",
    }
}
