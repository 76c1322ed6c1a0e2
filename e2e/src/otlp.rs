//! An OTLP receiver that keeps the spans it gets.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use crate::Result;

/// A span as a service exported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// `service.name`.
    pub service: String,
    /// The span's name.
    pub name: String,
    /// 16 bytes.
    pub trace_id: Vec<u8>,
}

/// A receiver on a free port; it ends with the runtime.
#[derive(Debug, Clone, Default)]
pub struct Receiver(Arc<Mutex<Vec<Span>>>);

impl Receiver {
    /// Starts a receiver; returns it with the endpoint to export to.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start() -> Result<(Self, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let receiver = Self::default();
        let service = TraceServiceServer::new(receiver.clone());
        tokio::spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Ok((receiver, endpoint))
    }

    /// All spans so far of the traces that have a span with this name.
    #[must_use]
    pub fn traces_with(&self, name: &str) -> Vec<Span> {
        let spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let traces: BTreeSet<_> = spans
            .iter()
            .filter(|span| span.name == name)
            .map(|span| &span.trace_id)
            .collect();
        spans
            .iter()
            .filter(|span| traces.contains(&span.trace_id))
            .cloned()
            .collect()
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> std::result::Result<Response<ExportTraceServiceResponse>, Status> {
        let mut received = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for resource_spans in request.into_inner().resource_spans {
            let service = resource_spans
                .resource
                .iter()
                .flat_map(|resource| &resource.attributes)
                .find(|attribute| attribute.key == "service.name")
                .and_then(
                    |attribute| match attribute.value.as_ref()?.value.as_ref()? {
                        Value::StringValue(name) => Some(name.clone()),
                        Value::BoolValue(_)
                        | Value::IntValue(_)
                        | Value::DoubleValue(_)
                        | Value::ArrayValue(_)
                        | Value::KvlistValue(_)
                        | Value::BytesValue(_)
                        | Value::StringValueStrindex(_) => None,
                    },
                )
                .unwrap_or_default();
            for span in resource_spans
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans)
            {
                received.push(Span {
                    service: service.clone(),
                    name: span.name,
                    trace_id: span.trace_id,
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
