//! Seats in groups' lessons: whether a student comes to the new time.

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{Booking, BookingStatus, Lesson, LessonStatus},
    notify::v1::{LessonNotice, LessonNoticeKind, LessonRole},
};
use telegram_sim::{
    api::{MessageView, Person},
    client::Button,
};
use uuid::Uuid;

use crate::{
    conversation::{data, marked, offered, person, press, press_twice, shown},
    lessons::{TEACHER, slots},
    stage::{Running, SOON, Stage},
};

const LESSON: Uuid = Uuid::from_u128(0x1e);

fn user(person: &Person) -> String {
    Uuid::from_u128(u128::try_from(person.id).unwrap()).to_string()
}

/// A student whose group's lesson moved onto another one of theirs.
struct Asked {
    stage: Stage,
    running: Running,
    student: Person,
    question: MessageView,
}

impl Asked {
    async fn new(language: &'static str) -> Self {
        let (stage, running) = Stage::running().await;
        let student = person(&stage, language).await;
        stage.sim.say(&student, "/start").await.unwrap();
        shown(&stage, &student, "<Анна & Co>").await;
        let start = slots()[0];
        let lesson = Lesson {
            id: LESSON.to_string(),
            teacher_id: TEACHER.to_string(),
            teacher_name: "Мария".to_owned(),
            group_id: Uuid::from_u128(7).to_string(),
            group_title: "Beginners".to_owned(),
            start_time: Some(olm_proto::timestamp(start)),
            end_time: Some(olm_proto::timestamp(start + SignedDuration::from_hours(1))),
            status: LessonStatus::Scheduled.into(),
            version: 3,
            bookings: vec![Booking {
                student_id: user(&student),
                status: BookingStatus::Reconfirm.into(),
                ..Booking::default()
            }],
            ..Lesson::default()
        };
        stage.lessons.state().lessons.push(lesson.clone());
        let notice = LessonNotice {
            kind: LessonNoticeKind::Reconfirm.into(),
            lesson_id: lesson.id,
            lesson_version: lesson.version,
            start_time: lesson.start_time,
            end_time: lesson.end_time,
            reader_role: LessonRole::Student.into(),
            counterpart_name: "Мария".to_owned(),
            group_title: lesson.group_title,
            expire_time: lesson.start_time,
            ..LessonNotice::default()
        };
        let mut line = stage.notify.owned_line().await;
        line.deliver_notice(student.id, language, notice, false)
            .await;
        let question = shown(&stage, &student, "Beginners").await;
        Self {
            stage,
            running,
            student,
            question,
        }
    }

    async fn press(&self, message: &MessageView, label: &str) {
        let button = Button::data(data(message, label)).on(message.message_id);
        press(&self.stage, &self.student, button).await;
    }

    /// The notice keeps its text, and nothing can be pressed any more.
    async fn question_is_done(&self) {
        let is_done = |message: &MessageView| {
            message.text == self.question.text && message.inline_keyboard.is_empty()
        };
        let sim = &self.stage.sim;
        sim.message(&self.student, SOON, is_done).await.unwrap();
    }

    async fn press_twice(&self, message: &MessageView, label: &str) {
        let button = Button::data(data(message, label)).on(message.message_id);
        press_twice(&self.stage, &self.student, button).await;
    }

    async fn shown(&self, text: &str) -> MessageView {
        shown(&self.stage, &self.student, text).await
    }

    fn seat(&self) -> BookingStatus {
        self.stage.lessons.state().lessons[0].bookings[0].status()
    }

    fn version(&self) -> i64 {
        self.stage.lessons.state().lessons[0].version
    }
}

#[tokio::test]
async fn a_student_says_from_the_question_that_they_come() {
    for (language, label, answer) in [
        ("ru", "✅ Приду", "Вы придёте в новое время"),
        ("en", "✅ I will come", "You come at the new time"),
    ] {
        let asked = Asked::new(language).await;
        asked.press(&asked.question, label).await;
        let kept = asked.shown(answer).await;
        assert_ne!(kept.message_id, asked.question.message_id);
        asked.question_is_done().await;
        assert!(kept.text.contains("Мария"), "{}", kept.text);
        assert_eq!(asked.seat(), BookingStatus::Confirmed);
        asked.running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_student_gives_the_seat_up_and_a_double_tap_has_one_effect() {
    for (language, label, question, answer) in [
        (
            "ru",
            "🚪 Отказаться от места",
            "Отказаться от места на этом уроке?",
            "Вы отказались от места",
        ),
        (
            "en",
            "🚪 Give up the seat",
            "Give up your seat in this lesson?",
            "You gave up your seat",
        ),
    ] {
        let asked = Asked::new(language).await;
        asked.press(&asked.question, label).await;
        let ask = asked.shown(question).await;
        assert_ne!(ask.message_id, asked.question.message_id);
        // One tap changes nothing, and such a leave is never a late one.
        assert_eq!(asked.seat(), BookingStatus::Reconfirm);
        for late in ["late", "поздн", "последств", "consequences"] {
            assert!(!ask.text.contains(late), "{}", ask.text);
        }
        asked.press_twice(&ask, label).await;
        asked.shown(answer).await;
        assert_eq!(asked.seat(), BookingStatus::Canceled);
        assert_eq!(asked.version(), 4);
        asked.running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn others_who_join_stale_no_button() {
    let asked = Asked::new("en").await;
    asked.stage.lessons.state().lessons[0].version = 9;
    asked.press(&asked.question, "✅").await;
    let kept = asked.shown("You come at the new time").await;
    // Nor the one that begins to give the seat up.
    asked.stage.lessons.state().lessons[0].version = 20;
    asked.press(&kept, "❌ Cancel").await;
    let ask = asked.shown("Give up your seat in this lesson?").await;
    asked.press(&ask, "🚪").await;
    asked.shown("You gave up your seat").await;
    assert_eq!(asked.seat(), BookingStatus::Canceled);
    asked.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_lesson_that_moved_again_is_shown_anew_and_answered_as_it_is_now() {
    let asked = Asked::new("en").await;
    asked
        .stage
        .lessons
        .move_lesson(SignedDuration::from_hours(2));
    asked.stage.lessons.state().current_since = 4;
    asked.press(&asked.question, "✅").await;
    let changed = asked.shown("The lesson was changed, now it is").await;
    assert_eq!(asked.seat(), BookingStatus::Reconfirm);
    asked.press(&changed, "✅ I will come").await;
    asked.shown("You come at the new time").await;
    assert_eq!(asked.seat(), BookingStatus::Confirmed);
    asked.running.stop().await.unwrap();
}

#[tokio::test]
async fn who_is_busy_still_keeps_the_question() {
    let asked = Asked::new("en").await;
    asked.stage.lessons.state().refused = Some(ErrorReason::StudentBusy);
    asked.press(&asked.question, "✅").await;
    let busy = asked.shown("You still have another lesson").await;
    assert_ne!(busy.message_id, asked.question.message_id);
    asked.stage.lessons.state().refused = None;
    asked.press(&asked.question, "✅").await;
    asked.shown("You come at the new time").await;
    asked.running.stop().await.unwrap();
}

#[tokio::test]
async fn what_ended_meanwhile_is_answered_politely() {
    for (label, reason, answer) in [
        (
            "✅",
            ErrorReason::ReconfirmTooLate,
            "your seat was given up",
        ),
        ("✅", ErrorReason::LessonStarted, "The lesson has begun"),
        (
            "🚪",
            ErrorReason::BookingNotFound,
            "You have no seat in this lesson",
        ),
        (
            "🚪",
            ErrorReason::LessonCanceled,
            "This lesson is cancelled already",
        ),
        ("🚪", ErrorReason::LessonNotFound, "You have no such lesson"),
    ] {
        let asked = Asked::new("en").await;
        let mut question = asked.question.clone();
        if label == "🚪" {
            asked.press(&question, label).await;
            question = asked.shown("Give up your seat").await;
        }
        asked.stage.lessons.state().refused = Some(reason);
        asked.press(&question, label).await;
        let told = asked.shown(answer).await;
        assert!(told.inline_keyboard.is_empty());
        asked.running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn the_list_of_lessons_asks_too_and_names_the_group_to_its_teacher() {
    let asked = Asked::new("en").await;
    asked
        .stage
        .sim
        .say(&asked.student, "/lessons")
        .await
        .unwrap();
    let list = asked.shown("Your lessons").await;
    assert!(
        list.text.contains("teacher Мария (waits for your answer)"),
        "{}",
        list.text
    );
    asked.press(&list, "⏳").await;
    let details = asked.shown("Seats taken").await;
    asked.press(&details, "✅ I will come").await;
    asked.shown("You come at the new time").await;
    // As if the reader taught it.
    asked.stage.lessons.state().lessons[0].teacher_id = user(&asked.student);
    asked
        .stage
        .sim
        .say(&asked.student, "/lessons")
        .await
        .unwrap();
    let list = asked.shown("group Beginners").await;
    let to_details = marked(&list, "Beginners");
    press(&asked.stage, &asked.student, Button::data(to_details)).await;
    offered(&asked.stage, &asked.student, "❌").await;
    asked.running.stop().await.unwrap();
}
