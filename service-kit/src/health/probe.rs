//! `healthcheck`: a program asks the one that serves beside it whether it is ready.
//! Images without a shell have nothing else to ask with (OLM-6, VIT-1).

use std::{
    fmt::{self, Display},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time,
};
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{config::Settings, status::chain};

/// Less than the five seconds that images give the command, so that it can say why.
const PATIENCE: Duration = Duration::from_secs(4);
/// More than a status line with its headers needs.
const HEAD_BYTES: usize = 1024;

/// What is asked at a service's own address.
#[derive(Debug, Clone, Copy)]
pub enum Question {
    /// `grpc.health.v1.Health/Check` of this service; `SERVING` is good.
    Grpc(&'static str),
    /// `GET` of this path; 200 is good.
    Http(&'static str),
}

impl Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grpc(service) => f.write_str(service),
            Self::Http(path) => write!(f, "GET {path}"),
        }
    }
}

/// Why a service is not healthy.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// Nobody answers, or what answers does not speak the protocol.
    #[error("does not answer: {0}")]
    Unreachable(String),
    /// Connected or not, nothing came in four seconds.
    #[error("does not answer within {} s", PATIENCE.as_secs())]
    Late,
    /// It answered something else than that it serves.
    #[error("answers {0}")]
    Answered(String),
}

impl From<io::Error> for Unhealthy {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(chain(&error))
    }
}

/// The command: asks the service that listens at `listen` and says in one line what it
/// answers. Settings whose faults `settings` has recorded end it as they end a service.
pub async fn healthcheck(settings: Settings, listen: SocketAddr, question: Question) -> ExitCode {
    if let Err(faults) = settings.finish() {
        eprintln!("{faults}");
        return faults.exit_code();
    }
    let address = own(listen);
    match probe(address, question).await {
        Ok(()) => {
            println!("{question} at {address}: good");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{question} at {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Asks `question` at `address`.
///
/// # Errors
///
/// [`Unhealthy`] unless the answer is that it serves.
pub async fn probe(address: SocketAddr, question: Question) -> Result<(), Unhealthy> {
    let asked = async {
        match question {
            Question::Grpc(service) => grpc(address, service).await,
            Question::Http(path) => http(address, path).await,
        }
    };
    time::timeout(PATIENCE, asked)
        .await
        .unwrap_or(Err(Unhealthy::Late))
}

/// Where a program on the same machine reaches what listens at `listen`.
fn own(listen: SocketAddr) -> SocketAddr {
    let home = match listen.ip() {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let ip = Some(listen.ip()).filter(|ip| !ip.is_unspecified());
    SocketAddr::new(ip.unwrap_or(home), listen.port())
}

async fn grpc(address: SocketAddr, service: &str) -> Result<(), Unhealthy> {
    let unreachable = |error: &tonic::transport::Error| Unhealthy::Unreachable(chain(error));
    let endpoint = Endpoint::from_shared(format!("http://{address}"));
    let endpoint = endpoint.map_err(|error| unreachable(&error))?;
    let channel = endpoint
        .connect()
        .await
        .map_err(|error| unreachable(&error))?;
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    match HealthClient::new(channel).check(request).await {
        Ok(answer) => match answer.into_inner().status() {
            ServingStatus::Serving => Ok(()),
            other @ (ServingStatus::Unknown
            | ServingStatus::NotServing
            | ServingStatus::ServiceUnknown) => {
                Err(Unhealthy::Answered(other.as_str_name().to_owned()))
            }
        },
        Err(status) => Err(Unhealthy::Answered(format!("{:?}", status.code()))),
    }
}

/// A request small enough to be written by hand: a client's stack of its own would be
/// for this alone.
async fn http(address: SocketAddr, path: &str) -> Result<(), Unhealthy> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0; HEAD_BYTES];
    let mut length = 0;
    while length < HEAD_BYTES && !head[..length].contains(&b'\n') {
        match stream.read(&mut head[length..]).await? {
            0 => break,
            read => length += read,
        }
    }
    let line = String::from_utf8_lossy(&head[..length]);
    let line = line.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    match (words.next(), words.next()) {
        (Some("HTTP/1.1"), Some("200")) => Ok(()),
        (Some("HTTP/1.1"), Some(code)) => Err(Unhealthy::Answered(code.to_owned())),
        _ => Err(Unhealthy::Unreachable(
            "it does not speak HTTP/1.1".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_listens_everywhere_is_asked_at_home() {
        for (listen, address) in [
            ("0.0.0.0:50051", "127.0.0.1:50051"),
            ("[::]:8080", "[::1]:8080"),
            ("10.0.0.7:50052", "10.0.0.7:50052"),
        ] {
            assert_eq!(own(listen.parse().unwrap()).to_string(), address);
        }
    }
}
