//! Invitations: links by which people become a teacher's students, and come into groups
//! (TMB-1).

pub mod accepting;
pub mod grpc;
pub mod store;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use olm_proto::lesson::v1 as pb;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::{
    errors::Error,
    ids::{FeedId, GroupId, InvitationId, UserId},
};

/// SHA-256 of a link's token, all that is kept of it.
pub type TokenHash = [u8; 32];

/// Makes the tokens of links from the ids of invitations, so that a repeated request is
/// answered with the same token though only its hash is stored
/// (docs/decisions/0007-invitation-tokens-are-derived.md). Cannot print its secret.
#[derive(Debug, Clone)]
pub struct TokenKey(SecretString);

impl TokenKey {
    /// A key from the installation's secret, of at least [`TokenKey::SHORTEST`] bytes.
    #[must_use]
    pub fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    /// The shortest secret, in bytes: as long as what it makes.
    pub const SHORTEST: usize = 32;

    /// The token of an invitation: 43 characters of base64url.
    ///
    /// # Panics
    ///
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn token(&self, id: InvitationId) -> String {
        self.derive(&[id.0.as_bytes()])
    }

    /// The token of a calendar feed, likewise.
    ///
    /// # Panics
    ///
    /// Never, as above.
    #[must_use]
    pub fn feed_token(&self, id: FeedId) -> String {
        self.derive(&[b"calendar", id.0.as_bytes()])
    }

    fn derive(&self, parts: &[&[u8]]) -> String {
        let secret = self.0.expose_secret().as_bytes();
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(part);
        }
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

/// What is stored of a token, and looked for when somebody comes with one.
#[must_use]
pub fn hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

/// Whether an invitation still invites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does.
    Open,
    /// As many as were invited have accepted.
    UsedUp,
    /// It has run out.
    Expired,
    /// The teacher took it back, or stopped teaching.
    Revoked,
}

/// A link by which people become a teacher's students.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The invitation's id.
    pub id: InvitationId,
    /// Who invites.
    pub teacher_id: UserId,
    /// The teacher's group that it leads into.
    pub group_id: Option<GroupId>,
    /// How many people may accept it; 1 to 100.
    pub max_uses: i16,
    /// How many did.
    pub uses: i16,
    /// When it was made.
    pub create_time: Timestamp,
    /// It can be accepted until just before.
    pub expire_time: Timestamp,
    /// When the teacher took it back.
    pub revoke_time: Option<Timestamp>,
}

impl Invitation {
    /// Whether it still invites.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        if self.revoke_time.is_some() {
            State::Revoked
        } else if now >= self.expire_time {
            State::Expired
        } else if self.uses >= self.max_uses {
            State::UsedUp
        } else {
            State::Open
        }
    }

    /// Refuses what does not invite any more.
    ///
    /// # Errors
    ///
    /// [`Error::InvitationRevoked`], [`Error::InvitationExpired`] or
    /// [`Error::InvitationUsedUp`].
    pub fn require_open(&self, now: Timestamp) -> Result<(), Error> {
        match self.state(now) {
            State::Open => Ok(()),
            State::Revoked => Err(Error::InvitationRevoked),
            State::Expired => Err(Error::InvitationExpired),
            State::UsedUp => Err(Error::InvitationUsedUp),
        }
    }

    /// The contract's message.
    #[must_use]
    pub fn to_message(&self, now: Timestamp) -> pb::Invitation {
        let state = match self.state(now) {
            State::Open => pb::InvitationState::Open,
            State::UsedUp => pb::InvitationState::UsedUp,
            State::Expired => pb::InvitationState::Expired,
            State::Revoked => pb::InvitationState::Revoked,
        };
        pb::Invitation {
            id: self.id.to_string(),
            teacher_id: self.teacher_id.to_string(),
            max_uses: self.max_uses.into(),
            uses: self.uses.into(),
            create_time: Some(olm_proto::timestamp(self.create_time)),
            expire_time: Some(olm_proto::timestamp(self.expire_time)),
            revoke_time: self.revoke_time.map(olm_proto::timestamp),
            state: state.into(),
            group_id: self.group_id.map(|id| id.to_string()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn key(secret: &str) -> TokenKey {
        TokenKey::new(SecretString::from(secret))
    }

    const ID: InvitationId = InvitationId(uuid::Uuid::from_u128(7));

    #[test]
    fn a_token_is_the_same_again_and_fits_a_start_link() {
        let token = key("one").token(ID);
        assert_eq!(token.len(), 43);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        assert!(token.bytes().all(fits), "{token}");
        assert_eq!(key("one").token(ID), token);
        assert_ne!(key("two").token(ID), token);
        let other = InvitationId(uuid::Uuid::from_u128(8));
        assert_ne!(key("one").token(other), token);
    }

    #[test]
    fn the_key_does_not_print() {
        assert!(!format!("{:?}", key("one secret")).contains("one secret"));
    }

    #[test]
    fn the_first_thing_that_closed_an_invitation_is_told() {
        let open = Invitation {
            id: ID,
            teacher_id: UserId(uuid::Uuid::from_u128(1)),
            group_id: None,
            max_uses: 2,
            uses: 1,
            create_time: at("2026-06-01T00:00:00Z"),
            expire_time: at("2026-06-04T00:00:00Z"),
            revoke_time: None,
        };
        let (before, after) = (at("2026-06-03T23:59:59.999999Z"), open.expire_time);
        assert_eq!(open.state(before), State::Open);
        assert_eq!(open.state(after), State::Expired);
        let used = Invitation {
            uses: 2,
            ..open.clone()
        };
        assert_eq!(used.state(before), State::UsedUp);
        assert_eq!(used.state(after), State::Expired);
        let revoked = Invitation {
            revoke_time: Some(open.create_time),
            ..used
        };
        assert_eq!(revoked.state(after), State::Revoked);
    }
}
