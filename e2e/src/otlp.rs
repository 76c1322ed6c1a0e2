//! An OTLP receiver that keeps the spans and the names of the figures it gets.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::any_value::Value,
    resource::v1::Resource,
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
pub struct Receiver(Arc<Mutex<Received>>);

#[derive(Debug, Default)]
struct Received {
    spans: Vec<Span>,
    /// Of which service, and its name.
    figures: BTreeSet<(String, String)>,
}

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
                .add_service(MetricsServiceServer::new(receiver.clone()))
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Ok((receiver, endpoint))
    }

    /// All spans so far of the traces that have a span with this name.
    #[must_use]
    pub fn traces_with(&self, name: &str) -> Vec<Span> {
        let spans = &self.0.lock().unwrap_or_else(PoisonError::into_inner).spans;
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

    /// Whether a service has exported a figure of this name.
    #[must_use]
    pub fn has_figure(&self, service: &str, name: &str) -> bool {
        let figure = (service.to_owned(), name.to_owned());
        let received = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        received.figures.contains(&figure)
    }
}

fn service_name(resource: Option<&Resource>) -> String {
    let attributes = resource.iter().flat_map(|resource| &resource.attributes);
    attributes
        .filter(|attribute| attribute.key == "service.name")
        .find_map(
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
        .unwrap_or_default()
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> std::result::Result<Response<ExportMetricsServiceResponse>, Status> {
        let mut received = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for resource_metrics in request.into_inner().resource_metrics {
            let service = service_name(resource_metrics.resource.as_ref());
            let scopes = resource_metrics.scope_metrics.into_iter();
            for metric in scopes.flat_map(|scope| scope.metrics) {
                received.figures.insert((service.clone(), metric.name));
            }
        }
        Ok(Response::new(ExportMetricsServiceResponse::default()))
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
            let service = service_name(resource_spans.resource.as_ref());
            for span in resource_spans
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans)
            {
                received.spans.push(Span {
                    service: service.clone(),
                    name: span.name,
                    trace_id: span.trace_id,
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
