//! The body of a request that decides at the last moment whether it is written.
//!
//! The HTTP client asks for it only when there is a connection and the head goes out. A
//! request whose body never came is none: Telegram cannot act on it. So as long as the
//! body was not asked for it is certain that nothing was done, however the request ends.

use std::{
    error::Error,
    fmt, iter,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::watch;

/// Says whether a request may still be written.
pub(crate) type MayWrite = Arc<dyn Fn() -> bool + Send + Sync>;

/// How far a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was written, and something may be.
    Before,
    /// The body was written, wholly or in part.
    Begun,
    /// Nothing was written, and nothing will be.
    Ended,
}

/// Follows one request; the body has the other end.
#[derive(Debug)]
pub(super) struct Progress(Arc<watch::Sender<Stage>>);

impl Progress {
    /// A body, and what tells of it.
    pub(super) fn of(body: Vec<u8>, may_write: Option<MayWrite>) -> (Self, LateBody) {
        let stage = Arc::new(watch::Sender::new(Stage::Before));
        let late = LateBody {
            data: Some(body.into()),
            may_write,
            stage: Arc::clone(&stage),
        };
        (Self(stage), late)
    }

    /// Waits until the body is asked for.
    pub(super) async fn begun(&self) {
        let mut stage = self.0.subscribe();
        // Fails only when the sender is gone, and that is in `self`.
        let _ = stage.wait_for(|stage| *stage == Stage::Begun).await;
    }

    /// Gives the request up; true when it is certain that it was not written.
    pub(super) fn end(&self) -> bool {
        turn(&self.0, Stage::Ended)
    }
}

/// Leaves [`Stage::Before`]; false when it was left for another stage.
fn turn(stage: &watch::Sender<Stage>, to: Stage) -> bool {
    stage.send_if_modified(|stage| {
        let is_first = *stage == Stage::Before;
        if is_first {
            *stage = to;
        }
        is_first
    }) || *stage.borrow() == to
}

/// The request must not be written any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it came too late to be written")]
pub(super) struct TooLate;

impl TooLate {
    /// Whether this is why a request failed.
    pub(super) fn caused(error: &(dyn Error + 'static)) -> bool {
        iter::successors(Some(error), |&error| error.source()).any(<dyn Error>::is::<Self>)
    }
}

/// A body of one piece.
pub(super) struct LateBody {
    data: Option<Bytes>,
    may_write: Option<MayWrite>,
    stage: Arc<watch::Sender<Stage>>,
}

impl fmt::Debug for LateBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateBody")
            .field("stage", &*self.stage.borrow())
            .finish_non_exhaustive()
    }
}

impl Body for LateBody {
    type Data = Bytes;
    type Error = TooLate;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TooLate>>> {
        let Some(data) = self.data.take() else {
            return Poll::Ready(None);
        };
        let may_write = self.may_write.as_ref().is_none_or(|may_write| may_write());
        let written = may_write && turn(&self.stage, Stage::Begun);
        Poll::Ready(Some(written.then(|| Frame::data(data)).ok_or(TooLate)))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.data.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn ask(body: &mut LateBody) -> Option<Result<Bytes, TooLate>> {
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(body).poll_frame(&mut context) {
            Poll::Ready(frame) => frame.map(|frame| frame.map(|frame| frame.into_data().unwrap())),
            Poll::Pending => panic!("a body of one piece is always ready"),
        }
    }

    #[test]
    fn what_was_asked_for_may_have_been_written() {
        let (progress, mut body) = Progress::of(b"text".to_vec(), None);
        assert_eq!(body.size_hint().exact(), Some(4));
        assert_eq!(ask(&mut body), Some(Ok("text".into())));
        assert_eq!(ask(&mut body), None);
        assert!(!progress.end());
    }

    #[test]
    fn what_was_given_up_before_is_never_written() {
        let (progress, mut body) = Progress::of(b"text".to_vec(), None);
        assert!(progress.end());
        assert_eq!(ask(&mut body), Some(Err(TooLate)));
        assert!(progress.end(), "still certain");
    }

    #[test]
    fn it_is_asked_at_the_last_moment_whether_it_may_be_written() {
        let (progress, mut body) = Progress::of(b"text".to_vec(), Some(Arc::new(|| false)));
        assert_eq!(ask(&mut body), Some(Err(TooLate)));
        assert!(progress.end());
    }
}
