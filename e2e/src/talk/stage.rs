//! One system for all tests of a file.

use std::{
    collections::BTreeMap,
    future::Future,
    panic::Location,
    sync::{Arc, Weak},
    thread,
};

use telegram_sim::{Limits, client::SimClient};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{Mutex, oneshot},
};

use crate::{Result, program::Program, stack::Stack, story::Story, system::System};

/// By the file whose tests share it: the one that runs, or that ran.
static SHARED: Mutex<BTreeMap<&'static str, Weak<Stage>>> = Mutex::const_new(BTreeMap::new());

/// A system whose bot and whose Telegram know no limits, so that conversations do not wait for
/// them. It lives while a test has it.
#[derive(Debug)]
pub struct Stage {
    /// Gone only while it is dropped, as is the runtime.
    system: Option<System>,
    runtime: Option<Runtime>,
}

impl Stage {
    /// The system of the file that calls; the first one who asks starts it, the last one who
    /// drops it ends it.
    ///
    /// # Errors
    ///
    /// When a part does not start.
    #[track_caller]
    pub fn shared() -> impl Future<Output = Result<Arc<Self>>> + Send {
        Self::shared_by(Location::caller().file())
    }

    async fn shared_by(file: &'static str) -> Result<Arc<Self>> {
        let mut shared = SHARED.lock().await;
        if let Some(stage) = shared.get(file).and_then(Weak::upgrade) {
            return Ok(stage);
        }
        // Each test has a runtime of its own, which ends with it.
        let (started, stage) = oneshot::channel();
        thread::spawn(move || drop(started.send(Self::start())));
        let stage = Arc::new(stage.await??);
        shared.insert(file, Arc::downgrade(&stage));
        Ok(stage)
    }

    fn start() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let system = runtime.block_on(unlimited(false))?;
        Ok(Self {
            system: Some(system),
            runtime: Some(runtime),
        })
    }

    /// The services.
    ///
    /// # Panics
    ///
    /// Never: they are there until the stage is dropped.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        let system = self.system.as_ref();
        &system.expect("there until it is dropped").stack
    }

    /// What people do beside the chats. A client keeps its connections in the runtime that made
    /// them, so each test takes one of its own.
    #[must_use]
    pub fn story(&self) -> Story {
        Story::of(self.stack())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // First the processes, while their runtime is there.
        drop(self.system.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A system of one's own, to be broken, with neither the bot's nor Telegram's limits (but one:
/// 100 updates of a person in a minute are the most that can be asked for), whose bot soon
/// looks whether lesson-svc is back; with a line between those two, if wanted.
///
/// # Errors
///
/// When a part does not start.
pub async fn unlimited(has_line: bool) -> Result<System> {
    let bot = |name, value: &str| (Program::BotGateway, name, value.to_owned());
    let settings = vec![
        bot("BOT_MESSAGES_PER_SECOND", "10000"),
        bot("BOT_CHAT_INTERVAL", "0"),
        // Programs that are not optimised take their time, and many tests run at once.
        bot("BOT_LESSON_READ_TIMEOUT", "10"),
        bot("BOT_BREAKER_OPEN", "0.5"),
        bot("BOT_USER_REQUESTS_PER_MINUTE", "100"),
    ];
    let system = System::with(None, settings, has_line).await?;
    let sim = SimClient::new(system.stack.url(Program::TelegramSim));
    sim.set_limits(Limits::OFF).await?;
    Ok(system)
}
