//! The server every service runs: policy, tracing, request log, panic guard,
//! health, reflection v1 and v1alpha, and a drain that ends.

use std::{
    any::Any,
    future::Future,
    io,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::FutureExt as _;
use olm_proto::common::v1::ErrorReason;
use tokio::{net::TcpListener, time::Instant};
use tonic::{
    Code, Status,
    body::Body,
    service::Routes,
    transport::{Server, server::TcpIncoming},
};
use tonic_types::StatusExt as _;
use tower::{Layer, Service};
use tracing::{Instrument as _, field};
use uuid::Uuid;

use super::{
    observed::{Call, Reported, observe},
    policy::{ActingUser, Caller, Policies},
};
use crate::{
    clock::SharedClock,
    health::Health,
    keys::ServiceKeys,
    metrics::{Histogram, SECONDS},
    shutdown::Shutdown,
    status::{self, Refusal},
    telemetry,
};

/// A dead peer is noticed after at most thirty seconds.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections are closed after this long, between calls, so that callers spread
/// over replicas again.
const MAX_CONNECTION_AGE: Duration = Duration::from_mins(30);
/// Calls one connection may have open at once.
const MAX_STREAMS: u32 = 1_024;
/// The largest message a service reads; see `max_decoding_message_size`. Ours are a
/// few KiB; the largest is a list of weekly rules.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// What a server needs besides its services.
#[derive(Debug, Clone)]
pub struct GrpcServer {
    /// `olm.<service>`, the domain of its errors.
    pub domain: &'static str,
    /// Who may call.
    pub keys: ServiceKeys,
    /// Whether reflection answers; off in production.
    pub reflection: bool,
    /// Tells when a key is valid.
    pub clock: SharedClock,
}

impl GrpcServer {
    /// Serves `routes` until stopping begins, then finishes what runs, but no longer
    /// than the drain time: open streams, health watches and silent peers are cut.
    ///
    /// # Errors
    ///
    /// When the contract has an RPC without a policy, or the transport fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        routes: Routes,
        health: Health,
        shutdown: Shutdown,
    ) -> io::Result<()> {
        self.keys.follow();
        let policies =
            Policies::from_descriptors(&olm_proto::DESCRIPTORS).map_err(io::Error::other)?;
        let mut routes = routes.add_service(health.server());
        if self.reflection {
            let builder = || {
                let builder = tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(olm_proto::FILE_DESCRIPTOR_SET)
                    .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                    .with_service_name("grpc.health.v1.Health")
                    .with_service_name("grpc.reflection.v1.ServerReflection");
                // The set is the whole contract; listed is what is served here.
                let served = health.services().iter().copied();
                served
                    .filter(|name| olm_proto::DESCRIPTORS.get_service_by_name(name).is_some())
                    .fold(
                        builder,
                        tonic_reflection::server::Builder::with_service_name,
                    )
            };
            routes = routes
                .add_service(builder().build_v1().map_err(io::Error::other)?)
                .add_service(builder().build_v1alpha().map_err(io::Error::other)?);
        }
        let stack = StackLayer {
            server: self,
            policies,
        };
        // The builder's own setting does not reach connections accepted here; without it
        // every small answer may wait 40 ms for an acknowledgement.
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let served = Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .max_connection_age(MAX_CONNECTION_AGE)
            .max_concurrent_streams(MAX_STREAMS)
            .layer(stack)
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, {
                let (stopping, health) = (shutdown.stopping(), health.clone());
                async move {
                    stopping.await;
                    health.drain().await;
                }
            });
        let Some(result) = shutdown.drained(served).await else {
            tracing::warn!("calls still open at the drain deadline were cut");
            return Ok(());
        };
        result.map_err(io::Error::other)
    }
}

/// The caller of a request.
///
/// # Errors
///
/// `INTERNAL` when the request did not come through [`GrpcServer`].
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, Status> {
    request
        .extensions()
        .get::<Caller>()
        .copied()
        .ok_or_else(|| Status::internal("the request passed no policy"))
}

/// The person a request speaks for.
#[must_use]
pub fn acting_user<T>(request: &tonic::Request<T>) -> Option<Uuid> {
    request.extensions().get::<ActingUser>().map(|user| user.0)
}

/// The person a request speaks for, where the policy requires one.
///
/// # Errors
///
/// `INTERNAL` when the policy did not require one after all.
pub fn required_acting_user<T>(request: &tonic::Request<T>) -> Result<Uuid, Status> {
    acting_user(request).ok_or_else(|| Status::internal("the policy requires no acting user"))
}

#[derive(Clone)]
struct StackLayer {
    server: GrpcServer,
    policies: Policies,
}

impl<S> Layer<S> for StackLayer {
    type Service = Stack<S>;

    fn layer(&self, inner: S) -> Stack<S> {
        Stack {
            inner,
            layer: self.clone(),
        }
    }
}

/// The innermost service with everything around it.
#[derive(Clone)]
struct Stack<S> {
    inner: S,
    layer: StackLayer,
}

type ResponseFuture<E> = Pin<Box<dyn Future<Output = Result<http::Response<Body>, E>> + Send>>;

impl<S> Service<http::Request<Body>> for Stack<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let path = request.uri().path();
        if is_open(path) {
            return Box::pin(inner.call(request));
        }
        let domain = self.layer.server.domain;
        let call = begin(path, request.headers());
        let span = call.span.clone();
        let admitted = self.layer.policies.admit(
            path,
            request.headers(),
            &self.layer.server.keys,
            self.layer.server.clock.now(),
        );
        let (caller, acting_user) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => {
                let response = refusal.into_status(domain).into_http::<Body>();
                return Box::pin(async move {
                    Ok(observe(response, Reported::new(call)).map(Body::new))
                });
            }
        };
        span.record("caller", caller.name());
        request.extensions_mut().insert(caller);
        if let Some(user) = acting_user {
            span.record("acting_user", field::display(user.0));
            request.extensions_mut().insert(user);
        }
        Box::pin(
            async move {
                let response = match AssertUnwindSafe(inner.call(request)).catch_unwind().await {
                    Ok(response) => response?,
                    Err(panic) => panicked(domain, &*panic).into_http(),
                };
                Ok(observe(with_reason(response, domain), Reported::new(call)).map(Body::new))
            }
            .instrument(span),
        )
    }
}

/// Health and reflection answer without a key and without a log line.
fn is_open(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.Health/") || path.starts_with("/grpc.reflection.")
}

static DURATIONS: Histogram<2> = Histogram::new(
    "rpc.server.call.duration",
    "s",
    "Calls answered, streams to their end",
    SECONDS,
    ["rpc.method", "rpc.response.status_code"],
);

fn begin(path: &str, headers: &http::HeaderMap) -> Call {
    let name = path.trim_start_matches('/');
    let (service, method) = name.split_once('/').unwrap_or((name, ""));
    let span = tracing::info_span!(
        "rpc",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = field::Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = field::Empty,
        caller = field::Empty,
        acting_user = field::Empty,
    );
    if let Some(parent) = headers
        .get(telemetry::TRACEPARENT)
        .and_then(|value| value.to_str().ok())
    {
        telemetry::set_parent(&span, parent);
    }
    Call {
        begun: Instant::now(),
        durations: &DURATIONS,
        path: path.to_owned(),
        report: Box::new(|span, path, code, duration_ms| {
            span.in_scope(|| tracing::info!(rpc = path, status = ?code, duration_ms, "request"));
        }),
        span,
    }
}

fn panicked(domain: &str, panic: &(dyn Any + Send)) -> Status {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned());
    status::internal(domain, &io::Error::other(text))
}

/// Gives tonic's own refusals (unknown method, message too large or malformed) a
/// reason of the contract: every error a caller sees has one.
fn with_reason(response: http::Response<Body>, domain: &str) -> http::Response<Body> {
    let Some(status) = Status::from_header_map(response.headers()) else {
        return response;
    };
    if status.code() == Code::Ok || status.get_details_error_info().is_some() {
        return response;
    }
    let text = status.message();
    let (code, reason, text) = match status.code() {
        Code::OutOfRange if text.contains("message length too large") => (
            Code::ResourceExhausted,
            ErrorReason::MessageTooLarge,
            format!("a message is at most {MAX_MESSAGE_BYTES} bytes"),
        ),
        Code::Unimplemented => (
            Code::Unimplemented,
            ErrorReason::MethodUnknown,
            "this server serves no such RPC".to_owned(),
        ),
        Code::Internal if text.starts_with("failed to decode") => (
            Code::InvalidArgument,
            ErrorReason::MessageMalformed,
            "the bytes are not the message this RPC takes".to_owned(),
        ),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => return response,
    };
    Refusal::new(code, reason, text)
        .into_status(domain)
        .into_http()
}
