//! What a pressed button says: `callback_data`, at most 64 bytes (Bot API,
//! `InlineKeyboardButton`).

mod booking;
pub mod settings;
mod teaching;
mod wire;

use std::{fmt, str::FromStr};

use uuid::Uuid;

pub use booking::{Booking, Noticed, Purpose};
use settings::Settings;
use wire::{Field, Fields};

pub use teaching::{Drawn, Ending, Teaching, fingerprint, seat_number};

/// A button and what it was drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    /// Of booking and of one's lessons.
    Booking(Booking),
    /// Asks whether to cancel a lesson.
    AskCancel {
        /// The lesson.
        lesson: Uuid,
        /// The version the button was drawn for.
        version: i64,
    },
    /// Cancels it.
    Cancel {
        /// What it is as yet.
        what: Cancelling,
        /// The lesson.
        lesson: Uuid,
        /// The version the button was drawn for.
        version: i64,
    },
    /// The teacher confirms a request.
    Confirm {
        /// The lesson.
        lesson: Uuid,
        /// The version the button was drawn for.
        version: i64,
    },
    /// The teacher declines a request.
    Decline {
        /// The lesson.
        lesson: Uuid,
        /// The version the button was drawn for.
        version: i64,
    },
    /// A student comes to the new time of a group's lesson.
    Reconfirm {
        /// The lesson.
        lesson: Uuid,
        /// The version the button was drawn for.
        version: i64,
    },
    /// A student gives up their seat in a group's lesson.
    Leave {
        /// The lesson.
        lesson: Uuid,
        /// The version the button was drawn for.
        version: i64,
    },
    /// Of the teachers' part.
    Teaching(Teaching),
    /// Of the time zone and the settings.
    Settings(Settings),
}

/// What somebody cancels: of the version that a button was drawn for, it stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelling {
    /// A lesson that takes place.
    Lesson,
    /// A request for one.
    Request,
    /// A time that is only kept.
    Hold,
}

impl Cancelling {
    fn kind(self) -> &'static str {
        match self {
            Self::Lesson => "x",
            Self::Request => "w",
            Self::Hold => "h",
        }
    }
}

impl Button {
    /// The button's name, for logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Booking(button) => button.name(),
            Self::AskCancel { .. } => "ask_cancel",
            Self::Cancel { what, .. } => match what {
                Cancelling::Lesson => "cancel",
                Cancelling::Request => "withdraw",
                Cancelling::Hold => "let_go",
            },
            Self::Confirm { .. } => "confirm",
            Self::Decline { .. } => "decline",
            Self::Reconfirm { .. } => "reconfirm",
            Self::Leave { .. } => "leave",
            Self::Teaching(button) => button.name(),
            Self::Settings(button) => button.name(),
        }
    }

    /// Whether pressing it changes something, or is to.
    #[must_use]
    pub fn changes(self) -> bool {
        match self {
            Self::Booking(button) => button.changes(),
            Self::AskCancel { .. } | Self::Decline { .. } => false,
            Self::Cancel { .. }
            | Self::Confirm { .. }
            | Self::Reconfirm { .. }
            | Self::Leave { .. } => true,
            Self::Teaching(button) => button.changes(),
            Self::Settings(button) => button.changes(),
        }
    }
}

impl fmt::Display for Button {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Field::{Id, Number};
        match *self {
            Self::Booking(button) => button.write(f),
            Self::AskCancel { lesson, version } => {
                wire::write(f, "c", &[Id(lesson), Number(version)])
            }
            Self::Cancel {
                what,
                lesson,
                version,
            } => wire::write(f, what.kind(), &[Id(lesson), Number(version)]),
            Self::Confirm { lesson, version } => {
                wire::write(f, "y", &[Id(lesson), Number(version)])
            }
            Self::Decline { lesson, version } => {
                wire::write(f, "n", &[Id(lesson), Number(version)])
            }
            Self::Reconfirm { lesson, version } => {
                wire::write(f, "k", &[Id(lesson), Number(version)])
            }
            Self::Leave { lesson, version } => wire::write(f, "g", &[Id(lesson), Number(version)]),
            Self::Teaching(button) => button.write(f),
            Self::Settings(button) => button.fmt(f),
        }
    }
}

/// The text is none of our buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no button of this bot")]
pub struct NoButton;

impl FromStr for Button {
    type Err = NoButton;

    fn from_str(text: &str) -> Result<Self, NoButton> {
        let (kind, mut fields) = Fields::of(text);
        if let Some(kind) = kind.strip_prefix("b.") {
            let button = Booking::read(kind, &mut fields)?;
            return fields.end(Self::Booking(button));
        }
        let button = match kind {
            "c" | "x" | "w" | "h" | "y" | "n" | "k" | "g" => {
                let (lesson, version) = (fields.id()?, fields.version()?);
                let cancel = |what| Self::Cancel {
                    what,
                    lesson,
                    version,
                };
                match kind {
                    "c" => Self::AskCancel { lesson, version },
                    "x" => cancel(Cancelling::Lesson),
                    "w" => cancel(Cancelling::Request),
                    "h" => cancel(Cancelling::Hold),
                    "y" => Self::Confirm { lesson, version },
                    "n" => Self::Decline { lesson, version },
                    "k" => Self::Reconfirm { lesson, version },
                    _ => Self::Leave { lesson, version },
                }
            }
            kind if kind.starts_with("t.") => Self::Teaching(Teaching::read(kind, &mut fields)?),
            _ if kind.starts_with("s.") => Self::Settings(Settings::read(kind, &mut fields)?),
            _ => return Err(NoButton),
        };
        fields.end(button)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_button_survives_the_round_trip_within_64_bytes() {
        let id = Uuid::from_u128(u128::MAX);
        let version = i64::MAX;
        let buttons = [
            Button::AskCancel {
                lesson: id,
                version,
            },
            Button::Confirm {
                lesson: id,
                version,
            },
            Button::Decline {
                lesson: id,
                version,
            },
            Button::Reconfirm {
                lesson: id,
                version,
            },
            Button::Leave {
                lesson: id,
                version,
            },
        ];
        let cancel = [Cancelling::Lesson, Cancelling::Request, Cancelling::Hold];
        let cancel = cancel.map(|what| Button::Cancel {
            what,
            lesson: id,
            version,
        });
        let buttons = buttons.into_iter().chain(cancel);
        let booking = booking::longest().into_iter().map(Button::Booking);
        let teaching = teaching::every().into_iter().map(Button::Teaching);
        for button in buttons.chain(booking).chain(teaching) {
            let text = button.to_string();
            assert!(text.len() <= 64, "{text}");
            assert_eq!(text.parse(), Ok(button));
        }
    }

    #[test]
    fn what_is_no_button_is_refused() {
        let id = "AAAAAAAAAAAAAAAAAAAAAA";
        assert!(format!("c:{id}:1").parse::<Button>().is_ok());
        let foreign = [
            String::new(),
            "b.".to_owned(),
            "b.0:".to_owned(),
            "b.l:".to_owned(),
            format!("b.o:{}:0", Uuid::nil()),
            format!("b.o:{id}A:1"),
            format!("b.o:{id}"),
            format!("b.o:{id}:x"),
            format!("b.o:{id}:-1"),
            format!("b.w:{id}:60:20261332"),
            format!("b.t:{id}:60:9223372036854775807"),
            format!("q:{id}:1"),
            format!("c:{id}:1:2"),
            "c:7:1".to_owned(),
        ];
        for text in foreign {
            assert_eq!(text.parse::<Button>(), Err(NoButton), "{text}");
        }
    }
}
