//! First words and help.

use jiff::Timestamp;
use serde_json::json;
use texts::{Label, Language, Screen};

use super::{Answer, Reader, say};
use crate::replies::Reply;

pub(super) fn welcome(reader: &Reader, now: Timestamp) -> Answer {
    let zone = reader.zone_name(now);
    let screen = Screen::Welcome {
        name: &reader.name,
        zone: &zone,
    };
    Answer::New(Reply::new(
        screen.html(reader.language),
        Some(menu(reader.language)),
    ))
}

pub(super) fn help(reader: &Reader, now: Timestamp) -> Answer {
    let zone = reader.zone_name(now);
    say(reader, Screen::Help { zone: &zone })
}

/// The buttons below the text field.
pub(super) fn menu(language: Language) -> serde_json::Value {
    let button = |label: Label<'_>| json!({ "text": label.text(language) });
    json!({
        "keyboard": [[button(Label::Schedule), button(Label::Lessons)]],
        "resize_keyboard": true,
        "is_persistent": true,
    })
}
