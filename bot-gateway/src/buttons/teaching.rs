//! Buttons of the teachers' part; their kinds begin with "t.".

use std::fmt;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    NoButton,
    wire::{self, Field, Fields},
};

/// A button of the teachers' part and what it was drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teaching {
    /// Shows a day's lessons.
    Day(Date),
    /// Shows the lessons of the week that begins on a Monday.
    Week(Date),
    /// Shows a lesson.
    Lesson(Uuid),
    /// Shows a lesson with a page of its seats, counted from 0.
    Seats(Uuid, u8),
    /// Asks why a lesson is ended.
    AskWhy(Ending, Drawn),
    /// Ends it for a usual reason, counted from 1; 0: for none.
    End(Ending, Drawn, u8),
    /// Asks for a reason in the teacher's own words.
    OwnWords(Ending, Drawn),
    /// Says whether a student came.
    Attendance {
        /// The lesson.
        lesson: Drawn,
        /// The end of the seat's id, see [`seat_number`].
        seat: u32,
        /// Whether they came.
        came: bool,
    },
    /// Shows the days of a week that a lesson can be moved to; without one the next that
    /// has any.
    Move(Drawn, Option<Date>),
    /// Shows the times of such a day, a page of them, counted from 0.
    MoveDay(Drawn, Date, u8),
    /// Asks before moving.
    MoveAsk(Drawn, Timestamp),
    /// Moves.
    MoveTo(Drawn, Timestamp),
    /// Shows the time off.
    TimeOff,
    /// Shows a month to choose the first day off in.
    OffFirst {
        /// Any day of the month.
        month: Date,
    },
    /// Shows a month to choose the last day off in.
    OffLast {
        /// The first day off.
        first: Date,
        /// Any day of the month.
        month: Date,
    },
    /// Asks for the days as text.
    OffType,
    /// Adds time off.
    Off {
        /// The first day.
        first: Date,
        /// The last day.
        last: Date,
        /// Of the calendar: the same days can be taken off again once they were removed.
        version: i64,
    },
    /// Takes off the present day or the one after it.
    OffSoon {
        /// The present day when the button was drawn.
        today: Date,
        /// Days after it, 0 or 1.
        ahead: u8,
        /// As for [`Teaching::Off`].
        version: i64,
    },
    /// Removes time off.
    OffRemove(Uuid),
    /// Shows the lessons in time off, and asks whether to cancel them all.
    OffAskCancel(Uuid),
    /// Cancels them all.
    OffCancel {
        /// The time off.
        id: Uuid,
        /// What was shown, see [`fingerprint`].
        shown: u32,
    },
    /// Shows whom one can invite.
    Invite,
    /// Invites a student.
    InviteStudent,
    /// Invites into a group.
    InviteGroup(Uuid),
    /// Lists the open invitations.
    Invitations,
    /// Takes one back.
    Revoke(Uuid),
}

/// A lesson as a button was drawn for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    /// The lesson.
    pub id: Uuid,
    /// Its version.
    pub version: i64,
}

/// How a teacher ends a lesson that has not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// A request is declined.
    Decline,
    /// A lesson is cancelled.
    Cancel,
}

/// The end of a seat's id: enough to tell the seats of one lesson apart, and it fits beside
/// the lesson and its version.
pub fn seat_number(booking: Uuid) -> u32 {
    let [.., a, b, c, d] = *booking.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Tells sets of lessons and versions apart.
pub fn fingerprint(lessons: impl IntoIterator<Item = Drawn>) -> u32 {
    let text = lessons.into_iter().fold(String::new(), |text, lesson| {
        format!("{text}{}:{};", lesson.id, lesson.version)
    });
    seat_number(Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()))
}

impl Teaching {
    /// Whether pressing it changes something, or is to.
    #[must_use]
    pub fn changes(self) -> bool {
        match self {
            Self::End(..)
            | Self::Attendance { .. }
            | Self::MoveTo(..)
            | Self::Off { .. }
            | Self::OffSoon { .. }
            | Self::OffRemove(_)
            | Self::OffCancel { .. }
            | Self::InviteStudent
            | Self::InviteGroup(_)
            | Self::Revoke(_) => true,
            Self::Day(_)
            | Self::Week(_)
            | Self::Lesson(_)
            | Self::Seats(..)
            | Self::AskWhy(..)
            | Self::OwnWords(..)
            | Self::Move(..)
            | Self::MoveDay(..)
            | Self::MoveAsk(..)
            | Self::TimeOff
            | Self::OffFirst { .. }
            | Self::OffLast { .. }
            | Self::OffType
            | Self::OffAskCancel(_)
            | Self::Invite
            | Self::Invitations => false,
        }
    }

    /// The button's name, for logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Day(_) => "teaching_day",
            Self::Week(_) => "teaching_week",
            Self::Lesson(_) => "teaching_lesson",
            Self::Seats(..) => "teaching_seats",
            Self::AskWhy(Ending::Decline, _) => "ask_decline",
            Self::AskWhy(Ending::Cancel, _) => "ask_teacher_cancel",
            Self::End(Ending::Decline, ..) => "decline_with_reason",
            Self::End(Ending::Cancel, ..) => "teacher_cancel",
            Self::OwnWords(..) => "own_words",
            Self::Attendance { .. } => "attendance",
            Self::Move(..) => "teacher_move",
            Self::MoveDay(..) => "teacher_move_day",
            Self::MoveAsk(..) => "teacher_move_ask",
            Self::MoveTo(..) => "teacher_move_to",
            Self::TimeOff => "time_off",
            Self::OffFirst { .. } => "time_off_first",
            Self::OffLast { .. } => "time_off_last",
            Self::OffType => "time_off_type",
            Self::Off { .. } => "time_off_add",
            Self::OffSoon { .. } => "time_off_soon",
            Self::OffRemove(_) => "time_off_remove",
            Self::OffAskCancel(_) => "time_off_ask_cancel",
            Self::OffCancel { .. } => "time_off_cancel",
            Self::Invite => "invite",
            Self::InviteStudent => "invite_student",
            Self::InviteGroup(_) => "invite_group",
            Self::Invitations => "invitations",
            Self::Revoke(_) => "revoke_invitation",
        }
    }

    pub(super) fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, fields) = self.fields();
        wire::write(f, kind, &fields)
    }

    fn fields(self) -> (&'static str, Vec<Field>) {
        use Field::{Date, Id, Instant, Number};
        let drawn = |lesson: Drawn| vec![Id(lesson.id), Number(lesson.version)];
        let with = |lesson: Drawn, field: Field| {
            let mut fields = drawn(lesson);
            fields.push(field);
            fields
        };
        match self {
            Self::Day(day) => ("t.d", vec![Date(day)]),
            Self::Week(monday) => ("t.w", vec![Date(monday)]),
            Self::Lesson(lesson) => ("t.l", vec![Id(lesson)]),
            Self::Seats(lesson, page) => ("t.ls", vec![Id(lesson), Number(page.into())]),
            Self::AskWhy(Ending::Decline, lesson) => ("t.n?", drawn(lesson)),
            Self::AskWhy(Ending::Cancel, lesson) => ("t.x?", drawn(lesson)),
            Self::End(Ending::Decline, lesson, why) => ("t.n", with(lesson, Number(why.into()))),
            Self::End(Ending::Cancel, lesson, why) => ("t.x", with(lesson, Number(why.into()))),
            Self::OwnWords(Ending::Decline, lesson) => ("t.nw", drawn(lesson)),
            Self::OwnWords(Ending::Cancel, lesson) => ("t.xw", drawn(lesson)),
            Self::Attendance { lesson, seat, came } => {
                let kind = if came { "t.a" } else { "t.A" };
                (kind, with(lesson, Number(seat.into())))
            }
            Self::Move(lesson, None) => ("t.m", drawn(lesson)),
            Self::Move(lesson, Some(monday)) => ("t.mw", with(lesson, Date(monday))),
            Self::MoveDay(lesson, day, 0) => ("t.md", with(lesson, Date(day))),
            Self::MoveDay(lesson, day, page) => {
                let mut fields = with(lesson, Date(day));
                fields.push(Number(page.into()));
                ("t.mp", fields)
            }
            Self::MoveAsk(lesson, to) => ("t.m?", with(lesson, Instant(to))),
            Self::MoveTo(lesson, to) => ("t.mt", with(lesson, Instant(to))),
            Self::TimeOff => ("t.o", Vec::new()),
            Self::OffFirst { month } => ("t.of", vec![Date(month)]),
            Self::OffLast { first, month } => ("t.ol", vec![Date(first), Date(month)]),
            Self::OffType => ("t.ot", Vec::new()),
            Self::Off {
                first,
                last,
                version,
            } => ("t.oa", vec![Date(first), Date(last), Number(version)]),
            Self::OffSoon {
                today,
                ahead,
                version,
            } => {
                let fields = vec![Date(today), Number(ahead.into()), Number(version)];
                ("t.os", fields)
            }
            Self::OffRemove(id) => ("t.or", vec![Id(id)]),
            Self::OffAskCancel(id) => ("t.oc?", vec![Id(id)]),
            Self::OffCancel { id, shown } => ("t.oc", vec![Id(id), Number(shown.into())]),
            Self::Invite => ("t.i", Vec::new()),
            Self::InviteStudent => ("t.is", Vec::new()),
            Self::InviteGroup(group) => ("t.ig", vec![Id(group)]),
            Self::Invitations => ("t.il", Vec::new()),
            Self::Revoke(id) => ("t.ir", vec![Id(id)]),
        }
    }

    /// Reads the fields of a button of `kind`, which begins with "t.".
    pub(super) fn read(kind: &str, fields: &mut Fields<'_>) -> Result<Self, NoButton> {
        Ok(match kind {
            "t.d" => Self::Day(fields.date()?),
            "t.w" => Self::Week(fields.date()?),
            "t.l" => Self::Lesson(fields.id()?),
            "t.ls" => Self::Seats(fields.id()?, fields.small()?),
            "t.n?" => Self::AskWhy(Ending::Decline, fields.drawn()?),
            "t.x?" => Self::AskWhy(Ending::Cancel, fields.drawn()?),
            "t.n" => Self::End(Ending::Decline, fields.drawn()?, fields.small()?),
            "t.x" => Self::End(Ending::Cancel, fields.drawn()?, fields.small()?),
            "t.nw" => Self::OwnWords(Ending::Decline, fields.drawn()?),
            "t.xw" => Self::OwnWords(Ending::Cancel, fields.drawn()?),
            "t.a" | "t.A" => Self::Attendance {
                lesson: fields.drawn()?,
                seat: fields.small()?,
                came: kind == "t.a",
            },
            "t.m" => Self::Move(fields.drawn()?, None),
            "t.mw" => Self::Move(fields.drawn()?, Some(fields.date()?)),
            "t.md" => Self::MoveDay(fields.drawn()?, fields.date()?, 0),
            "t.mp" => Self::MoveDay(fields.drawn()?, fields.date()?, fields.small()?),
            "t.m?" => Self::MoveAsk(fields.drawn()?, fields.instant()?),
            "t.mt" => Self::MoveTo(fields.drawn()?, fields.instant()?),
            "t.o" => Self::TimeOff,
            "t.of" => Self::OffFirst {
                month: fields.date()?,
            },
            "t.ol" => Self::OffLast {
                first: fields.date()?,
                month: fields.date()?,
            },
            "t.ot" => Self::OffType,
            "t.oa" => Self::Off {
                first: fields.date()?,
                last: fields.date()?,
                version: fields.version()?,
            },
            "t.os" => Self::OffSoon {
                today: fields.date()?,
                ahead: fields.small()?,
                version: fields.version()?,
            },
            "t.or" => Self::OffRemove(fields.id()?),
            "t.oc?" => Self::OffAskCancel(fields.id()?),
            "t.oc" => Self::OffCancel {
                id: fields.id()?,
                shown: fields.small()?,
            },
            "t.i" => Self::Invite,
            "t.is" => Self::InviteStudent,
            "t.ig" => Self::InviteGroup(fields.id()?),
            "t.il" => Self::Invitations,
            "t.ir" => Self::Revoke(fields.id()?),
            _ => return Err(NoButton),
        })
    }
}

impl Fields<'_> {
    fn drawn(&mut self) -> Result<Drawn, NoButton> {
        Ok(Drawn {
            id: self.id()?,
            version: self.version()?,
        })
    }

    fn small<T: TryFrom<i64>>(&mut self) -> Result<T, NoButton> {
        T::try_from(self.number()?).map_err(|_| NoButton)
    }
}

/// One of every kind, as long as they come.
#[cfg(test)]
pub(super) fn every() -> Vec<Teaching> {
    let id = Uuid::from_u128(u128::MAX);
    let date = jiff::civil::date(8999, 12, 31);
    let at: Timestamp = "8999-12-31T23:59:00Z".parse().unwrap();
    let version = i64::MAX;
    let lesson = Drawn { id, version };
    let mut every = vec![
        Teaching::Day(date),
        Teaching::Week(date),
        Teaching::Lesson(id),
        Teaching::Seats(id, u8::MAX),
        Teaching::Move(lesson, None),
        Teaching::Move(lesson, Some(date)),
        Teaching::MoveDay(lesson, date, 0),
        Teaching::MoveDay(lesson, date, u8::MAX),
        Teaching::MoveAsk(lesson, at),
        Teaching::MoveTo(lesson, at),
        Teaching::TimeOff,
        Teaching::OffFirst { month: date },
        Teaching::OffLast {
            first: date,
            month: date,
        },
        Teaching::OffType,
        Teaching::Off {
            first: date,
            last: date,
            version,
        },
        Teaching::OffSoon {
            today: date,
            ahead: u8::MAX,
            version,
        },
        Teaching::OffRemove(id),
        Teaching::OffAskCancel(id),
        Teaching::OffCancel {
            id,
            shown: u32::MAX,
        },
        Teaching::Invite,
        Teaching::InviteStudent,
        Teaching::InviteGroup(id),
        Teaching::Invitations,
        Teaching::Revoke(id),
    ];
    for ending in [Ending::Decline, Ending::Cancel] {
        every.push(Teaching::AskWhy(ending, lesson));
        every.push(Teaching::End(ending, lesson, u8::MAX));
        every.push(Teaching::OwnWords(ending, lesson));
    }
    for came in [true, false] {
        every.push(Teaching::Attendance {
            lesson,
            seat: u32::MAX,
            came,
        });
    }
    every
}
