//! The relay: takes rows from the outbox and tells notify-svc. Versions order what it
//! tells, so rows of one entity may overtake each other.

use std::time::Duration;

use olm_proto::notify::v1::{
    EraseRecipientRequest, PutRecipientRequest, SyncLessonRequest, SyncSeriesRequest,
    lesson_plan_service_client::LessonPlanServiceClient,
    recipient_service_client::RecipientServiceClient,
};
use prost::Message as _;
use service_kit::{grpc::client::Backend, shutdown::Shutdown, status, telemetry};
use sqlx::PgPool;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tonic::{Code, Status};
use tracing::{Instrument as _, field};

use super::{Kind, Message, Refused, Wake, back_off, refused, store};
use crate::errors::Error;

/// Calls that are under way at once.
const IN_FLIGHT: usize = 8;
/// The safety net: rows of a replica that died are found this soon after their lease.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// What a lease has left when the call has run into its deadline.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// Delivers the outbox to notify-svc.
#[derive(Debug, Clone)]
pub struct Relay {
    pool: PgPool,
    notify: Backend,
    wake: Wake,
    lease: Duration,
}

impl Relay {
    /// A relay whose calls end after `call_timeout` at the latest.
    #[must_use]
    pub fn new(pool: PgPool, notify: Backend, wake: Wake, call_timeout: Duration) -> Self {
        Self {
            pool,
            notify,
            wake,
            lease: call_timeout + LEASE_MARGIN,
        }
    }

    /// Runs until stopping begins, then finishes the calls under way.
    pub async fn run(self, shutdown: Shutdown) {
        let stopping = shutdown.stopping();
        tokio::pin!(stopping);
        let mut calls = JoinSet::new();
        let mut poll_at = Instant::now();
        let mut look = true;
        let mut reachable = true;
        loop {
            if look && calls.len() < IN_FLIGHT {
                look = self.take(&mut calls, &mut reachable).await;
            }
            tokio::select! {
                () = &mut stopping => break,
                () = self.wake.woken() => look = true,
                () = sleep_until(poll_at) => {
                    look = true;
                    poll_at = Instant::now() + POLL_EVERY;
                }
                Some(done) = calls.join_next() => {
                    if let Some(delay) = retry_delay(done) {
                        poll_at = poll_at.min(Instant::now() + delay);
                    }
                }
            }
        }
        while let Some(done) = calls.join_next().await {
            retry_delay(done);
        }
    }

    /// Starts calls for due rows; true when there may be more than fit.
    async fn take(&self, calls: &mut JoinSet<Option<Duration>>, reachable: &mut bool) -> bool {
        let free = IN_FLIGHT - calls.len();
        match self.lease(free).await {
            Ok(messages) => {
                *reachable = true;
                let more = messages.len() == free;
                for message in messages {
                    let relay = self.clone();
                    calls.spawn(async move { relay.deliver(message).await });
                }
                more
            }
            Err(error) => {
                // Said once, not every second; readiness tells the rest.
                if std::mem::take(reachable) {
                    tracing::warn!(error = status::chain(&error), "the outbox cannot be read");
                }
                false
            }
        }
    }

    async fn lease(&self, free: usize) -> Result<Vec<Message>, Error> {
        let mut conn = self.pool.acquire().await?;
        let limit = i64::try_from(free).unwrap_or(i64::MAX);
        store::lease(&mut conn, limit, self.lease).await
    }

    /// Sends one row, in the trace of the change it tells of, and writes down what came
    /// of it; the delay after which it is due again, if it is.
    async fn deliver(&self, message: Message) -> Option<Duration> {
        let span = tracing::info_span!(
            "outbox",
            otel.name = "outbox.relay",
            otel.status_code = field::Empty,
            kind = message.kind.name(),
            entity_id = %message.entity_id,
            version = message.version,
            attempts = message.attempts,
        );
        telemetry::set_parent(&span, &message.traceparent);
        async {
            let sent = self.send(&message).await;
            self.settle(&message, sent).await
        }
        .instrument(span)
        .await
    }

    async fn send(&self, message: &Message) -> Result<(), Status> {
        let malformed = |_| Status::data_loss("the payload is not the message of its kind");
        match message.kind {
            Kind::Lesson => {
                let request = SyncLessonRequest::decode(&*message.payload).map_err(malformed)?;
                let mut client = LessonPlanServiceClient::new(self.notify.clone());
                client.sync_lesson(request).await?;
            }
            Kind::Series => {
                let request = SyncSeriesRequest::decode(&*message.payload).map_err(malformed)?;
                let mut client = LessonPlanServiceClient::new(self.notify.clone());
                client.sync_series(request).await?;
            }
            Kind::Recipient => {
                let request = PutRecipientRequest::decode(&*message.payload).map_err(malformed)?;
                let mut client = RecipientServiceClient::new(self.notify.clone());
                client.put_recipient(request).await?;
            }
            Kind::Erasure => {
                let request =
                    EraseRecipientRequest::decode(&*message.payload).map_err(malformed)?;
                let mut client = RecipientServiceClient::new(self.notify.clone());
                client.erase_recipient(request).await?;
            }
        }
        Ok(())
    }

    async fn settle(&self, message: &Message, sent: Result<(), Status>) -> Option<Duration> {
        let (written, delay) = match sent {
            Ok(()) => (self.delete(message).await, None),
            Err(refusal) => match refused(refusal.code()) {
                Refused::ForNow => {
                    let delay = back_off(message.attempts);
                    tracing::warn!(status = ?refusal.code(), attempts = message.attempts, "notify-svc did not take a row; it is sent again");
                    (self.retry(message, delay, &refusal).await, Some(delay))
                }
                Refused::ForGood => {
                    tracing::error!(event = "outbox_parked", outbox_id = message.id, status = ?refusal.code(), "notify-svc refused a row for good; it is parked");
                    (self.park(message, &refusal).await, None)
                }
            },
        };
        if let Err(error) = written {
            tracing::warn!(
                error = status::chain(&error),
                "the outbox cannot be written; the row is sent again"
            );
        }
        delay
    }

    async fn delete(&self, message: &Message) -> Result<(), Error> {
        let mut conn = self.pool.acquire().await?;
        store::delete(&mut conn, message.id).await
    }

    async fn retry(
        &self,
        message: &Message,
        delay: Duration,
        refusal: &Status,
    ) -> Result<(), Error> {
        let mut conn = self.pool.acquire().await?;
        store::update_due(&mut conn, message.id, delay, &describe(refusal)).await
    }

    async fn park(&self, message: &Message, refusal: &Status) -> Result<(), Error> {
        let mut conn = self.pool.acquire().await?;
        store::update_parked(&mut conn, message.id, &describe(refusal)).await
    }
}

/// For the person who looks at a row that does not go out.
fn describe(refusal: &Status) -> String {
    let code: Code = refusal.code();
    let text = format!("{code:?}: {}", refusal.message());
    text.chars().filter(|c| *c != '\0').take(500).collect()
}

fn retry_delay(done: Result<Option<Duration>, tokio::task::JoinError>) -> Option<Duration> {
    done.unwrap_or_else(|error| {
        // The row is due again when its lease ends.
        tracing::error!(error = status::chain(&error), "a relay call panicked");
        None
    })
}
