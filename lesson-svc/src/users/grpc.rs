//! `UserService`: parse, transaction, reply.

use olm_proto::lesson::v1 as pb;
use olm_proto::lesson::v1::{
    EraseUserRequest, EraseUserResponse, GetUserRequest, GetUserResponse, ListUsersRequest,
    ListUsersResponse, RegisterTelegramUserRequest, RegisterTelegramUserResponse, SetAdminRequest,
    SetAdminResponse, UpdateSettingsRequest, UpdateSettingsResponse, UpdateUserRequest,
    UpdateUserResponse, user_service_server::UserService,
};
use service_kit::{
    grpc::server::{acting_user, caller, required_acting_user},
    paging::{self, Position, Query, SortKey},
    status::Violations,
};
use tonic::{Request, Response, Status};

use super::{User, after_name, changing, erasing, registering, store};
use crate::{
    actors::Claimed,
    errors::{Error, check_text},
    ids::UserId,
    state::State,
};

/// The longest part of a name that is searched for, in characters.
pub const LONGEST_QUERY: usize = 64;

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Users(pub State);

#[tonic::async_trait]
impl UserService for Users {
    async fn register_telegram_user(
        &self,
        request: Request<RegisterTelegramUserRequest>,
    ) -> Result<Response<RegisterTelegramUserResponse>, Status> {
        let (user, created) = registering::register(&self.0, &request.into_inner()).await?;
        Ok(Response::new(RegisterTelegramUserResponse {
            user: Some(user.to_message()),
            created,
        }))
    }

    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Result<Response<GetUserResponse>, Status> {
        let viewer = Claimed::of(&request)?;
        let user = get(&self.0, viewer, &request.into_inner()).await?;
        Ok(Response::new(GetUserResponse { user: Some(user) }))
    }

    async fn list_users(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        let viewer = Claimed::of(&request)?;
        let page = list(&self.0, viewer, &request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn update_user(
        &self,
        request: Request<UpdateUserRequest>,
    ) -> Result<Response<UpdateUserResponse>, Status> {
        let id = UserId(required_acting_user(&request)?);
        let user = changing::update_user(&self.0, id, &request.into_inner()).await?;
        Ok(Response::new(UpdateUserResponse {
            user: Some(user.to_message()),
        }))
    }

    async fn update_settings(
        &self,
        request: Request<UpdateSettingsRequest>,
    ) -> Result<Response<UpdateSettingsResponse>, Status> {
        let id = UserId(required_acting_user(&request)?);
        let changed = changing::update_settings(&self.0, id, &request.into_inner()).await?;
        let (user, elsewhere) = changed;
        Ok(Response::new(UpdateSettingsResponse {
            user: Some(user.to_message()),
            series_ids_elsewhere: elsewhere.iter().map(ToString::to_string).collect(),
        }))
    }

    async fn set_admin(
        &self,
        request: Request<SetAdminRequest>,
    ) -> Result<Response<SetAdminResponse>, Status> {
        let caller = caller(&request)?.0;
        let claimed = match acting_user(&request) {
            Some(_) => Some(Claimed::of(&request)?),
            None => None,
        };
        let user = changing::set_admin(&self.0, caller, claimed, &request.into_inner()).await?;
        Ok(Response::new(SetAdminResponse {
            user: Some(user.to_message()),
        }))
    }

    async fn erase_user(
        &self,
        request: Request<EraseUserRequest>,
    ) -> Result<Response<EraseUserResponse>, Status> {
        let claimed = Claimed::of(&request)?;
        let canceled_lessons = erasing::erase(&self.0, claimed, &request.into_inner()).await?;
        Ok(Response::new(EraseUserResponse { canceled_lessons }))
    }
}

async fn get(state: &State, viewer: Claimed, request: &GetUserRequest) -> Result<pb::User, Error> {
    let mut violations = Violations::default();
    let id = UserId(violations.uuid("user_id", &request.user_id));
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    let viewer = viewer.actor(&mut conn).await?;
    let user = store::find(&mut conn, viewer, id).await?;
    let user = user.ok_or(Error::UserNotFound)?;
    Ok(if viewer.admin || viewer.user == id {
        user.to_message()
    } else {
        user.to_public_message()
    })
}

async fn list(
    state: &State,
    viewer: Claimed,
    request: &ListUsersRequest,
) -> Result<ListUsersResponse, Error> {
    let mut violations = Violations::default();
    check_text(&mut violations, "query", &request.query, LONGEST_QUERY);
    let size = paging::size(&mut violations, request.page_size);
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    let viewer = viewer.actor(&mut conn).await?;
    if !viewer.admin {
        return Err(Error::AdminOnly);
    }
    let text = request.query.trim();
    let query = Query::of("ListUsers", &[viewer.user.0.as_bytes(), text.as_bytes()]);
    let after = query.position(&request.page_token)?;
    let after = after_name(after.as_ref())?;
    let mut rows = store::list(&mut conn, text, after, i64::from(size) + 1).await?;
    let next_page_token = query.cut(&mut rows, size, |(user, sort_name)| Position {
        key: SortKey::Text(sort_name.clone()),
        id: user.id.0,
    });
    let users = rows.iter().map(|(user, _)| User::to_message(user));
    Ok(ListUsersResponse {
        users: users.collect(),
        next_page_token,
    })
}
