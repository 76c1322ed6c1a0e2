//! Changes, as the test tells them.

use std::pin::Pin;

use olm_proto::lesson::v1::{
    Change, ChangeKind, WatchChangesRequest, WatchChangesResponse,
    change_service_server::ChangeService,
};
use tokio_stream::{Stream, StreamExt as _, wrappers::BroadcastStream};
use tonic::{Request, Response, Status};

use super::{Lessons, Served};

#[tonic::async_trait]
impl ChangeService for Served {
    type WatchChangesStream =
        Pin<Box<dyn Stream<Item = Result<WatchChangesResponse, Status>> + Send>>;

    async fn watch_changes(
        &self,
        request: Request<WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        assert!(request.metadata().get("x-acting-user").is_none());
        let cursor = request.into_inner().cursor;
        let told = BroadcastStream::new(self.0.changes.subscribe());
        self.0.cursors.lock().unwrap().push(cursor);
        let first = Ok(answer(Vec::new()));
        // A watcher that is too slow is none of these tests'.
        let rest = told.map(|told| told.map_err(|_| Status::resource_exhausted("too slow"))?);
        Ok(Response::new(Box::pin(
            tokio_stream::once(first).chain(rest),
        )))
    }
}

impl Lessons {
    /// Tells whoever watches that a lesson changed.
    pub fn tell_lesson(&self, id: &str, people: &[&str]) {
        let change = Change {
            kind: ChangeKind::Lesson.into(),
            entity_id: id.to_owned(),
            version: 2,
            user_ids: people.iter().map(|id| (*id).to_owned()).collect(),
        };
        let _ = self.changes.send(Ok(answer(vec![change])));
    }
}

pub fn answer(changes: Vec<Change>) -> WatchChangesResponse {
    WatchChangesResponse {
        changes,
        cursor: "where it was".to_owned(),
        reset: false,
    }
}
