//! Health (OLM-2, VIT-6): healthy means that both services reach their database.

pub(crate) mod http;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The health of the whole system.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    status: HealthStatus,
    database: Connection,
    /// When this was asked, whole seconds.
    #[schema(example = "2026-01-16T12:00:00Z")]
    timestamp: Timestamp,
}

/// The health of each service's database.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DatabaseHealth {
    status: HealthStatus,
    services: ServiceConnections,
    /// When this was asked, whole seconds.
    #[schema(example = "2026-01-16T12:00:00Z")]
    timestamp: Timestamp,
}

/// Whether all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HealthStatus {
    /// Every service reaches its database.
    Healthy,
    /// At least one does not, or does not answer.
    Unhealthy,
}

/// Whether a service reaches its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Connection {
    /// It does.
    Connected,
    /// It does not, or the service does not answer.
    Error,
}

/// What each service says.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct ServiceConnections {
    #[serde(rename = "lesson-svc")]
    pub(crate) lesson: Connection,
    #[serde(rename = "notify-svc")]
    pub(crate) notify: Connection,
}

/// This process lives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Liveness {
    /// Always `alive`.
    #[schema(example = "alive")]
    pub(crate) status: &'static str,
}

impl ServiceConnections {
    fn status(self) -> HealthStatus {
        match (self.lesson, self.notify) {
            (Connection::Connected, Connection::Connected) => HealthStatus::Healthy,
            (Connection::Error, _) | (_, Connection::Error) => HealthStatus::Unhealthy,
        }
    }
}

impl Health {
    pub(crate) fn new(services: ServiceConnections, timestamp: Timestamp) -> Self {
        let status = services.status();
        Self {
            status,
            database: match status {
                HealthStatus::Healthy => Connection::Connected,
                HealthStatus::Unhealthy => Connection::Error,
            },
            timestamp,
        }
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.status == HealthStatus::Healthy
    }
}

impl DatabaseHealth {
    pub(crate) fn new(services: ServiceConnections, timestamp: Timestamp) -> Self {
        Self {
            status: services.status(),
            services,
            timestamp,
        }
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.status == HealthStatus::Healthy
    }
}
