//! Days, weeks and the hours in them.

use jiff::{
    SignedDuration, Timestamp, ToSpan as _, Zoned,
    civil::{Date, Weekday},
    tz::TimeZone,
};

use crate::{
    Language,
    bundle::{Values, message},
};

use super::{named_zone, offset};

/// "понедельник, 23 ноября" or "Monday, November 23".
#[must_use]
pub fn day(date: Date, language: Language) -> String {
    message(language, "day", &values(date, language, ""))
}

/// "пн 23 ноя" or "Mon, Nov 23"; for buttons.
#[must_use]
pub fn day_short(date: Date, language: Language) -> String {
    message(language, "day-short", &values(date, language, "-short"))
}

/// "пн" or "Mon".
#[must_use]
pub fn weekday_short(weekday: Weekday, language: Language) -> String {
    let id = format!("weekday-short-{}", weekday.to_monday_one_offset());
    message(language, &id, &Values::default())
}

/// The week that begins on `monday`: "23–29 ноября", "November 30 – December 6".
#[must_use]
pub fn week_title(monday: Date, language: Language) -> String {
    let sunday = monday.saturating_add(6.days());
    let values = Values::default()
        .number("first", i64::from(monday.day()))
        .raw("month", month(monday, language, ""))
        .number("last", i64::from(sunday.day()));
    if monday.month() == sunday.month() {
        message(language, "week", &values)
    } else {
        let values = values.raw("last-month", month(sunday, language, ""));
        message(language, "week-of-two-months", &values)
    }
}

/// What the clock shows at each of the instants: "18:00"; where it shows the same twice,
/// each with its offset.
#[must_use]
pub fn clocks(instants: &[Timestamp], zone: &TimeZone) -> Vec<String> {
    let clock = |instant: &Timestamp| told_apart(&instant.to_zoned(zone.clone()));
    instants.iter().map(clock).collect()
}

/// What the clock shows: "18:00"; where it shows that twice, with its offset.
pub(crate) fn told_apart(at: &Zoned) -> String {
    let time = plain(at);
    if is_repeated(at) {
        format!("{time} {}", offset(at.offset().seconds()))
    } else {
        time
    }
}

/// The same of an end, where the offset of a beginning that is repeated stands beside it.
pub(super) fn end_told_apart(from: &Zoned, until: &Zoned) -> String {
    if is_repeated(from) && from.offset() == until.offset() {
        plain(until)
    } else {
        told_apart(until)
    }
}

/// What the clock shows.
pub(super) fn plain(at: &Zoned) -> String {
    at.strftime("%H:%M").to_string()
}

/// The lesson's time on the other side's clock, "20:00–21:00 (Москва)", with the date where
/// that is another one; `None` where both clocks show the same.
#[must_use]
pub fn lesson_time_elsewhere(
    start: Timestamp,
    end: Timestamp,
    language: Language,
    here: &TimeZone,
    there: &TimeZone,
) -> Option<String> {
    if here.to_offset(start) == there.to_offset(start) {
        return None;
    }
    let from = start.to_zoned(there.clone());
    if from.date() != start.to_zoned(here.clone()).date() {
        return Some(super::lesson_time(start, end, language, there));
    }
    let until = end.to_zoned(there.clone());
    let values = Values::default()
        .raw("time", plain(&from))
        .raw("end", end_told_apart(&from, &until))
        .raw("zone", named_zone(&from, language));
    Some(message(language, "lesson-hours", &values))
}

/// How long before a lesson, as it stands after "за" and before "before": "24 часа",
/// "30 minutes"; whole minutes.
#[must_use]
pub fn notice_span(span: SignedDuration, language: Language) -> String {
    let total = span.as_secs().max(0) / 60;
    let (hours, minutes) = (total / 60, total % 60);
    let (id, values) = match (hours, minutes) {
        (0, _) => ("span-minutes", Values::default().number("minutes", minutes)),
        (48.., 0) if hours % 24 == 0 => ("span-days", Values::default().number("days", hours / 24)),
        (_, 0) => ("span-hours", Values::default().number("hours", hours)),
        _ => {
            let values = Values::default()
                .number("hours", hours)
                .number("minutes", minutes);
            ("span-hours-minutes", values)
        }
    };
    message(language, id, &values)
}

/// Whether the clock shows this time of its day twice, because it is put back.
pub(super) fn is_repeated(at: &Zoned) -> bool {
    at.time_zone()
        .to_ambiguous_timestamp(at.datetime())
        .is_ambiguous()
}

fn month(date: Date, language: Language, length: &str) -> String {
    let id = format!("month{length}-{}", date.month());
    message(language, &id, &Values::default())
}

pub(super) fn values(date: Date, language: Language, length: &str) -> Values<'static> {
    let weekday = format!("weekday{length}-{}", date.weekday().to_monday_one_offset());
    Values::default()
        .raw("weekday", message(language, &weekday, &Values::default()))
        .raw("month", month(date, language, length))
        .number("day", i64::from(date.day()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn a_week_is_named_by_its_first_and_last_day() {
        let (one, two) = (date(2026, 11, 23), date(2026, 11, 30));
        assert_eq!(week_title(one, Language::Ru), "23–29 ноября");
        assert_eq!(week_title(two, Language::Ru), "30 ноября – 6 декабря");
        assert_eq!(week_title(one, Language::En), "November 23–29");
        assert_eq!(week_title(two, Language::En), "November 30 – December 6");
    }

    #[test]
    fn a_day_is_named_at_length_and_for_a_button() {
        let monday = date(2026, 11, 23);
        assert_eq!(day(monday, Language::Ru), "понедельник, 23 ноября");
        assert_eq!(day(monday, Language::En), "Monday, November 23");
        assert_eq!(day_short(monday, Language::Ru), "пн 23 ноя");
        assert_eq!(day_short(monday, Language::En), "Mon, Nov 23");
        assert_eq!(weekday_short(Weekday::Sunday, Language::Ru), "вс");
    }

    #[test]
    fn an_hour_that_comes_twice_is_told_apart_by_its_offset() {
        // Berlin puts its clocks back from 3:00 to 2:00 on 25 October 2026.
        let starts =
            ["00:00", "00:30", "01:00", "02:00"].map(|time| at(&format!("2026-10-25T{time}:00Z")));
        let shown = clocks(&starts, &zone("Europe/Berlin"));
        assert_eq!(
            shown,
            ["02:00 UTC+2", "02:30 UTC+2", "02:00 UTC+1", "03:00"]
        );
        let (start, end) = (starts[2], starts[3]);
        assert_eq!(
            super::super::lesson_time(start, end, Language::En, &zone("Europe/Berlin")),
            "Sunday, October 25, 02:00–03:00 (Berlin, UTC+1)"
        );
    }

    #[test]
    fn the_end_of_a_lesson_is_told_apart_too() {
        let berlin = zone("Europe/Berlin");
        let time = |start: &str, end: &str| {
            let at = |time: &str| at(&format!("2026-10-{time}:00Z"));
            super::super::lesson_time(at(start), at(end), Language::En, &berlin)
        };
        for (start, end, shown) in [
            ("24T23:30", "25T00:30", "01:30–02:30 UTC+2 (Berlin)"),
            ("24T23:30", "25T01:30", "01:30–02:30 UTC+1 (Berlin)"),
            ("25T00:00", "25T00:30", "02:00–02:30 (Berlin, UTC+2)"),
            ("25T00:00", "25T01:30", "02:00–02:30 UTC+1 (Berlin, UTC+2)"),
        ] {
            let shown = format!("Sunday, October 25, {shown}");
            assert_eq!(time(start, end), shown);
        }
        let moscow = zone("Europe/Moscow");
        let (start, end) = (at("2026-10-24T23:30:00Z"), at("2026-10-25T01:30:00Z"));
        assert_eq!(
            lesson_time_elsewhere(start, end, Language::En, &moscow, &berlin).as_deref(),
            Some("01:30–02:30 UTC+1 (Berlin)")
        );
    }

    #[test]
    fn the_other_clock_is_named_only_where_it_shows_something_else() {
        let (start, end) = (at("2026-01-23T17:00:00Z"), at("2026-01-23T18:00:00Z"));
        let berlin = zone("Europe/Berlin");
        let elsewhere =
            |name| lesson_time_elsewhere(start, end, Language::Ru, &berlin, &zone(name));
        assert_eq!(elsewhere("Europe/Paris"), None);
        assert_eq!(
            elsewhere("Europe/Moscow").as_deref(),
            Some("20:00–21:00 (Москва)")
        );
        assert_eq!(
            elsewhere("Asia/Vladivostok").as_deref(),
            Some("суббота, 24 января, 03:00–04:00 (Владивосток)")
        );
    }

    #[test]
    fn a_notice_is_said_in_the_largest_unit_that_fits() {
        let said = |minutes, language| notice_span(SignedDuration::from_mins(minutes), language);
        assert_eq!(said(1, Language::Ru), "1 минуту");
        assert_eq!(said(60, Language::Ru), "1 час");
        assert_eq!(said(90, Language::Ru), "1 час 30 минут");
        assert_eq!(said(24 * 60, Language::Ru), "24 часа");
        assert_eq!(said(48 * 60, Language::Ru), "2 дня");
        assert_eq!(said(49 * 60, Language::En), "49 hours");
        assert_eq!(said(5, Language::En), "5 minutes");
    }
}
