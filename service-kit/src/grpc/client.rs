//! Channels between services: key, trace and deadline on every call, and a line in
//! the log for each (OLM-4).

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;
use tonic::{
    Code,
    body::Body,
    metadata::MetadataValue,
    transport::{Channel, Endpoint, Error},
};
use tower::Service;
use tracing::{Instrument as _, field};
use uuid::Uuid;

use super::{
    ACTING_USER, SERVICE_KEY,
    observed::{Call, Reported, observe},
    tls::Authorities,
};
use crate::{
    config::Settings,
    keys::Watched,
    metrics::{Histogram, SECONDS},
    telemetry,
};

/// Headers of one answer, as HTTP/2 counts them. A refusal's words are in them and stay
/// below 16 KiB ([`crate::status`]); a single answer that is more would end the
/// connection, and with it every other call.
const MAX_HEADER_BYTES: u32 = 64 * 1024;

/// Where another service is and how it is called.
#[derive(Debug, Clone)]
pub struct BackendConfig {
    /// The service's name, for logs.
    pub service: &'static str,
    /// `<P>_<NAME>_URL`: `http://host:port` or `https://…`.
    pub url: http::Uri,
    /// `<P>_<NAME>_CA_FILE`: who vouches for an `https` service, in PEM; default: whom the
    /// system believes.
    pub authorities: Authorities,
    /// `<P>_<NAME>_KEY` (or `…_KEY_FILE`): our service key there.
    pub key: OutgoingKey,
    /// `<P>_<NAME>_TIMEOUT`: deadline of a call in seconds; default 5.
    pub timeout: Duration,
}

/// The key we show another service; one from a file is read anew when that changes, and
/// at SIGHUP.
#[derive(Debug, Clone)]
pub struct OutgoingKey(Watched<Option<http::HeaderValue>>);

impl OutgoingKey {
    fn read(settings: &mut Settings, name: &str) -> Self {
        let key = settings.secret(name);
        Self::of(settings, name, &key)
    }

    /// The same where none may be given, and is shown then.
    pub(crate) fn read_optional(settings: &mut Settings, name: &str) -> Self {
        let key = settings.optional_secret(name).unwrap_or_default();
        Self::of(settings, name, &key)
    }

    fn of(settings: &mut Settings, name: &str, key: &SecretString) -> Self {
        let value = header(key.expose_secret());
        if let Err(fault) = &value {
            settings.fault(name, fault);
        }
        let value = value.unwrap_or_default();
        Self(Watched::new(
            value,
            settings.secret_file(name),
            |text| match header(text) {
                Ok(Some(value)) => Ok(Some(value)),
                Ok(None) => Err("is empty".to_owned()),
                Err(fault) => Err(fault),
            },
        ))
    }

    /// As it is to be shown now.
    pub(crate) fn header(&self) -> Option<http::HeaderValue> {
        (*self.0.get()).clone()
    }

    /// Looks for another one from now on.
    pub(crate) fn follow(&self) {
        self.0.follow();
    }
}

impl From<&str> for OutgoingKey {
    /// A key that does not change; without one that a header can carry, none is shown.
    fn from(key: &str) -> Self {
        Self(Watched::new(header(key).unwrap_or_default(), None, header))
    }
}

/// A key as it is shown; `None` of an empty text.
fn header(key: &str) -> Result<Option<http::HeaderValue>, String> {
    if key.is_empty() {
        return Ok(None);
    }
    let mut value = http::HeaderValue::from_str(key)
        .map_err(|_| "has characters that a header cannot carry".to_owned())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

impl BackendConfig {
    /// Reads the settings named at the fields; `name` is their middle, e.g. `LESSON`.
    pub fn read(
        settings: &mut Settings,
        name: &str,
        service: &'static str,
        default_url: &'static str,
    ) -> Self {
        let url_name = format!("{name}_URL");
        let url = settings.value(&url_name, http::Uri::from_static(default_url));
        check_url(settings, &url_name, &url);
        let authorities = Authorities::read(settings, &format!("{name}_CA_FILE"));
        let key = OutgoingKey::read(settings, &format!("{name}_KEY"));
        let second = Duration::from_secs(1);
        let timeout = settings.duration(
            &format!("{name}_TIMEOUT"),
            5 * second,
            second / 10..=60 * second,
        );
        Self {
            service,
            url,
            authorities,
            key,
            timeout,
        }
    }
}

/// Records a fault when `url`, the value of `name`, is nowhere to call.
pub(crate) fn check_url(settings: &mut Settings, name: &str, url: &http::Uri) {
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
        settings.fault(
            name,
            format_args!("\"{url}\" is not http://host:port or https://host:port"),
        );
    }
}

/// A channel that connects when first used and again whenever it must; `timeout` is the
/// deadline of a call.
///
/// # Errors
///
/// When certificates cannot be used.
pub(crate) fn channel(
    url: &http::Uri,
    authorities: &Authorities,
    timeout: Duration,
) -> Result<Channel, Error> {
    let endpoint = Endpoint::from(url.clone())
        .connect_timeout(Duration::from_secs(3).min(timeout))
        .timeout(timeout)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .http2_max_header_list_size(MAX_HEADER_BYTES);
    Ok(authorities.secure(endpoint)?.connect_lazy())
}

/// A channel to one service; cheap to clone, connects when first used.
#[derive(Debug, Clone)]
pub struct Backend {
    service: &'static str,
    channel: Channel,
    key: OutgoingKey,
    /// Its calls are in production's log.
    is_logged: bool,
}

impl Backend {
    /// A channel that connects when first used and again whenever it must.
    ///
    /// # Errors
    ///
    /// When certificates cannot be used.
    pub fn connect_lazy(config: &BackendConfig) -> Result<Self, Error> {
        let channel = channel(&config.url, &config.authorities, config.timeout)?;
        config.key.follow();
        Ok(Self {
            service: config.service,
            channel,
            key: config.key.clone(),
            is_logged: false,
        })
    }

    /// The same with its calls in production's log: those of gateways, which somebody waits
    /// for (OLM-4). What services tell each other all the time is for who looks closer.
    #[must_use]
    pub fn logged(self) -> Self {
        Self {
            is_logged: true,
            ..self
        }
    }
}

impl Service<http::Request<Body>> for Backend {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.channel.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let clone = self.channel.clone();
        let mut channel = std::mem::replace(&mut self.channel, clone);
        let call = begin(self.service, request.uri().path(), self.is_logged);
        let span = call.span.clone();
        let mut call = Reported::new(call);
        let headers = request.headers_mut();
        if let Some(key) = self.key.header() {
            headers.insert(SERVICE_KEY, key);
        }
        if let Ok(value) = http::HeaderValue::try_from(telemetry::traceparent_of(&span))
            && !value.is_empty()
        {
            headers.insert(telemetry::TRACEPARENT, value);
        }
        Box::pin(
            async move {
                match channel.call(request).await {
                    Ok(response) => Ok(observe(response, call).map(Body::new)),
                    Err(error) => {
                        call.end(Code::Unavailable);
                        Err(error)
                    }
                }
            }
            .instrument(span),
        )
    }
}

static DURATIONS: Histogram<2> = Histogram::new(
    "rpc.client.call.duration",
    "s",
    "Calls of other services, streams to their end",
    SECONDS,
    ["rpc.method", "rpc.response.status_code"],
);

/// What probes ask, which come every few seconds.
const HEALTH: &str = "grpc.health.v1.Health";

fn begin(peer: &'static str, path: &str, is_logged: bool) -> Call {
    let name = path.trim_start_matches('/');
    let (service, method) = name.split_once('/').unwrap_or((name, ""));
    let is_logged = is_logged && service != HEALTH;
    let span = tracing::info_span!(
        "call",
        otel.name = name,
        otel.kind = "client",
        otel.status_code = field::Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = field::Empty,
        peer.service = peer,
    );
    Call {
        begun: Instant::now(),
        durations: &DURATIONS,
        path: path.to_owned(),
        report: Box::new(move |span, path, code, duration_ms| {
            span.in_scope(|| {
                if is_logged {
                    tracing::info!(peer, rpc = path, status = ?code, duration_ms, "backend call");
                } else {
                    tracing::debug!(peer, rpc = path, status = ?code, duration_ms, "backend call");
                }
            });
        }),
        span,
    }
}

/// A request that speaks for `user`.
pub fn acting<T>(message: T, user: Uuid) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    if let Ok(value) = MetadataValue::try_from(user.to_string()) {
        request.metadata_mut().insert(ACTING_USER, value);
    }
    request
}
