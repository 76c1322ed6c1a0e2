//! Buttons of finding a teacher, of the calendar, of booking and of one's lessons.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use super::{
    NoButton,
    wire::{self, Field, Fields},
};

/// A button of whoever books lessons, or has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booking {
    /// Does nothing: a day without free times, the name of a weekday.
    Nothing,
    /// Finds a teacher, as /schedule does.
    Schedule,
    /// Lists teachers.
    Teachers {
        /// From 0.
        page: u16,
    },
    /// Shows a week of free times.
    Week {
        /// What the time is for.
        of: Purpose,
        /// Its Monday; none: the first week with free times.
        monday: Option<Date>,
    },
    /// Shows the free times of a day.
    Day {
        /// What the time is for.
        of: Purpose,
        /// The day in the reader's zone.
        date: Date,
        /// From 0.
        page: u16,
    },
    /// Takes a free time: keeps it, or asks whether to move to it.
    Time {
        /// What the time is for.
        of: Purpose,
        /// Whole minutes.
        start: Timestamp,
    },
    /// Books the time that is kept.
    Book {
        /// The lesson that keeps it.
        hold: Uuid,
        /// The teacher.
        teacher: Uuid,
        /// When it begins.
        start: Timestamp,
        /// How long it is.
        minutes: u16,
    },
    /// Lets it go, and shows the day again.
    Release {
        /// The lesson that keeps it.
        hold: Uuid,
        /// The version the button was drawn for.
        version: i64,
    },
    /// Moves a lesson.
    MoveTo {
        /// The lesson.
        lesson: Uuid,
        /// The version the button was drawn for.
        version: i64,
        /// To this time.
        start: Timestamp,
    },
    /// Lists the reader's lessons.
    Lessons {
        /// From 0.
        page: u16,
    },
    /// Shows a lesson.
    Lesson {
        /// Which.
        lesson: Uuid,
    },
    /// Lists the lessons of the reader's groups in which they have no seat.
    OpenLessons {
        /// From 0.
        page: u16,
    },
    /// Takes a seat in a group's lesson.
    Join {
        /// Which.
        lesson: Uuid,
        /// When it said that the lesson begins; whole minutes. Buttons of earlier releases
        /// do not say it.
        start: Option<Timestamp>,
    },
    /// Under a reminder, which stays as it is: the reader comes.
    Come {
        /// The lesson.
        lesson: Uuid,
        /// The version the reminder was drawn for.
        version: i64,
        /// When it said that the lesson begins; whole minutes.
        start: Timestamp,
    },
    /// Under a notice, which stays as it is.
    Noticed {
        /// What it does.
        pressed: Noticed,
        /// The lesson.
        lesson: Uuid,
        /// The version the notice was drawn for.
        version: i64,
    },
}

/// What a button under a notice does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noticed {
    /// The reader comes to the new time of a group's lesson.
    Keep,
    /// They give up their seat in it.
    GiveUp,
    /// Looks for another time.
    Move,
    /// Asks whether to cancel.
    Cancel,
    /// The teacher confirms the request.
    Confirm,
    /// The teacher is asked why they decline it.
    Decline,
}

impl Noticed {
    const ALL: [Self; 6] = [
        Self::Keep,
        Self::GiveUp,
        Self::Move,
        Self::Cancel,
        Self::Confirm,
        Self::Decline,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Keep => "notice_reconfirm",
            Self::GiveUp => "notice_leave",
            Self::Move => "notice_move",
            Self::Cancel => "notice_cancel",
            Self::Confirm => "notice_confirm",
            Self::Decline => "notice_decline",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Keep => "b.nk",
            Self::GiveUp => "b.ng",
            Self::Move => "b.nm",
            Self::Cancel => "b.nx",
            Self::Confirm => "b.ny",
            Self::Decline => "b.nn",
        }
    }
}

/// What a free time is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A new lesson.
    Book {
        /// With this teacher.
        teacher: Uuid,
        /// So long; 0: as long as the teacher's usual one.
        minutes: u16,
    },
    /// A lesson that is to be moved.
    Move {
        /// The lesson.
        lesson: Uuid,
        /// The version the button was drawn for.
        version: i64,
    },
}

impl Purpose {
    fn fields(self) -> [Field; 2] {
        match self {
            Self::Book { teacher, minutes } => [Field::Id(teacher), Field::Number(minutes.into())],
            Self::Move { lesson, version } => [Field::Id(lesson), Field::Number(version)],
        }
    }

    /// The kind of the button, by what the time is for.
    fn kind(self, book: &'static str, moving: &'static str) -> &'static str {
        match self {
            Self::Book { .. } => book,
            Self::Move { .. } => moving,
        }
    }

    fn book(fields: &mut Fields<'_>) -> Result<Self, NoButton> {
        let (teacher, minutes) = (fields.id()?, small(fields)?);
        Ok(Self::Book { teacher, minutes })
    }

    fn moving(fields: &mut Fields<'_>) -> Result<Self, NoButton> {
        let (lesson, version) = (fields.id()?, fields.version()?);
        Ok(Self::Move { lesson, version })
    }
}

impl Booking {
    /// Whether pressing it changes something, or is to.
    pub(super) fn changes(self) -> bool {
        match self {
            Self::Time { of, .. } => matches!(of, Purpose::Book { .. }),
            Self::Noticed { pressed, .. } => match pressed {
                Noticed::Keep | Noticed::Confirm => true,
                Noticed::Move | Noticed::Cancel | Noticed::GiveUp | Noticed::Decline => false,
            },
            Self::Book { .. }
            | Self::Release { .. }
            | Self::MoveTo { .. }
            | Self::Join { .. }
            | Self::Come { .. } => true,
            Self::Nothing
            | Self::Schedule
            | Self::Teachers { .. }
            | Self::Week { .. }
            | Self::Day { .. }
            | Self::Lessons { .. }
            | Self::Lesson { .. }
            | Self::OpenLessons { .. } => false,
        }
    }

    /// The button's name, for logs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Schedule => "schedule",
            Self::Teachers { .. } => "teachers",
            Self::Week { of, .. } => of.kind("week", "move_week"),
            Self::Day { of, .. } => of.kind("day", "move_day"),
            Self::Time { of, .. } => of.kind("hold", "ask_move"),
            Self::Book { .. } => "book",
            Self::Release { .. } => "release",
            Self::MoveTo { .. } => "move",
            Self::Lessons { .. } => "lessons",
            Self::Lesson { .. } => "lesson",
            Self::OpenLessons { .. } => "open_lessons",
            Self::Join { .. } => "join",
            Self::Come { .. } => "notice_come",
            Self::Noticed { pressed, .. } => pressed.name(),
        }
    }

    pub(super) fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Field::{Date as Day, Id, Instant, Number};
        match self {
            Self::Nothing => wire::write(f, "b.0", &[]),
            Self::Schedule => wire::write(f, "b.s", &[]),
            Self::Teachers { page } => wire::write(f, "b.p", &[Number(page.into())]),
            Self::Week { of, monday } => {
                let [id, number] = of.fields();
                match monday {
                    None => wire::write(f, of.kind("b.o", "b.O"), &[id, number]),
                    Some(monday) => {
                        wire::write(f, of.kind("b.w", "b.W"), &[id, number, Day(monday)])
                    }
                }
            }
            Self::Day { of, date, page } => {
                let [id, number] = of.fields();
                let fields = [id, number, Day(date), Number(page.into())];
                wire::write(f, of.kind("b.d", "b.D"), &fields)
            }
            Self::Time { of, start } => {
                let [id, number] = of.fields();
                wire::write(f, of.kind("b.t", "b.T"), &[id, number, Instant(start)])
            }
            Self::Book {
                hold,
                teacher,
                start,
                minutes,
            } => {
                let length = Number(minutes.into());
                let fields = [Id(hold), Id(teacher), Instant(start), length];
                wire::write(f, "b.k", &fields)
            }
            Self::Release { hold, version } => wire::write(f, "b.r", &[Id(hold), Number(version)]),
            Self::MoveTo {
                lesson,
                version,
                start,
            } => {
                let fields = [Id(lesson), Number(version), Instant(start)];
                wire::write(f, "b.m", &fields)
            }
            Self::Lessons { page } => wire::write(f, "b.l", &[Number(page.into())]),
            Self::Lesson { lesson } => wire::write(f, "b.v", &[Id(lesson)]),
            Self::OpenLessons { page } => wire::write(f, "b.g", &[Number(page.into())]),
            Self::Join {
                lesson,
                start: None,
            } => wire::write(f, "b.j", &[Id(lesson)]),
            Self::Join {
                lesson,
                start: Some(start),
            } => wire::write(f, "b.j", &[Id(lesson), Instant(start)]),
            Self::Come {
                lesson,
                version,
                start,
            } => {
                let fields = [Id(lesson), Number(version), Instant(start)];
                wire::write(f, "b.c", &fields)
            }
            Self::Noticed {
                pressed,
                lesson,
                version,
            } => wire::write(f, pressed.kind(), &[Id(lesson), Number(version)]),
        }
    }

    /// The button of a kind without its "b.".
    pub(super) fn read(kind: &str, fields: &mut Fields<'_>) -> Result<Self, NoButton> {
        let of = match kind {
            "o" | "w" | "d" | "t" => Purpose::book(fields)?,
            "O" | "W" | "D" | "T" => Purpose::moving(fields)?,
            _ => return Self::read_other(kind, fields),
        };
        Ok(match kind {
            "o" | "O" => Self::Week { of, monday: None },
            "w" | "W" => Self::Week {
                of,
                monday: Some(fields.date()?),
            },
            "d" | "D" => Self::Day {
                of,
                date: fields.date()?,
                page: small(fields)?,
            },
            _ => Self::Time {
                of,
                start: fields.instant()?,
            },
        })
    }

    fn read_other(kind: &str, fields: &mut Fields<'_>) -> Result<Self, NoButton> {
        Ok(match kind {
            "0" => Self::Nothing,
            "s" => Self::Schedule,
            "p" => Self::Teachers {
                page: small(fields)?,
            },
            "k" => Self::Book {
                hold: fields.id()?,
                teacher: fields.id()?,
                start: fields.instant()?,
                minutes: small(fields)?,
            },
            "r" => Self::Release {
                hold: fields.id()?,
                version: fields.version()?,
            },
            "m" => Self::MoveTo {
                lesson: fields.id()?,
                version: fields.version()?,
                start: fields.instant()?,
            },
            "l" => Self::Lessons {
                page: small(fields)?,
            },
            "v" => Self::Lesson {
                lesson: fields.id()?,
            },
            "g" => Self::OpenLessons {
                page: small(fields)?,
            },
            "j" => Self::Join {
                lesson: fields.id()?,
                start: fields.instant_if_any()?,
            },
            "c" => Self::Come {
                lesson: fields.id()?,
                version: fields.version()?,
                start: fields.instant()?,
            },
            other => {
                let mut all = Noticed::ALL.into_iter();
                let pressed = all.find(|noticed| noticed.kind().strip_prefix("b.") == Some(other));
                Self::Noticed {
                    pressed: pressed.ok_or(NoButton)?,
                    lesson: fields.id()?,
                    version: fields.version()?,
                }
            }
        })
    }
}

fn small(fields: &mut Fields<'_>) -> Result<u16, NoButton> {
    fields.number()?.try_into().map_err(|_| NoButton)
}

/// One button of each kind, as long as it can be.
#[cfg(test)]
pub(super) fn longest() -> Vec<Booking> {
    let id = Uuid::from_u128(u128::MAX);
    let date = jiff::civil::date(8999, 12, 31);
    let start = "8999-12-31T23:59:00Z".parse().unwrap();
    let version = i64::MAX;
    let of = Purpose::Book {
        teacher: id,
        minutes: 480,
    };
    let moving = Purpose::Move {
        lesson: id,
        version,
    };
    let mut buttons = vec![
        Booking::Nothing,
        Booking::Schedule,
        Booking::Teachers { page: u16::MAX },
        Booking::Book {
            hold: id,
            teacher: id,
            start,
            minutes: 480,
        },
        Booking::Release { hold: id, version },
        Booking::MoveTo {
            lesson: id,
            version,
            start,
        },
    ];
    buttons.extend([
        Booking::Lessons { page: u16::MAX },
        Booking::Lesson { lesson: id },
        Booking::OpenLessons { page: u16::MAX },
        Booking::Join {
            lesson: id,
            start: None,
        },
        Booking::Join {
            lesson: id,
            start: Some(start),
        },
        Booking::Come {
            lesson: id,
            version,
            start,
        },
    ]);
    buttons.extend(Noticed::ALL.map(|pressed| Booking::Noticed {
        pressed,
        lesson: id,
        version,
    }));
    for of in [of, moving] {
        buttons.extend([
            Booking::Week { of, monday: None },
            Booking::Week {
                of,
                monday: Some(date),
            },
            Booking::Day { of, date, page: 99 },
            Booking::Time { of, start },
        ]);
    }
    buttons
}
