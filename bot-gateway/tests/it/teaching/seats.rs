//! Groups that fill more than one message.

use super::*;

#[tokio::test]
async fn a_full_group_with_long_words_is_shown_whole_page_by_page() {
    let teacher = Teacher::new("en").await;
    let name = |number: u128| format!("Student {number:02} {}", "<&>".repeat(20));
    let names: Vec<_> = (1..=50).map(|number| (number, name(number))).collect();
    let students: Vec<_> = names
        .iter()
        .map(|(id, name)| (*id, name.as_str()))
        .collect();
    teacher.teaches(1, in_minutes(-10), &students);
    teacher.change(0, |lesson| {
        group(lesson, "Chess");
        lesson.capacity = 51;
        lesson.notes = "Long ".repeat(400);
        // Given up: it takes no student's place.
        lesson.bookings[0].status = BookingStatus::Canceled.into();
    });
    let first = details(&teacher, "Chess").await;
    Teacher::label(&first, "✅ Student 21");
    let second = teacher.opens(&first, "21–40 ▶", "Student 41").await;
    let third = teacher.opens(&second, "41–50 ▶", "Student 42").await;
    let kept = teacher.opens(&third, "✅ Student 50", "Written down").await;
    assert_eq!(
        teacher.lesson(0).bookings[49].status(),
        BookingStatus::Attended
    );
    data(&kept, "🚫 Student 50");
    teacher.opens(&kept, "◀ 21–40", "Student 22").await;
    teacher.ends().await;
}
