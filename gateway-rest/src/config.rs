//! Settings, read once before any port opens.

use std::{net::SocketAddr, str::FromStr, time::Duration};

use http::{HeaderValue, Uri};
use service_kit::{
    config::Settings, grpc::client::BackendConfig, keys::ServiceKeys, telemetry::TelemetryConfig,
};

/// Everything this service can be told. Variables begin with `REST_`.
#[derive(Debug, Clone)]
pub struct Config {
    /// `REST_LOG`, `REST_LOG_FORMAT`, `REST_ENVIRONMENT`,
    /// `REST_METRICS_LISTEN` (default 127.0.0.1:9467), `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub telemetry: TelemetryConfig,
    /// `REST_LISTEN`: address and port; default 127.0.0.1:8080.
    pub listen: SocketAddr,
    /// `REST_SERVICE_KEYS` (or `…_FILE`), required: who may call, e.g.
    /// `website+act_as=<sha256 hex>`; callers' names are free.
    pub keys: ServiceKeys,
    /// `REST_CORS_ORIGINS`: the pages that may call from a browser, exact origins,
    /// comma separated; default none; never `*` (OLM-7).
    pub origins: Vec<Origin>,
    /// `REST_LESSON_URL` (default <http://127.0.0.1:50051>), `REST_LESSON_KEY`
    /// (required), `REST_LESSON_TIMEOUT`.
    pub lesson: BackendConfig,
    /// `REST_NOTIFY_URL` (default <http://127.0.0.1:50052>), `REST_NOTIFY_KEY`
    /// (required), `REST_NOTIFY_TIMEOUT`.
    pub notify: BackendConfig,
    /// `REST_BODY_LIMIT`: the largest request body in bytes; default 65,536.
    pub body_limit: usize,
    /// `REST_REQUEST_TIMEOUT`: the longest a request may take, in seconds; default 10.
    pub request_timeout: Duration,
    /// `REST_MAX_REQUESTS`: requests worked on at once; more are answered 503;
    /// default 1,024.
    pub max_requests: usize,
    /// `REST_WATCHERS`: how many may watch events at once; more are answered 503; 1 to
    /// 10,000, default 500.
    pub watchers: usize,
    /// `REST_DRAIN`: how long finishing may take after a stop, in seconds; default 10.
    pub drain: Duration,
}

impl Config {
    /// `REST_LISTEN` alone: what `healthcheck` needs to find its service.
    pub fn listen(settings: &mut Settings) -> SocketAddr {
        settings.value("LISTEN", SocketAddr::from(([127, 0, 0, 1], 8080)))
    }

    /// Reads the settings named at the fields.
    pub fn read(settings: &mut Settings) -> Self {
        let second = Duration::from_secs(1);
        Self {
            telemetry: TelemetryConfig::read(settings, "gateway-rest", 9467),
            listen: Self::listen(settings),
            keys: ServiceKeys::read(settings),
            origins: read_origins(settings),
            lesson: BackendConfig::read(settings, "LESSON", "lesson-svc", "http://127.0.0.1:50051"),
            notify: BackendConfig::read(settings, "NOTIFY", "notify-svc", "http://127.0.0.1:50052"),
            body_limit: settings.in_range("BODY_LIMIT", 64 * 1024, 1024..=1024 * 1024),
            request_timeout: settings.duration(
                "REQUEST_TIMEOUT",
                10 * second,
                second / 10..=120 * second,
            ),
            max_requests: settings.in_range("MAX_REQUESTS", 1024, 1..=65_536),
            watchers: settings.in_range("WATCHERS", 500, 1..=10_000),
            drain: settings.duration("DRAIN", 10 * second, Duration::ZERO..=300 * second),
        }
    }
}

fn read_origins(settings: &mut Settings) -> Vec<Origin> {
    let mut origins = Vec::new();
    for text in settings.list::<String>("CORS_ORIGINS") {
        match text.parse() {
            Ok(origin) => origins.push(origin),
            Err(error) => settings.fault("CORS_ORIGINS", format_args!("{text:?} {error}")),
        }
    }
    origins
}

/// A page's origin exactly as a browser sends it (RFC 6454): scheme, host and, unless
/// it is the scheme's own, port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// Why a text is no origin that can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginError {
    /// `*` would open the API to every page.
    Any,
    /// Not what a browser sends.
    NotAnOrigin,
}

impl std::fmt::Display for OriginError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Any => "would open the API to every page: name each origin",
            Self::NotAnOrigin => {
                "is not an origin as browsers send it, such as https://school.example \
                 (lower case, no path, no default port)"
            }
        })
    }
}

impl std::error::Error for OriginError {}

impl Origin {
    /// The value of the header `Origin`.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text.contains('*') {
            return Err(OriginError::Any);
        }
        let uri: Uri = text.parse().map_err(|_| OriginError::NotAnOrigin)?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(OriginError::NotAnOrigin);
        };
        let default_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return Err(OriginError::NotAnOrigin),
        };
        let port = uri.port_u16().filter(|port| *port != default_port);
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let canonical = format!("{scheme}://{}{port}", host.to_ascii_lowercase());
        if canonical != text {
            return Err(OriginError::NotAnOrigin);
        }
        HeaderValue::try_from(canonical)
            .map(Self)
            .map_err(|_| OriginError::NotAnOrigin)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use service_kit::keys::digest_hex;

    use super::*;

    #[test]
    fn origins_are_taken_only_as_browsers_send_them() {
        for good in [
            "https://school.example",
            "http://localhost:5173",
            "http://[::1]:5173",
        ] {
            assert_eq!(good.parse::<Origin>().unwrap().header(), good);
        }
        for bad in [
            "",
            "null",
            "school.example",
            "https://School.example",
            "https://school.example/",
            "https://school.example/app",
            "https://school.example:443",
            "http://school.example:80",
            "https://user@school.example",
            "ftp://school.example",
        ] {
            assert_eq!(
                bad.parse::<Origin>(),
                Err(OriginError::NotAnOrigin),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_star_is_refused_at_start_beside_every_other_fault() {
        let variables = [
            ("REST_SERVICE_KEYS", format!("website={}", digest_hex("k"))),
            ("REST_CORS_ORIGINS", "*, https://*.school.example, x".into()),
            ("REST_LESSON_KEY", "k".into()),
            ("REST_BODY_LIMIT", "1".into()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let mut settings = Settings::from_map("REST", HashMap::from(variables));
        Config::read(&mut settings);
        let faults = settings.finish().unwrap_err().to_string();
        for expected in [
            "REST_CORS_ORIGINS: \"*\" would open the API to every page",
            "REST_CORS_ORIGINS: \"https://*.school.example\" would open",
            "REST_CORS_ORIGINS: \"x\" is not an origin",
            "REST_NOTIFY_KEY: is required",
            "REST_BODY_LIMIT: 1 is not between",
        ] {
            assert!(faults.contains(expected), "{expected:?} in {faults}");
        }
    }
}
