//! `GroupService`: parse, one call, reply.

use olm_proto::lesson::v1::{
    AddGroupMemberRequest, AddGroupMemberResponse, CreateGroupRequest, CreateGroupResponse,
    DeleteGroupRequest, DeleteGroupResponse, GetGroupRequest, GetGroupResponse,
    ListGroupMembersRequest, ListGroupMembersResponse, ListGroupsRequest, ListGroupsResponse,
    RemoveGroupMemberRequest, RemoveGroupMemberResponse, UpdateGroupRequest, UpdateGroupResponse,
    group_service_server::GroupService,
};
use service_kit::status::Violations;
use tonic::{Request, Response, Status};

use super::{
    changing, listing,
    membership::{self, Wanted},
};
use crate::{
    actors::Claimed,
    errors::Error,
    ids::{GroupId, UserId},
    state::State,
};

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Groups(pub State);

#[tonic::async_trait]
impl GroupService for Groups {
    async fn create_group(
        &self,
        request: Request<CreateGroupRequest>,
    ) -> Result<Response<CreateGroupResponse>, Status> {
        let by = Claimed::of(&request)?;
        let group = changing::create(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(CreateGroupResponse {
            group: Some(group.into()),
        }))
    }

    async fn get_group(
        &self,
        request: Request<GetGroupRequest>,
    ) -> Result<Response<GetGroupResponse>, Status> {
        let by = Claimed::of(&request)?;
        let group = listing::get(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(GetGroupResponse {
            group: Some(group.into()),
        }))
    }

    async fn list_groups(
        &self,
        request: Request<ListGroupsRequest>,
    ) -> Result<Response<ListGroupsResponse>, Status> {
        let by = Claimed::of(&request)?;
        let page = listing::list(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(page))
    }

    async fn update_group(
        &self,
        request: Request<UpdateGroupRequest>,
    ) -> Result<Response<UpdateGroupResponse>, Status> {
        let by = Claimed::of(&request)?;
        let group = changing::update(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(UpdateGroupResponse {
            group: Some(group.into()),
        }))
    }

    async fn delete_group(
        &self,
        request: Request<DeleteGroupRequest>,
    ) -> Result<Response<DeleteGroupResponse>, Status> {
        let by = Claimed::of(&request)?;
        changing::delete(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(DeleteGroupResponse {}))
    }

    async fn list_group_members(
        &self,
        request: Request<ListGroupMembersRequest>,
    ) -> Result<Response<ListGroupMembersResponse>, Status> {
        let by = Claimed::of(&request)?;
        let page = listing::list_members(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(page))
    }

    async fn add_group_member(
        &self,
        request: Request<AddGroupMemberRequest>,
    ) -> Result<Response<AddGroupMemberResponse>, Status> {
        let by = Claimed::of(&request)?;
        let AddGroupMemberRequest {
            group_id,
            student_id,
        } = request.get_ref();
        let wanted = read_member(group_id, student_id)?;
        let (group, coming) = membership::add(&self.0, by, wanted).await?;
        let missed = coming.missed.iter();
        Ok(Response::new(AddGroupMemberResponse {
            group: Some(group.into()),
            joined: coming.joined,
            missed_lesson_ids: missed.map(ToString::to_string).collect(),
        }))
    }

    async fn remove_group_member(
        &self,
        request: Request<RemoveGroupMemberRequest>,
    ) -> Result<Response<RemoveGroupMemberResponse>, Status> {
        let by = Claimed::of(&request)?;
        let RemoveGroupMemberRequest {
            group_id,
            student_id,
        } = request.get_ref();
        let wanted = read_member(group_id, student_id)?;
        let canceled_seats = membership::remove(&self.0, by, wanted).await?;
        Ok(Response::new(RemoveGroupMemberResponse { canceled_seats }))
    }
}

fn read_member(group_id: &str, student_id: &str) -> Result<Wanted, Error> {
    let mut violations = Violations::default();
    let wanted = Wanted {
        group: GroupId(violations.uuid("group_id", group_id)),
        student: UserId(violations.uuid("student_id", student_id)),
    };
    violations.check()?;
    Ok(wanted)
}
