//! What somebody does with the bot, again and again: looks, books, thinks better of it.

use telegram_sim::api::{ButtonView, ChatView};

/// One act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// /lessons
    Lessons,
    /// /schedule, which shows the teacher's week
    Schedule,
    /// Opens a day.
    Day,
    /// Takes a time, which is kept for them.
    Time,
    /// Books it.
    Book,
    /// Asks what cancelling means.
    AskCancel,
    /// Cancels.
    Cancel,
    /// Back to the lessons.
    Back,
}

/// How an act is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By a command.
    Say(&'static str),
    /// By a button whose data begin so.
    Press(&'static str),
}

impl Step {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Lessons | Self::Back => Self::Schedule,
            Self::Schedule => Self::Day,
            Self::Day => Self::Time,
            Self::Time => Self::Book,
            Self::Book => Self::AskCancel,
            Self::AskCancel => Self::Cancel,
            Self::Cancel => Self::Back,
        }
    }

    /// Whether it changes something at server 1.
    pub(super) fn is_write(self) -> bool {
        match self {
            Self::Time | Self::Book | Self::Cancel => true,
            Self::Lessons | Self::Schedule | Self::Day | Self::AskCancel | Self::Back => false,
        }
    }

    pub(super) fn way(self) -> Way {
        match self {
            Self::Lessons => Way::Say("/lessons"),
            Self::Schedule => Way::Say("/schedule"),
            Self::Day => Way::Press("b.d"),
            Self::Time => Way::Press("b.t"),
            Self::Book => Way::Press("b.k"),
            Self::AskCancel => Way::Press("c"),
            Self::Cancel => Way::Press("x"),
            Self::Back => Way::Press("b.l"),
        }
    }
}

/// All kinds of buttons that are pressed.
pub(super) const KINDS: [&str; 6] = ["b.d", "b.t", "b.k", "c", "x", "b.l"];

/// What marks a day with free times.
const FREE: char = '•';

/// Of the newest message that has such buttons, one that is this person's own choice; with
/// the message's id.
pub(super) fn find(chat: &ChatView, kind: &str, choice: usize) -> Option<(i64, ButtonView)> {
    let fits = |button: &&ButtonView| {
        let data = button.data.as_deref().unwrap_or_default();
        data.split(':').next() == Some(kind) && (kind != "b.d" || button.text.ends_with(FREE))
    };
    chat.messages.iter().rev().find_map(|message| {
        let all = || message.inline_keyboard.iter().flatten().filter(fits);
        let number = choice.checked_rem(all().count())?;
        let button = all().nth(number)?;
        Some((message.message_id, button.clone()))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chat() -> ChatView {
        let message = |id: i64, keys: &[(&str, &str)]| {
            let row: Vec<_> = keys
                .iter()
                .map(|(text, data)| json!({ "text": text, "data": data, "url": null }))
                .collect();
            json!({
                "message_id": id, "from_id": 1, "from_bot": true, "text": "", "photo": null,
                "entities": [], "sent_unix_us": 0, "edited_unix_us": null, "inline_keyboard": [row],
            })
        };
        let days = [("·", "b.d:1"), ("20•", "b.d:2"), ("21•", "b.d:3")];
        let view = json!({
            "chat_id": 1, "bot_id": 1, "started": true, "blocked": false, "revision": 1,
            "action": null, "reply_keyboard": [], "commands": [], "callbacks": [],
            "messages": [message(1, &[("old", "b.t:0")]), message(2, &days)],
        });
        serde_json::from_value(view).unwrap()
    }

    #[test]
    fn a_day_without_free_times_is_not_chosen_and_people_choose_differently() {
        let chosen = |choice| find(&chat(), "b.d", choice).unwrap().1.text;
        assert_eq!([chosen(0), chosen(1), chosen(2)], ["20•", "21•", "20•"]);
        assert_eq!(find(&chat(), "b.t", 7).unwrap().0, 1);
        assert_eq!(find(&chat(), "x", 0), None);
    }

    #[test]
    fn every_button_that_is_pressed_is_known() {
        let mut step = Step::Lessons;
        for _ in 0..8 {
            if let Way::Press(kind) = step.way() {
                assert!(KINDS.contains(&kind), "{kind}");
            }
            step = step.next();
        }
    }
}
