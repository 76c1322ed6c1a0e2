//! Notifications: the stream from notify-svc on which this gateway owns its bot, and
//! the rows that came over it.

mod delivery;
mod message;
mod renewals;
mod rows;
mod session;

use std::{sync::Arc, time::Duration};

use olm_proto::notify::v1::dispatch_service_client::DispatchServiceClient;
use service_kit::{clock::SharedClock, grpc::client::Backend, shutdown::Shutdown};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use tonic::Code;
use uuid::Uuid;

use crate::{
    holding::{Holder, Holding},
    journal::{Attempt, Entry, Journal},
    limited::Limited,
    pacer::gate::Gate,
    telegram::Telegram,
};
use delivery::Delivering;
use renewals::Renewals;
use rows::Rows;
use session::{End, Session};

/// The first wait before another stream; doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A stream that held this long ends the growing of the wait.
const HELD: Duration = Duration::from_secs(10);

/// What the dispatcher works with.
#[derive(Debug)]
pub struct Dispatch {
    /// notify-svc.
    pub backend: Backend,
    /// Sends.
    pub telegram: Telegram,
    /// Paces.
    pub gate: Gate,
    /// Freezes.
    pub(crate) limited: Arc<Limited>,
    /// Remembers.
    pub journal: Journal,
    /// The journal's id.
    pub gateway_id: Uuid,
    /// What an earlier process left in the journal of the bot's rows.
    pub entries: Vec<(Attempt, Entry)>,
    /// Private chats somebody wrote in: notifications may go there again.
    pub seen: mpsc::Receiver<i64>,
    /// True when no update is being answered any more and none will be.
    pub quiet: watch::Receiver<bool>,
    /// Told whose the bot is.
    pub(crate) holding: Holding,
    /// Tells how long is left when a text is rendered.
    pub clock: SharedClock,
}

/// Keeps a stream open until stopping begins, then finishes what is out and releases
/// the bot.
pub async fn run(mut dispatch: Dispatch, shutdown: &Shutdown) {
    let bot_id = dispatch.telegram.bot_id();
    let client = DispatchServiceClient::new(dispatch.backend);
    let rows = Rows::new(dispatch.entries.into_iter());
    let delivering = Arc::new(Delivering {
        telegram: dispatch.telegram,
        gate: dispatch.gate,
        limited: dispatch.limited,
        journal: dispatch.journal,
        clock: dispatch.clock,
        holding: dispatch.holding,
        rows,
        renewals: Renewals::default(),
    });
    let mut pause = FIRST_PAUSE;
    while !shutdown.is_stopping() {
        await_token(&delivering.telegram, shutdown).await;
        let begun = Instant::now();
        let quiet = dispatch.quiet.clone();
        let session = Session::new(&delivering, dispatch.gateway_id, quiet, shutdown);
        let end = session.run(client.clone(), &mut dispatch.seen).await;
        delivering.holding.set(Holder::Unknown);
        delivering
            .rows
            .give_up_waiting("the stream ended before the row was written");
        if begun.elapsed() >= HELD {
            pause = FIRST_PAUSE;
        }
        match end {
            End::Released | End::TokenRefused => continue,
            End::Drained => {
                tracing::info!(
                    bot_id,
                    "the dispatcher went away in order; taking the next one"
                );
                continue;
            }
            End::Broken(status) if needs_a_person(status.code()) => {
                tracing::error!(bot_id, status = ?status.code(), error = status.message(),
                    "notify-svc refuses the stream");
                pause = LONGEST_PAUSE;
            }
            End::Broken(status) => {
                tracing::warn!(bot_id, status = ?status.code(), error = status.message(),
                    "the stream to notify-svc broke");
            }
        }
        let _ = timeout(jittered(pause), shutdown.stopping()).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    // Rows that were being written when the stream broke at the end.
    let _ = timeout(shutdown.drain() / 2, delivering.rows.written()).await;
}

/// While Telegram refuses the token nothing is owned, so that no row fails for it.
async fn await_token(telegram: &Telegram, shutdown: &Shutdown) {
    tokio::select! {
        () = telegram.until_refused(false) => {}
        () = shutdown.stopping() => {}
    }
}

pub(crate) fn needs_a_person(code: Code) -> bool {
    matches!(
        code,
        Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented
    )
}

/// Half to all of `pause`, so that many gateways do not come back at one instant.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let random = f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
    pause.mul_f64(0.5 + random / 2.0)
}
