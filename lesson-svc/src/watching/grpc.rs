//! `ChangeService`.

use std::pin::Pin;

use olm_proto::lesson::v1::{
    WatchChangesRequest, WatchChangesResponse, change_service_server::ChangeService,
};
use service_kit::grpc::server::acting_user;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use crate::{later::later, state::State};

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Watching(pub State);

#[tonic::async_trait]
impl ChangeService for Watching {
    type WatchChangesStream =
        Pin<Box<dyn Stream<Item = Result<WatchChangesResponse, Status>> + Send>>;

    async fn watch_changes(
        &self,
        request: Request<WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        if acting_user(&request).is_some() {
            return later(&self.0, &request).await;
        }
        Err(Status::unimplemented("not served yet"))
    }
}
