//! Days as people write them, and as they type them.

mod reading;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    Language,
    bundle::{Values, message},
    times::told_apart,
};

pub use reading::read_days;

/// Days without their weekdays, "24 декабря – 6 января"; one day when both are the same.
/// A year is named when it is not that of `today`.
#[must_use]
pub fn days(first: Date, last: Date, today: Date, language: Language) -> String {
    let written = |date: Date| {
        let values = values(date, language);
        if date.year() == today.year() {
            message(language, "date", &values)
        } else {
            let values = values.raw("year", date.year().to_string());
            message(language, "date-year", &values)
        }
    };
    if first == last {
        return written(first);
    }
    format!("{} – {}", written(first), written(last))
}

/// "Ноябрь 2026", above a calendar.
#[must_use]
pub fn month(date: Date, language: Language) -> String {
    let name = format!("month-name-{}", date.month());
    let values = Values::default()
        .raw("month", message(language, &name, &Values::default()))
        .raw("year", date.year().to_string());
    message(language, "month-year", &values)
}

/// The seven weekdays from Monday on, as they stand above a calendar.
#[must_use]
pub fn weekdays(language: Language) -> [String; 7] {
    [1, 2, 3, 4, 5, 6, 7].map(|day| {
        let id = format!("weekday-short-{day}");
        message(language, &id, &Values::default())
    })
}

/// "15:00" in `zone`; where the clock shows that twice, with its offset.
#[must_use]
pub fn clock(instant: Timestamp, zone: &TimeZone) -> String {
    told_apart(&instant.to_zoned(zone.clone()))
}

/// "15:00–16:00" in `zone`, each as [`clock`] has it.
#[must_use]
pub fn hours(start: Timestamp, end: Timestamp, zone: &TimeZone) -> String {
    format!("{}–{}", clock(start, zone), clock(end, zone))
}

fn values(date: Date, language: Language) -> Values<'static> {
    let month = format!("month-{}", date.month());
    Values::default()
        .raw("month", message(language, &month, &Values::default()))
        .number("day", i64::from(date.day()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn hours_that_come_twice_are_told_apart_by_their_offsets() {
        // Berlin puts its clocks back from 3:00 to 2:00 on 25 October 2026.
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let at = |time: &str| format!("2026-10-25T{time}:00Z").parse().unwrap();
        assert_eq!(clock(at("00:30"), &berlin), "02:30 UTC+2");
        assert_eq!(clock(at("01:30"), &berlin), "02:30 UTC+1");
        assert_eq!(clock(at("02:00"), &berlin), "03:00");
        for (start, end, shown) in [
            ("00:30", "01:30", "02:30 UTC+2–02:30 UTC+1"),
            ("01:30", "02:30", "02:30 UTC+1–03:30"),
            ("02:00", "03:00", "03:00–04:00"),
        ] {
            assert_eq!(hours(at(start), at(end), &berlin), shown);
        }
    }

    #[test]
    fn months_and_weekdays_stand_above_a_calendar_as_each_language_names_them() {
        let saturday = date(2026, 11, 21);
        assert_eq!(month(saturday, Language::Ru), "Ноябрь 2026");
        assert_eq!(weekdays(Language::Ru)[6], "вс");
    }

    #[test]
    fn a_stretch_names_the_year_only_when_it_is_another() {
        let today = date(2026, 11, 21);
        let (first, last) = (date(2026, 12, 24), date(2027, 1, 6));
        assert_eq!(
            days(first, last, today, Language::Ru),
            "24 декабря – 6 января 2027 г."
        );
        assert_eq!(
            days(first, last, today, Language::En),
            "December 24 – January 6, 2027"
        );
        assert_eq!(days(first, first, today, Language::En), "December 24");
    }
}
