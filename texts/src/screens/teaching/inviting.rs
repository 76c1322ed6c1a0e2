//! What a teacher reads of invitations.

use crate::{
    Language,
    bundle::{Values, message},
};

/// A screen of the invitations, or a part of one; texts come out as Telegram's HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitingScreen<'a> {
    /// An invitation for one student.
    Student {
        /// The link.
        link: &'a str,
        /// For how many hours it is good.
        hours: i64,
        /// Until when, as [`crate::moment_short`] gives it.
        until: &'a str,
    },
    /// An invitation into a group.
    Group {
        /// The link.
        link: &'a str,
        /// The group's title.
        group: &'a str,
        /// How many people it is for.
        uses: i64,
        /// For how many hours it is good.
        hours: i64,
        /// Until when.
        until: &'a str,
    },
    /// Above the open invitations.
    Open {
        /// How many.
        count: i64,
    },
    /// A line of that list.
    OpenLine {
        /// Its number in the list.
        number: i64,
        /// The group's title; empty: into none.
        group: &'a str,
        /// How many people may still accept it.
        left: i64,
        /// Until when.
        until: &'a str,
    },
}

impl InvitingScreen<'_> {
    /// The text, as Telegram's HTML.
    #[must_use]
    pub fn html(self, language: Language) -> String {
        let values = Values::default();
        let (id, values) = match self {
            Self::Student { link, hours, until } => {
                let values = values.html("link", link).number("hours", hours);
                ("inviting-student", values.html("until", until))
            }
            Self::Group {
                link,
                group,
                uses,
                hours,
                until,
            } => {
                let values = values.html("link", link).html("group", group);
                let values = values.number("uses", uses).number("hours", hours);
                ("inviting-group", values.html("until", until))
            }
            Self::Open { count } => ("inviting-open", values.number("count", count)),
            Self::OpenLine {
                number,
                group,
                left,
                until,
            } => {
                let into = if group.is_empty() { "none" } else { "group" };
                let values = values.number("number", number).number("left", left);
                let values = values.html("group", group).raw("into", into);
                ("inviting-open-line", values.html("until", until))
            }
        };
        message(language, id, &values)
    }
}
