//! Around every request: a span that continues the caller's trace and is current when
//! services are called, one log line (OLM-4), and limits that end as problems.

use std::{any::Any, io, panic::AssertUnwindSafe, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use service_kit::{
    metrics::{self, Histogram, SECONDS},
    status, telemetry,
};
use tokio::time::{Instant, timeout};
use tracing::{Instrument as _, Span, field};

use crate::{
    api::App,
    callers::Presented,
    problem::{Problem, Reason},
};

/// The response header that tells the trace's id.
pub(crate) const TRACE_ID: &str = "x-trace-id";

/// Stands for paths that nothing serves: a raw path may hold anything.
const UNMATCHED: &str = "unmatched";

/// What nginx calls a request whose client went away before the answer.
const CLIENT_GONE: u16 = 499;

static DURATIONS: Histogram<3> = Histogram::new(
    "http.server.request.duration",
    "s",
    "Requests answered; streams of events to their head",
    SECONDS,
    [
        "http.request.method",
        "http.route",
        "http.response.status_code",
    ],
);

/// The outermost layer: finds the caller, opens the span, writes the line.
pub(crate) async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let presented = Presented::find(request.headers(), &app.keys, app.clock.now());
    let line = Line::begin(&request, &presented);
    request.extensions_mut().insert(presented);
    let span = line.span.clone();
    let mut response = next.run(request).instrument(span.clone()).await;
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if let Some(id) = trace_id(&span).and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.insert(HeaderName::from_static(TRACE_ID), id);
    }
    line.end(response.status());
    response
}

/// The id of the trace that `span` is in; `None` when nothing is traced.
pub(crate) fn trace_id(span: &Span) -> Option<String> {
    let context = telemetry::traceparent_of(span);
    context.split('-').nth(1).map(str::to_owned)
}

/// A request's line in the log; told as gone when it is dropped without an end.
struct Line {
    span: Span,
    method: &'static str,
    route: Option<MatchedPath>,
    caller: Option<String>,
    begun: Instant,
    ended: bool,
}

impl Line {
    fn begin(request: &Request, presented: &Presented) -> Self {
        let method = known(request.method());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let path = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        let caller = presented.name().map(str::to_owned);
        let span = tracing::info_span!(
            "http",
            otel.name = format_args!("{method} {path}"),
            otel.kind = "server",
            otel.status_code = field::Empty,
            http.request.method = method,
            http.route = path,
            http.response.status_code = field::Empty,
            caller = caller.as_deref(),
            acting_user = field::Empty,
        );
        if let Some(parent) = request
            .headers()
            .get(telemetry::TRACEPARENT)
            .and_then(|value| value.to_str().ok())
        {
            telemetry::set_parent(&span, parent);
        }
        Self {
            span,
            method,
            route,
            caller,
            begun: Instant::now(),
            ended: false,
        }
    }

    fn end(mut self, status: StatusCode) {
        self.write(status.as_u16());
    }

    fn write(&mut self, status: u16) {
        self.ended = true;
        let Self { span, method, .. } = self;
        let route = self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        let caller = self.caller.as_deref();
        let duration = self.begun.elapsed();
        DURATIONS.time(duration, [method, metrics::word(route), code(status)]);
        let duration_ms = duration.as_secs_f64() * 1000.0;
        span.record("http.response.status_code", status);
        if status >= 500 {
            span.record("otel.status_code", "ERROR");
        }
        span.in_scope(|| {
            // Probes come every few seconds; only their failures are news.
            if status < 400 && is_probe(route) {
                tracing::debug!(method, route, status, duration_ms, "request");
            } else {
                tracing::info!(method, route, status, duration_ms, caller, "request");
            }
        });
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.ended {
            self.write(CLIENT_GONE);
        }
    }
}

/// A status as a label: its number is one of a few that this service answers.
fn code(status: u16) -> &'static str {
    metrics::word(&status.to_string())
}

fn is_probe(route: &str) -> bool {
    route == "/livez" || route.starts_with("/api/v1/health")
}

/// The method's name; clients can invent methods, logs and traces do not repeat them.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// The limits: so many requests at once, so long each, and a panic ends one request
/// only.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let Ok(_permit) = app.permits.try_acquire() else {
        return Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Reason::Overloaded,
            "too many requests at once; repeat the same request",
        )
        .retry_after(Duration::from_secs(1))
        .into_response();
    };
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match timeout(app.request_timeout, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => panicked(&*panic).into_response(),
        Err(_) => Problem::timed_out().into_response(),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Problem {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned());
    // Logs the text, answers without it.
    status::internal("olm.gateway", &io::Error::other(text)).into()
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use axum::{Router, body::Body, middleware, routing};
    use service_kit::{clock::SystemClock, config::Settings, keys::digest_hex, shutdown::Shutdown};
    use tokio::sync::Semaphore;
    use tower::ServiceExt as _;

    use super::*;
    use crate::Config;

    fn app() -> App {
        let variables = [
            ("REST_SERVICE_KEYS", format!("website={}", digest_hex("k"))),
            ("REST_LESSON_KEY", "k".to_owned()),
            ("REST_NOTIFY_KEY", "k".to_owned()),
            ("REST_REQUEST_TIMEOUT", "0.1".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let mut settings = Settings::from_map("REST", HashMap::from(variables));
        let config = Config::read(&mut settings);
        assert_eq!(settings.finish(), Ok(()));
        App::new(
            &config,
            SystemClock::shared(),
            Shutdown::manual(Duration::ZERO),
        )
        .unwrap()
    }

    async fn answer(app: App, path: &'static str) -> (StatusCode, String) {
        let router = Router::new()
            .route("/panic", routing::get(async || panic_now()))
            .route("/hang", routing::get(std::future::pending::<String>))
            .layer(middleware::from_fn_with_state(app.clone(), guard))
            .with_state(app);
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        assert_eq!(content_type.unwrap(), "application/problem+json");
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await;
        (status, String::from_utf8(body.unwrap().to_vec()).unwrap())
    }

    fn panic_now() -> String {
        panic!("the password is hunter2")
    }

    #[tokio::test]
    async fn a_panic_ends_as_a_problem_that_does_not_tell_its_cause() {
        let (status, body) = answer(app(), "/panic").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(body.contains("\"INTERNAL\""), "{body}");
        assert!(!body.contains("hunter2"), "{body}");
    }

    #[tokio::test]
    async fn a_request_that_takes_too_long_ends_as_a_problem() {
        let (status, body) = answer(app(), "/hang").await;
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
        assert!(body.contains("\"TIMED_OUT\""), "{body}");
    }

    #[tokio::test]
    async fn one_request_more_than_this_replica_works_on_is_sent_away() {
        let busy = App {
            permits: Arc::new(Semaphore::new(0)),
            ..app()
        };
        let (status, body) = answer(busy, "/hang").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("\"OVERLOADED\""), "{body}");
    }
}
