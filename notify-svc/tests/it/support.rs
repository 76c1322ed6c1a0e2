//! A service to talk to, its clients, and a gateway that does what a test says.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    net::SocketAddr,
    time::Duration,
};

use notify_svc::Config;
use olm_proto::notify::v1::{
    AttemptRef, AttemptResult, CreateNotificationRequest, Credit, Deliver, DispatchRequest,
    DispatchResponse, Hello, JournalEntry, JournalReport, Lane, LessonSnapshot, Outcome, Own,
    Owned, PutRecipientRequest, Recipient, Release, Renew, Sent, SeriesSnapshot, Spent,
    SyncLessonRequest, SyncSeriesRequest, create_notification_request::Recipient as To,
    delivery_service_client::DeliveryServiceClient, dispatch_request::Message as Say,
    dispatch_response::Message as Heard, dispatch_service_client::DispatchServiceClient,
    lesson_plan_service_client::LessonPlanServiceClient,
    notification_service_client::NotificationServiceClient, outcome::Kind,
    polling_service_client::PollingServiceClient, recipient_service_client::RecipientServiceClient,
};
use service_kit::{clock::SystemClock, config::Settings, keys::digest_hex, shutdown::Shutdown};
use sqlx::{ConnectOptions as _, PgPool};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Status, Streaming, service::interceptor::InterceptedService, transport::Channel,
};
use uuid::Uuid;

mod lessons;
mod receiver;
mod series;
mod stored;

pub use receiver::{Post, Receiver, Reply};
pub use series::{series, series_notice};
pub use stored::{listening, now, state};

pub use lessons::{canceled, changed, lesson, moved, notice, reminders, rows, told};

pub const BOT: i64 = 4242;
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A replica on a free port.
pub struct Service {
    pub address: SocketAddr,
    pub shutdown: Shutdown,
    pub task: JoinHandle<std::io::Result<()>>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shutdown.stop();
    }
}

/// Starts a replica with short intervals; `settings` override them.
pub async fn start(pool: &PgPool, settings: &[(&str, &str)]) -> Service {
    let key = |caller: &str| format!("{caller}={}", digest_hex(caller));
    let keys = [
        key("lesson-svc"),
        key("operator"),
        format!("gateway-rest+act_as={}", digest_hex("gateway-rest")),
        format!("bot-gateway+act_as={}", digest_hex("bot-gateway")),
    ];
    let mut variables = HashMap::from([
        (
            "DATABASE_URL",
            pool.connect_options().to_url_lossy().to_string(),
        ),
        ("SERVICE_KEYS", keys.join(",")),
        ("DATABASE_POOL", "6".to_owned()),
        // A busy machine is no fault that these tests are about.
        ("DATABASE_PATIENCE", "20".to_owned()),
        ("SWEEP_INTERVAL", "0.1".to_owned()),
        ("OWNER_TTL", "60".to_owned()),
        ("DRAIN", "2".to_owned()),
        ("BACKOFF_SHORTEST", "0.01".to_owned()),
        ("REFUSED_SPREAD", "0.1".to_owned()),
    ]);
    variables.extend(
        settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    let variables = variables
        .into_iter()
        .map(|(name, value)| (format!("NOTIFY_{name}"), value))
        .collect();
    let mut settings = Settings::from_map("NOTIFY", variables);
    let config = Config::read(&mut settings);
    settings.finish().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::manual(config.drain);
    let run = notify_svc::run(config, listener, shutdown.clone(), SystemClock::shared());
    Service {
        address,
        shutdown,
        task: tokio::spawn(run),
    }
}

#[derive(Clone)]
pub struct Keyed {
    caller: &'static str,
    acting: Option<Uuid>,
}

impl tonic::service::Interceptor for Keyed {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert("x-service-key", self.caller.parse().unwrap());
        if let Some(user) = self.acting {
            metadata.insert("x-acting-user", user.to_string().parse().unwrap());
        }
        Ok(request)
    }
}

type Keyring = InterceptedService<Channel, Keyed>;

impl Service {
    pub fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address))
            .unwrap()
            .connect_lazy()
    }

    fn keyed(&self, caller: &'static str, acting: Option<Uuid>) -> Keyring {
        InterceptedService::new(self.channel(), Keyed { caller, acting })
    }

    pub fn notifications(&self, caller: &'static str) -> NotificationServiceClient<Keyring> {
        NotificationServiceClient::new(self.keyed(caller, None))
    }

    pub fn notifications_of(&self, user: Uuid) -> NotificationServiceClient<Keyring> {
        NotificationServiceClient::new(self.keyed("gateway-rest", Some(user)))
    }

    pub fn polling(&self) -> PollingServiceClient<Keyring> {
        PollingServiceClient::new(self.keyed("gateway-rest", None))
    }

    pub fn delivery(&self, caller: &'static str) -> DeliveryServiceClient<Keyring> {
        DeliveryServiceClient::new(self.keyed(caller, None))
    }

    pub fn recipients(&self) -> RecipientServiceClient<Keyring> {
        RecipientServiceClient::new(self.keyed("lesson-svc", None))
    }

    pub async fn put(&self, recipient: Recipient) -> i64 {
        let request = PutRecipientRequest {
            recipient: Some(recipient),
        };
        let put = self.recipients().put_recipient(request).await;
        put.unwrap().into_inner().version
    }

    pub async fn sync(&self, lesson: LessonSnapshot) -> i64 {
        let request = SyncLessonRequest {
            lesson: Some(lesson),
        };
        let mut client = LessonPlanServiceClient::new(self.keyed("lesson-svc", None));
        client
            .sync_lesson(request)
            .await
            .unwrap()
            .into_inner()
            .version
    }

    pub async fn sync_series(&self, series: SeriesSnapshot) -> Result<i64, Status> {
        let request = SyncSeriesRequest {
            series: Some(series),
        };
        let mut client = LessonPlanServiceClient::new(self.keyed("lesson-svc", None));
        let synced = client.sync_series(request).await?;
        Ok(synced.into_inner().version)
    }

    /// Accepts a custom text to a user; the notification's id.
    pub async fn tell(&self, user: Uuid, text: &str) -> Uuid {
        self.tell_with(custom(user, text)).await
    }

    pub async fn tell_with(&self, request: CreateNotificationRequest) -> Uuid {
        let created = self
            .notifications("gateway-rest")
            .create_notification(request)
            .await;
        let created = created.unwrap().into_inner().notification.unwrap();
        created.id.parse().unwrap()
    }

    /// Stops the replica; whether it ended by itself in time.
    pub async fn stop(mut self) -> bool {
        self.shutdown.stop();
        let task = std::mem::replace(&mut self.task, tokio::spawn(async { Ok(()) }));
        matches!(timeout(PATIENCE, task).await, Ok(Ok(Ok(()))))
    }
}

pub fn custom(user: Uuid, text: &str) -> CreateNotificationRequest {
    CreateNotificationRequest {
        request_id: Uuid::new_v4().to_string(),
        recipient: Some(To::UserId(user.to_string())),
        text: text.to_owned(),
        ..CreateNotificationRequest::default()
    }
}

/// A person with one reminder an hour before.
pub fn person(user: Uuid, name: &str, chat_id: i64) -> Recipient {
    Recipient {
        user_id: user.to_string(),
        version: 1,
        display_name: name.to_owned(),
        language: "ru".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        reminder_leads: vec![seconds(3600)],
        bot_id: BOT,
        chat_id,
        ..Recipient::default()
    }
}

pub fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

/// Polls until `look` answers `wanted`.
pub async fn eventually<T, F>(wanted: T, mut look: impl FnMut() -> F)
where
    T: PartialEq + std::fmt::Debug,
    F: Future<Output = T>,
{
    let mut last = None;
    let polled = timeout(PATIENCE, async {
        loop {
            let seen = look().await;
            if seen == wanted {
                return;
            }
            last = Some(seen);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(polled.await.is_ok(), "wanted {wanted:?}, last saw {last:?}");
}

/// One stream of a gateway.
pub struct Gateway {
    say: mpsc::Sender<DispatchRequest>,
    heard: Streaming<DispatchResponse>,
    /// Rows that came while something else was waited for.
    waiting: VecDeque<Deliver>,
}

impl Gateway {
    pub async fn connect(service: &Service, id: Uuid) -> Self {
        let (say, saying) = mpsc::channel(64);
        let mut client = DispatchServiceClient::new(service.keyed("bot-gateway", None));
        let gateway_id = id.to_string();
        let hello = Say::Hello(Hello { gateway_id });
        say.send(DispatchRequest {
            message: Some(hello),
        })
        .await
        .unwrap();
        let heard = client
            .dispatch(ReceiverStream::new(saying))
            .await
            .unwrap()
            .into_inner();
        Self {
            say,
            heard,
            waiting: VecDeque::new(),
        }
    }

    /// Connects, owns [`BOT`] with nothing in flight, and gives ample credit.
    pub async fn ready(service: &Service) -> Self {
        let mut gateway = Self::connect(service, Uuid::new_v4()).await;
        let owned = gateway.own().await;
        assert_eq!(owned.in_flight, []);
        gateway.report(Vec::new()).await;
        gateway.credit(100).await;
        gateway
    }

    pub async fn say(&self, message: Say) {
        let request = DispatchRequest {
            message: Some(message),
        };
        self.say.send(request).await.unwrap();
    }

    pub async fn own(&mut self) -> Owned {
        self.say(Say::Own(Own { bot_id: BOT })).await;
        match self.hear().await {
            Some(Heard::Owned(owned)) => owned,
            other => panic!("not owned: {other:?}"),
        }
    }

    /// Owns [`BOT`] when it is told that it is free; asks for it by itself never.
    pub async fn own_when_free(&mut self) -> Owned {
        loop {
            match self.hear().await {
                Some(Heard::Owned(owned)) => return owned,
                Some(Heard::NotOwned(refused)) => {
                    if refused.retry_after == Some(prost_types::Duration::default()) {
                        self.say(Say::Own(Own { bot_id: BOT })).await;
                    }
                }
                other => panic!("not owned: {other:?}"),
            }
        }
    }

    pub async fn report(&self, entries: Vec<JournalEntry>) {
        let report = JournalReport {
            bot_id: BOT,
            entries,
        };
        self.say(Say::JournalReport(report)).await;
    }

    pub async fn credit(&self, cumulative: i64) {
        for lane in [Lane::Interactive, Lane::Reminder, Lane::Broadcast] {
            let credit = Credit {
                bot_id: BOT,
                lane: lane.into(),
                cumulative,
            };
            self.say(Say::Credit(credit)).await;
        }
    }

    pub async fn renew(&self, renewal: i64) {
        let bot_id = BOT;
        self.say(Say::Renew(Renew { bot_id, renewal })).await;
    }

    /// Waits until everything said so far is handled.
    pub async fn settle(&mut self) {
        self.renew(1_000).await;
        loop {
            match self.hear().await {
                Some(Heard::Renewed(renewed)) if renewed.renewal == 1_000 => return,
                Some(Heard::Deliver(deliver)) => self.waiting.push_back(deliver),
                Some(Heard::Renewed(_) | Heard::ResultAck(_)) => {}
                other => panic!("no renewal: {other:?}"),
            }
        }
    }

    pub async fn release(&self) {
        self.release_having(None).await;
    }

    /// Gives the bot up, and says what was used.
    pub async fn release_having(&self, spent: Option<Spent>) {
        let bot_id = BOT;
        self.say(Say::Release(Release { bot_id, spent })).await;
    }

    /// Gives the bot up and waits until it is: nothing is begun from then on.
    pub async fn leave(self, pool: &PgPool) {
        self.release().await;
        let owned = || async {
            let owned: bool = sqlx::query_scalar(
                "SELECT expires_at > to_timestamp(0) FROM notify.owners WHERE bot_id = $1",
            )
            .bind(BOT)
            .fetch_one(pool)
            .await
            .unwrap();
            owned
        };
        eventually(false, owned).await;
    }

    /// Nothing is due: a new row is the next to come.
    pub async fn nothing_comes(&mut self, service: &Service, user: Uuid) {
        let probe = service.tell(user, "probe").await;
        assert_eq!(id(&self.send().await), probe);
    }

    /// The next message; `None` when the stream ended.
    pub async fn hear(&mut self) -> Option<Heard> {
        let heard = timeout(PATIENCE, self.heard.message()).await;
        let heard = heard.expect("the service is silent");
        heard
            .ok()
            .flatten()
            .map(|response| response.message.unwrap())
    }

    /// How the stream ended.
    pub async fn end(&mut self) -> Result<(), Status> {
        loop {
            match timeout(PATIENCE, self.heard.message())
                .await
                .expect("the stream stays open")
            {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(status) => return Err(status),
            }
        }
    }

    /// The next row pushed.
    pub async fn deliver(&mut self) -> Deliver {
        if let Some(deliver) = self.waiting.pop_front() {
            return deliver;
        }
        loop {
            match self.hear().await {
                Some(Heard::Deliver(deliver)) => return deliver,
                Some(Heard::Renewed(_) | Heard::ResultAck(_)) => {}
                other => panic!("no row: {other:?}"),
            }
        }
    }

    /// Reports an outcome and waits until it is stored.
    pub async fn answer(&mut self, attempt: AttemptRef, outcome: Kind) {
        let result = AttemptResult {
            bot_id: BOT,
            attempt: Some(attempt.clone()),
            outcome: Some(Outcome {
                kind: Some(outcome),
            }),
        };
        self.say(Say::Result(result)).await;
        loop {
            match self.hear().await {
                Some(Heard::ResultAck(ack)) if ack.attempt.as_ref() == Some(&attempt) => return,
                Some(Heard::Renewed(_)) => {}
                Some(Heard::Deliver(deliver)) => self.waiting.push_back(deliver),
                other => panic!("no acknowledgement: {other:?}"),
            }
        }
    }

    /// The next row, which Telegram accepts.
    pub async fn send(&mut self) -> Deliver {
        let deliver = self.deliver().await;
        self.answer(deliver.attempt.clone().unwrap(), sent(7)).await;
        deliver
    }
}

pub fn sent(message_id: i64) -> Kind {
    Kind::Sent(Sent {
        telegram_message_id: message_id,
    })
}

pub fn attempt(deliver: &Deliver) -> AttemptRef {
    deliver.attempt.clone().unwrap()
}

pub fn id(deliver: &Deliver) -> Uuid {
    attempt(deliver).notification_id.parse().unwrap()
}
