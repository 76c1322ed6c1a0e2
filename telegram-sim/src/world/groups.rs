//! Groups: made, left by a bot, turned into supergroups.

use serde_json::json;

use super::{MAX_GROUPS, World, chats::ChatKey, people::Refused, people::length};
use crate::{
    api::{Group, NewGroup},
    clock::Moment,
};

impl World {
    pub fn create_group(&mut self, new: NewGroup) -> Result<Group, Refused> {
        if self.groups.len() >= MAX_GROUPS {
            return Err(Refused::TooMany("groups"));
        }
        length("title", &new.title, 1, 128)?;
        if new.bot_ids.len() > 20 || new.person_ids.len() > 1000 {
            return Err(Refused::TooMany("members"));
        }
        for person in &new.person_ids {
            if !self.people.contains_key(person) {
                return Err(Refused::UnknownPerson(*person));
            }
        }
        for bot in &new.bot_ids {
            self.ensure_bot(*bot).ok_or(Refused::UnknownBot(*bot))?;
        }
        let id = -(4_000_000_000 + self.next_group_id);
        self.next_group_id += 1;
        let group = Group {
            id,
            title: new.title,
            bot_ids: new.bot_ids,
            person_ids: new.person_ids,
            migrated_to: None,
        };
        self.groups.insert(id, group.clone());
        self.chats.entry(ChatKey::Group(id)).or_default().started = true;
        Ok(group)
    }

    /// A bot is removed from a group and told so.
    pub fn kick_bot(&mut self, group_id: i64, bot: i64, now: Moment) -> Result<(), Refused> {
        let group = self
            .groups
            .get_mut(&group_id)
            .ok_or(Refused::UnknownGroup(group_id))?;
        let before = group.bot_ids.len();
        group.bot_ids.retain(|id| *id != bot);
        if group.bot_ids.len() == before {
            return Err(Refused::UnknownBot(bot));
        }
        let by = group.person_ids.first().copied().unwrap_or(0);
        let update = json!({
            "chat": self.chat_json(ChatKey::Group(group_id)),
            "from": self.person_user(by),
            "date": now.unix_seconds(),
            "old_chat_member": { "user": self.bot_user(bot), "status": "member" },
            "new_chat_member": { "user": self.bot_user(bot), "status": "kicked", "until_date": 0 },
        });
        self.push_update(bot, "my_chat_member", update);
        Ok(())
    }

    /// A group becomes a supergroup with another id; the old id answers `migrate_to_chat_id`.
    pub fn migrate_group(&mut self, group_id: i64) -> Result<Group, Refused> {
        let group = self
            .groups
            .get_mut(&group_id)
            .ok_or(Refused::UnknownGroup(group_id))?;
        let new_id = group_id - 1_000_000_000_000;
        if group.migrated_to.is_some() || new_id < -1_999_999_999_999 {
            return Err(Refused::Invalid {
                field: "id",
                fault: "is no basic group any more",
            });
        }
        group.migrated_to = Some(new_id);
        let moved = Group {
            id: new_id,
            migrated_to: None,
            ..group.clone()
        };
        self.groups.insert(new_id, moved.clone());
        self.chats
            .entry(ChatKey::Group(new_id))
            .or_default()
            .started = true;
        Ok(moved)
    }
}
