//! The gateway's own memory of what it may have written to Telegram.
//!
//! `writing` is on disk before the first byte leaves, the outcome after it. So after a
//! crash a row without `writing` is known to be unsent, and only a row with `writing`
//! and no outcome is uncertain. An entry lives until notify-svc acknowledged it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
};

use olm_proto::notify::v1::{AttemptRef, Outcome};
use prost::Message as _;
use redb::{Database, DatabaseError, ReadableTable as _, TableDefinition};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use uuid::Uuid;

use crate::figures;

const ATTEMPTS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("attempts");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const GATEWAY_ID: &str = "gateway_id";
const CLEAN_END: &str = "clean_end";

/// Writes that wait for the disk.
const QUEUED_WRITES: usize = 1_024;
/// Writes that share one flush.
const WRITES_PER_COMMIT: usize = 256;

/// One attempt at one notification of one bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt {
    /// The bot's Telegram id.
    pub bot_id: i64,
    /// The notification.
    pub notification: Uuid,
    /// Its attempt.
    pub number: i32,
}

impl Attempt {
    /// From the wire; `None` when the id is no UUID.
    #[must_use]
    pub fn parse(bot_id: i64, wire: &AttemptRef) -> Option<Self> {
        Some(Self {
            bot_id,
            notification: Uuid::try_parse(&wire.notification_id).ok()?,
            number: wire.attempt_no,
        })
    }

    /// For the wire.
    #[must_use]
    pub fn to_wire(self) -> AttemptRef {
        AttemptRef {
            notification_id: self.notification.to_string(),
            attempt_no: self.number,
        }
    }

    fn key(self) -> [u8; 28] {
        let mut key = [0; 28];
        key[..8].copy_from_slice(&self.bot_id.to_be_bytes());
        key[8..24].copy_from_slice(self.notification.as_bytes());
        key[24..].copy_from_slice(&self.number.to_be_bytes());
        key
    }

    fn from_key(key: &[u8]) -> Option<Self> {
        Some(Self {
            bot_id: i64::from_be_bytes(key.get(..8)?.try_into().ok()?),
            notification: Uuid::from_slice(key.get(8..24)?).ok()?,
            number: i32::from_be_bytes(key.get(24..)?.try_into().ok()?),
        })
    }
}

/// What the journal knows of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// The first byte may have been written.
    Writing,
    /// The outcome is known.
    Finished(Outcome),
}

impl Entry {
    /// `Writing` is the empty value: an outcome always has a kind, so never encodes to
    /// nothing.
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Writing => Vec::new(),
            Self::Finished(outcome) => outcome.encode_to_vec(),
        }
    }

    /// What cannot be read counts as written: the cautious reading.
    fn decode(value: &[u8]) -> Self {
        match Outcome::decode(value) {
            Ok(outcome) if outcome.kind.is_some() => Self::Finished(outcome),
            Ok(_) | Err(_) => Self::Writing,
        }
    }
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Two gateways must not share a journal.
    #[error("the journal {0:?} is in use by another process")]
    InUse(PathBuf),
    /// The file cannot be opened or read.
    #[error("the journal {path:?} cannot be opened")]
    Open {
        /// The journal's file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
    /// Its folder cannot be made.
    #[error("the folder of the journal {path:?} cannot be made")]
    Folder {
        /// The journal's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A write failed, or the journal was closed.
    #[error("the journal cannot be written")]
    Write,
}

/// What a journal held when it was opened.
#[derive(Debug)]
pub struct Opened {
    /// The journal.
    pub journal: Journal,
    /// Made once; the same journal, the same id.
    pub gateway_id: Uuid,
    /// False when the last process that used it ended without a word.
    pub clean: bool,
    /// Attempts that are not acknowledged.
    pub entries: Vec<(Attempt, Entry)>,
}

/// Writes to the journal; cheap to clone.
#[derive(Debug, Clone)]
pub struct Journal {
    writes: mpsc::Sender<Write>,
}

#[derive(Debug)]
struct Write {
    change: Change,
    done: oneshot::Sender<Result<(), JournalError>>,
}

#[derive(Debug)]
enum Change {
    Put(Attempt, Entry),
    Forget(Attempt),
    Close,
}

impl Journal {
    /// Opens or creates the journal. Blocks: call it outside of async tasks.
    ///
    /// # Errors
    ///
    /// When another process uses it, or the file cannot be used.
    pub fn open(path: &Path) -> Result<Opened, JournalError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all(folder).map_err(|source| JournalError::Folder {
                path: path.to_owned(),
                source,
            })?;
        }
        let database = Database::create(path).map_err(|error| {
            if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
                JournalError::InUse(path.to_owned())
            } else {
                open_error(path, error.into())
            }
        })?;
        let (gateway_id, clean) = begin(&database).map_err(|error| open_error(path, error))?;
        let entries = entries(&database).map_err(|error| open_error(path, error))?;
        let (writes, queue) = mpsc::channel(QUEUED_WRITES);
        thread::spawn(move || write_all(&database, queue));
        Ok(Opened {
            journal: Self { writes },
            gateway_id,
            clean,
            entries,
        })
    }

    /// On return it is on disk that the first byte may have been written.
    ///
    /// # Errors
    ///
    /// When it is not; then nothing may be written.
    pub async fn writing(&self, attempt: Attempt) -> Result<(), JournalError> {
        self.write(Change::Put(attempt, Entry::Writing)).await
    }

    /// On return the outcome is on disk.
    ///
    /// # Errors
    ///
    /// When it is not; after a crash the attempt will then be uncertain.
    pub async fn finished(&self, attempt: Attempt, outcome: Outcome) -> Result<(), JournalError> {
        self.write(Change::Put(attempt, Entry::Finished(outcome)))
            .await
    }

    /// The attempt is acknowledged.
    ///
    /// # Errors
    ///
    /// When it stays in the journal; it is then told again after the next start.
    pub async fn forget(&self, attempt: Attempt) -> Result<(), JournalError> {
        self.write(Change::Forget(attempt)).await
    }

    /// Writes down that this process ended in order, and lets go of the file.
    ///
    /// # Errors
    ///
    /// When that could not be written.
    pub async fn close(self) -> Result<(), JournalError> {
        self.write(Change::Close).await
    }

    async fn write(&self, change: Change) -> Result<(), JournalError> {
        let (done, committed) = oneshot::channel();
        let write = Write { change, done };
        self.writes
            .send(write)
            .await
            .map_err(|_| JournalError::Write)?;
        committed.await.map_err(|_| JournalError::Write)?
    }
}

fn open_error(path: &Path, source: redb::Error) -> JournalError {
    JournalError::Open {
        path: path.to_owned(),
        source: Box::new(source),
    }
}

/// Reads the meta data and marks the journal as in use.
fn begin(database: &Database) -> Result<(Uuid, bool), redb::Error> {
    let transaction = database.begin_write()?;
    let (id, clean);
    {
        // Made here, so that a new journal has both tables.
        transaction.open_table(ATTEMPTS)?;
        let mut meta = transaction.open_table(META)?;
        let stored = meta
            .get(GATEWAY_ID)?
            .and_then(|id| Uuid::from_slice(id.value()).ok());
        clean = stored.is_none() || meta.get(CLEAN_END)?.is_some();
        id = stored.unwrap_or_else(Uuid::new_v4);
        meta.insert(GATEWAY_ID, id.as_bytes().as_slice())?;
        meta.remove(CLEAN_END)?;
    }
    transaction.commit()?;
    Ok((id, clean))
}

fn entries(database: &Database) -> Result<Vec<(Attempt, Entry)>, redb::Error> {
    let transaction = database.begin_write()?;
    let table = transaction.open_table(ATTEMPTS)?;
    let mut entries = Vec::new();
    for row in table.iter()? {
        let (key, value) = row?;
        if let Some(attempt) = Attempt::from_key(key.value()) {
            entries.push((attempt, Entry::decode(value.value())));
        }
    }
    Ok(entries)
}

/// The journal's thread: everything that waits shares one transaction and one flush.
fn write_all(database: &Database, mut queue: mpsc::Receiver<Write>) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < WRITES_PER_COMMIT {
            match queue.try_recv() {
                Ok(write) => batch.push(write),
                Err(_) => break,
            }
        }
        let begun = Instant::now();
        let result = commit(database, &batch);
        figures::JOURNAL.time(begun.elapsed(), []);
        if let Err(error) = &result {
            let cause = service_kit::status::chain(error);
            tracing::error!(
                error = cause,
                writes = batch.len(),
                "the journal cannot be written"
            );
        }
        let closed = batch
            .iter()
            .any(|write| matches!(write.change, Change::Close));
        for write in batch {
            let answer = if result.is_ok() {
                Ok(())
            } else {
                Err(JournalError::Write)
            };
            // A writer that has given up does not want to know.
            let _ = write.done.send(answer);
        }
        if closed {
            return;
        }
    }
}

fn commit(database: &Database, batch: &[Write]) -> Result<(), redb::Error> {
    // Durability::Immediate is redb's default: on return of commit it is on disk.
    let transaction = database.begin_write()?;
    {
        let mut attempts = transaction.open_table(ATTEMPTS)?;
        for write in batch {
            match &write.change {
                Change::Put(attempt, entry) => {
                    attempts.insert(attempt.key().as_slice(), entry.encode().as_slice())?;
                }
                Change::Forget(attempt) => {
                    attempts.remove(attempt.key().as_slice())?;
                }
                Change::Close => {
                    let mut meta = transaction.open_table(META)?;
                    meta.insert(CLEAN_END, [].as_slice())?;
                }
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use olm_proto::notify::v1::{Sent, outcome::Kind};

    use super::*;

    struct File(PathBuf);

    impl File {
        fn new() -> Self {
            Self(std::env::temp_dir().join(format!("olm-journal-{}.redb", Uuid::new_v4())))
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn attempt(number: i32) -> Attempt {
        Attempt {
            bot_id: 7,
            notification: Uuid::from_u128(9),
            number,
        }
    }

    fn sent() -> Outcome {
        Outcome {
            kind: Some(Kind::Sent(Sent {
                telegram_message_id: 5,
            })),
        }
    }

    /// Opens it as soon as the thread before has let go of the file.
    fn reopen(path: &Path) -> Opened {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match Journal::open(path) {
                Err(JournalError::InUse(_)) if Instant::now() < deadline => thread::yield_now(),
                other => return other.unwrap(),
            }
        }
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_restart() {
        let file = File::new();
        let first = Journal::open(&file.0).unwrap();
        assert!(first.clean && first.entries.is_empty());
        first.journal.writing(attempt(1)).await.unwrap();
        first.journal.writing(attempt(2)).await.unwrap();
        first.journal.finished(attempt(2), sent()).await.unwrap();
        first.journal.writing(attempt(3)).await.unwrap();
        first.journal.forget(attempt(3)).await.unwrap();
        let id = first.gateway_id;
        drop(first.journal);

        let second = reopen(&file.0);
        assert_eq!(second.gateway_id, id);
        assert!(!second.clean, "the first one never closed it");
        let expected = [
            (attempt(1), Entry::Writing),
            (attempt(2), Entry::Finished(sent())),
        ];
        assert_eq!(second.entries, expected);
        second.journal.close().await.unwrap();
        assert!(reopen(&file.0).clean);
    }

    #[test]
    fn a_journal_in_use_is_refused() {
        let file = File::new();
        let _first = Journal::open(&file.0).unwrap();
        let second = Journal::open(&file.0).unwrap_err();
        assert!(matches!(second, JournalError::InUse(_)), "{second:?}");
    }

    #[tokio::test]
    async fn writes_after_closing_fail() {
        let file = File::new();
        let opened = Journal::open(&file.0).unwrap();
        opened.journal.clone().close().await.unwrap();
        assert!(opened.journal.writing(attempt(1)).await.is_err());
    }
}
