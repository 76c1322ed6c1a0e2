//! Sees how a call ended: gRPC's status is in the trailers, after the body.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;
use tonic::{Code, Status};
use tracing::Span;

use crate::metrics::{self, Histogram};

pub(super) type Report = Box<dyn FnOnce(&Span, &str, Code, f64) + Send + Sync>;

/// What is reported when a call ends.
pub(super) struct Call {
    pub(super) span: Span,
    pub(super) path: String,
    pub(super) begun: Instant,
    /// Where its duration is counted.
    pub(super) durations: &'static Histogram<2>,
    /// Told the span, the path, the status and the duration in milliseconds.
    pub(super) report: Report,
}

impl Call {
    fn end(self, code: Code) {
        self.span.record("rpc.grpc.status_code", i32::from(code));
        if code != Code::Ok {
            self.span.record("otel.status_code", "ERROR");
        }
        let duration = self.begun.elapsed();
        self.durations
            .time(duration, [metrics::rpc(&self.path), name(code)]);
        let duration_ms = duration.as_secs_f64() * 1000.0;
        (self.report)(&self.span, &self.path, code, duration_ms);
    }
}

pin_project_lite::pin_project! {
    /// A body that reports the call's status once, when it is known.
    pub(super) struct ObservedBody<B> {
        #[pin]
        body: B,
        call: Reported,
    }
}

/// Reports a call that nobody waited for as cancelled.
pub(super) struct Reported(Option<Call>);

impl Reported {
    pub(super) fn new(call: Call) -> Self {
        Self(Some(call))
    }

    pub(super) fn end(&mut self, code: Code) {
        if let Some(call) = self.0.take() {
            call.end(code);
        }
    }
}

impl Drop for Reported {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// Wraps a response's body; a response that is all headers is reported at once.
pub(super) fn observe<B>(
    response: http::Response<B>,
    mut call: Reported,
) -> http::Response<ObservedBody<B>> {
    if let Some(status) = Status::from_header_map(response.headers()) {
        call.end(status.code());
    }
    response.map(|body| ObservedBody { body, call })
}

/// The code's name in the protocol.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

fn code_of(trailers: &HeaderMap) -> Code {
    Status::from_header_map(trailers).map_or(Code::Unknown, |status| status.code())
}

impl<B: Body> Body for ObservedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    this.call.end(code_of(trailers));
                }
            }
            Some(Err(_)) => this.call.end(Code::Unavailable),
            None => this.call.end(Code::Unknown),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
