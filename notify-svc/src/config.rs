//! Settings of notify-svc: `NOTIFY_…`, read once and checked before a port opens.

use std::{net::SocketAddr, time::Duration};

use service_kit::{
    config::Settings, database::DatabaseConfig, keys::ServiceKeys, telemetry::TelemetryConfig,
};

use crate::{notifications::states::Backoff, retention::Kept, webhooks::Webhooks};

/// Where figures are read, unless set otherwise.
pub const METRICS_PORT: u16 = 9465;

/// Whose readiness `healthcheck` asks for; all names of this service are ready together.
pub const HEALTH_SERVICE: &str = "olm.notify.v1.NotificationService";

/// Everything that can be set; each field names its variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `NOTIFY_LISTEN`: where gRPC is served; default 127.0.0.1:50052.
    pub listen: SocketAddr,
    /// `NOTIFY_DATABASE_URL`, `NOTIFY_DATABASE_POOL`, `NOTIFY_DATABASE_PATIENCE`.
    pub database: DatabaseConfig,
    /// `NOTIFY_SERVICE_KEYS`: who may call.
    pub service_keys: ServiceKeys,
    /// `NOTIFY_REFLECTION`: whether gRPC reflection answers; default true.
    pub reflection: bool,
    /// `NOTIFY_DRAIN`: seconds for finishing after a stop signal; default 10.
    pub drain: Duration,
    /// Intervals and waits.
    pub pace: Pace,
    /// `NOTIFY_ATTEMPTS_KEPT`, `NOTIFY_KEPT`: days.
    pub kept: Kept,
    /// `NOTIFY_WEBHOOK_KEY` (or `…_FILE`), `NOTIFY_WEBHOOK_PRIVATE_NETWORKS`: whether and
    /// whither clients are told of ends; see docs/webhooks.md.
    pub webhooks: Webhooks,
    /// `NOTIFY_LOG`, `NOTIFY_LOG_FORMAT`, `NOTIFY_ENVIRONMENT`,
    /// `NOTIFY_METRICS_LISTEN` (default 127.0.0.1:9465), `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub telemetry: TelemetryConfig,
}

/// How often, how long, how early. The defaults are delivery's own figures; tests
/// shorten them.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// `NOTIFY_SWEEP_INTERVAL`: seconds between two looks at what wake-ups missed, what
    /// expired and what is to be resolved; default 1.
    pub sweep: Duration,
    /// `NOTIFY_SILENCE`: seconds after which a begun row that nothing was heard of is
    /// uncertain; default 120.
    pub silence: Duration,
    /// `NOTIFY_OWNER_TTL`: seconds from one renewal until a bot may be taken over;
    /// default 6, of which a gateway uses 5 at most.
    pub owner_ttl: Duration,
    /// `NOTIFY_HORIZON`: seconds ahead that a dispatcher keeps in memory; default 5.
    pub horizon: Duration,
    /// `NOTIFY_BEGIN_LEAD`: seconds before its due instant that a row is begun; default
    /// 0.02.
    pub begin_lead: Duration,
    /// `NOTIFY_BACKOFF_SHORTEST` (0.1), `NOTIFY_BACKOFF_LONGEST` (60),
    /// `NOTIFY_REFUSED_SPREAD` (600): seconds.
    pub backoff: Backoff,
}

impl Config {
    /// `NOTIFY_LISTEN` alone: what `healthcheck` needs to find its service.
    pub fn listen(settings: &mut Settings) -> SocketAddr {
        settings.value("LISTEN", SocketAddr::from(([127, 0, 0, 1], 50052)))
    }

    /// Reads all settings; faults are recorded in `settings`.
    pub fn read(settings: &mut Settings) -> Self {
        Self {
            listen: Self::listen(settings),
            database: DatabaseConfig::read(settings, "notify"),
            service_keys: ServiceKeys::read(settings),
            reflection: settings.value("REFLECTION", true),
            drain: seconds(settings, "DRAIN", 10.0, 0.1, 300.0),
            pace: Pace::read(settings),
            kept: Kept {
                attempts: days(settings, "ATTEMPTS_KEPT", 30),
                notifications: days(settings, "KEPT", 90),
            },
            webhooks: Webhooks::read(settings),
            telemetry: TelemetryConfig::read(settings, "notify-svc", METRICS_PORT),
        }
    }
}

impl Pace {
    fn read(settings: &mut Settings) -> Self {
        let backoff = Backoff {
            shortest: seconds(settings, "BACKOFF_SHORTEST", 0.1, 0.001, 60.0),
            longest: seconds(settings, "BACKOFF_LONGEST", 60.0, 0.001, 3_600.0),
            counted_spread: seconds(settings, "REFUSED_SPREAD", 600.0, 0.01, 86_400.0),
        };
        if backoff.longest < backoff.shortest {
            settings.fault("BACKOFF_LONGEST", "is less than BACKOFF_SHORTEST");
        }
        Self {
            sweep: seconds(settings, "SWEEP_INTERVAL", 1.0, 0.01, 60.0),
            silence: seconds(settings, "SILENCE", 120.0, 0.1, 3_600.0),
            owner_ttl: seconds(settings, "OWNER_TTL", 6.0, 0.1, 60.0),
            horizon: seconds(settings, "HORIZON", 5.0, 0.1, 60.0),
            begin_lead: seconds(settings, "BEGIN_LEAD", 0.02, 0.0, 1.0),
            backoff,
        }
    }
}

fn seconds(settings: &mut Settings, name: &str, default: f64, least: f64, most: f64) -> Duration {
    let [default, least, most] = [default, least, most].map(Duration::from_secs_f64);
    settings.duration(name, default, least..=most)
}

fn days(settings: &mut Settings, name: &str, default: u32) -> Duration {
    Duration::from_hours(24) * settings.in_range(name, default, 1..=3_650)
}
