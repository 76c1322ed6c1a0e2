//! Whose the bot is, for the parts that do not speak with notify-svc.

use tokio::sync::watch;

/// Whose a bot is, as far as this process was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Nobody says: notify-svc was not asked yet, or is out of reach.
    #[default]
    Unknown,
    /// Ours.
    Us,
    /// Another gateway's, or another program's.
    Others,
}

/// Says it to whoever wants to know; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holding(watch::Sender<Holder>);

impl Holding {
    pub(crate) fn set(&self, holder: Holder) {
        self.0.send_replace(holder);
    }

    pub(crate) fn get(&self) -> Holder {
        *self.0.borrow()
    }

    /// Waits until it is none of `holders`.
    pub(crate) async fn leaves(&self, holders: &[Holder]) {
        let mut known = self.0.subscribe();
        // Fails only when the sender is gone, and that is in `self`.
        let _ = known.wait_for(|known| !holders.contains(known)).await;
    }
}
