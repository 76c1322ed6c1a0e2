//! The dispatcher of one bot in one epoch: holds the next seconds' rows, begins each so
//! that it arrives just before it is due, and pushes what was begun.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use olm_proto::notify::v1::{Content, Deliver, DispatchResponse, content, dispatch_response};
use prost::Message as _;
use service_kit::telemetry;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use uuid::Uuid;

use super::{
    AttemptRef,
    flow::{Candidate, Flow},
    prompt::{Prompt, PromptAsk},
    reading::{Ask, Reading},
    reads::{Reads, ended},
    store::{self, Begun, Epoch},
};
use crate::{
    App, metrics,
    notifications::{
        Lane,
        states::{Event, Outcome},
        store as queue,
    },
    recipients::QuietHours,
};

/// Rows begun by one statement.
const BATCH: usize = 100;
/// Before the next try after the database failed or the epoch ran out.
const PAUSE: Duration = Duration::from_millis(200);
/// Before the next try after other transactions held every row.
const HELD: Duration = Duration::from_millis(20);

/// Where a stream's messages to its gateway go.
pub type Outbox = mpsc::Sender<Result<DispatchResponse, Status>>;

/// What a dispatcher and its session share.
#[derive(Debug, Default)]
pub struct Shared {
    flow: Mutex<Flow>,
    /// Credit came or something finished.
    changed: Notify,
}

impl Shared {
    /// The flow, for as long as no other await is crossed.
    pub fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the flow and lets the dispatcher look again.
    pub fn change(&self, change: impl FnOnce(&mut Flow)) {
        change(&mut self.flow());
        self.changed.notify_one();
    }
}

/// One bot's dispatcher.
#[derive(Debug)]
pub struct Dispatcher {
    /// The replica's state.
    pub app: App,
    /// In whose name it begins.
    pub owner: Epoch,
    /// With its session.
    pub shared: Arc<Shared>,
    /// To the gateway.
    pub outbox: Outbox,
    /// Cancelled when it must begin nothing more.
    pub token: CancellationToken,
}

/// What a Begin left to do.
enum After {
    /// Nothing: every row was begun and pushed.
    All,
    /// To read the rows again: some were not as they were read.
    Some,
    /// To read again, and to find out whether it was committed after all.
    Unsure,
}

/// Until a Begin that failed has committed or never will: as long as PostgreSQL may work on
/// it (the pool's `statement_timeout`), and a margin.
const MAY_COMMIT: Duration = Duration::from_secs(12);

/// A Begin that failed, as long as it may commit all the same.
#[derive(Debug, Default)]
struct Unsure {
    until: Option<Instant>,
    /// It is time to look whether it did.
    look: bool,
}

impl Unsure {
    fn failed(&mut self, now: Instant) {
        *self = Self {
            until: Some(now + MAY_COMMIT),
            look: true,
        };
    }

    /// Looks again at each sweep, the last time when it cannot commit any more.
    fn sweep(&mut self, now: Instant) {
        self.look |= self.until.is_some();
        self.until = self.until.filter(|until| *until > now);
    }
}

/// Until an instant; for ever when there is none.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

impl Dispatcher {
    /// Dispatches until its token is cancelled or the stream is gone.
    pub async fn run(self) {
        let id = Uuid::new_v4();
        let wake = self.app.wakeups.register(self.owner.bot_id, id);
        self.dispatch(&wake).await;
        self.app.wakeups.unregister(self.owner.bot_id, id);
    }

    async fn dispatch(&self, wake: &Notify) {
        let mut rescan = interval(self.app.pace.sweep);
        rescan.set_missed_tick_behavior(MissedTickBehavior::Delay);
        rescan.reset();
        let mut reads = Reads::new(Instant::now());
        let mut unsure = Unsure::default();
        while !self.token.is_cancelled() && !self.outbox.is_closed() {
            if unsure.look {
                unsure.look = !self.take_back_unpushed().await;
            }
            self.read(&mut reads).await;
            let due_by = Instant::now() + self.app.pace.begin_lead;
            let batch = self.shared.flow().take(due_by, BATCH, Instant::now());
            if self.shared.flow().wants_more() {
                reads.all.want();
            }
            if !batch.is_empty() {
                match self.begin(&batch).await {
                    After::All => {}
                    After::Some => reads.all.want(),
                    After::Unsure => {
                        reads.all.want();
                        unsure.failed(Instant::now());
                    }
                }
                continue;
            }
            let next = self.shared.flow().next_due();
            tokio::select! {
                () = self.token.cancelled() => return,
                () = self.outbox.closed() => return,
                () = wake.notified() => {
                    reads.all.want();
                    reads.prompt.want();
                }
                () = self.shared.changed.notified() => {}
                _ = rescan.tick() => {
                    reads.all.sweep(Instant::now());
                    unsure.sweep(Instant::now());
                }
                () = self.until(next) => {}
                asked = ended(&mut reads.all_running) => self.load(&mut reads.all, asked),
                asked = ended(&mut reads.prompt_running) => self.add(&mut reads.prompt, asked),
                () = at(reads.all.wanted()), if reads.all_running.is_none() => {}
                () = at(reads.prompt.wanted()), if reads.prompt_running.is_none() => {}
            }
        }
    }

    /// Takes over the reads that ended, and starts those that are due.
    async fn read(&self, reads: &mut Reads) {
        if reads
            .all_running
            .as_ref()
            .is_some_and(JoinHandle::is_finished)
        {
            self.load(&mut reads.all, ended(&mut reads.all_running).await);
        }
        if reads
            .prompt_running
            .as_ref()
            .is_some_and(JoinHandle::is_finished)
        {
            self.add(&mut reads.prompt, ended(&mut reads.prompt_running).await);
        }
        let (bot_id, horizon) = (self.owner.bot_id, self.app.pace.horizon);
        if reads.all_running.is_none()
            && let Some(ask) = reads.all.start(Instant::now())
        {
            let asked = ask.read(self.app.pool.clone(), bot_id, horizon);
            reads.all_running = Some(tokio::spawn(asked));
            // It sees what came until now.
            reads.prompt.forget();
        }
        if reads.prompt_running.is_none()
            && let Some(ask) = reads.prompt.start(Instant::now())
        {
            let apart = reads.all.apart(Lane::Interactive);
            let asked = ask.read(self.app.pool.clone(), bot_id, horizon, apart);
            reads.prompt_running = Some(tokio::spawn(asked));
        }
    }

    /// Until just before `due`; for ever when nothing is.
    async fn until(&self, due: Option<Instant>) {
        let lead = self.app.pace.begin_lead;
        at(due.map(|due| due.checked_sub(lead).unwrap_or(due))).await;
    }

    /// Takes over what was read.
    fn load(&self, reading: &mut Reading, asked: sqlx::Result<Ask>) {
        let bot_id = self.owner.bot_id;
        let ask = match asked {
            Ok(ask) => ask,
            Err(error) => {
                tracing::warn!(bot_id, %error, "due rows cannot be read");
                return reading.failed(Instant::now());
            }
        };
        let (started, now) = ask.ran();
        metrics::database("read", now.duration_since(started), ask.rows().len());
        let mut flow = self.shared.flow();
        // Twice: the sweep that made them uncertain must have been, and rows it made
        // pending again are other attempts.
        flow.forget_silent(self.app.pace.silence * 2, now);
        let loaded = flow.load(ask.rows(), now);
        drop(flow);
        if ask.whole && loaded.missed > 0 {
            let missed = loaded.missed;
            metrics::MISSED.add(metrics::count(missed), []);
            tracing::info!(bot_id, missed, "the sweep found rows no wake-up told of");
        }
        reading.done(ask, loaded.crowded);
    }

    /// Adds what people wait for; a failure is the next read's of everything to tell.
    fn add(&self, prompt: &mut Prompt, asked: sqlx::Result<PromptAsk>) {
        let Ok(ask) = asked else {
            return;
        };
        let now = ask.finished;
        metrics::database(
            "read_prompt",
            now.duration_since(ask.started),
            ask.rows.len(),
        );
        self.shared.flow().add(&ask.rows, now);
        prompt.done(&ask);
    }

    async fn pause(&self) {
        tokio::select! {
            () = self.token.cancelled() => {}
            () = sleep(PAUSE) => {}
        }
    }

    /// Begins a batch and pushes what was begun.
    async fn begin(&self, batch: &[Candidate]) -> After {
        let (ids, versions): (Vec<_>, Vec<_>) =
            batch.iter().map(|row| (row.id, row.version)).unzip();
        let statement = async {
            let mut conn = self.app.pool.acquire().await?;
            store::begin(&mut conn, self.owner, &ids, &versions).await
        };
        let started = Instant::now();
        let beginning = match statement.await {
            Ok(Some(beginning)) => beginning,
            Ok(None) => {
                metrics::BEGIN_REFUSED.add(metrics::count(batch.len()), ["over"]);
                self.give_back(batch);
                self.pause().await;
                return After::Some;
            }
            Err(error) => {
                tracing::warn!(bot_id = self.owner.bot_id, %error, "rows cannot be begun");
                metrics::BEGIN_REFUSED.add(metrics::count(batch.len()), ["failed"]);
                self.give_back(batch);
                self.pause().await;
                return After::Unsure;
            }
        };
        let nothing = beginning.begun.is_empty();
        metrics::database("begin", started.elapsed(), beginning.begun.len());
        let mut begun: HashMap<Uuid, Begun> = beginning
            .begun
            .into_iter()
            .map(|row| (row.id, row))
            .collect();
        let mut after = After::All;
        for candidate in batch {
            let Some(row) = begun.remove(&candidate.id) else {
                // Changed, cancelled or locked meanwhile.
                self.shared.flow().not_begun(*candidate);
                metrics::BEGIN_REFUSED.add(1, ["changed"]);
                after = After::Some;
                continue;
            };
            self.shared.flow().began(AttemptRef {
                notification_id: row.id,
                attempt_no: row.attempt_no,
            });
            let late = -due_in(candidate, &row);
            metrics::begun(candidate.lane, late.try_into().unwrap_or_default());
            self.push(candidate, row, beginning.renewal).await;
        }
        if nothing {
            // Another transaction holds them all: it is done in a moment.
            sleep(HELD).await;
        }
        after
    }

    fn give_back(&self, batch: &[Candidate]) {
        let mut flow = self.shared.flow();
        for candidate in batch {
            flow.not_begun(*candidate);
        }
    }

    /// A Begin that failed may have committed. What this epoch began and this
    /// dispatcher, its only one, did not push was never written. False when the database
    /// cannot say yet.
    async fn take_back_unpushed(&self) -> bool {
        let (bot_id, epoch) = (self.owner.bot_id, self.owner.epoch);
        let silence = self.app.pace.silence;
        // Before the database is asked: what is out now may be resolved until it answers, and
        // would be neither out nor unpushed then.
        let out = self.shared.flow().out();
        let taken_back = async {
            let mut tx = self.app.pool.begin().await?;
            let mut unpushed = store::list_begun(&mut tx, bot_id, epoch, silence).await?;
            unpushed.retain(|attempt| !out.contains(attempt));
            // Everybody locks in this order.
            unpushed.sort_unstable();
            for attempt in &unpushed {
                let event = Event::Outcome {
                    attempt_no: attempt.attempt_no,
                    outcome: &Outcome::NotWritten {
                        cause: "begun, but not pushed".to_owned(),
                        retry_after: Duration::ZERO,
                    },
                };
                let ids = [attempt.notification_id];
                queue::advance(&mut tx, &ids, &event, &self.app.pace.backoff).await?;
            }
            tx.commit().await?;
            Ok::<_, sqlx::Error>(unpushed.len())
        };
        match taken_back.await {
            Ok(rows) => {
                if rows > 0 {
                    tracing::info!(bot_id, rows, "rows begun in vain are pending again");
                }
                true
            }
            Err(error) => {
                tracing::warn!(bot_id, %error, "rows begun in vain cannot be seen");
                self.pause().await;
                false
            }
        }
    }

    async fn push(&self, candidate: &Candidate, row: Begun, last_renewal: i64) {
        let span = tracing::info_span!(
            "deliver",
            otel.name = "notify deliver",
            otel.kind = "producer",
            notification_id = %row.id,
            attempt_no = row.attempt_no,
        );
        // A prompt message continues the trace that caused it; what comes hours later,
        // or was one of many, only points to it.
        match candidate.lane {
            Lane::Interactive => telemetry::set_parent(&span, &row.traceparent),
            Lane::Reminder | Lane::Broadcast => telemetry::link(&span, &row.traceparent),
        }
        let mut traceparent = telemetry::traceparent_of(&span);
        if traceparent.is_empty() {
            traceparent.clone_from(&row.traceparent);
        }
        span.in_scope(|| {
            tracing::info!(bot_id = self.owner.bot_id, "notification begun");
        });
        let due_in = due_in(candidate, &row);
        let content = joined(&row.content, row.counterpart_name);
        let silent = silent(
            row.quiet_hours,
            &row.time_zone,
            content.as_ref(),
            self.app.clock.now(),
        );
        let deliver = Deliver {
            bot_id: self.owner.bot_id,
            attempt: Some(
                AttemptRef {
                    notification_id: row.id,
                    attempt_no: row.attempt_no,
                }
                .wire(),
            ),
            lane: candidate.lane.wire().into(),
            due_in: Some(olm_proto::duration(due_in)),
            chat_id: row.chat_id,
            language: row.language,
            time_zone: row.time_zone,
            content,
            traceparent,
            last_renewal,
            silent,
            plain: row.plain,
        };
        let message = DispatchResponse {
            message: Some(dispatch_response::Message::Deliver(deliver)),
        };
        // A stream that is gone: the gateway is asked about the row when it owns again.
        let _ = self.outbox.send(Ok(message)).await;
    }
}

/// From now until a row's instant; negative when it is past. What attempts before put it off
/// by is past too.
fn due_in(candidate: &Candidate, row: &Begun) -> SignedDuration {
    let (now, due) = (Instant::now(), candidate.due);
    let ahead = SignedDuration::try_from(due.saturating_duration_since(now)).unwrap_or_default();
    let behind = SignedDuration::try_from(now.saturating_duration_since(due)).unwrap_or_default();
    ahead - behind - row.put_off
}

/// Whether a message comes without a sound: in its reader's quiet hours, unless it is a
/// reminder that had no time before them.
pub(crate) fn silent(
    quiet_hours: Option<QuietHours>,
    zone: &str,
    content: Option<&Content>,
    now: Timestamp,
) -> bool {
    let urgent = content.is_some_and(|content| match &content.kind {
        Some(content::Kind::LessonNotice(notice)) => notice.urgent,
        Some(content::Kind::CustomText(_) | content::Kind::SeriesNotice(_)) | None => false,
    });
    !urgent
        && quiet_hours.is_some_and(|quiet| {
            let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
            quiet.cover(now, &zone)
        })
}

/// The content with the counterpart's name of this moment.
pub(crate) fn joined(bytes: &[u8], counterpart_name: String) -> Option<Content> {
    let mut content = Content::decode(bytes)
        .inspect_err(|error| tracing::error!(%error, "a stored content cannot be read"))
        .ok()?;
    match &mut content.kind {
        Some(content::Kind::LessonNotice(notice)) => notice.counterpart_name = counterpart_name,
        Some(content::Kind::SeriesNotice(notice)) => notice.counterpart_name = counterpart_name,
        Some(content::Kind::CustomText(_)) | None => {}
    }
    Some(content)
}
