//! A month of buttons, to choose the first and the last day off in.

use jiff::civil::Date;
use serde_json::Value;
use texts::{TeachingLabel, TimeOffScreen};

use super::super::{
    super::{Conversation, Fault, Reader, button, keyboard},
    add_days, press,
};
use crate::{
    buttons::{Booking, Button, Teaching},
    replies::Reply,
};

/// Months ahead that can be chosen from; the service takes three years.
const MONTHS: i64 = 36;

/// A month of days.
struct Month<'a> {
    reader: &'a Reader,
    /// Any day of it.
    any: Date,
    /// Days before cannot be chosen.
    from: Date,
    today: Date,
}

impl Conversation {
    /// A month to choose the first day off in.
    pub(in super::super) fn first_day_off(&self, reader: &Reader, month: Date) -> Reply {
        let today = self.today(reader);
        let month = month.max(today);
        let grid = Month {
            reader,
            any: month,
            from: today,
            today,
        };
        let rows = grid.rows(
            |month| Teaching::OffFirst { month },
            |first| Teaching::OffLast {
                first,
                month: first,
            },
        );
        let screen = TimeOffScreen::First {
            month: &texts::month(month, reader.language),
        };
        Reply::new(screen.html(reader.language), keyboard(&rows))
    }

    /// A month to choose the last day off in.
    pub(in super::super) async fn last_day_off(
        &self,
        reader: &Reader,
        first: Date,
        month: Date,
    ) -> Result<Reply, Fault> {
        let version = self.calendar(reader).await?.version;
        let today = self.today(reader);
        let month = month.max(first);
        let grid = Month {
            reader,
            any: month,
            from: first,
            today,
        };
        let rows = grid.rows(
            |month| Teaching::OffLast { first, month },
            |last| Teaching::Off {
                first,
                last,
                version,
            },
        );
        let screen = TimeOffScreen::Last {
            first: &texts::days(first, first, today, reader.language),
            month: &texts::month(month, reader.language),
        };
        Ok(Reply::new(screen.html(reader.language), keyboard(&rows)))
    }
}

impl Month<'_> {
    /// Weekdays, days, arrows, and back. What cannot be chosen does nothing.
    fn rows(
        &self,
        shows: impl Fn(Date) -> Teaching,
        chooses: impl Fn(Date) -> Teaching,
    ) -> Vec<Vec<Value>> {
        let idle = |text: &str| button(text, Button::Booking(Booking::Nothing));
        let header = texts::weekdays(self.reader.language);
        let mut rows = vec![header.iter().map(|day| idle(day)).collect::<Vec<_>>()];
        let first = self.any.first_of_month();
        let days = i64::from(first.days_in_month());
        let before = i64::from(first.weekday().to_monday_zero_offset());
        let weeks = (before + days + 6) / 7;
        for week in 0..weeks {
            let cell = |weekday: i64| {
                let number = week * 7 + weekday - before;
                let day = add_days(first, number);
                if !(0..days).contains(&number) || day < self.from {
                    return idle("·");
                }
                button(&day.day().to_string(), Button::Teaching(chooses(day)))
            };
            rows.push((0..7).map(cell).collect());
        }
        rows.push(self.arrows(&shows));
        let back = Teaching::TimeOff;
        rows.push(vec![press(self.reader, TeachingLabel::Back, back)]);
        rows
    }

    fn arrows(&self, shows: &impl Fn(Date) -> Teaching) -> Vec<Value> {
        let language = self.reader.language;
        let mut row = Vec::new();
        let before = add_days(self.any.first_of_month(), -1);
        if before >= self.from {
            let day = &texts::month(before, language);
            row.push(press(
                self.reader,
                TeachingLabel::Earlier { day },
                shows(before),
            ));
        }
        let after = add_days(self.any.last_of_month(), 1);
        let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
        if months(after) <= months(self.today) + MONTHS {
            let day = &texts::month(after, language);
            row.push(press(
                self.reader,
                TeachingLabel::Later { day },
                shows(after),
            ));
        }
        row
    }
}
