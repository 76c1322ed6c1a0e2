//! People and their settings.

pub mod grpc;
pub mod store;

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use olm_proto::{lesson::v1 as pb, notify::v1 as notify};
use service_kit::status::Violations;

use crate::{ids::UserId, teachers::check_span};

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 128;
const MOST_LEADS: usize = 5;
const SHORTEST_LEAD_S: i64 = 60;
const LONGEST_LEAD_S: i64 = 14 * 24 * 60 * 60;

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
    /// 1 to [`LONGEST_NAME`] characters.
    pub display_name: String,
    /// What the person reads.
    pub language: Language,
    /// IANA name.
    pub time_zone: String,
    /// How long before a lesson the person is reminded.
    pub reminder_leads: Vec<SignedDuration>,
    /// Where the bot writes to the person.
    pub telegram: Option<TelegramAddress>,
    /// Raised by every change.
    pub version: i64,
    /// When the person was registered.
    pub create_time: Timestamp,
    /// True when the person also teaches.
    pub is_teacher: bool,
}

impl User {
    /// The contract's message. Others than the person do not learn where and how far
    /// ahead the bot writes to them.
    #[must_use]
    pub fn to_message(&self, viewer: UserId) -> pb::User {
        let own = viewer == self.id;
        let telegram = self.telegram.filter(|_| own);
        let leads = self.reminder_leads.iter().filter(|_| own);
        pb::User {
            id: self.id.to_string(),
            display_name: self.display_name.clone(),
            language: self.language.code().to_owned(),
            time_zone: self.time_zone.clone(),
            reminder_leads: leads.copied().map(olm_proto::duration).collect(),
            telegram: telegram.map(|address| pb::TelegramAddress {
                bot_id: address.bot_id,
                chat_id: address.chat_id,
            }),
            version: self.version,
            create_time: Some(olm_proto::timestamp(self.create_time)),
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
                ..notify::Recipient::default()
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

/// Reads reminder leads; everything wrong is recorded.
pub fn read_leads(
    given: &[prost_types::Duration],
    violations: &mut Violations,
) -> Vec<SignedDuration> {
    let field = "reminder_leads.leads";
    violations.require(
        given.len() <= MOST_LEADS,
        field,
        format!("has {} leads, at most {MOST_LEADS}", given.len()),
    );
    let mut leads = Vec::new();
    for (index, lead) in given.iter().take(MOST_LEADS).enumerate() {
        let field = format!("{field}[{index}]");
        match check_span(lead, SHORTEST_LEAD_S..=LONGEST_LEAD_S) {
            Ok(lead) if leads.contains(&lead) => violations.add(field, "is there twice"),
            Ok(lead) => leads.push(lead),
            Err(text) => violations.add(field, text),
        }
    }
    leads.sort_unstable();
    leads
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
    fn every_wrong_lead_is_named() {
        let lead = |seconds| prost_types::Duration { seconds, nanos: 0 };
        let mut violations = Violations::default();
        read_leads(
            &[
                lead(59),
                lead(3600),
                lead(3600),
                lead(LONGEST_LEAD_S + 1),
                lead(60),
                lead(61),
            ],
            &mut violations,
        );
        let text = violations
            .check()
            .unwrap_err()
            .into_status("olm.lesson")
            .message()
            .to_owned();
        for part in [
            "has 6 leads",
            "leads[0] is 59 s",
            "leads[2] is there twice",
            "leads[3]",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
