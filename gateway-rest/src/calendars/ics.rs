//! Lessons as iCalendar text (RFC 5545, RFC 7986). Pure: the same entries are the same
//! text for ever, so that its hash is its `ETag`.

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use super::{
    folding::{escaped, push},
    vtimezone,
};

/// A calendar to write.
#[derive(Debug)]
pub(crate) struct Calendar {
    /// What it is called.
    pub(crate) name: String,
    /// In which its times are written.
    pub(crate) zone: TimeZone,
    /// By start.
    pub(crate) entries: Vec<Entry>,
}

/// A lesson in it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The same for ever.
    pub(crate) uid: String,
    /// Rises with every change.
    pub(crate) sequence: i64,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) state: State,
    /// When it changed last.
    pub(crate) update: Timestamp,
    pub(crate) summary: String,
    /// Where it takes place; may be empty.
    pub(crate) url: String,
}

/// Whether it takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Confirmed,
    Tentative,
    Canceled,
}

impl Calendar {
    /// The text, with lines that end in CRLF.
    pub(crate) fn write(&self) -> String {
        // An entry takes about 400 octets.
        let mut text = String::with_capacity(1_024 + 512 * self.entries.len());
        for line in [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Online Lesson Manager//Lessons//EN",
            "CALSCALE:GREGORIAN",
        ] {
            push(&mut text, line);
        }
        push(&mut text, &format!("X-WR-CALNAME:{}", escaped(&self.name)));
        push(&mut text, "REFRESH-INTERVAL;VALUE=DURATION:PT1H");
        push(&mut text, "X-PUBLISHED-TTL:PT1H");
        let zone = self.named_zone();
        let starts = self.entries.iter().map(|entry| entry.start).min();
        let ends = self.entries.iter().map(|entry| entry.end).max();
        if let (Some((zone, _)), Some(first), Some(last)) = (zone, starts, ends) {
            let from = first.saturating_sub(24.hours()).unwrap_or(first);
            let until = last.saturating_add(24.hours()).unwrap_or(last);
            vtimezone::write(&mut text, zone, from, until);
        }
        for entry in &self.entries {
            entry.write(&mut text, zone);
        }
        push(&mut text, "END:VCALENDAR");
        text
    }

    /// The zone and its name; `None`: times are written in UTC.
    fn named_zone(&self) -> Option<(&TimeZone, &str)> {
        let name = self.zone.iana_name()?;
        (!matches!(name, "UTC" | "Etc/UTC")).then_some((&self.zone, name))
    }
}

impl Entry {
    fn write(&self, text: &mut String, zone: Option<(&TimeZone, &str)>) {
        let status = match self.state {
            State::Confirmed => "CONFIRMED",
            State::Tentative => "TENTATIVE",
            State::Canceled => "CANCELLED",
        };
        push(text, "BEGIN:VEVENT");
        push(text, &format!("UID:{}", self.uid));
        push(text, &format!("SEQUENCE:{}", self.sequence));
        push(text, &format!("DTSTAMP:{}", utc(self.update)));
        push(text, &format!("LAST-MODIFIED:{}", utc(self.update)));
        let zone =
            zone.filter(|(zone, _)| is_sayable(zone, self.start) && is_sayable(zone, self.end));
        for (name, time) in [("DTSTART", self.start), ("DTEND", self.end)] {
            let line = match zone {
                Some((zone, id)) => {
                    let local = vtimezone::local(zone.to_datetime(time));
                    format!("{name};TZID={id}:{local}")
                }
                None => format!("{name}:{}", utc(time)),
            };
            push(text, &line);
        }
        push(text, &format!("STATUS:{status}"));
        push(text, &format!("SUMMARY:{}", escaped(&self.summary)));
        if !self.url.is_empty() {
            push(text, &format!("URL:{}", self.url));
            push(text, &format!("LOCATION:{}", escaped(&self.url)));
        }
        let transparent = self.state == State::Canceled;
        push(
            text,
            if transparent {
                "TRANSP:TRANSPARENT"
            } else {
                "TRANSP:OPAQUE"
            },
        );
        push(text, "END:VEVENT");
    }
}

/// Whether a local time says this instant: of an hour that comes twice it says the first
/// (RFC 5545, 3.3.5).
fn is_sayable(zone: &TimeZone, instant: Timestamp) -> bool {
    let said = zone.to_ambiguous_timestamp(zone.to_datetime(instant));
    said.compatible().is_ok_and(|said| said == instant)
}

/// A DATE-TIME in UTC (RFC 5545, 3.3.5); parts of a second have no place in it.
fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests;
