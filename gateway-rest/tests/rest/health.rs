//! Health (OLM-2, VIT-6).

use serde_json::json;

use crate::gateway::{Gateway, json};

#[tokio::test]
async fn health_is_200_while_both_services_reach_their_database() {
    let gateway = Gateway::start().await;
    assert_eq!(
        json(gateway.get("/api/v1/health"), 200).await,
        json!({
            "status": "healthy",
            "database": "connected",
            "timestamp": "2026-01-16T12:00:00Z",
        })
    );
    assert_eq!(
        json(gateway.get("/api/v1/health/db"), 200).await,
        json!({
            "status": "healthy",
            "services": {"lesson-svc": "connected", "notify-svc": "connected"},
            "timestamp": "2026-01-16T12:00:00Z",
        })
    );
}

#[tokio::test]
async fn health_is_503_while_a_service_does_not_reach_its_database() {
    let gateway = Gateway::start().await;
    gateway.notify.health.set(false).await;
    assert_eq!(
        json(gateway.get("/api/v1/health"), 503).await,
        json!({
            "status": "unhealthy",
            "database": "error",
            "timestamp": "2026-01-16T12:00:00Z",
        })
    );
    let services = json(gateway.get("/api/v1/health/db"), 503).await;
    assert_eq!(
        services["services"],
        json!({"lesson-svc": "connected", "notify-svc": "error"})
    );
    gateway.notify.health.set(true).await;
    json(gateway.get("/api/v1/health"), 200).await;
}

#[tokio::test]
async fn health_is_503_while_a_service_is_away_and_liveness_stays() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", unused.local_addr().unwrap());
    drop(unused);
    let gateway = Gateway::with(&[("REST_LESSON_URL", &url)]).await;
    let services = json(gateway.get("/api/v1/health/db"), 503).await;
    assert_eq!(
        services["services"],
        json!({"lesson-svc": "error", "notify-svc": "connected"})
    );
    assert_eq!(
        json(gateway.get("/livez"), 200).await,
        json!({"status": "alive"})
    );
}
