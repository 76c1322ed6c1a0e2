//! How updates come in: by long polling or by webhook. Either way an update is written to
//! disk before Telegram may forget it, so none is lost by a crash, and its id after it was
//! handled, so none acts twice.

mod handled;
mod inbox;
mod incoming;
pub(crate) mod places;
mod polling;
mod progress;
mod throttle;
pub(crate) mod webhook;

use std::time::Duration;

use service_kit::shutdown::Shutdown;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    holding::{Holder, Holding},
    telegram::Telegram,
};

pub(crate) use handled::Handled;
pub(crate) use inbox::Desk;
use inbox::Inbox;
use webhook::Hook;

/// How long to wait to be told whose the bot is: one that another gateway polls must not be
/// disturbed.
const FIRST_WORD: Duration = Duration::from_secs(1);
/// The kinds of updates that the bot asks for.
const KINDS: [&str; 2] = ["message", "callback_query"];

/// Where updates come from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) telegram: Telegram,
    /// Whose the bot is.
    pub(crate) holding: Holding,
    pub(crate) feed: Feed,
}

/// By which way.
#[derive(Debug)]
pub(crate) enum Feed {
    /// Telegram may hold a poll for so long.
    Polling(Duration),
    /// They are posted.
    Webhook(Hook),
}

/// Takes updates until stopping begins, then lets the handlers finish.
pub(crate) async fn run(source: Source, desk: Desk, shutdown: &Shutdown) {
    let mut inbox = Inbox::open(desk);
    match source.feed {
        Feed::Polling(hold) => {
            let poller = polling::Poller::new(source.telegram, source.holding, hold);
            poller.run(&mut inbox, shutdown).await;
        }
        Feed::Webhook(hook) => {
            let Source {
                telegram, holding, ..
            } = source;
            hook.run(telegram, holding, &mut inbox, shutdown).await;
        }
    }
}

/// Waits until the bot is ours, for a second at most: what was taken is handled by this gateway
/// or by none. The second also keeps apart what an earlier process has just sent to a chat and
/// what this one will.
async fn first_word(holding: &Holding) {
    let ours = holding.leaves(&[Holder::Unknown, Holder::Others]);
    let _ = timeout(FIRST_WORD, ours).await;
}

/// Waits until the bot is ours, or nobody has said whose it is for this long.
async fn free(holding: &Holding, unsaid_for: Duration) {
    loop {
        holding.leaves(&[Holder::Others]).await;
        let said = timeout(unsaid_for, holding.leaves(&[Holder::Unknown])).await;
        if said.is_err() || holding.get() == Holder::Us {
            return;
        }
    }
}

/// The id under which a change caused by a button is idempotent: the same button of
/// the same message, however often it is pressed or its update delivered. The message's
/// date tells apart messages of a chat whose numbering began anew.
pub(crate) fn request_id(bot_id: i64, chat: i64, message: i32, sent: i64, data: &str) -> Uuid {
    let name = format!("telegram:{bot_id}:{chat}:{message}:{sent}:{data}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

/// The same of one update, such as a text, however often it is given out.
/// Telegram's ids of updates may begin anew after a week (Bot API, `Update`), when no
/// request is remembered any more.
pub(crate) fn request_id_of_update(bot_id: i64, update: u32) -> Uuid {
    let name = format!("telegram:{bot_id}:update:{update}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const UNSAID: Duration = Duration::from_mins(5);
    const ALMOST: Duration = Duration::from_secs(5 * 60 - 1);

    async fn is_free_within(length: Duration, holding: &Holding) -> bool {
        timeout(length, free(holding, UNSAID)).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_bot_is_free_when_it_is_ours_or_nobody_says_whose_for_as_long_as_given() {
        let holding = Holding::default();
        assert!(!is_free_within(ALMOST, &holding).await);
        assert!(is_free_within(UNSAID * 2, &holding).await);
        holding.set(Holder::Others);
        assert!(!is_free_within(UNSAID * 2, &holding).await);
        holding.set(Holder::Us);
        assert!(is_free_within(Duration::ZERO, &holding).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_begins_anew_when_the_bot_was_said_to_be_anothers() {
        let holding = Holding::default();
        let said = holding.clone();
        tokio::spawn(async move {
            sleep(ALMOST).await;
            said.set(Holder::Others);
            sleep(ALMOST).await;
            said.set(Holder::Unknown);
        });
        assert!(!is_free_within(3 * ALMOST, &holding).await);
        assert!(is_free_within(UNSAID * 2, &holding).await);
    }
}
