//! `/start <token>`: a teacher's invitation (TMB-1).

use olm_proto::{common::v1::ErrorReason, lesson::v1::AcceptInvitationRequest};
use service_kit::{grpc::client::acting, status::reason};
use texts::Screen;
use tonic::Code;

use super::{Answer, Conversation, Fault, Reader, start};
use crate::replies::Reply;

/// Telegram's limit for what a link carries after `start=`.
const MAX_TOKEN: usize = 64;

/// What each refusal shows.
const REFUSALS: [(ErrorReason, Screen<'static>); 6] = [
    (ErrorReason::InvitationNotFound, Screen::InvitationUnknown),
    (ErrorReason::InvitationExpired, Screen::InvitationExpired),
    (ErrorReason::InvitationRevoked, Screen::InvitationRevoked),
    (ErrorReason::InvitationUsedUp, Screen::InvitationUsedUp),
    (ErrorReason::SelfInvitation, Screen::SelfInvitation),
    (ErrorReason::LimitReached, Screen::NotPossible),
];

impl Conversation {
    /// Makes the reader a student of whoever invited them.
    pub(super) async fn accept_invitation(
        &self,
        reader: &Reader,
        token: &str,
    ) -> Result<Answer, Fault> {
        if token.len() > MAX_TOKEN {
            return Ok(greet(reader, Screen::InvitationUnknown));
        }
        let accept = AcceptInvitationRequest {
            token: token.to_owned(),
        };
        let mut client = self.invitations.clone();
        let accepted = match client.accept_invitation(acting(accept, reader.id)).await {
            Ok(accepted) => accepted.into_inner(),
            // Not even the form of a token.
            Err(status) if status.code() == Code::InvalidArgument => {
                return Ok(greet(reader, Screen::InvitationUnknown));
            }
            Err(status) => {
                let reason = reason(&status);
                let refused = REFUSALS.iter().find(|(of, _)| Some(*of) == reason);
                let (_, screen) = refused.ok_or_else(|| Fault::from(status))?;
                return Ok(greet(reader, *screen));
            }
        };
        let name = accepted.teacher.unwrap_or_default().display_name;
        let teacher = &texts::person_name(&name, reader.language);
        let name = &reader.name;
        Ok(greet(
            reader,
            if accepted.joined {
                Screen::Invited { name, teacher }
            } else {
                Screen::StudentAlready { teacher }
            },
        ))
    }
}

/// With the menu: these are the first words that somebody new reads.
fn greet(reader: &Reader, screen: Screen<'_>) -> Answer {
    Answer::New(Reply::new(
        screen.html(reader.language),
        Some(start::menu(reader)),
    ))
}
