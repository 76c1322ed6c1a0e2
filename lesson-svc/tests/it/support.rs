//! A running service, people in it, and what tests ask again and again.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use jiff::Timestamp;
use lesson_svc::{Config, RunError, config::PREFIX};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AcceptInvitationRequest, BookLessonRequest, CreateInvitationRequest, CreateTeacherRequest,
        EraseUserRequest, Lesson, ListSlotsRequest, RegisterTelegramUserRequest, SetAdminRequest,
        SetWeeklyRulesRequest, TeacherPolicies, User, WeeklyRule,
        availability_service_client::AvailabilityServiceClient,
        calendar_service_client::CalendarServiceClient, change_service_client::ChangeServiceClient,
        group_service_client::GroupServiceClient,
        invitation_service_client::InvitationServiceClient,
        lesson_service_client::LessonServiceClient, series_service_client::SeriesServiceClient,
        teacher_service_client::TeacherServiceClient, user_service_client::UserServiceClient,
    },
};
use service_kit::{
    clock::ManualClock,
    config::Settings,
    grpc::{
        client::{Backend, BackendConfig, acting},
        tls::Authorities,
    },
    keys::digest_hex,
    shutdown::Shutdown,
    status,
};
use sqlx::{ConnectOptions as _, PgPool};
use tokio::{net::TcpListener, task::JoinHandle, time};
use tonic::Status;
use tonic_types::StatusExt as _;
use uuid::Uuid;

pub const KEY: &str = "a key for tests";
pub const BOT_KEY: &str = "a bot's key for tests";
pub const REST_KEY: &str = "a gateway's key for tests";
pub const INVITATION_SECRET: &str = "a secret of no less than 32 bytes";
pub const BOT: i64 = 4_200;
/// Nobody listens there.
pub const NO_NOTIFY: &str = "http://127.0.0.1:9";

/// A Monday.
pub fn monday() -> Timestamp {
    at("2026-06-01T00:00:00Z")
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn wire(text: &str) -> prost_types::Timestamp {
    olm_proto::timestamp(at(text))
}

pub fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

pub fn new_id() -> String {
    Uuid::new_v4().to_string()
}

/// One running lesson-svc.
pub struct Service {
    /// With the operator's key.
    pub backend: Backend,
    pub url: String,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), RunError>>,
}

impl Service {
    pub async fn start(pool: &PgPool, clock: Arc<ManualClock>, notify_url: &str) -> Self {
        let config = config(pool, notify_url);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = Shutdown::manual(Duration::from_secs(5));
        let task = tokio::spawn(lesson_svc::run(config, listener, shutdown.clone(), clock));
        Self {
            backend: backend(&url, KEY),
            url,
            shutdown,
            task,
        }
    }

    /// The service as a bot calls it.
    pub fn as_bot(&self) -> Backend {
        backend(&self.url, BOT_KEY)
    }

    /// The service as gateway-rest calls it.
    pub fn as_rest(&self) -> Backend {
        backend(&self.url, REST_KEY)
    }

    pub async fn stop(self) {
        self.shutdown.stop();
        self.task.await.unwrap().unwrap();
    }
}

fn backend(url: &str, key: &str) -> Backend {
    let backend = Backend::connect_lazy(&BackendConfig {
        service: "lesson-svc",
        url: url.parse().unwrap(),
        authorities: Authorities::default(),
        key: key.into(),
        timeout: Duration::from_secs(20),
    });
    backend.unwrap()
}

fn config(pool: &PgPool, notify_url: &str) -> Config {
    let database_url = pool.connect_options().to_url_lossy().to_string();
    let keys = [
        ("operator", KEY),
        ("bot-gateway", BOT_KEY),
        ("gateway-rest", REST_KEY),
    ];
    let keys = keys.map(|(caller, key)| format!("{caller}+act_as={}", digest_hex(key)));
    let variables = HashMap::from([
        ("LESSON_DATABASE_URL".to_owned(), database_url),
        ("LESSON_SERVICE_KEYS".to_owned(), keys.join(",")),
        (
            "LESSON_INVITATION_SECRET".to_owned(),
            INVITATION_SECRET.to_owned(),
        ),
        ("LESSON_NOTIFY_URL".to_owned(), notify_url.to_owned()),
        (
            "LESSON_NOTIFY_KEY".to_owned(),
            "a key for notify-svc".to_owned(),
        ),
        // A busy machine is no fault that these tests are about.
        ("LESSON_NOTIFY_TIMEOUT".to_owned(), "20".to_owned()),
        ("LESSON_DATABASE_PATIENCE".to_owned(), "10".to_owned()),
    ]);
    let mut settings = Settings::from_map(PREFIX, variables);
    let config = Config::read(&mut settings);
    settings.finish().unwrap();
    config
}

/// A service, the clock it reads, and its database.
pub struct World {
    pub service: Service,
    pub clock: Arc<ManualClock>,
    pub pool: PgPool,
}

impl World {
    pub async fn start(pool: PgPool) -> Self {
        Self::start_with_notify(pool, NO_NOTIFY).await
    }

    pub async fn start_with_notify(pool: PgPool, notify_url: &str) -> Self {
        let clock = ManualClock::new(monday());
        let service = Service::start(&pool, clock.clone(), notify_url).await;
        Self {
            service,
            clock,
            pool,
        }
    }

    pub async fn stop(self) {
        self.service.stop().await;
        self.pool.close().await;
    }

    pub fn users(&self) -> UserServiceClient<Backend> {
        UserServiceClient::new(self.service.backend.clone())
    }

    pub fn teachers(&self) -> TeacherServiceClient<Backend> {
        TeacherServiceClient::new(self.service.backend.clone())
    }

    pub fn availability(&self) -> AvailabilityServiceClient<Backend> {
        AvailabilityServiceClient::new(self.service.backend.clone())
    }

    pub fn invitations(&self) -> InvitationServiceClient<Backend> {
        InvitationServiceClient::new(self.service.backend.clone())
    }

    pub fn groups(&self) -> GroupServiceClient<Backend> {
        GroupServiceClient::new(self.service.backend.clone())
    }

    pub fn series(&self) -> SeriesServiceClient<Backend> {
        SeriesServiceClient::new(self.service.backend.clone())
    }

    pub fn calendars(&self) -> CalendarServiceClient<Backend> {
        CalendarServiceClient::new(self.service.backend.clone())
    }

    pub fn changes(&self) -> ChangeServiceClient<Backend> {
        ChangeServiceClient::new(self.service.backend.clone())
    }

    pub fn lessons(&self) -> LessonServiceClient<Backend> {
        LessonServiceClient::new(self.service.backend.clone())
    }

    pub async fn person(&self, telegram_id: i64, name: &str) -> User {
        let request = registration(telegram_id, name);
        let answer = self.users().register_telegram_user(request).await.unwrap();
        answer.into_inner().user.unwrap()
    }

    /// A teacher without notice who works from 09:00 to 18:00 UTC every day.
    pub async fn teacher(&self, telegram_id: i64, name: &str) -> Uuid {
        let policies = TeacherPolicies {
            min_notice: Some(seconds(0)),
            ..TeacherPolicies::default()
        };
        self.teacher_with(telegram_id, name, policies).await
    }

    pub async fn teacher_with(
        &self,
        telegram_id: i64,
        name: &str,
        policies: TeacherPolicies,
    ) -> Uuid {
        let teacher = id(&self.person(telegram_id, name).await);
        let create = CreateTeacherRequest {
            request_id: new_id(),
            policies: Some(policies),
        };
        let created = self
            .teachers()
            .create_teacher(acting(create, teacher))
            .await;
        created.unwrap();
        let rules = SetWeeklyRulesRequest {
            time_zone: "UTC".to_owned(),
            rules: (1..=7).map(|day| rule(day, "09:00", "18:00")).collect(),
            expected_version: 0,
        };
        let set = self
            .availability()
            .set_weekly_rules(acting(rules, teacher))
            .await;
        set.unwrap();
        teacher
    }

    pub async fn student(&self, telegram_id: i64) -> Uuid {
        id(&self.person(telegram_id, "Student").await)
    }

    /// A person whom an operator made an admin.
    pub async fn admin(&self, telegram_id: i64) -> Uuid {
        let admin = id(&self.person(telegram_id, "Admin").await);
        let request = SetAdminRequest {
            user_id: admin.to_string(),
            is_admin: true,
        };
        self.users().set_admin(request).await.unwrap();
        admin
    }

    /// Erases a person on their own wish; answers how many lessons were cancelled.
    pub async fn erase(&self, person: Uuid) -> Result<i32, Status> {
        let request = EraseUserRequest {
            user_id: person.to_string(),
        };
        let answer = self.users().erase_user(acting(request, person)).await?;
        Ok(answer.into_inner().canceled_lessons)
    }

    /// Makes a person a teacher's student, by an invitation for one.
    pub async fn befriend(&self, teacher: Uuid, student: Uuid) {
        let request = CreateInvitationRequest {
            request_id: new_id(),
            ..CreateInvitationRequest::default()
        };
        let mut invitations = self.invitations();
        let made = invitations.create_invitation(acting(request, teacher));
        let token = made.await.unwrap().into_inner().token;
        let request = AcceptInvitationRequest { token };
        let accepted = invitations.accept_invitation(acting(request, student));
        accepted.await.unwrap();
    }

    pub async fn book(&self, student: Uuid, teacher: Uuid, start: &str) -> Result<Lesson, Status> {
        let request = acting(booking(teacher, start), student);
        let answer = self.lessons().book_lesson(request).await?;
        Ok(answer.into_inner().lesson.unwrap())
    }

    /// Starts offered to `viewer`, as text.
    pub async fn slots(
        &self,
        teacher: Uuid,
        viewer: Option<Uuid>,
        from: &str,
        until: &str,
    ) -> Vec<String> {
        let message = ListSlotsRequest {
            teacher_id: teacher.to_string(),
            start_time: Some(wire(from)),
            end_time: Some(wire(until)),
            max_slots: 0,
            ..ListSlotsRequest::default()
        };
        let request = match viewer {
            Some(viewer) => acting(message, viewer),
            None => tonic::Request::new(message),
        };
        let answer = self.availability().list_slots(request).await.unwrap();
        let starts = answer
            .into_inner()
            .slots
            .into_iter()
            .map(|slot| slot.start_time.unwrap());
        starts
            .map(|start| olm_proto::instant(&start).unwrap().to_string())
            .collect()
    }

    pub async fn outbox_rows(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM lesson.outbox")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

pub fn registration(telegram_id: i64, name: &str) -> RegisterTelegramUserRequest {
    RegisterTelegramUserRequest {
        bot_id: BOT,
        telegram_user_id: telegram_id,
        chat_id: telegram_id,
        display_name: name.to_owned(),
        language_code: "en".to_owned(),
    }
}

pub fn booking(teacher: Uuid, start: &str) -> BookLessonRequest {
    BookLessonRequest {
        request_id: new_id(),
        teacher_id: teacher.to_string(),
        start_time: Some(wire(start)),
        ..BookLessonRequest::default()
    }
}

pub fn rule(day_of_week: i32, start: &str, end: &str) -> WeeklyRule {
    WeeklyRule {
        day_of_week,
        start_time_of_day: start.to_owned(),
        end_time_of_day: end.to_owned(),
        ..WeeklyRule::default()
    }
}

pub fn id(user: &User) -> Uuid {
    user.id.parse().unwrap()
}

/// The reason of a refusal.
pub fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> ErrorReason {
    let status = answer.unwrap_err();
    status::reason(&status).unwrap_or_else(|| panic!("{status:?} has no reason"))
}

/// A fact of a refusal.
pub fn metadata(status: &Status, key: &str) -> String {
    let info = status.get_details_error_info().unwrap();
    info.metadata.get(key).cloned().unwrap_or_default()
}

/// The fields a refusal names, sorted.
pub fn fields<T: std::fmt::Debug>(answer: Result<T, Status>) -> Vec<String> {
    let status = answer.unwrap_err();
    assert_eq!(
        status::reason(&status),
        Some(ErrorReason::InvalidFields),
        "{status:?}"
    );
    let details = status.get_details_bad_request().unwrap();
    let mut fields: Vec<_> = details
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect();
    fields.sort();
    fields
}

/// How many transactions wait for another one's locks.
pub async fn waiting(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND backend_type = 'client backend'
           AND wait_event_type = 'Lock'",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

/// Asks until the answer is yes.
pub async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let deadline = time::Instant::now() + Duration::from_secs(20);
    while !ask().await {
        assert!(time::Instant::now() < deadline, "{what}: not within 20 s");
        time::sleep(Duration::from_millis(20)).await;
    }
}
