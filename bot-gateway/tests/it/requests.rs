//! Requests and who decides about them; invitations; what is silent.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{Booking, BookingStatus, Lesson, LessonStatus},
    notify::v1::{LessonNotice, LessonNoticeKind, LessonRole},
};
use telegram_sim::{
    api::{LedgerQuery, MessageView, Person},
    client::Button,
};
use uuid::Uuid;

use crate::{
    conversation::{book_first, data, offered, person, press, press_twice, shown},
    lessons::slots,
    notify::Line,
    stage::{SOON, Stage},
};

const LESSON: Uuid = Uuid::from_u128(0x1e);

/// A teacher who speaks `language`, asked by Boris for the first slot.
struct Asked {
    stage: Stage,
    running: crate::stage::Running,
    teacher: Person,
    language: &'static str,
    line: Line,
}

impl Asked {
    async fn new(language: &'static str) -> Self {
        let (stage, running) = Stage::running().await;
        let teacher = person(&stage, language).await;
        stage.lessons.teaches(&teacher);
        stage.sim.say(&teacher, "/start").await.unwrap();
        shown(&stage, &teacher, "<Анна & Co>").await;
        let start = slots()[0];
        let lesson = Lesson {
            id: LESSON.to_string(),
            teacher_id: Uuid::from_u128(u128::try_from(teacher.id).unwrap()).to_string(),
            start_time: Some(olm_proto::timestamp(start)),
            end_time: Some(olm_proto::timestamp(
                start + jiff::SignedDuration::from_hours(1),
            )),
            status: LessonStatus::Requested.into(),
            version: 3,
            bookings: vec![Booking {
                student_id: Uuid::from_u128(5).to_string(),
                student_name: "Boris".to_owned(),
                status: BookingStatus::Pending.into(),
                ..Booking::default()
            }],
            ..Lesson::default()
        };
        stage.lessons.state().lessons.push(lesson);
        let line = stage.notify.owned_line().await;
        Self {
            stage,
            running,
            teacher,
            language,
            line,
        }
    }

    fn notice(&self) -> LessonNotice {
        let lesson = self.stage.lessons.state().lessons[0].clone();
        LessonNotice {
            kind: LessonNoticeKind::Requested.into(),
            lesson_id: lesson.id,
            lesson_version: lesson.version,
            start_time: lesson.start_time,
            end_time: lesson.end_time,
            reader_role: LessonRole::Teacher.into(),
            counterpart_name: "Boris".to_owned(),
            expire_time: lesson.start_time,
            ..LessonNotice::default()
        }
    }

    /// The notice as the teacher sees it.
    async fn told(&mut self) -> MessageView {
        let notice = self.notice();
        self.line
            .deliver_notice(self.teacher.id, self.language, notice, false)
            .await;
        shown(&self.stage, &self.teacher, "Boris").await
    }

    async fn press(&self, message: &MessageView, label: &str) {
        let button = Button::data(data(message, label)).on(message.message_id);
        press(&self.stage, &self.teacher, button).await;
    }

    async fn press_twice(&self, message: &MessageView, label: &str) {
        let button = Button::data(data(message, label)).on(message.message_id);
        press_twice(&self.stage, &self.teacher, button).await;
    }

    async fn shown(&self, text: &str) -> MessageView {
        shown(&self.stage, &self.teacher, text).await
    }

    fn status(&self) -> LessonStatus {
        self.stage.lessons.state().lessons[0].status()
    }

    fn set(&self, status: LessonStatus) {
        let mut state = self.stage.lessons.state();
        state.lessons[0].status = status.into();
        state.lessons[0].version += 1;
    }
}

#[tokio::test]
async fn a_teacher_confirms_a_request_from_its_notice() {
    for (language, label, answer) in [
        ("ru", "✅ Подтвердить", "Урок подтверждён"),
        ("en", "✅ Confirm", "Lesson confirmed"),
    ] {
        let mut asked = Asked::new(language).await;
        let notice = asked.told().await;
        asked.press(&notice, label).await;
        let answered = asked.shown(answer).await;
        assert_ne!(answered.message_id, notice.message_id);
        assert!(answered.text.contains("Boris"), "{}", answered.text);
        assert_eq!(asked.status(), LessonStatus::Scheduled);
        data(&answered, "❌");
        asked.running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_teacher_decides_about_a_request_that_was_moved_from_the_notice_of_that() {
    let mut asked = Asked::new("en").await;
    let notice = LessonNotice {
        kind: LessonNoticeKind::Moved.into(),
        request: true,
        previous_start_time: asked.notice().start_time,
        previous_end_time: asked.notice().end_time,
        ..asked.notice()
    };
    let chat = asked.teacher.id;
    asked.line.deliver_notice(chat, "en", notice, false).await;
    let told = asked.shown("Boris").await;
    data(&told, "🚫 Decline");
    asked.press(&told, "✅ Confirm").await;
    asked.shown("Lesson confirmed").await;
    assert_eq!(asked.status(), LessonStatus::Scheduled);
    asked.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_teacher_declines_a_request_from_its_notice_and_a_second_tap_changes_nothing() {
    for (language, label, why, none, answer) in [
        (
            "ru",
            "🚫 Отклонить",
            "Выберите причину",
            "Без причины",
            "Заявка отклонена",
        ),
        (
            "en",
            "🚫 Decline",
            "Choose a reason",
            "Without",
            "Request declined",
        ),
    ] {
        let mut asked = Asked::new(language).await;
        let notice = asked.told().await;
        asked.press(&notice, label).await;
        let reasons = asked.shown(why).await;
        assert_eq!(asked.status(), LessonStatus::Requested);
        asked.press_twice(&reasons, none).await;
        let answered = asked.shown(answer).await;
        assert_ne!(answered.message_id, notice.message_id);
        assert_eq!(asked.status(), LessonStatus::Declined);
        assert_eq!(asked.stage.lessons.state().lessons[0].version, 4);
        asked.running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_double_tap_on_confirm_has_one_effect() {
    let mut asked = Asked::new("en").await;
    let notice = asked.told().await;
    asked.press_twice(&notice, "✅").await;
    asked.shown("Lesson confirmed").await;
    assert_eq!(asked.stage.lessons.state().lessons[0].version, 4);
    asked.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_confirmation_repeated_after_the_lesson_was_cancelled_says_so() {
    let mut asked = Asked::new("en").await;
    let notice = asked.told().await;
    // Confirmed elsewhere from the version this notice was drawn for.
    let decision = (LESSON.to_string(), 3, LessonStatus::Scheduled);
    asked.stage.lessons.state().decisions.push(decision);
    asked.set(LessonStatus::Canceled);
    asked.press(&notice, "✅ Confirm").await;
    asked.shown("❌ Cancelled").await;
    asked.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_request_that_ended_meanwhile_is_answered_politely() {
    for (status, answer) in [
        (LessonStatus::Lapsed, "⌛ Request lapsed"),
        (LessonStatus::Canceled, "❌ Cancelled"),
        (LessonStatus::Declined, "🚫 Request declined"),
        (LessonStatus::Scheduled, "The lesson has changed since"),
    ] {
        let mut asked = Asked::new("en").await;
        let notice = asked.told().await;
        asked.set(status);
        asked.press(&notice, "✅ Confirm").await;
        asked.shown(answer).await;
        assert_eq!(asked.status(), status);
        asked.running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_request_that_changed_is_shown_anew_and_decided_as_it_is_now() {
    let mut asked = Asked::new("en").await;
    let notice = asked.told().await;
    asked
        .stage
        .lessons
        .move_lesson(jiff::SignedDuration::from_hours(2));
    asked.press(&notice, "🚫 Decline").await;
    let changed = asked.shown("The lesson has changed since").await;
    assert_eq!(asked.status(), LessonStatus::Requested);
    asked.press(&changed, "🚫 Decline").await;
    let reasons = asked.shown("Decline this request?").await;
    asked.press(&reasons, "I am ill").await;
    asked.shown("Request declined").await;
    assert_eq!(asked.status(), LessonStatus::Declined);
    asked.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_request_of_somebody_else_is_no_lesson_of_the_readers() {
    let mut asked = Asked::new("en").await;
    let notice = asked.told().await;
    asked.stage.lessons.state().lessons.clear();
    asked.press(&notice, "✅ Confirm").await;
    asked.shown("You have no such lesson").await;
    asked.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_teachers_list_offers_to_decide_about_requests() {
    let asked = Asked::new("en").await;
    asked
        .stage
        .sim
        .say(&asked.teacher, "/lessons")
        .await
        .unwrap();
    let list = asked.shown("Your lessons").await;
    assert!(
        list.text
            .contains("student Boris (⏳ waits for your answer)"),
        "{}",
        list.text
    );
    asked.press(&list, "⏳").await;
    let details = offered(&asked.stage, &asked.teacher, "✅ Confirm").await;
    asked.press(&details, "✅ Confirm").await;
    asked.shown("Lesson confirmed").await;
    asked.running.stop().await.unwrap();
}

#[tokio::test]
async fn booking_with_a_teacher_who_decides_says_that_the_request_is_sent() {
    let (stage, running) = Stage::running().await;
    stage.lessons.state().approval = true;
    let anna = person(&stage, "en").await;
    book_first(&stage, &anna).await;
    let sent = shown(&stage, &anna, "Request sent").await;
    assert!(sent.text.contains("Мария <3"), "{}", sent.text);
    data(&sent, "❌");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_link_makes_a_student_and_every_refusal_is_said_in_words() {
    let (stage, running) = Stage::running().await;
    let refusals = [
        ("expired", ErrorReason::InvitationExpired, "has run out"),
        (
            "revoked",
            ErrorReason::InvitationRevoked,
            "took this invitation back",
        ),
        (
            "used",
            ErrorReason::InvitationUsedUp,
            "As many people as were invited",
        ),
        ("own", ErrorReason::SelfInvitation, "your own invitation"),
        ("full", ErrorReason::GroupFull, "The group “Chess & Co”"),
    ];
    {
        let invitations = &mut stage.lessons.state().invitations;
        invitations.push(("good".to_owned(), None));
        for (token, reason, _) in refusals {
            invitations.push((token.to_owned(), Some(reason)));
        }
    }
    let anna = person(&stage, "en").await;
    let invited = async |token: &str, text: &str| {
        let start = format!("/start {token}");
        stage.sim.say(&anna, &start).await.unwrap();
        shown(&stage, &anna, text).await;
    };
    invited("good", "You are a student of Мария <3 now").await;
    invited("good", "You are a student of Мария <3 already").await;
    for (token, _, text) in refusals {
        invited(token, text).await;
    }
    invited("never-given-out", "I do not know this invitation").await;
    invited(&"x".repeat(100), "I do not know this invitation").await;
    let chat = stage.sim.chat(&anna).await.unwrap();
    assert_eq!(chat.reply_keyboard[0], ["📅 Schedule", "My lessons"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_notice_in_quiet_hours_comes_without_a_sound() {
    let mut asked = Asked::new("en").await;
    let chat = asked.teacher.id;
    for silent in [true, false] {
        let notice = asked.notice();
        asked.line.deliver_notice(chat, "en", notice, silent).await;
        let query = LedgerQuery::method("sendMessage").in_chat(chat);
        let entries = asked.stage.sim.ledger_until(&query, SOON, |entries| {
            entries.iter().any(|entry| {
                let told = entry
                    .text
                    .as_ref()
                    .is_some_and(|text| text.contains("Boris"));
                told && entry.silent == silent
            })
        });
        assert!(!entries.await.unwrap().is_empty());
    }
    asked.running.stop().await.unwrap();
}
