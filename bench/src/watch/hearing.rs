//! Those who watch, each in its own way, and when they heard of which lesson.

use e2e::Result;
use jiff::Timestamp;
use olm_proto::lesson::v1::{
    ChangeKind, WatchChangesRequest, change_service_client::ChangeServiceClient,
};
use serde_json::Value;
use service_kit::{
    clock::{Clock as _, SystemClock},
    grpc::client::{Backend, acting},
};
use sqlx::postgres::PgListener;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use uuid::Uuid;

use crate::layers::Http;

/// The channel of the peer's `NOTIFY`.
pub(super) const CHANNEL: &str = "bench_changes";

/// Where somebody watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Place {
    /// Where the lessons are booked.
    Here,
    /// At the other replica.
    There,
    /// Through gateway-rest, as server-sent events.
    Rest,
    /// At PostgreSQL, which tells of each commit.
    Notify,
}

impl Place {
    /// Where changes are told by the services.
    pub(super) const SERVED: [Self; 3] = [Self::Here, Self::There, Self::Rest];
    /// Also the peer.
    pub(super) const ALL: [Self; 4] = [Self::Here, Self::There, Self::Rest, Self::Notify];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Here => "gRPC, the replica that books",
            Self::There => "gRPC, another replica",
            Self::Rest => "REST, server-sent events",
            Self::Notify => "PostgreSQL, NOTIFY in each transaction",
        }
    }
}

/// Somebody heard of a lesson.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) place: Place,
    pub(super) lesson: Uuid,
    pub(super) at: Instant,
    /// By the machine's clock, by which PostgreSQL dates commits.
    pub(super) time: Timestamp,
}

/// Everybody who watches; dropped, they end.
pub(super) struct Watchers {
    tasks: JoinSet<()>,
    tell: mpsc::UnboundedSender<Heard>,
}

impl Watchers {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Heard>) {
        let (tell, heard) = mpsc::unbounded_channel();
        let tasks = JoinSet::new();
        (Self { tasks, tell }, heard)
    }

    fn teller(&self, place: Place) -> impl Fn(Uuid) + Send + 'static + use<> {
        let tell = self.tell.clone();
        move |lesson| {
            let _ = tell.send(Heard {
                place,
                lesson,
                at: Instant::now(),
                time: SystemClock.now(),
            });
        }
    }

    /// A student, over gRPC.
    pub(super) async fn grpc(
        &mut self,
        place: Place,
        backend: Backend,
        student: Uuid,
    ) -> Result<()> {
        let mut client = ChangeServiceClient::new(backend);
        let request = acting(WatchChangesRequest::default(), student);
        let mut answers = client.watch_changes(request).await?.into_inner();
        answers.message().await?.ok_or("the stream ended")?;
        let tell = self.teller(place);
        self.tasks.spawn(async move {
            while let Ok(Some(answer)) = answers.message().await {
                for change in &answer.changes {
                    if let (ChangeKind::Lesson, Ok(id)) = (change.kind(), change.entity_id.parse())
                    {
                        tell(id);
                    }
                }
            }
        });
        Ok(())
    }

    /// A student, over server-sent events.
    pub(super) async fn rest(&mut self, http: &Http, student: Uuid) -> Result<()> {
        let mut events = http.events(student).await?;
        events.chunk().await?.ok_or("the stream ended")?;
        let tell = self.teller(Place::Rest);
        self.tasks.spawn(async move {
            let mut text = String::new();
            while let Ok(Some(chunk)) = events.chunk().await {
                text.push_str(&String::from_utf8_lossy(&chunk));
                while let Some((event, rest)) = text.split_once("\n\n") {
                    lessons_of(event).for_each(&tell);
                    text = rest.to_owned();
                }
            }
        });
        Ok(())
    }

    /// The peer, straight at PostgreSQL.
    pub(super) async fn notify(&mut self, url: &str) -> Result<()> {
        let mut listener = PgListener::connect(url).await?;
        listener.listen(CHANNEL).await?;
        let tell = self.teller(Place::Notify);
        self.tasks.spawn(async move {
            while let Ok(notification) = listener.recv().await {
                if let Ok(id) = notification.payload().parse() {
                    tell(id);
                }
            }
        });
        Ok(())
    }
}

/// The lessons that an event tells of.
fn lessons_of(event: &str) -> impl Iterator<Item = Uuid> {
    let data = event.lines().find_map(|line| line.strip_prefix("data: "));
    let data: Value = data
        .and_then(|data| serde_json::from_str(data).ok())
        .unwrap_or_default();
    let changes = data["changes"].as_array().cloned().unwrap_or_default();
    changes.into_iter().filter_map(|change| {
        (change["kind"] == "lesson").then_some(())?;
        change["entity_id"].as_str()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lessons_are_read_of_an_event() {
        let event = "id: x\nevent: changes\ndata: {\"changes\":[\
            {\"kind\":\"slots\",\"entity_id\":\"00000000-0000-0000-0000-000000000001\",\"version\":0},\
            {\"kind\":\"lesson\",\"entity_id\":\"00000000-0000-0000-0000-000000000002\",\"version\":1}]}";
        let lessons: Vec<_> = lessons_of(event).collect();
        assert_eq!(lessons, [Uuid::from_u128(2)]);
        assert_eq!(lessons_of("event: beat\ndata: {}").count(), 0);
    }
}
