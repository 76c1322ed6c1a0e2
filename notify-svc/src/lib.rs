//! notify-svc: what to tell whom and when, the queue, outcomes and reachability. It
//! knows no booking rules and renders no text.

use std::{io, sync::Arc, time::Duration};

use olm_proto::notify::v1::{
    delivery_service_server::DeliveryServiceServer, dispatch_service_server::DispatchServiceServer,
    lesson_plan_service_server::LessonPlanServiceServer,
    notification_service_server::NotificationServiceServer,
    polling_service_server::PollingServiceServer, recipient_service_server::RecipientServiceServer,
};
use service_kit::{
    clock::SharedClock,
    database,
    grpc::server::{GrpcServer, MAX_MESSAGE_BYTES},
    health::Health,
    shutdown::Shutdown,
};
use sqlx::{PgPool, migrate::Migrator};
use tokio::{net::TcpListener, time::timeout};
use tonic::service::Routes;
use uuid::Uuid;

pub mod config;
pub mod delivery;
pub mod dispatch;
pub mod errors;
pub mod lesson_plans;
pub mod metrics;
pub mod notifications;
pub mod polling;
pub mod recipients;
pub mod retention;
pub mod series_plans;
pub mod sweep;
pub mod wakeups;
pub mod webhooks;

pub use config::Config;

use config::Pace;
use retention::Kept;
use wakeups::Wakeups;
use webhooks::Webhooks;

/// The migrations of schema `notify`, its log of them included.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations/notify");

/// How long background work and connections may take to end; they are cut after it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The services whose readiness is told.
const SERVICES: &[&str] = &[
    "olm.notify.v1.DeliveryService",
    "olm.notify.v1.DispatchService",
    "olm.notify.v1.LessonPlanService",
    "olm.notify.v1.NotificationService",
    "olm.notify.v1.PollingService",
    "olm.notify.v1.RecipientService",
];

/// What every part of a replica shares.
#[derive(Debug, Clone)]
pub struct App {
    /// The schema `notify`.
    pub pool: PgPool,
    /// For rules; what is due or expired is the database's to say.
    pub clock: SharedClock,
    /// Tells dispatchers, here and on other replicas, that rows came.
    pub wakeups: Arc<Wakeups>,
    /// Intervals and waits.
    pub pace: Pace,
    /// How long what has ended is kept.
    pub kept: Kept,
    /// Where clients are told of ends.
    pub webhooks: Arc<Webhooks>,
    /// When to stop.
    pub shutdown: Shutdown,
}

/// Serves until `shutdown`. Starts without its database and is not ready then; never
/// migrates.
///
/// # Errors
///
/// When the database's URL cannot be used or the transport fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: Shutdown,
    clock: SharedClock,
) -> io::Result<()> {
    let pool = config
        .database
        .checked_pool(|conn| Box::pin(delivery::store::check_database(conn)))
        .map_err(io::Error::other)?;
    let app = App {
        pool: pool.clone(),
        clock: clock.clone(),
        wakeups: Arc::new(Wakeups::new(Uuid::new_v4())),
        pace: config.pace,
        kept: config.kept,
        webhooks: Arc::new(config.webhooks),
        shutdown: shutdown.clone(),
    };
    let health = Health::new(SERVICES).await;
    let probe = {
        let pool = config.database.probe().map_err(io::Error::other)?;
        move || {
            let pool = pool.clone();
            async move { database::ready(&pool, &MIGRATOR).await }
        }
    };
    let background = [
        health.watch(probe, &shutdown),
        tokio::spawn(sweep::run(app.clone())),
        tokio::spawn(retention::run(app.clone())),
        tokio::spawn(metrics::queue::run(app.clone())),
        tokio::spawn(wakeups::announce(app.clone())),
        tokio::spawn(wakeups::listen(app.clone())),
        tokio::spawn(webhooks::worker::run(app.clone())),
    ];
    let grpc = GrpcServer {
        domain: errors::DOMAIN,
        keys: config.service_keys,
        reflection: config.reflection,
        clock,
    };
    let served = grpc
        .serve(listener, routes(&app), health, shutdown.clone())
        .await;
    // A transport that failed stops the rest too.
    shutdown.stop();
    for mut task in background {
        // Background work ends on the stop token, unless the database has it wait; a
        // panic in it was logged by its hook.
        if timeout(CLOSE_TIMEOUT, &mut task).await.is_err() {
            task.abort();
        }
    }
    // Streams cut at the deadline may still hold connections: not waited for longer.
    let _ = timeout(CLOSE_TIMEOUT, pool.close()).await;
    served
}

fn routes(app: &App) -> Routes {
    let limit = MAX_MESSAGE_BYTES;
    let notifications = notifications::grpc::Service::new(app.clone());
    let recipients = recipients::grpc::Service::new(app.clone());
    let plans = lesson_plans::grpc::Service::new(app.clone());
    let polling = polling::grpc::Service::new(app.clone());
    let dispatch = dispatch::grpc::Service::new(app.clone());
    let delivery = delivery::grpc::Service::new(app.clone());
    Routes::new(NotificationServiceServer::new(notifications).max_decoding_message_size(limit))
        .add_service(RecipientServiceServer::new(recipients).max_decoding_message_size(limit))
        .add_service(LessonPlanServiceServer::new(plans).max_decoding_message_size(limit))
        .add_service(PollingServiceServer::new(polling).max_decoding_message_size(limit))
        .add_service(DispatchServiceServer::new(dispatch).max_decoding_message_size(limit))
        .add_service(DeliveryServiceServer::new(delivery).max_decoding_message_size(limit))
}
