//! Figures: counted anywhere, read by Prometheus at `/metrics`, pushed by OTLP when
//! `OTEL_EXPORTER_OTLP_ENDPOINT` is set (once a minute; `OTEL_METRIC_EXPORT_INTERVAL`).
//!
//! A figure is a `static` beside the code that knows it, and is there from its first value:
//!
//! ```
//! use service_kit::metrics::{Counter, Gauge, Histogram, SECONDS};
//! static SENDS: Counter<1> =
//!     Counter::new("olm.bot.sends", "{message}", "Messages posted, by outcome", ["outcome"]);
//! static LATENESS: Histogram<1> =
//!     Histogram::new("olm.bot.lateness", "s", "Written after due", SECONDS, ["lane"]);
//! static WAITING: Gauge<0> = Gauge::new("olm.bot.waiting", "{message}", "Not sent yet", []);
//! SENDS.add(1, ["sent"]);
//! LATENESS.record(0.002, ["reminder"]);
//! WAITING.set(3, []);
//! assert!(service_kit::metrics::text().contains("olm_bot_sends_total"));
//! ```
//!
//! Names and units are OpenTelemetry's; Prometheus sees `olm_bot_sends_total`,
//! `olm_bot_lateness_seconds_bucket`. The values of labels are `&'static str`: words that
//! code chose, never an id, a name or a path somebody sent; [`word`] makes one of a text
//! that is bounded all the same. Of one figure at most 2,000 combinations are kept. Tests
//! read [`text`]; figures belong to the process, so a test takes labels of its own or
//! compares before and after.

mod exposed;

use std::{
    collections::HashSet,
    future::Future,
    sync::{LazyLock, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use opentelemetry::{
    KeyValue,
    metrics::{Meter, MeterProvider as _},
};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
};
use prometheus::{Registry, TextEncoder};
use tokio::time::Instant;

use crate::telemetry::Receiver;

pub use exposed::{MetricsConfig, serve};

/// Bounds for spans of time that matter from a millisecond to minutes.
pub const SECONDS: &[f64] = &[
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0,
];
/// Bounds for how many came together.
pub const COUNTS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0,
];
/// The most texts [`word`] keeps.
const WORDS: usize = 1_000;
/// What [`word`] calls those beyond, by OpenTelemetry's convention.
const OTHER: &str = "_OTHER";

/// All figures of this process and where they go.
struct Figures {
    provider: SdkMeterProvider,
    meter: Meter,
    registry: Registry,
}

static FIGURES: OnceLock<Figures> = OnceLock::new();

type Failed = Box<dyn std::error::Error + Send + Sync>;

impl Figures {
    fn new(resource: Resource, receiver: Option<&Receiver>) -> Result<Self, Failed> {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .build()?;
        let mut provider = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_reader(exporter);
        if let Some(receiver) = receiver {
            provider = provider.with_reader(PeriodicReader::builder(receiver.figures()?).build());
        }
        let provider = provider.build();
        Ok(Self {
            meter: provider.meter("olm"),
            provider,
            registry,
        })
    }

    fn get() -> &'static Self {
        FIGURES.get_or_init(|| {
            let nobody = Resource::builder_empty().build();
            Self::new(nobody, None).expect("a new registry takes the first that registers")
        })
    }
}

/// Names this process and pushes its figures; before anything is counted.
///
/// # Errors
///
/// When the endpoint cannot be used, or something was counted already.
pub(crate) fn init(resource: Resource, receiver: Option<&Receiver>) -> Result<(), Failed> {
    FIGURES
        .set(Figures::new(resource, receiver)?)
        .map_err(|_| "figures were counted before telemetry was started".into())
}

/// Pushes what is still in memory; blocks until it is sent, at most so long.
pub(crate) fn shutdown(within: Duration) {
    if let Some(figures) = FIGURES.get()
        && let Err(error) = figures.provider.shutdown_with_timeout(within)
    {
        eprintln!("figures were not exported: {error}");
    }
}

/// All figures in Prometheus' text format.
#[must_use]
pub fn text() -> String {
    let mut text = String::new();
    let families = Figures::get().registry.gather();
    // Fails for a family without samples, which is not gathered.
    if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut text) {
        tracing::warn!(%error, "figures cannot be written");
    }
    text
}

/// What a figure is called.
#[derive(Debug)]
struct Named<const LABELS: usize> {
    by: &'static str,
    unit: &'static str,
    description: &'static str,
    labels: [&'static str; LABELS],
}

impl<const LABELS: usize> Named<LABELS> {
    fn with(&self, values: [&'static str; LABELS]) -> [KeyValue; LABELS] {
        std::array::from_fn(|at| KeyValue::new(self.labels[at], values[at]))
    }
}

/// How often something happened: only rises.
#[derive(Debug)]
pub struct Counter<const LABELS: usize> {
    named: Named<LABELS>,
    made: OnceLock<opentelemetry::metrics::Counter<u64>>,
}

impl<const LABELS: usize> Counter<LABELS> {
    /// A counter called `name` (dots between words), of things such as `{message}`.
    #[must_use]
    pub const fn new(
        name: &'static str,
        unit: &'static str,
        description: &'static str,
        labels: [&'static str; LABELS],
    ) -> Self {
        let named = Named {
            by: name,
            unit,
            description,
            labels,
        };
        Self {
            named,
            made: OnceLock::new(),
        }
    }

    /// `count` more.
    pub fn add(&self, count: u64, values: [&'static str; LABELS]) {
        let made = self.made.get_or_init(|| {
            let builder = Figures::get().meter.u64_counter(self.named.by);
            let builder = builder.with_unit(self.named.unit);
            builder.with_description(self.named.description).build()
        });
        made.add(count, &self.named.with(values));
    }
}

/// How values are spread: spans, sizes.
#[derive(Debug)]
pub struct Histogram<const LABELS: usize> {
    named: Named<LABELS>,
    bounds: &'static [f64],
    made: OnceLock<opentelemetry::metrics::Histogram<f64>>,
}

impl<const LABELS: usize> Histogram<LABELS> {
    /// A histogram called `name`, in `unit` (`s` for seconds), with the upper bounds of its
    /// buckets.
    #[must_use]
    pub const fn new(
        name: &'static str,
        unit: &'static str,
        description: &'static str,
        bounds: &'static [f64],
        labels: [&'static str; LABELS],
    ) -> Self {
        let named = Named {
            by: name,
            unit,
            description,
            labels,
        };
        Self {
            named,
            bounds,
            made: OnceLock::new(),
        }
    }

    /// One more value.
    pub fn record(&self, value: f64, values: [&'static str; LABELS]) {
        let made = self.made.get_or_init(|| {
            let builder = Figures::get().meter.f64_histogram(self.named.by);
            let builder = builder.with_unit(self.named.unit);
            let builder = builder.with_description(self.named.description);
            builder.with_boundaries(self.bounds.to_vec()).build()
        });
        made.record(value, &self.named.with(values));
    }

    /// One more span, in seconds.
    pub fn time(&self, span: Duration, values: [&'static str; LABELS]) {
        self.record(span.as_secs_f64(), values);
    }
}

/// What is so now.
#[derive(Debug)]
pub struct Gauge<const LABELS: usize> {
    named: Named<LABELS>,
    made: OnceLock<opentelemetry::metrics::Gauge<f64>>,
}

impl<const LABELS: usize> Gauge<LABELS> {
    /// A gauge called `name`, of things such as `{message}`, `s` or `1` (a share).
    #[must_use]
    pub const fn new(
        name: &'static str,
        unit: &'static str,
        description: &'static str,
        labels: [&'static str; LABELS],
    ) -> Self {
        let named = Named {
            by: name,
            unit,
            description,
            labels,
        };
        Self {
            named,
            made: OnceLock::new(),
        }
    }

    /// So many things.
    pub fn set(&self, count: u32, values: [&'static str; LABELS]) {
        self.set_to(f64::from(count), values);
    }

    /// So much.
    pub fn set_to(&self, value: f64, values: [&'static str; LABELS]) {
        let made = self.made.get_or_init(|| {
            let builder = Figures::get().meter.f64_gauge(self.named.by);
            let builder = builder.with_unit(self.named.unit);
            builder.with_description(self.named.description).build()
        });
        made.record(value, &self.named.with(values));
    }
}

/// A label's value from a text that is one of a bounded number though no constant, such as
/// a route's template: the first 1,000 texts, then `_OTHER`.
pub fn word(text: &str) -> &'static str {
    static KNOWN: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(word) = known.get(text) {
        return word;
    }
    if known.len() >= WORDS {
        return OTHER;
    }
    let word: &'static str = Box::leak(text.to_owned().into_boxed_str());
    known.insert(word);
    word
}

/// The label of an RPC by its path: `package.Service/Method` where the contract has it.
pub(crate) fn rpc(path: &str) -> &'static str {
    static METHODS: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let services = olm_proto::DESCRIPTORS.services();
        let paths = services.flat_map(|service| {
            let name = service.full_name().to_owned();
            let methods = service.methods();
            let paths = methods.map(|method| format!("/{name}/{}", method.name()));
            paths.collect::<Vec<_>>()
        });
        paths.collect()
    });
    let known = METHODS.get(path);
    known
        .and_then(|path| path.strip_prefix('/'))
        .unwrap_or(OTHER)
}

/// Runs one turn of a background job and counts how long it took and whether it failed.
///
/// # Errors
///
/// The job's own.
pub async fn job<T, E>(
    name: &'static str,
    turn: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    static TURNS: Histogram<2> = Histogram::new(
        "olm.job.duration",
        "s",
        "Turns of background jobs",
        SECONDS,
        ["job", "outcome"],
    );
    let begun = Instant::now();
    let done = turn.await;
    let outcome = if done.is_ok() { "ok" } else { "failed" };
    TURNS.time(begun.elapsed(), [name, outcome]);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(start: &str) -> Option<String> {
        let text = text();
        let line = text.lines().find(|line| line.starts_with(start))?;
        Some(line.to_owned())
    }

    #[test]
    fn each_kind_of_figure_reads_as_prometheus_expects() {
        static COUNTED: Counter<1> =
            Counter::new("olm.test.counted", "{thing}", "Things", ["kind"]);
        static SPREAD: Histogram<0> =
            Histogram::new("olm.test.spread", "s", "Spans", &[0.5, 1.0], []);
        static NOW: Gauge<1> = Gauge::new("olm.test.now", "{thing}", "Now", ["kind"]);
        COUNTED.add(2, ["a"]);
        COUNTED.add(3, ["a"]);
        SPREAD.time(Duration::from_millis(700), []);
        NOW.set(7, ["a"]);
        NOW.set(4, ["a"]);
        for expected in [
            "olm_test_counted_total{kind=\"a\"} 5",
            "olm_test_spread_seconds_bucket{le=\"0.5\"} 0",
            "olm_test_spread_seconds_bucket{le=\"1\"} 1",
            "olm_test_spread_seconds_count 1",
            "olm_test_now{kind=\"a\"} 4",
            "# TYPE olm_test_counted_total counter",
            "# HELP olm_test_spread_seconds Spans",
        ] {
            assert_eq!(line(expected).as_deref(), Some(expected), "{}", text());
        }
    }

    #[test]
    fn what_callers_invent_makes_no_label() {
        assert_eq!(rpc("/x.Y/Z"), "_OTHER");
        let known = "/olm.notify.v1.DispatchService/Dispatch";
        assert_eq!(rpc(known), &known[1..]);
        for number in 0..=WORDS {
            word(&format!("invented {number}"));
        }
        assert_eq!(word("one more"), "_OTHER");
        assert_eq!(word("invented 1"), "invented 1");
    }

    #[tokio::test]
    async fn a_job_that_fails_is_counted_as_failed() {
        let done: Result<(), &str> = job("failing", async { Err("no") }).await;
        assert_eq!(done, Err("no"));
        let count = "olm_job_duration_seconds_count{job=\"failing\",outcome=\"failed\"} 1";
        assert_eq!(line(count).as_deref(), Some(count));
    }
}
