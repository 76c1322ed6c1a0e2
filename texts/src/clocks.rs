//! How far clocks are from UTC, and the days they change on.

use jiff::{civil::Date, tz::Offset};

use crate::{
    Language,
    bundle::{Values, message},
    times::offset,
};

/// "UTC+3", "UTC+5:30", "UTC".
#[must_use]
pub fn offset_name(at: Offset) -> String {
    offset(at.seconds())
}

/// "29 марта", "March 29".
#[must_use]
pub fn day_name(date: Date, language: Language) -> String {
    let month = format!("month-{}", date.month());
    let values = Values::default()
        .number("day", i64::from(date.day()))
        .raw("month", message(language, &month, &Values::default()));
    message(language, "day-name", &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_days_are_written_as_each_language_does() {
        assert_eq!(offset_name(jiff::tz::offset(3)), "UTC+3");
        let day = jiff::civil::date(2027, 3, 28);
        assert_eq!(day_name(day, Language::Ru), "28 марта");
        assert_eq!(day_name(day, Language::En), "March 28");
    }
}
