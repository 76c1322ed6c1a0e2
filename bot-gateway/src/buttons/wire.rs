//! How a button is written: what it is, then what it was drawn for, with ':' between.
//! At most 64 bytes fit (Bot API, `InlineKeyboardButton`), so ids take 22 and instants
//! are whole minutes.

use std::{fmt, ops::RangeInclusive, str::Split};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{Timestamp, civil::Date, tz::Offset};
use uuid::Uuid;

use super::NoButton;

/// Years of the days and instants that buttons name. What is reckoned from these, as weeks and
/// ends of lessons, stays in the calendar.
const YEARS: RangeInclusive<i16> = 1970..=8999;

/// What stands behind the kind of a button.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field {
    Id(Uuid),
    Number(i64),
    Instant(Timestamp),
    Date(Date),
    /// Without a colon.
    Text(&'static str),
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(id.as_bytes())),
            Self::Number(number) => write!(f, "{number}"),
            Self::Instant(instant) => write!(f, "{}", instant.as_second().div_euclid(60)),
            Self::Date(date) => write!(f, "{}", date.strftime("%Y%m%d")),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Writes a button.
pub(super) fn write(f: &mut fmt::Formatter<'_>, kind: &str, fields: &[Field]) -> fmt::Result {
    f.write_str(kind)?;
    fields.iter().try_for_each(|field| write!(f, ":{field}"))
}

/// Reads the fields of a button in their order. Every field must be read, and
/// [`Fields::end`] says that nothing follows.
#[derive(Debug)]
pub(super) struct Fields<'a>(Split<'a, char>);

impl<'a> Fields<'a> {
    /// The kind of the button, and its fields.
    pub(super) fn of(text: &'a str) -> (&'a str, Self) {
        let mut parts = text.split(':');
        (parts.next().unwrap_or_default(), Self(parts))
    }

    pub(super) fn text(&mut self) -> Result<&'a str, NoButton> {
        self.0.next().ok_or(NoButton)
    }

    pub(super) fn id(&mut self) -> Result<Uuid, NoButton> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(self.text()?);
        Uuid::from_slice(&bytes.map_err(|_| NoButton)?).map_err(|_| NoButton)
    }

    pub(super) fn number(&mut self) -> Result<i64, NoButton> {
        self.text()?.parse().map_err(|_| NoButton)
    }

    /// A version: none is below 0.
    pub(super) fn version(&mut self) -> Result<i64, NoButton> {
        self.within(&(0..=i64::MAX))
    }

    /// A number in bounds.
    pub(super) fn within(&mut self, bounds: &RangeInclusive<i64>) -> Result<i64, NoButton> {
        let number = self.number()?;
        bounds.contains(&number).then_some(number).ok_or(NoButton)
    }

    pub(super) fn instant(&mut self) -> Result<Timestamp, NoButton> {
        let seconds = self.number()?.checked_mul(60).ok_or(NoButton)?;
        let instant = Timestamp::from_second(seconds).map_err(|_| NoButton)?;
        let year = Offset::UTC.to_datetime(instant).year();
        YEARS.contains(&year).then_some(instant).ok_or(NoButton)
    }

    /// The same where the button may end before it.
    pub(super) fn instant_if_any(&mut self) -> Result<Option<Timestamp>, NoButton> {
        if self.0.clone().next().is_none() {
            return Ok(None);
        }
        self.instant().map(Some)
    }

    pub(super) fn date(&mut self) -> Result<Date, NoButton> {
        let date = Date::strptime("%Y%m%d", self.text()?).map_err(|_| NoButton)?;
        YEARS.contains(&date.year()).then_some(date).ok_or(NoButton)
    }

    /// `button`, if nothing follows.
    pub(super) fn end<T>(mut self, button: T) -> Result<T, NoButton> {
        match self.0.next() {
            None => Ok(button),
            Some(_) => Err(NoButton),
        }
    }
}
