//! `/start <token>`: a teacher's invitation (TMB-1).

use olm_proto::{common::v1::ErrorReason, lesson::v1::AcceptInvitationRequest};
use service_kit::{grpc::client::acting, status::reason};
use texts::{BookingScreen, Screen};
use tonic::Code;
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::{Answer, Conversation, Fault, Reader, say, say_html, start};
use crate::memory::{ChatMemory, Then};

/// Telegram's limit for what a link carries after `start=`.
const MAX_TOKEN: usize = 64;

/// What each refusal shows; a full group is named besides.
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
        chat: &ChatMemory,
    ) -> Result<Answer, Fault> {
        if token.len() > MAX_TOKEN {
            return Ok(say(reader, Screen::InvitationUnknown));
        }
        let accept = AcceptInvitationRequest {
            token: token.to_owned(),
        };
        let mut client = self.invitations.clone();
        let accepted = match client.accept_invitation(acting(accept, reader.id)).await {
            Ok(accepted) => accepted.into_inner(),
            // Not even the form of a token.
            Err(status) if status.code() == Code::InvalidArgument => {
                return Ok(say(reader, Screen::InvitationUnknown));
            }
            Err(status) => {
                let reason = reason(&status);
                if reason == Some(ErrorReason::GroupFull) {
                    let info = status.get_details_error_info();
                    let group = info.and_then(|mut info| info.metadata.remove("group_title"));
                    let group = group.as_deref().unwrap_or_default();
                    return Ok(say(reader, Screen::InvitationGroupFull { group }));
                }
                let refused = REFUSALS.iter().find(|(of, _)| Some(*of) == reason);
                let (_, screen) = refused.ok_or_else(|| Fault::from(status))?;
                return Ok(say(reader, *screen));
            }
        };
        let invited = accepted.teacher.unwrap_or_default();
        let teacher = &texts::person_name(&invited.display_name, reader.language);
        let name = &reader.name;
        let screen = if accepted.joined {
            Screen::Invited { name, teacher }
        } else {
            Screen::StudentAlready { teacher }
        };
        let mut head = screen.html(reader.language);
        if let Some(group) = &accepted.group {
            let group = BookingScreen::OfGroup {
                group: &group.title,
            };
            head.push('\n');
            head.push_str(&group.html(reader.language));
        }
        let missed = accepted.missed_lesson_ids.len();
        if missed > 0 {
            let missed = BookingScreen::MissedLessons { count: missed };
            head.push('\n');
            head.push_str(&missed.html(reader.language));
        }
        let Ok(teacher) = Uuid::try_parse(&invited.id) else {
            return Ok(say_html(reader, head));
        };
        if start::is_new(reader, chat) {
            return Ok(self.first_question(reader, head, Then::Teacher(teacher)));
        }
        Ok(match self.open(reader, teacher).await {
            Ok(calendar) => Answer::New(calendar.below(&head)),
            // They are a student now all the same.
            Err(_) => say_html(reader, head),
        })
    }
}
