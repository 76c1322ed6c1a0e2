//! What notify-svc answers.

use olm_proto::notify::v1::{
    self as notify,
    notification_service_server::{NotificationService, NotificationServiceServer},
    polling_service_server::{PollingService, PollingServiceServer},
};
use tonic::{Request, Response, service::Routes};

use super::{Fake, NOTIFICATION, Reply, STUDENT, time};

const PACKAGE: &str = "olm.notify.v1";

pub fn routes(fake: Fake) -> Routes {
    Routes::new(NotificationServiceServer::new(fake.clone()))
        .add_service(PollingServiceServer::new(fake))
}

pub fn a_notification(state: notify::NotificationState) -> notify::Notification {
    notify::Notification {
        id: NOTIFICATION.to_owned(),
        recipient_user_id: STUDENT.to_owned(),
        state: state.into(),
        lane: notify::Lane::Broadcast.into(),
        due_time: Some(time("2026-01-16T12:00:00Z")),
        expire_time: Some(time("2026-01-17T12:00:00Z")),
        kind: "custom".to_owned(),
        create_time: Some(time("2026-01-16T12:00:00Z")),
        state_time: Some(time("2026-01-16T12:00:00Z")),
        ..notify::Notification::default()
    }
}

#[tonic::async_trait]
impl NotificationService for Fake {
    async fn create_notification(
        &self,
        request: Request<notify::CreateNotificationRequest>,
    ) -> Reply<notify::CreateNotificationResponse> {
        self.enter(PACKAGE, "CreateNotificationRequest", &request)
            .await?;
        let body = request.into_inner();
        let created = self.remember(&body.request_id, &body)?;
        // A repeat finds the notification in whatever state it has reached by then.
        let state = if created {
            notify::NotificationState::Pending
        } else {
            notify::NotificationState::Sent
        };
        Ok(Response::new(notify::CreateNotificationResponse {
            notification: Some(a_notification(state)),
            created,
        }))
    }

    async fn get_notification(
        &self,
        request: Request<notify::GetNotificationRequest>,
    ) -> Reply<notify::GetNotificationResponse> {
        self.enter(PACKAGE, "GetNotificationRequest", &request)
            .await?;
        Ok(Response::new(notify::GetNotificationResponse {
            notification: Some(notify::Notification {
                telegram_message_id: 77,
                attempt_no: 1,
                ..a_notification(notify::NotificationState::Sent)
            }),
        }))
    }

    async fn list_notifications(
        &self,
        request: Request<notify::ListNotificationsRequest>,
    ) -> Reply<notify::ListNotificationsResponse> {
        self.enter(PACKAGE, "ListNotificationsRequest", &request)
            .await?;
        Ok(self.told())
    }

    async fn list_lesson_deliveries(
        &self,
        request: Request<notify::ListLessonDeliveriesRequest>,
    ) -> Reply<notify::ListLessonDeliveriesResponse> {
        self.enter(PACKAGE, "ListLessonDeliveriesRequest", &request)
            .await?;
        Ok(self.told())
    }

    async fn cancel_notification(
        &self,
        request: Request<notify::CancelNotificationRequest>,
    ) -> Reply<notify::CancelNotificationResponse> {
        self.enter(PACKAGE, "CancelNotificationRequest", &request)
            .await?;
        Ok(self.told())
    }

    async fn reschedule_notification(
        &self,
        request: Request<notify::RescheduleNotificationRequest>,
    ) -> Reply<notify::RescheduleNotificationResponse> {
        self.enter(PACKAGE, "RescheduleNotificationRequest", &request)
            .await?;
        Ok(self.told())
    }

    async fn get_statistics(
        &self,
        request: Request<notify::GetStatisticsRequest>,
    ) -> Reply<notify::GetStatisticsResponse> {
        self.enter(PACKAGE, "GetStatisticsRequest", &request)
            .await?;
        Ok(self.told())
    }

    async fn get_webhook_key(
        &self,
        request: Request<notify::GetWebhookKeyRequest>,
    ) -> Reply<notify::GetWebhookKeyResponse> {
        self.enter(PACKAGE, "GetWebhookKeyRequest", &request)
            .await?;
        Ok(self.told())
    }
}

#[tonic::async_trait]
impl PollingService for Fake {
    async fn begin_due(
        &self,
        request: Request<notify::BeginDueRequest>,
    ) -> Reply<notify::BeginDueResponse> {
        self.enter(PACKAGE, "BeginDueRequest", &request).await?;
        Ok(self.told())
    }

    async fn resolve_notification(
        &self,
        request: Request<notify::ResolveNotificationRequest>,
    ) -> Reply<notify::ResolveNotificationResponse> {
        self.enter(PACKAGE, "ResolveNotificationRequest", &request)
            .await?;
        Ok(self.told())
    }

    async fn report_chat_seen(
        &self,
        request: Request<notify::ReportChatSeenRequest>,
    ) -> Reply<notify::ReportChatSeenResponse> {
        self.enter(PACKAGE, "ReportChatSeenRequest", &request)
            .await?;
        Ok(self.told())
    }
}

pub fn answers(fake: &Fake) {
    let waiting = a_notification(notify::NotificationState::Pending);
    fake.answer(notify::ListNotificationsResponse {
        notifications: vec![waiting.clone()],
        next_page_token: "more".to_owned(),
    });
    fake.answer(notify::CancelNotificationResponse {
        outcome: notify::CancelOutcome::Canceled.into(),
        notification: Some(a_notification(notify::NotificationState::Canceled)),
    });
    fake.answer(notify::RescheduleNotificationResponse {
        outcome: notify::RescheduleOutcome::Rescheduled.into(),
        notification: Some(waiting),
    });
    fake.answer(notify::GetStatisticsResponse {
        counts: vec![notify::NotificationCount {
            kind: "custom".to_owned(),
            lane: notify::Lane::Broadcast.into(),
            state: notify::NotificationState::Sent.into(),
            count: 12,
        }],
        start_time: Some(time("2025-12-17T12:00:00Z")),
        end_time: Some(time("2026-01-16T12:00:00Z")),
    });
    fake.answer(notify::GetWebhookKeyResponse {
        key: "whsec_a2V5".to_owned(),
    });
    fake.answer(notify::ListLessonDeliveriesResponse {
        students: vec![notify::StudentDeliveries {
            student_id: STUDENT.to_owned(),
            reachable: false,
            deliveries: vec![notify::LessonDelivery {
                kind: "reminder".to_owned(),
                state: notify::NotificationState::Failed.into(),
                due_time: Some(time("2026-01-16T12:00:00Z")),
                state_time: Some(time("2026-01-16T12:00:01Z")),
            }],
        }],
    });
    fake.answer(notify::ReportChatSeenResponse {});
    fake.answer(notify::BeginDueResponse {
        notifications: Vec::new(),
    });
    fake.answer(notify::ResolveNotificationResponse {
        notification: Some(a_notification(notify::NotificationState::Sent)),
    });
}
