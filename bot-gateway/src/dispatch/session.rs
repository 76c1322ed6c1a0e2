//! One stream to notify-svc, from Hello to its end.

mod credit;
mod leaving;
mod spent;
mod telling;

use std::{sync::Arc, time::Duration};

use olm_proto::notify::v1::{
    AttemptRef, ChatSeen, Deliver, DispatchRequest, DispatchResponse, Hello, JournalReport,
    Lane as WireLane, Outcome, Own, Owned, Renew, Spent, dispatch_request,
    dispatch_response::Message, dispatch_service_client::DispatchServiceClient,
};
use service_kit::{grpc::client::Backend, shutdown::Shutdown};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use uuid::Uuid;

use credit::Credit;

use super::{
    delivery::{Delivering, Row, ahead, deliver},
    renewals::boot_time,
};
use crate::{
    holding::Holder,
    journal::Attempt,
    pacer::{Former, Lane, Target},
    telegram::not_written,
};

/// Messages that wait to be sent on the stream.
const OUTBOUND: usize = 128;
/// Between two requests for a bot that another gateway owns: bounds what a mistaken peer can
/// ask for.
const SOONEST_ASK: Duration = Duration::from_millis(250);
const LATEST_ASK: Duration = Duration::from_secs(30);
/// Ownership lasts six seconds from a renewal.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// So many renewals without an answer: the peer is dead.
const SILENT_RENEWALS: i64 = 4;
/// How long the service may take to answer Hello and Own, or to take a message.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long rows still being written may hold up the report of what is in flight.
const REPORT_WAIT: Duration = Duration::from_secs(2);
/// How long the rows that are out may take when the service drains.
const DRAIN: Duration = Duration::from_secs(10);

/// How a stream ended.
#[derive(Debug)]
pub(super) enum End {
    /// Stopping began; the bot was given up in order.
    Released,
    /// The service's replica goes away; what was out is finished.
    Drained,
    /// Telegram refuses the token; the bot was given up.
    TokenRefused,
    /// The stream failed.
    Broken(Status),
}

/// Why the session is ending in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    No,
    Stopping,
    Draining,
    TokenRefused,
}

/// Whose the bot is, as far as this stream knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Asked,
    Elsewhere,
    Ours,
}

/// What leaving has given up so far, because it took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Haste {
    None,
    /// Rows that were not begun.
    GaveUp,
    /// Waiting for acknowledgements too.
    LetGo,
}

pub(super) struct Session<'a> {
    delivering: &'a Arc<Delivering>,
    gateway_id: Uuid,
    quiet: watch::Receiver<bool>,
    shutdown: &'a Shutdown,
    outbound: mpsc::Sender<DispatchRequest>,
    requests: Option<mpsc::Receiver<DispatchRequest>>,
    given_up: watch::Sender<bool>,
    standing: Standing,
    /// When to ask (again) for the bot, or by when the service has to answer.
    ask_at: Option<Instant>,
    asked: Instant,
    answer_by: Option<Instant>,
    renewal: i64,
    renewed: i64,
    credit: Credit,
    leaving: Leaving,
    leave_by: Option<Instant>,
    haste: Haste,
    /// Whether the next owner will learn what a release says.
    keeps_spent: bool,
}

/// The lanes that come from notify-svc, in the order of [`Credit`].
const PUSHED: [(Lane, WireLane); credit::LANES] = [
    (Lane::Interactive, WireLane::Interactive),
    (Lane::Reminder, WireLane::Reminder),
    (Lane::Broadcast, WireLane::Broadcast),
];

impl<'a> Session<'a> {
    pub(super) fn new(
        delivering: &'a Arc<Delivering>,
        gateway_id: Uuid,
        quiet: watch::Receiver<bool>,
        shutdown: &'a Shutdown,
    ) -> Self {
        let (outbound, requests) = mpsc::channel(OUTBOUND);
        Self {
            delivering,
            gateway_id,
            quiet,
            shutdown,
            outbound,
            requests: Some(requests),
            given_up: watch::Sender::new(false),
            standing: Standing::Asked,
            ask_at: None,
            asked: Instant::now(),
            answer_by: None,
            renewal: 0,
            renewed: 0,
            credit: Credit::new(delivering.gate.limits().per_second),
            leaving: Leaving::No,
            leave_by: None,
            haste: Haste::None,
            keeps_spent: false,
        }
    }

    /// Runs the stream to its end.
    pub(super) async fn run(
        mut self,
        client: DispatchServiceClient<Backend>,
        seen: &mut mpsc::Receiver<i64>,
    ) -> End {
        let result = self.converse(client, seen).await;
        // Rows that wait for their slot end; those being written finish.
        self.given_up.send_replace(true);
        result.unwrap_or_else(End::Broken)
    }

    async fn converse(
        &mut self,
        mut client: DispatchServiceClient<Backend>,
        seen: &mut mpsc::Receiver<i64>,
    ) -> Result<End, Status> {
        self.delivering.rows.begin_stream();
        self.delivering.limited.tell_again();
        let hello = Hello {
            gateway_id: self.gateway_id.to_string(),
        };
        self.send(dispatch_request::Message::Hello(hello)).await?;
        self.ask().await?;
        let requests = self
            .requests
            .take()
            .ok_or_else(|| Status::internal("ran before"))?;
        let opened = timeout(PATIENCE, client.dispatch(ReceiverStream::new(requests)));
        let mut inbound = tokio::select! {
            opened = opened => opened.map_err(|_| silent())??.into_inner(),
            () = self.shutdown.stopping() => return Ok(End::Released),
        };
        let mut ticks = interval(RENEW_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.left() {
            self.step(&mut inbound, &mut ticks, seen).await?;
        }
        self.leave(&mut inbound).await
    }

    /// One thing that happens.
    async fn step(
        &mut self,
        inbound: &mut Streaming<DispatchResponse>,
        ticks: &mut Interval,
        seen: &mut mpsc::Receiver<i64>,
    ) -> Result<(), Status> {
        let is_ours = self.standing == Standing::Ours;
        let (ask_at, answer_by, leave_by) = (self.ask_at, self.answer_by, self.leave_by);
        let (leaving, delivering) = (self.leaving, self.delivering);
        tokio::select! {
            message = inbound.message() => match message? {
                Some(message) => self.received(message).await,
                None => Err(Status::unavailable("the service closed the stream")),
            },
            _ = ticks.tick() => self.tick().await,
            // Kept while nobody takes it: it may be what opens a chat again.
            Some(chat_id) = seen.recv(), if is_ours => {
                let bot_id = self.bot_id();
                self.send(dispatch_request::Message::ChatSeen(ChatSeen { bot_id, chat_id })).await
            }
            () = delivering.rows.changed() => self.tell().await,
            () = delivering.limited.changed() => self.tell().await,
            () = at(ask_at) => self.ask().await,
            () = at(answer_by) => Err(silent()),
            () = at(leave_by) => self.hurry().await,
            () = self.shutdown.stopping(), if leaving != Leaving::Stopping => {
                self.begin_leaving(Leaving::Stopping, self.shutdown.drain() / 2);
                Ok(())
            }
            _ = self.quiet.changed(), if leaving == Leaving::Stopping && !self.is_quiet() => Ok(()),
            () = delivering.telegram.until_refused(true), if leaving == Leaving::No => {
                self.begin_leaving(Leaving::TokenRefused, Duration::ZERO);
                Ok(())
            }
        }
    }

    async fn received(&mut self, message: DispatchResponse) -> Result<(), Status> {
        match message.message {
            Some(Message::Owned(owned)) => self.own(owned).await,
            Some(Message::NotOwned(not_owned)) => {
                let after = spent::span(not_owned.retry_after.as_ref()).min(LATEST_ASK);
                self.answer_by = None;
                self.ask_at = Some((Instant::now() + after).max(self.asked + SOONEST_ASK));
                self.delivering.gate.owned_for(Duration::ZERO);
                self.delivering.holding.set(Holder::Others);
                if std::mem::replace(&mut self.standing, Standing::Elsewhere) != Standing::Elsewhere
                {
                    tracing::info!(bot_id = self.bot_id(), "the bot is not ours yet");
                }
                Ok(())
            }
            Some(Message::Renewed(renewed)) => {
                self.renewed = self.renewed.max(renewed.renewal);
                self.keep(renewed.renewal);
                Ok(())
            }
            Some(Message::Deliver(row)) => self.take_in(row),
            Some(Message::ResultAck(ack)) => self.acknowledged(ack.attempt).await,
            Some(Message::Drain(_)) => {
                if self.leaving == Leaving::No {
                    self.begin_leaving(Leaving::Draining, DRAIN);
                }
                Ok(())
            }
            // A message of a newer contract.
            None => Ok(()),
        }
    }

    /// Asks for the bot; the request itself counts as renewal 0.
    async fn ask(&mut self) -> Result<(), Status> {
        self.ask_at = None;
        self.asked = Instant::now();
        self.answer_by = Some(self.asked + PATIENCE);
        self.renewal = 0;
        self.renewed = 0;
        // What the last term left waiting is stale, and will be asked about.
        let rows = &self.delivering.rows;
        rows.give_up_waiting("the ownership it was begun under is over");
        self.delivering.renewals.begin(boot_time());
        let bot_id = self.bot_id();
        self.send(dispatch_request::Message::Own(Own { bot_id }))
            .await
    }

    /// A renewal is stored: the bot stays ours for as long as it is fresh.
    fn keep(&self, renewal: i64) {
        if self.is_ours() {
            let fresh_for = self.delivering.renewals.fresh_for(renewal, boot_time());
            self.delivering.gate.owned_for(fresh_for);
        }
    }

    /// The bot is ours: reports on the rows that are in flight, renews, gives credit.
    async fn own(&mut self, owned: Owned) -> Result<(), Status> {
        let bot_id = self.bot_id();
        self.answer_by = None;
        self.standing = Standing::Ours;
        self.keeps_spent = owned.keeps_spent;
        self.inherit(&owned);
        self.keep(0);
        self.delivering.holding.set(Holder::Us);
        self.credit.begin();
        self.renew().await?;
        let rows = &self.delivering.rows;
        // Nearly always they end within milliseconds, and then their outcome is known.
        let _ = timeout(REPORT_WAIT, rows.written()).await;
        let in_flight = owned.in_flight.iter();
        let in_flight: Vec<_> = in_flight
            .filter_map(|wire| Attempt::parse(bot_id, wire))
            .collect();
        let now = Instant::now();
        let entries = rows.report(&in_flight, now);
        rows.settle_lost(now);
        tracing::info!(
            bot_id,
            epoch = owned.epoch,
            taken_over = owned.taken_over,
            in_flight = entries.len(),
            "the bot is ours"
        );
        let report = JournalReport { bot_id, entries };
        self.send(dispatch_request::Message::JournalReport(report))
            .await?;
        for lane in 0..PUSHED.len() {
            self.give_credit(lane).await?;
        }
        self.tell().await
    }

    /// The limits go on from what the owner before used, as far as that is known.
    fn inherit(&self, owned: &Owned) {
        let gate = &self.delivering.gate;
        if let Some(left) = &owned.spent {
            let ago = spent::span(owned.spent_ago.as_ref());
            gate.inherit(&spent::parse(left).later(ago));
        }
        let tells_of_all = |spent: &Spent| spent.groups_free_in.is_some();
        let from = Former {
            // Releases of before that was told speak of their own owner only.
            told: match &owned.spent {
                Some(spent) => !owned.taken_over || tells_of_all(spent),
                None => false,
            },
            silent: owned.taken_over,
        };
        gate.owned(owned.epoch, from);
    }

    fn take_in(&mut self, row: Deliver) -> Result<(), Status> {
        let bot_id = self.bot_id();
        let attempt = row
            .attempt
            .as_ref()
            .and_then(|wire| Attempt::parse(bot_id, wire));
        let Some(attempt) = attempt.filter(|_| row.bot_id == bot_id) else {
            return Err(Status::invalid_argument(
                "a row of another bot, or without an id",
            ));
        };
        let lane = lane_of(&row);
        let rows = &self.delivering.rows;
        if !rows.take_in(attempt, lane, row.chat_id) {
            // Each attempt is pushed once; its outcome will be told.
            return Ok(());
        }
        if self.leaving != Leaving::No {
            rows.finish(attempt, unsent("the gateway takes no more rows"));
            return Ok(());
        }
        let due_in = row.due_in.as_ref().and_then(olm_proto::span);
        let due_in = due_in.unwrap_or_default();
        let target = Target::Message(row.chat_id);
        match self.delivering.gate.enqueue(lane, target, ahead(due_in)) {
            Ok(waiting) => {
                let delivering = Arc::clone(self.delivering);
                let given_up = self.given_up.subscribe();
                let named = delivering.renewals.named(row.last_renewal);
                let row = Row {
                    deliver: row,
                    named,
                    lane,
                    arrived: Instant::now(),
                    due_in,
                };
                tokio::spawn(deliver(delivering, attempt, row, waiting, given_up));
            }
            Err(full) => rows.finish(attempt, unsent(&full.to_string())),
        }
        Ok(())
    }

    async fn acknowledged(&mut self, wire: Option<AttemptRef>) -> Result<(), Status> {
        let Some(attempt) = wire.and_then(|wire| Attempt::parse(self.bot_id(), &wire)) else {
            return Ok(());
        };
        let Some(acknowledged) = self.delivering.rows.acknowledged(attempt, Instant::now()) else {
            return Ok(());
        };
        let journal = self.delivering.journal.clone();
        // Not waited for: what stays in the journal is merely told again.
        tokio::spawn(async move { journal.forget(attempt).await });
        if let Some(taken) = acknowledged.taken {
            self.credit.measured(taken);
        }
        let lane = acknowledged.lane;
        let Some(index) = PUSHED.iter().position(|(pushed, _)| Some(*pushed) == lane) else {
            return Ok(());
        };
        if self.credit.returned(index) {
            self.give_credit(index).await?;
        }
        Ok(())
    }

    async fn tick(&mut self) -> Result<(), Status> {
        if self.is_ours() {
            if self.renewal - self.renewed >= SILENT_RENEWALS {
                return Err(silent());
            }
            self.renew().await?;
        }
        self.tell().await
    }

    async fn renew(&mut self) -> Result<(), Status> {
        self.renewal += 1;
        // Before it is sent: the moment counted from must not be later than the truth.
        self.delivering.renewals.sent(self.renewal, boot_time());
        let renew = Renew {
            bot_id: self.bot_id(),
            renewal: self.renewal,
        };
        self.send(dispatch_request::Message::Renew(renew)).await
    }

    async fn send(&self, message: dispatch_request::Message) -> Result<(), Status> {
        let request = DispatchRequest {
            message: Some(message),
        };
        match timeout(PATIENCE, self.outbound.send(request)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Status::unavailable("the stream is closed")),
            Err(_) => Err(silent()),
        }
    }

    fn is_quiet(&self) -> bool {
        *self.quiet.borrow()
    }

    fn is_ours(&self) -> bool {
        self.standing == Standing::Ours
    }

    fn bot_id(&self) -> i64 {
        self.delivering.telegram.bot_id()
    }
}

fn lane_of(row: &Deliver) -> Lane {
    match row.lane() {
        WireLane::Interactive => Lane::Interactive,
        WireLane::Reminder => Lane::Reminder,
        // The service never pushes conversation; the last lane is the cautious reading.
        WireLane::Broadcast | WireLane::Conversation | WireLane::Unspecified => Lane::Broadcast,
    }
}

fn unsent(cause: &str) -> Outcome {
    Outcome {
        kind: Some(not_written(cause, RENEW_EVERY)),
    }
}

fn silent() -> Status {
    Status::deadline_exceeded("the service does not answer")
}

/// Waits for an instant; for ever when there is none.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
