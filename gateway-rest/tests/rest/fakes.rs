//! lesson-svc and notify-svc as the tests play them: behind the real server stack, so
//! that keys, policies and health are checked as in production.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::Timestamp;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        self as lesson,
        availability_service_server::{AvailabilityService, AvailabilityServiceServer},
        lesson_service_server::{LessonService, LessonServiceServer},
    },
    notify::v1::{
        self as notify,
        notification_service_server::{NotificationService, NotificationServiceServer},
    },
    timestamp,
};
use service_kit::{
    clock::SystemClock,
    config::Settings,
    grpc::server::{GrpcServer, acting_user},
    health::Health,
    keys::{ServiceKeys, digest_hex},
    shutdown::Shutdown,
    status::Refusal,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tonic::{Code, Request, Response, Status, service::Routes};
use uuid::Uuid;

/// The key that both services take from gateway-rest.
pub const BACKEND_KEY: &str = "the-gateways-own-key";

pub const LESSON: &str = "018f3c1a-7c5e-7d10-9a1b-000000000001";
pub const TEACHER: &str = "018f3c1a-7c5e-7d10-9a1b-000000000002";
pub const STUDENT: &str = "018f3c1a-7c5e-7d10-9a1b-000000000003";
pub const NOTIFICATION: &str = "018f3c1a-7c5e-7d10-9a1b-000000000004";

/// A service that remembers what it was asked and answers as it is told.
#[derive(Clone)]
pub struct Fake {
    pub address: SocketAddr,
    pub health: Health,
    pub shutdown: Shutdown,
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    calls: Vec<Call>,
    refusal: Option<Status>,
    gate: Option<Arc<Semaphore>>,
    bodies: HashMap<String, String>,
}

/// One call that came in.
#[derive(Debug, Clone)]
pub struct Call {
    pub acting_user: Option<Uuid>,
    pub traceparent: Option<String>,
    pub message: Message,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    Slots(lesson::ListSlotsRequest),
    Book(lesson::BookLessonRequest),
    Get(lesson::GetLessonRequest),
    List(lesson::ListLessonsRequest),
    Cancel(lesson::CancelLessonRequest),
    Notify(notify::CreateNotificationRequest),
    GetNotification(notify::GetNotificationRequest),
}

impl Fake {
    /// lesson-svc.
    pub async fn lesson() -> Self {
        Self::start(&["olm.lesson.v1.LessonService"], |fake| {
            Routes::new(LessonServiceServer::new(fake.clone()))
                .add_service(AvailabilityServiceServer::new(fake))
        })
        .await
    }

    /// notify-svc.
    pub async fn notify() -> Self {
        Self::start(&["olm.notify.v1.NotificationService"], |fake| {
            Routes::new(NotificationServiceServer::new(fake))
        })
        .await
    }

    async fn start(names: &'static [&'static str], routes: impl Fn(Self) -> Routes) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            address: listener.local_addr().unwrap(),
            health: Health::new(names).await,
            shutdown: Shutdown::manual(Duration::from_secs(1)),
            world: Arc::default(),
        };
        fake.health.set(true).await;
        let server = GrpcServer {
            domain: "olm.fake",
            keys: keys(),
            reflection: false,
            clock: SystemClock::shared(),
        };
        let (health, shutdown) = (fake.health.clone(), fake.shutdown.clone());
        tokio::spawn(server.serve(listener, routes(fake.clone()), health, shutdown));
        fake
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Every later call is refused so.
    pub fn refuse(&self, refusal: Refusal) {
        self.fail(refusal.into_status("olm.fake"));
    }

    /// Every later call ends so.
    pub fn fail(&self, status: Status) {
        self.world().refusal = Some(status);
    }

    /// Every later call waits until the gate has a permit for it.
    pub fn hold(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.world().gate = Some(gate.clone());
        gate
    }

    /// Everything that was asked.
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.clone()
    }

    /// The only call that came in.
    pub fn only_call(&self) -> Call {
        let calls = self.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls[0].clone()
    }

    async fn enter<T: Clone>(
        &self,
        request: &Request<T>,
        message: fn(T) -> Message,
    ) -> Result<T, Status> {
        let traceparent = request.metadata().get("traceparent");
        let call = Call {
            acting_user: acting_user(request),
            traceparent: traceparent.map(|value| value.to_str().unwrap().to_owned()),
            message: message(request.get_ref().clone()),
        };
        let (refusal, gate) = {
            let mut world = self.world();
            world.calls.push(call);
            (world.refusal.clone(), world.gate.clone())
        };
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        match refusal {
            Some(status) => Err(status),
            None => Ok(request.get_ref().clone()),
        }
    }

    /// True when the request is new; refused when its id came with another body.
    fn remember(&self, request_id: &str, body: String) -> Result<bool, Status> {
        let mut world = self.world();
        match world.bodies.get(request_id) {
            Some(first) if *first == body => Ok(false),
            Some(_) => Err(Refusal::new(
                Code::AlreadyExists,
                ErrorReason::RequestIdReused,
                "this request_id was used with another body",
            )
            .into_status("olm.fake")),
            None => {
                world.bodies.insert(request_id.to_owned(), body);
                Ok(true)
            }
        }
    }
}

fn keys() -> ServiceKeys {
    let key = format!("gateway-rest+act_as={}", digest_hex(BACKEND_KEY));
    let variables = HashMap::from([("FAKE_SERVICE_KEYS".to_owned(), key)]);
    let mut settings = Settings::from_map("FAKE", variables);
    let keys = ServiceKeys::read(&mut settings);
    assert_eq!(settings.finish(), Ok(()));
    keys
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn time(text: &str) -> prost_types::Timestamp {
    timestamp(at(text))
}

/// The lesson that every answer tells.
pub fn a_lesson() -> lesson::Lesson {
    lesson::Lesson {
        id: LESSON.to_owned(),
        teacher_id: TEACHER.to_owned(),
        teacher_name: "Anna".to_owned(),
        start_time: Some(time("2026-01-16T12:00:00Z")),
        end_time: Some(time("2026-01-16T13:00:00Z")),
        status: lesson::LessonStatus::Scheduled.into(),
        version: 3,
        schedule_version: 1,
        bookings: vec![lesson::Booking {
            id: NOTIFICATION.to_owned(),
            student_id: STUDENT.to_owned(),
            student_name: "Boris".to_owned(),
            status: lesson::BookingStatus::Confirmed.into(),
            version: 1,
        }],
        create_time: Some(time("2026-01-10T08:00:00.5Z")),
        cancel_reason: String::new(),
    }
}

fn a_notification(state: notify::NotificationState) -> notify::Notification {
    notify::Notification {
        id: NOTIFICATION.to_owned(),
        recipient_user_id: STUDENT.to_owned(),
        state: state.into(),
        lane: notify::Lane::Broadcast.into(),
        due_time: Some(time("2026-01-16T12:00:00Z")),
        expire_time: Some(time("2026-01-17T12:00:00Z")),
        kind: "custom".to_owned(),
        create_time: Some(time("2026-01-16T12:00:00Z")),
        state_time: Some(time("2026-01-16T12:00:00Z")),
        ..notify::Notification::default()
    }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl LessonService for Fake {
    async fn book_lesson(
        &self,
        request: Request<lesson::BookLessonRequest>,
    ) -> Reply<lesson::BookLessonResponse> {
        let user = acting_user(&request);
        let body = self.enter(&request, Message::Book).await?;
        self.remember(&body.request_id.clone(), format!("{user:?} {body:?}"))?;
        Ok(Response::new(lesson::BookLessonResponse {
            lesson: Some(a_lesson()),
        }))
    }

    async fn get_lesson(
        &self,
        request: Request<lesson::GetLessonRequest>,
    ) -> Reply<lesson::GetLessonResponse> {
        self.enter(&request, Message::Get).await?;
        Ok(Response::new(lesson::GetLessonResponse {
            lesson: Some(a_lesson()),
        }))
    }

    async fn list_lessons(
        &self,
        request: Request<lesson::ListLessonsRequest>,
    ) -> Reply<lesson::ListLessonsResponse> {
        self.enter(&request, Message::List).await?;
        Ok(Response::new(lesson::ListLessonsResponse {
            lessons: vec![a_lesson()],
            next_page_token: "next".to_owned(),
        }))
    }

    async fn cancel_lesson(
        &self,
        request: Request<lesson::CancelLessonRequest>,
    ) -> Reply<lesson::CancelLessonResponse> {
        let body = self.enter(&request, Message::Cancel).await?;
        Ok(Response::new(lesson::CancelLessonResponse {
            lesson: Some(lesson::Lesson {
                status: lesson::LessonStatus::Canceled.into(),
                cancel_reason: body.reason,
                version: body.expected_version + 1,
                ..a_lesson()
            }),
        }))
    }
}

#[tonic::async_trait]
impl AvailabilityService for Fake {
    async fn get_availability(
        &self,
        _request: Request<lesson::GetAvailabilityRequest>,
    ) -> Reply<lesson::GetAvailabilityResponse> {
        Err(Status::unimplemented("no endpoint asks for it"))
    }

    async fn set_weekly_rules(
        &self,
        _request: Request<lesson::SetWeeklyRulesRequest>,
    ) -> Reply<lesson::SetWeeklyRulesResponse> {
        Err(Status::unimplemented("no endpoint asks for it"))
    }

    async fn list_slots(
        &self,
        request: Request<lesson::ListSlotsRequest>,
    ) -> Reply<lesson::ListSlotsResponse> {
        self.enter(&request, Message::Slots).await?;
        Ok(Response::new(lesson::ListSlotsResponse {
            slots: vec![lesson::Slot {
                start_time: Some(time("2026-01-16T12:00:00Z")),
                end_time: Some(time("2026-01-16T13:00:00Z")),
            }],
            time_zone: "Europe/Berlin".to_owned(),
            truncated: true,
        }))
    }
}

#[tonic::async_trait]
impl NotificationService for Fake {
    async fn create_notification(
        &self,
        request: Request<notify::CreateNotificationRequest>,
    ) -> Reply<notify::CreateNotificationResponse> {
        let body = self.enter(&request, Message::Notify).await?;
        let created = self.remember(&body.request_id.clone(), format!("{body:?}"))?;
        // A repeat finds the notification in whatever state it has reached by then.
        let state = if created {
            notify::NotificationState::Pending
        } else {
            notify::NotificationState::Sent
        };
        Ok(Response::new(notify::CreateNotificationResponse {
            notification: Some(a_notification(state)),
            created,
        }))
    }

    async fn get_notification(
        &self,
        request: Request<notify::GetNotificationRequest>,
    ) -> Reply<notify::GetNotificationResponse> {
        self.enter(&request, Message::GetNotification).await?;
        Ok(Response::new(notify::GetNotificationResponse {
            notification: Some(notify::Notification {
                telegram_message_id: 77,
                attempt_no: 1,
                ..a_notification(notify::NotificationState::Sent)
            }),
        }))
    }

    async fn list_notifications(
        &self,
        _request: Request<notify::ListNotificationsRequest>,
    ) -> Reply<notify::ListNotificationsResponse> {
        Err(Status::unimplemented("no endpoint asks for it"))
    }

    async fn cancel_notification(
        &self,
        _request: Request<notify::CancelNotificationRequest>,
    ) -> Reply<notify::CancelNotificationResponse> {
        Err(Status::unimplemented("no endpoint asks for it"))
    }
}
