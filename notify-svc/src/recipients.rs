//! The people notifications go to: a copy of their settings, whose source is
//! lesson-svc.

use jiff::{SignedDuration, tz::TimeZone};
use olm_proto::notify::v1 as wire;
use service_kit::status::Violations;
use uuid::Uuid;

pub mod grpc;
pub mod store;

/// A person's settings at one version, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Who.
    pub user_id: Uuid,
    /// The source's version; 0: a stub, only named by a lesson so far.
    pub version: i64,
    /// What others call them.
    pub display_name: String,
    /// "ru" or "en".
    pub language: String,
    /// IANA name.
    pub time_zone: String,
    /// How long before a lesson they want to be reminded.
    pub leads: Vec<SignedDuration>,
    /// Where the bot writes to them.
    pub address: Option<Address>,
}

/// A chat of one bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// More than 0.
    pub bot_id: i64,
    /// Negative for groups; never 0.
    pub chat_id: i64,
}

/// Characters of a name (olm.lesson.v1.User).
const MAX_NAME: usize = 128;
/// Reminders one person may have per lesson, and how early the earliest.
const MAX_LEADS: usize = 10;
const MAX_LEAD: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Recipient {
    /// Checks a recipient from the wire; every fault goes to `violations`. The answer
    /// means something only when there are none.
    pub fn parse(wire: &wire::Recipient, violations: &mut Violations) -> Self {
        let user_id = violations.uuid("recipient.user_id", &wire.user_id);
        violations.require(wire.version > 0, "recipient.version", "is not more than 0");
        violations.require(
            (1..=MAX_NAME).contains(&wire.display_name.chars().count()),
            "recipient.display_name",
            "is not 1 to 128 characters",
        );
        violations.require(
            matches!(wire.language.as_str(), "ru" | "en"),
            "recipient.language",
            "is neither \"ru\" nor \"en\"",
        );
        violations.require(
            TimeZone::get(&wire.time_zone).is_ok(),
            "recipient.time_zone",
            "is not an IANA time zone",
        );
        let leads = parse_leads(&wire.reminder_leads, violations);
        let address = match (wire.bot_id, wire.chat_id) {
            (0, 0) => None,
            (bot_id, chat_id) => {
                violations.require(bot_id > 0, "recipient.bot_id", "is not more than 0");
                violations.require(chat_id != 0, "recipient.chat_id", "is 0 beside a bot");
                Some(Address { bot_id, chat_id })
            }
        };
        Self {
            user_id,
            version: wire.version,
            display_name: wire.display_name.clone(),
            language: wire.language.clone(),
            time_zone: wire.time_zone.clone(),
            leads,
            address,
        }
    }

    /// As in the contract.
    #[must_use]
    pub fn wire(self) -> wire::Recipient {
        wire::Recipient {
            user_id: self.user_id.to_string(),
            version: self.version,
            display_name: self.display_name,
            language: self.language,
            time_zone: self.time_zone,
            reminder_leads: self.leads.into_iter().map(olm_proto::duration).collect(),
            bot_id: self.address.map_or(0, |address| address.bot_id),
            chat_id: self.address.map_or(0, |address| address.chat_id),
            quiet_hours: None,
            muted_kinds: Vec::new(),
        }
    }
}

fn parse_leads(wire: &[prost_types::Duration], violations: &mut Violations) -> Vec<SignedDuration> {
    violations.require(
        wire.len() <= MAX_LEADS,
        "recipient.reminder_leads",
        "are more than 10",
    );
    let mut leads = Vec::new();
    for (at, lead) in wire.iter().take(MAX_LEADS).enumerate() {
        let lead = olm_proto::span(lead).filter(|lead| {
            lead.subsec_nanos() == 0 && *lead >= SignedDuration::from_secs(1) && *lead <= MAX_LEAD
        });
        match lead {
            Some(lead) => leads.push(lead),
            None => violations.add(
                format!("recipient.reminder_leads[{at}]"),
                "is not whole seconds, 1 second to 30 days",
            ),
        }
    }
    leads
}
