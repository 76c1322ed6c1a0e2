//! Invitations: a link as text and as a QR picture (TMB-1).

mod qr;

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        CreateInvitationRequest, GetGroupRequest, Group, Invitation, InvitationState,
        ListGroupsRequest, ListInvitationsRequest, RevokeInvitationRequest,
    },
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{InvitingScreen, TeachingLabel, TeachingNote};
use uuid::Uuid;

use super::{
    super::{Answer, Conversation, Fault, Reader, keyboard},
    press, short,
};
use crate::{buttons::Teaching, replies::Reply};

/// Groups of one page of the service, pages that are read, and groups that have buttons:
/// Telegram takes 100.
const GROUPS: i32 = 50;
const PAGES: usize = 8;
const GROUP_BUTTONS: usize = 90;
/// Open invitations that are read, and that are listed.
const INVITATIONS: i32 = 200;
const SHOWN: usize = 20;
/// The most people that an invitation is for (contract).
const MOST_USES: i32 = 100;
/// Characters of a title on a button.
const LABEL: usize = 32;

impl Conversation {
    /// Whom one can invite: a student, or into a group.
    pub(super) async fn invite_whom(&self, reader: &Reader) -> Result<Reply, Fault> {
        let mut rows = vec![vec![press(
            reader,
            TeachingLabel::InviteStudent,
            Teaching::InviteStudent,
        )]];
        for group in self
            .own_groups(reader)
            .await?
            .into_iter()
            .take(GROUP_BUTTONS)
        {
            let id = Uuid::try_parse(&group.id).map_err(|_| Fault::Unexpected)?;
            let title = &short(&group.title, LABEL);
            let label = TeachingLabel::InviteGroup { title };
            rows.push(vec![press(reader, label, Teaching::InviteGroup(id))]);
        }
        rows.push(vec![press(
            reader,
            TeachingLabel::OpenInvitations,
            Teaching::Invitations,
        )]);
        let html = TeachingNote::InviteWhom.html(reader.language);
        Ok(Reply::new(html, keyboard(&rows)))
    }

    /// Makes an invitation and shows its link. Pressed again, the same button makes no
    /// other one.
    pub(super) async fn invite(
        &self,
        reader: &Reader,
        request_id: Uuid,
        group: Option<Uuid>,
    ) -> Result<Answer, Fault> {
        let group = match group {
            None => None,
            Some(id) => match self.inviting_group(reader, id).await? {
                Ok(group) => Some(group),
                Err(note) => {
                    let html = note.html(reader.language);
                    return Ok(Answer::Here(Reply::text(html)));
                }
            },
        };
        let create = CreateInvitationRequest {
            request_id: request_id.to_string(),
            // As many as the group ever holds, so that a repeat asks for the same; who comes
            // when it is full is refused.
            max_uses: group
                .as_ref()
                .map_or(1, |group| group.capacity.clamp(1, MOST_USES)),
            lifetime: None,
            group_id: group.as_ref().map_or_else(String::new, |of| of.id.clone()),
        };
        let mut client = self.invitations.clone();
        let created = match client.create_invitation(acting(create, reader.id)).await {
            Ok(created) => created.into_inner(),
            Err(status) => {
                let note = match reason(&status) {
                    Some(ErrorReason::LimitReached) => TeachingNote::TooManyInvitations,
                    Some(ErrorReason::RequestIdReused) => TeachingNote::InvitationGone,
                    Some(ErrorReason::GroupNotFound) => TeachingNote::NoGroup,
                    Some(ErrorReason::NotATeacher) => TeachingNote::NotTeaching,
                    _ => return Err(status.into()),
                };
                let reply = self.open_invitations(reader, Some(note)).await?;
                return Ok(Answer::Here(reply));
            }
        };
        let invitation = created.invitation.ok_or(Fault::Unexpected)?;
        let username = self.replies.username().await;
        let username = username.map_err(|_| Fault::Unavailable)?;
        let link = format!("https://t.me/{username}?start={}", created.token);
        self.invitation(reader, &invitation, group.as_ref(), &link)
            .map(Answer::New)
    }

    /// An invitation as it is passed on.
    fn invitation(
        &self,
        reader: &Reader,
        invitation: &Invitation,
        group: Option<&Group>,
        link: &str,
    ) -> Result<Reply, Fault> {
        let id = Uuid::try_parse(&invitation.id).map_err(|_| Fault::Unexpected)?;
        let expires = invitation.expire_time.as_ref();
        let expires = expires.and_then(olm_proto::instant);
        let expires = expires.ok_or(Fault::Unexpected)?;
        // Rounded, because it was made a moment ago.
        let left = expires.duration_since(self.now()) + SignedDuration::from_mins(30);
        let (hours, until) = (left.as_hours().max(1), reader.moment_short(expires));
        let screen = match group {
            None => InvitingScreen::Student {
                link,
                hours,
                until: &until,
            },
            Some(group) => InvitingScreen::Group {
                link,
                group: &group.title,
                uses: i64::from(invitation.max_uses),
                hours,
                until: &until,
            },
        };
        let rows = [vec![press(
            reader,
            TeachingLabel::Revoke,
            Teaching::Revoke(id),
        )]];
        let reply = Reply::new(screen.html(reader.language), keyboard(&rows));
        Ok(match qr::picture(link) {
            Some(png) => reply.with_picture(png),
            // The link says the same.
            None => reply,
        })
    }

    /// The reader's group, if somebody can still come into it.
    async fn inviting_group(
        &self,
        reader: &Reader,
        id: Uuid,
    ) -> Result<Result<Group, TeachingNote>, Fault> {
        let get = GetGroupRequest {
            group_id: id.to_string(),
        };
        let mut client = self.groups.clone();
        let group = match client.get_group(acting(get, reader.id)).await {
            Ok(found) => found.into_inner().group.ok_or(Fault::Unexpected)?,
            Err(status) if reason(&status) == Some(ErrorReason::GroupNotFound) => {
                return Ok(Err(TeachingNote::NoGroup));
            }
            Err(status) => return Err(status.into()),
        };
        Ok(if group.delete_time.is_some() {
            Err(TeachingNote::NoGroup)
        } else if group.member_count >= group.capacity {
            Err(TeachingNote::GroupFull)
        } else {
            Ok(group)
        })
    }

    async fn own_groups(&self, reader: &Reader) -> Result<Vec<Group>, Fault> {
        let mut list = ListGroupsRequest {
            page_size: GROUPS,
            ..ListGroupsRequest::default()
        };
        let mut client = self.groups.clone();
        let mut groups = Vec::new();
        for _ in 0..PAGES {
            let page = client.list_groups(acting(list.clone(), reader.id)).await?;
            let page = page.into_inner();
            groups.extend(page.groups);
            if page.next_page_token.is_empty() {
                break;
            }
            list.page_token = page.next_page_token;
        }
        let own = reader.id.to_string();
        groups.retain(|group| group.teacher_id == own);
        Ok(groups)
    }

    /// The invitations that still invite, each to be taken back.
    pub(super) async fn open_invitations(
        &self,
        reader: &Reader,
        note: Option<TeachingNote>,
    ) -> Result<Reply, Fault> {
        let list = ListInvitationsRequest {
            page_size: INVITATIONS,
            ..ListInvitationsRequest::default()
        };
        let mut client = self.invitations.clone();
        let page = client.list_invitations(acting(list, reader.id)).await?;
        let mut open = page.into_inner().invitations;
        open.retain(|invitation| invitation.state() == InvitationState::Open);
        let groups = self.own_groups(reader).await?;
        let language = reader.language;
        let mut lines: Vec<_> = note
            .map(|note| note.html(language) + "\n")
            .into_iter()
            .collect();
        if open.is_empty() {
            lines.push(TeachingNote::NoInvitations.html(language));
        } else {
            let count = i64::try_from(open.len()).unwrap_or(i64::MAX);
            lines.push(InvitingScreen::Open { count }.html(language));
        }
        let mut rows = Vec::new();
        for (number, invitation) in (1..).zip(open.iter().take(SHOWN)) {
            let id = Uuid::try_parse(&invitation.id).map_err(|_| Fault::Unexpected)?;
            let group = groups.iter().find(|group| group.id == invitation.group_id);
            let expires = invitation.expire_time.as_ref();
            let until = expires.and_then(olm_proto::instant);
            let line = InvitingScreen::OpenLine {
                number,
                group: match group {
                    Some(group) => &group.title,
                    None if invitation.group_id.is_empty() => "",
                    // It is one into a group all the same.
                    None => "…",
                },
                left: i64::from(invitation.max_uses - invitation.uses),
                until: &reader.moment_short(until.ok_or(Fault::Unexpected)?),
            };
            lines.push(line.html(language));
            let label = TeachingLabel::RevokeNumber { number };
            rows.push(vec![press(reader, label, Teaching::Revoke(id))]);
        }
        rows.push(vec![press(reader, TeachingLabel::Back, Teaching::Invite)]);
        Ok(Reply::new(lines.join("\n"), keyboard(&rows)))
    }

    /// Takes an invitation back.
    pub(super) async fn revoke_invitation(
        &self,
        reader: &Reader,
        id: Uuid,
    ) -> Result<Reply, Fault> {
        let revoke = RevokeInvitationRequest {
            invitation_id: id.to_string(),
        };
        let mut client = self.invitations.clone();
        let note = match client.revoke_invitation(acting(revoke, reader.id)).await {
            Ok(_) => TeachingNote::InvitationRevoked,
            Err(status) => match reason(&status) {
                Some(
                    ErrorReason::InvitationNotFound
                    | ErrorReason::InvitationUsedUp
                    | ErrorReason::InvitationExpired
                    | ErrorReason::InvitationRevoked,
                ) => TeachingNote::InvitationGone,
                _ => return Err(status.into()),
            },
        };
        self.open_invitations(reader, Some(note)).await
    }
}
