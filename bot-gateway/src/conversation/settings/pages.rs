//! The screens of the settings.

use jiff::{SignedDuration, Timestamp};
use olm_proto::notify::v1::LessonNoticeKind;
use serde_json::Value;
use texts::{Audience, Language, SettingsLabel, SettingsNow, SettingsScreen};

use super::{leads, muted, quiet};
use crate::{
    buttons::{
        Button,
        settings::{Page, QuietMinutes, Settings},
    },
    conversation::{
        Reader, button, keyboard,
        zone::{self, ZoneTexts},
    },
    memory::{Question, Then},
    replies::Reply,
};

/// Leads that are offered, in minutes.
const LEADS: [i64; 5] = [15, 60, 3 * 60, 24 * 60, 2 * 24 * 60];
/// Quiet hours that are offered.
const QUIET: [QuietMinutes; 4] = [
    (21 * 60, 9 * 60),
    (22 * 60, 8 * 60),
    (23 * 60, 7 * 60),
    (0, 8 * 60),
];

/// A screen of the settings.
pub(in crate::conversation) fn page(reader: &Reader, page: Page, now: Timestamp) -> Reply {
    let back = || zone::back(reader, Page::Menu);
    let ask = |screen: SettingsScreen<'_>, rows: &[Vec<Value>]| {
        Reply::new(screen.html(reader.language), keyboard(rows))
    };
    match page {
        Page::Menu => menu(reader, now),
        Page::Language => {
            let mut rows: Vec<_> = Language::ALL
                .map(|language| vec![tongue(reader, language)])
                .into();
            rows.push(vec![back()]);
            ask(SettingsScreen::AskLanguage, &rows)
        }
        Page::Zone | Page::City | Page::Place | Page::Clock => {
            zone::likely_page(reader, Then::Settings, now)
        }
        Page::Leads => {
            let mut rows = leads_rows(reader);
            rows.push(vec![
                open(reader, SettingsLabel::OwnLead, Page::OwnLead),
                back(),
            ]);
            ask(SettingsScreen::AskLeads, &rows)
        }
        Page::OwnLead => {
            let rows = [vec![zone::back(reader, Page::Leads)]];
            ask(SettingsScreen::AskOwnLead, &rows).asking(Question::Lead)
        }
        Page::Quiet => {
            let mut rows = quiet_rows(reader);
            rows.push(vec![
                open(reader, SettingsLabel::OwnQuiet, Page::OwnQuiet),
                back(),
            ]);
            let now = quiet(reader).map(hours_in_words).unwrap_or_default();
            ask(SettingsScreen::AskQuiet { now: &now }, &rows)
        }
        Page::OwnQuiet => {
            let rows = [vec![zone::back(reader, Page::Quiet)]];
            ask(SettingsScreen::AskOwnQuiet, &rows).asking(Question::QuietHours)
        }
        Page::Kinds => {
            let mut rows = kinds_rows(reader);
            rows.push(vec![back()]);
            ask(SettingsScreen::AskKinds, &rows)
        }
        Page::Name => {
            let screen = SettingsScreen::AskName { now: &reader.name };
            ask(screen, &[vec![back()]]).asking(Question::Name)
        }
    }
}

/// All settings, with the word that they were changed elsewhere.
pub(in crate::conversation) fn changed_page(reader: &Reader, now: Timestamp) -> Reply {
    let head = SettingsScreen::Changed.html(reader.language);
    menu(reader, now).below(&head)
}

fn menu(reader: &Reader, now: Timestamp) -> Reply {
    let zone = ZoneTexts::of(reader, now);
    let muted = muted(reader).into_iter();
    let muted = muted.filter_map(|kind| texts::mutable_kind(kind, reader.language));
    let muted: Vec<_> = muted.map(|(name, _)| name).collect();
    let screen = SettingsScreen::Menu(SettingsNow {
        name: &reader.name,
        zone: zone.now(),
        leads: &leads_in_words(reader),
        quiet: &quiet(reader).map(hours_in_words).unwrap_or_default(),
        muted: &muted.join(", "),
    });
    let row = |pair: [(SettingsLabel<'_>, Page); 2]| {
        let buttons = pair.map(|(label, page)| open(reader, label, page));
        Vec::from(buttons)
    };
    let rows = [
        row([
            (SettingsLabel::Zone, Page::Zone),
            (SettingsLabel::Language, Page::Language),
        ]),
        row([
            (SettingsLabel::Leads, Page::Leads),
            (SettingsLabel::Quiet, Page::Quiet),
        ]),
        row([
            (SettingsLabel::Kinds, Page::Kinds),
            (SettingsLabel::Name, Page::Name),
        ]),
    ];
    Reply::new(screen.html(reader.language), keyboard(&rows))
}

/// "за 1 час, за 1 день"; empty when there are none.
pub(in crate::conversation) fn leads_in_words(reader: &Reader) -> String {
    let mut leads = leads(reader);
    leads.sort_unstable();
    let words = leads.into_iter().map(|lead| lead_in_words(reader, lead));
    words.collect::<Vec<_>>().join(", ")
}

fn lead_in_words(reader: &Reader, lead: SignedDuration) -> String {
    texts::lead_name(&texts::notice_span(lead, reader.language), reader.language)
}

/// "22:00".
pub(super) fn time_of_day(minutes: i64) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn hours_in_words((start, end): QuietMinutes) -> String {
    format!("{}–{}", time_of_day(start), time_of_day(end))
}

/// Those that are offered and those that the reader has.
fn leads_rows(reader: &Reader) -> Vec<Vec<Value>> {
    let set = leads(reader);
    let mut offered: Vec<_> = LEADS.map(SignedDuration::from_mins).into();
    offered.extend(&set);
    offered.sort_unstable();
    offered.dedup();
    let lead = |lead: &SignedDuration| {
        let is_on = set.contains(lead);
        let pressed = Settings::Lead {
            version: reader.version(),
            minutes: lead.as_mins(),
            on: !is_on,
        };
        switch(reader, is_on, &lead_in_words(reader, *lead), pressed)
    };
    let leads: Vec<_> = offered.iter().map(lead).collect();
    leads.chunks(2).map(<[Value]>::to_vec).collect()
}

fn quiet_rows(reader: &Reader) -> Vec<Vec<Value>> {
    let set = quiet(reader);
    let version = reader.version();
    let hours = |hours: QuietMinutes| {
        let words = hours_in_words(hours);
        let pressed = Settings::Quiet {
            version,
            hours: Some(hours),
        };
        switch(reader, set == Some(hours), &words, pressed)
    };
    let offered = QUIET.map(hours);
    let mut rows: Vec<_> = offered.chunks(2).map(<[Value]>::to_vec).collect();
    let none = Settings::Quiet {
        version,
        hours: None,
    };
    let words = SettingsLabel::NoQuiet.text(reader.language);
    rows.push(vec![switch(reader, set.is_none(), &words, none)]);
    rows
}

/// The kinds that the reader gets and can do without.
fn kinds_rows(reader: &Reader) -> Vec<Vec<Value>> {
    let muted = muted(reader);
    let kinds = (0..).map_while(|number| LessonNoticeKind::try_from(number).ok());
    let switches = kinds.filter_map(|kind| {
        let (name, audience) = texts::mutable_kind(kind, reader.language)?;
        if audience == Audience::Teachers && !reader.user.is_teacher {
            return None;
        }
        let is_told = !muted.contains(&kind);
        let pressed = Settings::Kind {
            version: reader.version(),
            kind,
            on: !is_told,
        };
        Some(vec![switch(reader, is_told, &name, pressed)])
    });
    switches.collect()
}

fn switch(reader: &Reader, is_on: bool, what: &str, pressed: Settings) -> Value {
    let label = if is_on {
        SettingsLabel::On { what }
    } else {
        SettingsLabel::Off { what }
    };
    button(&label.text(reader.language), Button::Settings(pressed))
}

fn tongue(reader: &Reader, language: Language) -> Value {
    let name = SettingsLabel::LanguageName(language).text(reader.language);
    let pressed = Settings::Language {
        version: reader.version(),
        language,
    };
    switch(reader, reader.language == language, &name, pressed)
}

fn open(reader: &Reader, label: SettingsLabel<'_>, page: Page) -> Value {
    let pressed = Button::Settings(Settings::Open(page));
    button(&label.text(reader.language), pressed)
}
