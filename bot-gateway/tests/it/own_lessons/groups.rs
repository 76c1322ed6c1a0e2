//! Seats in lessons of the student's groups.

use olm_proto::lesson::v1::Group;

use super::*;

/// Of the student's group, with so many of its seats taken, none by the student.
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

/// Puts the student into a group with these lessons.
fn open_group(student: &Student, lessons: Vec<Lesson>) {
    let mut state = student.lessons().state();
    state.teaching.groups.push(Group {
        id: GROUP.to_string(),
        teacher_id: TEACHER.to_string(),
        title: "Beginners".to_owned(),
        ..Group::default()
    });
    state.lessons = lessons;
}

#[tokio::test]
async fn a_seat_in_a_groups_lesson_is_taken_with_one_press_and_full_ones_say_so() {
    let student = Student::new().await;
    open_group(
        &student,
        vec![of_group(&student, 1, 1), of_group(&student, 2, 2)],
    );
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

#[tokio::test]
async fn nobody_is_seated_at_a_time_that_the_button_did_not_show() {
    for from_details in [false, true] {
        let student = Student::new().await;
        open_group(&student, vec![of_group(&student, 1, 0)]);
        student.say("/lessons").await;
        let page = student.offered("👥 Lessons of my groups").await;
        student.press(&page, "👥").await;
        let mut open = student.shown("2 seats left").await;
        let id: Uuid = student.lessons().state().lessons[0].id.parse().unwrap();
        let id = BASE64_URL_SAFE_NO_PAD.encode(id.as_bytes());
        if from_details {
            // As an earlier release drew it, without a time: it seats nobody.
            let data = format!("b.j:{id}");
            let older = older_screen(&student.stage, &student.anna, &data).await;
            student.press(&older, "❌").await;
            open = student.shown("You have no seat in this lesson").await;
            assert_eq!(student.lessons().state().lessons[0].seats_taken, 0);
        }
        student.lessons().move_lesson(SignedDuration::from_hours(2));
        student.press(&open, "✅").await;
        let changed = student.shown("The lesson was changed, now it is").await;
        assert_eq!(student.lessons().state().lessons[0].seats_taken, 0);
        let start = in_berlin(slots()[0] + SignedDuration::from_hours(3));
        assert!(changed.text.contains(&start), "{}", changed.text);
        student.press(&changed, "✅ Take a seat").await;
        let joined = student.shown("You have a seat").await;
        assert!(joined.text.contains(&start), "{}", joined.text);
        student.stop().await;
    }
}

#[tokio::test]
async fn a_seat_of_a_lesson_that_moved_and_filled_up_or_ended_is_not_offered_again() {
    for (taken, status, answer) in [
        (2, LessonStatus::Scheduled, "No seat is left in this lesson"),
        (
            0,
            LessonStatus::Canceled,
            "This lesson is cancelled already",
        ),
    ] {
        let student = Student::new().await;
        open_group(&student, vec![of_group(&student, 1, 0)]);
        student.say("/lessons").await;
        let page = student.offered("👥 Lessons of my groups").await;
        student.press(&page, "👥").await;
        let open = student.shown("2 seats left").await;
        student.lessons().move_lesson(SignedDuration::from_hours(2));
        {
            let lesson = &mut student.lessons().state().lessons[0];
            lesson.seats_taken = taken;
            lesson.status = status.into();
        }
        student.press(&open, "✅").await;
        let told = student.shown(answer).await;
        assert!(!labels(&told).contains(&"✅ Take a seat"), "{told:?}");
        student.stop().await;
    }
}
