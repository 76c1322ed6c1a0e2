//! What the stand-in does instead of answering.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use super::Lessons;

/// How it fails, everywhere at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// It does not.
    No,
    /// Nothing is answered.
    Hanging,
    /// Everything is answered with this.
    With(Code),
    /// Only this RPC fails; it is not to be reached.
    Only(&'static str),
}

/// Writes down each call before it is answered or not.
#[derive(Debug, Clone)]
pub struct Recorded(pub Arc<Lessons>);

#[derive(Debug, Clone)]
pub struct RecordedService<S> {
    inner: S,
    lessons: Arc<Lessons>,
}

impl<S> Layer<S> for Recorded {
    type Service = RecordedService<S>;

    fn layer(&self, inner: S) -> RecordedService<S> {
        let lessons = Arc::clone(&self.0);
        RecordedService { inner, lessons }
    }
}

impl<S> Service<http::Request<Body>> for RecordedService<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let lessons = Arc::clone(&self.lessons);
        let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
        Box::pin(async move {
            lessons.calls.lock().unwrap().push(method.clone());
            let mut failing = lessons.failing.subscribe();
            let failing = *failing
                .wait_for(|failing| *failing != Failing::Hanging)
                .await
                .unwrap();
            match failing {
                Failing::With(code) => Ok(Status::new(code, "as the test wants it").into_http()),
                Failing::Only(failing) if failing == method => {
                    Ok(Status::unavailable("as the test wants it").into_http())
                }
                Failing::No | Failing::Hanging | Failing::Only(_) => inner.call(request).await,
            }
        })
    }
}
