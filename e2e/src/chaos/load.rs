//! What clients do meanwhile: notifications for the next seconds, and second thoughts; and
//! lessons that move.

pub mod lessons;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use olm_proto::notify::v1::{
    CancelNotificationRequest, CancelOutcome, CreateNotificationRequest, PutRecipientRequest,
    Recipient, UncertainPolicy, create_notification_request::Recipient as To,
    lesson_plan_service_client::LessonPlanServiceClient,
    notification_service_client::NotificationServiceClient,
    recipient_service_client::RecipientServiceClient,
};
use service_kit::{
    clock::{Clock as _, SystemClock},
    grpc::client::Backend,
};
use telegram_sim::{api::NewPerson, client::SimClient};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use uuid::Uuid;

use super::{
    dice::Dice,
    history::{Canceled, Wanted, marked},
    site::Index,
};
use crate::Result;
use lessons::{Ended, Story};

/// People who are written to; at one message a second each, more than the bot can send.
pub const PEOPLE: i64 = 40;
/// The first one's Telegram user id.
const FIRST: i64 = 5_000;
/// Mean time between two notifications: well below what the bot can send, so that what a
/// fault held up is made up for.
const EVERY: Duration = Duration::from_millis(70);
/// How long a client repeats a request that is not answered.
pub(super) const PERSISTENCE: Duration = Duration::from_secs(40);
pub(super) const PAUSE: Duration = Duration::from_millis(200);
/// Senders whose broadcasts share the lane.
const CLIENTS: [&str; 3] = ["", "crm", "website"];

/// Where the load goes in.
pub trait Doors {
    /// Telegram's stand-in.
    fn sim(&self) -> &SimClient;
    /// The one bot.
    fn bot_id(&self) -> i64;
    /// A channel of `caller` to one of two replicas of notify-svc, or to an address before
    /// all of them.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    fn notify(&self, replica: Index, caller: &str) -> Result<Backend>;
}

/// People with open chats, known to notify-svc.
///
/// # Errors
///
/// When the simulator or a replica refuses.
pub async fn introduce(doors: &impl Doors) -> Result<()> {
    let mut recipients = RecipientServiceClient::new(doors.notify(0, "lesson-svc")?);
    for number in 0..PEOPLE {
        let person = NewPerson::named("Anna", "en")
            .with_id(FIRST + number)
            .who_started(doors.bot_id());
        doors.sim().create_person(&person).await?;
        let recipient = Recipient {
            user_id: user_id(number).to_string(),
            version: 1,
            display_name: format!("Person {number}"),
            language: "en".to_owned(),
            time_zone: "UTC".to_owned(),
            bot_id: doors.bot_id(),
            chat_id: FIRST + number,
            ..Recipient::default()
        };
        let request = PutRecipientRequest {
            recipient: Some(recipient),
        };
        recipients.put_recipient(request).await?;
    }
    Ok(())
}

fn user_id(number: i64) -> Uuid {
    Uuid::from_u128(0x0c4a_0500 << 96 | u128::from(number.unsigned_abs()))
}

/// What clients know of what they asked for.
#[derive(Debug, Default, Clone)]
pub struct Known {
    /// By number.
    pub wanted: BTreeMap<u64, Wanted>,
    /// Cancellations that were answered.
    pub canceled: Vec<Canceled>,
    /// Requests that were never answered.
    pub unanswered: Vec<String>,
    /// Lessons that happened.
    pub lessons: Vec<Ended>,
}

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    known: Arc<Mutex<Known>>,
    replicas: [NotificationServiceClient<Backend>; 2],
    lesson_replicas: [LessonPlanServiceClient<Backend>; 2],
    clients: JoinSet<()>,
    next: u64,
    next_lesson: i64,
}

impl Load {
    /// Clients that have asked for nothing yet.
    ///
    /// # Errors
    ///
    /// When no channel can be made.
    pub fn new(doors: &impl Doors) -> Result<Self> {
        Ok(Self {
            known: Arc::default(),
            replicas: [
                NotificationServiceClient::new(doors.notify(0, "operator")?),
                NotificationServiceClient::new(doors.notify(1, "operator")?),
            ],
            lesson_replicas: [
                LessonPlanServiceClient::new(doors.notify(0, "lesson-svc")?),
                LessonPlanServiceClient::new(doors.notify(1, "lesson-svc")?),
            ],
            clients: JoinSet::new(),
            next: 1,
            next_lesson: 1,
        })
    }

    /// Asks for notifications, at random instants of the time `lasts`, each due at once or
    /// within two seconds; of `canceled` in 100 the client thinks better.
    pub fn start(&mut self, dice: &mut Dice, lasts: Duration, canceled: u64) {
        let start = Instant::now();
        let count = lasts.as_millis() / EVERY.as_millis();
        for _ in 0..count {
            let client = Client {
                number: self.next,
                known: Arc::clone(&self.known),
                replicas: self.replicas.clone(),
                first: usize::from(dice.percent(50)),
            };
            self.next += 1;
            let after = millis(dice.below(u64::try_from(lasts.as_millis()).unwrap_or(0)));
            let order = Order {
                request_id: Uuid::from_u64_pair(dice.below(u64::MAX), dice.below(u64::MAX)),
                person: i64::try_from(dice.below(PEOPLE.unsigned_abs())).unwrap_or(0),
                due_in: millis(if dice.percent(50) {
                    0
                } else {
                    dice.below(2_000)
                }),
                hold: dice.percent(15),
                client: CLIENTS[usize::try_from(dice.below(3)).unwrap_or(0)],
                regret: dice.percent(canceled).then(|| millis(dice.below(2_500))),
            };
            self.clients.spawn(async move {
                sleep_until(start + after).await;
                client.run(order).await;
            });
        }
    }

    /// Lessons that are booked and moved meanwhile, so often each.
    ///
    /// # Errors
    ///
    /// When their people cannot be introduced.
    pub async fn start_lessons(
        &mut self,
        doors: &impl Doors,
        dice: &mut Dice,
        lasts: Duration,
        (lessons, moves): (u32, u64),
    ) -> Result<()> {
        let mut stories = Vec::new();
        for _ in 0..lessons {
            let story = Story::new(self.next_lesson, dice, lasts, moves);
            story.introduce(doors).await?;
            self.next_lesson += 1;
            stories.push(story);
        }
        let start = Instant::now();
        for story in stories {
            let replicas = self.lesson_replicas.clone();
            let known = Arc::clone(&self.known);
            self.clients.spawn(async move {
                let ended = story.run(start, replicas).await;
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                match ended {
                    Some(ended) => known.lessons.push(ended),
                    None => known.unanswered.push("a lesson's change".to_owned()),
                }
            });
        }
        Ok(())
    }

    /// Waits until every client has its answers.
    pub async fn finish(&mut self) {
        while self.clients.join_next().await.is_some() {}
    }

    /// What clients know now.
    #[must_use]
    pub fn known(&self) -> Known {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// What one client wants.
#[derive(Debug)]
struct Order {
    request_id: Uuid,
    person: i64,
    due_in: Duration,
    hold: bool,
    client: &'static str,
    /// When it cancels, after it was answered.
    regret: Option<Duration>,
}

struct Client {
    number: u64,
    known: Arc<Mutex<Known>>,
    replicas: [NotificationServiceClient<Backend>; 2],
    first: usize,
}

impl Client {
    async fn run(mut self, order: Order) {
        let due = SystemClock.now() + SignedDuration::try_from(order.due_in).unwrap_or_default();
        let Some(id) = self.create(&order, due).await else {
            self.unanswered("its creation");
            return;
        };
        let wanted = Wanted {
            id,
            chat_id: FIRST + order.person,
            client: order.client,
            hold: order.hold,
            due_us: due.as_microsecond(),
            accepted_us: SystemClock.now().as_microsecond(),
        };
        self.know(|known| {
            known.wanted.insert(self.number, wanted);
        });
        let Some(regret) = order.regret else {
            return;
        };
        sleep(regret).await;
        match self.cancel(id, order.client).await {
            Some(outcome) => {
                let canceled = Canceled {
                    id,
                    bound: outcome == CancelOutcome::Canceled,
                    answered_us: SystemClock.now().as_microsecond(),
                };
                self.know(|known| known.canceled.push(canceled));
            }
            None => self.unanswered("its cancellation"),
        }
    }

    async fn create(&mut self, order: &Order, due: Timestamp) -> Option<Uuid> {
        let policy = if order.hold {
            UncertainPolicy::Hold
        } else {
            UncertainPolicy::Resend
        };
        let request = CreateNotificationRequest {
            request_id: order.request_id.to_string(),
            client: order.client.to_owned(),
            recipient: Some(To::UserId(user_id(order.person).to_string())),
            text: marked(self.number),
            due_time: Some(olm_proto::timestamp(due)),
            uncertain_policy: policy.into(),
            ..CreateNotificationRequest::default()
        };
        let deadline = Instant::now() + PERSISTENCE;
        let mut replica = self.first;
        while Instant::now() < deadline {
            // Never more than once: the request's id is its name.
            if let Ok(answer) = self.replicas[replica]
                .create_notification(request.clone())
                .await
            {
                return answer.into_inner().notification?.id.parse().ok();
            }
            replica = 1 - replica;
            sleep(PAUSE).await;
        }
        None
    }

    async fn cancel(&mut self, id: Uuid, client: &str) -> Option<CancelOutcome> {
        let request = CancelNotificationRequest {
            notification_id: id.to_string(),
            client: client.to_owned(),
        };
        let deadline = Instant::now() + PERSISTENCE;
        let mut replica = 1 - self.first;
        while Instant::now() < deadline {
            if let Ok(answer) = self.replicas[replica]
                .cancel_notification(request.clone())
                .await
            {
                return Some(answer.into_inner().outcome());
            }
            replica = 1 - replica;
            sleep(PAUSE).await;
        }
        None
    }

    fn know(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn unanswered(&self, what: &str) {
        let text = format!("notification {}: {what}", self.number);
        self.know(|known| known.unanswered.push(text));
    }
}
