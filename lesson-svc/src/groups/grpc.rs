//! `GroupService`.

use olm_proto::lesson::v1::{
    AddGroupMemberRequest, AddGroupMemberResponse, CreateGroupRequest, CreateGroupResponse,
    DeleteGroupRequest, DeleteGroupResponse, GetGroupRequest, GetGroupResponse,
    ListGroupMembersRequest, ListGroupMembersResponse, ListGroupsRequest, ListGroupsResponse,
    RemoveGroupMemberRequest, RemoveGroupMemberResponse, UpdateGroupRequest, UpdateGroupResponse,
    group_service_server::GroupService,
};
use tonic::{Request, Response, Status};

use crate::{later::later, state::State};

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Groups(pub State);

#[tonic::async_trait]
impl GroupService for Groups {
    async fn create_group(
        &self,
        request: Request<CreateGroupRequest>,
    ) -> Result<Response<CreateGroupResponse>, Status> {
        later(&self.0, &request).await
    }

    async fn get_group(
        &self,
        request: Request<GetGroupRequest>,
    ) -> Result<Response<GetGroupResponse>, Status> {
        later(&self.0, &request).await
    }

    async fn list_groups(
        &self,
        request: Request<ListGroupsRequest>,
    ) -> Result<Response<ListGroupsResponse>, Status> {
        later(&self.0, &request).await
    }

    async fn update_group(
        &self,
        request: Request<UpdateGroupRequest>,
    ) -> Result<Response<UpdateGroupResponse>, Status> {
        later(&self.0, &request).await
    }

    async fn delete_group(
        &self,
        request: Request<DeleteGroupRequest>,
    ) -> Result<Response<DeleteGroupResponse>, Status> {
        later(&self.0, &request).await
    }

    async fn list_group_members(
        &self,
        request: Request<ListGroupMembersRequest>,
    ) -> Result<Response<ListGroupMembersResponse>, Status> {
        later(&self.0, &request).await
    }

    async fn add_group_member(
        &self,
        request: Request<AddGroupMemberRequest>,
    ) -> Result<Response<AddGroupMemberResponse>, Status> {
        later(&self.0, &request).await
    }

    async fn remove_group_member(
        &self,
        request: Request<RemoveGroupMemberRequest>,
    ) -> Result<Response<RemoveGroupMemberResponse>, Status> {
        later(&self.0, &request).await
    }
}
