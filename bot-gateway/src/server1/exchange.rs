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

use super::{
    cache::Key,
    calls::{REGISTER, is_same_for_all},
    concern::About,
};

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
            path: self.path().into(),
            user: self.user.filter(|_| !is_same_for_all(self.path())),
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
            return self.user.filter(|_| !is_same_for_all(self.path()));
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn code(response: http::Response<Body>) -> Result<Code, Code> {
        let read = Answer::read(response).await;
        read.map(|answer| answer.code)
            .map_err(|failed| failed.status.code())
    }

    #[tokio::test]
    async fn a_failure_is_one_in_the_headers_and_in_the_trailers() {
        let failures = [Code::Unavailable, Code::DeadlineExceeded, Code::Internal];
        for number in 0..=16 {
            let expected = Code::from_i32(number);
            let is_failure = failures.contains(&expected);
            let expected = if is_failure {
                Err(expected)
            } else {
                Ok(expected)
            };
            let in_headers = Status::new(Code::from_i32(number), "").into_http();
            assert_eq!(code(in_headers).await, expected);
            let body = Body::new(Full::new(Bytes::from_static(b"\0\0\0\0\0")));
            let mut trailers = HeaderMap::new();
            trailers.insert(Status::GRPC_STATUS, HeaderValue::from(number));
            let body = body.with_trailers(std::future::ready(Some(Ok(trailers))));
            assert_eq!(code(http::Response::new(Body::new(body))).await, expected);
        }
    }

    #[tokio::test]
    async fn an_answer_that_ends_without_a_status_or_is_a_proxys_is_a_failure() {
        let cut = http::Response::new(Body::new(Full::new(Bytes::from_static(b"\0\0\0\0\0"))));
        assert_eq!(code(cut).await, Err(Code::Unavailable));
        let mut proxys = http::Response::new(Body::empty());
        *proxys.status_mut() = http::StatusCode::BAD_GATEWAY;
        assert_eq!(code(proxys).await, Err(Code::Unavailable));
    }

    #[tokio::test]
    async fn what_was_kept_reads_as_an_answer() {
        let answer = Answer::read(kept(Bytes::from_static(b"message")))
            .await
            .unwrap();
        assert_eq!(
            (answer.code, answer.body),
            (Code::Ok, Bytes::from_static(b"message"))
        );
    }

    #[tokio::test]
    async fn that_somebody_was_registered_is_not_told_again() {
        let id = Uuid::from_u128(7);
        let registered_now = RegisterTelegramUserResponse {
            user: Some(olm_proto::lesson::v1::User {
                id: id.to_string(),
                ..olm_proto::lesson::v1::User::default()
            }),
            created: true,
        };
        let mut message = vec![0; PREFIX];
        registered_now.encode(&mut message).unwrap();
        let answer = Answer::read(kept(message.into())).await.unwrap();
        let request = http::Request::builder().uri(format!("http://olm{REGISTER}"));
        let asked = Asked::read(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let again = asked.repeatable(&answer).unwrap();
        let told = registered(&again).unwrap();
        assert_eq!((told.user, told.created), (registered_now.user, false));
        let length = u32::try_from(again.len() - PREFIX).unwrap().to_be_bytes();
        assert_eq!(again[..PREFIX], [[0].as_slice(), &length].concat());
        assert_eq!(asked.about(Some(&answer)).owner, Some(id));
    }

    #[tokio::test]
    async fn a_teacher_is_kept_once_for_all_and_their_times_for_each() {
        let asked = async |method: &str, user: u128| {
            let uri = format!("http://olm/olm.lesson.v1.{method}");
            let request = http::Request::builder().uri(uri);
            let request = request.header(ACTING_USER, Uuid::from_u128(user).to_string());
            let asked = Asked::read(request.body(Body::empty()).unwrap());
            asked.await.unwrap()
        };
        for (method, is_shared) in [
            ("TeacherService/GetTeacher", true),
            ("TeacherService/ListMyTeachers", false),
            ("TeacherService/SearchTeachers", false),
            ("AvailabilityService/ListSlots", false),
        ] {
            let (one, other) = (asked(method, 1).await, asked(method, 2).await);
            assert_eq!(one.key() == other.key(), is_shared, "{method}");
            assert_eq!(one.about(None).owner.is_none(), is_shared, "{method}");
        }
    }

    #[test]
    fn only_what_found_no_connection_is_known_to_be_unsent() {
        let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(is_unsent(&ConnectError(Box::new(refused()))));
        assert!(!is_unsent(&refused()));
    }
}
