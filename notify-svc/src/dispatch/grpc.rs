//! `DispatchService`.

use std::time::Duration;

use olm_proto::{
    common::v1::ErrorReason,
    notify::v1::{
        DispatchRequest, DispatchResponse, dispatch_request,
        dispatch_service_server::DispatchService,
    },
};
use service_kit::status::Refusal;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};
use uuid::Uuid;

use super::session::Session;
use crate::{App, errors::DOMAIN};

/// Messages on their way to one gateway; credit bounds the rows among them.
const OUTBOX: usize = 256;
/// How long a stream may be silent before its hello.
const HELLO: Duration = Duration::from_secs(10);

/// Serves `DispatchService`.
#[derive(Debug)]
pub struct Service {
    app: App,
}

impl Service {
    /// Over the shared state.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self { app }
    }
}

/// What a stream is ended with that says what it must not.
pub(super) fn malformed(what: &str) -> Status {
    let text = format!("the stream said {what}");
    Refusal::new(Code::InvalidArgument, ErrorReason::InvalidFields, text).into_status(DOMAIN)
}

#[tonic::async_trait]
impl DispatchService for Service {
    type DispatchStream = ReceiverStream<Result<DispatchResponse, Status>>;

    async fn dispatch(
        &self,
        request: Request<Streaming<DispatchRequest>>,
    ) -> Result<Response<Self::DispatchStream>, Status> {
        let mut inbound = request.into_inner();
        let (outbox, outgoing) = mpsc::channel(OUTBOX);
        let app = self.app.clone();
        // Answered before the hello: some clients send nothing until they are.
        tokio::spawn(async move {
            let gateway_id = tokio::select! {
                () = app.shutdown.stopping() => return,
                hello = timeout(HELLO, hello(&mut inbound)) => hello,
            };
            match gateway_id {
                Ok(Ok(gateway_id)) => Session::new(app, gateway_id, outbox).run(inbound).await,
                Ok(Err(status)) => drop(outbox.send(Err(status)).await),
                Err(_) => drop(outbox.send(Err(malformed("no hello in time"))).await),
            }
        });
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }
}

async fn hello(inbound: &mut Streaming<DispatchRequest>) -> Result<Uuid, Status> {
    let first = inbound.message().await?.and_then(|first| first.message);
    let Some(dispatch_request::Message::Hello(hello)) = first else {
        return Err(malformed("something else before its hello"));
    };
    match Uuid::try_parse(&hello.gateway_id) {
        Ok(gateway_id) if !gateway_id.is_nil() => Ok(gateway_id),
        Ok(_) | Err(_) => Err(malformed("a gateway_id that is not a UUID")),
    }
}
