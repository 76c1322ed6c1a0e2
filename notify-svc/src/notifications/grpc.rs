//! `NotificationService`.

use olm_proto::{
    common::v1::Caller,
    notify::v1::{
        self as wire, CancelNotificationRequest, CancelNotificationResponse, CancelOutcome,
        CreateNotificationRequest, CreateNotificationResponse, GetNotificationRequest,
        GetNotificationResponse, GetStatisticsRequest, GetStatisticsResponse, GetWebhookKeyRequest,
        GetWebhookKeyResponse, ListLessonDeliveriesRequest, ListLessonDeliveriesResponse,
        ListNotificationsRequest, ListNotificationsResponse, RescheduleNotificationRequest,
        RescheduleNotificationResponse, RescheduleOutcome,
        notification_service_server::NotificationService,
    },
};
use service_kit::{
    grpc::server::{acting_user, caller},
    paging::{self, InvalidToken, Position, Query},
    status::Violations,
    telemetry,
};
use sqlx::PgConnection;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{
    Lane, of_lesson,
    requests::{self, NewNotification, NewTimes, To},
    rescheduling::{self, Moved},
    states::{Event, State},
    statistics,
    store::{self, Creator, Earlier, Seen, Viewer},
};
use crate::{App, errors::Error, recipients, webhooks};

/// Serves `NotificationService`.
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

    async fn create(
        &self,
        request: CreateNotificationRequest,
        caller: &str,
    ) -> Result<CreateNotificationResponse, Error> {
        let mut violations = Violations::default();
        let key = requests::key(&request, caller, &mut violations);
        let creator = key.creator.clone();
        let mut tx = self.app.pool.begin().await?;
        // A repeat answers like the first, however late it comes: so before its times
        // are looked at.
        if violations.is_empty() {
            let earlier =
                store::find_request(&mut tx, &creator, key.request_id, &key.body_hash).await?;
            if let Some(earlier) = earlier {
                return repeat(&mut tx, earlier, creator).await;
            }
        }
        let now = self.app.clock.now();
        let new = requests::parse(request, key, now, &self.app.webhooks, &mut violations);
        violations.check()?;
        let (user_id, bot_id) = recipient(&mut tx, new.to).await?;
        let Some(id) = store::insert(&mut tx, &new, user_id, &telemetry::traceparent()).await?
        else {
            return self.lost_to_a_twin(&mut tx, new).await;
        };
        if let Some(url) = &new.webhook {
            webhooks::store::insert(&mut tx, id, url).await?;
        }
        let notification = seen(&mut tx, id, &Viewer::Creator(creator)).await?;
        tx.commit().await?;
        self.app.wakeups.wake([bot_id]);
        tracing::info!(notification_id = %id, %user_id, kind = "custom", "notification accepted");
        Ok(CreateNotificationResponse {
            notification: Some(notify(notification)),
            created: true,
        })
    }

    /// The same request came twice at once, and the other one was accepted.
    async fn lost_to_a_twin(
        &self,
        conn: &mut PgConnection,
        new: NewNotification,
    ) -> Result<CreateNotificationResponse, Error> {
        let earlier =
            store::find_request(conn, &new.creator, new.request_id, &new.body_hash).await?;
        let earlier = earlier.ok_or_else(|| Error::stored("a request vanished"))?;
        repeat(conn, earlier, new.creator).await
    }

    async fn cancel(&self, id: Uuid, viewer: &Viewer) -> Result<CancelNotificationResponse, Error> {
        let mut tx = self.app.pool.begin().await?;
        seen(&mut tx, id, viewer).await?;
        let backoff = &self.app.pace.backoff;
        let changed = store::advance(&mut tx, &[id], &Event::Cancel, backoff).await?;
        let notification = seen(&mut tx, id, viewer).await?;
        tx.commit().await?;
        let outcome = cancel_outcome(notification.state);
        if !changed.is_empty() {
            tracing::info!(
                notification_id = %id,
                outcome = outcome.as_str_name(),
                "notification cancelled"
            );
        }
        Ok(CancelNotificationResponse {
            outcome: outcome.into(),
            notification: Some(notify(notification)),
        })
    }

    async fn reschedule(
        &self,
        id: Uuid,
        viewer: &Viewer,
        times: NewTimes,
    ) -> Result<RescheduleNotificationResponse, Error> {
        let mut tx = self.app.pool.begin().await?;
        seen(&mut tx, id, viewer).await?;
        let backoff = &self.app.pace.backoff;
        let moved = rescheduling::reschedule(&mut tx, id, times, backoff).await?;
        let notification = seen(&mut tx, id, viewer).await?;
        tx.commit().await?;
        if let Moved::Waits {
            bot_id,
            changed: true,
        } = moved
        {
            self.app.wakeups.wake(bot_id);
            tracing::info!(notification_id = %id, "notification rescheduled");
        }
        Ok(RescheduleNotificationResponse {
            outcome: reschedule_outcome(moved, notification.state).into(),
            notification: Some(notify(notification)),
        })
    }
}

/// What asking for another time achieved, by where it left the notification.
fn reschedule_outcome(moved: Moved, state: State) -> RescheduleOutcome {
    match (moved, state) {
        (Moved::Waits { .. }, _) => RescheduleOutcome::Rescheduled,
        (Moved::Never, State::Sent) => RescheduleOutcome::AlreadySent,
        (
            Moved::Never,
            State::Pending
            | State::Sending
            | State::Failed
            | State::Uncertain
            | State::Unconfirmed
            | State::Canceled
            | State::Expired,
        ) => RescheduleOutcome::TooLate,
    }
}

/// What a cancellation achieved, by where it left the notification.
fn cancel_outcome(state: State) -> CancelOutcome {
    match state {
        State::Canceled => CancelOutcome::Canceled,
        State::Sent => CancelOutcome::AlreadySent,
        State::Pending
        | State::Sending
        | State::Failed
        | State::Uncertain
        | State::Unconfirmed
        | State::Expired => CancelOutcome::TooLate,
    }
}

async fn repeat(
    conn: &mut PgConnection,
    earlier: Earlier,
    creator: Creator,
) -> Result<CreateNotificationResponse, Error> {
    if !earlier.same_body {
        return Err(Error::RequestIdReused);
    }
    let notification = seen(conn, earlier.id, &Viewer::Creator(creator)).await?;
    Ok(CreateNotificationResponse {
        notification: Some(notify(notification)),
        created: false,
    })
}

/// The user and the bot that writes to them.
async fn recipient(conn: &mut PgConnection, to: To) -> Result<(Uuid, i64), Error> {
    let stored = match to {
        To::User(id) => recipients::store::find(conn, id).await?,
        To::TelegramUser(id) => recipients::store::find_by_chat(conn, id).await?,
    };
    let stored = stored.filter(|stored| !stored.erased);
    let known = stored.and_then(|stored| {
        let recipient = stored.recipient;
        Some((recipient.user_id, recipient.address?.bot_id))
    });
    let known = known.ok_or(Error::RecipientNotFound)?;
    // Who is erased meanwhile is sent nothing that would be kept.
    if !recipients::store::hold(conn, known.0).await? {
        return Err(Error::RecipientNotFound);
    }
    Ok(known)
}

async fn seen(conn: &mut PgConnection, id: Uuid, viewer: &Viewer) -> Result<Seen, Error> {
    let found = store::find(conn, id, viewer).await?;
    found.ok_or(Error::NotificationNotFound)
}

fn viewer(person: Option<Uuid>, caller: &str, client: &str, violations: &mut Violations) -> Viewer {
    let creator = requests::creator(caller, client, violations);
    person.map_or(Viewer::Creator(creator), Viewer::Person)
}

/// In the contract.
pub(crate) fn notify(seen: Seen) -> wire::Notification {
    let lane = Lane::parse(i32::from(seen.lane)).map_or(wire::Lane::Unspecified, Lane::wire);
    let instant = |at: jiff_sqlx::Timestamp| Some(olm_proto::timestamp(at.to_jiff()));
    wire::Notification {
        id: seen.id.to_string(),
        recipient_user_id: seen.user_id.to_string(),
        state: requests::wire_state(seen.state).into(),
        lane: lane.into(),
        due_time: instant(seen.due_at),
        expire_time: instant(seen.expires_at),
        attempt_no: seen.attempt_no,
        counted_attempts: i32::from(seen.counted),
        resent: seen.resent,
        stop_requested: seen.stop,
        telegram_message_id: seen.telegram_message_id.unwrap_or_default(),
        failure: seen.failure,
        kind: seen.kind.as_str().to_owned(),
        create_time: instant(seen.created_at),
        state_time: instant(seen.state_at),
    }
}

/// The list a page token is good for.
fn query(viewer: &Viewer, states: &[State]) -> Query {
    let (person, caller, client) = match viewer {
        Viewer::Person(id) => (id.to_string(), "", ""),
        Viewer::Creator(creator) => {
            let (caller, client) = (creator.caller.as_str(), creator.client.as_str());
            (String::new(), caller, client)
        }
    };
    let states: Vec<_> = states.iter().map(|state| state.as_str()).collect();
    let states = states.join(",");
    let filters = [&person, caller, client, &states].map(str::as_bytes);
    Query::of("ListNotifications", &filters)
}

#[tonic::async_trait]
impl NotificationService for Service {
    async fn create_notification(
        &self,
        request: Request<CreateNotificationRequest>,
    ) -> Result<Response<CreateNotificationResponse>, Status> {
        let caller = caller(&request)?.name();
        let request = request.into_inner();
        let response = match self.create(request.clone(), caller).await {
            Err(error) if error.is_contention() => self.create(request, caller).await?,
            created => created?,
        };
        Ok(Response::new(response))
    }

    async fn get_notification(
        &self,
        request: Request<GetNotificationRequest>,
    ) -> Result<Response<GetNotificationResponse>, Status> {
        let (caller, person) = (caller(&request)?.name(), acting_user(&request));
        let request = request.into_inner();
        let mut violations = Violations::default();
        let id = violations.uuid("notification_id", &request.notification_id);
        let viewer = viewer(person, caller, &request.client, &mut violations);
        violations.check().map_err(Error::from)?;
        let mut conn = self.app.pool.acquire().await.map_err(Error::from)?;
        let notification = seen(&mut conn, id, &viewer).await?;
        Ok(Response::new(GetNotificationResponse {
            notification: Some(notify(notification)),
        }))
    }

    async fn list_notifications(
        &self,
        request: Request<ListNotificationsRequest>,
    ) -> Result<Response<ListNotificationsResponse>, Status> {
        let (caller, person) = (caller(&request)?.name(), acting_user(&request));
        let request = request.into_inner();
        let mut violations = Violations::default();
        let viewer = viewer(person, caller, &request.client, &mut violations);
        let states = requests::states(&request.states, &mut violations);
        let size = paging::size(&mut violations, request.page_size);
        violations.check().map_err(Error::from)?;
        let query = query(&viewer, &states);
        let after = query.position(&request.page_token).map_err(Error::from)?;
        let after = after.map(|after| Ok((after.time()?, after.id)));
        let page = store::Page {
            states: states.iter().map(|of| of.as_str().to_owned()).collect(),
            after: after
                .transpose()
                .map_err(|error: InvalidToken| Error::from(error))?,
            // One more than the page tells whether there is another.
            limit: i64::from(size) + 1,
        };
        let mut conn = self.app.pool.acquire().await.map_err(Error::from)?;
        let rows = store::list(&mut conn, &viewer, &page).await;
        let mut rows = rows.map_err(Error::from)?;
        let next_page_token = query.cut(&mut rows, size, |last| {
            Position::at(last.due_at.to_jiff(), last.id)
        });
        Ok(Response::new(ListNotificationsResponse {
            notifications: rows.into_iter().map(notify).collect(),
            next_page_token,
        }))
    }

    async fn cancel_notification(
        &self,
        request: Request<CancelNotificationRequest>,
    ) -> Result<Response<CancelNotificationResponse>, Status> {
        let caller = caller(&request)?.name();
        let request = request.into_inner();
        let mut violations = Violations::default();
        let id = violations.uuid("notification_id", &request.notification_id);
        let viewer = viewer(None, caller, &request.client, &mut violations);
        violations.check().map_err(Error::from)?;
        let response = match self.cancel(id, &viewer).await {
            Err(error) if error.is_contention() => self.cancel(id, &viewer).await?,
            cancelled => cancelled?,
        };
        Ok(Response::new(response))
    }

    async fn reschedule_notification(
        &self,
        request: Request<RescheduleNotificationRequest>,
    ) -> Result<Response<RescheduleNotificationResponse>, Status> {
        let caller = caller(&request)?.name();
        let request = request.into_inner();
        let mut violations = Violations::default();
        let id = violations.uuid("notification_id", &request.notification_id);
        let viewer = viewer(None, caller, &request.client, &mut violations);
        let times = requests::new_times(&request, self.app.clock.now(), &mut violations);
        violations.check().map_err(Error::from)?;
        let response = match self.reschedule(id, &viewer, times).await {
            Err(error) if error.is_contention() => self.reschedule(id, &viewer, times).await?,
            moved => moved?,
        };
        Ok(Response::new(response))
    }

    async fn get_statistics(
        &self,
        request: Request<GetStatisticsRequest>,
    ) -> Result<Response<GetStatisticsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let creator = requests::creator(caller.name(), &request.client, &mut violations);
        let (start, end) = requests::window(&request, self.app.clock.now(), &mut violations);
        violations.check().map_err(Error::from)?;
        let all = caller.0 == Caller::Operator && creator.client.is_empty();
        let creator = (!all).then_some(&creator);
        let mut conn = self.app.pool.acquire().await.map_err(Error::from)?;
        let counts = statistics::list(&mut conn, creator, (start, end)).await;
        let counts = counts.map_err(Error::from)?;
        Ok(Response::new(GetStatisticsResponse {
            counts: counts.iter().map(statistics::Tally::wire).collect(),
            start_time: Some(olm_proto::timestamp(start)),
            end_time: Some(olm_proto::timestamp(end)),
        }))
    }

    async fn list_lesson_deliveries(
        &self,
        request: Request<ListLessonDeliveriesRequest>,
    ) -> Result<Response<ListLessonDeliveriesResponse>, Status> {
        let teacher = acting_user(&request);
        let mut violations = Violations::default();
        let lesson_id = violations.uuid("lesson_id", &request.get_ref().lesson_id);
        violations.check().map_err(Error::from)?;
        let mut conn = self.app.pool.acquire().await.map_err(Error::from)?;
        let students = of_lesson::list(&mut conn, lesson_id, teacher).await?;
        Ok(Response::new(ListLessonDeliveriesResponse { students }))
    }

    async fn get_webhook_key(
        &self,
        request: Request<GetWebhookKeyRequest>,
    ) -> Result<Response<GetWebhookKeyResponse>, Status> {
        let caller = caller(&request)?.name();
        let mut violations = Violations::default();
        let client = requests::creator(caller, &request.get_ref().client, &mut violations);
        violations.check().map_err(Error::from)?;
        let key = self.app.webhooks.key(&client).ok_or(Error::WebhooksOff)?;
        Ok(Response::new(GetWebhookKeyResponse { key: key.told() }))
    }
}
