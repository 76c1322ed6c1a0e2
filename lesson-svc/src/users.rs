//! People and their settings.

pub mod changing;
pub mod erasing;
pub mod grpc;
pub mod registering;
pub mod settings;
pub mod store;

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use olm_proto::{
    lesson::v1 as pb,
    notify::v1::{self as notify, LessonNoticeKind},
};
use service_kit::{
    paging::{InvalidToken, Position},
    status::Violations,
};
use uuid::Uuid;

pub use settings::QuietHours;

use crate::{errors::check_text, ids::UserId};

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 128;
/// The longest text of what somebody says of themselves, in characters.
pub const LONGEST_ABOUT: usize = 1_000;

/// A language the system speaks (VIT-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Russian.
    Ru,
    /// English.
    En,
}

impl Language {
    /// Its code in the contract and in the database.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
        }
    }

    /// The language of an IETF tag such as `ru-RU`; `None` when we do not speak it.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        primary.to_ascii_lowercase().parse().ok()
    }
}

/// A text that is no language of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownLanguage;

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, UnknownLanguage> {
        match text {
            "ru" => Ok(Self::Ru),
            "en" => Ok(Self::En),
            _ => Err(UnknownLanguage),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What new users start with.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// For people whose Telegram speaks another language (VIT-7).
    pub language: Language,
    /// IANA name: Telegram does not tell a person's zone.
    pub time_zone: String,
}

/// A private chat between a person and one bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TelegramAddress {
    /// The bot's own Telegram id.
    pub bot_id: i64,
    /// The chat.
    pub chat_id: i64,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The person's id.
    pub id: UserId,
    /// 1 to [`LONGEST_NAME`] characters; empty of the erased.
    pub display_name: String,
    /// The person's own choice: Telegram's name does not replace it any more.
    pub name_chosen: bool,
    /// What the person says of themselves; at most [`LONGEST_ABOUT`] characters.
    pub about: String,
    /// What the person reads.
    pub language: Language,
    /// IANA name.
    pub time_zone: String,
    /// How long before a lesson the person is reminded.
    pub reminder_leads: Vec<SignedDuration>,
    /// When reminders are not to come.
    pub quiet_hours: Option<QuietHours>,
    /// What the person does not want to be told, sorted.
    pub muted_kinds: Vec<LessonNoticeKind>,
    /// Where the bot writes to the person.
    pub telegram: Option<TelegramAddress>,
    /// Raised by every change.
    pub version: i64,
    /// When the person was registered.
    pub create_time: Timestamp,
    /// True when the person also teaches.
    pub is_teacher: bool,
    /// True when the person may do what only admins may.
    pub is_admin: bool,
    /// When the person was erased: a tombstone, with nothing but its id.
    pub erase_time: Option<Timestamp>,
}

impl User {
    /// Everything, for the person and for admins.
    #[must_use]
    pub fn to_message(&self) -> pb::User {
        if let Some(erase_time) = self.erase_time {
            return pb::User {
                id: self.id.to_string(),
                erase_time: Some(olm_proto::timestamp(erase_time)),
                ..pb::User::default()
            };
        }
        let leads = self.reminder_leads.iter().copied();
        let muted_kinds = self.muted_kinds.iter().copied();
        pb::User {
            language: self.language.code().to_owned(),
            reminder_leads: leads.map(olm_proto::duration).collect(),
            quiet_hours: self.quiet_hours.map(QuietHours::to_message),
            muted_kinds: muted_kinds.map(Into::into).collect(),
            telegram: self.telegram.map(|address| pb::TelegramAddress {
                bot_id: address.bot_id,
                chat_id: address.chat_id,
            }),
            version: self.version,
            create_time: Some(olm_proto::timestamp(self.create_time)),
            is_admin: self.is_admin,
            ..self.to_public_message()
        }
    }

    /// What others learn of a person.
    #[must_use]
    pub fn to_public_message(&self) -> pb::User {
        pb::User {
            id: self.id.to_string(),
            display_name: self.display_name.clone(),
            time_zone: self.time_zone.clone(),
            about: self.about.clone(),
            is_teacher: self.is_teacher,
            ..pb::User::default()
        }
    }

    /// What notify-svc needs to know of the person.
    #[must_use]
    pub fn to_recipient(&self) -> notify::PutRecipientRequest {
        let leads = self.reminder_leads.iter().copied();
        notify::PutRecipientRequest {
            recipient: Some(notify::Recipient {
                user_id: self.id.to_string(),
                version: self.version,
                display_name: self.display_name.clone(),
                language: self.language.code().to_owned(),
                time_zone: self.time_zone.clone(),
                reminder_leads: leads.map(olm_proto::duration).collect(),
                bot_id: self.telegram.map_or(0, |address| address.bot_id),
                chat_id: self.telegram.map_or(0, |address| address.chat_id),
                quiet_hours: self.quiet_hours.map(QuietHours::to_recipient),
                muted_kinds: self.muted_kinds.iter().copied().map(Into::into).collect(),
            }),
        }
    }
}

/// The name kept of what Telegram shows: on one line, at most [`LONGEST_NAME`]
/// characters, the Telegram id when nothing is left.
#[must_use]
pub fn name_from_telegram(shown: &str, telegram_user_id: i64) -> String {
    let kept: String = shown.chars().filter(|c| !c.is_control()).collect();
    let cut: String = kept.trim().chars().take(LONGEST_NAME).collect();
    match cut.trim_end() {
        "" => telegram_user_id.to_string(),
        name => name.to_owned(),
    }
}

/// Where a page of people by name begins. The first begins after the erased, who alone
/// have no name.
///
/// # Errors
///
/// [`InvalidToken`] when the token is one of a list by time.
pub fn after_name(position: Option<&Position>) -> Result<(&str, Uuid), InvalidToken> {
    match position {
        None => Ok(("", Uuid::max())),
        Some(position) => Ok((position.text()?, position.id)),
    }
}

/// A pattern for LIKE that finds `query` anywhere in a text: who types `%` or `_` looks
/// for that character.
#[must_use]
pub fn anywhere(query: &str) -> String {
    let mut pattern = String::with_capacity(query.len() + 2);
    pattern.push('%');
    for character in query.chars() {
        if matches!(character, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// Reads a name that somebody chose, without the space around it; what is wrong is
/// recorded.
pub fn read_name(given: &str, violations: &mut Violations) -> String {
    read_label("display_name", given, violations)
}

/// Reads what somebody or something is called, as [`read_name`] does.
pub fn read_label(field: &str, given: &str, violations: &mut Violations) -> String {
    let name = given.trim();
    violations.require(!name.is_empty(), field, "is empty");
    violations.require(
        name.chars().count() <= LONGEST_NAME,
        field,
        format!("is longer than {LONGEST_NAME} characters"),
    );
    violations.require(
        !name.chars().any(char::is_control),
        field,
        "contains a control character",
    );
    name.to_owned()
}

/// Reads what somebody says of themselves; what is wrong is recorded.
pub fn read_about(given: &str, violations: &mut Violations) -> String {
    check_text(violations, "about", given, LONGEST_ABOUT);
    given.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_tag_is_read_by_its_first_part() {
        assert_eq!(Language::of_tag("ru-RU"), Some(Language::Ru));
        assert_eq!(Language::of_tag("EN_us"), Some(Language::En));
        for other in ["uk", "pt-br", "", "rus", "-ru"] {
            assert_eq!(Language::of_tag(other), None, "{other}");
        }
    }

    #[test]
    fn a_name_is_cut_by_characters_and_never_empty() {
        assert_eq!(name_from_telegram(&"я".repeat(200), 7), "я".repeat(128));
        assert_eq!(name_from_telegram("  Anna\n\0Petrova ", 7), "AnnaPetrova");
        for empty in ["", "   ", "\u{0}\u{1}"] {
            assert_eq!(name_from_telegram(empty, 7), "7");
        }
    }

    #[test]
    fn wildcards_are_searched_as_they_are() {
        assert_eq!(anywhere(r"50%_\"), r"%50\%\_\\%");
    }
}
