//! Settings: `BOT_…`, and the token under the name every bot library uses.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use secrecy::ExposeSecret as _;
use service_kit::{config::Settings, grpc::client::BackendConfig, telemetry::TelemetryConfig};
use url::Url;

use crate::{
    pacer::Limits,
    telegram::{Timeouts, Token},
    updates::webhook::WebhookConfig,
};

/// Everything that can be set; each field names its variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `BOT_LISTEN`: where health and reflection are served; default 127.0.0.1:50053.
    pub listen: SocketAddr,
    /// `TELEGRAM_BOT_TOKEN` or `TELEGRAM_BOT_TOKEN_FILE`, as `BotFather` gave it out; several,
    /// each of another bot, are separated by commas or line breaks.
    pub tokens: Vec<Token>,
    /// `BOT_TELEGRAM_API_URL`: default `https://api.telegram.org`; a local Bot API
    /// server or the simulator otherwise.
    pub telegram_api_url: String,
    /// `BOT_TELEGRAM_CONNECT_TIMEOUT` (default 3) and `BOT_TELEGRAM_TIMEOUT` (default
    /// 10), in seconds.
    pub telegram_timeouts: Timeouts,
    /// `BOT_MESSAGES_PER_SECOND` (default 30) of each token, for bots to which Telegram
    /// grants more, and `BOT_CHAT_INTERVAL` (default 1) between two to a chat, in seconds.
    pub limits: Limits,
    /// `BOT_UPDATES`: `polling` (the default) or `webhook`, which needs `BOT_WEBHOOK_URL`.
    pub webhook: Option<WebhookConfig>,
    /// `BOT_POLL_TIMEOUT`: how many seconds Telegram may hold a long poll; default 25.
    pub poll_timeout: Duration,
    /// `BOT_USER_REQUESTS_PER_MINUTE`: how many updates of one person are answered in a
    /// minute; default 20, from 1 to 100 (TMB-3).
    pub requests_per_minute: usize,
    /// `BOT_LESSON_URL`, `BOT_LESSON_KEY`, `BOT_LESSON_TIMEOUT`.
    pub lesson: BackendConfig,
    /// `BOT_LESSON_READ_TIMEOUT`: deadline of a read from lesson-svc in seconds; default 0.7.
    /// `BOT_LESSON_TIMEOUT` is that of everything else.
    pub lesson_read_timeout: Duration,
    /// `BOT_BREAKER_FAILURES`: after so many failures of lesson-svc in a row it is left
    /// alone; default 5.
    pub breaker_failures: u32,
    /// `BOT_BREAKER_OPEN`: for so many seconds, then for one call at a time; default 60.
    pub breaker_open: Duration,
    /// `BOT_NOTIFY_URL`, `BOT_NOTIFY_KEY`, `BOT_NOTIFY_TIMEOUT`.
    pub notify: BackendConfig,
    /// `BOT_JOURNAL`: the file of the journal; default `bot-gateway.redb`. It must
    /// outlive the process, and be on a local disk. Beside it lies `….chats.redb`: what is
    /// kept of updates and chats.
    pub journal: PathBuf,
    /// `BOT_REFLECTION`: whether gRPC reflection answers; default true.
    pub reflection: bool,
    /// `BOT_DRAIN`: seconds for finishing after a stop signal; default 10, at least 5: half of
    /// it is the handlers', and two are for acknowledging and confirming.
    pub drain: Duration,
    /// `BOT_LOG`, `BOT_LOG_FORMAT`, `BOT_ENVIRONMENT`, `BOT_METRICS_LISTEN`
    /// (default 127.0.0.1:9466), `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub telemetry: TelemetryConfig,
}

const SECOND: Duration = Duration::from_secs(1);

impl Config {
    /// `BOT_LISTEN` alone: what `healthcheck` needs to find its service.
    pub fn listen(settings: &mut Settings) -> SocketAddr {
        settings.value("LISTEN", SocketAddr::from(([127, 0, 0, 1], 50053)))
    }

    /// Reads everything; what is wrong is recorded in `settings`.
    pub fn read(settings: &mut Settings) -> Self {
        let tokens = settings.unprefixed(tokens);
        let telegram_api_url = telegram_api_url(settings);
        let webhook = webhook(settings, &telegram_api_url);
        Self {
            listen: Self::listen(settings),
            tokens,
            telegram_api_url,
            telegram_timeouts: Timeouts {
                connect: settings.duration(
                    "TELEGRAM_CONNECT_TIMEOUT",
                    3 * SECOND,
                    SECOND / 10..=30 * SECOND,
                ),
                answer: settings.duration(
                    "TELEGRAM_TIMEOUT",
                    10 * SECOND,
                    SECOND / 10..=60 * SECOND,
                ),
            },
            limits: limits(settings),
            webhook,
            poll_timeout: settings.duration("POLL_TIMEOUT", 25 * SECOND, SECOND..=50 * SECOND),
            requests_per_minute: settings.in_range("USER_REQUESTS_PER_MINUTE", 20, 1..=100),
            lesson: BackendConfig::read(settings, "LESSON", "lesson-svc", "http://127.0.0.1:50051"),
            lesson_read_timeout: settings.duration(
                "LESSON_READ_TIMEOUT",
                7 * SECOND / 10,
                SECOND / 20..=10 * SECOND,
            ),
            breaker_failures: settings.in_range("BREAKER_FAILURES", 5, 1..=1_000),
            breaker_open: settings.duration(
                "BREAKER_OPEN",
                60 * SECOND,
                SECOND / 10..=3_600 * SECOND,
            ),
            notify: BackendConfig::read(settings, "NOTIFY", "notify-svc", "http://127.0.0.1:50052"),
            journal: settings.value("JOURNAL", PathBuf::from("bot-gateway.redb")),
            reflection: settings.value("REFLECTION", true),
            drain: settings.duration("DRAIN", 10 * SECOND, 5 * SECOND..=120 * SECOND),
            telemetry: TelemetryConfig::read(settings, "bot-gateway", 9466),
        }
    }
}

/// Far more than Telegram grants to anybody.
const MOST_PER_SECOND: usize = 100_000;

/// One process holds at most so many bots: each has a stream, a long poll and a pacer.
const MOST_TOKENS: usize = 100;

/// Faults name the place of a token in the list, never the token.
fn tokens(settings: &mut Settings) -> Vec<Token> {
    const NAME: &str = "TELEGRAM_BOT_TOKEN";
    let secret = settings.secret(NAME);
    if secret.expose_secret().is_empty() {
        return Vec::new();
    }
    let parts = secret.expose_secret().split([',', '\n', '\r']);
    let parts: Vec<_> = parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() || parts.len() > MOST_TOKENS {
        settings.fault(
            NAME,
            format_args!("has {} tokens, not 1 to {MOST_TOKENS}", parts.len()),
        );
        return Vec::new();
    }
    let of = if parts.len() == 1 { "" } else { " in the list" };
    let mut tokens: Vec<(usize, Token)> = Vec::new();
    for (place, part) in (1..).zip(&parts) {
        let place_told = format!("token {place}{of}");
        let Some(token) = Token::parse((*part).into()) else {
            let fault = "is not <digits>:<letters, digits, _ and ->";
            settings.fault(NAME, format_args!("{place_told} {fault}"));
            continue;
        };
        let same = tokens
            .iter()
            .find(|(_, other)| other.bot_id() == token.bot_id());
        match same {
            Some((earlier, _)) => {
                let fault = format!("{place_told} is of the same bot as token {earlier}");
                settings.fault(NAME, fault);
            }
            None => tokens.push((place, token)),
        }
    }
    tokens.into_iter().map(|(_, token)| token).collect()
}

fn limits(settings: &mut Settings) -> Limits {
    let telegrams = Limits::default();
    let per_second = settings.in_range(
        "MESSAGES_PER_SECOND",
        telegrams.per_second,
        1..=MOST_PER_SECOND,
    );
    let interval = Duration::ZERO..=60 * SECOND;
    Limits {
        per_second,
        chat_gap: settings.duration("CHAT_INTERVAL", telegrams.chat_gap, interval),
        ..telegrams
    }
}

fn webhook(settings: &mut Settings, telegram_api_url: &str) -> Option<WebhookConfig> {
    const NAME: &str = "UPDATES";
    let by: String = settings.value(NAME, "polling".to_owned());
    match by.as_str() {
        "polling" => None,
        "webhook" => WebhookConfig::read(settings, telegram_api_url),
        _ => {
            settings.fault(NAME, format_args!("{by:?} is neither polling nor webhook"));
            None
        }
    }
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
        // A password in it must not be shown.
        settings.fault(NAME, "is not http(s)://host[:port][/path]");
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
        assert_eq!(bots(&config), [42]);
        assert_eq!(config.listen.port(), 50053);
        assert!(!format!("{config:?}").contains("secret"));
    }

    fn bots(config: &Config) -> Vec<i64> {
        config.tokens.iter().map(Token::bot_id).collect()
    }

    #[test]
    fn several_tokens_are_separated_by_commas_or_lines() {
        let keys = [("BOT_LESSON_KEY", "a"), ("BOT_NOTIFY_KEY", "b")];
        let tokens = ("TELEGRAM_BOT_TOKEN", "1:a, 2:b,\n3:c\r\n\n4:d,");
        let (config, faults) = read(&[keys[0], keys[1], tokens]);
        assert_eq!(faults, Ok(()));
        assert_eq!(bots(&config), [1, 2, 3, 4]);
    }

    #[test]
    fn wrong_tokens_are_told_by_their_place_and_two_of_one_bot_are_refused() {
        let keys = [("BOT_LESSON_KEY", "a"), ("BOT_NOTIFY_KEY", "b")];
        let tokens = (
            "TELEGRAM_BOT_TOKEN",
            "1:hush, hush/2, 2:hush, 1:hush3, :hush",
        );
        let faults = read(&[keys[0], keys[1], tokens]).1.unwrap_err();
        for told in [
            "token 2 in the list is not",
            "token 4 in the list is of the same bot as token 1",
            "token 5 in the list is not",
        ] {
            assert!(faults.contains(told), "{told}: {faults}");
        }
        assert_eq!(faults.matches("TELEGRAM_BOT_TOKEN").count(), 3, "{faults}");
        assert!(!faults.contains("hush"), "{faults}");
        for nothing in ["", " , \n"] {
            let faults = read(&[("TELEGRAM_BOT_TOKEN", nothing)]).1.unwrap_err();
            assert_eq!(faults.matches("TELEGRAM_BOT_TOKEN:").count(), 1, "{faults}");
        }
    }

    #[test]
    fn updates_are_posted_only_where_that_is_said_completely() {
        let needed = [
            ("TELEGRAM_BOT_TOKEN", "42:secret"),
            ("BOT_LESSON_KEY", "a"),
            ("BOT_NOTIFY_KEY", "b"),
        ];
        let with = |more: &[(&str, &str)]| read(&[&needed[..], more].concat());
        let by_webhook = ("BOT_UPDATES", "webhook");
        let url = ("BOT_WEBHOOK_URL", "https://bot.example.org/t");
        let (config, faults) = with(&[by_webhook, url]);
        assert_eq!(faults, Ok(()));
        let webhook = config.webhook.unwrap();
        assert_eq!((webhook.listen.port(), webhook.connections), (8082, 40));
        let (config, faults) = with(&[url]);
        assert_eq!((faults, config.webhook.is_none()), (Ok(()), true));
        assert_eq!(config.requests_per_minute, 20);

        let faults = |more: &[(&str, &str)]| with(more).1.unwrap_err();
        assert!(faults(&[by_webhook]).contains("BOT_WEBHOOK_URL: is required"));
        assert!(faults(&[("BOT_UPDATES", "pigeon")]).contains("neither polling nor webhook"));
        let wrong = [
            by_webhook,
            ("BOT_WEBHOOK_URL", "http://bot.example.org"),
            ("BOT_WEBHOOK_LISTEN", "here"),
            ("BOT_WEBHOOK_CONNECTIONS", "101"),
            ("BOT_USER_REQUESTS_PER_MINUTE", "0"),
        ];
        let told = faults(&wrong);
        for (name, _) in &wrong[1..] {
            assert!(told.contains(name), "{name}: {told}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_told() {
        for url in [
            "https://anna:hush@bot.example.org",
            "http://bot.example.org/hush",
        ] {
            let (name, by_webhook) = ("BOT_WEBHOOK_URL", ("BOT_UPDATES", "webhook"));
            let faults = read(&[by_webhook, (name, url)]).1.unwrap_err();
            assert!(
                faults.contains(name) && !faults.contains("hush"),
                "{faults}"
            );
        }
        let (name, url) = ("BOT_TELEGRAM_API_URL", "https://anna:hush@example.org?a");
        let faults = read(&[(name, url)]).1.unwrap_err();
        assert!(
            faults.contains(name) && !faults.contains("hush"),
            "{faults}"
        );
    }

    #[test]
    fn stopping_has_the_time_that_it_takes() {
        let faults = |drain| read(&[("BOT_DRAIN", drain)]).1.unwrap_err();
        assert!(faults("4").contains("BOT_DRAIN"));
        assert!(!faults("5").contains("BOT_DRAIN"));
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
