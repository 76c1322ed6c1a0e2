//! Logs, traces, and where figures go. Logs are JSON lines on stdout (or readable text for people)
//! and carry the trace's id; spans go to an OTLP receiver when
//! `OTEL_EXPORTER_OTLP_ENDPOINT` is set (OLM-4).

mod json;
mod otlp;

use std::{
    collections::HashMap, io::IsTerminal as _, str::FromStr, sync::LazyLock, time::Duration,
};

use opentelemetry::{
    Context,
    propagation::TextMapPropagator as _,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{
    config::Settings,
    metrics::{self, MetricsConfig},
};
pub use otlp::OtlpConfig;
pub(crate) use otlp::Receiver;

static PROPAGATOR: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);

/// The metadata key and header of the W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

/// What is logged and where traces go.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// `service.name` of every log line and span.
    pub service: &'static str,
    /// `<P>_LOG`: a filter such as `info,notify_svc=debug`. Default: `info`, or `debug`
    /// for our own crates when `<P>_ENVIRONMENT` is `development`.
    pub filter: String,
    /// `<P>_LOG_FORMAT`: `json` or `pretty`; default: pretty on a terminal.
    pub format: LogFormat,
    /// Who receives spans and figures; absent: no export.
    pub otlp: Option<OtlpConfig>,
    /// `<P>_METRICS_LISTEN`: where figures are read.
    pub metrics: MetricsConfig,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Environment {
    Production,
    Development,
}

impl FromStr for Environment {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "production" => Ok(Self::Production),
            "development" => Ok(Self::Development),
            _ => Err(()),
        }
    }
}

/// Our own crates, as a filter names them.
const OWN_CRATES: &[&str] = &[
    "service_kit",
    "lesson_svc",
    "notify_svc",
    "bot_gateway",
    "gateway_rest",
];

impl TelemetryConfig {
    /// Reads the settings named at the fields; figures are at `metrics_port` unless set
    /// otherwise.
    pub fn read(settings: &mut Settings, service: &'static str, metrics_port: u16) -> Self {
        let default = match settings.value("ENVIRONMENT", Environment::Production) {
            Environment::Production => "info".to_owned(),
            Environment::Development => {
                OWN_CRATES.iter().fold("info".to_owned(), |filter, name| {
                    format!("{filter},{name}=debug")
                })
            }
        };
        let filter: String = settings.value("LOG", default);
        if EnvFilter::try_new(&filter).is_err() {
            settings.fault("LOG", format_args!("{filter:?} is not a log filter"));
        }
        let people_watch = std::io::stdout().is_terminal();
        let default_format = if people_watch {
            LogFormat::Pretty
        } else {
            LogFormat::Json
        };
        Self {
            service,
            filter,
            format: settings.value("LOG_FORMAT", default_format),
            otlp: OtlpConfig::read(settings),
            metrics: MetricsConfig::read(settings, metrics_port),
        }
    }
}

/// How long the last export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps export alive; ends it with [`Telemetry::shutdown`].
#[derive(Debug)]
#[must_use = "spans still in memory are exported by shutdown()"]
pub struct Telemetry(SdkTracerProvider);

/// Starts logging, tracing and figures for this process; [`metrics::serve`] makes figures
/// readable.
///
/// # Errors
///
/// When the exporter's endpoint cannot be used, or telemetry was started before.
pub fn init(
    config: &TelemetryConfig,
) -> Result<Telemetry, Box<dyn std::error::Error + Send + Sync>> {
    let resource = Resource::builder()
        .with_service_name(config.service)
        .build();
    let receiver = config.otlp.as_ref().map(Receiver::new).transpose()?;
    metrics::init(resource.clone(), receiver.as_ref())?;
    let mut provider = SdkTracerProvider::builder().with_resource(resource);
    if let Some(receiver) = &receiver {
        provider = provider.with_batch_exporter(receiver.spans()?);
        receiver.follow();
    }
    let provider = provider.build();
    // One global filter: per-layer filters lost spans. The exporter's own transport
    // must stay silent, or it would export itself.
    let quiet = [
        "h2",
        "hyper",
        "hyper_util",
        "tonic",
        "tower",
        "opentelemetry",
        "opentelemetry_sdk",
    ];
    let filter = quiet.iter().fold(config.filter.clone(), |filter, name| {
        format!("{filter},{name}=off")
    });
    let registry = tracing_subscriber::registry()
        .with(EnvFilter::try_new(filter)?)
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer(config.service)));
    match config.format {
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer().event_format(json::JsonLines::new(config.service)),
            )
            .try_init()?,
        LogFormat::Pretty => registry
            .with(tracing_subscriber::fmt::layer().compact())
            .try_init()?,
    }
    Ok(Telemetry(provider))
}

impl Telemetry {
    /// Exports what is still in memory, figures and spans for at most five seconds each.
    pub async fn shutdown(self) {
        // The exporter blocks its thread until its own task has sent everything.
        let done = tokio::task::spawn_blocking(move || {
            metrics::shutdown(EXPORT_TIMEOUT);
            self.0.shutdown_with_timeout(EXPORT_TIMEOUT)
        });
        if let Ok(Err(error)) = done.await {
            eprintln!("traces were not exported: {error}");
        }
    }
}

/// The W3C trace context of the current span; empty when there is none.
#[must_use]
pub fn traceparent() -> String {
    traceparent_of(&Span::current())
}

/// The W3C trace context of `span`; empty when there is none.
#[must_use]
pub fn traceparent_of(span: &Span) -> String {
    let mut carrier = HashMap::new();
    PROPAGATOR.inject_context(&span.context(), &mut carrier);
    carrier.remove(TRACEPARENT).unwrap_or_default()
}

/// Makes `span`, not yet entered, continue the trace of `traceparent`; what is no
/// trace context is passed over.
pub fn set_parent(span: &Span, traceparent: &str) {
    let parent = context(traceparent);
    if parent.span().span_context().is_valid() {
        // Fails only when the span has begun or tracing is off; the trace is then
        // merely not joined.
        let _ = span.set_parent(parent);
    }
}

/// Links `span` to `traceparent`: for work that was caused by it but happens later
/// or in a batch.
pub fn link(span: &Span, traceparent: &str) {
    let cause = context(traceparent).span().span_context().clone();
    if cause.is_valid() {
        span.add_link(cause);
    }
}

/// Marks `span` as failed.
pub fn fail(span: &Span, description: &'static str) {
    span.set_status(opentelemetry::trace::Status::error(description));
}

fn context(traceparent: &str) -> Context {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    PROPAGATOR.extract_with_context(&Context::new(), &carrier)
}
