//! What a pressed button says: `callback_data`, at most 64 bytes (Bot API,
//! `InlineKeyboardButton`).

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use uuid::Uuid;

/// A button and what it was drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    /// Shows a teacher's free slots, from an instant (whole minutes) or from now.
    Slots {
        /// The teacher.
        teacher: Uuid,
        /// Where the page begins.
        from: Option<Timestamp>,
    },
    /// Books a slot.
    Book {
        /// The teacher.
        teacher: Uuid,
        /// The slot's start; slots start at whole minutes.
        start: Timestamp,
    },
    /// Asks whether to cancel a lesson.
    AskCancel {
        /// The lesson.
        lesson: Uuid,
        /// The version the button was drawn for.
        version: i64,
    },
    /// Cancels it.
    Cancel {
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
    /// Shows the reader's lessons.
    Lessons,
}

impl Button {
    /// The button's name, for logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Slots { .. } => "slots",
            Self::Book { .. } => "book",
            Self::AskCancel { .. } => "ask_cancel",
            Self::Cancel { .. } => "cancel",
            Self::Confirm { .. } => "confirm",
            Self::Decline { .. } => "decline",
            Self::Reconfirm { .. } => "reconfirm",
            Self::Leave { .. } => "leave",
            Self::Lessons => "lessons",
        }
    }
}

impl fmt::Display for Button {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slots {
                teacher,
                from: None,
            } => write!(f, "s:{}", teacher.simple()),
            Self::Slots {
                teacher,
                from: Some(from),
            } => write!(f, "s:{}:{}", teacher.simple(), minutes(*from)),
            Self::Book { teacher, start } => {
                write!(f, "b:{}:{}", teacher.simple(), minutes(*start))
            }
            Self::AskCancel { lesson, version } => write!(f, "c:{}:{version}", lesson.simple()),
            Self::Cancel { lesson, version } => write!(f, "x:{}:{version}", lesson.simple()),
            Self::Confirm { lesson, version } => write!(f, "y:{}:{version}", lesson.simple()),
            Self::Decline { lesson, version } => write!(f, "n:{}:{version}", lesson.simple()),
            Self::Reconfirm { lesson, version } => write!(f, "k:{}:{version}", lesson.simple()),
            Self::Leave { lesson, version } => write!(f, "g:{}:{version}", lesson.simple()),
            Self::Lessons => f.write_str("l"),
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
        let mut parts = text.split(':');
        let kind = parts.next();
        let id = parts
            .next()
            .map(|id| Uuid::try_parse(id).map_err(|_| NoButton));
        let id = id.transpose()?;
        let number = parts
            .next()
            .map(|number| number.parse::<i64>().map_err(|_| NoButton));
        let number = number.transpose()?;
        if parts.next().is_some() {
            return Err(NoButton);
        }
        match (kind, id, number) {
            (Some("s"), Some(teacher), None) => Ok(Self::Slots {
                teacher,
                from: None,
            }),
            (Some("s"), Some(teacher), Some(from)) => Ok(Self::Slots {
                teacher,
                from: Some(instant(from)?),
            }),
            (Some("b"), Some(teacher), Some(start)) => Ok(Self::Book {
                teacher,
                start: instant(start)?,
            }),
            (Some("c"), Some(lesson), Some(version)) => Ok(Self::AskCancel { lesson, version }),
            (Some("x"), Some(lesson), Some(version)) => Ok(Self::Cancel { lesson, version }),
            (Some("y"), Some(lesson), Some(version)) => Ok(Self::Confirm { lesson, version }),
            (Some("n"), Some(lesson), Some(version)) => Ok(Self::Decline { lesson, version }),
            (Some("k"), Some(lesson), Some(version)) => Ok(Self::Reconfirm { lesson, version }),
            (Some("g"), Some(lesson), Some(version)) => Ok(Self::Leave { lesson, version }),
            (Some("l"), None, None) => Ok(Self::Lessons),
            _ => Err(NoButton),
        }
    }
}

fn minutes(instant: Timestamp) -> i64 {
    instant.as_second().div_euclid(60)
}

fn instant(minutes: i64) -> Result<Timestamp, NoButton> {
    let seconds = minutes.checked_mul(60).ok_or(NoButton)?;
    Timestamp::from_second(seconds).map_err(|_| NoButton)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_button_survives_the_round_trip_within_64_bytes() {
        let id = Uuid::from_u128(u128::MAX);
        let at: Timestamp = "9999-12-30T22:00:00Z".parse().unwrap();
        let version = i64::MAX;
        let buttons = [
            Button::Slots {
                teacher: id,
                from: None,
            },
            Button::Slots {
                teacher: id,
                from: Some(at),
            },
            Button::Book {
                teacher: id,
                start: at,
            },
            Button::AskCancel {
                lesson: id,
                version,
            },
            Button::Cancel {
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
            Button::Lessons,
        ];
        for button in buttons {
            let text = button.to_string();
            assert!(text.len() <= 64, "{text}");
            assert_eq!(text.parse(), Ok(button));
        }
    }

    #[test]
    fn what_is_no_button_is_refused() {
        let id = Uuid::nil().simple();
        let foreign = [
            String::new(),
            "b".to_owned(),
            "l:".to_owned(),
            format!("b:{id}"),
            format!("b:{id}:x"),
            format!("b:{id}:9223372036854775807"),
            format!("q:{id}:1"),
            format!("c:{id}:1:2"),
            "c:7:1".to_owned(),
        ];
        for text in foreign {
            assert_eq!(text.parse::<Button>(), Err(NoButton), "{text}");
        }
    }
}
