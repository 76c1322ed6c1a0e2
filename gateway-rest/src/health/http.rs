//! Health over HTTP, without a key.

use std::time::Duration;

use ::http::StatusCode;
use axum::{Json, extract::State};
use futures_util::future::join;
use jiff::Timestamp;
use service_kit::grpc::client::Backend;
use tokio::time::timeout;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{Connection, DatabaseHealth, Health, Liveness, ServiceConnections};
use crate::api::App;

/// The longest a service may take to say that it is well.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Tells whether lesson-svc and notify-svc reach their database.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "health",
    operation_id = "get_health",
    responses(
        (status = 200, body = Health, description = "Both do"),
        (status = 503, body = Health, description = "At least one does not, or is away",
         example = json!({"status": "unhealthy", "database": "error",
                          "timestamp": "2026-01-16T12:00:00Z"})),
    )
)]
pub(crate) async fn health(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let health = Health::new(ask(&app).await, now(&app));
    (code(health.is_healthy()), Json(health))
}

/// The same for each service.
#[utoipa::path(
    get,
    path = "/api/v1/health/db",
    tag = "health",
    operation_id = "get_database_health",
    responses(
        (status = 200, body = DatabaseHealth, description = "Both reach their database"),
        (status = 503, body = DatabaseHealth, description = "At least one does not, or is away"),
    )
)]
pub(crate) async fn health_db(State(app): State<App>) -> (StatusCode, Json<DatabaseHealth>) {
    let health = DatabaseHealth::new(ask(&app).await, now(&app));
    (code(health.is_healthy()), Json(health))
}

/// Answers as long as this process does; asks nobody.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "health",
    operation_id = "get_liveness",
    responses((status = 200, body = Liveness, description = "This process lives"))
)]
pub(crate) async fn livez() -> Json<Liveness> {
    Json(Liveness { status: "alive" })
}

fn code(healthy: bool) -> StatusCode {
    if healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

fn now(app: &App) -> Timestamp {
    let now = app.clock.now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

async fn ask(app: &App) -> ServiceConnections {
    let (lesson, notify) = join(
        ask_one(&app.lesson, "olm.lesson.v1.LessonService"),
        ask_one(&app.notify, "olm.notify.v1.NotificationService"),
    )
    .await;
    ServiceConnections { lesson, notify }
}

/// A service's named health turns with its database; see `service_kit::health`.
async fn ask_one(backend: &Backend, service: &str) -> Connection {
    let mut client = HealthClient::new(backend.clone());
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    match timeout(PROBE_TIMEOUT, client.check(request)).await {
        Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => {
            Connection::Connected
        }
        Ok(Ok(_) | Err(_)) | Err(_) => Connection::Error,
    }
}
