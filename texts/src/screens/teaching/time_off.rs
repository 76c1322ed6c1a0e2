//! What a teacher reads of their time off.

use crate::{
    Language,
    bundle::{Values, message},
};

/// A screen of the time off, or a part of one; texts come out as Telegram's HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeOffScreen<'a> {
    /// Above the time off ahead.
    Ahead {
        /// The reader's zone.
        zone: &'a str,
    },
    /// A stretch of whole days.
    Days {
        /// As [`crate::days`] gives them.
        days: &'a str,
    },
    /// A stretch that is not of whole days.
    Hours {
        /// As [`crate::moment_short`] gives it.
        from: &'a str,
        /// As [`crate::moment_short`] gives it.
        until: &'a str,
    },
    /// Asks for the first day.
    First {
        /// As [`crate::month`] gives it.
        month: &'a str,
    },
    /// Asks for the last day.
    Last {
        /// The first, as [`crate::days`] gives it.
        first: &'a str,
        /// As [`crate::month`] gives it.
        month: &'a str,
    },
    /// Asks whether the days that were typed are meant.
    Ask {
        /// As [`crate::days`] gives them.
        days: &'a str,
    },
    /// The time off is in the calendar.
    Added {
        /// As [`crate::days`] gives them.
        days: &'a str,
    },
    /// So many lessons lie in it; they follow.
    Lessons {
        /// How many.
        count: i64,
    },
    /// Asks whether to cancel all lessons in it; they follow.
    CancelAsk {
        /// How many.
        count: i64,
    },
    /// So many were cancelled.
    CancelDone {
        /// How many.
        count: i64,
    },
    /// So many were not; they follow.
    CancelFailed {
        /// How many.
        count: i64,
    },
    /// So many were not tried.
    CancelLeft {
        /// How many.
        count: i64,
    },
    /// Below lessons: so many are not shown.
    More {
        /// How many.
        count: i64,
    },
}

impl TimeOffScreen<'_> {
    /// The text, as Telegram's HTML.
    #[must_use]
    pub fn html(self, language: Language) -> String {
        let values = Values::default();
        let (id, values) = match self {
            Self::Ahead { zone } => ("time-off-ahead", values.html("zone", zone)),
            Self::Days { days } => ("time-off-days", values.html("days", days)),
            Self::Hours { from, until } => {
                let values = values.html("from", from).html("until", until);
                ("time-off-hours", values)
            }
            Self::First { month } => ("time-off-first", values.html("month", month)),
            Self::Last { first, month } => {
                let values = values.html("first", first).html("month", month);
                ("time-off-last", values)
            }
            Self::Ask { days } => ("time-off-ask", values.html("days", days)),
            Self::Added { days } => ("time-off-added", values.html("days", days)),
            Self::Lessons { count } => ("time-off-lessons", values.number("count", count)),
            Self::CancelAsk { count } => ("time-off-cancel-ask", values.number("count", count)),
            Self::CancelDone { count } => ("time-off-cancel-done", values.number("count", count)),
            Self::CancelFailed { count } => {
                ("time-off-cancel-failed", values.number("count", count))
            }
            Self::CancelLeft { count } => ("time-off-cancel-left", values.number("count", count)),
            Self::More { count } => ("time-off-more", values.number("count", count)),
        };
        message(language, id, &values)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn no_full_stop_follows_a_date_which_may_end_in_one() {
        let (day, today) = (date(2027, 1, 1), date(2026, 11, 21));
        for language in Language::ALL {
            let days = &crate::days(day, day, today, language);
            let month = &crate::month(day, language);
            for screen in [
                TimeOffScreen::Days { days },
                TimeOffScreen::Last { first: days, month },
                TimeOffScreen::Ask { days },
                TimeOffScreen::Added { days },
            ] {
                let html = screen.html(language);
                let text = html.replace("<b>", "").replace("</b>", "");
                let (_, after) = text.split_once(days).unwrap();
                assert!(!after.starts_with('.'), "{text}");
            }
        }
    }
}
