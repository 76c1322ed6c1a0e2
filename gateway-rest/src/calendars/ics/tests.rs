//! The text as other people's programs read it: an independent parser, and an independent
//! database of zones.

use calcard::{
    Entry as Parsed, Parser,
    icalendar::{ICalendar, ICalendarComponent, ICalendarValue},
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _};
use jiff::SignedDuration;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn entry(start: Timestamp) -> Entry {
    Entry {
        uid: "018f3c1a-7c5e-7d10-9a1b-000000000001".to_owned(),
        sequence: 3,
        start,
        end: start + SignedDuration::from_hours(1),
        state: State::Confirmed,
        update: at("2024-01-01T10:00:00.75Z"),
        summary: "Lesson: Anna; \\ or, Борис — испанский язык по понедельникам и средам 🎉"
            .to_owned(),
        url: "https://meet.example/anna?a=1,2;3".to_owned(),
    }
}

fn calendar(zone: &str, starts: impl IntoIterator<Item = Timestamp>) -> Calendar {
    Calendar {
        name: "Lessons, all of them".to_owned(),
        zone: TimeZone::get(zone).unwrap(),
        entries: starts.into_iter().map(entry).collect(),
    }
}

/// What the parser makes of it: one calendar, and nothing it has to forgive.
fn parse(text: &str) -> ICalendar {
    assert!(text.ends_with("\r\n"));
    for line in text.split("\r\n") {
        assert!(line.len() <= 75 && !line.contains(['\r', '\n']), "{line:?}");
    }
    // Its strict mode takes no component inside another.
    let mut parser = Parser::new(text);
    let Parsed::ICalendar(calendar) = parser.entry() else {
        panic!("no calendar: {text}");
    };
    assert!(matches!(parser.entry(), Parsed::Eof));
    // It leaves out what it cannot read.
    let lines = text.replace("\r\n ", "").lines().count();
    let components = calendar.components.iter();
    let read = components.map(|component| component.entries.len() + 2);
    assert_eq!(read.sum::<usize>(), lines);
    calendar
}

fn components<'a>(calendar: &'a ICalendar, kind: &str) -> Vec<&'a ICalendarComponent> {
    let all = calendar.components.iter();
    all.filter(|component| component.component_type.as_str() == kind)
        .collect()
}

fn value<'a>(component: &'a ICalendarComponent, name: &str) -> &'a ICalendarValue {
    let mut entries = component.entries.iter();
    let entry = entries.find(|entry| entry.name.as_str() == name);
    let entry = entry.unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(entry.values.len(), 1, "{name}");
    &entry.values[0]
}

fn text<'a>(component: &'a ICalendarComponent, name: &str) -> &'a str {
    value(component, name).as_text().unwrap()
}

/// A local or UTC time, and whether it is UTC.
fn time(component: &ICalendarComponent, name: &str) -> (NaiveDateTime, bool) {
    let ICalendarValue::PartialDateTime(time) = value(component, name) else {
        panic!("{name} is no time");
    };
    let date = NaiveDate::from_ymd_opt(
        time.year.unwrap().into(),
        time.month.unwrap().into(),
        time.day.unwrap().into(),
    );
    let of_day = [time.hour, time.minute, time.second].map(|part| part.unwrap().into());
    let time_of_day = date.unwrap().and_hms_opt(of_day[0], of_day[1], of_day[2]);
    (time_of_day.unwrap(), time.tz_hour.is_some())
}

fn offset(component: &ICalendarComponent, name: &str) -> TimeDelta {
    let ICalendarValue::PartialDateTime(offset) = value(component, name) else {
        panic!("{name} is no offset");
    };
    let minutes = i64::from(offset.tz_hour.unwrap()) * 60 + i64::from(offset.tz_minute.unwrap());
    TimeDelta::minutes(if offset.tz_minus { -minutes } else { minutes })
}

/// A VTIMEZONE as RFC 5545 (3.6.5) has it read: of the observances that have begun by the
/// local time, the last.
struct Clocks(Vec<(NaiveDateTime, TimeDelta)>);

impl Clocks {
    fn of(calendar: &ICalendar) -> Self {
        let standard = components(calendar, "STANDARD").into_iter();
        let all = standard.chain(components(calendar, "DAYLIGHT"));
        let mut observances: Vec<_> = all
            .map(|one| (time(one, "DTSTART").0, offset(one, "TZOFFSETTO")))
            .collect();
        observances.sort_unstable();
        Self(observances)
    }

    fn instant(&self, local: NaiveDateTime) -> NaiveDateTime {
        let begun = self.0.iter().rfind(|(start, _)| *start <= local);
        local - begun.unwrap().1
    }
}

#[test]
fn another_parser_reads_what_was_written() {
    let mut calendar = calendar("Europe/Berlin", [at("2024-07-01T10:00:00Z")]);
    calendar.entries.push(Entry {
        state: State::Canceled,
        url: String::new(),
        ..entry(at("2024-12-01T10:00:00Z"))
    });
    calendar.entries.push(Entry {
        state: State::Tentative,
        ..entry(at("2024-12-02T10:00:00Z"))
    });
    let text_of = calendar.write();
    assert_eq!(calendar.write(), text_of, "the same for ever");
    let parsed = parse(&text_of);
    let head = components(&parsed, "VCALENDAR")[0];
    assert_eq!(text(head, "X-WR-CALNAME"), "Lessons, all of them");
    let zone = components(&parsed, "VTIMEZONE");
    assert_eq!((zone.len(), text(zone[0], "TZID")), (1, "Europe/Berlin"));
    let events = components(&parsed, "VEVENT");
    assert_eq!(events.len(), 3);
    let first = events[0];
    assert_eq!(text(first, "UID"), entry(Timestamp::UNIX_EPOCH).uid);
    assert_eq!(text(first, "SUMMARY"), entry(Timestamp::UNIX_EPOCH).summary);
    assert_eq!(text(first, "LOCATION"), entry(Timestamp::UNIX_EPOCH).url);
    assert_eq!(value(first, "SEQUENCE"), &ICalendarValue::Integer(3));
    let stamp = NaiveDate::from_ymd_opt(2024, 1, 1)
        .unwrap()
        .and_hms_opt(10, 0, 0);
    assert_eq!(time(first, "DTSTAMP"), (stamp.unwrap(), true));
    let local = NaiveDate::from_ymd_opt(2024, 7, 1)
        .unwrap()
        .and_hms_opt(12, 0, 0);
    assert_eq!(time(first, "DTSTART"), (local.unwrap(), false));
    for (event, status, transparency) in [
        (first, "STATUS:CONFIRMED", "TRANSP:OPAQUE"),
        (events[1], "STATUS:CANCELLED", "TRANSP:TRANSPARENT"),
        (events[2], "STATUS:TENTATIVE", "TRANSP:OPAQUE"),
    ] {
        assert!(
            event
                .entries
                .iter()
                .any(|entry| entry.name.as_str() == "STATUS")
        );
        assert!(text_of.contains(status) && text_of.contains(transparency));
    }
    assert!(
        events[1]
            .entries
            .iter()
            .all(|entry| entry.name.as_str() != "URL")
    );
}

#[test]
fn an_empty_calendar_and_one_in_utc_need_no_clocks() {
    for empty in [calendar("Europe/Berlin", []), calendar("UTC", [])] {
        assert!(components(&parse(&empty.write()), "VTIMEZONE").is_empty());
    }
    let parsed = parse(&calendar("UTC", [at("2024-07-01T10:00:00Z")]).write());
    assert!(components(&parsed, "VTIMEZONE").is_empty());
    assert!(time(components(&parsed, "VEVENT")[0], "DTSTART").1);
}

#[test]
fn the_second_time_of_an_hour_that_comes_twice_is_said_in_utc() {
    let first = at("2024-10-27T00:30:00Z");
    let second = at("2024-10-27T01:30:00Z");
    let parsed = parse(&calendar("Europe/Berlin", [first, second]).write());
    let events = components(&parsed, "VEVENT");
    let utc = events.iter().map(|event| time(event, "DTSTART").1);
    // The first ends in the second hour.
    assert_eq!(utc.collect::<Vec<_>>(), [true, true]);
    let whole = at("2024-10-26T23:30:00Z");
    let parsed = parse(&calendar("Europe/Berlin", [whole]).write());
    assert!(!time(components(&parsed, "VEVENT")[0], "DTSTART").1);
}

/// Instants of a year: one every week at another hour, and those around every change of a
/// zone's clocks.
fn instants(zone: &TimeZone) -> Vec<Timestamp> {
    let (first, last) = (at("2024-01-01T00:00:00Z"), at("2024-12-31T00:00:00Z"));
    let mut instants: Vec<_> = (0..51)
        .map(|week| first + SignedDuration::from_hours(week * 171))
        .collect();
    for change in zone.following(first) {
        if change.timestamp() > last {
            break;
        }
        let minutes = [-180, -120, -90, -60, -30, -1, 0, 1, 30, 60, 90, 120, 180];
        let around = minutes.map(|minutes| change.timestamp() + SignedDuration::from_mins(minutes));
        instants.extend(around);
    }
    instants.sort_unstable();
    instants
}

#[test]
fn every_zones_clocks_are_told_as_another_database_knows_them() {
    let (mut compared, mut skipped, mut in_utc) = (0, Vec::new(), 0);
    for known in chrono_tz::TZ_VARIANTS {
        let name = known.name();
        let Ok(zone) = TimeZone::get(name) else {
            skipped.push(name);
            continue;
        };
        let instants = instants(&zone);
        let utc = |instant: &Timestamp| DateTime::from_timestamp(instant.as_second(), 0).unwrap();
        let agree = instants.iter().all(|instant| {
            let other = known.offset_from_utc_datetime(&utc(instant).naive_utc());
            other.fix().local_minus_utc() == zone.to_offset(*instant).seconds()
        });
        if !agree {
            skipped.push(name);
            continue;
        }
        let parsed = parse(&calendar(name, instants.iter().copied()).write());
        let clocks = Clocks::of(&parsed);
        let events = components(&parsed, "VEVENT");
        assert_eq!(events.len(), instants.len());
        for (event, instant) in events.into_iter().zip(&instants) {
            let expected = utc(instant).naive_utc();
            for (name_of, expected) in [
                ("DTSTART", expected),
                ("DTEND", expected + TimeDelta::hours(1)),
            ] {
                let (told, said_in_utc) = time(event, name_of);
                if said_in_utc {
                    assert_eq!(told, expected, "{name}");
                    in_utc += 1;
                    continue;
                }
                assert_eq!(clocks.instant(told), expected, "{name} {told}");
                let local = known.from_utc_datetime(&expected).naive_local();
                assert_eq!(told, local, "{name}");
                compared += 1;
            }
        }
    }
    assert!(skipped.len() <= 5, "{skipped:?}");
    assert!(compared > 50_000, "{compared}");
    assert!(in_utc > 1_000, "{in_utc}");
}
