//! Between lesson-svc's stream and the caller's: goes on at another replica when one
//! stops, keeps nothing for who does not read, and ends when this gateway stops.

use std::time::Duration;

use axum::response::sse::Event;
use olm_proto::lesson::v1::{
    WatchChangesRequest, WatchChangesResponse, change_service_client::ChangeServiceClient,
};
use service_kit::{
    grpc::client::{Backend, acting},
    shutdown::Shutdown,
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, sleep, timeout},
};
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

use super::event;
use crate::problem::Problem;

/// Who takes no event for this long does not read.
const PATIENCE: Duration = Duration::from_secs(30);
/// For how long another replica is looked for; the caller comes again after that.
const SEARCH: Duration = Duration::from_secs(30);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(200);

/// One caller who watches.
#[derive(Debug, Clone)]
pub(crate) struct Relay {
    pub(crate) client: ChangeServiceClient<Backend>,
    pub(crate) user: Uuid,
    /// With the cursor of the last event that was passed on.
    pub(crate) request: WatchChangesRequest,
    pub(crate) shutdown: Shutdown,
}

impl Relay {
    /// Begins; the events arrive in what is answered, which ends when there are no more.
    ///
    /// # Errors
    ///
    /// When lesson-svc refuses or is away.
    pub(crate) async fn start(
        mut self,
        place: OwnedSemaphorePermit,
    ) -> Result<mpsc::Receiver<Event>, Problem> {
        let answers = self.call().await?;
        let (events, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            tokio::select! {
                () = self.shutdown.stopping() => {}
                () = events.closed() => {}
                () = self.clone().run(answers, &events) => {}
            }
            drop(place);
        });
        Ok(receiver)
    }

    async fn call(&mut self) -> Result<Streaming<WatchChangesResponse>, Status> {
        let request = acting(self.request.clone(), self.user);
        Ok(self.client.watch_changes(request).await?.into_inner())
    }

    async fn run(
        mut self,
        mut answers: Streaming<WatchChangesResponse>,
        events: &mpsc::Sender<Event>,
    ) {
        loop {
            match answers.message().await {
                Ok(Some(answer)) => {
                    self.request.cursor.clone_from(&answer.cursor);
                    let Some(event) = event(answer) else { return };
                    if !matches!(timeout(PATIENCE, events.send(event)).await, Ok(Ok(()))) {
                        return;
                    }
                }
                Err(status) if !is_passing(&status) => {
                    tracing::debug!(code = ?status.code(), "watching ended");
                    return;
                }
                Ok(None) | Err(_) => match self.search().await {
                    Some(found) => answers = found,
                    None => return,
                },
            }
        }
    }

    /// Goes on elsewhere; `None` when it is refused or nobody is found.
    async fn search(&mut self) -> Option<Streaming<WatchChangesResponse>> {
        let begun = Instant::now();
        while begun.elapsed() < SEARCH {
            match self.call().await {
                Ok(answers) => return Some(answers),
                Err(status) if !is_passing(&status) => return None,
                Err(_) => sleep(AGAIN).await,
            }
        }
        None
    }
}

/// Whether another replica may go on: this one stopped, or the connection broke.
fn is_passing(status: &Status) -> bool {
    use std::error::Error as _;
    // A transport error has a source; what came over the wire has none.
    status.code() == Code::Unavailable || status.source().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_is_tried_elsewhere() {
        assert!(is_passing(&Status::unavailable("stops")));
        let broken = Status::from_error(Box::new(std::io::Error::other("reset")));
        assert!(is_passing(&broken));
        assert!(!is_passing(&Status::resource_exhausted("too slow")));
        assert!(!is_passing(&Status::not_found("erased")));
    }
}
