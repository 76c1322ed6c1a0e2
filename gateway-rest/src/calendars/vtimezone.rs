//! A zone's clocks as VTIMEZONE (RFC 5545, 3.6.5), for one stretch of time.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

use super::folding::push;

/// More changes of clocks than any stretch of a calendar has.
const MOST_CHANGES: usize = 200;

/// Writes the clocks of `zone` from `from` to `until`, both included: what they show at the
/// beginning, then every change as the one observance that it begins.
pub(crate) fn write(text: &mut String, zone: &TimeZone, from: Timestamp, until: Timestamp) {
    push(text, "BEGIN:VTIMEZONE");
    push(
        text,
        &format!("TZID:{}", zone.iana_name().unwrap_or_default()),
    );
    let first = zone.to_offset_info(from);
    let mut offset = first.offset();
    let observance = Observance {
        daylight: first.dst().is_dst(),
        // Before everything that is written in this zone.
        start: DateTime::constant(1970, 1, 1, 0, 0, 0, 0),
        from: offset,
        to: offset,
        name: first.abbreviation(),
    };
    observance.write(text);
    for change in zone.following(from).take(MOST_CHANGES) {
        if change.timestamp() > until {
            break;
        }
        let observance = Observance {
            daylight: change.dst().is_dst(),
            // As the clock shows it that is about to change.
            start: offset.to_datetime(change.timestamp()),
            from: offset,
            to: change.offset(),
            name: change.abbreviation(),
        };
        observance.write(text);
        offset = change.offset();
    }
    push(text, "END:VTIMEZONE");
}

struct Observance<'a> {
    daylight: bool,
    start: DateTime,
    from: Offset,
    to: Offset,
    name: &'a str,
}

impl Observance<'_> {
    fn write(&self, text: &mut String) {
        let kind = if self.daylight {
            "DAYLIGHT"
        } else {
            "STANDARD"
        };
        push(text, &format!("BEGIN:{kind}"));
        push(text, &format!("DTSTART:{}", local(self.start)));
        push(text, &format!("TZOFFSETFROM:{}", signed(self.from)));
        push(text, &format!("TZOFFSETTO:{}", signed(self.to)));
        push(text, &format!("TZNAME:{}", self.name));
        push(text, &format!("END:{kind}"));
    }
}

/// A DATE-TIME without zone (RFC 5545, 3.3.5).
pub(crate) fn local(time: DateTime) -> String {
    time.strftime("%Y%m%dT%H%M%S").to_string()
}

/// A UTC-OFFSET (RFC 5545, 3.3.14).
fn signed(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.unsigned_abs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match rest {
        0 => format!("{sign}{hours:02}{minutes:02}"),
        _ => format!("{sign}{hours:02}{minutes:02}{rest:02}"),
    }
}
