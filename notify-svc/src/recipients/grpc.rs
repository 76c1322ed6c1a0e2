//! `RecipientService`.

use olm_proto::notify::v1::{
    EraseRecipientRequest, EraseRecipientResponse, GetRecipientRequest, GetRecipientResponse,
    PutRecipientRequest, PutRecipientResponse, recipient_service_server::RecipientService,
};
use service_kit::status::Violations;
use tonic::{Request, Response, Status};

use super::{Recipient, erasing, moving, store};
use crate::{
    App,
    errors::Error,
    lesson_plans::{self, replanning},
};

/// Lessons planned before a change of settings is answered: a few milliseconds each.
const AT_ONCE: usize = 20;

/// Serves `RecipientService`.
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

    /// The version stored afterwards.
    async fn put(&self, recipient: &Recipient) -> Result<i64, Error> {
        let mut tx = self.app.pool.begin().await?;
        let stored = store::lock(&mut tx, &[recipient.user_id]).await?;
        let Some(stored) = stored.into_iter().next() else {
            return Err(Error::stored("a locked recipient vanished"));
        };
        if stored.erased || stored.recipient.version >= recipient.version {
            tx.commit().await?;
            return Ok(stored.recipient.version);
        }
        // lesson-svc may not know that a group moved.
        let mut recipient = recipient.clone();
        if let Some(address) = recipient.address {
            recipient.address = Some(moving::follow(&mut tx, address).await?);
        }
        store::update(&mut tx, &recipient).await?;
        let queued = if recipient.is_planned_as(&stored.recipient) {
            Vec::new()
        } else {
            lesson_plans::store::insert_replans_of(&mut tx, recipient.user_id).await?
        };
        let bot_id = recipient.address.map(|address| address.bot_id);
        store::readdress_pending(&mut tx, recipient.user_id, bot_id).await?;
        tx.commit().await?;
        // The next lessons before anything goes out to the person; the sweep does the rest.
        let next = &queued[..queued.len().min(AT_ONCE)];
        if let Err(error) = replanning::drain(&self.app, next).await {
            tracing::warn!(%error, "lessons are left to be planned by the sweep");
        }
        self.app.wakeups.wake(bot_id);
        tracing::info!(user_id = %recipient.user_id, version = recipient.version, "recipient stored");
        Ok(recipient.version)
    }
}

#[tonic::async_trait]
impl RecipientService for Service {
    async fn put_recipient(
        &self,
        request: Request<PutRecipientRequest>,
    ) -> Result<Response<PutRecipientResponse>, Status> {
        let wire = request.into_inner().recipient.unwrap_or_default();
        let mut violations = Violations::default();
        let recipient = Recipient::parse(&wire, &mut violations);
        violations.check().map_err(Error::from)?;
        let version = match self.put(&recipient).await {
            Err(error) if error.is_contention() => self.put(&recipient).await?,
            put => put?,
        };
        Ok(Response::new(PutRecipientResponse { version }))
    }

    async fn erase_recipient(
        &self,
        request: Request<EraseRecipientRequest>,
    ) -> Result<Response<EraseRecipientResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let user_id = violations.uuid("user_id", &request.user_id);
        violations.require(request.version > 0, "version", "is not more than 0");
        violations.check().map_err(Error::from)?;
        let erased = match erasing::erase(&self.app, user_id, request.version).await {
            Err(error) if error.is_contention() => {
                erasing::erase(&self.app, user_id, request.version).await?
            }
            erased => erased?,
        };
        Ok(Response::new(EraseRecipientResponse {
            canceled_notifications: i32::try_from(erased).unwrap_or(i32::MAX),
        }))
    }

    async fn get_recipient(
        &self,
        request: Request<GetRecipientRequest>,
    ) -> Result<Response<GetRecipientResponse>, Status> {
        let mut violations = Violations::default();
        let user_id = violations.uuid("user_id", &request.get_ref().user_id);
        violations.check().map_err(Error::from)?;
        let mut conn = self.app.pool.acquire().await.map_err(Error::from)?;
        let stored = store::find(&mut conn, user_id).await.map_err(Error::from)?;
        // A stub is nobody yet, an erased person nobody any more.
        let stored = stored
            .filter(|stored| stored.recipient.version > 0 && !stored.erased)
            .ok_or(Error::RecipientNotFound)?;
        Ok(Response::new(GetRecipientResponse {
            recipient: Some(stored.recipient.wire()),
            reachable: stored.reachable,
        }))
    }
}
