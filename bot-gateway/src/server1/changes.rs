//! Follows lesson-svc's changes, so that nothing holds that is known to be out of date.
//! While nothing is heard of it, answers hold for their time all the same.

use std::time::Duration;

use olm_proto::lesson::v1::{
    WatchChangesRequest, WatchChangesResponse, change_service_client::ChangeServiceClient,
};
use service_kit::shutdown::Shutdown;
use tokio::time::timeout;
use tonic::{Code, Status};

use super::{Server1, concern::Concern};
use crate::dispatch::{jittered, needs_a_person};

/// An answer comes every 15 seconds, without changes if need be; so nothing for this long
/// says that nobody is there.
const SILENCE: Duration = Duration::from_secs(40);
/// Between two streams.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// More changes at once than are looked at one by one.
const MANY: usize = 200;

/// Where the stream is.
#[derive(Debug, Default)]
struct Place {
    /// Of the last answer; empty before the first.
    cursor: String,
    /// Nothing has failed since the last answer.
    heard: bool,
}

/// Follows the changes until stopping begins.
pub(crate) async fn follow(server1: Server1, shutdown: &Shutdown) {
    let (mut place, mut pause) = (Place::default(), FIRST_PAUSE);
    while !shutdown.is_stopping() {
        let ended = tokio::select! {
            ended = watch(&server1, &mut place) => ended,
            () = shutdown.stopping() => return,
        };
        if std::mem::take(&mut place.heard) {
            pause = FIRST_PAUSE;
        }
        let code = ended.code();
        if code == Code::InvalidArgument {
            // The cursor is none; the next stream begins now, and nothing kept holds.
            place.cursor.clear();
        }
        let error = ended.message();
        if needs_a_person(code) {
            tracing::error!(status = ?code, error, "lesson-svc refuses to tell of changes");
            pause = LONGEST_PAUSE;
        } else {
            tracing::debug!(status = ?code, error, "the stream of changes ended");
        }
        let _ = timeout(jittered(pause), shutdown.stopping()).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One stream to its end, which is an error or nothing to be proud of either.
async fn watch(server1: &Server1, place: &mut Place) -> Status {
    let request = WatchChangesRequest {
        cursor: place.cursor.clone(),
        ..WatchChangesRequest::default()
    };
    let mut client = ChangeServiceClient::new(server1.0.backend.clone());
    let opened = timeout(SILENCE, client.watch_changes(request)).await;
    let mut answers = match opened {
        Ok(Ok(opened)) => opened.into_inner(),
        Ok(Err(status)) => return status,
        Err(_) => return silent(),
    };
    loop {
        match timeout(SILENCE, answers.message()).await {
            Ok(Ok(Some(answer))) => heard(server1, place, answer),
            Ok(Ok(None)) => return Status::unavailable("the stream ended"),
            Ok(Err(status)) => return status,
            Err(_) => return silent(),
        }
    }
}

fn heard(server1: &Server1, place: &mut Place, answer: WatchChangesResponse) {
    // What changed before the first answer was told to nobody.
    let missed = answer.reset || place.cursor.is_empty();
    let mut cache = server1.cache();
    if missed || answer.changes.len() > MANY {
        cache.outdate(Concern::Everything);
    } else {
        for change in &answer.changes {
            cache.outdate(Concern::from_wire(change));
        }
    }
    drop(cache);
    if missed {
        tracing::info!(reset = answer.reset, "changes of lessons are followed");
    }
    place.cursor = answer.cursor;
    place.heard = true;
}

fn silent() -> Status {
    Status::deadline_exceeded("nothing came for too long")
}
