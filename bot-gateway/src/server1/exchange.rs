//! One call as it is asked and as it is answered, in bytes.

use std::error::Error;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, request::Parts};
use http_body_util::{BodyExt as _, Full, Limited};
use olm_proto::lesson::v1::RegisterTelegramUserResponse;
use prost::Message as _;
use service_kit::{
    grpc::{ACTING_USER, client::Backend},
    status::chain,
};
use tonic::{Code, ConnectError, Status, body::Body};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::{cache::Key, calls::REGISTER, concern::About};

/// The largest message, either way: what generated clients read at most.
const LARGEST: usize = 4 * 1024 * 1024;
/// Before each message: whether it is compressed, and its length (gRPC over HTTP/2).
const PREFIX: usize = 5;

/// A call with its request.
#[derive(Debug)]
pub(super) struct Asked {
    parts: Parts,
    body: Bytes,
    user: Option<Uuid>,
}

/// What server 1 answered, to its end.
#[derive(Debug)]
pub(super) struct Answer {
    head: http::response::Parts,
    body: Bytes,
    trailers: Option<HeaderMap>,
    pub(super) code: Code,
}

/// There is no answer, or one that says that there is none.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) status: Status,
    /// Nothing of the request was sent.
    pub(super) unsent: bool,
}

impl Failed {
    /// The call was not made.
    pub(super) fn not_tried() -> Self {
        Self {
            status: Status::unavailable("server 1 is left alone for now"),
            unsent: true,
        }
    }

    /// Nothing came in time.
    pub(super) fn late() -> Self {
        Self {
            status: Status::deadline_exceeded("server 1 did not answer in time"),
            unsent: false,
        }
    }

    fn broken(error: &(dyn Error + 'static)) -> Self {
        Self {
            status: Status::unavailable(chain(error)),
            unsent: is_unsent(error),
        }
    }
}

fn is_unsent(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether server 1, or the way to it, is at fault: those count against it (OLM-5). Every
/// other code is an answer.
fn is_failure(code: Code) -> bool {
    match code {
        Code::Unavailable | Code::DeadlineExceeded | Code::Internal => true,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss
        | Code::Unauthenticated => false,
    }
}

impl Asked {
    pub(super) async fn read(request: http::Request<Body>) -> Result<Self, Status> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(|error| Status::internal(error.to_string()))?;
        let user = parts.headers.get(ACTING_USER);
        let user = user.and_then(|user| Uuid::try_parse_ascii(user.as_bytes()).ok());
        Ok(Self {
            body: body.to_bytes(),
            parts,
            user,
        })
    }

    pub(super) fn path(&self) -> &str {
        self.parts.uri.path()
    }

    pub(super) fn key(&self) -> Key {
        Key {
            path: self.path().to_owned(),
            user: self.user,
            request: self.body.clone(),
        }
    }

    /// Whom and what the call is about; with its answer, if there is one.
    pub(super) fn about(&self, answer: Option<&Answer>) -> About {
        let answer = answer
            .map(|answer| &answer.body)
            .map_or(&b""[..], Bytes::as_ref);
        About::new(self.owner(answer), &[&self.body, answer])
    }

    fn owner(&self, answer: &[u8]) -> Option<Uuid> {
        if self.path() != REGISTER {
            return self.user;
        }
        Uuid::try_parse(&registered(answer)?.user?.id).ok()
    }

    /// The message of an answer as it may be given once more: that somebody was registered is
    /// true once. `None` for an answer that is not kept.
    pub(super) fn repeatable(&self, answer: &Answer) -> Option<Bytes> {
        if answer.code != Code::Ok {
            return None;
        }
        if self.path() != REGISTER {
            return Some(answer.body.clone());
        }
        let registered = RegisterTelegramUserResponse {
            created: false,
            ..registered(&answer.body)?
        };
        let mut message = vec![0; PREFIX];
        registered.encode(&mut message).ok()?;
        let length = u32::try_from(message.len() - PREFIX).ok()?;
        message[1..PREFIX].copy_from_slice(&length.to_be_bytes());
        Some(message.into())
    }

    /// Asks server 1.
    pub(super) async fn post(&self, backend: Backend) -> Result<Answer, Failed> {
        let body = Body::new(Full::new(self.body.clone()));
        let mut request = http::Request::new(body);
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = self.parts.uri.clone();
        *request.version_mut() = self.parts.version;
        *request.headers_mut() = self.parts.headers.clone();
        *request.extensions_mut() = self.parts.extensions.clone();
        let response = backend.oneshot(request).await;
        let response = response.map_err(|error| Failed::broken(&error))?;
        Answer::read(response).await
    }
}

fn registered(answer: &[u8]) -> Option<RegisterTelegramUserResponse> {
    RegisterTelegramUserResponse::decode(answer.get(PREFIX..)?).ok()
}

impl Answer {
    /// Reads it to its end: its status is there, unless it is refused at once.
    async fn read(response: http::Response<Body>) -> Result<Self, Failed> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(|error| Failed::broken(&*error))?;
        let trailers = body.trailers().cloned();
        let status = Status::from_header_map(&head.headers);
        let status = status.or_else(|| Status::from_header_map(trailers.as_ref()?));
        let none = || Status::unavailable(format!("an answer without a status, {}", head.status));
        let status = status.unwrap_or_else(none);
        let code = status.code();
        if is_failure(code) {
            return Err(Failed {
                status,
                unsent: false,
            });
        }
        Ok(Self {
            head,
            body: body.to_bytes(),
            trailers,
            code,
        })
    }

    pub(super) fn into_response(self) -> http::Response<Body> {
        let body = Full::new(self.body).with_trailers(std::future::ready(self.trailers.map(Ok)));
        http::Response::from_parts(self.head, Body::new(body))
    }
}

/// An answer that was kept.
pub(super) fn kept(message: Bytes) -> http::Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    let body = Full::new(message).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = http::Response::new(Body::new(body));
    let grpc = HeaderValue::from_static("application/grpc");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, grpc);
    response
}
