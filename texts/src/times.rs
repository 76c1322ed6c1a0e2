//! Instants as people write them, in the reader's zone (OLM-8).

mod days;

use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};

use crate::{
    Language,
    bundle::{Values, message},
    zones::Zone,
};

pub(crate) use days::told_apart;
pub use days::{
    clocks, day, day_short, lesson_time_elsewhere, notice_span, week_title, weekday_short,
};

/// "пятница, 23 января, 18:00" or "Friday, January 23, 18:00".
#[must_use]
pub fn moment(instant: Timestamp, language: Language, zone: &TimeZone) -> String {
    let at = instant.to_zoned(zone.clone());
    message(language, "moment", &date(&at, language, ""))
}

/// As [`moment`], with its year where that is not the one of `now`.
pub(crate) fn far_moment(
    instant: Timestamp,
    now: Timestamp,
    language: Language,
    zone: &TimeZone,
) -> String {
    let at = instant.to_zoned(zone.clone());
    if at.year() == now.to_zoned(zone.clone()).year() {
        return message(language, "moment", &date(&at, language, ""));
    }
    let values = date(&at, language, "").raw("year", at.year().to_string());
    message(language, "moment-year", &values)
}

/// "пт 23 янв, 18:00" or "Fri, Jan 23, 18:00"; for buttons.
#[must_use]
pub fn moment_short(instant: Timestamp, language: Language, zone: &TimeZone) -> String {
    let at = instant.to_zoned(zone.clone());
    message(language, "moment-short", &date(&at, language, "-short"))
}

/// "пятница, 23 января, 18:00–19:00 (Берлин)": a lesson's time with its zone named.
#[must_use]
pub fn lesson_time(
    start: Timestamp,
    end: Timestamp,
    language: Language,
    zone: &TimeZone,
) -> String {
    let from = start.to_zoned(zone.clone());
    let until = end.to_zoned(zone.clone());
    let values = days::values(from.date(), language, "")
        .raw("time", days::plain(&from))
        .raw("end", days::end_told_apart(&from, &until))
        .raw("zone", named_zone(&from, language));
    message(language, "lesson-time", &values)
}

/// The zone's name; with its offset where the clock shows that hour twice.
fn named_zone(at: &Zoned, language: Language) -> String {
    let name = zone_name(at.time_zone(), language, at.timestamp());
    let offset = offset(at.offset().seconds());
    if name != offset && days::is_repeated(at) {
        format!("{name}, {offset}")
    } else {
        name
    }
}

/// A zone as people call it: its city, or its offset at `instant`, such as "UTC+3" or
/// "UTC+5:30", where it is named after none.
#[must_use]
pub fn zone_name(zone: &TimeZone, language: Language, instant: Timestamp) -> String {
    let city = zone.iana_name().and_then(Zone::named);
    city.map_or_else(
        || offset(zone.to_offset(instant).seconds()),
        |zone| zone.city(language).to_owned(),
    )
}

/// How long is left until `start`: "через 60 минут", "in 2 hours"; rounded to the
/// minute, so that a reminder sent a moment early or late names its lead.
pub(crate) fn left(start: Timestamp, now: Timestamp, language: Language) -> String {
    let seconds = start
        .duration_since(now)
        .max(SignedDuration::ZERO)
        .as_secs_f64();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most millions of minutes"
    )]
    let total = (seconds / 60.0).round() as i64;
    let (hours, minutes) = (total / 60, total % 60);
    let (id, values) = match (hours, minutes) {
        (0, 0) => ("left-now", Values::default()),
        (0 | 1, _) => ("left-minutes", Values::default().number("minutes", total)),
        (2..48, 0) => ("left-hours", Values::default().number("hours", hours)),
        (2..48, _) => {
            let values = Values::default()
                .number("hours", hours)
                .number("minutes", minutes);
            ("left-hours-minutes", values)
        }
        _ => ("left-days", Values::default().number("days", hours / 24)),
    };
    message(language, id, &values)
}

fn date(at: &Zoned, language: Language, length: &str) -> Values<'static> {
    days::values(at.date(), language, length).raw("time", days::told_apart(at))
}

pub(crate) fn offset(seconds: i32) -> String {
    if seconds == 0 {
        return "UTC".to_owned();
    }
    let sign = if seconds < 0 { '−' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() % 3600 / 60);
    if minutes == 0 {
        format!("UTC{sign}{hours}")
    } else {
        format!("UTC{sign}{hours}:{minutes:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn each_language_writes_dates_its_own_way_in_the_readers_zone() {
        let (start, end) = (at("2026-01-23T17:00:00Z"), at("2026-01-23T18:00:00Z"));
        let berlin = zone("Europe/Berlin");
        assert_eq!(
            moment(start, Language::Ru, &berlin),
            "пятница, 23 января, 18:00"
        );
        assert_eq!(
            moment(start, Language::En, &berlin),
            "Friday, January 23, 18:00"
        );
        assert_eq!(
            moment_short(start, Language::Ru, &berlin),
            "пт 23 янв, 18:00"
        );
        assert_eq!(
            lesson_time(start, end, Language::Ru, &zone("Europe/Moscow")),
            "пятница, 23 января, 20:00–21:00 (Москва)"
        );
        assert_eq!(
            lesson_time(start, end, Language::En, &zone("Asia/Vladivostok")),
            "Saturday, January 24, 03:00–04:00 (Vladivostok)"
        );
    }

    #[test]
    fn a_moment_of_an_hour_that_comes_twice_is_told_apart_by_its_offset() {
        // Berlin puts its clocks back from 3:00 to 2:00 on 25 October 2026.
        let berlin = zone("Europe/Berlin");
        for (utc, offset) in [("00:30", "UTC+2"), ("01:30", "UTC+1")] {
            let instant = at(&format!("2026-10-25T{utc}:00Z"));
            assert_eq!(
                moment_short(instant, Language::Ru, &berlin),
                format!("вс 25 окт, 02:30 {offset}")
            );
            let long = format!("Sunday, October 25, 02:30 {offset}");
            assert_eq!(moment(instant, Language::En, &berlin), long);
        }
        let after = at("2026-10-25T02:00:00Z");
        let shown = moment_short(after, Language::Ru, &berlin);
        assert_eq!(shown, "вс 25 окт, 03:00");
    }

    #[test]
    fn a_zone_is_called_by_its_city_and_one_without_by_its_offset_of_that_day() {
        let winter = at("2026-01-23T17:00:00Z");
        let name = |name: &str, language| zone_name(&zone(name), language, winter);
        assert_eq!(name("Europe/Oslo", Language::Ru), "Осло");
        assert_eq!(name("Asia/Calcutta", Language::En), "Kolkata");
        assert_eq!(name("Etc/GMT-14", Language::Ru), "UTC+14");
        assert_eq!(zone_name(&TimeZone::UTC, Language::En, winter), "UTC");
        assert_eq!(offset(20_700), "UTC+5:45");
        assert_eq!(offset(-12_600), "UTC−3:30");
    }

    #[test]
    fn what_is_left_is_counted_with_the_right_plural() {
        let start = at("2026-01-23T17:00:00Z");
        let left =
            |seconds, language| left(start, start - SignedDuration::from_secs(seconds), language);
        assert_eq!(left(3600, Language::Ru), "через 60 минут");
        assert_eq!(left(3598, Language::Ru), "через 60 минут");
        assert_eq!(left(21 * 60, Language::Ru), "через 21 минуту");
        assert_eq!(left(22 * 60, Language::Ru), "через 22 минуты");
        assert_eq!(left(60, Language::En), "in 1 minute");
        assert_eq!(left(119 * 60, Language::En), "in 119 minutes");
        assert_eq!(left(2 * 3600, Language::Ru), "через 2 часа");
        assert_eq!(left(2 * 3600 + 300, Language::Ru), "через 2 часа 5 минут");
        assert_eq!(left(24 * 3600, Language::En), "in 24 hours");
        assert_eq!(left(72 * 3600, Language::Ru), "через 3 дня");
        assert_eq!(left(-5, Language::En), "is starting");
    }
}
