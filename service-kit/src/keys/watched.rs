//! A secret that may come from a file and change while the service runs.

use std::{
    fmt, fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{MissedTickBehavior, interval, sleep},
};

use crate::metrics::Counter;

/// How often a file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A file that changed is read when it stood still so long: it may be half written.
const SETTLE: Duration = Duration::from_secs(1);

static RELOADS: Counter<1> = Counter::new(
    "olm.keys.reloads",
    "{reload}",
    "Files of keys that changed: taken, or kept out because they cannot be used",
    ["outcome"],
);

/// Where a secret was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// The variable that names the file, for people.
    pub variable: String,
    /// The file.
    pub path: PathBuf,
}

/// What tells a file from its next version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
        })
    }
}

/// Makes the value of a file's text, or says by place what is wrong with it; never by its
/// text, which is secret.
type Parse<T> = fn(&str) -> Result<T, String>;

/// A value and the file it came from, if it did. Clones share it.
pub(crate) struct Watched<T>(Arc<Shared<T>>);

struct Shared<T> {
    now: RwLock<Arc<T>>,
    source: Option<Source<T>>,
    followed: AtomicBool,
}

struct Source<T> {
    file: SecretFile,
    parse: Parse<T>,
    /// Of the version that was read or refused last.
    seen: Mutex<Option<Stamp>>,
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

impl<T: Send + Sync + 'static> Watched<T> {
    /// A value that was read from `file`, or stays as it is without one.
    pub(crate) fn new(value: T, file: Option<SecretFile>, parse: Parse<T>) -> Self {
        let source = file.map(|file| Source {
            // What changed since it was read is read again: once too often, at worst.
            seen: Mutex::new(Stamp::of(&file.path)),
            file,
            parse,
        });
        Self(Arc::new(Shared {
            now: RwLock::new(Arc::new(value)),
            source,
            followed: AtomicBool::new(false),
        }))
    }

    /// The present value.
    pub(crate) fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the file every ten seconds, and at SIGHUP, until nobody has the value any
    /// more. Twice is once.
    pub(crate) fn follow(&self) {
        if self.0.source.is_some() && !self.0.followed.swap(true, Ordering::Relaxed) {
            tokio::spawn(follow(Arc::downgrade(&self.0)));
        }
    }
}

async fn follow<T: Send + Sync + 'static>(shared: Weak<Shared<T>>) {
    let mut hangups = signal(SignalKind::hangup()).ok();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            () = hung_up(&mut hangups) => true,
            _ = ticks.tick() => false,
        };
        let Some(source) = shared.upgrade() else {
            return;
        };
        if !asked && !source.stands_changed().await {
            continue;
        }
        source.reload();
    }
}

async fn hung_up(hangups: &mut Option<Signal>) {
    if let Some(hangups) = hangups
        && hangups.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

impl<T> Shared<T> {
    /// Whether there is another version that is written to its end.
    async fn stands_changed(&self) -> bool {
        let Some(source) = &self.source else {
            return false;
        };
        let stamp = Stamp::of(&source.file.path);
        if stamp == *source.seen.lock().unwrap_or_else(PoisonError::into_inner) {
            return false;
        }
        sleep(SETTLE).await;
        stamp == Stamp::of(&source.file.path)
    }

    /// Reads the file; one that cannot be used changes nothing.
    fn reload(&self) {
        let Some(source) = &self.source else { return };
        let SecretFile { variable, path } = &source.file;
        *source.seen.lock().unwrap_or_else(PoisonError::into_inner) = Stamp::of(path);
        let read = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"));
        match read.and_then(|text| (source.parse)(text.trim())) {
            Ok(value) => {
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                RELOADS.add(1, ["taken"]);
                tracing::info!(event = "keys_reloaded", variable, "keys were read anew");
            }
            Err(fault) => {
                RELOADS.add(1, ["refused"]);
                tracing::error!(
                    event = "keys_refused",
                    variable,
                    fault,
                    "the file of keys cannot be used; the keys stay as they were"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<u32, String> {
        text.parse().map_err(|_| "line 1 is no number".to_owned())
    }

    fn file(name: &str) -> SecretFile {
        let path = std::env::temp_dir().join(format!("olm-{name}-{}", uuid::Uuid::new_v4()));
        SecretFile {
            variable: "T_KEYS_FILE".to_owned(),
            path,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_is_taken_and_a_faulty_or_missing_one_changes_nothing() {
        let file = file("watched");
        fs::write(&file.path, "1\n").unwrap();
        let watched = Watched::new(1, Some(file.clone()), number);
        assert!(!watched.0.stands_changed().await);
        fs::write(&file.path, "22\n").unwrap();
        assert!(watched.0.stands_changed().await);
        watched.0.reload();
        assert_eq!(*watched.get(), 22);
        assert!(!watched.0.stands_changed().await, "it was seen");

        fs::write(&file.path, "hush hush\n").unwrap();
        assert!(watched.0.stands_changed().await);
        watched.0.reload();
        assert_eq!(*watched.get(), 22);
        fs::remove_file(&file.path).unwrap();
        watched.0.reload();
        assert_eq!(*watched.get(), 22);

        // As Kubernetes changes a secret: another file under the same name.
        let next = file.path.with_extension("next");
        fs::write(&next, "33\n").unwrap();
        fs::rename(&next, &file.path).unwrap();
        assert!(watched.0.stands_changed().await);
        watched.0.reload();
        assert_eq!(*watched.get(), 33);
        fs::remove_file(&file.path).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_followed_is_taken_by_itself_and_let_go_with_its_value() {
        let file = file("followed");
        fs::write(&file.path, "1").unwrap();
        let watched = Watched::new(1, Some(file.clone()), number);
        watched.follow();
        watched.follow();
        fs::write(&file.path, "22").unwrap();
        tokio::time::timeout(Duration::from_mins(1), async {
            while *watched.get() != 22 {
                sleep(Duration::from_secs(1)).await;
            }
        })
        .await
        .unwrap();
        let shared = Arc::downgrade(&watched.0);
        drop(watched);
        assert!(shared.upgrade().is_none());
        fs::remove_file(&file.path).unwrap();
    }
}
