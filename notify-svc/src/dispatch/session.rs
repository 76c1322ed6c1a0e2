//! One stream of one gateway: hello, ownership, renewals, results; a dispatcher for
//! each bot it owns.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{Stream, StreamExt as _};
use olm_proto::notify::v1::{
    DispatchRequest, DispatchResponse, Drain, JournalReport, NotOwned, Owned, Release, Renewed,
    ResultAck, dispatch_request, dispatch_response,
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use uuid::Uuid;

use super::{
    AttemptRef, Report,
    dispatcher::{Dispatcher, Outbox, Shared},
    owners::{self, Claim, Owning},
    parse_journal_entry, parse_outcome, results,
    store::{self, Epoch},
    wait,
};
use crate::{
    App, metrics,
    notifications::{Lane, states::Outcome},
    recipients,
};

/// Messages of a gateway handled together: results of one batch share a transaction.
const BATCH: usize = 256;
/// When to ask again after the database failed.
const RETRY: Duration = Duration::from_secs(1);
/// Bots of one stream that are released together.
const FREED: usize = 64;
/// Before the server cuts what still runs at the drain deadline.
const MARGIN: Duration = Duration::from_millis(300);

/// A stream after its hello.
#[derive(Debug)]
pub struct Session {
    app: App,
    gateway_id: Uuid,
    stream_id: Uuid,
    outbox: Outbox,
    bots: HashMap<i64, OwnedBot>,
    /// Bots the gateway asked for and did not get.
    wanted: HashSet<i64>,
    /// Told which of them is free, and tells.
    free: mpsc::Sender<i64>,
    freed: mpsc::Receiver<i64>,
}

/// A bot owned on this stream.
#[derive(Debug)]
struct OwnedBot {
    epoch: i64,
    shared: Arc<Shared>,
    /// Stops the dispatcher.
    token: CancellationToken,
    /// The dispatcher, once the journal was heard.
    dispatcher: Option<JoinHandle<()>>,
}

impl OwnedBot {
    /// Ends the dispatcher and waits until it has pushed what it had begun: nothing of
    /// this epoch may follow what the gateway is told next.
    async fn stop(mut self) {
        self.token.cancel();
        if let Some(dispatcher) = self.dispatcher.take() {
            // It panicked or it ended: over either way.
            let _ = dispatcher.await;
        }
    }
}

impl Drop for OwnedBot {
    fn drop(&mut self) {
        self.token.cancel();
    }
}

impl Session {
    /// A session for the gateway that said hello.
    #[must_use]
    pub fn new(app: App, gateway_id: Uuid, outbox: Outbox) -> Self {
        let (free, freed) = mpsc::channel(FREED);
        Self {
            app,
            gateway_id,
            stream_id: Uuid::new_v4(),
            outbox,
            bots: HashMap::new(),
            wanted: HashSet::new(),
            free,
            freed,
        }
    }

    /// Serves the stream until the gateway ends it or, after stopping began, what is
    /// out is finished or the drain's time is over.
    pub async fn run<S>(mut self, inbound: S)
    where
        S: Stream<Item = Result<DispatchRequest, Status>> + Send + Unpin,
    {
        tracing::info!(gateway_id = %self.gateway_id, "gateway connected");
        let mut inbound = inbound.ready_chunks(BATCH);
        let mut drained_by = None;
        loop {
            let draining = drained_by.is_some();
            if draining && self.bots.values().all(|bot| bot.shared.flow().is_idle()) {
                break;
            }
            tokio::select! {
                () = self.app.shutdown.stopping(), if !draining => {
                    drained_by = Some(self.drain().await);
                }
                () = sleep_until(drained_by.unwrap_or_else(Instant::now)), if draining => break,
                Some(bot_id) = self.freed.recv(), if !draining => {
                    if self.wanted.contains(&bot_id) {
                        self.not_owned(bot_id, Duration::ZERO).await;
                    }
                }
                messages = inbound.next() => {
                    let Some(messages) = messages else { break };
                    if !self.handle(messages).await {
                        break;
                    }
                }
            }
        }
        tracing::info!(gateway_id = %self.gateway_id, "gateway disconnected");
    }

    /// Begins nothing more and tells the gateway; answers when waiting ends.
    async fn drain(&mut self) -> Instant {
        for bot in self.bots.values() {
            bot.token.cancel();
        }
        self.send(dispatch_response::Message::Drain(Drain {})).await;
        let left = self.app.shutdown.drain().saturating_sub(MARGIN);
        Instant::now() + left
    }

    async fn send(&self, message: dispatch_response::Message) {
        let response = DispatchResponse {
            message: Some(message),
        };
        // A stream that is gone ends the session at its next message.
        let _ = self.outbox.send(Ok(response)).await;
    }

    /// Handles messages that came together; false when the stream is to end.
    async fn handle(&mut self, messages: Vec<Result<DispatchRequest, Status>>) -> bool {
        use dispatch_request::Message;
        let mut reports = Vec::new();
        let mut open = true;
        for message in messages {
            let Ok(message) = message else {
                open = false;
                break;
            };
            match message.message {
                Some(Message::Result(result)) => {
                    let attempt = AttemptRef::parse(result.attempt.as_ref());
                    let outcome = result.outcome.and_then(parse_outcome);
                    match attempt.zip(outcome) {
                        Some((attempt, outcome)) => reports.push(Report { attempt, outcome }),
                        None => return self.refuse("a result without attempt or outcome").await,
                    }
                }
                // A renewal waits for nothing that came before it.
                Some(Message::Renew(renew)) => self.renew(renew.bot_id, renew.renewal).await,
                Some(Message::Credit(credit)) => self.credit(&credit),
                Some(Message::Own(own)) => {
                    if own.bot_id <= 0 {
                        return self.refuse("a bot_id that is not more than 0").await;
                    }
                    self.report(std::mem::take(&mut reports)).await;
                    self.own(own.bot_id).await;
                }
                Some(Message::JournalReport(report)) => self.journal(report).await,
                Some(Message::Release(release)) => {
                    self.report(std::mem::take(&mut reports)).await;
                    self.release(release).await;
                }
                Some(Message::ChatSeen(seen)) => self.chat_seen(seen.bot_id, seen.chat_id).await,
                Some(Message::Frozen(frozen)) => self.freeze(&frozen),
                Some(Message::Hello(_)) => return self.refuse("a second hello").await,
                // A newer gateway's message: not for us.
                None => {}
            }
        }
        self.report(reports).await;
        open
    }

    async fn refuse(&self, what: &str) -> bool {
        let status = super::grpc::malformed(what);
        let _ = self.outbox.send(Err(status)).await;
        false
    }

    async fn own(&mut self, bot_id: i64) {
        // Whatever this stream owned of the bot is replaced.
        self.stop(bot_id).await;
        if self.app.shutdown.is_stopping() {
            return self.not_owned(bot_id, Duration::ZERO).await;
        }
        self.want(bot_id);
        let claim = Claim {
            bot_id,
            gateway_id: self.gateway_id,
            stream_id: self.stream_id,
        };
        match self.claim(claim).await {
            Ok((
                Owning::Owned {
                    epoch,
                    taken_over,
                    spent,
                },
                in_flight,
            )) => {
                self.want_no_more(bot_id);
                let asked = in_flight.len();
                let gateway_id = self.gateway_id;
                tracing::info!(bot_id, %gateway_id, epoch, asked, taken_over, "bot owned");
                let bot = OwnedBot {
                    epoch,
                    shared: Arc::default(),
                    token: CancellationToken::new(),
                    dispatcher: None,
                };
                self.bots.insert(bot_id, bot);
                let (spent, spent_ago) = spent.unzip();
                let owned = Owned {
                    bot_id,
                    epoch,
                    in_flight: in_flight.into_iter().map(AttemptRef::wire).collect(),
                    taken_over,
                    spent,
                    spent_ago: spent_ago.map(wire_duration),
                    keeps_spent: true,
                };
                self.send(dispatch_response::Message::Owned(owned)).await;
                if asked == 0 {
                    self.hear(bot_id, &[]).await;
                }
            }
            Ok((Owning::NotOwned { retry_after }, _)) => self.not_owned(bot_id, retry_after).await,
            Err(error) => {
                tracing::warn!(bot_id, %error, "ownership cannot be decided");
                self.not_owned(bot_id, RETRY).await;
            }
        }
    }

    /// What is in flight is read after the epoch was raised: nothing older begins any
    /// more, so the list is whole.
    async fn claim(&self, claim: Claim) -> sqlx::Result<(Owning, Vec<AttemptRef>)> {
        let mut conn = self.app.pool.acquire().await?;
        let owning = owners::own(&mut conn, claim, self.app.pace.owner_ttl).await?;
        let in_flight = match owning {
            Owning::Owned { .. } => {
                store::list_in_flight(&mut conn, claim.bot_id, claim.gateway_id).await?
            }
            Owning::NotOwned { .. } => Vec::new(),
        };
        Ok((owning, in_flight))
    }

    async fn not_owned(&self, bot_id: i64, retry_after: Duration) {
        let message = dispatch_response::Message::NotOwned(NotOwned {
            bot_id,
            retry_after: Some(wire_duration(retry_after)),
        });
        self.send(message).await;
    }

    /// From before it is asked for, so that no release falls between.
    fn want(&mut self, bot_id: i64) {
        self.wanted.insert(bot_id);
        let wakeups = &self.app.wakeups;
        wakeups.wait_for(bot_id, self.stream_id, self.free.clone());
    }

    fn want_no_more(&mut self, bot_id: i64) {
        if self.wanted.remove(&bot_id) {
            self.app.wakeups.wait_no_more(bot_id, self.stream_id);
        }
    }

    async fn journal(&mut self, report: JournalReport) {
        let entries = report.entries.into_iter();
        let reports: Vec<_> = entries.filter_map(parse_journal_entry).collect();
        self.hear(report.bot_id, &reports).await;
    }

    /// What the journal knows is applied; from here on rows are pushed.
    async fn hear(&mut self, bot_id: i64, reports: &[Report]) {
        let Some(bot) = self.bots.get(&bot_id) else {
            return;
        };
        // Nothing was asked, so nothing waited for this answer.
        if bot.dispatcher.is_some() && reports.is_empty() {
            return;
        }
        let epoch = bot.epoch;
        let heard = async {
            results::apply(&self.app, self.gateway_id, reports).await?;
            let mut conn = self.app.pool.acquire().await?;
            owners::update_ready(&mut conn, bot_id, epoch).await
        };
        match heard.await {
            Ok(true) => self.start(bot_id),
            Ok(false) => self.lose(bot_id).await,
            Err(error) => {
                // Asked once more, in a new epoch.
                tracing::warn!(bot_id, %error, "the journal's report cannot be stored");
                self.stop(bot_id).await;
                self.not_owned(bot_id, RETRY).await;
            }
        }
    }

    fn start(&mut self, bot_id: i64) {
        let Some(bot) = self.bots.get_mut(&bot_id) else {
            return;
        };
        if bot.dispatcher.is_some() || self.app.shutdown.is_stopping() {
            return;
        }
        let dispatcher = Dispatcher {
            app: self.app.clone(),
            owner: Epoch {
                bot_id,
                gateway_id: self.gateway_id,
                epoch: bot.epoch,
            },
            shared: bot.shared.clone(),
            outbox: self.outbox.clone(),
            token: bot.token.clone(),
        };
        // Not a child of the stream's span: a stream lives for days.
        bot.dispatcher = Some(tokio::spawn(dispatcher.run()));
    }

    fn credit(&self, credit: &olm_proto::notify::v1::Credit) {
        let Some(bot) = self.bots.get(&credit.bot_id) else {
            return;
        };
        // The lane of conversations is the gateway's own.
        if let Some(lane) = Lane::parse(credit.lane) {
            bot.shared.change(|flow| {
                let starved = flow.credit(lane, credit.cumulative, Instant::now());
                if starved > Duration::ZERO {
                    metrics::STARVED.time(starved, [metrics::lane(lane)]);
                }
            });
        }
    }

    /// Telegram does not take anything for this chat, or this bot, for now.
    fn freeze(&self, frozen: &olm_proto::notify::v1::Frozen) {
        let Some(bot) = self.bots.get(&frozen.bot_id) else {
            return;
        };
        let until = Instant::now() + wait(frozen.duration);
        bot.shared
            .change(|flow| flow.freeze(frozen.chat_id, until, Instant::now()));
    }

    async fn renew(&mut self, bot_id: i64, renewal: i64) {
        let Some(epoch) = self.bots.get(&bot_id).map(|bot| bot.epoch) else {
            // It was on its way when the bot was lost, which was said.
            return;
        };
        let stored = async {
            let mut conn = self.app.pool.acquire().await?;
            owners::renew(&mut conn, bot_id, epoch, renewal, self.app.pace.owner_ttl).await
        };
        match stored.await {
            Ok(true) => {
                let renewed = Renewed { bot_id, renewal };
                self.send(dispatch_response::Message::Renewed(renewed))
                    .await;
            }
            Ok(false) => self.lose(bot_id).await,
            // No answer: the gateway stops writing by itself when its renewals are old.
            Err(error) => tracing::warn!(bot_id, %error, "a renewal cannot be stored"),
        }
    }

    /// Ends what this stream has of a bot; nothing of it is pushed any more.
    async fn stop(&mut self, bot_id: i64) {
        if let Some(bot) = self.bots.remove(&bot_id) {
            bot.stop().await;
        }
    }

    /// Another stream or gateway has the bot.
    async fn lose(&mut self, bot_id: i64) {
        self.stop(bot_id).await;
        tracing::info!(bot_id, gateway_id = %self.gateway_id, "bot lost to another stream");
        self.want(bot_id);
        self.not_owned(bot_id, self.app.pace.owner_ttl).await;
    }

    async fn release(&mut self, release: Release) {
        let bot_id = release.bot_id;
        self.want_no_more(bot_id);
        let Some(bot) = self.bots.remove(&bot_id) else {
            return;
        };
        let epoch = bot.epoch;
        bot.stop().await;
        let released = async {
            let mut conn = self.app.pool.acquire().await?;
            owners::release(&mut conn, bot_id, epoch, release.spent.as_ref()).await
        };
        match released.await {
            Ok(_) => {
                tracing::info!(bot_id, gateway_id = %self.gateway_id, "bot released");
                if release.spent.is_some() {
                    self.app.wakeups.released(bot_id);
                }
            }
            // It runs out by itself.
            Err(error) => tracing::warn!(bot_id, %error, "a release cannot be stored"),
        }
    }

    /// Somebody wrote to a bot this stream owns: notifications may go to them again.
    async fn chat_seen(&self, bot_id: i64, chat_id: i64) {
        if !self.bots.contains_key(&bot_id) {
            return;
        }
        let stored = async {
            let mut conn = self.app.pool.acquire().await?;
            recipients::store::update_reachable(&mut conn, bot_id, chat_id).await
        };
        match stored.await {
            Ok(true) => {
                tracing::info!(bot_id, "recipient can be reached again");
                self.app.wakeups.wake([bot_id]);
            }
            Ok(false) => {}
            // Their next update says it again.
            Err(error) => tracing::warn!(bot_id, %error, "a returned recipient cannot be stored"),
        }
    }

    /// Stores results and acknowledges them; what cannot be stored is not acknowledged,
    /// so the gateway says it again.
    async fn report(&self, reports: Vec<Report>) {
        if reports.is_empty() {
            return;
        }
        let stored = results::apply(&self.app, self.gateway_id, &reports).await;
        let Ok(back) = stored.inspect_err(|error| {
            tracing::warn!(%error, results = reports.len(), "results cannot be stored");
        }) else {
            return;
        };
        for report in reports {
            let back = back.get(&report.attempt);
            for bot in self.bots.values() {
                bot.shared.change(|flow| match (&report.outcome, back) {
                    (Outcome::Sent { .. }, _) => flow.sent(report.attempt, Instant::now()),
                    (_, Some(back)) => flow.came_back(*back, Instant::now()),
                    (_, None) => flow.finished(report.attempt),
                });
            }
            let attempt = Some(report.attempt.wire());
            let ack = ResultAck { attempt };
            self.send(dispatch_response::Message::ResultAck(ack)).await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for bot_id in &self.wanted {
            self.app.wakeups.wait_no_more(*bot_id, self.stream_id);
        }
    }
}

fn wire_duration(duration: Duration) -> prost_types::Duration {
    olm_proto::duration(jiff::SignedDuration::try_from(duration).unwrap_or_default())
}
