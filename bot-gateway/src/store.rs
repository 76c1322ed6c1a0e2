//! What outlives the process of updates and conversations: updates that were taken and not
//! yet handled, which ones were handled, and what is kept of each chat.
//!
//! A file of its own beside the journal's: one database has one writer at a time, and a
//! notification must not wait for a conversation. An update is on disk when [`Store::put`]
//! returns. The rest is readable at once and on disk a tenth of a second later at most:
//! losing it repeats an answer or forgets a question, and changes nothing twice.

mod tables;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use redb::{Builder, Database, DatabaseError, Durability};
use serde_json::Value;
use service_kit::{clock::SharedClock, status};
use tokio::{
    sync::{mpsc, oneshot},
    task,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use crate::{figures, memory::ChatMemory, updates::Handled};

/// Writes that wait for the disk, and writes that share one transaction.
const QUEUED_WRITES: usize = 1_024;
const WRITES_PER_COMMIT: usize = 256;
/// What was written is on disk after this long.
const FLUSHED_WITHIN: Duration = Duration::from_millis(100);
/// Between two looks for what is too old.
const SWEEP_EVERY: Duration = Duration::from_hours(24);
/// The database's own cache; what is kept of a chat is some hundred bytes.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Two gateways must not share one.
    #[error("the store {0:?} is in use by another process")]
    InUse(PathBuf),
    /// The file cannot be opened, read or made.
    #[error("the store {path:?} cannot be opened")]
    Open {
        /// The store's file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
    /// A read failed.
    #[error("the store cannot be read")]
    Read,
    /// A write failed, or the store was closed.
    #[error("the store cannot be written")]
    Write,
}

/// Keeps and remembers; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    database: Arc<Database>,
    writes: mpsc::Sender<Write>,
    clock: SharedClock,
}

/// What an earlier process left of a bot.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Updates that were not handled; their ids rise.
    pub(crate) updates: Vec<Waiting>,
    /// Those that were.
    pub(crate) handled: Handled,
}

/// An update that was not handled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Waiting {
    pub(crate) id: i64,
    /// When it was stored.
    pub(crate) at: Timestamp,
    pub(crate) value: Value,
}

#[derive(Debug)]
struct Write {
    change: Change,
    done: Option<oneshot::Sender<Result<(), StoreError>>>,
}

/// Values are JSON.
#[derive(Debug)]
enum Change {
    Chat {
        bot_id: i64,
        chat: i64,
        value: Vec<u8>,
    },
    Updates {
        bot_id: i64,
        updates: Vec<(i64, Vec<u8>)>,
    },
    Handled {
        bot_id: i64,
        updates: Vec<i64>,
        handled: Vec<u8>,
    },
    Close,
}

impl Change {
    /// Whether it is on disk when its writer is told.
    fn is_flushed(&self) -> bool {
        match self {
            Self::Updates { .. } | Self::Close => true,
            Self::Chat { .. } | Self::Handled { .. } => false,
        }
    }
}

impl Store {
    /// The file that belongs to a journal.
    pub(crate) fn beside(journal: &Path) -> PathBuf {
        journal.with_extension("chats.redb")
    }

    /// Opens or creates the store, and forgets what is too old.
    ///
    /// # Errors
    ///
    /// When another process uses it, or the file cannot be used.
    pub(crate) async fn open(path: PathBuf, clock: SharedClock) -> Result<Self, StoreError> {
        let now = clock.now();
        let database = blocking(move || {
            let database = open(&path)?;
            tables::begin(&database, now).map_err(|error| open_error(&path, error))?;
            Ok(Arc::new(database))
        })
        .await?;
        let (writes, queue) = mpsc::channel(QUEUED_WRITES);
        let task = Writer {
            database: Arc::clone(&database),
            clock: Arc::clone(&clock),
            unflushed: None,
        };
        tokio::spawn(task.run(queue));
        Ok(Self {
            database,
            writes,
            clock,
        })
    }

    /// What is kept of a chat.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(crate) async fn chat(
        &self,
        bot_id: i64,
        chat: i64,
    ) -> Result<Option<ChatMemory>, StoreError> {
        self.read(move |database| tables::chat(database, bot_id, chat))
            .await
    }

    /// Keeps it, in place of what was; readable on return.
    ///
    /// # Errors
    ///
    /// When it is not kept.
    pub(crate) async fn keep(
        &self,
        bot_id: i64,
        chat: i64,
        memory: &ChatMemory,
    ) -> Result<(), StoreError> {
        let value = tables::encode(memory, self.clock.now())?;
        let change = Change::Chat {
            bot_id,
            chat,
            value,
        };
        self.write(change).await
    }

    /// What an earlier process left of a bot.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or not what it says of handled updates: without that they
    /// would act again.
    pub(crate) async fn left(&self, bot_id: i64) -> Result<Left, StoreError> {
        self.read(move |database| tables::left(database, bot_id))
            .await
    }

    /// Keeps updates until they are handled; on return they are on disk.
    ///
    /// # Errors
    ///
    /// When they are not.
    pub(crate) async fn put(
        &self,
        bot_id: i64,
        updates: &[(i64, Value)],
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let encoded = updates
            .iter()
            .map(|(id, update)| Ok((*id, tables::encode(update, now)?)));
        let updates = encoded.collect::<Result<_, StoreError>>()?;
        self.write(Change::Updates { bot_id, updates }).await
    }

    /// `updates` were handled, as `handled` says too; on disk soon.
    ///
    /// # Errors
    ///
    /// When the store was closed.
    pub(crate) async fn handled(
        &self,
        bot_id: i64,
        updates: Vec<i64>,
        handled: &Handled,
    ) -> Result<(), StoreError> {
        let handled = tables::encode(handled, self.clock.now())?;
        let change = Change::Handled {
            bot_id,
            updates,
            handled,
        };
        let write = Write { change, done: None };
        self.writes.send(write).await.map_err(|_| StoreError::Write)
    }

    /// Writes everything to disk; nothing can be written afterwards.
    ///
    /// # Errors
    ///
    /// When it could not be written.
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        self.write(Change::Close).await
    }

    async fn write(&self, change: Change) -> Result<(), StoreError> {
        let (done, written) = oneshot::channel();
        let write = Write {
            change,
            done: Some(done),
        };
        self.writes
            .send(write)
            .await
            .map_err(|_| StoreError::Write)?;
        written.await.map_err(|_| StoreError::Write)?
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Database) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = Arc::clone(&self.database);
        blocking(move || read(&database)).await.map_err(|error| {
            tracing::error!(error = status::chain(&error), "the store cannot be read");
            StoreError::Read
        })
    }
}

/// Runs what waits for the disk where it holds up nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(ended) => std::panic::resume_unwind(ended.into_panic()),
    }
}

fn open(path: &Path) -> Result<Database, StoreError> {
    let folder = path.parent();
    if let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| open_error(path, redb::Error::Io(error)))?;
    }
    let created = Builder::new().set_cache_size(CACHE_BYTES).create(path);
    created.map_err(|error| {
        if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
            StoreError::InUse(path.to_owned())
        } else {
            open_error(path, error.into())
        }
    })
}

fn open_error(path: &Path, source: redb::Error) -> StoreError {
    StoreError::Open {
        path: path.to_owned(),
        source: Box::new(source),
    }
}

/// The one that writes: everything that waits shares one transaction.
struct Writer {
    database: Arc<Database>,
    clock: SharedClock,
    /// Since when something is written and not on disk.
    unflushed: Option<Instant>,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Write>) {
        let mut sweeps = interval(SWEEP_EVERY);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once, and opening has just swept.
        sweeps.tick().await;
        let mut batch = Vec::new();
        loop {
            let flush_at = self.unflushed.map(|since| since + FLUSHED_WITHIN);
            tokio::select! {
                count = queue.recv_many(&mut batch, WRITES_PER_COMMIT) => {
                    let closes = |write: &Write| matches!(write.change, Change::Close);
                    let ends = count == 0 || batch.iter().any(closes);
                    self.write(std::mem::take(&mut batch), ends).await;
                    if ends {
                        return;
                    }
                }
                () = reached(flush_at) => self.write(Vec::new(), true).await,
                _ = sweeps.tick() => self.sweep().await,
            }
        }
    }

    async fn write(&mut self, batch: Vec<Write>, flush: bool) {
        let flush = flush || batch.iter().any(|write| write.change.is_flushed());
        let durability = if flush {
            Durability::Immediate
        } else {
            Durability::None
        };
        let (changes, waiting): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|write| (write.change, write.done))
            .unzip();
        let begun = Instant::now();
        let database = Arc::clone(&self.database);
        let result = blocking(move || tables::commit(&database, changes, durability)).await;
        if let Err(error) = &result {
            let cause = status::chain(error);
            tracing::error!(
                error = cause,
                writes = waiting.len(),
                "the store cannot be written"
            );
        }
        if flush {
            figures::STORE.time(begun.elapsed(), []);
            // A disk that fails is asked again with the next write, not all the time.
            self.unflushed = None;
        } else {
            self.unflushed.get_or_insert(begun);
        }
        for done in waiting.into_iter().flatten() {
            let answer = result.as_ref().copied().map_err(|_| StoreError::Write);
            // A writer that has given up does not want to know.
            let _ = done.send(answer);
        }
    }

    async fn sweep(&self) {
        let (database, now) = (Arc::clone(&self.database), self.clock.now());
        if let Err(error) = blocking(move || tables::sweep(&database, now)).await {
            tracing::error!(error = status::chain(&error), "the store cannot be swept");
        }
    }
}

/// Never, where there is no instant.
async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
impl Store {
    /// A store whose disk stands still from the first write on.
    pub(crate) fn standing_still(path: &Path, clock: SharedClock) -> Result<Self, StoreError> {
        let database = open(path)?;
        tables::begin(&database, clock.now()).map_err(|error| open_error(path, error))?;
        let (writes, queue) = mpsc::channel(1);
        tokio::spawn(async move {
            let _kept = queue;
            std::future::pending::<()>().await;
        });
        Ok(Self {
            database: Arc::new(database),
            writes,
            clock,
        })
    }
}

#[cfg(test)]
mod tests;
