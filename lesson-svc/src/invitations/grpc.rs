//! `InvitationService`: parse, transaction, reply.

use jiff::SignedDuration;
use olm_proto::lesson::v1::{
    AcceptInvitationRequest, AcceptInvitationResponse, CreateInvitationRequest,
    CreateInvitationResponse, ListInvitationsRequest, ListInvitationsResponse,
    PreviewInvitationRequest, PreviewInvitationResponse, RevokeInvitationRequest,
    RevokeInvitationResponse, invitation_service_server::InvitationService,
};
use service_kit::{
    grpc::server::required_acting_user,
    paging::{self, Position, Query},
    status::Violations,
};
use sqlx::PgConnection;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Invitation, accepting, hash, store};
use crate::{
    actors::Actor,
    errors::Error,
    groups,
    ids::{GroupId, InvitationId, UserId},
    requests::{self, Claim},
    state::State,
    teachers::{self, check_span},
    users,
};

const HOUR: i64 = 60 * 60;
/// TMB-1.
const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_hours(72);
const SHORTEST_LIFETIME_S: i64 = HOUR;
const LONGEST_LIFETIME_S: i64 = 90 * 24 * HOUR;
const MOST_USES: i32 = 100;
/// Of one teacher at a time.
const MOST_OPEN: usize = 200;

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Invitations(pub State);

#[tonic::async_trait]
impl InvitationService for Invitations {
    async fn create_invitation(
        &self,
        request: Request<CreateInvitationRequest>,
    ) -> Result<Response<CreateInvitationResponse>, Status> {
        let teacher = UserId(required_acting_user(&request)?);
        let (invitation, token) = create(&self.0, teacher, &request.into_inner()).await?;
        Ok(Response::new(CreateInvitationResponse {
            invitation: Some(invitation.to_message(self.0.now())),
            token,
        }))
    }

    async fn list_invitations(
        &self,
        request: Request<ListInvitationsRequest>,
    ) -> Result<Response<ListInvitationsResponse>, Status> {
        let teacher = UserId(required_acting_user(&request)?);
        let page = list(&self.0, teacher, &request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn revoke_invitation(
        &self,
        request: Request<RevokeInvitationRequest>,
    ) -> Result<Response<RevokeInvitationResponse>, Status> {
        let teacher = UserId(required_acting_user(&request)?);
        let invitation = revoke(&self.0, teacher, &request.into_inner()).await?;
        Ok(Response::new(RevokeInvitationResponse {
            invitation: Some(invitation.to_message(self.0.now())),
        }))
    }

    async fn preview_invitation(
        &self,
        request: Request<PreviewInvitationRequest>,
    ) -> Result<Response<PreviewInvitationResponse>, Status> {
        let viewer = UserId(required_acting_user(&request)?);
        let token = hash(&request.get_ref().token);
        let (teacher, group) = accepting::preview(&self.0, viewer, token).await?;
        Ok(Response::new(PreviewInvitationResponse {
            teacher: Some(teacher.into()),
            group: group.map(Into::into),
        }))
    }

    async fn accept_invitation(
        &self,
        request: Request<AcceptInvitationRequest>,
    ) -> Result<Response<AcceptInvitationResponse>, Status> {
        let user = UserId(required_acting_user(&request)?);
        let token = hash(&request.get_ref().token);
        let accepted = accepting::accept(&self.0, user, token).await?;
        let (group, missed) = match accepted.group {
            Some((group, coming)) => (Some(group.into()), coming.missed),
            None => (None, Vec::new()),
        };
        Ok(Response::new(AcceptInvitationResponse {
            teacher: Some(accepted.teacher.into()),
            joined: accepted.joined,
            group,
            missed_lesson_ids: missed.iter().map(ToString::to_string).collect(),
        }))
    }
}

struct Wanted {
    request_id: Uuid,
    body_hash: [u8; 32],
    max_uses: i16,
    lifetime: SignedDuration,
    group: Option<GroupId>,
}

fn read(request: &CreateInvitationRequest) -> Result<Wanted, Error> {
    let mut violations = Violations::default();
    let request_id = violations.uuid("request_id", &request.request_id);
    let max_uses = match request.max_uses {
        0 => 1,
        given => given,
    };
    violations.require(
        (1..=MOST_USES).contains(&max_uses),
        "max_uses",
        format!("is {max_uses}, not between 1 and {MOST_USES}"),
    );
    let lifetime = request
        .lifetime
        .as_ref()
        .map_or(Ok(DEFAULT_LIFETIME), |given| {
            check_span(given, SHORTEST_LIFETIME_S..=LONGEST_LIFETIME_S)
        });
    let lifetime = lifetime.unwrap_or_else(|text| {
        violations.add("lifetime", text);
        DEFAULT_LIFETIME
    });
    let group = (!request.group_id.is_empty())
        .then(|| GroupId(violations.uuid("group_id", &request.group_id)));
    violations.check()?;
    let body = CreateInvitationRequest {
        request_id: String::new(),
        max_uses,
        lifetime: Some(olm_proto::duration(lifetime)),
        group_id: group.map(|id| id.to_string()).unwrap_or_default(),
    };
    Ok(Wanted {
        request_id,
        body_hash: requests::body_hash("CreateInvitation", &body),
        max_uses: i16::try_from(max_uses).unwrap_or(1),
        lifetime,
        group,
    })
}

async fn create(
    state: &State,
    teacher: UserId,
    request: &CreateInvitationRequest,
) -> Result<(Invitation, String), Error> {
    let wanted = read(request)?;
    let now = state.now();
    let mut id = InvitationId::new(&*state.clock);
    let mut tx = state.pool.begin().await?;
    users::store::require_locked(&mut tx, teacher).await?;
    let claim = requests::claim(
        &mut tx,
        teacher,
        wanted.request_id,
        wanted.body_hash,
        id.0,
        now,
    )
    .await?;
    let created = match claim {
        Claim::New => true,
        Claim::Repeat(first) => {
            id = InvitationId(first);
            false
        }
    };
    let token = state.tokens.token(id);
    if created {
        let locked = teachers::store::lock(&mut tx, teacher).await?;
        locked.ok_or(Error::NotATeacher)?;
        if let Some(group) = wanted.group {
            require_own(&mut tx, teacher, group).await?;
        }
        if store::count_open(&mut tx, teacher, now).await? >= MOST_OPEN {
            return Err(Error::LimitReached {
                what: "open invitations",
                limit: MOST_OPEN,
            });
        }
        let invitation = Invitation {
            id,
            teacher_id: teacher,
            group_id: wanted.group,
            max_uses: wanted.max_uses,
            uses: 0,
            create_time: now,
            expire_time: now.saturating_add(wanted.lifetime).unwrap_or(now),
            revoke_time: None,
        };
        store::insert(&mut tx, &invitation, hash(&token)).await?;
    }
    let invitation = store::find(&mut tx, teacher, id, hash(&token)).await?;
    // Only of a repeat after the secret was replaced: the token that was answered first
    // cannot be made any more.
    let invitation = invitation.ok_or(Error::Corrupt("an invitation's token is another one"))?;
    tx.commit().await?;
    if created {
        tracing::info!(event = "invitation_created", invitation_id = %id, teacher_id = %teacher, "invitation created");
    }
    Ok((invitation, token))
}

/// Refuses a group that is not the locked teacher's, or was dissolved.
async fn require_own(
    conn: &mut PgConnection,
    teacher: UserId,
    group: GroupId,
) -> Result<(), Error> {
    let found = groups::store::find(conn, Some(teacher), group).await?;
    let actor = Actor {
        user: teacher,
        admin: false,
    };
    found.ok_or(Error::GroupNotFound)?.require_teacher(actor)
}

async fn list(
    state: &State,
    teacher: UserId,
    request: &ListInvitationsRequest,
) -> Result<ListInvitationsResponse, Error> {
    let mut violations = Violations::default();
    let size = paging::size(&mut violations, request.page_size);
    violations.check()?;
    let query = Query::of("ListInvitations", &[teacher.0.as_bytes()]);
    let after = match query.position(&request.page_token)? {
        None => None,
        Some(position) => Some((position.time()?, position.id)),
    };
    let now = state.now();
    let mut conn = state.pool.acquire().await?;
    users::store::require(&mut conn, teacher).await?;
    if teachers::store::find(&mut conn, teacher).await?.is_none() {
        return Err(Error::NotATeacher);
    }
    let mut invitations = store::list(&mut conn, teacher, after, i64::from(size) + 1).await?;
    let next_page_token = query.cut(&mut invitations, size, |last| {
        Position::at(last.create_time, last.id.0)
    });
    let invitations = invitations.iter().map(|one| one.to_message(now));
    Ok(ListInvitationsResponse {
        invitations: invitations.collect(),
        next_page_token,
    })
}

async fn revoke(
    state: &State,
    teacher: UserId,
    request: &RevokeInvitationRequest,
) -> Result<Invitation, Error> {
    let mut violations = Violations::default();
    let id = InvitationId(violations.uuid("invitation_id", &request.invitation_id));
    violations.check()?;
    let mut tx = state.pool.begin().await?;
    users::store::require_locked(&mut tx, teacher).await?;
    let revoked = store::update_revoked(&mut tx, teacher, id, state.now()).await?;
    let revoked = revoked.ok_or(Error::InvitationNotFound)?;
    tx.commit().await?;
    tracing::info!(event = "invitation_revoked", invitation_id = %id, teacher_id = %teacher, "invitation revoked");
    Ok(revoked)
}
