//! `/metrics` over HTTP.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::config::Settings;

/// Who may read at once; a scraper needs one.
const CONNECTIONS: usize = 16;
/// How long a reader may take, from its connection to its end.
const READER_TIMEOUT: Duration = Duration::from_mins(5);
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Between failed accepts: the process may be short of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where figures are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsConfig {
    /// `<P>_METRICS_LISTEN`: address and port of `/metrics`, or `off`; default 127.0.0.1
    /// and the service's own port. It answers without a key: keep it inside.
    pub listen: Option<SocketAddr>,
}

/// An address, or `off`.
#[derive(Debug, Clone, Copy)]
struct Listen(Option<SocketAddr>);

impl FromStr for Listen {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self(None)),
            address => address.parse().map(|address| Self(Some(address))),
        }
    }
}

impl MetricsConfig {
    /// Reads the setting named at the field.
    pub fn read(settings: &mut Settings, default_port: u16) -> Self {
        let default = SocketAddr::from((Ipv4Addr::LOCALHOST, default_port));
        let Listen(listen) = settings.value("METRICS_LISTEN", Listen(Some(default)));
        Self { listen }
    }
}

/// Serves `/metrics` until the runtime ends: also what a drain counts is read.
///
/// # Errors
///
/// When the address cannot be listened on.
pub async fn serve(config: MetricsConfig) -> io::Result<()> {
    let Some(address) = config.listen else {
        return Ok(());
    };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("/metrics cannot listen on {address}: {error}"),
        )
    })?;
    tracing::info!(address = %listener.local_addr()?, "figures are at /metrics");
    tokio::spawn(accept(listener));
    Ok(())
}

async fn accept(listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    // Never closed: ends with the runtime.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(async move {
                    read(stream).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a reader of figures was not let in");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn read(stream: TcpStream) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(async |request| Ok::<_, Infallible>(answer(&request))),
        );
    // A reader that went away or was too slow is no news.
    let _ = timeout(READER_TIMEOUT, served).await;
}

fn answer<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => (
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            super::text(),
        ),
        (_, "/metrics") => (
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            "GET only\n".to_owned(),
        ),
        _ => (
            StatusCode::NOT_FOUND,
            "text/plain",
            "figures are at /metrics\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(text: &str) -> Result<MetricsConfig, String> {
        let variables = HashMap::from([("T_METRICS_LISTEN".to_owned(), text.to_owned())]);
        let mut settings = Settings::from_map("T", variables);
        let config = MetricsConfig::read(&mut settings, 9464);
        settings
            .finish()
            .map(|()| config)
            .map_err(|faults| faults.to_string())
    }

    #[test]
    fn figures_are_off_or_on_an_address() {
        assert_eq!(read("off").unwrap().listen, None);
        let listen = |text| read(text).unwrap().listen.unwrap().to_string();
        assert_eq!(listen(""), "127.0.0.1:9464");
        assert_eq!(listen("[::]:1"), "[::]:1");
        assert!(read("on").unwrap_err().contains("T_METRICS_LISTEN"));
    }

    #[test]
    fn only_one_path_is_answered_and_only_to_get() {
        let status = |method, path| {
            let request = Request::builder().method(method).uri(path);
            answer(&request.body(()).unwrap()).status()
        };
        assert_eq!(status(Method::GET, "/metrics"), StatusCode::OK);
        assert_eq!(status(Method::GET, "/"), StatusCode::NOT_FOUND);
        assert_eq!(
            status(Method::DELETE, "/metrics"),
            StatusCode::METHOD_NOT_ALLOWED
        );
    }
}
