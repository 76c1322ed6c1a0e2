//! Why a lesson is ended.

use super::*;

#[tokio::test]
async fn what_is_written_long_after_a_reason_was_asked_for_ends_no_lesson() {
    let teacher = Teacher::new("en").await;
    teacher.teaches(1, tomorrow(), &[(ANNA, "Anna")]);
    for (minutes, text, ended) in [(16, "thank you", false), (14, "I am away", true)] {
        let lesson = details(&teacher, "Anna").await;
        let asked = teacher
            .opens(&lesson, "❌ Cancel", "Cancel this lesson?")
            .await;
        teacher.opens(&asked, "✏️", "Write the reason").await;
        teacher.clock.advance(SignedDuration::from_mins(minutes));
        teacher.says(text).await;
        if ended {
            teacher.sees("Reason: I am away").await;
            assert_eq!(teacher.lesson(0).status(), LessonStatus::Canceled);
        } else {
            teacher.sees("I understand the buttons below").await;
            assert_eq!(teacher.lesson(0).status(), LessonStatus::Scheduled);
        }
    }
    teacher.ends().await;
}
