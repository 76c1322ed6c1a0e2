//! Settings: `BOT_…`, and the token under the name every bot library uses.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use service_kit::{config::Settings, grpc::client::BackendConfig, telemetry::TelemetryConfig};
use url::Url;

use crate::telegram::{Timeouts, Token};

/// Everything that can be set; each field names its variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `BOT_LISTEN`: where health and reflection are served; default 127.0.0.1:50053.
    pub listen: SocketAddr,
    /// `TELEGRAM_BOT_TOKEN` or `TELEGRAM_BOT_TOKEN_FILE`, as `BotFather` gave it out.
    pub token: Token,
    /// `BOT_TELEGRAM_API_URL`: default `https://api.telegram.org`; a local Bot API
    /// server or the simulator otherwise.
    pub telegram_api_url: String,
    /// `BOT_TELEGRAM_CONNECT_TIMEOUT` (default 3) and `BOT_TELEGRAM_TIMEOUT` (default
    /// 10), in seconds.
    pub telegram_timeouts: Timeouts,
    /// `BOT_POLL_TIMEOUT`: how many seconds Telegram may hold a long poll; default 25.
    pub poll_timeout: Duration,
    /// `BOT_LESSON_URL`, `BOT_LESSON_KEY`, `BOT_LESSON_TIMEOUT`.
    pub lesson: BackendConfig,
    /// `BOT_NOTIFY_URL`, `BOT_NOTIFY_KEY`, `BOT_NOTIFY_TIMEOUT`.
    pub notify: BackendConfig,
    /// `BOT_JOURNAL`: the file of the journal; default `bot-gateway.redb`. It must
    /// outlive the process, and be on a local disk.
    pub journal: PathBuf,
    /// `BOT_REFLECTION`: whether gRPC reflection answers; default true.
    pub reflection: bool,
    /// `BOT_DRAIN`: seconds for finishing after a stop signal; default 10.
    pub drain: Duration,
    /// `BOT_LOG`, `BOT_LOG_FORMAT`, `BOT_ENVIRONMENT`, `BOT_METRICS_LISTEN`
    /// (default 127.0.0.1:9466), `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub telemetry: TelemetryConfig,
}

const SECOND: Duration = Duration::from_secs(1);

impl Config {
    /// Reads everything; what is wrong is recorded in `settings`.
    pub fn read(settings: &mut Settings) -> Self {
        let token = settings.unprefixed(token);
        let telegram_api_url = telegram_api_url(settings);
        Self {
            listen: settings.value("LISTEN", SocketAddr::from(([127, 0, 0, 1], 50053))),
            token,
            telegram_api_url,
            telegram_timeouts: Timeouts {
                connect: settings.duration(
                    "TELEGRAM_CONNECT_TIMEOUT",
                    3 * SECOND,
                    SECOND / 10..=30 * SECOND,
                ),
                total: settings.duration(
                    "TELEGRAM_TIMEOUT",
                    10 * SECOND,
                    SECOND / 10..=60 * SECOND,
                ),
            },
            poll_timeout: settings.duration("POLL_TIMEOUT", 25 * SECOND, SECOND..=50 * SECOND),
            lesson: BackendConfig::read(settings, "LESSON", "lesson-svc", "http://127.0.0.1:50051"),
            notify: BackendConfig::read(settings, "NOTIFY", "notify-svc", "http://127.0.0.1:50052"),
            journal: settings.value("JOURNAL", PathBuf::from("bot-gateway.redb")),
            reflection: settings.value("REFLECTION", true),
            drain: settings.duration("DRAIN", 10 * SECOND, SECOND..=120 * SECOND),
            telemetry: TelemetryConfig::read(settings, "bot-gateway", 9466),
        }
    }
}

fn token(settings: &mut Settings) -> Token {
    const NAME: &str = "TELEGRAM_BOT_TOKEN";
    let secret = settings.optional_secret(NAME);
    let fault = if secret.is_some() {
        "is not <digits>:<letters, digits, _ and ->"
    } else {
        "is required (or TELEGRAM_BOT_TOKEN_FILE, the path of a file with it)"
    };
    secret.and_then(Token::parse).unwrap_or_else(|| {
        settings.fault(NAME, fault);
        Token::placeholder()
    })
}

fn telegram_api_url(settings: &mut Settings) -> String {
    const NAME: &str = "TELEGRAM_API_URL";
    let url: String = settings.value(NAME, "https://api.telegram.org".to_owned());
    // The token travels in the path: a query or a fragment would swallow it.
    let is_usable = Url::parse(&url).is_ok_and(|url| {
        let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
        is_http && url.query().is_none() && url.fragment().is_none()
    });
    if !is_usable {
        settings.fault(
            NAME,
            format_args!("{url:?} is not http(s)://host[:port][/path]"),
        );
    }
    url
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> (Config, Result<(), String>) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: HashMap<_, _> = variables.iter().map(owned).collect();
        let mut settings = Settings::from_map("BOT", variables);
        let config = Config::read(&mut settings);
        (
            config,
            settings.finish().map_err(|faults| faults.to_string()),
        )
    }

    #[test]
    fn a_token_and_two_keys_are_enough() {
        let (config, faults) = read(&[
            ("TELEGRAM_BOT_TOKEN", "42:secret"),
            ("BOT_LESSON_KEY", "a"),
            ("BOT_NOTIFY_KEY", "b"),
        ]);
        assert_eq!(faults, Ok(()));
        assert_eq!(config.token.bot_id(), 42);
        assert_eq!(config.listen.port(), 50053);
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn every_fault_is_named_at_once_and_no_secret_is() {
        let (_, faults) = read(&[
            ("TELEGRAM_BOT_TOKEN", "42:se/cret"),
            ("BOT_TELEGRAM_API_URL", "ftp://example.org"),
            ("BOT_LISTEN", "here"),
        ]);
        let faults = faults.unwrap_err();
        for part in [
            "TELEGRAM_BOT_TOKEN",
            "BOT_TELEGRAM_API_URL",
            "BOT_LISTEN",
            "BOT_LESSON_KEY",
        ] {
            assert!(faults.contains(part), "{part}: {faults}");
        }
        assert!(!faults.contains("se/cret"), "{faults}");
    }
}
