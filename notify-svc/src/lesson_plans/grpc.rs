//! `LessonPlanService`.

use olm_proto::notify::v1::{
    LessonSnapshot, SyncLessonRequest, SyncLessonResponse, SyncSeriesRequest, SyncSeriesResponse,
    lesson_plan_service_server::LessonPlanService,
};
use prost::Message as _;
use service_kit::{status::Violations, telemetry};
use tonic::{Request, Response, Status};

use super::{Snapshot, forget, replanning, store};
use crate::{
    App,
    errors::Error,
    notifications::planned::{About, Planning},
    recipients, series_plans,
};

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
    async fn sync(&self, wire: &LessonSnapshot) -> Result<i64, Error> {
        let mut violations = Violations::default();
        let mut snapshot = Snapshot::parse(wire, &mut violations);
        violations.check()?;
        let mut tx = self.app.pool.begin().await?;
        // People first, in order, then the lesson: every plan locks in this order.
        let people = recipients::store::lock(&mut tx, &snapshot.people()).await?;
        // It may have been on its way when somebody of it was erased.
        let mut wire = wire.clone();
        forget(&mut wire, |id| {
            people
                .iter()
                .any(|person| person.erased && person.recipient.user_id == id)
        });
        snapshot.meeting_url.clone_from(&wire.meeting_url);
        snapshot.cancel_reason.clone_from(&wire.cancel_reason);
        snapshot.group_title.clone_from(&wire.group_title);
        let snapshot = &snapshot;
        if let Some(stored) = store::put(&mut tx, snapshot, &wire.encode_to_vec()).await? {
            tx.commit().await?;
            return Ok(stored);
        }
        let planning = Planning {
            now: self.app.clock.now(),
            backoff: &self.app.pace.backoff,
            traceparent: &telemetry::traceparent(),
        };
        let plan = replanning::replan(&mut tx, snapshot, &people, &planning).await?;
        tx.commit().await?;
        self.app.wakeups.wake(replanning::bots(&people));
        plan.log(About::Lesson(snapshot.lesson_id));
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
        let version = match self.sync(&wire).await {
            Err(error) if error.is_contention() => self.sync(&wire).await?,
            synced => synced?,
        };
        Ok(Response::new(SyncLessonResponse { version }))
    }

    async fn sync_series(
        &self,
        request: Request<SyncSeriesRequest>,
    ) -> Result<Response<SyncSeriesResponse>, Status> {
        let wire = request.into_inner().series.unwrap_or_default();
        let version = series_plans::syncing::sync(&self.app, &wire).await?;
        Ok(Response::new(SyncSeriesResponse { version }))
    }
}
