//! What becomes of an update, however it came: known ones are passed over, presses are
//! acknowledged, who asks for too much is asked for patience. The rest is stored and handled:
//! those of one chat in order, chats side by side.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;
use serde_json::Value;
use service_kit::{clock::SharedClock, shutdown::Shutdown};
use tokio::{
    sync::{mpsc, oneshot},
    task::{self, JoinError, JoinSet},
    time::{Instant, timeout},
};

use super::{
    incoming::{self, Incoming, Person},
    places,
    progress::{Known, Progress},
    throttle::{Throttle, Verdict},
};
use crate::{
    conversation::Conversation,
    figures,
    store::{Left, Store, Waiting},
};

/// Updates that may be open at a time; beyond it none is taken.
pub(super) const MOST_OPEN: usize = 10_000;
/// Updates that are handled at a time. Each may wait for its slot at Telegram's pace, so they
/// are more than that takes in a second, and fewer than would be too many for lesson-svc.
const HANDLERS: usize = 200;
/// Updates of one chat that may wait; more are passed over, so that one chat cannot fill the
/// store. More than a person may send in a minute, so nobody comes so far who is not told why.
const WAITING_PER_CHAT: usize = 100;
/// How long one update may take. An answer may wait behind a frozen chat for hours; with
/// very many people at once its turn comes within minutes.
const LONGEST_HANDLING: Duration = Duration::from_mins(5);
/// Updates that an earlier process left are handled when they were stored this long ago at
/// most: later nobody waits for the answer, and it would come after newer ones.
const ANSWERED_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// How long acknowledgements may take when everything else is done.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What an inbox works with.
#[derive(Debug)]
pub(crate) struct Desk {
    /// Whose updates they are.
    pub(crate) bot_id: i64,
    /// Answers.
    pub(crate) conversation: Arc<Conversation>,
    /// Remembers.
    pub(crate) store: Store,
    /// Private chats somebody wrote in, for notify-svc.
    pub(crate) seen: mpsc::Sender<i64>,
    /// Updates of a person in a minute.
    pub(crate) requests_per_minute: usize,
    /// What an earlier process left of them.
    pub(crate) left: Left,
    /// Tells how old something is.
    pub(crate) clock: SharedClock,
}

/// What became of an update whose giver waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is on disk, or needs nothing (any more).
    Safely,
    /// It could not be written.
    NotStored,
    /// Too many are open.
    Full,
}

/// The updates of one bot.
pub(super) struct Inbox {
    desk: Desk,
    progress: Progress,
    throttle: Throttle,
    /// What waits of each chat that has an update in `ready` or at a handler.
    chats: HashMap<i64, VecDeque<Work>>,
    /// Chats whose next update may be handled.
    ready: VecDeque<i64>,
    handlers: JoinSet<()>,
    /// The chat and the update that each handler works on.
    running: HashMap<task::Id, (i64, i64)>,
    /// None is started before it is time, nor when stopping has begun.
    is_open: bool,
    storing: JoinSet<Stored>,
    /// What is to be taken off the disk, by one task at a time: however long that takes,
    /// nothing else waits for it.
    done: Vec<i64>,
    forgetting: JoinSet<()>,
    /// Who waits to be told that an update is stored.
    waiting: HashMap<i64, Vec<oneshot::Sender<Taken>>>,
    /// Acknowledgements, and requests for patience: they wait for no update.
    asides: JoinSet<()>,
}

struct Work {
    received: Instant,
    incoming: Incoming,
}

/// How writing updates down ended.
pub(super) struct Stored {
    ids: Vec<i64>,
    is_done: bool,
}

/// Something that an inbox waited for.
pub(super) enum Event {
    Handled(Result<(task::Id, ()), JoinError>),
    Stored(Stored),
    Forgotten,
    Aside,
}

impl Inbox {
    /// With what an earlier process left, which is handled first. That is so whoever owns the
    /// bot: Telegram gives to no other gateway what this one has confirmed.
    pub(super) fn open(mut desk: Desk) -> Self {
        let Left { updates, handled } = std::mem::take(&mut desk.left);
        let now = desk.clock.now();
        let open = updates
            .iter()
            .filter(|left| !handled.contains(left.id, now));
        let (left, late): (Vec<_>, Vec<_>) =
            open.partition(|left| now.duration_since(left.at) <= ANSWERED_WITHIN);
        let left: Vec<_> = left
            .iter()
            .filter_map(|left| Incoming::read(&left.value))
            .collect();
        let mut inbox = Self {
            progress: Progress::resume(handled, left.iter().map(|incoming| incoming.id)),
            throttle: Throttle::new(desk.requests_per_minute),
            desk,
            chats: HashMap::new(),
            ready: VecDeque::new(),
            handlers: JoinSet::new(),
            running: HashMap::new(),
            is_open: false,
            storing: JoinSet::new(),
            done: Vec::new(),
            forgetting: JoinSet::new(),
            waiting: HashMap::new(),
            asides: JoinSet::new(),
        };
        inbox.drop_late(&late);
        if !left.is_empty() {
            let (bot_id, updates) = (inbox.desk.bot_id, left.len());
            tracing::info!(bot_id, updates, "updates of an earlier process are handled");
        }
        for incoming in left {
            // The throttle has seen it already.
            inbox.acknowledge(&incoming);
            inbox.queue(incoming);
        }
        inbox
    }

    /// Begins to handle.
    pub(super) fn begin(&mut self) {
        self.is_open = true;
        self.start_ready();
    }

    fn drop_late(&mut self, late: &[&Waiting]) {
        for left in late {
            figures::PASSED_OVER.add(1, ["late"]);
            self.forget(left.id);
        }
        let (bot_id, updates) = (self.desk.bot_id, late.len());
        if updates > 0 {
            tracing::warn!(
                bot_id,
                updates,
                "updates of an earlier process are too old to be answered and were dropped"
            );
        }
    }

    /// Takes updates in.
    pub(super) fn take(&mut self, updates: Vec<Value>) {
        let mut new = Vec::new();
        for mut update in updates {
            places::forget(&mut update);
            if let Some(id) = incoming::id(&update)
                && self.admit(id, &update)
            {
                new.push((id, update));
            }
        }
        self.store(new);
    }

    /// Takes an update in; its giver is told when it is safe.
    pub(super) fn take_one(&mut self, id: i64, mut update: Value, told: oneshot::Sender<Taken>) {
        places::forget(&mut update);
        // A giver that has given up does not want to know.
        match self.progress.look(id, self.desk.clock.now()) {
            Known::Safe => {
                figures::PASSED_OVER.add(1, ["known"]);
                let _ = told.send(Taken::Safely);
            }
            Known::Unstored => self.waiting.entry(id).or_default().push(told),
            Known::New if self.room() == 0 => {
                let _ = told.send(Taken::Full);
            }
            Known::New if self.admit(id, &update) => {
                self.waiting.entry(id).or_default().push(told);
                self.store(vec![(id, update)]);
            }
            Known::New => {
                let _ = told.send(Taken::Safely);
            }
        }
    }

    /// How many more updates may be open, or waiting to be taken off the disk.
    pub(super) fn room(&self) -> usize {
        MOST_OPEN.saturating_sub(self.progress.open() + self.done.len())
    }

    /// The offset below which nothing can be lost.
    pub(super) fn offset(&self) -> i64 {
        self.progress.offset()
    }

    /// Whether something is being written down.
    pub(super) fn is_storing(&self) -> bool {
        !self.storing.is_empty()
    }

    /// Whether something could not be written down and is not handled yet.
    pub(super) fn is_at_risk(&self) -> bool {
        self.progress.is_at_risk()
    }

    /// Waits for the next thing; to be given to [`Inbox::on`].
    pub(super) async fn next(&mut self) -> Event {
        tokio::select! {
            Some(handled) = self.handlers.join_next_with_id() => Event::Handled(handled),
            Some(stored) = self.storing.join_next() => match stored {
                Ok(stored) => Event::Stored(stored),
                Err(ended) => std::panic::resume_unwind(ended.into_panic()),
            },
            Some(_) = self.forgetting.join_next() => Event::Forgotten,
            Some(_) = self.asides.join_next() => Event::Aside,
            else => std::future::pending().await,
        }
    }

    /// Goes on after it. It waits for nothing, least of all for the disk: presses are
    /// acknowledged meanwhile.
    pub(super) fn on(&mut self, event: Event) {
        match event {
            Event::Handled(handled) => self.handled(handled),
            Event::Stored(stored) => self.stored(stored),
            Event::Forgotten => self.forget_next(),
            Event::Aside => {}
        }
    }

    /// Lets what runs finish; what waits is on disk, for the next process.
    pub(super) async fn finish(&mut self, shutdown: &Shutdown) {
        self.is_open = false;
        let finish = async {
            while !(self.handlers.is_empty()
                && self.storing.is_empty()
                && self.forgetting.is_empty())
            {
                let event = self.next().await;
                self.on(event);
            }
        };
        // Those that take longer are cut.
        let _ = timeout(shutdown.drain() / 2, finish).await;
        let (bot_id, open) = (self.desk.bot_id, self.progress.open());
        if open > 0 {
            tracing::warn!(
                bot_id,
                open,
                "updates that could not be handled in time are handled after the next start"
            );
        }
        let asides = async { while self.asides.join_next().await.is_some() {} };
        let _ = timeout(LAST_WORDS, asides).await;
    }

    /// True when the update is new and to be handled; then it has to be stored.
    fn admit(&mut self, id: i64, update: &Value) -> bool {
        let now = self.desk.clock.now();
        if self.progress.look(id, now) != Known::New {
            figures::PASSED_OVER.add(1, ["known"]);
            return false;
        }
        let reason = match Incoming::read(update) {
            None => {
                tracing::warn!(
                    update_id = id,
                    "an update of a form that is not known was passed over"
                );
                "form"
            }
            Some(incoming) => match self.judge(incoming) {
                None => {
                    self.progress.admit(id);
                    self.start_ready();
                    return true;
                }
                Some(reason) => reason,
            },
        };
        figures::PASSED_OVER.add(1, [reason]);
        self.progress.handled(id, now);
        false
    }

    /// Queues an update, or says why it is passed over. Its press is acknowledged either way.
    fn judge(&mut self, incoming: Incoming) -> Option<&'static str> {
        self.acknowledge(&incoming);
        if !incoming.is_private() {
            return Some("group");
        }
        // With the channel full, the chat's next update tells it.
        let _ = self.desk.seen.try_send(incoming.chat);
        if let Some(person) = &incoming.person {
            match self.throttle.admit(person.id, Instant::now()) {
                Verdict::Pass => {}
                Verdict::Tell(until) => {
                    self.ask_for_patience(incoming.chat, person.clone(), until);
                    return Some("throttled");
                }
                Verdict::Silence => return Some("throttled"),
            }
        }
        let waiting = self.chats.get(&incoming.chat).map_or(0, VecDeque::len);
        if waiting >= WAITING_PER_CHAT {
            tracing::warn!(
                update_id = incoming.id,
                "a chat is too fast; an update was passed over"
            );
            return Some("chat_full");
        }
        self.queue(incoming);
        None
    }

    fn queue(&mut self, incoming: Incoming) {
        let chat = incoming.chat;
        let waiting = self.chats.entry(chat).or_insert_with(|| {
            self.ready.push_back(chat);
            VecDeque::new()
        });
        waiting.push_back(Work {
            received: Instant::now(),
            incoming,
        });
    }

    /// Ends the waiting mark on a pressed button: not after what is queued before it.
    fn acknowledge(&mut self, incoming: &Incoming) {
        if let Some(callback_id) = incoming.callback_id.clone() {
            let conversation = Arc::clone(&self.desk.conversation);
            self.asides
                .spawn(async move { conversation.acknowledge(&callback_id).await });
        }
    }

    fn ask_for_patience(&mut self, chat: i64, person: Person, until: Instant) {
        let conversation = Arc::clone(&self.desk.conversation);
        self.asides.spawn(async move {
            let asked = conversation.ask_for_patience(chat, &person.language_code, until);
            // By then it is over.
            let _ = timeout(LONGEST_HANDLING, asked).await;
        });
    }

    fn store(&mut self, updates: Vec<(i64, Value)>) {
        if updates.is_empty() {
            return;
        }
        let (store, bot_id) = (self.desk.store.clone(), self.desk.bot_id);
        self.storing.spawn(async move {
            let is_done = store.put(bot_id, &updates).await.is_ok();
            let ids = updates.into_iter().map(|(id, _)| id).collect();
            Stored { ids, is_done }
        });
    }

    fn stored(&mut self, Stored { ids, is_done }: Stored) {
        for id in ids {
            if !is_done {
                self.tell(id, Taken::NotStored);
                continue;
            }
            if !self.progress.stored(id) {
                // It was handled before it was written, so it has to go again.
                self.forget(id);
            }
            self.tell(id, Taken::Safely);
        }
    }

    /// The update needs nothing more.
    fn forget(&mut self, id: i64) {
        self.progress.handled(id, self.desk.clock.now());
        self.done.push(id);
        if self.forgetting.is_empty() {
            self.forget_next();
        }
    }

    fn forget_next(&mut self) {
        let updates = std::mem::take(&mut self.done);
        if updates.is_empty() {
            return;
        }
        let (store, bot_id) = (self.desk.store.clone(), self.desk.bot_id);
        let handled = self.progress.all_handled().clone();
        self.forgetting.spawn(async move {
            // Without it they are handled once more after the next start.
            let _ = store.handled(bot_id, updates, &handled).await;
        });
    }

    fn tell(&mut self, id: i64, taken: Taken) {
        for told in self.waiting.remove(&id).unwrap_or_default() {
            let _ = told.send(taken);
        }
    }

    fn start_ready(&mut self) {
        while self.is_open && self.running.len() < HANDLERS {
            let Some(chat) = self.ready.pop_front() else {
                return;
            };
            let next = self.chats.get_mut(&chat).and_then(VecDeque::pop_front);
            if let Some(work) = next {
                self.start(chat, work);
            }
        }
    }

    fn start(&mut self, chat: i64, Work { received, incoming }: Work) {
        let conversation = Arc::clone(&self.desk.conversation);
        let id = incoming.id;
        let handler = async move {
            let handled = conversation.handle(*incoming.update, received);
            if timeout(LONGEST_HANDLING, handled).await.is_err() {
                figures::PASSED_OVER.add(1, ["given_up"]);
                tracing::warn!(
                    update_id = id,
                    "an update was given up: its chat has no slot"
                );
            }
        };
        let task = self.handlers.spawn(handler);
        self.running.insert(task.id(), (chat, id));
    }

    fn handled(&mut self, handled: Result<(task::Id, ()), JoinError>) {
        let task = handled
            .as_ref()
            .map_or_else(JoinError::id, |(task, ())| *task);
        let Some((chat, id)) = self.running.remove(&task) else {
            return;
        };
        if let Err(error) = handled {
            // It counts as handled, or it would come again for ever.
            tracing::error!(update_id = id, error = %error, "an update's handler failed");
        }
        if self.chats.get(&chat).is_some_and(VecDeque::is_empty) {
            self.chats.remove(&chat);
        } else {
            self.ready.push_back(chat);
        }
        self.start_ready();
        self.forget(id);
        self.tell(id, Taken::Safely);
    }
}
