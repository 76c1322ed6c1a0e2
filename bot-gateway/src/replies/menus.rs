//! A teacher's menu of commands, which holds more than everybody's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::json;
use texts::{COMMANDS, Language, TEACHER_COMMANDS};

use super::Replies;

/// Chats that are remembered; beyond it all are told once more.
const MOST: usize = 10_000;

/// In which language each chat has its menu, since the process began.
#[derive(Debug, Clone, Default)]
pub(super) struct Menus(Arc<Mutex<HashMap<i64, Language>>>);

impl Menus {
    /// Notes it; false when it was so before.
    fn note(&self, chat: i64, language: Language) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&chat) {
            known.clear();
        }
        known.insert(chat, language) != Some(language)
    }

    fn forget(&self, chat: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&chat);
    }
}

impl Replies {
    /// Gives a teacher's chat its menu, beside what is being answered; once in a process and
    /// for each language.
    pub(crate) fn offer_menu(&self, chat: i64, language: Language) {
        if !self.menus.note(chat, language) {
            return;
        }
        let commands = TEACHER_COMMANDS.into_iter().chain(COMMANDS);
        let commands: Vec<_> = commands
            .map(|command| {
                let description = command.description(language);
                json!({ "command": command.name(), "description": description })
            })
            .collect();
        let scope = json!({ "type": "chat", "chat_id": chat });
        let body = json!({ "commands": commands, "scope": scope });
        let replies = self.clone();
        tokio::spawn(async move {
            if let Err(error) = replies.telegram.call("setMyCommands", &body).await {
                tracing::warn!(error = %error, "a teacher's menu of commands was not set");
                replies.menus.forget(chat);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_gets_its_menu_once_for_each_language() {
        let menus = Menus::default();
        assert!(menus.note(7, Language::Ru));
        assert!(!menus.note(7, Language::Ru));
        assert!(menus.note(7, Language::En));
        assert!(menus.note(8, Language::En));
        menus.forget(8);
        assert!(menus.note(8, Language::En));
    }

    #[test]
    fn no_more_chats_are_remembered_than_there_may_be() {
        let menus = Menus::default();
        for chat in 0..=i64::try_from(MOST).unwrap() {
            assert!(menus.note(chat, Language::En));
        }
        assert_eq!(menus.0.lock().unwrap().len(), 1);
    }
}
