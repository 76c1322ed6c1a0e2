//! The standard gRPC health protocol (OLM-2): readiness under each service's name,
//! liveness under "".

pub mod probe;

use std::{future::Future, time::Duration};

use tokio::{task::JoinHandle, time};
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

use crate::shutdown::Shutdown;

/// How often readiness is asked, and how long an answer may take: a database that
/// goes away is seen within four seconds.
const PROBE_EVERY: Duration = Duration::from_secs(2);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// What health watchers are told.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
    services: &'static [&'static str],
    details: &'static [&'static str],
}

impl Health {
    /// All `services` are `NOT_SERVING` until the first probe; "" is alive.
    pub async fn new(services: &'static [&'static str]) -> Self {
        let health = Self {
            reporter: HealthReporter::new(),
            services,
            details: &[],
        };
        health.set(false).await;
        health
    }

    /// Has `details` told too: parts that readiness does not depend on. They serve until
    /// [`Health::set_detail`] says otherwise.
    #[must_use]
    pub async fn with_details(mut self, details: &'static [&'static str]) -> Self {
        self.details = details;
        for detail in details {
            self.set_detail(detail, true).await;
        }
        self
    }

    /// Tells whether one of the details serves.
    pub async fn set_detail(&self, detail: &'static str, serving: bool) {
        self.reporter
            .set_service_status(detail, status(serving))
            .await;
    }

    /// The names readiness is told under.
    #[must_use]
    pub fn services(&self) -> &'static [&'static str] {
        self.services
    }

    /// The gRPC service.
    #[must_use]
    pub fn server(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Sets all named services.
    pub async fn set(&self, ready: bool) {
        for service in self.services {
            self.reporter
                .set_service_status(service, status(ready))
                .await;
        }
    }

    /// Asks `probe` for readiness every two seconds until stopping begins; a probe
    /// that fails or hangs means not ready. Changes are logged with their cause.
    pub fn watch<P, F, E>(&self, probe: P, shutdown: &Shutdown) -> JoinHandle<()>
    where
        P: Fn() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send,
        E: std::error::Error,
    {
        let (health, shutdown) = (self.clone(), shutdown.clone());
        tokio::spawn(async move {
            let mut was_ready = None;
            let mut ticks = time::interval(PROBE_EVERY);
            ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = shutdown.stopping() => return,
                    _ = ticks.tick() => {}
                }
                let cause = match time::timeout(PROBE_TIMEOUT, probe()).await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(crate::status::chain(&error)),
                    Err(_) => Some("no answer in time".to_owned()),
                };
                let ready = cause.is_none();
                if was_ready != Some(ready) {
                    match cause {
                        None => tracing::info!("ready"),
                        Some(cause) => tracing::warn!(cause, "not ready"),
                    }
                    was_ready = Some(ready);
                }
                if !shutdown.is_stopping() {
                    health.set(ready).await;
                }
            }
        })
    }

    /// Tells watchers `NOT_SERVING`, then ends their streams, so that they do not hold
    /// the server open.
    pub async fn drain(&self) {
        self.set(false).await;
        let mut reporter = self.reporter.clone();
        reporter
            .set_service_status("", ServingStatus::NotServing)
            .await;
        for service in self.services.iter().chain(self.details) {
            reporter.clear_service_status(service).await;
        }
        reporter.clear_service_status("").await;
    }
}

fn status(serving: bool) -> ServingStatus {
    if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}
