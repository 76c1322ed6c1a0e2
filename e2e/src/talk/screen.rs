//! What a person sees.

use std::fmt;

use telegram_sim::api::{ButtonView, ChatView, LedgerEntry, MessageView};

use crate::story::sign;

/// One message with its buttons. Shown as text: the message, then each row of buttons as
/// `[label] [label]`, then what popped up, as `(text)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// The message.
    pub message_id: i64,
    /// Without markup.
    pub text: String,
    /// Its buttons.
    pub rows: Vec<Vec<Key>>,
    /// What popped up when the button before was pressed.
    pub toast: Option<String>,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What is written on it.
    pub label: String,
    /// Its callback data, if it has any.
    pub data: Option<String>,
    /// What it opens, if it is a link.
    pub url: Option<String>,
}

impl Screen {
    pub(super) fn of(message: &MessageView, toast: Option<String>) -> Self {
        let rows = message.inline_keyboard.iter();
        Self {
            message_id: message.message_id,
            text: message.text.clone(),
            rows: rows.map(|row| row.iter().map(Key::of).collect()).collect(),
            toast,
        }
    }

    /// All buttons, row by row.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.rows.iter().flatten()
    }

    /// The first button whose label is `label` or begins so, as in
    /// [`Talk::press`](super::Talk::press).
    #[must_use]
    pub fn key(&self, label: &str) -> Option<&Key> {
        self.keys().find(|key| key.is(label))
    }
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        for row in &self.rows {
            let labels: Vec<_> = row.iter().map(|key| format!("[{}]", key.label)).collect();
            write!(f, "\n{}", labels.join(" "))?;
        }
        match &self.toast {
            Some(toast) => write!(f, "\n({toast})"),
            None => Ok(()),
        }
    }
}

impl Key {
    fn of(button: &ButtonView) -> Self {
        Self {
            label: button.text.clone(),
            data: button.data.clone(),
            url: button.url.clone(),
        }
    }

    /// One below the text field.
    pub(super) fn below(label: String) -> Self {
        Self {
            label,
            data: None,
            url: None,
        }
    }

    /// Whether the label is this, or begins so, perhaps after signs.
    #[must_use]
    pub fn is(&self, label: &str) -> bool {
        let words = self
            .label
            .trim_start_matches(|c: char| !c.is_alphanumeric());
        self.label.starts_with(label) || words.starts_with(label)
    }
}

/// A whole chat.
pub(super) fn transcript(chat: &ChatView) -> String {
    let mut lines = Vec::new();
    for message in &chat.messages {
        if message.from_bot {
            lines.push(Screen::of(message, None).to_string());
        } else {
            lines.push(format!("> {}", message.text));
        }
    }
    for row in &chat.reply_keyboard {
        lines.push(format!("[[{}]]", row.join("]] [[")));
    }
    lines.join("\n")
}

/// The message that shows the answer to an act, of all that was written to the chat since:
/// the one whose button was pressed, when it was turned into the answer, else the newest one,
/// with buttons if there is one. Notices come by themselves and are no answers.
pub(super) fn answer(written: &[LedgerEntry], pressed: Option<i64>) -> Option<i64> {
    let edited = |entry: &&LedgerEntry| {
        let is_text = matches!(
            entry.method.as_str(),
            "editMessageText" | "editMessageCaption"
        );
        let stands = entry.accepted
            || entry.answer.as_ref().is_some_and(|answer| {
                let text = answer.description.as_deref().unwrap_or_default();
                text.contains("message is not modified")
            });
        is_text && stands
    };
    if let Some(entry) = written
        .iter()
        .filter(edited)
        .find(|entry| pressed.is_some() && entry.message_id == pressed)
    {
        return entry.message_id;
    }
    let sent: Vec<_> = written
        .iter()
        .filter(|entry| entry.method.starts_with("send") && entry.accepted)
        .filter_map(|entry| Some((entry, entry.answer.as_ref()?.message_id?)))
        .collect();
    let answers: Vec<_> = sent.iter().filter(|(entry, _)| !is_notice(entry)).collect();
    let with_buttons = answers.iter().rev().find(|(entry, _)| {
        let markup = entry.reply_markup.as_ref();
        markup.is_some_and(|markup| markup.get("inline_keyboard").is_some())
    });
    if let Some((_, id)) = with_buttons.or(answers.last()) {
        return Some(*id);
    }
    // Else an earlier message was turned into the answer, or the answer looks like a notice.
    let edit = written.iter().rfind(|entry| edited(entry));
    let edit = edit.and_then(|entry| entry.message_id);
    edit.or(sent.first().map(|(_, id)| *id))
}

fn is_notice(entry: &LedgerEntry) -> bool {
    let text = entry.text.as_deref().unwrap_or_default();
    [
        sign::BOOKED,
        sign::REMINDER,
        sign::CANCELED,
        sign::REQUESTED,
        sign::MOVED,
        sign::SERIES,
        sign::QUESTION,
        sign::LEFT,
        "⚠️ <b>",
        "🚫",
        "⌛",
        "🔔",
        "📍",
    ]
    .iter()
    .any(|sign| text.starts_with(sign))
}
