use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use service_kit::clock::{Clock as _, ManualClock};
use uuid::Uuid;

use super::*;
use crate::memory::Question;

struct File(PathBuf);

impl File {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("olm-store-{}.redb", Uuid::new_v4())))
    }

    /// Opens it as soon as the one before has let go of the file.
    async fn open(&self, clock: &Arc<ManualClock>) -> Store {
        for _ in 0..100_000 {
            let clock: SharedClock = Arc::clone(clock) as SharedClock;
            match Store::open(self.0.clone(), clock).await {
                Err(StoreError::InUse(_)) => task::yield_now().await,
                other => return other.unwrap(),
            }
        }
        panic!("the store is never released");
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

const BOT: i64 = 42;

fn clock() -> Arc<ManualClock> {
    ManualClock::new("2026-11-21T10:00:00Z".parse().unwrap())
}

fn asked(screen: i32) -> ChatMemory {
    ChatMemory {
        screen: Some(screen),
        question: Some(Question::Lead),
        ..ChatMemory::default()
    }
}

/// What another process would find if this one died now.
async fn after_a_crash(file: &File, clock: &Arc<ManualClock>) -> Left {
    let copy = File::new();
    fs::copy(&file.0, &copy.0).unwrap();
    copy.open(clock).await.left(BOT).await.unwrap()
}

#[tokio::test]
async fn a_chat_is_read_as_it_was_kept_last_and_after_a_restart() {
    let (file, clock) = (File::new(), clock());
    let store = file.open(&clock).await;
    assert_eq!(store.chat(BOT, 7).await.unwrap(), None);
    for screen in [1, 2] {
        store.keep(BOT, 7, &asked(screen)).await.unwrap();
        assert_eq!(store.chat(BOT, 7).await.unwrap(), Some(asked(screen)));
    }
    assert_eq!(store.chat(BOT, 8).await.unwrap(), None);
    assert_eq!(store.chat(BOT + 1, 7).await.unwrap(), None);
    store.clone().close().await.unwrap();
    assert!(store.keep(BOT, 7, &asked(3)).await.is_err());
    drop(store);
    let store = file.open(&clock).await;
    assert_eq!(store.chat(BOT, 7).await.unwrap(), Some(asked(2)));
}

#[tokio::test]
async fn what_was_kept_is_on_disk_soon_without_being_closed() {
    let (file, clock) = (File::new(), clock());
    let store = file.open(&clock).await;
    store.keep(BOT, 7, &asked(1)).await.unwrap();
    let found = async {
        loop {
            let copy = File::new();
            fs::copy(&file.0, &copy.0).unwrap();
            // A copy may be taken in the middle of a write.
            if let Ok(other) = Store::open(copy.0.clone(), Arc::clone(&clock) as SharedClock).await
                && other.chat(BOT, 7).await.unwrap() == Some(asked(1))
            {
                return;
            }
        }
    };
    let within = Duration::from_secs(20);
    tokio::time::timeout(within, found).await.unwrap();
}

#[tokio::test]
async fn an_update_is_on_disk_when_it_was_put_and_gone_when_it_was_handled() {
    let (file, clock) = (File::new(), clock());
    let store = file.open(&clock).await;
    let updates = [3, 5].map(|id| (id, json!({ "update_id": id })));
    let at = clock.now();
    let waiting = updates.clone().map(|(id, value)| Waiting { id, at, value });
    store.put(BOT, &updates).await.unwrap();
    store.put(BOT + 1, &updates).await.unwrap();
    let left = after_a_crash(&file, &clock).await;
    assert_eq!(left.updates, waiting);
    assert_eq!(left.handled, Handled::default());

    let mut handled = Handled::default();
    handled.insert(3, clock.now());
    store.handled(BOT, vec![3], &handled).await.unwrap();
    // Closing flushes, as the passing of time does.
    store.close().await.unwrap();
    let left = after_a_crash(&file, &clock).await;
    assert_eq!(left.updates, waiting[1..]);
    assert_eq!(left.handled, handled);
}

#[tokio::test]
async fn chats_go_after_a_month_and_updates_after_a_day() {
    let (file, clock) = (File::new(), clock());
    let store = file.open(&clock).await;
    let update = [(3, json!({ "update_id": 3 }))];
    store.keep(BOT, 7, &asked(1)).await.unwrap();
    store.put(BOT, &update).await.unwrap();
    store.close().await.unwrap();
    let day = SignedDuration::from_hours(24);
    let day_of = async |chats: usize, updates: usize| {
        let store = file.open(&clock).await;
        assert_eq!(store.left(BOT).await.unwrap().updates.len(), updates);
        let kept = store.chat(BOT, 7).await.unwrap();
        assert_eq!(kept.iter().count(), chats);
        store.close().await.unwrap();
    };
    clock.advance(day);
    day_of(1, 1).await;
    clock.advance(SignedDuration::from_secs(1));
    day_of(1, 0).await;
    clock.advance(29 * day);
    day_of(0, 0).await;
}

#[tokio::test]
async fn a_store_in_use_is_refused() {
    let (file, clock) = (File::new(), clock());
    let _first = file.open(&clock).await;
    let second = Store::open(file.0.clone(), clock).await.unwrap_err();
    assert!(matches!(second, StoreError::InUse(_)), "{second:?}");
}
