//! Stopping: what runs is finished, nothing is waited for longer than the drain time.

use tokio::net::TcpStream;

use crate::gateway::{Gateway, Headers as _, eventually};

/// Longer than any test waits: what ends before it did not need it.
const LONG_DRAIN: &[(&str, &str)] = &[("REST_DRAIN", "300")];

#[tokio::test]
async fn a_request_that_runs_is_finished_before_the_end() {
    let gateway = Gateway::with(LONG_DRAIN).await;
    let gate = gateway.lesson.hold();
    let request = gateway.get("/api/v1/lessons").student();
    let request = tokio::spawn(request.send());
    eventually("the call arrives", || gateway.lesson.calls().len() == 1).await;
    gateway.shutdown.stop();
    gate.add_permits(1);
    let response = request.await.unwrap().unwrap();
    assert_eq!(response.status().as_u16(), 200);
    gateway.ended().await.unwrap();
}

#[tokio::test]
async fn silent_peers_and_idle_connections_do_not_hold_the_end_up() {
    let gateway = Gateway::with(LONG_DRAIN).await;
    let silent = TcpStream::connect(gateway.address).await.unwrap();
    let response = gateway.get("/livez").send().await.unwrap();
    // Read to its end, so that the client keeps the connection for a next request.
    response.bytes().await.unwrap();
    gateway.shutdown.stop();
    gateway.ended().await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_at_the_drain_deadline() {
    let gateway = Gateway::with(&[("REST_DRAIN", "0.2")]).await;
    let _gate = gateway.lesson.hold();
    let request = gateway.get("/api/v1/lessons").student();
    let request = tokio::spawn(request.send());
    eventually("the call arrives", || gateway.lesson.calls().len() == 1).await;
    gateway.shutdown.stop();
    gateway.ended().await.unwrap();
    request.abort();
}

#[tokio::test]
async fn after_the_stop_no_connection_is_taken() {
    let gateway = Gateway::with(LONG_DRAIN).await;
    let address = gateway.address;
    gateway.shutdown.stop();
    gateway.ended().await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
