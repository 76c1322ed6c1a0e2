//! lesson-svc and notify-svc as the tests play them: behind the real server stack, so
//! that keys, policies and health are checked as in production.

mod changes;
mod lesson;
mod many;
mod notify;

pub use self::{
    changes::{Heard, changed},
    lesson::{a_lesson, a_teacher, a_user, an_availability},
    many::{a_group, a_group_lesson, an_entry},
    notify::a_notification,
};

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt::Debug,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::Timestamp;
use olm_proto::{DESCRIPTORS, common::v1::ErrorReason, timestamp};
use prost::Message;
use prost_reflect::DynamicMessage;
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
pub const BOOKING: &str = "018f3c1a-7c5e-7d10-9a1b-000000000005";
pub const INVITATION: &str = "018f3c1a-7c5e-7d10-9a1b-000000000006";
pub const TIME_OFF: &str = "018f3c1a-7c5e-7d10-9a1b-000000000007";
pub const SERIES: &str = "018f3c1a-7c5e-7d10-9a1b-000000000008";
pub const GROUP: &str = "018f3c1a-7c5e-7d10-9a1b-000000000009";
pub const FEED: &str = "018f3c1a-7c5e-7d10-9a1b-00000000000a";
/// As an invitation's link carries it.
pub const TOKEN: &str = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";

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
    answers: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

/// One call that came in.
#[derive(Debug, Clone)]
pub struct Call {
    pub acting_user: Option<Uuid>,
    pub traceparent: Option<String>,
    /// The request message's name, with its package.
    pub asked: String,
    bytes: Vec<u8>,
}

impl Call {
    /// What was asked, which must be of this type.
    pub fn message<T: Message + Default>(&self) -> T {
        let name = type_name::<T>().rsplit("::").next().unwrap();
        let asked = self.asked.rsplit('.').next().unwrap();
        assert_eq!(asked, name);
        T::decode(&*self.bytes).unwrap()
    }

    /// What was asked, whatever it is.
    pub fn reflect(&self) -> DynamicMessage {
        let descriptor = DESCRIPTORS.get_message_by_name(&self.asked).unwrap();
        DynamicMessage::decode(descriptor, &*self.bytes).unwrap()
    }
}

type Reply<T> = Result<Response<T>, Status>;

impl Fake {
    /// lesson-svc.
    pub async fn lesson() -> Self {
        let fake = Self::start(&["olm.lesson.v1.LessonService"], lesson::routes).await;
        lesson::answers(&fake);
        many::answers(&fake);
        fake
    }

    /// notify-svc.
    pub async fn notify() -> Self {
        let fake = Self::start(&["olm.notify.v1.NotificationService"], notify::routes).await;
        notify::answers(&fake);
        fake
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

    /// Every later call of the RPC with this response is answered so.
    pub fn answer<A: Any + Send + Sync>(&self, answer: A) {
        let answer = Arc::new(answer);
        self.world().answers.insert(TypeId::of::<A>(), answer);
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

    /// What the only call that came in asked.
    pub fn asked<T: Message + Default>(&self) -> T {
        self.only_call().message()
    }

    /// Notes the call `asked` of `package`, then waits, refuses or lets it through.
    async fn enter<T: Message>(
        &self,
        package: &str,
        asked: &str,
        request: &Request<T>,
    ) -> Result<Call, Status> {
        let traceparent = request.metadata().get("traceparent");
        let call = Call {
            acting_user: acting_user(request),
            traceparent: traceparent.map(|value| value.to_str().unwrap().to_owned()),
            asked: format!("{package}.{asked}"),
            bytes: request.get_ref().encode_to_vec(),
        };
        let (refusal, gate) = {
            let mut world = self.world();
            world.calls.push(call.clone());
            (world.refusal.clone(), world.gate.clone())
        };
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        refusal.map_or(Ok(call), Err)
    }

    /// The answer that was set for this type.
    fn told<A: Any + Clone>(&self) -> Response<A> {
        let answer = self.world().answers.get(&TypeId::of::<A>()).cloned();
        let answer = answer.expect("every RPC has an answer");
        Response::new(answer.downcast_ref::<A>().unwrap().clone())
    }

    /// Refuses a request whose id came with another body or for another person.
    fn keep(&self, call: &Call) -> Result<(), Status> {
        let id = call.reflect();
        match id.get_field_by_name("request_id") {
            Some(id) => {
                let body = (call.acting_user, &call.bytes);
                self.remember(id.as_str().unwrap(), &body).map(drop)
            }
            None => Ok(()),
        }
    }

    /// True when the request is new; refused when its id came with another body.
    fn remember(&self, request_id: &str, body: &impl Debug) -> Result<bool, Status> {
        let body = format!("{body:?}");
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
