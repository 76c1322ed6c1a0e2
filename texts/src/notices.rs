//! Notifications as texts.

use jiff::{Timestamp, tz::TimeZone};
use olm_proto::notify::v1::{Content, LessonNotice, LessonNoticeKind, LessonRole, content::Kind};

use crate::{
    Language,
    bundle::{Values, message},
    times::{left, lesson_time},
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
    let start = olm_proto::instant(notice.start_time.as_ref()?)?;
    let end = olm_proto::instant(notice.end_time.as_ref()?)?;
    let values = Values::default()
        .html("name", &notice.counterpart_name)
        .html("when", &lesson_time(start, end, language, zone));
    let for_teacher = notice.reader_role() == LessonRole::Teacher;
    let text = match notice.kind() {
        LessonNoticeKind::Booked => {
            let id = if for_teacher {
                "notice-booked-teacher"
            } else {
                "notice-booked-student"
            };
            let text = message(language, id, &values);
            if notice.reminder_follows {
                text
            } else {
                let postscript = message(language, "notice-no-reminder", &Values::default());
                format!("{text}\n{postscript}")
            }
        }
        LessonNoticeKind::Reminder => {
            let id = if for_teacher {
                "notice-reminder-teacher"
            } else {
                "notice-reminder-student"
            };
            message(
                language,
                id,
                &values.html("left", &left(start, now, language)),
            )
        }
        LessonNoticeKind::Canceled => canceled(notice, language, &values),
        // A service newer than this gateway: the reader still learns that something is
        // new, and where to look.
        LessonNoticeKind::Unspecified
        | LessonNoticeKind::Requested
        | LessonNoticeKind::Confirmed
        | LessonNoticeKind::Declined
        | LessonNoticeKind::Lapsed
        | LessonNoticeKind::Moved
        | LessonNoticeKind::PlaceChanged
        | LessonNoticeKind::StudentUnreachable => {
            message(language, "notice-changed", &Values::default())
        }
    };
    Some(text)
}

fn canceled(notice: &LessonNotice, language: Language, values: &Values<'_>) -> String {
    let id = match notice.changed_by() {
        by if by == notice.reader_role() => "notice-canceled-by-you",
        LessonRole::Student => "notice-canceled-by-student",
        LessonRole::Teacher | LessonRole::Admin | LessonRole::Unspecified => {
            "notice-canceled-by-teacher"
        }
    };
    let text = message(language, id, values);
    if notice.cancel_reason.is_empty() {
        return text;
    }
    let reason = Values::default().html("reason", &notice.cancel_reason);
    format!("{text}\n{}", message(language, "notice-reason", &reason))
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

    #[test]
    fn a_confirmation_after_every_lead_says_that_no_reminder_comes() {
        let mut booked = notice(LessonNoticeKind::Booked, LessonRole::Teacher);
        booked.reminder_follows = false;
        let text = rendered(booked, Language::En);
        assert!(
            text.starts_with("✅ <b>New lesson</b>\nStudent: Anna"),
            "{text}"
        );
        assert!(
            text.ends_with("There will be no reminder: the lesson is too close."),
            "{text}"
        );
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
        assert!(rendered(canceled, Language::Ru).contains("Вы отменили урок"));
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
