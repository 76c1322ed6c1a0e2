//! `ChangeService`: parse, reply.

use std::collections::BTreeSet;

use olm_proto::lesson::v1::{
    WatchChangesRequest, WatchChangesResponse, change_service_server::ChangeService,
};
use service_kit::{grpc::server::acting_user, status::Violations};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{cursor::Cursor, filter::Sight, watcher::Watcher};
use crate::{errors::Error, ids::UserId, state::State, users};

/// Whose free times one watcher can watch.
const MOST_TEACHERS: usize = 50;

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Watching(pub State);

#[tonic::async_trait]
impl ChangeService for Watching {
    type WatchChangesStream = ReceiverStream<Result<WatchChangesResponse, Status>>;

    async fn watch_changes(
        &self,
        request: Request<WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        let viewer = acting_user(&request).map(UserId);
        let request = request.into_inner();
        let sight = read_sight(viewer, &request.teacher_ids)?;
        let cursor = match request.cursor.as_str() {
            "" => None,
            text => Some(Cursor::from_text(text)?),
        };
        if let Some(viewer) = viewer {
            let mut conn = self.0.pool.acquire().await.map_err(Error::from)?;
            users::store::require(&mut conn, viewer).await?;
        }
        let answers = Watcher::start(&self.0, sight, cursor).await?;
        Ok(Response::new(ReceiverStream::new(answers)))
    }
}

fn read_sight(viewer: Option<UserId>, teacher_ids: &[String]) -> Result<Sight, Error> {
    let mut violations = Violations::default();
    let count = teacher_ids.len();
    violations.require(
        count <= MOST_TEACHERS,
        "teacher_ids",
        format!("has {count} teachers, more than {MOST_TEACHERS}"),
    );
    violations.require(
        viewer.is_some() || count == 0,
        "teacher_ids",
        "is only for an acting user: without one everything is told",
    );
    let teachers: BTreeSet<_> = teacher_ids
        .iter()
        .take(MOST_TEACHERS)
        .enumerate()
        .map(|(i, id)| UserId(violations.uuid(&format!("teacher_ids[{i}]"), id)))
        .collect();
    violations.check()?;
    Ok(match viewer {
        Some(viewer) => Sight::Of(viewer, teachers),
        None => Sight::All,
    })
}
