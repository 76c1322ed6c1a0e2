//! Pages of other origins (OLM-7).

use reqwest::{Method, Response};

use crate::gateway::{Gateway, ORIGIN};

async fn preflight(gateway: &Gateway, origin: &str) -> Response {
    gateway
        .bare(Method::OPTIONS, "/api/v1/lessons")
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "POST")
        .header(
            "Access-Control-Request-Headers",
            "content-type,idempotency-key,if-match,last-event-id,x-service-key,x-acting-user",
        )
        .send()
        .await
        .unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

#[tokio::test]
async fn the_configured_page_may_call_and_read_the_answer() {
    let gateway = Gateway::start().await;
    let answer = preflight(&gateway, ORIGIN).await;
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(header(&answer, "access-control-allow-origin"), Some(ORIGIN));
    let allowed = header(&answer, "access-control-allow-headers").unwrap();
    for name in [
        "content-type",
        "idempotency-key",
        "if-match",
        "last-event-id",
        "x-service-key",
        "x-acting-user",
    ] {
        assert!(allowed.split(',').any(|allowed| allowed == name), "{name}");
    }
    assert_eq!(
        header(&answer, "access-control-allow-methods"),
        Some("GET,POST,PUT,PATCH,DELETE")
    );
    // Also when the answer is a refusal: the page must be able to read the problem.
    let request = gateway.get("/api/v1/lessons").header("Origin", ORIGIN);
    let refused = request.send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 401);
    assert_eq!(
        header(&refused, "access-control-allow-origin"),
        Some(ORIGIN)
    );
    let exposed = header(&refused, "access-control-expose-headers").unwrap();
    assert!(
        ["x-trace-id", "location", "etag"]
            .iter()
            .all(|name| exposed.contains(name))
    );
}

#[tokio::test]
async fn any_other_page_may_not() {
    let gateway = Gateway::start().await;
    for origin in [
        "https://evil.example",
        "https://school.example.evil.example",
        "http://school.example",
        "null",
    ] {
        let answer = preflight(&gateway, origin).await;
        assert_eq!(
            header(&answer, "access-control-allow-origin"),
            None,
            "{origin}"
        );
        let request = gateway.get("/api/v1/health").header("Origin", origin);
        let answer = request.send().await.unwrap();
        assert_eq!(
            header(&answer, "access-control-allow-origin"),
            None,
            "{origin}"
        );
    }
}

#[tokio::test]
async fn without_configured_pages_none_may() {
    let gateway = Gateway::with(&[("REST_CORS_ORIGINS", "")]).await;
    let answer = preflight(&gateway, ORIGIN).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), None);
}
