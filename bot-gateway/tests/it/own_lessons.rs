//! A student's lessons: the list, the details, moving, cancelling, and groups.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{Booking, BookingStatus, Lesson, LessonStatus, TeacherPolicies},
};
use telegram_sim::api::MessageView;
use uuid::Uuid;

use crate::{
    booking::{Student, labels, lasting},
    conversation::{book_first, older_screen},
    lessons::{TEACHER, in_berlin, slots, teacher},
};

mod groups;
mod notices;

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
    let other = in_berlin(slots()[3]);
    let student = Student::speaking("ru").await;
    student.lessons().state().teachers[0].policies = Some(noticed(1));
    book_first(&student.stage, &student.anna).await;
    let booked = student.shown("Вы записаны").await;
    student.press(&booked, "🔁").await;
    let week = student.shown("Перенос урока").await;
    student.press(&week, "•").await;
    let day = student.offered(&other).await;
    student.press(&day, &other).await;
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
    {
        let state = student.lessons().state();
        let moved = &state.lessons[0];
        assert_eq!(moved.start_time, Some(olm_proto::timestamp(slots()[3])));
        // What is free is asked for as if the lesson were not there.
        let asked = state.asked_slots.iter();
        let asked: Vec<_> = asked.map(|asked| asked.except_lesson_id.as_str()).collect();
        let own = [moved.id.as_str()];
        assert!(asked.contains(&"") && asked.ends_with(&own), "{asked:?}");
    }
    student.stop().await;
}

#[tokio::test]
async fn what_stands_against_a_move_is_said() {
    let other = in_berlin(slots()[3]);
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
        let day = student.offered(&other).await;
        student.press(&day, &other).await;
        let ask = student.shown("Move this lesson?").await;
        student.lessons().state().refused_time = Some(reason);
        student.press(&ask, "Yes, move it").await;
        let refused = student.shown(answer).await;
        student.press(&refused, "◀ To the week").await;
    }
    // A time that was just taken offers the nearest others to move to.
    let week = student.offered("•").await;
    student.press(&week, "•").await;
    let day = student.offered(&other).await;
    student.press(&day, &other).await;
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
async fn details_that_are_too_long_for_a_message_are_cut() {
    let student = Student::new().await;
    let known = Lesson {
        meeting_url: format!("https://meet.example/{}", "x".repeat(479)),
        // As long as notes and names can be, each character of two units.
        notes: "👋".repeat(2_000),
        group_title: "👋".repeat(128),
        ..lesson(&student, 1, slots()[0])
    };
    student.lessons().state().lessons.push(known);
    let page = list(&student).await;
    student.press(&page, "·").await;
    let details = student.shown("It takes place").await;
    for part in ["Teacher: ", "Where: https://meet.example/", "👋…"] {
        assert!(details.text.contains(part), "{part}: {}", details.text);
    }
    student.stop().await;
}

#[tokio::test]
async fn what_is_no_lesson_yet_is_ended_in_words_of_its_own() {
    for (language, status, ask, yes, no, done) in [
        (
            "ru",
            LessonStatus::Requested,
            "Отозвать заявку?",
            "Да, отозвать",
            "Оставить",
            "Заявка отозвана",
        ),
        (
            "en",
            LessonStatus::Requested,
            "Withdraw this request?",
            "Yes, withdraw it",
            "Leave it",
            "Request withdrawn",
        ),
        (
            "en",
            LessonStatus::Held,
            "Stop keeping this time",
            "Yes, let it go",
            "Leave it",
            "no longer kept",
        ),
    ] {
        let student = Student::speaking(language).await;
        student.say("/help").await;
        student.shown("/schedule").await;
        let waits = Lesson {
            status: status.into(),
            expire_time: Some(olm_proto::timestamp(slots()[0])),
            ..lesson(&student, 1, slots()[0])
        };
        student.lessons().state().lessons.push(waits.clone());
        // As from an older screen: that of a hold asks whether to book it.
        let id: Uuid = waits.id.parse().unwrap();
        let asks = format!("c:{}:1", BASE64_URL_SAFE_NO_PAD.encode(id.as_bytes()));
        let older = older_screen(&student.stage, &student.anna, &asks).await;
        student.press(&older, "❌").await;
        let asked = student.shown(ask).await;
        assert_eq!(labels(&asked), [yes, no]);
        student.press(&asked, yes).await;
        student.shown(done).await;
        let ended = student.lessons().state().lessons[0].status();
        assert_eq!(ended, LessonStatus::Canceled);
        student.stop().await;
    }
}

#[tokio::test]
async fn a_lesson_is_put_into_ones_own_calendar_by_a_link() {
    for (place, location) in [
        ("https://meet.example/1", Some("https://meet.example/1")),
        ("", None),
        (&format!("https://meet.example/{}", "x".repeat(2_000)), None),
    ] {
        let student = Student::new().await;
        let known = Lesson {
            meeting_url: place.to_owned(),
            ..lesson(&student, 1, slots()[0])
        };
        student.lessons().state().lessons.push(known);
        let page = list(&student).await;
        student.press(&page, "·").await;
        let details = student.shown("It takes place").await;
        let mut buttons = details.inline_keyboard.iter().flatten();
        let link = buttons.find(|button| button.text == "📆 Add to Google Calendar");
        let link: url::Url = link.unwrap().url.as_ref().unwrap().parse().unwrap();
        assert_eq!(link.host_str(), Some("calendar.google.com"));
        let fields: std::collections::HashMap<_, _> = link.query_pairs().collect();
        let start = slots()[0];
        let end = start + SignedDuration::from_hours(1);
        let utc = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
        assert_eq!(fields["dates"], format!("{}/{}", utc(start), utc(end)));
        assert_eq!(fields["text"], "Lesson: Мария <3");
        assert_eq!(fields.get("location").map(AsRef::as_ref), location);
        student.stop().await;
    }
}

#[tokio::test]
async fn the_next_lesson_is_one_that_takes_place_else_it_says_what_it_is() {
    const ALL: [LessonStatus; 3] = [
        LessonStatus::Held,
        LessonStatus::Requested,
        LessonStatus::Scheduled,
    ];
    for (last, mark) in [
        "(kept for you, not booked yet)",
        "(waits for the teacher’s answer)",
        "Мария <3\n",
    ]
    .into_iter()
    .enumerate()
    {
        let student = Student::new().await;
        student.say("/help").await;
        student.shown("/schedule").await;
        let lessons = ALL.into_iter().take(last + 1).zip(1..);
        let lessons: Vec<_> = lessons
            .map(|(status, number)| Lesson {
                status: status.into(),
                ..lesson(&student, number, slots()[usize::try_from(number).unwrap()])
            })
            .collect();
        student.lessons().state().lessons = lessons;
        student.say("/status").await;
        let status = student.shown("👤").await;
        let start = slots()[last + 1].in_tz("Europe/Berlin").unwrap();
        let clock = start.strftime("%H:%M").to_string();
        assert!(status.text.contains(&clock), "{}", status.text);
        assert!(status.text.contains(mark), "{}", status.text);
        student.stop().await;
    }
}
