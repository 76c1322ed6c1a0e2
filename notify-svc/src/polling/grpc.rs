//! `PollingService`.

use olm_proto::notify::v1::{
    BeginDueRequest, BeginDueResponse, PolledNotification, ReportChatSeenRequest,
    ReportChatSeenResponse, ResolveNotificationRequest, ResolveNotificationResponse,
    polling_service_server::PollingService, resolve_notification_request::Result as Told,
};
use service_kit::status::Violations;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{
    MAX_ROWS, Said, gateway_id,
    store::{self, Polled},
};
use crate::{
    App,
    dispatch::{
        AttemptRef, Report,
        dispatcher::{joined, silent},
        results, words,
    },
    errors::Error,
    notifications::{grpc::notify, requests, states::State, store::Seen},
    recipients,
};

/// Serves `PollingService`.
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

    async fn begin(&self, client: &str, limit: i64) -> Result<Vec<PolledNotification>, Error> {
        let mut conn = self.app.pool.acquire().await?;
        let bot_id = store::find_bot(&mut conn, client).await?;
        let bot_id = bot_id.ok_or(Error::NoPolledBot)?;
        let begun = store::begin(&mut conn, client, gateway_id(client), limit).await?;
        drop(conn);
        for row in &begun {
            tracing::info!(
                notification_id = %row.seen.id,
                attempt_no = row.seen.attempt_no,
                bot_id,
                client,
                "notification begun"
            );
        }
        Ok(begun.into_iter().map(|row| self.polled(row)).collect())
    }

    fn polled(&self, row: Polled) -> PolledNotification {
        let content = joined(&row.content, row.counterpart_name);
        let now = self.app.clock.now();
        let silent = silent(row.quiet_hours, &row.time_zone, content.as_ref(), now);
        PolledNotification {
            notification: Some(notify(row.seen)),
            bot_id: row.bot_id,
            chat_id: row.chat_id,
            language: row.language,
            time_zone: row.time_zone,
            content,
            silent,
        }
    }

    async fn resolve(
        &self,
        client: &str,
        id: Uuid,
        attempt_no: Option<i32>,
        said: &Said,
    ) -> Result<Seen, Error> {
        let gateway = gateway_id(client);
        let mut conn = self.app.pool.acquire().await?;
        let attempt = store::find_attempt(&mut conn, gateway, id, attempt_no).await?;
        let Some(attempt) = attempt else {
            // Not begun, or not by this client.
            let bot_id = store::find_bot(&mut conn, client).await?;
            let bot_id = bot_id.ok_or(Error::NoPolledBot)?;
            let seen = store::find(&mut conn, id, Some(bot_id), gateway).await?;
            let seen = seen.ok_or(Error::NotificationNotFound)?;
            return Err(Error::StateUnsuitable(seen.state));
        };
        drop(conn);
        let attempt_no = attempt.attempt_no;
        if attempt.is_open() {
            let report = Report {
                attempt: AttemptRef {
                    notification_id: id,
                    attempt_no,
                },
                outcome: said.outcome(),
            };
            results::apply(&self.app, gateway, &[report]).await?;
        }
        let mut conn = self.app.pool.acquire().await?;
        // The same: another may have been begun meanwhile.
        let attempt = store::find_attempt(&mut conn, gateway, id, Some(attempt_no)).await?;
        let seen = store::find(&mut conn, id, None, gateway).await?;
        let (attempt, seen) = attempt.zip(seen).ok_or(Error::NotificationNotFound)?;
        let outcome = attempt.outcome.as_deref();
        // A second copy that arrived changes nothing, but nothing contradicts it either.
        let is_copy = matches!(said, Said::Sent { .. }) && seen.state == State::Sent;
        let is_late = attempt.late && !is_copy;
        if is_late || !outcome.is_some_and(|outcome| said.agrees_with(outcome)) {
            return Err(Error::StateUnsuitable(seen.state));
        }
        Ok(seen)
    }

    /// Somebody wrote to a client's bot: notifications may go to them again.
    async fn chat_seen(&self, client: &str, chat_id: i64) -> Result<(), Error> {
        let mut conn = self.app.pool.acquire().await?;
        let bot_id = store::find_bot(&mut conn, client).await?;
        let bot_id = bot_id.ok_or(Error::NoPolledBot)?;
        if recipients::store::update_reachable(&mut conn, bot_id, chat_id).await? {
            tracing::info!(bot_id, client, "recipient can be reached again");
        }
        Ok(())
    }
}

/// The client that polls: one that gateway-rest names.
fn client(client: &str, violations: &mut Violations) {
    violations.require(!client.is_empty(), "client", "is empty");
    requests::creator("", client, violations);
}

fn said(told: Option<Told>, violations: &mut Violations) -> Said {
    match told {
        Some(Told::Sent(sent)) => {
            let message_id = sent.telegram_message_id;
            violations.require(
                message_id >= 0,
                "sent.telegram_message_id",
                "is less than 0",
            );
            Said::Sent { message_id }
        }
        Some(Told::Failed(failed)) => Said::Failed {
            reason: words(&failed.reason),
        },
        None => {
            violations.add("result", "is neither sent nor failed");
            Said::Sent { message_id: 0 }
        }
    }
}

#[tonic::async_trait]
impl PollingService for Service {
    async fn begin_due(
        &self,
        request: Request<BeginDueRequest>,
    ) -> Result<Response<BeginDueResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        client(&request.client, &mut violations);
        violations.require(
            (0..=MAX_ROWS).contains(&request.limit),
            "limit",
            format!("is not between 1 and {MAX_ROWS}"),
        );
        violations.check().map_err(Error::from)?;
        let limit = if request.limit == 0 {
            MAX_ROWS
        } else {
            request.limit
        };
        let notifications = self.begin(&request.client, limit.into()).await?;
        Ok(Response::new(BeginDueResponse { notifications }))
    }

    async fn resolve_notification(
        &self,
        request: Request<ResolveNotificationRequest>,
    ) -> Result<Response<ResolveNotificationResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        client(&request.client, &mut violations);
        let id = violations.uuid("notification_id", &request.notification_id);
        let attempt_no = request.attempt_no;
        violations.require(attempt_no >= 0, "attempt_no", "is less than 0");
        let attempt_no = Some(attempt_no).filter(|number| *number > 0);
        let said = said(request.result, &mut violations);
        violations.check().map_err(Error::from)?;
        let resolved = self.resolve(&request.client, id, attempt_no, &said);
        Ok(Response::new(ResolveNotificationResponse {
            notification: Some(notify(resolved.await?)),
        }))
    }

    async fn report_chat_seen(
        &self,
        request: Request<ReportChatSeenRequest>,
    ) -> Result<Response<ReportChatSeenResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        client(&request.client, &mut violations);
        violations.require(request.chat_id > 0, "chat_id", "is not more than 0");
        violations.check().map_err(Error::from)?;
        self.chat_seen(&request.client, request.chat_id).await?;
        Ok(Response::new(ReportChatSeenResponse {}))
    }
}
