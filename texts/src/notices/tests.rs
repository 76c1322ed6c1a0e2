//! What readers see of each notice.

use olm_proto::notify::v1::CustomText;

use super::*;

mod many;

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
fn without_markup_a_notice_reads_as_telegram_shows_it() {
    let mut booked = notice(LessonNoticeKind::Booked, LessonRole::Student);
    booked.counterpart_name = "<b>A&B</b> &lt; 3>2".to_owned();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let now = "2026-01-23T16:20:00Z".parse().unwrap();
    let plain = render(&content(booked), Language::Ru, &zone, now)
        .unwrap()
        .plain();
    assert_eq!(plain.format, Format::Plain);
    assert_eq!(
        plain.text,
        "✅ Урок забронирован\nПреподаватель: <b>A&B</b> &lt; 3>2\n\
         пятница, 23 января, 18:00–19:00 (Берлин)"
    );
    assert_eq!(plain.clone().plain(), plain);
}

#[test]
fn a_clients_text_is_the_same_without_markup() {
    let text = "1 < 2 > 0 &amp; <b>bold</b>";
    let custom = Content {
        kind: Some(Kind::CustomText(CustomText {
            text: text.to_owned(),
        })),
    };
    let now = "2026-01-23T16:20:00Z".parse().unwrap();
    let rendered = render(&custom, Language::En, &TimeZone::UTC, now).unwrap();
    assert_eq!(rendered.plain().text, text);
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
    declined.cancel_reason = "I am ill".to_owned();
    let [en, ru] = both(&declined);
    assert!(en.contains("Reason: I am ill\n"), "{en}");
    assert!(ru.contains("Причина: Болею\n"), "{ru}");
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
fn the_teacher_learns_what_a_student_who_was_not_reached_is_to_be_told() {
    let mut gone = notice(LessonNoticeKind::StudentUnreachable, LessonRole::Teacher);
    for (state, en, ru) in [
        (LessonState::Scheduled, "when the lesson is:", "когда урок:"),
        (
            LessonState::Canceled,
            "that it is off:",
            "что урока не будет:",
        ),
        (LessonState::Declined, "was declined:", "заявка отклонена:"),
        (LessonState::Lapsed, "has lapsed:", "заявка сгорела:"),
        (LessonState::Requested, "they asked for", "заявка:"),
    ] {
        gone.state = state.into();
        let texts = both(&gone);
        assert!(texts[0].contains(en), "{}", texts[0]);
        assert!(texts[1].contains(ru), "{}", texts[1]);
    }
}

#[test]
fn a_change_of_a_request_does_not_call_it_a_lesson() {
    let mut moved = notice(LessonNoticeKind::Moved, LessonRole::Student);
    moved.request = true;
    moved.changed_by = LessonRole::Teacher.into();
    (moved.previous_start_time, moved.previous_end_time) = (moved.start_time, moved.end_time);
    moved.expire_time = moved.start_time;
    let [en, ru] = both(&moved);
    assert!(en.contains("The teacher moved the request"), "{en}");
    assert!(en.contains("The teacher can answer until"), "{en}");
    assert!(ru.contains("изменил время в заявке"), "{ru}");
    let mut canceled = notice(LessonNoticeKind::Canceled, LessonRole::Teacher);
    canceled.request = true;
    canceled.changed_by = LessonRole::Student.into();
    let [en, ru] = both(&canceled);
    assert!(en.contains("The student withdrew the request"), "{en}");
    assert!(ru.contains("Ученик отозвал заявку"), "{ru}");
}

#[test]
fn of_several_students_no_name_is_said() {
    for kind in [
        LessonNoticeKind::Booked,
        LessonNoticeKind::Requested,
        LessonNoticeKind::Lapsed,
        LessonNoticeKind::Reminder,
        LessonNoticeKind::Moved,
        LessonNoticeKind::PlaceChanged,
        LessonNoticeKind::Canceled,
    ] {
        let mut several = notice(kind, LessonRole::Teacher);
        several.counterpart_name = String::new();
        several.no_counterpart = true;
        several.previous_start_time = several.start_time;
        several.previous_end_time = several.end_time;
        let [en, ru] = both(&several);
        assert!(!en.contains("former") && !en.contains("Student:"), "{en}");
        assert!(!ru.contains("бывший") && !ru.contains("Ученик:"), "{ru}");
        assert!(en.contains(WHEN_EN) && !en.contains("\n\n"), "{en}");
    }
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
    let kinds = (0..=13).map(|kind| LessonNoticeKind::try_from(kind).unwrap());
    for (kind, role) in
        kinds.flat_map(|kind| [LessonRole::Teacher, LessonRole::Student].map(|role| (kind, role)))
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
