//! What people were told of lessons that moved: each chat ends with the lesson as it is.

use jiff::tz::TimeZone;
use texts::Language;

use super::{Breach, History, rules::breach};
use crate::chaos::load::lessons::Ended;

/// Said of every lesson that is off, in English.
const OFF: &str = "cancelled";

/// Every breach; nothing may be under way any more.
pub(super) fn check(history: &History) -> Vec<Breach> {
    let lessons = history.known.lessons.iter();
    let chats = lessons.flat_map(|lesson| lesson.chats.iter().map(move |chat| (lesson, *chat)));
    chats
        .filter_map(|(lesson, chat)| Chat::of(history, chat).judge(lesson, chat))
        .collect()
}

/// One chat, in which only one lesson is talked of.
struct Chat<'a> {
    texts: Vec<&'a str>,
    sent: usize,
    /// Rows whose outcome nobody can know, and second copies that were allowed.
    perhaps: usize,
    /// Some row was never sent, or that is not known.
    missing: bool,
}

impl<'a> Chat<'a> {
    fn of(history: &'a History, chat: i64) -> Self {
        let copies = history.copies.iter();
        let copies = copies.filter(|copy| copy.accepted && copy.chat_id == chat);
        let rows = || history.rows.values().filter(move |row| row.chat_id == chat);
        let count = |state: &str| rows().filter(|row| row.state == state).count();
        let unconfirmed = count("unconfirmed");
        Self {
            texts: copies.map(|copy| copy.text.as_str()).collect(),
            sent: count("sent"),
            perhaps: unconfirmed + rows().filter(|row| row.resent).count(),
            missing: unconfirmed + count("failed") + count("expired") > 0,
        }
    }

    fn judge(&self, lesson: &Ended, chat: i64) -> Option<Breach> {
        let arrived = self.texts.len();
        if arrived < self.sent || arrived > self.sent + self.perhaps {
            let (sent, perhaps) = (self.sent, self.perhaps);
            let what = format!("chat {chat}: {arrived} notices, {sent} sent, {perhaps} perhaps");
            return Some(breach(if arrived < sent { "I1" } else { "I2" }, what));
        }
        let time = texts::lesson_time(lesson.start, lesson.end, Language::En, &TimeZone::UTC);
        let what = match (self.texts.last(), lesson.canceled) {
            _ if self.missing => return None,
            (None, false) => "nothing was told of a lesson".to_owned(),
            (Some(last), false) if !last.contains(&time) => {
                format!("the last notice does not say {time}")
            }
            (Some(last), true) if !last.contains(OFF) => {
                "the last notice does not say that it is off".to_owned()
            }
            (None | Some(_), _) => return None,
        };
        Some(breach("told", format!("chat {chat}: {what}")))
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use uuid::Uuid;

    use super::{
        super::{Copy, Row},
        *,
    };

    fn ended(canceled: bool) -> Ended {
        let start: Timestamp = "2026-11-21T17:00:00Z".parse().unwrap();
        Ended {
            chats: vec![1, 2, 3],
            start,
            end: start + SignedDuration::from_mins(45),
            canceled,
        }
    }

    /// What breaks when chat 1 reads `texts`, which `states` were the rows of.
    fn broken(canceled: bool, texts: &[&str], states: &[&str]) -> Option<&'static str> {
        let mut history = History::default();
        for (seq, text) in (0..).zip(texts) {
            history.copies.push(Copy {
                seq,
                text: (*text).to_owned(),
                chat_id: 1,
                received_us: 0,
                accepted: true,
                answer_hidden: false,
                refused: false,
                retry_after_us: None,
                violation: None,
            });
        }
        for (number, state) in (0..).zip(states) {
            let row = Row {
                chat_id: 1,
                state: (*state).to_owned(),
                resent: false,
            };
            history.rows.insert(Uuid::from_u128(number), row);
        }
        let breach = Chat::of(&history, 1).judge(&ended(canceled), 1);
        breach.map(|breach| breach.invariant)
    }

    #[test]
    fn a_chat_ends_with_the_lesson_as_it_is() {
        let now = "Moved: Saturday, November 21, 17:00–17:45 (UTC)";
        let old = "Booked: Saturday, November 21, 19:00–19:45 (UTC)";
        assert_eq!(broken(false, &[old, now], &["sent", "sent"]), None);
        assert_eq!(
            broken(false, &[now, old], &["sent", "sent"]),
            Some("told"),
            "an old time came last"
        );
        assert_eq!(broken(false, &[], &["canceled"]), Some("told"));
        assert_eq!(
            broken(true, &[old, "It was cancelled"], &["sent", "sent"]),
            None
        );
        assert_eq!(broken(true, &[old], &["sent"]), Some("told"));
        assert_eq!(broken(true, &[], &["canceled"]), None, "nobody knew of it");
        assert_eq!(
            broken(false, &[old], &["sent", "unconfirmed"]),
            None,
            "nobody can know"
        );
    }

    #[test]
    fn a_chat_has_as_many_notices_as_were_sent() {
        let now = "Moved: Saturday, November 21, 17:00–17:45 (UTC)";
        assert_eq!(broken(false, &[now], &["sent", "sent"]), Some("I1"));
        assert_eq!(broken(false, &[now, now], &["sent"]), Some("I2"));
        assert_eq!(broken(false, &[now, now], &["sent", "unconfirmed"]), None);
    }
}
