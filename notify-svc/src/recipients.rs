//! The people notifications go to: a copy of their settings, whose source is
//! lesson-svc.

use std::collections::BTreeSet;

use jiff::{SignedDuration, tz::TimeZone};
use olm_proto::notify::v1 as wire;
use service_kit::status::Violations;
use uuid::Uuid;

pub mod erasing;
pub mod grpc;
pub mod moving;
mod quiet_hours;
pub mod store;

pub use quiet_hours::QuietHours;

use crate::notifications::Kind;

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
    /// When reminders are not to come, and nothing is to sound.
    pub quiet_hours: Option<QuietHours>,
    /// What they do not want to be told.
    pub muted: BTreeSet<Kind>,
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
            quiet_hours: parse_quiet_hours(wire.quiet_hours, violations),
            muted: parse_muted(&wire.muted_kinds, violations),
        }
    }

    /// Whether nothing that plans depend on differs from what was `known`, which may be
    /// a stub.
    #[must_use]
    pub fn is_planned_as(&self, known: &Self) -> bool {
        known.version > 0
            && self.leads == known.leads
            && self.quiet_hours == known.quiet_hours
            && self.time_zone == known.time_zone
            && self.muted == known.muted
            && self.address == known.address
    }

    /// The person's zone; UTC for one that this build's database does not know any more.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
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
            quiet_hours: self.quiet_hours.map(|quiet| wire::QuietHours {
                start_minute: quiet.start_minute().into(),
                end_minute: quiet.end_minute().into(),
            }),
            muted_kinds: self.muted.iter().map(|kind| kind.notice().into()).collect(),
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

fn parse_quiet_hours(
    wire: Option<wire::QuietHours>,
    violations: &mut Violations,
) -> Option<QuietHours> {
    let wire = wire?;
    let minute = |minute: i32| i16::try_from(minute).ok();
    let quiet = minute(wire.start_minute)
        .zip(minute(wire.end_minute))
        .and_then(|(start, end)| QuietHours::new(start, end));
    violations.require(
        quiet.is_some(),
        "recipient.quiet_hours",
        "are not two different minutes of a day, 0 to 1439",
    );
    quiet
}

fn parse_muted(wire: &[i32], violations: &mut Violations) -> BTreeSet<Kind> {
    violations.require(
        wire.len() < Kind::ALL.len(),
        "recipient.muted_kinds",
        "are more than there are",
    );
    let mut muted = BTreeSet::new();
    for (at, number) in wire.iter().take(Kind::ALL.len()).enumerate() {
        match Kind::of_notice(*number) {
            Some(kind) => {
                muted.insert(kind);
            }
            None => violations.add(
                format!("recipient.muted_kinds[{at}]"),
                "is not a kind of notice",
            ),
        }
    }
    muted
}
