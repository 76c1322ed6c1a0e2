//! `LessonPlanService`.

use olm_proto::notify::v1::{
    SyncLessonRequest, SyncLessonResponse, lesson_plan_service_server::LessonPlanService,
};
use prost::Message as _;
use service_kit::{status::Violations, telemetry};
use tonic::{Request, Response, Status};

use super::{
    Snapshot,
    replanning::{self, Planning},
    store,
};
use crate::{App, errors::Error, recipients};

/// Serves `LessonPlanService`.
#[derive(Debug)]
pub struct Service {
    app: App,
}

impl Service {
    /// Over the shared state.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self { app }
    }

    /// The version stored afterwards.
    async fn sync(&self, snapshot: &Snapshot, bytes: &[u8]) -> Result<i64, Error> {
        let mut tx = self.app.pool.begin().await?;
        // People first, in order, then the lesson: every plan locks in this order.
        let people = recipients::store::lock(&mut tx, &snapshot.people()).await?;
        if let Some(stored) = store::put(&mut tx, snapshot, bytes).await? {
            tx.commit().await?;
            return Ok(stored);
        }
        let planning = Planning {
            now: self.app.clock.now(),
            backoff: &self.app.pace.backoff,
            traceparent: &telemetry::traceparent(),
        };
        let plan = replanning::replan(&mut tx, snapshot, &people, None, &planning).await?;
        tx.commit().await?;
        self.app.wakeups.wake(replanning::bots(&people));
        plan.log(snapshot);
        Ok(snapshot.version)
    }
}

#[tonic::async_trait]
impl LessonPlanService for Service {
    async fn sync_lesson(
        &self,
        request: Request<SyncLessonRequest>,
    ) -> Result<Response<SyncLessonResponse>, Status> {
        let wire = request.into_inner().lesson.unwrap_or_default();
        let mut violations = Violations::default();
        let snapshot = Snapshot::parse(&wire, &mut violations);
        violations.check().map_err(Error::from)?;
        let bytes = wire.encode_to_vec();
        let version = match self.sync(&snapshot, &bytes).await {
            Err(error) if error.is_contention() => self.sync(&snapshot, &bytes).await?,
            synced => synced?,
        };
        Ok(Response::new(SyncLessonResponse { version }))
    }
}
