//! Changes as lesson-svc tells them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        Change, ChangeKind, WatchChangesRequest, WatchChangesResponse,
        change_service_server::ChangeService,
    },
};
use service_kit::status::Refusal;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

use super::{Fake, LESSON, Reply};

type Answer = Result<WatchChangesResponse, Status>;

/// What the next watchers hear, one after the other, and whether their stream stays open
/// after it. Who comes when none is left hears one beat, and that they are erased.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<VecDeque<Script>>>);

/// What one watcher hears, and whether the stream stays open after it.
type Script = (Vec<Answer>, bool);

impl Heard {
    /// The next watcher hears this; then the stream stays open.
    pub fn open(self, answers: Vec<Answer>) -> Self {
        self.0.lock().unwrap().push_back((answers, true));
        self
    }

    /// The next watcher hears this; then the stream is over.
    pub fn over(self, answers: Vec<Answer>) -> Self {
        self.0.lock().unwrap().push_back((answers, false));
        self
    }
}

/// An answer with a change of the lesson to this version.
pub fn changed(cursor: &str, version: i64) -> WatchChangesResponse {
    WatchChangesResponse {
        changes: vec![Change {
            kind: ChangeKind::Lesson.into(),
            entity_id: LESSON.to_owned(),
            version,
            user_ids: Vec::new(),
        }],
        cursor: cursor.to_owned(),
        reset: false,
    }
}

fn erased() -> Status {
    Refusal::new(Code::NotFound, ErrorReason::UserNotFound, "erased").into_status("olm.fake")
}

#[tonic::async_trait]
impl ChangeService for Fake {
    type WatchChangesStream = ReceiverStream<Answer>;

    async fn watch_changes(
        &self,
        request: Request<WatchChangesRequest>,
    ) -> Reply<Self::WatchChangesStream> {
        let call = self.enter("olm.lesson.v1", "WatchChangesRequest", &request);
        call.await?;
        let heard: Response<Heard> = self.told();
        let next = heard.into_inner().0.lock().unwrap().pop_front();
        let (answers, stays) = next.unwrap_or_else(|| {
            let beat = WatchChangesResponse {
                cursor: "beat".to_owned(),
                ..WatchChangesResponse::default()
            };
            (vec![Ok(beat), Err(erased())], false)
        });
        let (sender, receiver) = mpsc::channel(answers.len() + 1);
        for answer in answers {
            sender.send(answer).await.unwrap();
        }
        if stays {
            tokio::spawn(async move { sender.closed().await });
        }
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
