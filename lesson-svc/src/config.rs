//! What lesson-svc is told from outside (TMB-6).

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use secrecy::ExposeSecret as _;
use service_kit::{
    config::Settings, database::DatabaseConfig, grpc::client::BackendConfig, keys::ServiceKeys,
};

use crate::{
    invitations::TokenKey,
    users::{Defaults, Language},
    zones,
};

/// The prefix of all variables.
pub const PREFIX: &str = "LESSON";
/// The schema this service owns.
pub const SCHEMA: &str = "lesson";
/// Where figures are read, unless `LESSON_METRICS_LISTEN` says otherwise.
pub const METRICS_PORT: u16 = 9464;
/// This service's name in logs, traces and keys.
pub const SERVICE: &str = "lesson-svc";

/// Whose readiness `healthcheck` asks for; all names of this service are ready together.
pub const HEALTH_SERVICE: &str = "olm.lesson.v1.LessonService";

/// Everything lesson-svc needs to serve; see also
/// [`service_kit::telemetry::TelemetryConfig`].
#[derive(Debug, Clone)]
pub struct Config {
    /// `LESSON_LISTEN`: where gRPC is served; default `127.0.0.1:50051`.
    pub listen: SocketAddr,
    /// `LESSON_DATABASE_URL` (or `…_FILE`), `LESSON_DATABASE_POOL`, `LESSON_DATABASE_PATIENCE`.
    pub database: DatabaseConfig,
    /// `LESSON_SERVICE_KEYS` (or `…_FILE`): who may call (OLM-1).
    pub keys: ServiceKeys,
    /// `LESSON_REFLECTION`: whether gRPC reflection answers; default `true`, off in
    /// production.
    pub reflection: bool,
    /// `LESSON_DEFAULT_LANGUAGE`: `ru` or `en`, for people whose Telegram speaks neither
    /// (VIT-7); default `en`. `LESSON_DEFAULT_TIME_ZONE`: IANA name, for people until
    /// they set their own; default `UTC`.
    pub defaults: Defaults,
    /// `LESSON_NOTIFY_URL` (default `http://127.0.0.1:50052`), `LESSON_NOTIFY_KEY` (or
    /// `…_FILE`), `LESSON_NOTIFY_TIMEOUT`: how notify-svc is called.
    pub notify: BackendConfig,
    /// `LESSON_INVITATION_SECRET` (or `…_FILE`): at least 32 bytes from which the tokens
    /// of invitations and calendar feeds are made, the same for every replica. After it was replaced, links
    /// that were given out still work.
    pub tokens: TokenKey,
    /// `LESSON_WATCHERS`: how many may watch changes at once; 1 to 10,000, default 1,000.
    pub watchers: usize,
    /// `LESSON_DRAIN`: how many seconds calls may take to finish after a signal; 0 to
    /// 300, default 10.
    pub drain: Duration,
}

impl Config {
    /// `LESSON_LISTEN` alone: what `healthcheck` needs to find its service.
    pub fn listen(settings: &mut Settings) -> SocketAddr {
        settings.value("LISTEN", SocketAddr::from((Ipv4Addr::LOCALHOST, 50_051)))
    }

    /// Reads all variables; faults stay in `settings`.
    pub fn read(settings: &mut Settings) -> Self {
        Self {
            listen: Self::listen(settings),
            database: DatabaseConfig::read(settings, SCHEMA),
            keys: ServiceKeys::read(settings),
            reflection: settings.value("REFLECTION", true),
            defaults: read_defaults(settings),
            notify: BackendConfig::read(settings, "NOTIFY", "notify-svc", "http://127.0.0.1:50052"),
            tokens: read_tokens(settings),
            watchers: settings.in_range("WATCHERS", 1_000, 1..=10_000),
            drain: settings.duration(
                "DRAIN",
                Duration::from_secs(10),
                Duration::ZERO..=Duration::from_mins(5),
            ),
        }
    }
}

fn read_tokens(settings: &mut Settings) -> TokenKey {
    let name = "INVITATION_SECRET";
    let secret = settings.secret(name);
    // An absent one is told already.
    let length = secret.expose_secret().len();
    if (1..TokenKey::SHORTEST).contains(&length) {
        settings.fault(
            name,
            format_args!("has {length} bytes, fewer than {}", TokenKey::SHORTEST),
        );
    }
    TokenKey::new(secret)
}

fn read_defaults(settings: &mut Settings) -> Defaults {
    let language: String = settings.value("DEFAULT_LANGUAGE", Language::En.to_string());
    let language = language.parse().unwrap_or_else(|_| {
        settings.fault(
            "DEFAULT_LANGUAGE",
            format_args!("{language:?} is neither \"ru\" nor \"en\""),
        );
        Language::En
    });
    let name: String = settings.value("DEFAULT_TIME_ZONE", "UTC".to_owned());
    let time_zone = zones::canonical_name(&name).unwrap_or_else(|| {
        settings.fault(
            "DEFAULT_TIME_ZONE",
            format_args!("{name:?} is not an IANA time zone"),
        );
        name
    });
    Defaults {
        language,
        time_zone,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::from_map(PREFIX, variables.collect::<HashMap<_, _>>())
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let mut settings = settings(&[
            ("LESSON_LISTEN", "50051"),
            ("LESSON_DATABASE_URL", "mysql://x"),
            ("LESSON_REFLECTION", "perhaps"),
            ("LESSON_DEFAULT_LANGUAGE", "tlh"),
            ("LESSON_DEFAULT_TIME_ZONE", "Mars/Olympus"),
            ("LESSON_NOTIFY_URL", "notify"),
            (
                "LESSON_INVITATION_SECRET",
                "only 31 bytes, one is too few!!",
            ),
            ("LESSON_WATCHERS", "0"),
            ("LESSON_DRAIN", "301"),
        ]);
        Config::read(&mut settings);
        let faults = settings.finish().unwrap_err().to_string();
        for name in [
            "LISTEN",
            "SERVICE_KEYS",
            "REFLECTION",
            "DEFAULT_LANGUAGE",
            "DEFAULT_TIME_ZONE",
            "NOTIFY_URL",
            "NOTIFY_KEY",
            "INVITATION_SECRET",
            "WATCHERS",
            "DRAIN",
        ] {
            assert!(
                faults.contains(&format!("LESSON_{name}:")),
                "{name} in {faults}"
            );
        }
    }

    #[test]
    fn what_is_not_given_has_its_documented_default() {
        let key = format!("operator={}", "0".repeat(64));
        let mut settings = settings(&[
            ("LESSON_DATABASE_URL", "postgres://localhost/olm"),
            ("LESSON_SERVICE_KEYS", &key),
            ("LESSON_NOTIFY_KEY", "secret"),
            (
                "LESSON_INVITATION_SECRET",
                "these are 32 bytes, just enough.",
            ),
        ]);
        let config = Config::read(&mut settings);
        assert_eq!(settings.finish(), Ok(()));
        assert_eq!(config.listen.to_string(), "127.0.0.1:50051");
        assert_eq!(config.defaults.language, Language::En);
        assert_eq!(config.defaults.time_zone, "UTC");
        assert!(config.reflection);
    }
}
