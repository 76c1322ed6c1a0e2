//! `CalendarService`.

use olm_proto::lesson::v1::{
    CreateCalendarFeedRequest, CreateCalendarFeedResponse, GetCalendarEntryRequest,
    GetCalendarEntryResponse, ListCalendarFeedsRequest, ListCalendarFeedsResponse,
    ReadCalendarFeedRequest, ReadCalendarFeedResponse, RevokeCalendarFeedRequest,
    RevokeCalendarFeedResponse, calendar_service_server::CalendarService,
};
use tonic::{Request, Response, Status};

use crate::{later::later, state::State};

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Calendars(pub State);

#[tonic::async_trait]
impl CalendarService for Calendars {
    async fn create_calendar_feed(
        &self,
        request: Request<CreateCalendarFeedRequest>,
    ) -> Result<Response<CreateCalendarFeedResponse>, Status> {
        later(&self.0, &request).await
    }

    async fn list_calendar_feeds(
        &self,
        request: Request<ListCalendarFeedsRequest>,
    ) -> Result<Response<ListCalendarFeedsResponse>, Status> {
        later(&self.0, &request).await
    }

    async fn revoke_calendar_feed(
        &self,
        request: Request<RevokeCalendarFeedRequest>,
    ) -> Result<Response<RevokeCalendarFeedResponse>, Status> {
        later(&self.0, &request).await
    }

    async fn read_calendar_feed(
        &self,
        _: Request<ReadCalendarFeedRequest>,
    ) -> Result<Response<ReadCalendarFeedResponse>, Status> {
        Err(Status::unimplemented("not served yet"))
    }

    async fn get_calendar_entry(
        &self,
        request: Request<GetCalendarEntryRequest>,
    ) -> Result<Response<GetCalendarEntryResponse>, Status> {
        later(&self.0, &request).await
    }
}
