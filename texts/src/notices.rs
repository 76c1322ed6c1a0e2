//! Notifications as texts.

use jiff::{Timestamp, tz::TimeZone};
use olm_proto::notify::v1::{Content, LessonNotice, LessonNoticeKind, LessonRole, content::Kind};

use crate::{
    Language,
    bundle::{Values, message},
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
        let values = self.values();
        Some(match self.notice.kind() {
            LessonNoticeKind::Booked => {
                let booked = self.by_role("notice-booked", &values);
                vec![booked, self.meeting(), self.no_reminder()]
            }
            LessonNoticeKind::Confirmed => {
                let confirmed = self.say("notice-confirmed", &values);
                vec![confirmed, self.meeting(), self.no_reminder()]
            }
            LessonNoticeKind::Requested => {
                vec![self.by_role("notice-requested", &values), self.lapses()]
            }
            LessonNoticeKind::Declined => {
                let declined = self.say("notice-declined", &values);
                vec![declined, self.reason(), self.other_times()]
            }
            LessonNoticeKind::Lapsed => {
                vec![self.by_role("notice-lapsed", &values), self.other_times()]
            }
            LessonNoticeKind::Reminder => self.reminder(values, now),
            LessonNoticeKind::Moved => vec![self.moved(values)?, self.meeting()],
            LessonNoticeKind::PlaceChanged => {
                let changed = self.say("notice-place-changed", &values.raw("by", self.by()));
                vec![changed, self.meeting_or_none()]
            }
            LessonNoticeKind::Canceled => {
                let canceled = self.say("notice-canceled", &values.raw("by", self.by()));
                vec![canceled, self.reason()]
            }
            LessonNoticeKind::StudentUnreachable => {
                vec![self.say("notice-student-unreachable", &values)]
            }
            // A service newer than this gateway: the reader still learns that something
            // is new, and where to look.
            LessonNoticeKind::Unspecified => vec![self.plain("notice-changed")],
        })
    }

    fn values(&self) -> Values<'static> {
        let name = person_name(&self.notice.counterpart_name, self.language);
        Values::default()
            .html("name", &name)
            .html("when", &self.time(self.start, self.end))
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

    /// Who made the change, as the messages choose by it.
    fn by(&self) -> &'static str {
        match self.notice.changed_by() {
            LessonRole::Unspecified => "other",
            by if by == self.notice.reader_role() => "you",
            LessonRole::Teacher => "teacher",
            LessonRole::Student => "student",
            LessonRole::Admin => "admin",
        }
    }

    fn reminder(&self, values: Values<'static>, now: Timestamp) -> Vec<String> {
        let urgent = self.notice.urgent;
        let values = values
            .html("left", &left(self.start, now, self.language))
            .raw("urgent", if urgent { "yes" } else { "no" });
        let why = if urgent {
            self.plain("notice-urgent")
        } else {
            String::new()
        };
        vec![
            self.by_role("notice-reminder", &values),
            self.meeting(),
            why,
        ]
    }

    fn moved(&self, values: Values<'static>) -> Option<String> {
        let start = olm_proto::instant(self.notice.previous_start_time.as_ref()?)?;
        let end = olm_proto::instant(self.notice.previous_end_time.as_ref()?)?;
        let values = values
            .raw("by", self.by())
            .html("from", &self.time(start, end));
        Some(self.say("notice-moved", &values))
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
        let reason = &self.notice.cancel_reason;
        if reason.is_empty() {
            return String::new();
        }
        self.say("notice-reason", &Values::default().html("reason", reason))
    }

    /// Where a student goes on.
    fn other_times(&self) -> String {
        if self.for_teacher() {
            return String::new();
        }
        self.plain("notice-other-times")
    }
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
mod tests {
    use olm_proto::notify::v1::CustomText;

    use super::*;

    fn content(notice: LessonNotice) -> Content {
        Content {
            kind: Some(Kind::LessonNotice(notice)),
        }
    }

    fn notice(kind: LessonNoticeKind, reader: LessonRole) -> LessonNotice {
        let at = |text: &str| Some(olm_proto::timestamp(text.parse().unwrap()));
        LessonNotice {
            kind: kind.into(),
            start_time: at("2026-01-23T17:00:00Z"),
            end_time: at("2026-01-23T18:00:00Z"),
            reader_role: reader.into(),
            counterpart_name: "Anna <3".to_owned(),
            reminder_follows: true,
            ..LessonNotice::default()
        }
    }

    fn rendered(notice: LessonNotice, language: Language) -> String {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now = "2026-01-23T16:20:00Z".parse().unwrap();
        render(&content(notice), language, &zone, now).unwrap().text
    }

    #[test]
    fn a_confirmation_names_teacher_time_and_zone() {
        let booked = notice(LessonNoticeKind::Booked, LessonRole::Student);
        assert_eq!(
            rendered(booked, Language::Ru),
            "✅ <b>Урок забронирован</b>\nПреподаватель: Anna &lt;3\n\
             пятница, 23 января, 18:00–19:00 (Берлин)"
        );
    }

    /// A notice in both languages, English first.
    fn both(notice: &LessonNotice) -> [String; 2] {
        [Language::En, Language::Ru].map(|language| rendered(notice.clone(), language))
    }

    const WHEN_EN: &str = "Friday, January 23, 18:00–19:00 (Berlin)";
    const WHEN_RU: &str = "пятница, 23 января, 18:00–19:00 (Берлин)";

    #[test]
    fn a_confirmation_after_every_lead_says_that_no_reminder_comes() {
        let mut booked = notice(LessonNoticeKind::Booked, LessonRole::Teacher);
        booked.reminder_follows = false;
        let text = rendered(booked, Language::En);
        assert!(
            text.starts_with("✅ <b>New lesson</b>\nStudent: Anna"),
            "{text}"
        );
        assert!(text.ends_with("There will be no reminder of it."), "{text}");
    }

    #[test]
    fn a_request_says_when_it_lapses_in_the_readers_zone() {
        let mut asked = notice(LessonNoticeKind::Requested, LessonRole::Teacher);
        asked.expire_time = Some(olm_proto::timestamp(
            "2026-01-22T23:30:00Z".parse().unwrap(),
        ));
        let [en, ru] = both(&asked);
        assert_eq!(
            en,
            format!(
                "📨 <b>A student asks for a lesson</b>\nStudent: Anna &lt;3\n{WHEN_EN}\n\
                 Please decide before Friday, January 23, 00:30, or the request lapses."
            )
        );
        assert!(ru.contains("до: пятница, 23 января, 00:30"), "{ru}");
        asked.reader_role = LessonRole::Student.into();
        let [en, ru] = both(&asked);
        assert!(en.contains("The teacher can answer until"), "{en}");
        assert!(
            ru.starts_with("📨 <b>Заявка отправлена преподавателю</b>"),
            "{ru}"
        );
    }

    #[test]
    fn decisions_say_what_became_of_the_request_and_why() {
        let mut declined = notice(LessonNoticeKind::Declined, LessonRole::Student);
        declined.cancel_reason = "away & ill".to_owned();
        let [en, ru] = both(&declined);
        assert!(
            en.ends_with("Reason: away &amp; ill\nSee other times: /schedule"),
            "{en}"
        );
        assert!(
            ru.starts_with("🚫 <b>Преподаватель отклонил заявку</b>"),
            "{ru}"
        );
        let [en, ru] = both(&notice(LessonNoticeKind::Confirmed, LessonRole::Student));
        assert!(en.starts_with("✅ <b>The teacher confirmed"), "{en}");
        assert!(ru.starts_with("✅ <b>Преподаватель подтвердил"), "{ru}");
        let lapsed = notice(LessonNoticeKind::Lapsed, LessonRole::Student);
        assert!(both(&lapsed)[0].ends_with("/schedule"));
        let lapsed = notice(LessonNoticeKind::Lapsed, LessonRole::Teacher);
        assert!(both(&lapsed)[0].ends_with(WHEN_EN));
    }

    #[test]
    fn a_move_names_both_times_and_who_moved() {
        let at = |text: &str| Some(olm_proto::timestamp(text.parse().unwrap()));
        let mut moved = notice(LessonNoticeKind::Moved, LessonRole::Student);
        moved.previous_start_time = at("2026-01-22T08:00:00Z");
        moved.previous_end_time = at("2026-01-22T09:00:00Z");
        moved.changed_by = LessonRole::Teacher.into();
        let [en, ru] = both(&moved);
        assert_eq!(
            en,
            format!(
                "🔄 <b>The teacher moved the lesson</b>\nAnna &lt;3\n\
                 From: Thursday, January 22, 09:00–10:00 (Berlin)\nTo: {WHEN_EN}"
            )
        );
        assert!(
            ru.contains("Было: четверг, 22 января, 09:00–10:00 (Берлин)\nСтало: пятница"),
            "{ru}"
        );
        moved.changed_by = LessonRole::Student.into();
        assert!(both(&moved)[0].contains("You moved"));
        moved.changed_by = LessonRole::Admin.into();
        assert!(both(&moved)[1].contains("Администратор перенёс урок"));
        moved.previous_start_time = None;
        assert_eq!(
            lesson_notice(&moved, Language::En, &TimeZone::UTC, Timestamp::UNIX_EPOCH),
            None
        );
    }

    #[test]
    fn a_link_is_shown_as_text_and_its_end_too() {
        let mut changed = notice(LessonNoticeKind::PlaceChanged, LessonRole::Student);
        changed.changed_by = LessonRole::Teacher.into();
        changed.meeting_url = "https://meet.example/?a=1&b=2".to_owned();
        let [en, ru] = both(&changed);
        let link = "https://meet.example/?a=1&amp;b=2";
        assert!(en.ends_with(&format!("{WHEN_EN}\nLink: {link}")), "{en}");
        assert!(ru.ends_with(&format!("{WHEN_RU}\nСсылка: {link}")), "{ru}");
        changed.meeting_url = String::new();
        assert!(both(&changed)[0].ends_with("no link to the meeting any more."));
        let mut reminder = notice(LessonNoticeKind::Reminder, LessonRole::Student);
        reminder.meeting_url = "https://meet.example".to_owned();
        assert!(both(&reminder)[0].ends_with("Link: https://meet.example"));
    }

    #[test]
    fn a_reminder_in_quiet_hours_rings_and_says_why() {
        let mut reminder = notice(LessonNoticeKind::Reminder, LessonRole::Student);
        assert!(both(&reminder)[0].starts_with("⏰ <b>Lesson in 40 minutes</b>"));
        reminder.urgent = true;
        let [en, ru] = both(&reminder);
        assert!(en.starts_with("🔔 <b>Lesson in 40 minutes</b>"), "{en}");
        assert!(en.contains("quiet hours"), "{en}");
        assert!(ru.starts_with("🔔 <b>Урок через 40 минут</b>"), "{ru}");
    }

    #[test]
    fn the_teacher_learns_which_student_was_not_reached() {
        let mut gone = notice(LessonNoticeKind::StudentUnreachable, LessonRole::Teacher);
        let [en, ru] = both(&gone);
        assert!(en.starts_with("⚠️ <b>Anna &lt;3 did not get"), "{en}");
        assert!(en.ends_with(WHEN_EN), "{en}");
        assert!(ru.contains("Сообщите ему об уроке сами"), "{ru}");
        gone.counterpart_name = String::new();
        assert!(both(&gone)[0].contains("a former user"));
    }

    #[test]
    fn who_was_erased_is_a_former_user() {
        let mut booked = notice(LessonNoticeKind::Booked, LessonRole::Student);
        booked.counterpart_name = String::new();
        let [en, ru] = both(&booked);
        assert!(en.contains("Teacher: a former user\n"), "{en}");
        assert!(ru.contains("Преподаватель: бывший пользователь\n"), "{ru}");
    }

    #[test]
    fn a_late_reminder_says_how_long_is_left() {
        let reminder = notice(LessonNoticeKind::Reminder, LessonRole::Student);
        assert!(rendered(reminder.clone(), Language::Ru).contains("Урок через 40 минут"));
        assert!(rendered(reminder, Language::En).contains("Lesson in 40 minutes"));
    }

    #[test]
    fn a_cancellation_says_who_did_it_and_why() {
        let mut canceled = notice(LessonNoticeKind::Canceled, LessonRole::Student);
        canceled.changed_by = LessonRole::Teacher.into();
        canceled.cancel_reason = "ill & tired".to_owned();
        let text = rendered(canceled.clone(), Language::En);
        assert!(text.contains("The teacher cancelled"), "{text}");
        assert!(text.ends_with("Reason: ill &amp; tired"), "{text}");
        canceled.changed_by = LessonRole::Student.into();
        assert!(rendered(canceled.clone(), Language::Ru).contains("Вы отменили урок"));
        canceled.changed_by = LessonRole::Admin.into();
        assert!(rendered(canceled, Language::Ru).contains("Администратор отменил урок"));
    }

    #[test]
    fn every_notice_renders_for_every_reader_in_every_language() {
        let kinds = (0..=10).map(|kind| LessonNoticeKind::try_from(kind).unwrap());
        for (kind, role) in kinds
            .flat_map(|kind| [LessonRole::Teacher, LessonRole::Student].map(|role| (kind, role)))
        {
            let mut notice = notice(kind, role);
            notice.previous_start_time = notice.start_time;
            notice.previous_end_time = notice.end_time;
            for text in both(&notice) {
                assert!(
                    !text.contains("notice-") && !text.contains("\n\n"),
                    "{text}"
                );
                assert!(text.contains("18:00") || kind == LessonNoticeKind::Unspecified);
            }
        }
    }

    #[test]
    fn a_custom_text_is_sent_as_it_is() {
        let text = "<b>1 < 2</b> & so on".to_owned();
        let custom = Content {
            kind: Some(Kind::CustomText(CustomText { text: text.clone() })),
        };
        let rendered = render(&custom, Language::En, &TimeZone::UTC, Timestamp::UNIX_EPOCH);
        let format = Format::Plain;
        assert_eq!(rendered, Some(Rendered { text, format }));
    }

    #[test]
    fn a_kind_this_gateway_does_not_know_still_says_where_to_look() {
        let unknown = notice(LessonNoticeKind::Unspecified, LessonRole::Student);
        assert!(rendered(unknown, Language::En).contains("/lessons"));
    }
}
