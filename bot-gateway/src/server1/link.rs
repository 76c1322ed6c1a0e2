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
    concern::Concern,
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

    /// What became of what was to be changed, if that was not done.
    pub(crate) fn fate(&self) -> Option<Fate> {
        self.notes.fate()
    }

    async fn answer(&self, request: http::Request<Body>) -> Result<http::Response<Body>, Status> {
        let asked = Asked::read(request).await?;
        match call(asked.path()) {
            Call::Read(Some(place)) => self.read(&asked, place).await,
            Call::Read(None) => {
                let read_timeout = self.server1.0.terms.read_timeout;
                let answer = self.exchange(&asked, read_timeout).await;
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
        let answer = match self.exchange(asked, shared.terms.read_timeout).await {
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
                cache.keep(place, key, message, about, begun);
            }
            None => cache.forget(place, &key),
        }
        drop(cache);
        Ok(answer.into_response())
    }

    /// Always asks server 1, and drops what may be out of date afterwards: also when it was
    /// refused, because then something is not as it was thought to be.
    async fn write(&self, asked: &Asked) -> Result<Answer, Status> {
        let mut written = Written {
            server1: &self.server1,
            asked,
            concern: Some(Concern::Written {
                about: asked.about(None),
                in_full: false,
                of_person: is_of_person(asked.path()),
            }),
        };
        let answer = match self
            .exchange(asked, self.server1.0.terms.write_timeout)
            .await
        {
            Ok(answer) => answer,
            Err(failed) => {
                let fate = if failed.unsent {
                    written.concern = None;
                    Fate::NotDone
                } else {
                    Fate::Unknown
                };
                self.notes.not_changed(fate);
                return Err(failed.status);
            }
        };
        if answer.code == Code::Ok {
            self.notes.changed();
            written.done(&answer);
        } else if let Some(fate) = fate_of(answer.code) {
            self.notes.not_changed(fate);
        }
        Ok(answer)
    }

    /// Asks server 1, unless it is left alone or has failed this update already: people wait
    /// for it once.
    async fn exchange(&self, asked: &Asked, within: Duration) -> Result<Answer, Failed> {
        if self.notes.has_failed() {
            return Err(Failed::not_tried());
        }
        let Some(pass) = self.server1.admit() else {
            self.notes.server_failed();
            return Err(Failed::not_tried());
        };
        let posted = asked.post(self.server1.0.backend.clone());
        let answered = timeout(within, posted).await;
        let answered = answered.unwrap_or_else(|_| Err(Failed::late()));
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

/// What became of a write that was answered with `code`, where the code does not say why it
/// was refused.
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
        Code::Ok
        | Code::InvalidArgument
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
/// changed is dropped.
struct Written<'a> {
    server1: &'a Server1,
    asked: &'a Asked,
    concern: Option<Concern>,
}

impl Written<'_> {
    /// Now it is known what it is about.
    fn done(&mut self, answer: &Answer) {
        self.concern = Some(Concern::Written {
            about: self.asked.about(Some(answer)),
            in_full: true,
            of_person: is_of_person(self.asked.path()),
        });
    }
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        if let Some(concern) = self.concern.take() {
            self.server1.cache().drop_touched(concern);
        }
    }
}
