//! The buttons under notices.

use olm_proto::notify::v1::{LessonNotice, LessonNoticeKind, LessonRole};

use super::*;
use crate::stage::SOON;

/// A student with a lesson, and a notice of it.
async fn told(kind: LessonNoticeKind, group: &str) -> (Student, MessageView) {
    let student = Student::new().await;
    student.say("/help").await;
    student.shown("/schedule").await;
    let known = lesson(&student, 1, slots()[0]);
    student.lessons().state().teachers[0].policies = Some(noticed(1));
    student.lessons().state().lessons.push(known.clone());
    let notice = LessonNotice {
        kind: kind.into(),
        lesson_id: known.id,
        lesson_version: known.version,
        start_time: known.start_time,
        end_time: known.end_time,
        reader_role: LessonRole::Student.into(),
        counterpart_name: "Мария".to_owned(),
        group_title: group.to_owned(),
        previous_start_time: known.end_time,
        previous_end_time: known.end_time,
        expire_time: known.start_time,
        ..LessonNotice::default()
    };
    let mut line = student.stage.notify.owned_line().await;
    line.deliver_notice(student.anna.id, "en", notice, false)
        .await;
    let told = student.offered("❌ Cancel").await;
    (student, told)
}

/// The notice keeps its text, and nothing can be pressed any more.
async fn is_done(student: &Student, notice: &MessageView) {
    let is_done = |message: &MessageView| {
        message.message_id == notice.message_id
            && message.text == notice.text
            && message.inline_keyboard.is_empty()
    };
    let sim = &student.stage.sim;
    sim.message(&student.anna, SOON, is_done).await.unwrap();
}

#[tokio::test]
async fn a_reminder_is_answered_below_it() {
    for (label, answer) in [
        ("🔁", "Moving a lesson"),
        ("❌", "Cancel this lesson?"),
        ("✅", "See you!"),
    ] {
        let (student, reminder) = told(LessonNoticeKind::Reminder, "").await;
        assert_eq!(labels(&reminder)[..2], ["✅ I’m coming", "🔁 Move"]);
        student.press(&reminder, label).await;
        let below = student.shown(answer).await;
        assert_ne!(below.message_id, reminder.message_id);
        is_done(&student, &reminder).await;
        if label == "❌" {
            // What is under way goes on.
            student.press(&below, "Yes, cancel").await;
            student.shown("Lesson cancelled").await;
        }
        student.stop().await;
    }
}

#[tokio::test]
async fn a_notice_that_could_not_be_answered_keeps_its_buttons() {
    let (student, reminder) = told(LessonNoticeKind::Reminder, "").await;
    student.lessons().away.send_replace(true);
    student.press(&reminder, "❌").await;
    student.shown("temporarily unavailable").await;
    student.lessons().away.send_replace(false);
    student.press(&reminder, "❌").await;
    student.shown("Cancel this lesson?").await;
    is_done(&student, &reminder).await;
    student.stop().await;
}

#[tokio::test]
async fn a_reminder_of_a_groups_lesson_that_moved_says_so_and_others_seats_do_not_matter() {
    for moved in [false, true] {
        let (student, reminder) = told(LessonNoticeKind::Reminder, "Beginners").await;
        let shift = SignedDuration::from_hours(i64::from(moved));
        // Others come and go: that too raises the version.
        student.lessons().move_lesson(shift);
        {
            let lesson = &mut student.lessons().state().lessons[0];
            lesson.group_id = GROUP.to_string();
            lesson.group_title = "Beginners".to_owned();
        }
        student.press(&reminder, "✅").await;
        let answer = if moved {
            "The lesson was changed, now it is"
        } else {
            "See you!"
        };
        student.shown(answer).await;
        is_done(&student, &reminder).await;
        student.stop().await;
    }
}

#[tokio::test]
async fn a_reminder_of_what_changed_since_says_so() {
    let (student, reminder) = told(LessonNoticeKind::Reminder, "").await;
    student.lessons().move_lesson(SignedDuration::from_hours(1));
    student.press(&reminder, "✅").await;
    let changed = student.shown("The lesson was changed, now it is").await;
    assert_ne!(changed.message_id, reminder.message_id);
    student.stop().await;
    let (student, reminder) = told(LessonNoticeKind::Reminder, "").await;
    student.lessons().state().lessons[0].status = LessonStatus::Canceled.into();
    student.press(&reminder, "✅").await;
    student.shown("This lesson is cancelled already").await;
    student.stop().await;
}

#[tokio::test]
async fn nobody_is_awaited_who_has_no_seat_or_comes_too_late() {
    let (student, reminder) = told(LessonNoticeKind::Reminder, "").await;
    student.lessons().state().lessons[0].bookings[0].status = BookingStatus::Canceled.into();
    student.press(&reminder, "✅").await;
    student.shown("You have no seat in this lesson").await;
    student.stop().await;
    let (student, reminder) = told(LessonNoticeKind::Reminder, "").await;
    student
        .lessons()
        .move_lesson(SignedDuration::from_hours(-24 * 30));
    student.press(&reminder, "✅").await;
    student.shown("The lesson has begun").await;
    student.stop().await;
}

#[tokio::test]
async fn notices_offer_to_move_what_a_student_may_move() {
    for (kind, group, offered) in [
        (LessonNoticeKind::Booked, "", true),
        (LessonNoticeKind::Confirmed, "", true),
        (LessonNoticeKind::Moved, "", true),
        (LessonNoticeKind::Moved, "Beginners", false),
        (LessonNoticeKind::Requested, "", false),
    ] {
        let (student, told) = told(kind, group).await;
        let moves = labels(&told).contains(&"🔁 Move");
        assert_eq!(moves, offered, "{told:?}");
        student.stop().await;
    }
}
