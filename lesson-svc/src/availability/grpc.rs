//! `AvailabilityService`: who asks, then `changing` or `listing`.

use olm_proto::lesson::v1::{
    AddTimeOffRequest, AddTimeOffResponse, DeleteOverrideRequest, DeleteOverrideResponse,
    GetAvailabilityRequest, GetAvailabilityResponse, ListSlotsRequest, ListSlotsResponse,
    PutOverrideRequest, PutOverrideResponse, RemoveTimeOffRequest, RemoveTimeOffResponse,
    SetWeeklyRulesRequest, SetWeeklyRulesResponse,
    availability_service_server::AvailabilityService,
};
use service_kit::grpc::server::{acting_user, required_acting_user};
use tonic::{Request, Response, Status};

use super::{changing, listing};
use crate::{ids::UserId, state::State};

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Availabilities(pub State);

#[tonic::async_trait]
impl AvailabilityService for Availabilities {
    async fn get_availability(
        &self,
        request: Request<GetAvailabilityRequest>,
    ) -> Result<Response<GetAvailabilityResponse>, Status> {
        let viewer = UserId(required_acting_user(&request)?);
        let availability = listing::get(&self.0, viewer, &request.into_inner()).await?;
        Ok(Response::new(GetAvailabilityResponse {
            availability: Some(availability),
        }))
    }

    async fn set_weekly_rules(
        &self,
        request: Request<SetWeeklyRulesRequest>,
    ) -> Result<Response<SetWeeklyRulesResponse>, Status> {
        let teacher = UserId(required_acting_user(&request)?);
        let availability = changing::set_rules(&self.0, teacher, &request.into_inner()).await?;
        Ok(Response::new(SetWeeklyRulesResponse {
            availability: Some(availability),
        }))
    }

    async fn put_override(
        &self,
        request: Request<PutOverrideRequest>,
    ) -> Result<Response<PutOverrideResponse>, Status> {
        let teacher = UserId(required_acting_user(&request)?);
        let availability = changing::put_override(&self.0, teacher, &request.into_inner()).await?;
        Ok(Response::new(PutOverrideResponse {
            availability: Some(availability),
        }))
    }

    async fn delete_override(
        &self,
        request: Request<DeleteOverrideRequest>,
    ) -> Result<Response<DeleteOverrideResponse>, Status> {
        let teacher = UserId(required_acting_user(&request)?);
        let availability =
            changing::delete_override(&self.0, teacher, &request.into_inner()).await?;
        Ok(Response::new(DeleteOverrideResponse {
            availability: Some(availability),
        }))
    }

    async fn add_time_off(
        &self,
        request: Request<AddTimeOffRequest>,
    ) -> Result<Response<AddTimeOffResponse>, Status> {
        let teacher = UserId(required_acting_user(&request)?);
        let added = changing::add_time_off(&self.0, teacher, &request.into_inner()).await?;
        Ok(Response::new(added))
    }

    async fn remove_time_off(
        &self,
        request: Request<RemoveTimeOffRequest>,
    ) -> Result<Response<RemoveTimeOffResponse>, Status> {
        let teacher = UserId(required_acting_user(&request)?);
        changing::remove_time_off(&self.0, teacher, &request.into_inner()).await?;
        Ok(Response::new(RemoveTimeOffResponse {}))
    }

    async fn list_slots(
        &self,
        request: Request<ListSlotsRequest>,
    ) -> Result<Response<ListSlotsResponse>, Status> {
        let viewer = acting_user(&request).map(UserId);
        let slots = listing::list_slots(&self.0, viewer, &request.into_inner()).await?;
        Ok(Response::new(slots))
    }
}
