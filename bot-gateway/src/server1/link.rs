//! What generated clients are made over.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::timeout;
use tonic::{Code, Status, body::Body};
use tower::Service;

use super::{
    Fate, Server1,
    calls::{Call, Shelf, call, is_of_person},
    concern::{About, Concern, End},
    exchange::{Answer, Asked, Failed, kept},
    notes::Notes,
};
use crate::figures;

/// The way to server 1 while one update is handled; cheap to make and to clone. Clones
/// share what they come to know.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    server1: Server1,
    notes: Notes,
}

impl Service<http::Request<Body>> for Link {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let link = self.clone();
        Box::pin(async move {
            let answered = link.answer(request).await;
            Ok(answered.unwrap_or_else(Status::into_http))
        })
    }
}

impl Link {
    pub(super) fn new(server1: Server1) -> Self {
        Self {
            server1,
            notes: Notes::default(),
        }
    }

    /// A link for another update.
    pub(crate) fn anew(&self) -> Self {
        self.server1.link()
    }

    /// Since when what was read may be out of date, if it may.
    pub(crate) fn stale_since(&self) -> Option<Timestamp> {
        self.notes.stale_since()
    }

    /// What became of what was to be changed, if something was.
    pub(crate) fn fate(&self) -> Option<Fate> {
        self.notes.fate()
    }

    /// How long the update may still wait for what it only adds to its answer; `None` while
    /// server 1 cannot be asked.
    pub(crate) fn patience(&self) -> Option<Duration> {
        let shared = &self.server1.0;
        let is_cut_off = self.notes.has_failed()
            || self.notes.stale_since().is_some()
            || shared.breaker.is_open();
        let left = self.notes.left(shared.terms.read_timeout);
        (!is_cut_off && !left.is_zero()).then_some(left)
    }

    async fn answer(&self, request: http::Request<Body>) -> Result<http::Response<Body>, Status> {
        let asked = Asked::read(request).await?;
        match call(asked.path()) {
            Call::Read(Some(place)) => self.read(&asked, place).await,
            Call::Read(None) => {
                let answer = self.ask(&asked).await;
                Ok(answer.map_err(|failed| failed.status)?.into_response())
            }
            Call::Write => Ok(self.write(&asked).await?.into_response()),
        }
    }

    /// From what is kept while that holds, else from server 1; when it fails, from what is
    /// kept all the same.
    async fn read(&self, asked: &Asked, place: Shelf) -> Result<http::Response<Body>, Status> {
        let (shared, key) = (&self.server1.0, asked.key());
        let found = |now| self.server1.cache().find(place, &key, now);
        if let Some(fresh) = found(shared.clock.now()).filter(|found| found.fresh) {
            figures::CACHE.add(1, [place.name(), "fresh"]);
            return Ok(kept(fresh.message));
        }
        let begun = (self.server1.cache().begin(), shared.clock.now());
        let answer = match self.ask(asked).await {
            Ok(answer) => answer,
            Err(failed) => {
                let found = found(shared.clock.now());
                let outcome = if found.is_some() { "stale" } else { "missing" };
                figures::CACHE.add(1, [place.name(), outcome]);
                let stale = found.ok_or(failed.status)?;
                self.notes.stale(stale.fetched);
                return Ok(kept(stale.message));
            }
        };
        figures::CACHE.add(1, [place.name(), "fetched"]);
        let mut cache = self.server1.cache();
        match asked.repeatable(&answer) {
            Some(message) => {
                let about = asked.about(Some(&answer));
                cache.keep(place, key, &message, about, begun);
            }
            // It is not there any more, or not for them.
            None if fate_of(answer.code).is_none() => cache.forget(place, &key),
            None => {}
        }
        drop(cache);
        Ok(answer.into_response())
    }

    /// Asks server 1 for what is only read, while the update has time for it.
    async fn ask(&self, asked: &Asked) -> Result<Answer, Failed> {
        let most = self.server1.0.terms.read_timeout;
        let (left, _under_way) = self.notes.begin_read(most);
        if left.is_zero() {
            return Err(Failed::late());
        }
        self.exchange(asked, left, left < most).await
    }

    /// Always asks server 1; what may be out of date afterwards does not hold any more: also
    /// when it was refused, because then something is not as it was thought to be.
    async fn write(&self, asked: &Asked) -> Result<Answer, Status> {
        let mut written = Written {
            server1: &self.server1,
            asked,
            answer: None,
            end: Some(End::Unknown),
        };
        let write_timeout = self.server1.0.terms.write_timeout;
        let answer = match self.exchange(asked, write_timeout, false).await {
            Ok(answer) => answer,
            Err(failed) => {
                if failed.unsent {
                    written.end = None;
                    self.notes.not_changed();
                } else {
                    self.notes.perhaps_changed();
                }
                return Err(failed.status);
            }
        };
        written.end = Some(match fate_of(answer.code) {
            Some(Fate::Unknown) => {
                self.notes.perhaps_changed();
                End::Unknown
            }
            Some(Fate::NotDone) => {
                self.notes.not_changed();
                End::Refused
            }
            Some(Fate::Done) => {
                self.notes.changed();
                written.answer = Some(asked.about(Some(&answer)));
                End::Done
            }
            None => End::Refused,
        });
        Ok(answer)
    }

    /// Asks server 1, unless it is left alone or has failed this update already: people wait
    /// for it once. One that is `hurried` has less time than is fair: that it got no answer
    /// says nothing of server 1.
    async fn exchange(
        &self,
        asked: &Asked,
        within: Duration,
        hurried: bool,
    ) -> Result<Answer, Failed> {
        if self.notes.has_failed() {
            return Err(Failed::not_tried());
        }
        let Some(pass) = self.server1.admit() else {
            self.notes.server_failed();
            return Err(Failed::not_tried());
        };
        let posted = asked.post(self.server1.0.backend.clone());
        let answered = timeout(within, posted).await;
        let Ok(answered) = answered else {
            if !hurried {
                self.notes.server_failed();
                self.server1.failed(&pass, "no answer in time");
            }
            return Err(Failed::late());
        };
        match &answered {
            Ok(_) => self.server1.reached(),
            Err(failed) => {
                self.notes.server_failed();
                self.server1.failed(&pass, failed.status.message());
            }
        }
        answered
    }
}

/// What became of a call that was answered with `code`; `None` where it was refused and the
/// code says why.
fn fate_of(code: Code) -> Option<Fate> {
    match code {
        // Of those that are failures there is no answer to look at.
        Code::Cancelled
        | Code::Unknown
        | Code::DataLoss
        | Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Internal => Some(Fate::Unknown),
        Code::ResourceExhausted => Some(Fate::NotDone),
        Code::Ok => Some(Fate::Done),
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => None,
    }
}

/// A write under way: however it ends, and also when it is given up, what it may have
/// changed does not hold any more.
struct Written<'a> {
    server1: &'a Server1,
    asked: &'a Asked,
    /// What it is about by its answer, too.
    answer: Option<About>,
    /// `None` when nothing of it was sent.
    end: Option<End>,
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        let Some(end) = self.end else {
            return;
        };
        let about = self.answer.take();
        let concern = Concern::Written {
            about: about.unwrap_or_else(|| self.asked.about(None)),
            end,
            of_person: is_of_person(self.asked.path()),
        };
        let now = self.server1.0.clock.now();
        let mut cache = self.server1.cache();
        match end {
            End::Done | End::Refused => cache.outdate(concern),
            End::Unknown => cache.outdate_twice(concern, now),
        }
    }
}
