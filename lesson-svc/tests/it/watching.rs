//! Changes as they happen: what watchers are told, and that nothing is passed over.

mod catching_up;
mod commits;
mod ending;
mod seeing;

use std::collections::BTreeSet;

use olm_proto::lesson::v1::{
    Change, WatchChangesRequest, WatchChangesResponse, change_service_client::ChangeServiceClient,
};
use service_kit::grpc::client::{Backend, acting};
use sqlx::PgPool;
use tokio::time::{Duration, timeout};
use tonic::{Request, Status, Streaming};
use uuid::Uuid;

use crate::support::{Service, until};

/// Longer than anything takes, shorter than a heartbeat.
const PATIENCE: Duration = Duration::from_secs(14);

/// Waits until everything there is lies below the cluster's oldest transaction, which may be another test's:
/// whoever begins to watch then is told of nothing older.
async fn settled(pool: &PgPool) {
    until("everything is certain", || async {
        let settled: bool = sqlx::query_scalar(
            "SELECT coalesce(bool_and(xid < pg_snapshot_xmin(pg_current_snapshot())), true)
             FROM lesson.changes",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        settled
    })
    .await;
}

/// Somebody who watches.
struct Watch {
    answers: Streaming<WatchChangesResponse>,
    /// Of the last answer.
    cursor: String,
}

impl Watch {
    /// Begins, and waits until it is heard.
    async fn begin(service: &Service, request: Request<WatchChangesRequest>) -> Self {
        let mut client = ChangeServiceClient::<Backend>::new(service.backend.clone());
        let answers = client.watch_changes(request).await.unwrap().into_inner();
        let cursor = String::new();
        Self { answers, cursor }
    }

    /// A service that fills its cache, from now on.
    async fn all(service: &Service) -> Self {
        let mut watch = Self::begin(service, Request::new(after(""))).await;
        let first = watch.answer().await.unwrap();
        assert!(first.changes.is_empty() && !first.reset, "{first:?}");
        watch
    }

    /// A person who watches these teachers, from now on.
    async fn person(service: &Service, person: Uuid, teachers: &[Uuid]) -> Self {
        let request = WatchChangesRequest {
            cursor: String::new(),
            teacher_ids: teachers.iter().map(Uuid::to_string).collect(),
        };
        let mut watch = Self::begin(service, acting(request, person)).await;
        watch.answer().await.unwrap();
        watch
    }

    async fn answer(&mut self) -> Result<WatchChangesResponse, Status> {
        let answer = timeout(PATIENCE, self.answers.message()).await;
        let answer = answer.expect("an answer in time")?;
        let answer = answer.expect("the stream does not end without a word");
        self.cursor.clone_from(&answer.cursor);
        Ok(answer)
    }

    /// The next changes.
    async fn changes(&mut self) -> Vec<Change> {
        loop {
            let answer = self.answer().await.unwrap();
            assert!(!answer.reset, "nothing was missed");
            if !answer.changes.is_empty() {
                return answer.changes;
            }
        }
    }

    /// Reads until all of these were told; answers everything in order.
    async fn until(&mut self, wanted: &BTreeSet<String>) -> Vec<String> {
        let mut told = Vec::new();
        let mut missing = wanted.clone();
        while !missing.is_empty() {
            for change in self.changes().await {
                missing.remove(&change.entity_id);
                told.push(change.entity_id);
            }
        }
        told
    }
}

fn after(cursor: &str) -> WatchChangesRequest {
    WatchChangesRequest {
        cursor: cursor.to_owned(),
        teacher_ids: Vec::new(),
    }
}

/// A person whom nobody but the log knows.
const INSERT_PERSON: &str =
    "INSERT INTO lesson.users (id, display_name, language, time_zone, create_time)
     VALUES ($1, 'Somebody', 'en', 'UTC', now())";

/// Writes a person past the service, so that only the log tells.
async fn make_person(pool: &PgPool) -> String {
    let id = Uuid::new_v4();
    let made = sqlx::query(INSERT_PERSON).bind(id).execute(pool).await;
    made.unwrap();
    id.to_string()
}
