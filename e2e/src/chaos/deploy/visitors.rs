//! People who use the system while it is replaced: they book over HTTP, their teachers move
//! and cancel, and somebody writes to the bot. Each asks again as documented clients do: the
//! same key, the same version, until there is an answer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use olm_proto::lesson::v1::{TeacherPolicies, user_service_client::UserServiceClient};
use reqwest::StatusCode;
use serde_json::{Value, json};
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
    super::{
        dice::Dice,
        load::{Doors as _, PAUSE, PERSISTENCE},
    },
    fleet::Fleet,
};
use crate::{Result, people};

const TEACHERS: usize = 6;
/// The first Telegram user of each kind.
const FIRST_TEACHER: i64 = 800_000;
const FIRST_STUDENT: i64 = 900_000;
const FIRST_WRITER: i64 = 1_000_000;
/// Mean time between two lessons, and between two who write to the bot.
const LESSON_EVERY: Duration = Duration::from_millis(350);
const WRITER_EVERY: Duration = Duration::from_millis(900);
/// Hours that belong to one lesson: it is booked in the first, and moves to the others.
const HOURS: i64 = 3;
const LENGTH: SignedDuration = SignedDuration::from_hours(1);
/// Lessons begin so far ahead that no reminder of them falls due.
const AHEAD: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a client waits for one answer.
const ANSWER: Duration = Duration::from_secs(10);

/// A lesson as its people know it from the last answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// The lesson.
    pub id: Uuid,
    /// The student's chat, in which nothing else is talked of.
    pub chat: i64,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// It was called off.
    pub canceled: bool,
}

/// What people know of what they asked for.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Every lesson that somebody has an answer of.
    pub lessons: Vec<Booked>,
    /// What was never answered, or refused though it may not be.
    pub failed: Vec<String>,
    /// Requests that were answered.
    pub calls: u32,
    /// Of these, how many had to be asked again.
    pub again: u32,
    /// What was answered instead, and how often.
    pub instead: BTreeMap<String, u32>,
    /// The longest from the first asking to the answer.
    pub longest: Duration,
    /// Who wrote to the bot and was answered.
    pub written: u32,
}

/// People at work.
#[derive(Debug)]
pub struct Visitors {
    seen: Arc<Mutex<Seen>>,
    teachers: Vec<Uuid>,
    visitor: Visitor,
    tasks: JoinSet<()>,
    lessons: i64,
    writers: i64,
    first_hour: Timestamp,
}

impl Visitors {
    /// Teachers who work around the clock; nobody has booked yet.
    ///
    /// # Errors
    ///
    /// When a service refuses them.
    pub async fn introduce(fleet: &Fleet) -> Result<Self> {
        let lessons = fleet.lessons()?;
        let mut teachers = Vec::new();
        for number in (FIRST_TEACHER..).take(TEACHERS) {
            fleet
                .sim()
                .create_person(&person(number, fleet.bot_id()))
                .await?;
            let users = UserServiceClient::new(lessons.clone());
            let teacher = people::register_with(users, fleet.bot_id(), number).await?;
            let minutes = |minutes: i64| prost_types::Duration {
                seconds: minutes * 60,
                nanos: 0,
            };
            let policies = TeacherPolicies {
                lesson_durations: vec![minutes(60)],
                slot_step: Some(minutes(60)),
                min_notice: Some(minutes(0)),
                ..TeacherPolicies::default()
            };
            people::teach_with(lessons.clone(), teacher, policies, "00:00", "24:00").await?;
            teachers.push(teacher);
        }
        let soon = SystemClock.now() + AHEAD;
        let first_hour = Timestamp::from_second(soon.as_second() / 3_600 * 3_600)?;
        let seen = Arc::<Mutex<Seen>>::default();
        Ok(Self {
            visitor: Visitor {
                http: reqwest::Client::new(),
                rest: fleet.rest_url(),
                key: fleet.key("website").to_owned(),
                lessons,
                sim: fleet.sim().clone(),
                bot_id: fleet.bot_id(),
                seen: Arc::clone(&seen),
            },
            seen,
            teachers,
            tasks: JoinSet::new(),
            lessons: 0,
            writers: 0,
            first_hour,
        })
    }

    /// Lets people come at random instants of the time `lasts`.
    pub fn start(&mut self, dice: &mut Dice, lasts: Duration) {
        let begun = Instant::now();
        let within = u64::try_from(lasts.as_millis()).unwrap_or(0);
        for _ in 0..lasts.as_millis() / LESSON_EVERY.as_millis() {
            let number = self.lessons;
            self.lessons += 1;
            let places = i64::try_from(TEACHERS).unwrap_or(1);
            let hour =
                self.first_hour + LENGTH * i32::try_from(number / places * HOURS).unwrap_or(0);
            let order = Order {
                student: FIRST_STUDENT + number,
                teacher: self.teachers[usize::try_from(number % places).unwrap_or(0)],
                hour,
                moves: dice.below(3),
                canceled: dice.percent(25),
                pause: Duration::from_millis(dice.below(2_000)),
                key: Uuid::from_u64_pair(dice.below(u64::MAX), dice.below(u64::MAX)),
            };
            let at = begun + Duration::from_millis(dice.below(within));
            let visitor = self.visitor.clone();
            self.tasks.spawn(async move {
                sleep_until(at).await;
                visitor.book(order).await;
            });
        }
        for _ in 0..lasts.as_millis() / WRITER_EVERY.as_millis() {
            let writer = FIRST_WRITER + self.writers;
            self.writers += 1;
            let at = begun + Duration::from_millis(dice.below(within));
            let visitor = self.visitor.clone();
            self.tasks.spawn(async move {
                sleep_until(at).await;
                visitor.write(writer).await;
            });
        }
    }

    /// Waits until everybody has their answers.
    pub async fn finish(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// What people know now.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Who teaches.
    #[must_use]
    pub fn teachers(&self) -> &[Uuid] {
        &self.teachers
    }
}

fn person(number: i64, bot_id: i64) -> NewPerson {
    NewPerson::named("Anna", "en")
        .with_id(number)
        .who_started(bot_id)
}

/// What becomes of one lesson.
#[derive(Debug)]
struct Order {
    student: i64,
    teacher: Uuid,
    hour: Timestamp,
    moves: u64,
    canceled: bool,
    pause: Duration,
    key: Uuid,
}

/// One request, which is the same however often it is sent.
#[derive(Debug)]
struct Ask<'a> {
    path: String,
    user: Uuid,
    guard: (&'static str, String),
    body: &'a Value,
}

#[derive(Debug, Clone)]
struct Visitor {
    http: reqwest::Client,
    rest: String,
    key: String,
    lessons: Backend,
    sim: SimClient,
    bot_id: i64,
    seen: Arc<Mutex<Seen>>,
}

impl Visitor {
    async fn book(self, order: Order) {
        let Some(student) = self.register(order.student).await else {
            return self.failed(format!("student {}: registering", order.student));
        };
        let body = json!({"teacher_id": order.teacher, "start_time": order.hour.to_string()});
        let ask = Ask {
            path: "/api/v1/lessons".to_owned(),
            user: student,
            guard: ("idempotency-key", order.key.to_string()),
            body: &body,
        };
        let Some((mut lesson, mut version)) = self.lesson(&ask, &order).await else {
            return;
        };
        for place in 1..=order.moves {
            sleep(order.pause).await;
            let hour = order.hour + LENGTH * i32::try_from(place).unwrap_or(0);
            let body = json!({"start_time": hour.to_string()});
            let moved = self.change(&order, &lesson, version, "reschedule", &body);
            let Some(answer) = moved.await else {
                return;
            };
            (lesson, version) = answer;
        }
        if order.canceled {
            sleep(order.pause).await;
            let body = json!({"reason": "a cold"});
            if let Some((canceled, _)) =
                self.change(&order, &lesson, version, "cancel", &body).await
            {
                lesson = canceled;
            } else {
                return;
            }
        }
        self.know(|seen| seen.lessons.push(lesson));
    }

    /// The teacher does something to a lesson, so that the student is told.
    async fn change(
        &self,
        order: &Order,
        lesson: &Booked,
        version: i64,
        what: &str,
        body: &Value,
    ) -> Option<(Booked, i64)> {
        let ask = Ask {
            path: format!("/api/v1/lessons/{}/{what}", lesson.id),
            user: order.teacher,
            guard: ("if-match", format!("\"{version}\"")),
            body,
        };
        self.lesson(&ask, order).await
    }

    async fn lesson(&self, ask: &Ask<'_>, order: &Order) -> Option<(Booked, i64)> {
        let answer = self.ask(ask).await?;
        let read = lesson_of(&answer, order.student);
        if read.is_none() {
            self.failed(format!("{}: answered {answer}", ask.path));
        }
        read
    }

    /// Idempotent, so it is repeated as it is.
    async fn register(&self, number: i64) -> Option<Uuid> {
        let deadline = Instant::now() + PERSISTENCE;
        while self
            .sim
            .create_person(&person(number, self.bot_id))
            .await
            .is_err()
        {
            if Instant::now() > deadline {
                return None;
            }
            sleep(PAUSE).await;
        }
        while Instant::now() < deadline {
            let users = UserServiceClient::new(self.lessons.clone());
            if let Ok(student) = people::register_with(users, self.bot_id, number).await {
                return Some(student);
            }
            sleep(PAUSE).await;
        }
        None
    }

    /// Sends a request until it is answered. What a server that is replaced may answer is
    /// asked again; every other refusal is a failure.
    async fn ask(&self, ask: &Ask<'_>) -> Option<Value> {
        let begun = Instant::now();
        let mut attempts = 0_u32;
        while begun.elapsed() < PERSISTENCE {
            attempts += 1;
            match self.send(ask).await {
                Ok((status, body)) if status.is_success() => {
                    self.know(|seen| {
                        seen.calls += 1;
                        seen.again += u32::from(attempts > 1);
                        seen.longest = seen.longest.max(begun.elapsed());
                    });
                    return Some(body);
                }
                Ok((
                    status @ (StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT),
                    _,
                )) => self.wait(status.as_str()).await,
                Err(error) if error.is_timeout() => self.wait("no answer").await,
                Err(_) => self.wait("no connection").await,
                Ok((status, body)) => {
                    self.failed(format!(
                        "{}: {status} at attempt {attempts}: {body}",
                        ask.path
                    ));
                    return None;
                }
            }
        }
        self.failed(format!("{}: no answer after {attempts} attempts", ask.path));
        None
    }

    async fn wait(&self, instead: &str) {
        self.know(|seen| *seen.instead.entry(instead.to_owned()).or_default() += 1);
        sleep(PAUSE).await;
    }

    async fn send(&self, ask: &Ask<'_>) -> reqwest::Result<(StatusCode, Value)> {
        let (name, value) = &ask.guard;
        let request = self.http.post(format!("{}{}", self.rest, ask.path));
        let answer = request
            .header("x-service-key", &self.key)
            .header("x-acting-user", ask.user.to_string())
            .header(*name, value)
            .json(ask.body)
            .timeout(ANSWER)
            .send()
            .await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// Writes to the bot, which answers everybody, whoever of the gateways it is.
    async fn write(self, number: i64) {
        let person = NewPerson::named("Vera", "en").with_id(number);
        let answered = async {
            let person = self.sim.create_person(&person).await?;
            self.sim.say(&person, "/start").await?;
            self.sim.message(&person, PERSISTENCE, |_| true).await
        };
        match answered.await {
            Ok(_) => self.know(|seen| seen.written += 1),
            Err(error) => self.failed(format!("{number} wrote to the bot: {error}")),
        }
    }

    fn know(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn failed(&self, what: String) {
        self.know(|seen| seen.failed.push(what));
    }
}

/// A lesson and its version, as REST tells them.
fn lesson_of(answer: &Value, chat: i64) -> Option<(Booked, i64)> {
    let instant = |name: &str| answer[name].as_str()?.parse::<Timestamp>().ok();
    let lesson = Booked {
        id: answer["id"].as_str()?.parse().ok()?,
        chat,
        start: instant("start_time")?,
        end: instant("end_time")?,
        canceled: answer["status"] == "canceled",
    };
    Some((lesson, answer["version"].as_i64()?))
}
