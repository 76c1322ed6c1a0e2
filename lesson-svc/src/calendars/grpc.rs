//! `CalendarService`.

use olm_proto::lesson::v1::{
    CreateCalendarFeedRequest, CreateCalendarFeedResponse, GetCalendarEntryRequest,
    GetCalendarEntryResponse, ListCalendarFeedsRequest, ListCalendarFeedsResponse,
    ReadCalendarFeedRequest, ReadCalendarFeedResponse, RevokeCalendarFeedRequest,
    RevokeCalendarFeedResponse, calendar_service_server::CalendarService,
};
use service_kit::grpc::server::required_acting_user;
use tonic::{Request, Response, Status};

use super::feeds;
use crate::{ids::UserId, state::State};

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Calendars(pub State);

#[tonic::async_trait]
impl CalendarService for Calendars {
    async fn create_calendar_feed(
        &self,
        request: Request<CreateCalendarFeedRequest>,
    ) -> Result<Response<CreateCalendarFeedResponse>, Status> {
        let user = UserId(required_acting_user(&request)?);
        let (feed, token) = feeds::create(&self.0, user, request.get_ref()).await?;
        Ok(Response::new(CreateCalendarFeedResponse {
            feed: Some(feed.into()),
            token,
        }))
    }

    async fn list_calendar_feeds(
        &self,
        request: Request<ListCalendarFeedsRequest>,
    ) -> Result<Response<ListCalendarFeedsResponse>, Status> {
        let user = UserId(required_acting_user(&request)?);
        let feeds = feeds::list(&self.0, user).await?;
        Ok(Response::new(ListCalendarFeedsResponse {
            feeds: feeds.into_iter().map(Into::into).collect(),
        }))
    }

    async fn revoke_calendar_feed(
        &self,
        request: Request<RevokeCalendarFeedRequest>,
    ) -> Result<Response<RevokeCalendarFeedResponse>, Status> {
        let user = UserId(required_acting_user(&request)?);
        let feed = feeds::revoke(&self.0, user, request.get_ref()).await?;
        Ok(Response::new(RevokeCalendarFeedResponse {
            feed: Some(feed.into()),
        }))
    }

    async fn read_calendar_feed(
        &self,
        request: Request<ReadCalendarFeedRequest>,
    ) -> Result<Response<ReadCalendarFeedResponse>, Status> {
        let (reader, entries) = feeds::read(&self.0, &request.get_ref().token).await?;
        let now = self.0.now();
        let entries = entries.into_iter();
        Ok(Response::new(ReadCalendarFeedResponse {
            entries: entries.map(|entry| entry.into_message(now)).collect(),
            language: reader.language.to_string(),
            time_zone: reader.time_zone,
        }))
    }

    async fn get_calendar_entry(
        &self,
        request: Request<GetCalendarEntryRequest>,
    ) -> Result<Response<GetCalendarEntryResponse>, Status> {
        let user = UserId(required_acting_user(&request)?);
        let (reader, entry) = feeds::get(&self.0, user, request.get_ref()).await?;
        Ok(Response::new(GetCalendarEntryResponse {
            entry: Some(entry.into_message(self.0.now())),
            language: reader.language.to_string(),
            time_zone: reader.time_zone,
        }))
    }
}
