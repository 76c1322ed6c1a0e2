//! First words and help.

use jiff::Timestamp;
use serde_json::json;
use texts::{Label, Screen, TeachingLabel};

use super::{Answer, Reader, say};
use crate::replies::Reply;

pub(super) fn welcome(reader: &Reader, now: Timestamp) -> Answer {
    let zone = reader.zone_name(now);
    let screen = Screen::Welcome {
        name: &reader.name,
        zone: &zone,
    };
    Answer::New(Reply::new(screen.html(reader.language), Some(menu(reader))))
}

pub(super) fn help(reader: &Reader, now: Timestamp) -> Answer {
    let zone = reader.zone_name(now);
    say(reader, Screen::Help { zone: &zone })
}

/// The buttons below the text field.
pub(super) fn menu(reader: &Reader) -> serde_json::Value {
    let language = reader.language;
    let button = |text: String| json!({ "text": text });
    let mut rows = vec![vec![
        button(Label::Schedule.text(language)),
        button(Label::Lessons.text(language)),
    ]];
    if reader.teaches {
        rows.insert(0, vec![button(TeachingLabel::Agenda.text(language))]);
    }
    json!({
        "keyboard": rows,
        "resize_keyboard": true,
        "is_persistent": true,
    })
}
