//! What readers see of groups and of series.

use olm_proto::notify::v1::SeriesNotice;

use super::*;

fn at(text: &str) -> prost_types::Timestamp {
    olm_proto::timestamp(text.parse().unwrap())
}

fn of_group(kind: LessonNoticeKind, reader: LessonRole) -> LessonNotice {
    LessonNotice {
        group_title: "A & B".to_owned(),
        no_counterpart: reader == LessonRole::Teacher,
        ..notice(kind, reader)
    }
}

#[test]
fn a_teacher_reads_which_group_a_lesson_is_of_and_a_student_whose() {
    let [en, ru] = both(&of_group(LessonNoticeKind::Booked, LessonRole::Teacher));
    assert_eq!(
        en,
        format!("✅ <b>New lesson</b>\nGroup: A &amp; B\n{WHEN_EN}")
    );
    assert!(ru.contains("\nГруппа: A &amp; B\n"), "{ru}");
    let [en, _] = both(&of_group(LessonNoticeKind::Reminder, LessonRole::Student));
    assert!(
        en.contains("Teacher: Anna &lt;3\nGroup: A &amp; B\n"),
        "{en}"
    );
}

#[test]
fn a_student_is_asked_with_both_times_and_the_end_of_the_wait() {
    let mut asked = of_group(LessonNoticeKind::Reconfirm, LessonRole::Student);
    asked.previous_start_time = Some(at("2026-01-22T08:00:00Z"));
    asked.previous_end_time = Some(at("2026-01-22T09:00:00Z"));
    asked.expire_time = Some(at("2026-01-22T17:00:00Z"));
    let [en, ru] = both(&asked);
    assert_eq!(
        en,
        format!(
            "❓ <b>Will you come at the new time?</b>\nAnna &lt;3\nGroup: A &amp; B\n\
             From: Thursday, January 22, 09:00–10:00 (Berlin)\nTo: {WHEN_EN}\n\
             It clashes with another lesson of yours. Your seat is kept until Thursday, \
             January 22, 18:00: unless you say by then that you come, it is given up."
        )
    );
    assert!(ru.contains("до: четверг, 22 января, 18:00"), "{ru}");
    // Somebody who heard of it just now.
    (asked.previous_start_time, asked.previous_end_time) = (None, None);
    let [en, _] = both(&asked);
    assert!(
        en.contains(&format!("A &amp; B\n{WHEN_EN}\nIt clashes")),
        "{en}"
    );
}

#[test]
fn a_seat_that_ends_is_not_called_the_end_of_the_lesson() {
    let mut out = of_group(LessonNoticeKind::Canceled, LessonRole::Student);
    out.changed_by = LessonRole::Teacher.into();
    assert!(both(&out)[0].contains("The teacher cancelled the lesson"));
    out.state = LessonState::Scheduled.into();
    let [en, ru] = both(&out);
    assert!(en.contains("The teacher took you off this lesson"), "{en}");
    assert!(ru.contains("Преподаватель убрал вас"), "{ru}");
    let [en, ru] = both(&of_group(LessonNoticeKind::SeatFreed, LessonRole::Student));
    assert!(en.contains("You did not say in time"), "{en}");
    assert!(ru.contains("не подтвердили вовремя"), "{ru}");
}

#[test]
fn a_teacher_learns_who_gave_up_a_seat_and_who_let_it_go() {
    let mut left = of_group(LessonNoticeKind::StudentLeft, LessonRole::Teacher);
    left.no_counterpart = false;
    left.changed_by = LessonRole::Student.into();
    let [en, ru] = both(&left);
    assert_eq!(
        en,
        format!("🚪 <b>Anna &lt;3 gave up their seat</b>\nGroup: A &amp; B\n{WHEN_EN}")
    );
    assert!(ru.contains("Место освободилось: Anna"), "{ru}");
    left.changed_by = LessonRole::Unspecified.into();
    let [en, ru] = both(&left);
    assert!(en.contains("did not confirm the new time"), "{en}");
    assert!(ru.contains("не подтверждено"), "{ru}");
}

#[test]
fn a_teacher_learns_who_left_a_group() {
    let mut left = series(LessonNoticeKind::StudentLeft, LessonRole::Teacher);
    left.group_title = "A & B".to_owned();
    let [en, ru] = told(&left);
    assert!(
        en.starts_with("🚪 <b>Anna &lt;3 left the group</b>\nGroup: A &amp; B\nEvery week"),
        "{en}"
    );
    assert!(ru.contains("Больше не в группе: Anna"), "{ru}");
}

fn series(kind: LessonNoticeKind, reader: LessonRole) -> SeriesNotice {
    SeriesNotice {
        kind: kind.into(),
        reader_role: reader.into(),
        counterpart_name: "Anna <3".to_owned(),
        time_zone: "Europe/Moscow".to_owned(),
        day_of_week: 5,
        start_time_of_day: "20:00".to_owned(),
        every_weeks: 1,
        start_time: Some(at("2026-01-23T17:00:00Z")),
        end_time: Some(at("2026-01-23T18:00:00Z")),
        last_start_time: Some(at("2026-04-10T17:00:00Z")),
        lesson_count: 12,
        meeting_url: "https://meet.example/1".to_owned(),
        ..SeriesNotice::default()
    }
}

/// In both languages, English first, for a reader in Berlin.
fn told(notice: &SeriesNotice) -> [String; 2] {
    let content = Content {
        kind: Some(Kind::SeriesNotice(notice.clone())),
    };
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let now = "2026-01-20T16:20:00Z".parse().unwrap();
    [Language::En, Language::Ru].map(|language| {
        let rendered = render(&content, language, &zone, now).unwrap();
        assert_eq!(rendered.format, Format::Html);
        rendered.text
    })
}

#[test]
fn a_series_is_told_by_its_pattern_its_next_lesson_and_its_last() {
    let [en, ru] = told(&series(LessonNoticeKind::SeriesBooked, LessonRole::Student));
    assert_eq!(
        en,
        format!(
            "🗓 <b>Regular lessons booked</b>\nTeacher: Anna &lt;3\n\
             Every week on Fridays at 20:00 (Moscow)\nNext lesson: {WHEN_EN}\n\
             12 lessons, the last one Friday, April 10, 19:00\n\
             Link: https://meet.example/1"
        )
    );
    assert_eq!(
        ru,
        format!(
            "🗓 <b>Регулярные занятия забронированы</b>\nПреподаватель: Anna &lt;3\n\
             Каждую неделю по пятницам в 20:00 (Москва)\nБлижайший урок: {WHEN_RU}\n\
             12 уроков, последний: пятница, 10 апреля, 19:00\n\
             Ссылка: https://meet.example/1"
        )
    );
}

#[test]
fn a_reader_on_the_series_clock_reads_no_zone_beside_the_pattern() {
    let mut booked = series(LessonNoticeKind::SeriesBooked, LessonRole::Teacher);
    booked.time_zone = "Europe/Berlin".to_owned();
    booked.start_time_of_day = "18:00".to_owned();
    booked.every_weeks = 2;
    booked.group_title = "A & B".to_owned();
    booked.no_counterpart = true;
    // In another year.
    booked.last_start_time = Some(at("2027-01-22T17:00:00Z"));
    let [en, ru] = told(&booked);
    assert!(
        en.starts_with(
            "🗓 <b>New regular lessons</b>\nGroup: A &amp; B\n\
             Every 2 weeks on Fridays at 18:00\nNext"
        ),
        "{en}"
    );
    assert!(ru.contains("Раз в 2 недели по пятницам в 18:00\n"), "{ru}");
    assert!(en.contains("Friday, January 22, 2027, 18:00"), "{en}");
    assert!(ru.contains("пятница, 22 января 2027 г., 18:00"), "{ru}");
}

#[test]
fn a_changed_series_says_who_did_it_and_when_the_next_lesson_was_to_be() {
    let mut changed = series(LessonNoticeKind::SeriesChanged, LessonRole::Teacher);
    changed.changed_by = LessonRole::Teacher.into();
    changed.previous_start_time = Some(at("2026-01-22T08:00:00Z"));
    let [en, ru] = told(&changed);
    assert!(
        en.starts_with("🔄 <b>You changed the regular lessons"),
        "{en}"
    );
    assert!(
        en.contains("It was to be: Thursday, January 22, 09:00"),
        "{en}"
    );
    assert!(
        ru.contains("Был назначен на: четверг, 22 января, 09:00"),
        "{ru}"
    );
    // Only the end changed.
    changed.previous_start_time = changed.start_time;
    assert!(!told(&changed)[0].contains("was to be"));
}

#[test]
fn a_series_that_is_off_says_from_when_to_when() {
    let mut off = series(LessonNoticeKind::SeriesCanceled, LessonRole::Student);
    off.changed_by = LessonRole::Teacher.into();
    off.cancel_reason = "ill & tired".to_owned();
    let [en, ru] = told(&off);
    assert!(
        en.contains(
            "12 lessons are off, from Friday, January 23, 18:00 to Friday, April 10, 19:00"
        ),
        "{en}"
    );
    assert!(en.ends_with("Reason: ill &amp; tired"), "{en}");
    assert!(
        ru.contains("Не состоятся 12 уроков: первый пятница, 23 января, 18:00, последний"),
        "{ru}"
    );
    // Only its end.
    off.previous_start_time = Some(at("2026-01-16T17:00:00Z"));
    let [en, ru] = told(&off);
    assert!(
        en.contains("last lesson is now Friday, January 16, 18:00."),
        "{en}"
    );
    assert!(
        ru.contains("Последний урок теперь: пятница, 16 января, 18:00."),
        "{ru}"
    );
    off.previous_start_time = None;
    // Somebody was taken out of its group; how many there were is not known.
    off.changed_by = LessonRole::Unspecified.into();
    off.lesson_count = 0;
    let [en, ru] = told(&off);
    assert!(en.starts_with("❌ <b>Your regular lessons are off"), "{en}");
    assert!(
        en.contains("Off from Friday, January 23, 18:00 on."),
        "{en}"
    );
    assert!(ru.contains("Ваши регулярные занятия отменены"), "{ru}");
}

#[test]
fn an_occurrence_that_is_not_booked_names_its_time() {
    let [en, ru] = told(&series(
        LessonNoticeKind::SeriesSkipped,
        LessonRole::Teacher,
    ));
    assert!(
        en.contains(&format!("you are off then:\n{WHEN_EN}\nAnna &lt;3")),
        "{en}"
    );
    assert!(ru.contains(WHEN_RU), "{ru}");
}

#[test]
fn a_shift_names_both_hours_of_the_readers_clock_and_from_when() {
    let mut shifts = series(LessonNoticeKind::ClockShifts, LessonRole::Student);
    shifts.start_time = Some(at("2026-03-30T17:00:00Z"));
    shifts.previous_start_time = Some(at("2026-03-23T17:00:00Z"));
    let [en, ru] = told(&shifts);
    assert!(
        en.contains(
            "From Monday, March 30, 19:00 on they begin at 19:00 by your clock, not at 18:00."
        ),
        "{en}"
    );
    assert!(
        ru.contains("Начало по вашим часам: 19:00, а не 18:00."),
        "{ru}"
    );
    assert!(ru.contains("понедельник, 30 марта, 19:00"), "{ru}");
}

#[test]
fn every_notice_of_a_series_renders_for_every_reader_in_every_language() {
    for number in 13..=18 {
        let kind = LessonNoticeKind::try_from(number).unwrap();
        for role in [LessonRole::Teacher, LessonRole::Student] {
            let mut whole = series(kind, role);
            whole.previous_start_time = whole.start_time;
            for text in told(&whole) {
                assert!(
                    !text.contains("notice-") && !text.contains("\n\n"),
                    "{text}"
                );
                assert!(text.contains("18:00") && text.contains("Anna"), "{text}");
            }
        }
    }
    // One of a newer service.
    let unknown = series(LessonNoticeKind::Unspecified, LessonRole::Student);
    assert!(told(&unknown)[0].contains("/lessons"));
}
