//! How a button is written: what it is, then what it was drawn for, with ':' between.
//! At most 64 bytes fit (Bot API, `InlineKeyboardButton`), so ids take 22 and instants
//! are whole minutes.

use std::{fmt, str::Split};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use super::NoButton;

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

    pub(super) fn instant(&mut self) -> Result<Timestamp, NoButton> {
        let seconds = self.number()?.checked_mul(60).ok_or(NoButton)?;
        Timestamp::from_second(seconds).map_err(|_| NoButton)
    }

    pub(super) fn date(&mut self) -> Result<Date, NoButton> {
        Date::strptime("%Y%m%d", self.text()?).map_err(|_| NoButton)
    }

    /// `button`, if nothing follows.
    pub(super) fn end<T>(mut self, button: T) -> Result<T, NoButton> {
        match self.0.next() {
            None => Ok(button),
            Some(_) => Err(NoButton),
        }
    }
}
