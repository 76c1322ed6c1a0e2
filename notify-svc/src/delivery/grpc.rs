//! `DeliveryService`.

use olm_proto::notify::v1::{
    BotMode, GetSendingRequest, GetSendingResponse, ListBotsRequest, ListBotsResponse,
    SetBotModeRequest, SetBotModeResponse, SetSendingRequest, SetSendingResponse,
    delivery_service_server::DeliveryService,
};
use service_kit::status::Violations;
use tonic::{Request, Response, Status};

use super::{Bot, Mode, store, switching};
use crate::{App, errors::Error, notifications::requests};

/// Serves `DeliveryService`.
#[derive(Debug)]
pub struct Service {
    app: App,
}

impl Service {
    /// Over the shared state.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self { app }
    }
}

/// The bot and the mode that are asked for.
fn parse(request: &SetBotModeRequest, violations: &mut Violations) -> (i64, Mode) {
    violations.require(request.bot_id > 0, "bot_id", "is not more than 0");
    let client = request.client.as_str();
    let mode = match request.mode() {
        BotMode::Unspecified => {
            violations.add("mode", "is neither STREAM nor POLLING");
            Mode::Stream
        }
        BotMode::Stream => {
            violations.require(client.is_empty(), "client", "is given in stream mode");
            Mode::Stream
        }
        BotMode::Polling => {
            violations.require(!client.is_empty(), "client", "is empty in polling mode");
            requests::check_client(client, violations);
            Mode::Polling {
                client: client.to_owned(),
            }
        }
    };
    (request.bot_id, mode)
}

#[tonic::async_trait]
impl DeliveryService for Service {
    async fn get_sending(
        &self,
        _request: Request<GetSendingRequest>,
    ) -> Result<Response<GetSendingResponse>, Status> {
        let mut conn = self.app.pool.acquire().await.map_err(Error::from)?;
        let sending = store::find_sending(&mut conn).await.map_err(Error::from)?;
        Ok(Response::new(GetSendingResponse {
            sending: Some(sending.wire()),
        }))
    }

    async fn set_sending(
        &self,
        request: Request<SetSendingRequest>,
    ) -> Result<Response<SetSendingResponse>, Status> {
        let switched = if request.get_ref().enabled {
            match switching::switch_on(&self.app).await {
                Err(error) if error.is_contention() => switching::switch_on(&self.app).await?,
                switched => switched?,
            }
        } else {
            switching::switch_off(&self.app).await?
        };
        Ok(Response::new(SetSendingResponse {
            sending: Some(switched.sending.wire()),
            expired_count: switched.expired,
            unconfirmed_count: switched.unconfirmed,
        }))
    }

    async fn set_bot_mode(
        &self,
        request: Request<SetBotModeRequest>,
    ) -> Result<Response<SetBotModeResponse>, Status> {
        let mut violations = Violations::default();
        let (bot_id, mode) = parse(request.get_ref(), &mut violations);
        violations.check().map_err(Error::from)?;
        let bot = switching::set_mode(&self.app, bot_id, &mode).await?;
        Ok(Response::new(SetBotModeResponse {
            bot: Some(bot.wire()),
        }))
    }

    async fn list_bots(
        &self,
        _request: Request<ListBotsRequest>,
    ) -> Result<Response<ListBotsResponse>, Status> {
        let mut conn = self.app.pool.acquire().await.map_err(Error::from)?;
        let bots = store::list_bots(&mut conn, None).await;
        let bots = bots.map_err(Error::from)?;
        Ok(Response::new(ListBotsResponse {
            bots: bots.into_iter().map(Bot::wire).collect(),
        }))
    }
}
