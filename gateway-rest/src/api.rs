//! The router: every route, its state, and what stands around all of them.

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use axum::{Router, extract::DefaultBodyLimit, middleware};
use http::{HeaderName, Method, header};
use olm_proto::{
    lesson::v1::{
        availability_service_client::AvailabilityServiceClient,
        calendar_service_client::CalendarServiceClient, group_service_client::GroupServiceClient,
        invitation_service_client::InvitationServiceClient,
        lesson_service_client::LessonServiceClient, series_service_client::SeriesServiceClient,
        teacher_service_client::TeacherServiceClient, user_service_client::UserServiceClient,
    },
    notify::v1::{
        notification_service_client::NotificationServiceClient,
        polling_service_client::PollingServiceClient,
    },
};
use service_kit::{
    clock::SharedClock, grpc::client::Backend, keys::ServiceKeys, shutdown::Shutdown,
};
use tokio::sync::Semaphore;
use tower_http::cors::CorsLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Config, availability, calendars, callers, docs, events, groups, health, idempotency,
    invitations, lessons, notifications, observe, openapi, people, polling, problem, series, slots,
    teachers,
};

/// How long a browser may remember what a page is allowed.
const CORS_MAX_AGE: Duration = Duration::from_mins(10);

/// What handlers need; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) lesson: Backend,
    pub(crate) notify: Backend,
    pub(crate) keys: ServiceKeys,
    pub(crate) clock: SharedClock,
    pub(crate) request_timeout: Duration,
    /// One permit for each request that is worked on.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) watching: Arc<Watching>,
}

/// What those who watch events need.
#[derive(Debug)]
pub(crate) struct Watching {
    /// One for each watcher.
    pub(crate) places: Arc<Semaphore>,
    /// lesson-svc over connections of their own, taken in turn.
    pub(crate) backends: Vec<Backend>,
    pub(crate) turn: AtomicUsize,
    /// Ends them.
    pub(crate) shutdown: Shutdown,
}

/// How many watch over one connection: HTTP/2 servers take about a thousand streams.
const WATCHERS_PER_CONNECTION: usize = 500;

impl Watching {
    fn new(config: &Config, shutdown: Shutdown) -> Result<Self, tonic::transport::Error> {
        let connections = config.watchers.div_ceil(WATCHERS_PER_CONNECTION);
        let backend = || Ok(Backend::connect_lazy(&config.lesson)?.logged());
        let backends = (0..connections).map(|_| backend());
        Ok(Self {
            places: Arc::new(Semaphore::new(config.watchers)),
            backends: backends.collect::<Result<_, _>>()?,
            turn: AtomicUsize::new(0),
            shutdown,
        })
    }
}

impl App {
    /// The state for `config`; watchers end with `shutdown`.
    ///
    /// # Errors
    ///
    /// When the system's certificates cannot be used.
    pub(crate) fn new(
        config: &Config,
        clock: SharedClock,
        shutdown: Shutdown,
    ) -> Result<Self, tonic::transport::Error> {
        Ok(Self {
            lesson: Backend::connect_lazy(&config.lesson)?.logged(),
            notify: Backend::connect_lazy(&config.notify)?.logged(),
            keys: config.keys.clone(),
            clock,
            request_timeout: config.request_timeout,
            permits: Arc::new(Semaphore::new(config.max_requests)),
            watching: Arc::new(Watching::new(config, shutdown)?),
        })
    }

    /// Calls of lesson-svc about lessons.
    pub(crate) fn lessons(&self) -> LessonServiceClient<Backend> {
        LessonServiceClient::new(self.lesson.clone())
    }

    /// Calls of lesson-svc about availability.
    pub(crate) fn availability(&self) -> AvailabilityServiceClient<Backend> {
        AvailabilityServiceClient::new(self.lesson.clone())
    }

    /// Calls of lesson-svc about people.
    pub(crate) fn users(&self) -> UserServiceClient<Backend> {
        UserServiceClient::new(self.lesson.clone())
    }

    /// Calls of lesson-svc about teachers and their students.
    pub(crate) fn teachers(&self) -> TeacherServiceClient<Backend> {
        TeacherServiceClient::new(self.lesson.clone())
    }

    /// Calls of lesson-svc about invitations.
    pub(crate) fn invitations(&self) -> InvitationServiceClient<Backend> {
        InvitationServiceClient::new(self.lesson.clone())
    }

    /// Calls of notify-svc about notifications.
    pub(crate) fn notifications(&self) -> NotificationServiceClient<Backend> {
        NotificationServiceClient::new(self.notify.clone())
    }

    /// Calls of notify-svc for bots that poll.
    pub(crate) fn polling(&self) -> PollingServiceClient<Backend> {
        PollingServiceClient::new(self.notify.clone())
    }

    /// Calls of lesson-svc about series.
    pub(crate) fn series(&self) -> SeriesServiceClient<Backend> {
        SeriesServiceClient::new(self.lesson.clone())
    }

    /// Calls of lesson-svc about groups.
    pub(crate) fn groups(&self) -> GroupServiceClient<Backend> {
        GroupServiceClient::new(self.lesson.clone())
    }

    /// Calls of lesson-svc about calendars outside.
    pub(crate) fn calendars(&self) -> CalendarServiceClient<Backend> {
        CalendarServiceClient::new(self.lesson.clone())
    }
}

/// Everything that is served. From the outside in: span and log line, CORS, then
/// (liveness excepted) the limits, then the route.
pub(crate) fn router(app: App, config: &Config) -> Router {
    let guarded = OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(health::http::health))
        .routes(routes!(health::http::health_db))
        .merge(people::http::routes())
        .merge(teachers::http::routes())
        .merge(teachers::students::routes())
        .merge(invitations::http::routes())
        .merge(availability::http::routes())
        .merge(availability::time_off::routes())
        .routes(routes!(slots::http::list))
        .merge(lessons::http::routes())
        .merge(lessons::changing::routes())
        .merge(lessons::deliveries::routes())
        .merge(lessons::history::routes())
        .merge(lessons::seats::routes())
        .merge(series::http::routes())
        .merge(series::changing::routes())
        .merge(groups::http::routes())
        .merge(groups::members::routes())
        .merge(calendars::http::routes())
        .merge(notifications::http::routes())
        .merge(polling::http::routes())
        .layer(middleware::from_fn_with_state(app.clone(), observe::guard));
    let (router, document) = guarded
        .routes(routes!(health::http::livez))
        // Lasts as long as its caller; its limits are its own.
        .merge(events::http::routes())
        .split_for_parts();
    router
        .merge(docs::router(&openapi::finish(document)))
        .fallback(problem::http::unknown_route)
        .method_not_allowed_fallback(problem::http::method_not_allowed)
        .layer(DefaultBodyLimit::max(config.body_limit))
        .layer(cors(config))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            observe::observe,
        ))
        .with_state(app)
}

/// Exact origins only (OLM-7), the methods that are served, and the headers that
/// callers send and read.
fn cors(config: &Config) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(
            config
                .origins
                .iter()
                .map(crate::Origin::header)
                .collect::<Vec<_>>(),
        )
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::CONTENT_TYPE,
            header::IF_MATCH,
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static(callers::SERVICE_KEY),
            HeaderName::from_static(callers::ACTING_USER),
            HeaderName::from_static(idempotency::IDEMPOTENCY_KEY),
            HeaderName::from_static(service_kit::telemetry::TRACEPARENT),
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            HeaderName::from_static(observe::TRACE_ID),
        ])
        .max_age(CORS_MAX_AGE)
}
