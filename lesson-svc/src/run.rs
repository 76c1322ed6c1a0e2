//! The service as `main` and the tests start it.

use std::{io, time::Duration};

use olm_proto::lesson::v1::{
    availability_service_server::AvailabilityServiceServer,
    calendar_service_server::CalendarServiceServer, change_service_server::ChangeServiceServer,
    group_service_server::GroupServiceServer, invitation_service_server::InvitationServiceServer,
    lesson_service_server::LessonServiceServer, series_service_server::SeriesServiceServer,
    teacher_service_server::TeacherServiceServer, user_service_server::UserServiceServer,
};
use service_kit::{
    clock::SharedClock,
    database,
    grpc::{
        client::Backend,
        server::{GrpcServer, MAX_MESSAGE_BYTES},
    },
    health::Health,
    shutdown::Shutdown,
};
use tokio::net::TcpListener;
use tonic::service::Routes;

use crate::{
    MIGRATOR,
    availability::grpc::Availabilities,
    calendars::grpc::Calendars,
    config::Config,
    errors::DOMAIN,
    groups::grpc::Groups,
    invitations::grpc::Invitations,
    lessons::{grpc::Lessons, lapsing, reconfirming},
    outbox::{Wake, figures, relay::Relay},
    series::{clocks, grpc::SeriesCalls, materialising},
    state::State,
    teachers::grpc::Teachers,
    users::grpc::Users,
    watching::{Watchers, grpc::Watching, retention, tail, wakeups},
};

/// What health knows: one name per service of the contract.
const SERVICES: &[&str] = &[
    "olm.lesson.v1.AvailabilityService",
    "olm.lesson.v1.CalendarService",
    "olm.lesson.v1.ChangeService",
    "olm.lesson.v1.GroupService",
    "olm.lesson.v1.InvitationService",
    "olm.lesson.v1.LessonService",
    "olm.lesson.v1.SeriesService",
    "olm.lesson.v1.TeacherService",
    "olm.lesson.v1.UserService",
];

/// How long closing the database's connections may take; they are cut after it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the service could not run, or ended before it was stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database's URL cannot be used.
    #[error("the database cannot be used")]
    Database(#[from] sqlx::Error),
    /// notify-svc's address cannot be used.
    #[error("notify-svc's address cannot be used")]
    Notify(#[from] tonic::transport::Error),
    /// The server failed.
    #[error("the server failed")]
    Serve(#[from] io::Error),
}

/// Serves lesson-svc on `listener` until stopping begins. It starts without its
/// database and without notify-svc, and never migrates: it is `NOT_SERVING` until the
/// database answers and has every migration of this build.
///
/// # Errors
///
/// [`RunError`].
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: Shutdown,
    clock: SharedClock,
) -> Result<(), RunError> {
    let pool = config.database.pool()?;
    let notify = Backend::connect_lazy(&config.notify)?;
    let health = Health::new(SERVICES).await;
    let wake = Wake::default();
    let relay = Relay::new(pool.clone(), notify, wake.clone(), config.notify.timeout);
    let probe_pool = config.database.probe()?;
    let probe = health.watch(
        move || {
            let pool = probe_pool.clone();
            async move { database::ready(&pool, &MIGRATOR).await }
        },
        &shutdown,
    );
    let state = State {
        pool: pool.clone(),
        clock: clock.clone(),
        defaults: config.defaults,
        tokens: config.tokens,
        wake,
        watchers: Watchers::new(config.watchers, shutdown.clone()),
    };
    let grpc = GrpcServer {
        domain: DOMAIN,
        keys: config.keys,
        reflection: config.reflection,
        clock,
    };
    let (outcome, ..) = tokio::join!(
        async {
            let outcome = grpc
                .serve(listener, routes(&state), health, shutdown.clone())
                .await;
            // A server that failed takes the jobs with it.
            shutdown.stop();
            outcome
        },
        shutdown.drained(relay.run(shutdown.clone())),
        shutdown.drained(figures::run(pool.clone(), shutdown.clone())),
        shutdown.drained(lapsing::run(state.clone(), shutdown.clone())),
        shutdown.drained(watch(state.clone(), shutdown.clone())),
        shutdown.drained(materialising::run(state.clone(), shutdown.clone())),
        shutdown.drained(reconfirming::run(state.clone(), shutdown.clone())),
        shutdown.drained(clocks::run(state.clone(), shutdown.clone())),
    );
    probe.abort();
    if tokio::time::timeout(CLOSE_TIMEOUT, pool.close())
        .await
        .is_err()
    {
        tracing::warn!("connections still in use were cut");
    }
    Ok(outcome?)
}

/// What watchers need besides their streams.
async fn watch(state: State, shutdown: Shutdown) {
    tokio::join!(
        tail::run(state.clone(), shutdown.clone()),
        wakeups::announce(state.clone(), shutdown.clone()),
        wakeups::listen(state.clone(), shutdown.clone()),
        retention::run(state, shutdown),
    );
}

fn routes(state: &State) -> Routes {
    Routes::new(
        AvailabilityServiceServer::new(Availabilities(state.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
    .add_service(
        CalendarServiceServer::new(Calendars(state.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
    .add_service(
        ChangeServiceServer::new(Watching(state.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
    .add_service(
        GroupServiceServer::new(Groups(state.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
    .add_service(
        InvitationServiceServer::new(Invitations(state.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
    .add_service(
        LessonServiceServer::new(Lessons(state.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
    .add_service(
        SeriesServiceServer::new(SeriesCalls(state.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
    .add_service(
        TeacherServiceServer::new(Teachers(state.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
    .add_service(
        UserServiceServer::new(Users(state.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
}
