//! The services as an operator calls them.

use std::time::Duration;

use olm_proto::{
    lesson::v1::{
        availability_service_client::AvailabilityServiceClient,
        lesson_service_client::LessonServiceClient, teacher_service_client::TeacherServiceClient,
        user_service_client::UserServiceClient,
    },
    notify::v1::{
        notification_service_client::NotificationServiceClient,
        recipient_service_client::RecipientServiceClient,
    },
};
use service_kit::grpc::{
    client::{Backend, BackendConfig},
    tls::Authorities,
};

use super::Stack;
use crate::{Result, program::Program};

impl Stack {
    /// The operator's channel to lesson-svc or notify-svc.
    ///
    /// # Errors
    ///
    /// When the channel cannot be made.
    pub fn operator(&self, program: Program) -> Result<Backend> {
        Ok(Backend::connect_lazy(&BackendConfig {
            service: program.name(),
            url: self.url(program).parse()?,
            authorities: Authorities::default(),
            key: self.keys.of("operator").into(),
            timeout: Duration::from_secs(10),
        })?)
    }

    /// People, as the operator reaches them.
    ///
    /// # Errors
    ///
    /// When the channel cannot be made.
    pub fn users(&self) -> Result<UserServiceClient<Backend>> {
        Ok(UserServiceClient::new(self.operator(Program::LessonSvc)?))
    }

    /// Teachers, as the operator reaches them.
    ///
    /// # Errors
    ///
    /// When the channel cannot be made.
    pub fn teachers(&self) -> Result<TeacherServiceClient<Backend>> {
        Ok(TeacherServiceClient::new(
            self.operator(Program::LessonSvc)?,
        ))
    }

    /// Availability, as the operator reaches it.
    ///
    /// # Errors
    ///
    /// When the channel cannot be made.
    pub fn availability(&self) -> Result<AvailabilityServiceClient<Backend>> {
        Ok(AvailabilityServiceClient::new(
            self.operator(Program::LessonSvc)?,
        ))
    }

    /// Lessons, as the operator reaches them.
    ///
    /// # Errors
    ///
    /// When the channel cannot be made.
    pub fn lessons(&self) -> Result<LessonServiceClient<Backend>> {
        Ok(LessonServiceClient::new(self.operator(Program::LessonSvc)?))
    }

    /// Notifications, as the operator reaches them.
    ///
    /// # Errors
    ///
    /// When the channel cannot be made.
    pub fn notifications(&self) -> Result<NotificationServiceClient<Backend>> {
        Ok(NotificationServiceClient::new(
            self.operator(Program::NotifySvc)?,
        ))
    }

    /// What notify-svc knows of people, as the operator reads it.
    ///
    /// # Errors
    ///
    /// When the channel cannot be made.
    pub fn recipients(&self) -> Result<RecipientServiceClient<Backend>> {
        Ok(RecipientServiceClient::new(
            self.operator(Program::NotifySvc)?,
        ))
    }
}
