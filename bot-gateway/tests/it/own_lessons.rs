//! A student's lessons: the list, the details, moving, cancelling, groups, and the buttons
//! under notices.

use jiff::{SignedDuration, Timestamp};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{Booking, BookingStatus, Group, Lesson, LessonStatus, TeacherPolicies},
    notify::v1::{LessonNotice, LessonNoticeKind, LessonRole},
};
use telegram_sim::api::MessageView;
use uuid::Uuid;

use crate::{
    booking::{Student, labels, lasting},
    conversation::book_first,
    lessons::{TEACHER, slots, teacher},
    stage::SOON,
};

const GROUP: Uuid = Uuid::from_u128(0x9a0);

fn user(student: &Student) -> String {
    Uuid::from_u128(u128::try_from(student.anna.id).unwrap()).to_string()
}

/// Of the student's; an hour long.
fn lesson(student: &Student, number: u128, start: Timestamp) -> Lesson {
    Lesson {
        id: Uuid::from_u128(0x1000 + number).to_string(),
        teacher_id: TEACHER.to_string(),
        teacher_name: teacher().display_name,
        start_time: Some(olm_proto::timestamp(start)),
        end_time: Some(olm_proto::timestamp(start + SignedDuration::from_hours(1))),
        status: LessonStatus::Scheduled.into(),
        version: 1,
        bookings: vec![Booking {
            student_id: user(student),
            status: BookingStatus::Confirmed.into(),
            ..Booking::default()
        }],
        ..Lesson::default()
    }
}

/// The same of a group, with so many of its seats taken, none by the student.
fn of_group(student: &Student, number: u128, taken: i32) -> Lesson {
    let hours = i64::try_from(number).unwrap();
    Lesson {
        group_id: GROUP.to_string(),
        group_title: "Beginners".to_owned(),
        capacity: 2,
        seats_taken: taken,
        bookings: Vec::new(),
        ..lesson(
            student,
            number,
            slots()[0] + SignedDuration::from_hours(hours),
        )
    }
}

/// The list of a student who was registered before.
async fn list(student: &Student) -> MessageView {
    student.say("/lessons").await;
    student.offered("·").await
}

/// Policies with so many hours of notice for cancelling and for moving.
fn noticed(hours: i64) -> TeacherPolicies {
    TeacherPolicies {
        cancel_notice: Some(lasting(hours * 60)),
        reschedule_notice: Some(lasting(hours * 60)),
        ..TeacherPolicies::default()
    }
}

#[tokio::test]
async fn lessons_come_five_a_page_and_what_is_over_does_not() {
    let student = Student::new().await;
    {
        let over = slots()[0] - SignedDuration::from_hours(72);
        let mut lessons = vec![lesson(&student, 0, over)];
        for number in 1..=7 {
            let hours = i64::try_from(number).unwrap();
            let start = slots()[0] + SignedDuration::from_hours(hours);
            lessons.push(lesson(&student, number, start));
        }
        student.lessons().state().lessons = lessons;
    }
    let page = list(&student).await;
    assert_eq!(page.inline_keyboard.len(), 6, "{page:?}");
    assert_eq!(labels(&page)[5..], ["·", "▶"]);
    student.press(&page, "▶").await;
    let page = student.offered("◀").await;
    assert_eq!(page.inline_keyboard.len(), 3, "{page:?}");
    student.stop().await;
    let student = Student::new().await;
    student.say("/lessons").await;
    let none = student.shown("You have no lessons ahead").await;
    assert_eq!(labels(&none), ["📅 Schedule"]);
    student.stop().await;
}

#[tokio::test]
async fn the_details_say_everything_there_is_to_know() {
    for (language, words) in [
        (
            "ru",
            [
                "Преподаватель: Мария <3",
                "У преподавателя: ",
                "Где: https://meet.example/1",
                "Заметки: <b>стр. 7</b>",
                "Урок состоится",
                "Отменить без последствий можно до",
            ],
        ),
        (
            "en",
            [
                "Teacher: Мария <3",
                "For the teacher: ",
                "Where: https://meet.example/1",
                "Notes: <b>стр. 7</b>",
                "It takes place",
                "You can cancel without consequences until",
            ],
        ),
    ] {
        let student = Student::speaking(language).await;
        student.lessons().state().teachers[0].policies = Some(noticed(1));
        let known = Lesson {
            meeting_url: "https://meet.example/1".to_owned(),
            notes: "<b>стр. 7</b>".to_owned(),
            ..lesson(&student, 1, slots()[0])
        };
        student.lessons().state().lessons.push(known);
        let page = list(&student).await;
        student.press(&page, "·").await;
        let details = student.shown(words[0]).await;
        for word in words {
            assert!(details.text.contains(word), "{word}: {}", details.text);
        }
        student.stop().await;
    }
}

#[tokio::test]
async fn a_lesson_is_moved_to_another_free_time() {
    let student = Student::speaking("ru").await;
    student.lessons().state().teachers[0].policies = Some(noticed(1));
    book_first(&student.stage, &student.anna).await;
    let booked = student.shown("Вы записаны").await;
    student.press(&booked, "🔁").await;
    let week = student.shown("Перенос урока").await;
    student.press(&week, "•").await;
    let day = student.offered("12:30").await;
    student.press(&day, "12:30").await;
    let ask = student.shown("Перенести урок?").await;
    for word in [
        "Было: ",
        "Станет: ",
        "У преподавателя: 14:30–15:30 (Москва)",
    ] {
        assert!(ask.text.contains(word), "{word}: {}", ask.text);
    }
    student.press(&ask, "Да, перенести").await;
    student.shown("Урок перенесён").await;
    let start = student.lessons().state().lessons[0].start_time;
    assert_eq!(start, Some(olm_proto::timestamp(slots()[3])));
    student.stop().await;
}

#[tokio::test]
async fn what_stands_against_a_move_is_said() {
    let student = Student::new().await;
    student.lessons().state().teachers[0].policies = Some(noticed(1));
    book_first(&student.stage, &student.anna).await;
    let booked = student.shown("You are booked").await;
    student.press(&booked, "🔁").await;
    for (reason, answer) in [
        (ErrorReason::StudentBusy, "You already have a lesson"),
        (ErrorReason::TooSoon, "It is too late to book this time"),
    ] {
        let week = student.offered("•").await;
        student.press(&week, "•").await;
        let day = student.offered("12:30").await;
        student.press(&day, "12:30").await;
        let ask = student.shown("Move this lesson?").await;
        student.lessons().state().refused_time = Some(reason);
        student.press(&ask, "Yes, move it").await;
        let refused = student.shown(answer).await;
        student.press(&refused, "◀ To the week").await;
    }
    // A time that was just taken offers the nearest others to move to.
    let week = student.offered("•").await;
    student.press(&week, "•").await;
    let day = student.offered("12:30").await;
    student.press(&day, "12:30").await;
    let ask = student.shown("Move this lesson?").await;
    student.lessons().state().taken = Some(slots()[4..].to_vec());
    student.press(&ask, "Yes, move it").await;
    let taken = student.shown("This time was just taken").await;
    student.press(&taken, ":").await;
    let ask = student.shown("Move this lesson?").await;
    // And a lesson that somebody changed meanwhile is shown as it is now.
    student.lessons().move_lesson(SignedDuration::from_hours(3));
    student.press(&ask, "Yes, move it").await;
    student.shown("The lesson was changed, now it is").await;
    student.stop().await;
}

#[tokio::test]
async fn it_is_said_when_it_is_too_late_to_move_or_to_cancel_in_time() {
    let student = Student::new().await;
    student.lessons().state().teachers[0].policies = Some(noticed(30 * 24));
    student.lessons().state().late = true;
    book_first(&student.stage, &student.anna).await;
    let booked = student.shown("You are booked").await;
    student.press(&booked, "🔁").await;
    let refused = student.shown("It is too late to move this lesson").await;
    assert!(
        refused.text.contains("no later than 30 days before"),
        "{}",
        refused.text
    );
    student.press(&refused, "About the lesson").await;
    let details = student.shown("It takes place").await;
    assert!(!labels(&details).iter().any(|label| label.contains("🔁")));
    student.press(&details, "❌").await;
    let ask = student.shown("Cancel this lesson?").await;
    assert!(
        ask.text.contains("cancelling counts as late"),
        "{}",
        ask.text
    );
    student.press(&ask, "Keep it").await;
    let details = student.shown("It takes place").await;
    student.press(&details, "❌").await;
    let ask = student.shown("Cancel this lesson?").await;
    student.press(&ask, "Yes, cancel").await;
    let canceled = student.shown("Lesson cancelled").await;
    assert!(canceled.text.contains("counts as a late cancellation"));
    student.stop().await;
}

#[tokio::test]
async fn a_time_that_is_kept_can_be_booked_from_the_list() {
    let student = Student::new().await;
    crate::conversation::hold_first(&student.stage, &student.anna).await;
    let page = list(&student).await;
    student.press(&page, "⏳").await;
    let ask = student.offered("✅").await;
    student.press(&ask, "✅").await;
    student.shown("You are booked").await;
    student.stop().await;
}

#[tokio::test]
async fn a_seat_in_a_groups_lesson_is_taken_with_one_press_and_full_ones_say_so() {
    let student = Student::new().await;
    {
        let mut state = student.lessons().state();
        state.teaching.groups.push(Group {
            id: GROUP.to_string(),
            teacher_id: TEACHER.to_string(),
            title: "Beginners".to_owned(),
            ..Group::default()
        });
        state.lessons = vec![of_group(&student, 1, 1), of_group(&student, 2, 2)];
    }
    student.say("/lessons").await;
    let none = student.offered("👥 Lessons of my groups").await;
    student.press(&none, "👥").await;
    let open = student.shown("1 seat left").await;
    assert!(open.text.contains("group Beginners: full"), "{}", open.text);
    assert_eq!(labels(&open).len(), 2, "{open:?}");
    // The last seat goes to somebody else first.
    student.lessons().state().refused_time = Some(ErrorReason::LessonFull);
    student.press(&open, "✅").await;
    let full = student.shown("No seat is left").await;
    student.press(&full, "👥").await;
    let open = student.shown("1 seat left").await;
    student.press(&open, "✅").await;
    let joined = student.shown("You have a seat").await;
    assert!(!labels(&joined).iter().any(|label| label.contains("🔁")));
    student.press(&joined, "My lessons").await;
    let page = student.shown("Your lessons").await;
    student.press(&page, "·").await;
    let details = student.shown("Seats taken: 2 of 2").await;
    student.press(&details, "❌").await;
    let ask = student.shown("Give up your seat").await;
    student.press(&ask, "🚪").await;
    student.shown("You gave up your seat").await;
    student.stop().await;
}

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

#[tokio::test]
async fn a_reminder_is_answered_below_it() {
    let (student, reminder) = told(LessonNoticeKind::Reminder, "").await;
    assert_eq!(labels(&reminder)[..2], ["✅ I’m coming", "🔁 Move"]);
    student.press(&reminder, "🔁").await;
    let week = student.shown("Moving a lesson").await;
    assert_ne!(week.message_id, reminder.message_id);
    student.press(&reminder, "❌").await;
    let ask = student.shown("Cancel this lesson?").await;
    assert_ne!(ask.message_id, reminder.message_id);
    student.press(&reminder, "✅").await;
    student.shown("See you!").await;
    // The notice keeps its text; nothing can be pressed any more.
    let done = |message: &MessageView| {
        message.message_id == reminder.message_id
            && message.text == reminder.text
            && message.inline_keyboard.is_empty()
    };
    student
        .stage
        .sim
        .message(&student.anna, SOON, done)
        .await
        .unwrap();
    // What is under way goes on.
    student.press(&ask, "Yes, cancel").await;
    student.shown("Lesson cancelled").await;
    student.stop().await;
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
