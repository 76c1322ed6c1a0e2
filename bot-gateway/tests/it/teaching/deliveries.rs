//! Whether reminders reach students.

use olm_proto::notify::v1::{LessonDelivery, NotificationState, StudentDeliveries};

use super::*;

fn told(student: u128, reachable: bool, states: &[NotificationState]) -> StudentDeliveries {
    let reminder = |state: &NotificationState| LessonDelivery {
        kind: "reminder".to_owned(),
        state: (*state).into(),
        due_time: Some(olm_proto::timestamp(tomorrow())),
        state_time: Some(olm_proto::timestamp(tomorrow())),
    };
    StudentDeliveries {
        student_id: Uuid::from_u128(student).to_string(),
        reachable,
        deliveries: states.iter().map(reminder).collect(),
    }
}

#[tokio::test]
async fn a_teacher_sees_what_became_of_the_reminder() {
    use NotificationState::{Failed, Pending, Sent, Unconfirmed};
    for (language, reachable, states, text) in [
        ("en", true, &[Sent, Pending][..], "🔔 Reminder delivered, "),
        ("en", true, &[Pending], "🔔 Reminder to come: "),
        ("en", false, &[Failed], "the student blocked the bot ✗"),
        ("en", true, &[Failed], "🔕 Reminder not delivered, "),
        (
            "en",
            true,
            &[Unconfirmed],
            "nobody knows whether it arrived",
        ),
        ("en", false, &[], "so nothing reaches them"),
        ("en", false, &[Pending], "so nothing reaches them"),
        ("ru", false, &[Failed], "ученик заблокировал бота ✗"),
    ] {
        let teacher = Teacher::new(language).await;
        teacher.teaches(1, tomorrow(), &[(ANNA, "Anna")]);
        let told = vec![told(ANNA, reachable, states)];
        *teacher.stage.notify.deliveries.lock().unwrap() = told;
        teacher.says("/agenda").await;
        let day = teacher.sees_button("➕").await;
        let day = teacher
            .opens(&day, &Teacher::label(&day, "▶"), "Anna")
            .await;
        let lesson = teacher.opens_told(day, "Anna").await;
        assert!(lesson.text.contains(text), "{}", lesson.text);
        teacher.ends().await;
    }
}

#[tokio::test]
async fn each_student_of_a_group_has_a_line() {
    let teacher = Teacher::new("en").await;
    teacher.teaches(1, tomorrow(), &[(ANNA, "Anna"), (BORIS, "Boris")]);
    teacher.change(0, |lesson| group(lesson, "Chess"));
    *teacher.stage.notify.deliveries.lock().unwrap() = vec![
        told(ANNA, true, &[NotificationState::Sent]),
        told(BORIS, false, &[NotificationState::Failed]),
    ];
    let lesson = details(&teacher, "Chess").await;
    assert!(
        lesson.text.contains("Anna: 🔔 reminder delivered"),
        "{}",
        lesson.text
    );
    assert!(
        lesson.text.contains("Boris: 🔕 reminder not delivered"),
        "{}",
        lesson.text
    );
    teacher.ends().await;
}

#[tokio::test]
async fn after_a_move_the_reminder_of_the_new_time_is_told() {
    use NotificationState::{Pending, Sent};
    let teacher = Teacher::new("en").await;
    teacher.teaches(1, tomorrow(), &[(ANNA, "Anna")]);
    let mut told = told(ANNA, true, &[Sent, Sent, Pending]);
    for (hours, delivery) in (0..).zip(&mut told.deliveries) {
        let due = tomorrow() + SignedDuration::from_hours(hours);
        delivery.due_time = Some(olm_proto::timestamp(due));
    }
    told.deliveries[1].kind = "moved".to_owned();
    *teacher.stage.notify.deliveries.lock().unwrap() = vec![told];
    let lesson = details(&teacher, "Anna").await;
    let text = &lesson.text;
    assert!(text.contains("🔔 Reminder to come: "), "{text}");
    teacher.ends().await;
}
