//! What the gateway tells the service while a stream lasts.

use olm_proto::notify::v1::{AttemptResult, Credit, Frozen, dispatch_request};
use tokio::time::Instant;
use tonic::Status;

use super::{PUSHED, Session};
use crate::telegram::wire;

impl Session<'_> {
    pub(super) async fn give_credit(&mut self, lane: usize) -> Result<(), Status> {
        let credit = Credit {
            bot_id: self.bot_id(),
            lane: PUSHED[lane].1.into(),
            cumulative: self.credit.given(lane),
        };
        self.send(dispatch_request::Message::Credit(credit)).await
    }

    /// Tells outcomes that are new, or were not acknowledged. Whoever owns the bot now:
    /// what became of our rows only we can tell. While that is being asked, the report
    /// will.
    pub(super) async fn tell(&mut self) -> Result<(), Status> {
        if self.answer_by.is_some() {
            return Ok(());
        }
        // First, so that nothing of a frozen chat is begun when its row's outcome is known.
        self.tell_frozen().await?;
        for (attempt, outcome) in self.delivering.rows.to_tell(Instant::now()) {
            let result = AttemptResult {
                bot_id: self.bot_id(),
                attempt: Some(attempt.to_wire()),
                outcome: Some(outcome),
            };
            self.send(dispatch_request::Message::Result(result)).await?;
        }
        Ok(())
    }

    /// Tells what is frozen, where it is heard: whoever owns the bot begins its rows.
    pub(super) async fn tell_frozen(&mut self) -> Result<(), Status> {
        if !self.is_ours() {
            return Ok(());
        }
        for (chat_id, length) in self.delivering.limited.to_tell() {
            let frozen = Frozen {
                bot_id: self.bot_id(),
                chat_id,
                duration: Some(wire(length)),
            };
            self.send(dispatch_request::Message::Frozen(frozen)).await?;
        }
        Ok(())
    }
}
