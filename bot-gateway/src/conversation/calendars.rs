//! A lesson as an entry of the reader's own calendar, by a link that opens it there, ready to be
//! kept.

use jiff::Timestamp;
use serde_json::Value;
use texts::BookingLabel;
use url::Url;

use super::{Reader, keyboards::link};

/// Opens a new entry (Google Calendar, "action=TEMPLATE").
const NEW_ENTRY: &str = "https://calendar.google.com/calendar/render";
/// What Telegram takes for a button's link is said nowhere; a long place is left out before.
const LONGEST: usize = 1_500;
/// Characters of a name.
const NAME: usize = 60;

/// What a calendar is told of a lesson.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// The other side's name.
    pub(super) with: &'a str,
    /// Empty: of no group.
    pub(super) group: &'a str,
    /// Empty: nowhere in particular.
    pub(super) place: &'a str,
}

impl Entry<'_> {
    /// The button that opens it.
    pub(super) fn button(self, reader: &Reader) -> Option<Value> {
        let label = BookingLabel::ToCalendar.text(reader.language);
        Some(link(&label, self.url(reader)?.as_str()))
    }

    fn url(self, reader: &Reader) -> Option<Url> {
        let short = |name: &str| name.chars().take(NAME).collect::<String>();
        let (with, group) = (short(self.with), short(self.group));
        let text = texts::calendar_summary(&with, &group, reader.language);
        let dates = format!("{}/{}", utc(self.start), utc(self.end));
        let fields = [
            ("action", "TEMPLATE"),
            ("text", text.as_str()),
            ("dates", dates.as_str()),
        ];
        let url = Url::parse_with_params(NEW_ENTRY, fields).ok()?;
        let mut placed = url.clone();
        placed.query_pairs_mut().append_pair("location", self.place);
        let fits = !self.place.is_empty() && placed.as_str().len() <= LONGEST;
        Some(if fits { placed } else { url })
    }
}

/// As RFC 5545 has it (3.3.5).
fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}
