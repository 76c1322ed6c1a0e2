//! One watcher: catches up from the database, then hears what the tail reads.

use std::{sync::Arc, time::Duration};

use olm_proto::lesson::v1::{Change as Told, WatchChangesResponse};
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        broadcast::{self, error::RecvError},
        mpsc,
    },
    time::{Instant, sleep_until, timeout},
};
use tonic::{Code, Status};

use super::{Batch, cursor::Cursor, filter::Sight, store};
use crate::{
    errors::{DOMAIN, Error},
    ids::UserId,
    state::State,
    users,
};

/// An answer without changes comes this long after the last one.
const BEAT_EVERY: Duration = Duration::from_secs(15);
/// Who takes no answer for this long does not read.
const PATIENCE: Duration = Duration::from_secs(30);
/// Who is further behind reads everything anew.
const MOST_BEHIND: i64 = 10_000;

/// What a watcher receives, and the last word when it ends.
pub type Answers = mpsc::Receiver<Result<WatchChangesResponse, Status>>;

/// Why watching ended.
enum End {
    /// The watcher went away: nobody is there to be told.
    Gone,
    Refused(Status),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

/// Somebody who watches.
pub struct Watcher {
    state: State,
    sight: Sight,
    /// What they were told, or need not be.
    cursor: Cursor,
    batches: broadcast::Receiver<Arc<Batch>>,
    answers: mpsc::Sender<Result<WatchChangesResponse, Status>>,
    beat: Instant,
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    /// Begins after `cursor`, or now; what is to be told arrives in what is answered.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyWatchers`]; when the database fails.
    pub async fn start(
        state: &State,
        sight: Sight,
        cursor: Option<Cursor>,
    ) -> Result<Answers, Error> {
        // First, so that nothing is between what is read and what is heard.
        let (place, batches) = state.watchers.join()?;
        let cursor = match cursor {
            Some(cursor) => cursor,
            None => store::head(&mut *state.pool.acquire().await?).await?,
        };
        // One answer that is on its way, and a place for the last word.
        let (answers, receiver) = mpsc::channel(2);
        let watcher = Self {
            state: state.clone(),
            sight,
            cursor,
            batches,
            answers,
            beat: Instant::now(),
            _place: place,
        };
        tokio::spawn(watcher.run());
        Ok(receiver)
    }

    async fn run(mut self) {
        let Ok(last_word) = self.answers.clone().reserve_owned().await else {
            return;
        };
        let stopping = self.state.watchers.0.shutdown.stopping();
        let answers = self.answers.clone();
        let end = tokio::select! {
            () = stopping => End::Refused(stopped()),
            () = answers.closed() => End::Gone,
            end = self.watch() => end,
        };
        if let End::Refused(status) = end {
            last_word.send(Err(status));
        }
    }

    async fn watch(&mut self) -> End {
        match self.go_on().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn go_on(&mut self) -> Result<std::convert::Infallible, End> {
        self.catch_up().await?;
        // Where it begins, at once.
        self.answer(Vec::new(), false).await?;
        loop {
            tokio::select! {
                heard = self.batches.recv() => match heard {
                    Ok(batch) => self.hear(&batch).await?,
                    Err(RecvError::Lagged(_)) => return Err(Error::WatcherTooSlow.into()),
                    Err(RecvError::Closed) => return Err(End::Refused(stopped())),
                },
                () = sleep_until(self.beat + BEAT_EVERY) => {
                    self.answer(Vec::new(), false).await?;
                }
            }
        }
    }

    async fn hear(&mut self, batch: &Batch) -> Result<(), End> {
        if batch.log != self.cursor.log || batch.from > self.cursor.position {
            // The tail began after us, or the log anew: what lies between is read.
            return self.catch_up().await;
        }
        if batch.until <= self.cursor.position {
            return Ok(());
        }
        let known = self.cursor.position;
        let new = batch
            .changes
            .partition_point(|change| change.position <= known);
        self.cursor.position = batch.until;
        self.tell(&batch.changes[new..]).await
    }

    /// Reads what is after the cursor until it is all told.
    async fn catch_up(&mut self) -> Result<(), End> {
        loop {
            let mut conn = self.state.pool.acquire().await.map_err(Error::from)?;
            let position = self.cursor.position;
            let page = store::page(&mut conn, position).await?;
            if page.is_out_of(self.cursor)
                || (!page.drained && store::is_behind(&mut conn, position, MOST_BEHIND).await?)
            {
                self.cursor = store::head(&mut conn).await?;
                drop(conn);
                return self.answer(Vec::new(), true).await;
            }
            drop(conn);
            self.cursor.position = page.until;
            self.tell(&page.changes).await?;
            if page.drained {
                return Ok(());
            }
        }
    }

    async fn tell(&mut self, changes: &[super::Change]) -> Result<(), End> {
        if let Some(person) = self.sight.viewer_among(changes) {
            self.require(person).await?;
        }
        let told = self.sight.of(changes);
        if told.is_empty() {
            return Ok(());
        }
        self.answer(told, false).await
    }

    /// Ends watching for who was erased.
    async fn require(&self, person: UserId) -> Result<(), End> {
        let mut conn = self.state.pool.acquire().await.map_err(Error::from)?;
        users::store::require(&mut conn, person).await?;
        Ok(())
    }

    async fn answer(&mut self, changes: Vec<Told>, reset: bool) -> Result<(), End> {
        let answer = WatchChangesResponse {
            changes,
            cursor: self.cursor.to_text(),
            reset,
        };
        self.beat = Instant::now();
        match timeout(PATIENCE, self.answers.send(Ok(answer))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(Error::WatcherTooSlow.into()),
        }
    }
}

fn stopped() -> Status {
    service_kit::status::Refusal::new(
        Code::Unavailable,
        olm_proto::common::v1::ErrorReason::Unavailable,
        "this replica stops; go on with the last cursor",
    )
    .retry_after(Duration::ZERO)
    .into_status(DOMAIN)
}
