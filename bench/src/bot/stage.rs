//! The services, the people who use the bot all the time, and the crowd that comes at once.

use std::time::Duration;

use e2e::{
    Result, people,
    program::Program,
    stack::{Bot, SIMULATED_TOKEN},
    story::{PATIENCE, Story},
    system::eventually,
};
use jiff::SignedDuration;
use olm_proto::{
    lesson::v1::{MutedKinds, ReminderLeads, TeacherPolicies, UpdateSettingsRequest},
    notify::v1::LessonNoticeKind,
};
use service_kit::{
    clock::{Clock as _, SystemClock},
    grpc::client::acting,
};
use telegram_sim::{
    Limits,
    api::{NewPerson, Person},
    client::{Chat, SimClient},
};
use texts::{Language, Screen};
use tokio::time::sleep;
use uuid::Uuid;

use crate::server::{Server, Setup};

/// Students of one teacher.
const CLASS: usize = 10;
/// Lessons that each student has anyway.
const LESSONS: i64 = 2;
/// So soon after a failure the bot tries server 1 again; the rest of its settings are the
/// usual ones, but for how much one person may ask for.
const BREAKER_OPEN: &str = "5";
/// One person's acts in a minute: at this pace nobody is told to slow down.
const REQUESTS: &str = "100";
/// Between two messages to a chat.
const CHAT_PAUSE: Duration = Duration::from_millis(1_100);
const BARE_TOKEN: &str = "7000000002:simulated-token-for-development";

/// Whose answers are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// A bot that answers at once, without anything behind it.
    Bare,
    /// bot-gateway.
    Ours,
}

impl Which {
    pub(super) const ALL: [Self; 2] = [Self::Bare, Self::Ours];

    pub(super) fn token(self) -> &'static str {
        match self {
            Self::Bare => BARE_TOKEN,
            Self::Ours => SIMULATED_TOKEN,
        }
    }

    pub(super) fn bot_id(self) -> Result<i64> {
        let id = self.token().split(':').next().unwrap_or_default();
        Ok(id.parse()?)
    }

    /// A person's chat with this bot.
    pub(super) fn chat(self, person: &Person) -> Result<Chat> {
        Ok(Chat::from(person).with_bot(self.bot_id()?))
    }
}

/// Everything that runs, but for the bare bot.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) sim: SimClient,
    pub(super) users: Vec<Person>,
    pub(super) crowd: Vec<Person>,
}

impl Stage {
    pub(super) async fn start(users: u32, crowd: u32) -> Result<Self> {
        let bot = |name, value: &str| (Program::BotGateway, name, value.to_owned());
        let programs = vec![
            bot("BOT_USER_REQUESTS_PER_MINUTE", REQUESTS),
            bot("BOT_BREAKER_OPEN", BREAKER_OPEN),
        ];
        let setup = Setup {
            bot: Bot::Simulated,
            programs,
            ..Setup::default()
        };
        let server = Server::start_with(setup).await?;
        let sim = SimClient::new(server.stack.url(Program::TelegramSim));
        let mut stage = Self {
            server,
            sim,
            users: Vec::new(),
            crowd: Vec::new(),
        };
        println!("{users} people become students …");
        let users = usize::try_from(users)?;
        for first in (0..users).step_by(CLASS) {
            let class = first..users.min(first + CLASS);
            stage
                .open_class(i64::try_from(first)? + 1, class.len())
                .await?;
        }
        for number in 0..crowd {
            let person = NewPerson::named(&format!("Visitor {number}"), "en");
            stage.crowd.push(stage.sim.create_person(&person).await?);
        }
        Ok(stage)
    }

    /// A teacher with students, each of whom has some lessons ahead.
    async fn open_class(&mut self, number: i64, size: usize) -> Result<()> {
        let stack = &self.server.stack;
        let story = Story::of(stack);
        let teacher = people::register(stack, number).await?;
        let minutes = |minutes: i64| olm_proto::duration(SignedDuration::from_mins(minutes));
        let policies = TeacherPolicies {
            lesson_durations: vec![minutes(60)],
            slot_step: Some(minutes(60)),
            ..TeacherPolicies::default()
        };
        people::teach(stack, teacher, policies, "08:00", "20:00").await?;
        let day = SignedDuration::from_hours(24);
        let midnight = SystemClock.now().as_second() / 86_400 * 86_400;
        let midnight = jiff::Timestamp::from_second(midnight)?;
        for seat in 0..i64::try_from(size)? {
            let name = format!("Student {number}-{seat}");
            let member = story.join(stack, &name, "en").await?;
            let student = member.id()?;
            self.quieten(student, member.user.version).await?;
            for lesson in 1..=LESSONS {
                let hour = SignedDuration::from_hours(8 + seat);
                let days = i32::try_from(20 + lesson)?;
                people::book(stack, student, teacher, midnight + day * days + hour).await?;
            }
            self.users.push(member.person);
        }
        Ok(())
    }

    /// Nothing but answers comes to this person.
    async fn quieten(&self, student: Uuid, version: i64) -> Result<()> {
        let request = UpdateSettingsRequest {
            time_zone: Some("Europe/London".to_owned()),
            reminder_leads: Some(ReminderLeads::default()),
            muted_kinds: Some(MutedKinds {
                kinds: vec![LessonNoticeKind::Booked.into()],
            }),
            expected_version: version,
            ..UpdateSettingsRequest::default()
        };
        let mut users = self.server.stack.users()?;
        users.update_settings(acting(request, student)).await?;
        Ok(())
    }

    /// Telegram's limits from now on; nobody pays for what was measured before.
    pub(super) async fn forgive(&self) -> Result<()> {
        Ok(self.sim.set_limits(Limits::TELEGRAM).await?)
    }

    /// The newest entry of the ledger.
    pub(super) async fn ledger_end(&self) -> Result<u64> {
        Story::of(&self.server.stack).last_entry().await
    }

    /// lesson-svc goes, all at once. notify-svc stays: a gateway that nobody calls the bot's owner
    /// sends 5 messages a second at most, and that would be all that is measured.
    pub(super) async fn cut_off(&mut self) -> Result<()> {
        self.server.stack.kill(Program::LessonSvc).await
    }

    /// lesson-svc comes back, and the bot has seen it.
    pub(super) async fn reconnect(&mut self) -> Result<()> {
        self.server.stack.restart(Program::LessonSvc).await?;
        self.reaches().await
    }

    /// Waits until the bot asks lesson-svc again, whatever it has seen before.
    pub(super) async fn reaches(&self) -> Result<()> {
        let sim = &self.sim;
        let person = self.users.first().ok_or("nobody")?;
        let chat = Which::Ours.chat(person)?;
        let mark = stale_mark();
        eventually(
            "the bot reaches lesson-svc again",
            PATIENCE * 2,
            async || {
                sleep(CHAT_PAUSE).await;
                let before = sim.chat(chat).await.map(|chat| chat.messages.len());
                let (Ok(before), Ok(_)) = (before, sim.say(chat, "/lessons").await) else {
                    return false;
                };
                let answered =
                    sim.chat_until(chat, PATIENCE, |chat| chat.messages.len() > before + 1);
                let last = answered.await.ok().and_then(|mut chat| chat.messages.pop());
                last.is_some_and(|last| !last.text.contains(&mark) && !last.text.starts_with('⚠'))
            },
        )
        .await
    }

    pub(super) async fn stop(self) -> Result<()> {
        self.server.stop().await
    }
}

/// What an answer says that may be out of date.
pub(super) fn stale_mark() -> String {
    let mark = Screen::Stale { when: "\n" }.html(Language::En);
    mark.split('\n').next().unwrap_or_default().to_owned()
}
