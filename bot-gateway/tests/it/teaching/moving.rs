//! Moving a lesson to a free time of the teacher's own calendar.

use olm_proto::common::v1::ErrorReason;

use super::*;

/// The times that are offered for Anna's lesson of the day after tomorrow.
async fn times(teacher: &Teacher) -> MessageView {
    let days = SignedDuration::from_hours(48);
    teacher.teaches(1, tomorrow() + days, &[(ANNA, "Anna")]);
    let lesson = teacher.lesson(0);
    teacher.says("/lessons").await;
    let list = teacher.sees("Anna").await;
    teacher.presses(&list, &Teacher::label(&list, "Anna")).await;
    let details = teacher.sees_button("🔁 Move").await;
    let days = teacher.opens(&details, "🔁 Move", "Move it where?").await;
    assert_eq!(lesson.version, 1);
    let day = labels(&days)[0].to_owned();
    teacher.opens(&days, &day, "Free times, ").await
}

#[tokio::test]
async fn a_lesson_is_moved_to_a_free_time_after_asking() {
    let teacher = Teacher::new("en").await;
    let times = times(&teacher).await;
    let time = labels(&times)[1].to_owned();
    let asked = teacher.opens(&times, &time, "Move this lesson?").await;
    let before = teacher.lesson(0).start_time;
    assert!(
        asked.text.contains("From: ") && asked.text.contains("To: "),
        "{}",
        asked.text
    );
    teacher.opens(&asked, "✅ Move it", "Lesson moved").await;
    let after = olm_proto::instant(&teacher.lesson(0).start_time.unwrap()).unwrap();
    assert_eq!(after, slots()[1]);
    let lesson = teacher.lesson(0).id;
    let as_if_not_there = {
        let state = teacher.stage.lessons.state();
        let mut asked = state.asked_slots.iter();
        asked.all(|asked| asked.except_lesson_id == lesson && asked.lesson_duration.is_none())
    };
    assert!(as_if_not_there);
    assert_ne!(teacher.lesson(0).start_time, before);
    teacher.ends().await;
}

#[tokio::test]
async fn a_time_that_was_taken_meanwhile_is_refused_with_others() {
    let teacher = Teacher::new("en").await;
    let times = times(&teacher).await;
    let time = labels(&times)[0].to_owned();
    let other = slots()[4];
    teacher.stage.lessons.state().taken = Some(vec![other]);
    let asked = teacher.opens(&times, &time, "Move this lesson?").await;
    let refused = teacher.opens(&asked, "✅ Move it", "takes this time").await;
    let nearest = labels(&refused)[0].to_owned();
    let asked = teacher.opens(&refused, &nearest, "Move this lesson?").await;
    teacher.stage.lessons.state().refused_time = Some(ErrorReason::StudentBusy);
    teacher
        .opens(&asked, "✅ Move it", "The student has another lesson")
        .await;
    assert_eq!(teacher.lesson(0).version, 1);
    teacher.ends().await;
}

#[tokio::test]
async fn a_lesson_that_changed_meanwhile_is_shown_anew_and_not_moved() {
    let teacher = Teacher::new("en").await;
    let times = times(&teacher).await;
    let time = labels(&times)[0].to_owned();
    let asked = teacher.opens(&times, &time, "Move this lesson?").await;
    teacher
        .stage
        .lessons
        .move_lesson(SignedDuration::from_hours(3));
    let anew = teacher
        .opens(&asked, "✅ Move it", "has changed since")
        .await;
    assert_eq!(teacher.lesson(0).version, 2);
    data(&anew, "🔁 Move");
    teacher.ends().await;
}

#[tokio::test]
async fn the_times_of_a_full_day_are_turned_page_by_page() {
    let teacher = Teacher::new("en").await;
    let ten_minutes = |number: i64| tomorrow() + SignedDuration::from_mins(10 * number);
    teacher.stage.lessons.state().slots = (0..70).map(ten_minutes).collect();
    let first = times(&teacher).await;
    let later = Teacher::label(&first, "▶");
    teacher.presses(&first, &later).await;
    let second = teacher.sees_button("◀ ").await;
    let last = labels(&second)[9].to_owned();
    let asked = teacher.opens(&second, &last, "Move this lesson?").await;
    teacher.opens(&asked, "✅ Move it", "Lesson moved").await;
    let after = olm_proto::instant(&teacher.lesson(0).start_time.unwrap()).unwrap();
    assert_eq!(after, ten_minutes(69));
    teacher.ends().await;
}
