//! What `healthcheck` says of services that serve, do not, hang, or are not there.
#![expect(
    clippy::unwrap_used,
    reason = "a panic is the failure that a test reports"
)]

use std::net::SocketAddr;

use service_kit::health::{
    Health,
    probe::{Question, probe},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

const SERVICE: &str = "olm.lesson.v1.LessonService";

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn told(address: SocketAddr, question: Question) -> String {
    match probe(address, question).await {
        Ok(()) => "good".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn grpc_is_good_exactly_while_the_named_service_serves() {
    let (listener, address) = listener().await;
    let health = Health::new(&[SERVICE]).await;
    let server = Server::builder().add_service(health.server());
    let serving = tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

    let named = Question::Grpc(SERVICE);
    assert_eq!(told(address, named).await, "answers NOT_SERVING");
    health.set(true).await;
    assert_eq!(told(address, named).await, "good");
    let unknown = Question::Grpc("olm.lesson.v1.NoSuchService");
    assert_eq!(told(address, unknown).await, "answers NotFound");
    health.set(false).await;
    assert_eq!(told(address, named).await, "answers NOT_SERVING");
    serving.abort();
}

#[tokio::test]
async fn http_is_good_exactly_when_the_answer_is_200() {
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "good"),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "answers 503"),
        (
            "SSH-2.0-x\r\n",
            "does not answer: it does not speak HTTP/1.1",
        ),
        ("", "does not answer: it does not speak HTTP/1.1"),
    ] {
        let (listener, address) = listener().await;
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 256];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        assert_eq!(told(address, Question::Http("/livez")).await, expected);
        let request = serving.await.unwrap();
        assert!(request.starts_with("GET /livez HTTP/1.1\r\n"), "{request}");
    }
}

#[tokio::test]
async fn a_closed_port_is_told_as_no_answer() {
    let (listener, address) = listener().await;
    drop(listener);
    for question in [Question::Grpc(SERVICE), Question::Http("/livez")] {
        let told = told(address, question).await;
        assert!(told.starts_with("does not answer: "), "{told}");
        assert!(told.to_lowercase().contains("refused"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_accepts_and_says_nothing_is_given_up() {
    let (listener, address) = listener().await;
    // Kept open: the system accepts for it.
    for question in [Question::Grpc(SERVICE), Question::Http("/livez")] {
        assert_eq!(told(address, question).await, "does not answer within 4 s");
    }
    drop(listener);
}
