//! One row: wait for its instant and its slot, write it down, send it, write down what
//! became of it.

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use olm_proto::notify::v1::{
    Content, Deliver, LessonNoticeKind, LessonRole, Outcome, Refused, content, outcome::Kind,
};
use serde_json::{Value, json};
use service_kit::{clock::SharedClock, telemetry};
use texts::{Format, Label, Language};
use tokio::{sync::watch, time::sleep};
use tracing::Instrument as _;
use uuid::Uuid;

use super::{
    renewals::{FRESH, Named, Renewals, boot_time},
    rows::Rows,
};
use crate::{
    buttons::Button,
    journal::{Attempt, Journal},
    limited::Limited,
    pacer::gate::{Gate, Grant, Waiting},
    telegram::{CallError, Telegram, not_written, outcome},
};

/// A row that could not be written down, or came too late, may be begun again at once;
/// this keeps a broken disk from spinning.
const PAUSE: Duration = Duration::from_secs(1);

/// What every row's task needs.
#[derive(Debug)]
pub(super) struct Delivering {
    pub(super) telegram: Telegram,
    pub(super) gate: Gate,
    pub(super) journal: Journal,
    pub(super) clock: SharedClock,
    pub(super) rows: Rows,
    pub(super) renewals: Renewals,
    limited: Limited,
}

impl Delivering {
    pub(super) fn new(
        telegram: Telegram,
        gate: Gate,
        journal: Journal,
        clock: SharedClock,
        rows: Rows,
    ) -> Self {
        Self {
            limited: Limited::new(gate.clone()),
            telegram,
            gate,
            journal,
            clock,
            rows,
            renewals: Renewals::default(),
        }
    }
}

/// A row as it was delivered.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) deliver: Deliver,
    /// The renewal it was begun under.
    pub(super) named: Named,
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
        () = sleep(until_stale(&row.deliver)) => None,
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
fn until_stale(deliver: &Deliver) -> Duration {
    let due_in = deliver.due_in.as_ref().and_then(olm_proto::span);
    let due_in = due_in.and_then(|span| Duration::try_from(span).ok());
    FRESH + due_in.unwrap_or_default().min(FRESH)
}

async fn write(delivering: &Delivering, attempt: Attempt, row: &Row, grant: Grant) -> Kind {
    let fresh = || delivering.renewals.fresh(row.named, boot_time());
    if !fresh() {
        grant.unused();
        return not_written(
            "the row is older than the ownership it was begun under",
            PAUSE,
        );
    }
    let Some(message) = message(&row.deliver, delivering) else {
        grant.unused();
        return unreadable();
    };
    if delivering.journal.writing(attempt).await.is_err() {
        grant.unused();
        return not_written("the journal cannot be written", PAUSE);
    }
    // Again, because the disk may have been slow.
    if !fresh() {
        grant.unused();
        let _ = delivering.journal.forget(attempt).await;
        return not_written("the journal was slower than the ownership lasts", PAUSE);
    }
    let result = delivering.telegram.call("sendMessage", &message).await;
    match &result {
        Err(CallError::NotWritten { .. }) => grant.unused(),
        Err(CallError::Limited { retry_after }) => {
            // Before the slot is given back, so that nothing slips through.
            delivering.limited.note(row.deliver.chat_id, *retry_after);
            grant.answered();
        }
        Ok(_)
        | Err(
            CallError::TokenRefused
            | CallError::ChatGone { .. }
            | CallError::Refused { .. }
            | CallError::Ambiguous { .. },
        ) => grant.answered(),
    }
    let outcome = outcome(&result);
    // When this fails the outcome is still told; only a crash before the
    // acknowledgement would make it unknown.
    let _ = delivering.journal.finished(attempt, outcome.clone()).await;
    outcome.kind.unwrap_or_else(unreadable)
}

/// The body of `sendMessage`; `None` when the row has no content to send.
fn message(row: &Deliver, delivering: &Delivering) -> Option<Value> {
    let language = Language::from_tag(&row.language);
    let zone = TimeZone::get(&row.time_zone).unwrap_or(TimeZone::UTC);
    let content = row.content.as_ref()?;
    let rendered = texts::render(content, language, &zone, delivering.clock.now())?;
    let mut message = json!({ "chat_id": row.chat_id, "text": rendered.text });
    match rendered.format {
        Format::Plain => {}
        Format::Html => message["parse_mode"] = "HTML".into(),
    }
    if row.silent {
        message["disable_notification"] = true.into();
    }
    if let Some(keyboard) = keyboard(content, language, &zone) {
        message["reply_markup"] = keyboard;
    }
    Some(message)
}

/// What can be done about a lesson from its notice: a teacher decides about a request, a
/// student says whether they come to a new time, a lesson that lies ahead can be cancelled
/// (and a seat in it given up, see `conversation::lessons`).
fn keyboard(content: &Content, language: Language, zone: &TimeZone) -> Option<Value> {
    let content::Kind::LessonNotice(notice) = content.kind.as_ref()? else {
        return None;
    };
    let lesson = Uuid::try_parse(&notice.lesson_id).ok()?;
    let version = notice.lesson_version;
    let button = |label: Label<'_>, button: Button| {
        let text = label.text(language);
        json!({ "text": text, "callback_data": button.to_string() })
    };
    let row = match notice.kind() {
        LessonNoticeKind::Requested if notice.reader_role() == LessonRole::Teacher => vec![
            button(Label::Confirm, Button::Confirm { lesson, version }),
            button(Label::Decline, Button::Decline { lesson, version }),
        ],
        LessonNoticeKind::Reconfirm => vec![
            button(Label::Keep, Button::Reconfirm { lesson, version }),
            button(Label::GiveUp, Button::Leave { lesson, version }),
        ],
        LessonNoticeKind::Booked
        | LessonNoticeKind::Reminder
        | LessonNoticeKind::Requested
        | LessonNoticeKind::Confirmed
        | LessonNoticeKind::Moved
        | LessonNoticeKind::PlaceChanged => {
            let start = olm_proto::instant(notice.start_time.as_ref()?)?;
            let time = texts::moment_short(start, language, zone);
            let cancel = Button::AskCancel { lesson, version };
            vec![button(Label::Cancel { time: &time }, cancel)]
        }
        LessonNoticeKind::Canceled
        | LessonNoticeKind::Declined
        | LessonNoticeKind::Lapsed
        | LessonNoticeKind::StudentUnreachable
        | LessonNoticeKind::SeatFreed
        | LessonNoticeKind::StudentLeft
        | LessonNoticeKind::SeriesBooked
        | LessonNoticeKind::SeriesChanged
        | LessonNoticeKind::SeriesCanceled
        | LessonNoticeKind::SeriesSkipped
        | LessonNoticeKind::ClockShifts
        | LessonNoticeKind::Unspecified => return None,
    };
    Some(json!({ "inline_keyboard": [row] }))
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
