//! First words, help, and the menu below the text field.

use serde_json::json;
use texts::{
    COMMANDS, Command, Label, SettingsLabel, SettingsScreen, TEACHER_COMMANDS, TeachingLabel,
};

use super::{Answer, Conversation, Fault, Reader, say_html, zone};
use crate::{
    memory::{ChatMemory, Question, Then},
    replies::Reply,
};

impl Conversation {
    /// /start: somebody new is asked what time it is for them; others see what is next.
    pub(super) async fn start(&self, reader: &Reader, chat: &ChatMemory) -> Result<Answer, Fault> {
        let name = &reader.name;
        if is_new(reader, chat) {
            let hello = SettingsScreen::Hello { name }.html(reader.language);
            return Ok(self.first_question(reader, hello, Then::Teachers));
        }
        let next = self.next_lesson(reader).await?.unwrap_or_default();
        let screen = SettingsScreen::WelcomeBack { name, next: &next };
        Ok(say_html(reader, screen.html(reader.language)))
    }

    /// The first words, and the question for the zone. Two messages, because one cannot have
    /// both the menu below the text field and buttons of its own.
    pub(super) fn first_question(&self, reader: &Reader, hello: String, then: Then) -> Answer {
        let question = zone::likely_page(reader, then, self.now());
        Answer::Both(Reply::new(hello, Some(menu(reader))), question)
    }

    /// /cancel: the question is forgotten, as by whatever else is done. Who is new and keeps
    /// their location to themselves is shown the other ways again.
    pub(super) fn forget_question(&self, reader: &Reader, question: Option<&Question>) -> Answer {
        let screen = match question {
            Some(_) => SettingsScreen::Cancelled,
            None => SettingsScreen::NothingToCancel,
        };
        let html = screen.html(reader.language);
        match question {
            Some(Question::Place(then @ (Then::Teachers | Then::Teacher(_)))) => {
                self.first_question(reader, html, *then)
            }
            _ => say_html(reader, html),
        }
    }
}

/// Whether the person never chose a zone: theirs is the one they began with, and they did not
/// choose that very one.
pub(super) fn is_new(reader: &Reader, chat: &ChatMemory) -> bool {
    !chat.zone_chosen && first_zone(reader, chat).is_some_and(|zone| zone == reader.user.time_zone)
}

/// The zone that the person began with, if that is known: what else of them is changed, their
/// name or their language, does not choose one.
pub(super) fn first_zone(reader: &Reader, chat: &ChatMemory) -> Option<String> {
    let kept = chat.first_zone.clone();
    kept.or_else(|| (reader.version() <= 1).then(|| reader.user.time_zone.clone()))
}

/// The answer to somebody who was asked for their location and does something else: where it
/// has buttons of its own, a text comes first, because only that can bring the menu back below
/// the text field.
pub(super) fn without_place(
    reader: &Reader,
    question: Option<&Question>,
    answer: Answer,
) -> Answer {
    match (question, answer) {
        (Some(Question::Place(_)), Answer::New(reply) | Answer::Here(reply))
            if reply.has_buttons() =>
        {
            let html = SettingsScreen::WithoutPlace.html(reader.language);
            Answer::Both(Reply::new(html, Some(menu(reader))), reply)
        }
        (Some(Question::Place(_)), Answer::New(mut reply)) => {
            reply.markup.get_or_insert_with(|| menu(reader));
            Answer::New(reply)
        }
        (_, answer) => answer,
    }
}

/// What the bot can do for the reader.
pub(super) fn help(reader: &Reader) -> Answer {
    let everybody = COMMANDS.into_iter();
    // Whoever reads this has begun, and knows how to ask for it.
    let everybody = everybody.filter(|command| !matches!(command, Command::Start | Command::Help));
    let mut html = listed(reader, SettingsScreen::Help, everybody);
    if reader.user.is_teacher {
        html.push_str("\n\n");
        let commands = TEACHER_COMMANDS.into_iter();
        html.push_str(&listed(reader, SettingsScreen::HelpTeacher, commands));
    }
    say_html(reader, html)
}

/// Commands as the menu has them.
fn listed(
    reader: &Reader,
    title: SettingsScreen<'_>,
    commands: impl Iterator<Item = Command>,
) -> String {
    let mut html = title.html(reader.language);
    for command in commands {
        let line = SettingsScreen::HelpLine {
            command: command.name(),
            what: &command.description(reader.language),
        };
        html.push('\n');
        html.push_str(&line.html(reader.language));
    }
    html
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
    rows.push(vec![button(SettingsLabel::Settings.text(language))]);
    json!({
        "keyboard": rows,
        "resize_keyboard": true,
        "is_persistent": true,
    })
}
