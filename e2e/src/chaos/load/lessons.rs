//! Lessons that move again and again, and how they end: what lesson-svc tells of them, now
//! and then twice, late, or out of order.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use olm_proto::notify::v1::{
    LessonRole, LessonSnapshot, LessonState, PutRecipientRequest, Recipient, SeatSnapshot,
    SyncLessonRequest, lesson_plan_service_client::LessonPlanServiceClient,
    recipient_service_client::RecipientServiceClient,
};
use service_kit::{
    clock::{Clock as _, SystemClock},
    grpc::client::Backend,
};
use telegram_sim::api::NewPerson;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::{Doors, PAUSE, PERSISTENCE, millis};
use crate::{Result, chaos::dice::Dice};

/// The first chat of a lesson; each lesson has three of its own, so that whatever is said
/// there is said of it.
const FIRST_CHAT: i64 = 100_000;
/// Everybody is reminded this long before.
const LEAD: SignedDuration = SignedDuration::from_hours(1);
const LENGTH: SignedDuration = SignedDuration::from_mins(45);
/// The last move puts the reminder so far ahead.
const REMINDED_AFTER: SignedDuration = SignedDuration::from_secs(2);

/// A lesson as it ended, and who reads of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The chats in which nothing else is talked of: a teacher's and two students', say.
    pub chats: Vec<i64>,
    /// When it begins after all.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// It was called off.
    pub canceled: bool,
}

/// One lesson and all that becomes of it.
#[derive(Debug)]
pub(super) struct Story {
    number: i64,
    steps: Vec<Step>,
    canceled: bool,
}

#[derive(Debug)]
struct Step {
    /// After the load began.
    after: Duration,
    /// Told to this replica first.
    replica: usize,
    /// Told once more when the next one has been told: it is old then.
    again: bool,
}

impl Story {
    /// Moves `moves` times within `lasts`, then stays, or is called off.
    pub(super) fn new(number: i64, dice: &mut Dice, lasts: Duration, moves: u64) -> Self {
        let lasts = u64::try_from(lasts.as_millis()).unwrap_or(0);
        let mut instants: Vec<_> = (0..=moves).map(|_| dice.below(lasts)).collect();
        instants.sort_unstable();
        let step = |after| Step {
            after: millis(after),
            replica: usize::from(dice.percent(50)),
            again: dice.percent(30),
        };
        Self {
            number,
            steps: instants.into_iter().map(step).collect(),
            canceled: number % 4 == 0,
        }
    }

    fn chats(&self) -> [i64; 3] {
        [0, 1, 2].map(|place| FIRST_CHAT + self.number * 10 + place)
    }

    /// The people of the lesson, with open chats, known to notify-svc.
    pub(super) async fn introduce(&self, doors: &impl Doors) -> Result<()> {
        let mut recipients = RecipientServiceClient::new(doors.notify(0, "lesson-svc")?);
        for chat in self.chats() {
            let person = NewPerson::named("Anna", "en").with_id(chat);
            let person = person.who_started(doors.bot_id());
            doors.sim().create_person(&person).await?;
            let recipient = Recipient {
                user_id: user_id(chat).to_string(),
                version: 1,
                display_name: format!("Person {chat}"),
                language: "en".to_owned(),
                time_zone: "UTC".to_owned(),
                reminder_leads: vec![olm_proto::duration(LEAD)],
                bot_id: doors.bot_id(),
                chat_id: chat,
                ..Recipient::default()
            };
            let request = PutRecipientRequest {
                recipient: Some(recipient),
            };
            recipients.put_recipient(request).await?;
        }
        Ok(())
    }

    /// Lets it happen; answers how it ended, or that nobody took it.
    pub(super) async fn run(
        self,
        start: Instant,
        mut replicas: [LessonPlanServiceClient<Backend>; 2],
    ) -> Option<Ended> {
        let noon = SystemClock.now() + SignedDuration::from_hours(3);
        let last = self.steps.len() - 1;
        let mut told: Option<LessonSnapshot> = None;
        let mut begins = noon;
        for (place, step) in self.steps.iter().enumerate() {
            sleep_until(start + step.after).await;
            // Other minutes than those of the last move, which is two hours away.
            begins = if place == last {
                SystemClock.now() + LEAD + REMINDED_AFTER
            } else {
                noon + SignedDuration::from_mins(7) * i32::try_from(place).unwrap_or(0)
            };
            let version = i64::try_from(place + 1).unwrap_or(i64::MAX);
            let snapshot = self.snapshot(version, begins, self.canceled && place == last);
            sync(&mut replicas, step.replica, &snapshot).await?;
            if let Some(old) = told.filter(|_| step.again) {
                sync(&mut replicas, 1 - step.replica, &old).await?;
            }
            told = Some(snapshot);
        }
        Some(Ended {
            chats: self.chats().into(),
            start: begins,
            end: begins + LENGTH,
            canceled: self.canceled,
        })
    }

    fn snapshot(&self, version: i64, start: Timestamp, canceled: bool) -> LessonSnapshot {
        let state = if canceled {
            LessonState::Canceled
        } else {
            LessonState::Scheduled
        };
        let [teacher, students @ ..] = self.chats();
        let seat = |chat: i64| SeatSnapshot {
            booking_id: Uuid::from_u64_pair(0x0b00, chat.unsigned_abs()).to_string(),
            student_id: user_id(chat).to_string(),
            ..SeatSnapshot::default()
        };
        let id = |kind| Uuid::from_u64_pair(kind, self.number.unsigned_abs()).to_string();
        LessonSnapshot {
            lesson_id: id(0x1e55),
            version,
            schedule_version: version,
            state: state.into(),
            changed_by: LessonRole::Teacher.into(),
            start_time: Some(olm_proto::timestamp(start)),
            end_time: Some(olm_proto::timestamp(start + LENGTH)),
            teacher_id: user_id(teacher).to_string(),
            seats: students.map(seat).into(),
            group_title: "Spanish".to_owned(),
            group_id: id(0x0609),
            ..LessonSnapshot::default()
        }
    }
}

fn user_id(chat: i64) -> Uuid {
    Uuid::from_u64_pair(0x0c4a_0500, chat.unsigned_abs())
}

/// Repeats until a replica took it, as lesson-svc's outbox does; `None` when none did.
async fn sync(
    replicas: &mut [LessonPlanServiceClient<Backend>; 2],
    mut replica: usize,
    snapshot: &LessonSnapshot,
) -> Option<()> {
    let request = SyncLessonRequest {
        lesson: Some(snapshot.clone()),
    };
    let deadline = Instant::now() + PERSISTENCE;
    while Instant::now() < deadline {
        if replicas[replica].sync_lesson(request.clone()).await.is_ok() {
            return Some(());
        }
        replica = 1 - replica;
        sleep(PAUSE).await;
    }
    None
}
