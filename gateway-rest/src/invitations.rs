//! Invitations as clients see them.

pub(crate) mod http;

use jiff::Timestamp;
use olm_proto::{instant, lesson::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::{given, given_whole};
use crate::{fields, groups::Group, problem::Problem, teachers::Teacher};

/// An invitation to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvitation {
    /// How many people may accept it; default 1.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 1, maximum = 100, example = 1)]
    pub(crate) max_uses: Option<i32>,
    /// How long it may be accepted, in seconds, 1 hour to 90 days; default 72 hours.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(
        nullable = false,
        minimum = 3600,
        maximum = 7_776_000,
        example = 259_200
    )]
    pub(crate) lifetime_s: Option<i64>,
    /// One of the acting teacher's groups, into which it leads; default: into none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    pub(crate) group_id: Option<String>,
}

/// A link by which people become a teacher's students.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Invitation {
    #[schema(format = "uuid")]
    id: String,
    #[schema(format = "uuid")]
    teacher_id: String,
    /// How many people may accept it.
    max_uses: i32,
    /// How many did.
    uses: i32,
    state: InvitationState,
    create_time: Timestamp,
    expire_time: Timestamp,
    /// Present when the teacher took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoke_time: Option<Timestamp>,
    /// The group it leads into; absent: into none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    group_id: Option<String>,
}

/// Whether an invitation still invites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InvitationState {
    /// It does.
    Open,
    /// As many people as were invited have accepted.
    UsedUp,
    /// It has run out.
    Expired,
    /// The teacher took it back.
    Revoked,
    /// A state newer than this gateway.
    Unknown,
}

/// An invitation that was made. A repeat of the request answers the same token.
// No Debug: the token must not reach a log.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedInvitation {
    #[serde(flatten)]
    pub(crate) invitation: Invitation,
    /// What the link carries (`t.me/<bot>?start=<token>`); answered here only.
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    pub(crate) token: String,
}

/// A page of invitations.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationPage {
    /// The newest first.
    pub(crate) invitations: Vec<Invitation>,
    /// Ask with it for the next page; null: this is the last.
    pub(crate) next_page_token: Option<String>,
}

/// An invitation somebody was given. The token is never part of a path, which logs keep.
// No Debug: the token must not reach a log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationToken {
    /// What the link carries.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{43}$")]
    pub(crate) token: Option<String>,
}

/// Who invites.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationPreview {
    pub(crate) teacher: Teacher,
    /// The group it leads into; absent: into none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) group: Option<Group>,
}

/// An invitation that was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedInvitation {
    pub(crate) teacher: Teacher,
    /// False when the acting user was the teacher's student before, and in the group, if
    /// any.
    pub(crate) joined: bool,
    /// The group it led into; absent: into none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) group: Option<Group>,
    /// The group's lessons ahead in which the acting user has no seat because of another
    /// lesson.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, value_type = Vec<Uuid>)]
    pub(crate) missed_lesson_ids: Vec<String>,
}

impl From<pb::InvitationState> for InvitationState {
    fn from(state: pb::InvitationState) -> Self {
        match state {
            pb::InvitationState::Unspecified => Self::Unknown,
            pb::InvitationState::Open => Self::Open,
            pb::InvitationState::UsedUp => Self::UsedUp,
            pb::InvitationState::Expired => Self::Expired,
            pb::InvitationState::Revoked => Self::Revoked,
        }
    }
}

impl Invitation {
    /// The invitation in a service's answer.
    ///
    /// # Errors
    ///
    /// When there is none, or it has no times.
    pub(crate) fn from_answer(invitation: Option<pb::Invitation>) -> Result<Self, Problem> {
        let Some(invitation) = invitation else {
            return Err(Problem::bad_answer("an answer without its invitation"));
        };
        let state = invitation.state().into();
        let create_time = invitation.create_time.as_ref().and_then(instant);
        let expire_time = invitation.expire_time.as_ref().and_then(instant);
        let (Some(create_time), Some(expire_time)) = (create_time, expire_time) else {
            return Err(Problem::bad_answer("an invitation without its times"));
        };
        Ok(Self {
            id: invitation.id,
            teacher_id: invitation.teacher_id,
            max_uses: invitation.max_uses,
            uses: invitation.uses,
            state,
            create_time,
            expire_time,
            revoke_time: invitation.revoke_time.as_ref().and_then(instant),
            group_id: fields::text(invitation.group_id),
        })
    }
}
