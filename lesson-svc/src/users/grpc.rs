//! `UserService`: parse, transaction, reply.

use jiff::SignedDuration;
use olm_proto::lesson::v1::{
    GetUserRequest, GetUserResponse, RegisterTelegramUserRequest, RegisterTelegramUserResponse,
    UpdateSettingsRequest, UpdateSettingsResponse, user_service_server::UserService,
};
use service_kit::{grpc::server::required_acting_user, status::Violations};
use tonic::{Request, Response, Status};

use super::{Language, TelegramAddress, User, name_from_telegram, read_leads, store};
use crate::{
    errors::{Error, check_version},
    ids::UserId,
    outbox,
    state::State,
    zones,
};

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Users(pub State);

#[tonic::async_trait]
impl UserService for Users {
    async fn register_telegram_user(
        &self,
        request: Request<RegisterTelegramUserRequest>,
    ) -> Result<Response<RegisterTelegramUserResponse>, Status> {
        let (user, created) = register(&self.0, &request.into_inner()).await?;
        Ok(Response::new(RegisterTelegramUserResponse {
            user: Some(user.to_message(user.id)),
            created,
        }))
    }

    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Result<Response<GetUserResponse>, Status> {
        let viewer = UserId(required_acting_user(&request)?);
        let user = get(&self.0, viewer, &request.into_inner()).await?;
        Ok(Response::new(GetUserResponse {
            user: Some(user.to_message(viewer)),
        }))
    }

    async fn update_settings(
        &self,
        request: Request<UpdateSettingsRequest>,
    ) -> Result<Response<UpdateSettingsResponse>, Status> {
        let id = UserId(required_acting_user(&request)?);
        let user = update_settings(&self.0, id, &request.into_inner()).await?;
        Ok(Response::new(UpdateSettingsResponse {
            user: Some(user.to_message(id)),
        }))
    }

    async fn list_users(
        &self,
        _request: Request<olm_proto::lesson::v1::ListUsersRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::ListUsersResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn update_user(
        &self,
        _request: Request<olm_proto::lesson::v1::UpdateUserRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::UpdateUserResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn set_admin(
        &self,
        _request: Request<olm_proto::lesson::v1::SetAdminRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::SetAdminResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn erase_user(
        &self,
        _request: Request<olm_proto::lesson::v1::EraseUserRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::EraseUserResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

async fn register(
    state: &State,
    request: &RegisterTelegramUserRequest,
) -> Result<(User, bool), Error> {
    let mut violations = Violations::default();
    for (field, id) in [
        ("bot_id", request.bot_id),
        ("telegram_user_id", request.telegram_user_id),
        ("chat_id", request.chat_id),
    ] {
        violations.require(id > 0, field, "is not more than 0");
    }
    violations.check()?;
    let name = name_from_telegram(&request.display_name, request.telegram_user_id);
    // Who loses the race for a new account finds it on the second round.
    for _ in 0..2 {
        if let Some(registered) = register_once(state, request, &name).await? {
            return Ok(registered);
        }
    }
    Err(Error::Corrupt(
        "a Telegram account is neither there nor free",
    ))
}

/// `None` when another call registered the account meanwhile.
async fn register_once(
    state: &State,
    request: &RegisterTelegramUserRequest,
    name: &str,
) -> Result<Option<(User, bool)>, Error> {
    let address = TelegramAddress {
        bot_id: request.bot_id,
        chat_id: request.chat_id,
    };
    let mut tx = state.pool.begin().await?;
    let known = store::lock_by_telegram(&mut tx, request.bot_id, request.telegram_user_id).await?;
    let created = known.is_none();
    let user = if let Some(mut user) = known {
        if user.display_name == name && user.telegram == Some(address) {
            return Ok(Some((user, false)));
        }
        name.clone_into(&mut user.display_name);
        user.telegram = Some(address);
        store::update(&mut tx, &mut user).await?;
        user
    } else {
        let user = new_user(state, request, name, address);
        store::insert(&mut tx, &user).await?;
        if !store::insert_account(&mut tx, user.id, request.telegram_user_id, address).await? {
            return Ok(None);
        }
        user
    };
    outbox::store::insert_recipient(&mut tx, &user, state.now()).await?;
    tx.commit().await?;
    state.wake.wake();
    if created {
        tracing::info!(event = "user_registered", user_id = %user.id, bot_id = request.bot_id, "user registered");
    }
    Ok(Some((user, created)))
}

fn new_user(
    state: &State,
    request: &RegisterTelegramUserRequest,
    name: &str,
    address: TelegramAddress,
) -> User {
    User {
        id: UserId::new(&*state.clock),
        display_name: name.to_owned(),
        language: Language::of_tag(&request.language_code).unwrap_or(state.defaults.language),
        time_zone: state.defaults.time_zone.clone(),
        reminder_leads: vec![SignedDuration::from_hours(1)],
        telegram: Some(address),
        version: 1,
        create_time: state.now(),
        is_teacher: false,
    }
}

async fn get(state: &State, viewer: UserId, request: &GetUserRequest) -> Result<User, Error> {
    let mut violations = Violations::default();
    let id = UserId(violations.uuid("user_id", &request.user_id));
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    store::find(&mut conn, viewer, id)
        .await?
        .ok_or(Error::UserNotFound)
}

async fn update_settings(
    state: &State,
    id: UserId,
    request: &UpdateSettingsRequest,
) -> Result<User, Error> {
    let mut violations = Violations::default();
    let language = request.language.as_deref().and_then(|text| {
        let language: Option<Language> = text.parse().ok();
        violations.require(
            language.is_some(),
            "language",
            "is neither \"ru\" nor \"en\"",
        );
        language
    });
    let time_zone = request.time_zone.as_deref().and_then(|text| {
        let name = zones::canonical_name(text);
        violations.require(name.is_some(), "time_zone", "is not an IANA time zone");
        name
    });
    let leads = request
        .reminder_leads
        .as_ref()
        .map(|given| read_leads(&given.leads, &mut violations));
    violations.require(
        request.expected_version > 0,
        "expected_version",
        "is not more than 0",
    );
    violations.check()?;
    let mut tx = state.pool.begin().await?;
    let mut user = store::lock(&mut tx, id).await?.ok_or(Error::UserNotFound)?;
    check_version(request.expected_version, user.version)?;
    let before = user.clone();
    user.language = language.unwrap_or(user.language);
    user.time_zone = time_zone.unwrap_or(user.time_zone);
    user.reminder_leads = leads.unwrap_or(user.reminder_leads);
    if user == before {
        return Ok(user);
    }
    store::update(&mut tx, &mut user).await?;
    outbox::store::insert_recipient(&mut tx, &user, state.now()).await?;
    tx.commit().await?;
    state.wake.wake();
    Ok(user)
}
