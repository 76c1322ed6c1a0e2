//! What became of notices.

use olm_proto::{
    common::v1::ErrorReason,
    notify::v1::{notification_service_server::NotificationService, *},
};
use service_kit::status::Refusal;
use tonic::{Code, Request, Response, Status};

use super::Deliveries;

#[derive(Debug, Clone)]
pub struct Told(pub Deliveries);

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl NotificationService for Told {
    async fn create_notification(
        &self,
        _: Request<CreateNotificationRequest>,
    ) -> Reply<CreateNotificationResponse> {
        Err(Status::unimplemented(""))
    }

    async fn get_notification(
        &self,
        _: Request<GetNotificationRequest>,
    ) -> Reply<GetNotificationResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_notifications(
        &self,
        _: Request<ListNotificationsRequest>,
    ) -> Reply<ListNotificationsResponse> {
        Err(Status::unimplemented(""))
    }

    async fn cancel_notification(
        &self,
        _: Request<CancelNotificationRequest>,
    ) -> Reply<CancelNotificationResponse> {
        Err(Status::unimplemented(""))
    }

    async fn reschedule_notification(
        &self,
        _: Request<RescheduleNotificationRequest>,
    ) -> Reply<RescheduleNotificationResponse> {
        Err(Status::unimplemented(""))
    }

    async fn get_statistics(
        &self,
        _: Request<GetStatisticsRequest>,
    ) -> Reply<GetStatisticsResponse> {
        Err(Status::unimplemented(""))
    }

    async fn get_webhook_key(
        &self,
        _: Request<GetWebhookKeyRequest>,
    ) -> Reply<GetWebhookKeyResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_lesson_deliveries(
        &self,
        request: Request<ListLessonDeliveriesRequest>,
    ) -> Reply<ListLessonDeliveriesResponse> {
        assert!(request.metadata().contains_key("x-acting-user"));
        let students = self.0.lock().unwrap().clone();
        if students.is_empty() {
            let reason = ErrorReason::LessonNotFound;
            let unknown = Refusal::new(Code::NotFound, reason, "refused");
            return Err(unknown.into_status("olm.notify"));
        }
        Ok(Response::new(ListLessonDeliveriesResponse { students }))
    }
}
