//! How a stream ends in order: nothing new, what is out is finished, then goodbye.

use std::time::Duration;

use olm_proto::notify::v1::{DispatchResponse, Release, dispatch_request};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tonic::{Status, Streaming};

use super::{End, Haste, Leaving, RENEW_EVERY, Session, spent};

/// How long a message counts against the token's limit and a chat's.
const COUNTS: Duration = Duration::from_secs(1);

impl Session<'_> {
    pub(super) fn begin_leaving(&mut self, why: Leaving, within: Duration) {
        self.leaving = why;
        self.leave_by = Some(Instant::now() + within);
    }

    /// The time for finishing is over: what was not begun is given up; soon after, the
    /// stream ends with whatever was not acknowledged.
    pub(super) async fn hurry(&mut self) -> Result<(), Status> {
        if self.haste == Haste::GaveUp {
            self.haste = Haste::LetGo;
            return Ok(());
        }
        self.haste = Haste::GaveUp;
        self.leave_by = Some(Instant::now() + self.shutdown.drain() / 4);
        self.delivering
            .rows
            .give_up_waiting("the gateway lets go of the bot");
        self.tell().await
    }

    /// True when nothing that was out is left to be told, and nobody is being answered:
    /// after the release nothing is sent.
    pub(super) fn left(&self) -> bool {
        let quiet = self.leaving != Leaving::Stopping || self.is_quiet();
        let done = self.haste == Haste::LetGo || (quiet && self.delivering.rows.is_settled());
        self.leaving != Leaving::No && done
    }

    /// Says goodbye: the bot is free at once instead of after six seconds.
    pub(super) async fn leave(
        &mut self,
        inbound: &mut Streaming<DispatchResponse>,
    ) -> Result<End, Status> {
        let end = match self.leaving {
            Leaving::Draining => return Ok(End::Drained),
            Leaving::TokenRefused => End::TokenRefused,
            Leaving::Stopping | Leaving::No => End::Released,
        };
        if self.is_ours() {
            let gate = &self.delivering.gate;
            gate.owned_for(Duration::ZERO);
            if !self.keeps_spent {
                // What nobody is told of must not count any more.
                sleep(COUNTS).await;
            }
            let release = Release {
                bot_id: self.bot_id(),
                spent: spent::wire(&gate.spent()),
            };
            self.send(dispatch_request::Message::Release(release))
                .await?;
        }
        // Closes our half; the service ends its own when it has read everything.
        let (closed, _) = mpsc::channel(1);
        self.outbound = closed;
        let drained = async { while let Ok(Some(_)) = inbound.message().await {} };
        let _ = timeout(RENEW_EVERY / 2, drained).await;
        Ok(end)
    }
}
