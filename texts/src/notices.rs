//! Notifications as texts.

mod series;

use jiff::{Timestamp, tz::TimeZone};
use olm_proto::notify::v1::{
    Content, LessonNotice, LessonNoticeKind, LessonRole, LessonState, content::Kind,
};

use crate::{
    Language,
    bundle::{Values, message},
    reasons::reason,
    times::{left, lesson_time, moment},
};

/// How Telegram is to read a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As it is: no `parse_mode`.
    Plain,
    /// `parse_mode` "HTML".
    Html,
}

/// A text ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text itself.
    pub text: String,
    /// How Telegram is to read it.
    pub format: Format,
}

impl Rendered {
    /// The same without markup: for bots that send text as it is, and for a text whose
    /// markup Telegram could not read. What people wrote keeps every character.
    #[must_use]
    pub fn plain(self) -> Self {
        let text = match self.format {
            Format::Plain => self.text,
            Format::Html => without_markup(&self.text),
        };
        Self {
            text,
            format: Format::Plain,
        }
    }
}

/// The characters that a text of this crate shows: its tags left out, what was escaped
/// as it was. Whatever opens a tag is a tag, because all other text is escaped.
fn without_markup(html: &str) -> String {
    let mut shown = String::with_capacity(html.len());
    for (at, part) in html.split('<').enumerate() {
        let text = match part.split_once('>') {
            Some((_tag, text)) if at > 0 => text,
            Some(_) | None => part,
        };
        shown.push_str(text);
    }
    // The ampersand last: what was written as "&lt;" is "&amp;lt;" here.
    let shown = shown.replace("&lt;", "<").replace("&gt;", ">");
    shown.replace("&amp;", "&")
}

/// Renders what a notification tells, in its reader's language and zone; `now` is the
/// instant of sending, so that a late reminder says how long is really left. `None`
/// when there is no content, which no notification of the contract lacks.
#[must_use]
pub fn render(
    content: &Content,
    language: Language,
    zone: &TimeZone,
    now: Timestamp,
) -> Option<Rendered> {
    match content.kind.as_ref()? {
        Kind::CustomText(custom) => Some(Rendered {
            text: custom.text.clone(),
            format: Format::Plain,
        }),
        Kind::LessonNotice(notice) => Some(Rendered {
            text: lesson_notice(notice, language, zone, now)?,
            format: Format::Html,
        }),
        Kind::SeriesNotice(notice) => Some(Rendered {
            text: series::notice(notice, language, zone, now)?,
            format: Format::Html,
        }),
    }
}

fn lesson_notice(
    notice: &LessonNotice,
    language: Language,
    zone: &TimeZone,
    now: Timestamp,
) -> Option<String> {
    let telling = Telling {
        notice,
        language,
        zone,
        start: olm_proto::instant(notice.start_time.as_ref()?)?,
        end: olm_proto::instant(notice.end_time.as_ref()?)?,
    };
    let mut lines = telling.lines(now)?;
    lines.retain(|line| !line.is_empty());
    Some(lines.join("\n"))
}

/// A notice on its way to its reader.
struct Telling<'a> {
    notice: &'a LessonNotice,
    language: Language,
    zone: &'a TimeZone,
    start: Timestamp,
    end: Timestamp,
}

impl Telling<'_> {
    /// Paragraphs, some of them empty. `None`: a move from nowhere.
    fn lines(&self, now: Timestamp) -> Option<Vec<String>> {
        let by_role = |id| self.by_role(id, &Values::default());
        let of = |kind: String| vec![kind, self.counterpart(), self.group(), self.when()];
        let of_changed = |kind: String| vec![kind, self.name(), self.group(), self.when()];
        let (mut lines, more) = match self.notice.kind() {
            LessonNoticeKind::Booked => (
                of(by_role("notice-booked")),
                vec![self.meeting(), self.no_reminder()],
            ),
            LessonNoticeKind::Confirmed => (
                of(self.plain("notice-confirmed")),
                vec![self.meeting(), self.no_reminder()],
            ),
            LessonNoticeKind::Requested => (of(by_role("notice-requested")), vec![self.lapses()]),
            LessonNoticeKind::Declined => (
                of(self.plain("notice-declined")),
                vec![self.reason(), self.other_times()],
            ),
            LessonNoticeKind::Lapsed => (of(by_role("notice-lapsed")), vec![self.other_times()]),
            LessonNoticeKind::Reminder => {
                (of(self.reminder(now)), vec![self.meeting(), self.why_now()])
            }
            LessonNoticeKind::Moved => (
                vec![
                    self.changed("moved"),
                    self.name(),
                    self.group(),
                    self.times()?,
                ],
                vec![self.meeting(), self.lapses()],
            ),
            LessonNoticeKind::PlaceChanged => {
                let by = Values::default().raw("by", self.by());
                let changed = self.say("notice-place-changed", &by);
                (
                    of_changed(changed),
                    vec![self.meeting_or_none(), self.lapses()],
                )
            }
            LessonNoticeKind::Canceled => (of_changed(self.off()), vec![self.reason()]),
            LessonNoticeKind::Reconfirm => (
                vec![
                    self.plain("notice-reconfirm"),
                    self.name(),
                    self.group(),
                    self.times().unwrap_or_else(|| self.when()),
                ],
                vec![self.meeting(), self.kept_until()],
            ),
            LessonNoticeKind::SeatFreed => {
                (of_changed(self.plain("notice-seat-freed")), Vec::new())
            }
            LessonNoticeKind::StudentLeft => (
                vec![self.student_left(), self.group(), self.when()],
                Vec::new(),
            ),
            LessonNoticeKind::StudentUnreachable => (vec![self.unreachable()], Vec::new()),
            // A service newer than this gateway: the reader still learns that something
            // is new, and where to look.
            LessonNoticeKind::Unspecified
            | LessonNoticeKind::SeriesBooked
            | LessonNoticeKind::SeriesChanged
            | LessonNoticeKind::SeriesCanceled
            | LessonNoticeKind::SeriesSkipped
            | LessonNoticeKind::ClockShifts => (vec![self.plain("notice-changed")], Vec::new()),
        };
        lines.extend(more);
        Some(lines)
    }

    /// Who the other side is and what they are called; empty when there are several.
    fn counterpart(&self) -> String {
        self.named(if self.for_teacher() {
            "notice-student"
        } else {
            "notice-teacher"
        })
    }

    /// The group it is of; empty when it is of none.
    fn group(&self) -> String {
        group(&self.notice.group_title, self.language)
    }

    /// What the other side is called; empty when there are several.
    fn name(&self) -> String {
        self.named("notice-name")
    }

    fn named(&self, id: &str) -> String {
        if self.notice.no_counterpart {
            return String::new();
        }
        let name = person_name(&self.notice.counterpart_name, self.language);
        self.say(id, &Values::default().html("name", &name))
    }

    fn when(&self) -> String {
        let when = self.time(self.start, self.end);
        self.say("notice-when", &Values::default().html("when", &when))
    }

    fn time(&self, start: Timestamp, end: Timestamp) -> String {
        lesson_time(start, end, self.language, self.zone)
    }

    fn say(&self, id: &str, values: &Values<'_>) -> String {
        message(self.language, id, values)
    }

    fn plain(&self, id: &str) -> String {
        self.say(id, &Values::default())
    }

    fn by_role(&self, id: &str, values: &Values<'_>) -> String {
        let role = if self.for_teacher() {
            "teacher"
        } else {
            "student"
        };
        self.say(&format!("{id}-{role}"), values)
    }

    fn for_teacher(&self) -> bool {
        self.notice.reader_role() == LessonRole::Teacher
    }

    fn by(&self) -> &'static str {
        by(self.notice.changed_by(), self.notice.reader_role())
    }

    fn reminder(&self, now: Timestamp) -> String {
        let urgent = if self.notice.urgent { "yes" } else { "no" };
        let values = Values::default()
            .html("left", &left(self.start, now, self.language))
            .raw("urgent", urgent);
        self.say("notice-reminder", &values)
    }

    fn why_now(&self) -> String {
        if self.notice.urgent {
            self.plain("notice-urgent")
        } else {
            String::new()
        }
    }

    /// What somebody did to the lesson, or to the request for it.
    fn changed(&self, what: &str) -> String {
        let of = if self.notice.request { "request-" } else { "" };
        let by = Values::default().raw("by", self.by());
        self.say(&format!("notice-{of}{what}"), &by)
    }

    /// That the lesson is off, or takes place without its reader.
    fn off(&self) -> String {
        if self.notice.state() == LessonState::Scheduled {
            let by = Values::default().raw("by", self.by());
            return self.say("notice-seat-canceled", &by);
        }
        self.changed("canceled")
    }

    fn student_left(&self) -> String {
        let name = person_name(&self.notice.counterpart_name, self.language);
        let values = Values::default().html("name", &name).raw("by", self.by());
        self.say("notice-student-left", &values)
    }

    fn kept_until(&self) -> String {
        let until = self.notice.expire_time.as_ref();
        let Some(until) = until.and_then(olm_proto::instant) else {
            return String::new();
        };
        let until = moment(until, self.language, self.zone);
        let values = Values::default().html("until", &until);
        self.say("notice-reconfirm-until", &values)
    }

    fn times(&self) -> Option<String> {
        let start = olm_proto::instant(self.notice.previous_start_time.as_ref()?)?;
        let end = olm_proto::instant(self.notice.previous_end_time.as_ref()?)?;
        let values = Values::default()
            .html("from", &self.time(start, end))
            .html("when", &self.time(self.start, self.end));
        Some(self.say("notice-moved-times", &values))
    }

    fn unreachable(&self) -> String {
        let state = match self.notice.state() {
            LessonState::Requested => "requested",
            LessonState::Scheduled => "scheduled",
            LessonState::Canceled => "canceled",
            LessonState::Declined => "declined",
            LessonState::Lapsed => "lapsed",
            LessonState::Unspecified => "other",
        };
        let name = person_name(&self.notice.counterpart_name, self.language);
        let values = Values::default()
            .html("name", &name)
            .html("when", &self.time(self.start, self.end))
            .raw("state", state);
        self.say("notice-student-unreachable", &values)
    }

    fn meeting(&self) -> String {
        let url = &self.notice.meeting_url;
        if url.is_empty() {
            return String::new();
        }
        self.say("notice-meeting", &Values::default().html("url", url))
    }

    fn meeting_or_none(&self) -> String {
        if self.notice.meeting_url.is_empty() {
            return self.plain("notice-no-meeting");
        }
        self.meeting()
    }

    fn no_reminder(&self) -> String {
        if self.notice.reminder_follows {
            return String::new();
        }
        self.plain("notice-no-reminder")
    }

    fn lapses(&self) -> String {
        let until = self.notice.expire_time.as_ref();
        let Some(until) = until.and_then(olm_proto::instant) else {
            return String::new();
        };
        let until = moment(until, self.language, self.zone);
        self.by_role("notice-lapses", &Values::default().html("until", &until))
    }

    fn reason(&self) -> String {
        let reason = reason(&self.notice.cancel_reason, self.language);
        if reason.is_empty() {
            return String::new();
        }
        self.say("notice-reason", &Values::default().html("reason", &reason))
    }

    /// Where a student goes on.
    fn other_times(&self) -> String {
        if self.for_teacher() {
            return String::new();
        }
        self.plain("notice-other-times")
    }
}

/// Who made a change, as the messages choose by it.
fn by(author: LessonRole, reader: LessonRole) -> &'static str {
    match author {
        LessonRole::Unspecified => "other",
        by if by == reader => "you",
        LessonRole::Teacher => "teacher",
        LessonRole::Student => "student",
        LessonRole::Admin => "admin",
    }
}

/// A line that names a group; empty when there is none.
fn group(title: &str, language: Language) -> String {
    if title.is_empty() {
        return String::new();
    }
    message(
        language,
        "notice-group",
        &Values::default().html("title", title),
    )
}

/// What people are called: by their name, or, when they were erased, as somebody who
/// was here. No markup; not escaped.
#[must_use]
pub fn person_name(name: &str, language: Language) -> String {
    if name.is_empty() {
        message(language, "former-user", &Values::default())
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests;
