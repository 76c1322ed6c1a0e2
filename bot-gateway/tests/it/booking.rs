//! Finding a teacher, the calendar, keeping a time and booking it.

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{LessonStatus, Teacher, TeacherPolicies},
};
use service_kit::clock::{Clock as _, SystemClock};
use telegram_sim::{
    api::{MessageView, Person},
    client::Button,
};
use uuid::Uuid;

use crate::{
    conversation::{data, hold_first, marked, offered, person, press, shown},
    lessons::{Lessons, slots, teacher},
    stage::{Running, Stage},
};

/// A student in Berlin who speaks English, before a bot with one teacher in Moscow.
pub struct Student {
    pub stage: Stage,
    running: Running,
    pub anna: Person,
}

impl Student {
    pub async fn new() -> Self {
        Self::speaking("en").await
    }

    pub async fn speaking(language: &str) -> Self {
        let (stage, running) = Stage::running().await;
        let anna = person(&stage, language).await;
        Self {
            stage,
            running,
            anna,
        }
    }

    pub fn lessons(&self) -> &Lessons {
        &self.stage.lessons
    }

    pub async fn say(&self, text: &str) {
        self.stage.sim.say(&self.anna, text).await.unwrap();
    }

    pub async fn shown(&self, text: &str) -> MessageView {
        shown(&self.stage, &self.anna, text).await
    }

    pub async fn offered(&self, mark: &str) -> MessageView {
        offered(&self.stage, &self.anna, mark).await
    }

    /// Presses the first button of `message` with `mark` in its label.
    pub async fn press(&self, message: &MessageView, mark: &str) {
        let button = Button::data(marked(message, mark)).on(message.message_id);
        press(&self.stage, &self.anna, button).await;
    }

    pub async fn stop(self) {
        self.running.stop().await.unwrap();
    }
}

/// With these policies, by another name.
pub fn another(number: u128, name: &str, policies: TeacherPolicies) -> Teacher {
    Teacher {
        id: Uuid::from_u128(number).to_string(),
        display_name: name.to_owned(),
        policies: Some(policies),
        ..teacher()
    }
}

/// What lasts so many minutes.
pub fn lasting(minutes: i64) -> prost_types::Duration {
    olm_proto::duration(SignedDuration::from_mins(minutes))
}

pub fn labels(message: &MessageView) -> Vec<&str> {
    let buttons = message.inline_keyboard.iter().flatten();
    buttons.map(|button| button.text.as_str()).collect()
}

/// The Monday of this week, where the reader is.
fn monday() -> Date {
    let today = TimeZone::get("Europe/Berlin")
        .unwrap()
        .to_datetime(SystemClock.now())
        .date();
    today - i64::from(today.weekday().to_monday_zero_offset()).days()
}

/// Noon of a day in Berlin.
fn noon(date: Date) -> Timestamp {
    let at = date.at(12, 0, 0, 0).in_tz("Europe/Berlin").unwrap();
    at.timestamp()
}

#[tokio::test]
async fn a_lapsed_hold_is_booked_all_the_same_while_the_time_is_free() {
    let student = Student::new().await;
    let ask = hold_first(&student.stage, &student.anna).await;
    student.lessons().state().lessons[0].status = LessonStatus::Lapsed.into();
    student.press(&ask, "✅").await;
    student.shown("You are booked").await;
    {
        let state = student.lessons().state();
        let booked = state
            .lessons
            .iter()
            .filter(|lesson| lesson.status() == LessonStatus::Scheduled);
        assert_eq!(booked.count(), 1);
        assert_eq!(state.book_requests.len(), 2);
        assert_ne!(state.book_requests[0], state.book_requests[1]);
    }
    student.stop().await;
}

#[tokio::test]
async fn a_taken_time_offers_others_that_can_be_booked() {
    let student = Student::new().await;
    let free = slots();
    student.say("/schedule").await;
    let calendar = student.offered("•").await;
    student.press(&calendar, "•").await;
    let day = student.offered(":").await;
    student.lessons().state().taken = Some(free[2..4].to_vec());
    student.press(&day, ":").await;
    let taken = student.shown("This time was just taken. The nearest").await;
    assert_eq!(taken.inline_keyboard.iter().flatten().count(), 3);
    student.press(&taken, ":").await;
    let ask = student.shown("Book this lesson?").await;
    // Now it is taken between the hold and the confirmation.
    student.lessons().state().lessons.clear();
    student.lessons().state().taken = Some(Vec::new());
    student.press(&ask, "✅").await;
    let taken = student.shown("Choose another one").await;
    student.press(&taken, "◀ To the week").await;
    student.offered("•").await;
    student.stop().await;
}

#[tokio::test]
async fn what_stands_against_a_time_is_said_with_a_way_back() {
    let student = Student::speaking("ru").await;
    for (reason, answer) in [
        (ErrorReason::StudentBusy, "У вас уже есть урок"),
        (ErrorReason::TooSoon, "осталось слишком мало"),
        (ErrorReason::TooFar, "Так далеко вперёд"),
        (ErrorReason::DailyLimitReached, "больше уроков не даёт"),
        (ErrorReason::NotAcceptingStudents, "не берёт новых учеников"),
        (ErrorReason::SelfBooking, "к самому себе"),
        (ErrorReason::LimitReached, "Слишком много заявок"),
        (ErrorReason::OutsideAvailability, "больше не предлагается"),
    ] {
        student.say("/schedule").await;
        let calendar = student.offered("•").await;
        student.press(&calendar, "•").await;
        let day = student.offered(":").await;
        student.lessons().state().refused_time = Some(reason);
        student.press(&day, ":").await;
        let refused = student.shown(answer).await;
        assert_eq!(labels(&refused), ["◀ К неделе"]);
    }
    student.stop().await;
}

#[tokio::test]
async fn another_time_lets_the_hold_go_and_the_same_time_can_be_kept_again() {
    let student = Student::new().await;
    let mut ask = hold_first(&student.stage, &student.anna).await;
    for _ in 0..2 {
        student.press(&ask, "Another time").await;
        let day = student.offered(":").await;
        let state = |lessons: &Lessons| lessons.state().lessons.last().unwrap().status();
        assert_eq!(state(student.lessons()), LessonStatus::Canceled);
        student.press(&day, ":").await;
        ask = student.offered("✅").await;
        assert_eq!(ask.message_id, day.message_id);
        assert_eq!(state(student.lessons()), LessonStatus::Held);
    }
    // One that ran out is no obstacle.
    {
        let mut state = student.lessons().state();
        let held = state.lessons.last_mut().unwrap();
        held.status = LessonStatus::Lapsed.into();
        held.version += 1;
    }
    student.press(&ask, "Another time").await;
    student.offered(":").await;
    student.stop().await;
}

#[tokio::test]
async fn only_days_with_free_times_can_be_opened_and_weeks_end_at_the_horizon() {
    let student = Student::new().await;
    let next = monday() + 7.days();
    let free = [noon(next + 1.day()), noon(next + 4.days())];
    {
        let mut state = student.lessons().state();
        state.slots = free.to_vec();
        let policies = TeacherPolicies {
            booking_horizon: Some(lasting(7 * 24 * 60)),
            ..TeacherPolicies::default()
        };
        state.teachers[0].policies = Some(policies);
    }
    student.say("/schedule").await;
    // This week has none: the first one that has any is opened.
    let calendar = student.shown("Choose a day").await;
    let days = &calendar.inline_keyboard[1];
    let marks: Vec<_> = days.iter().map(|day| day.text.contains('•')).collect();
    assert_eq!(marks, [false, true, false, false, true, false, false]);
    let turns: Vec<_> = labels(&calendar)[14..16].to_vec();
    assert_eq!(turns, ["◀", "·"]);
    // A day without any does nothing.
    student.press(&calendar, "·").await;
    student.press(&calendar, "◀").await;
    let empty = student.shown("Nothing is free in this week").await;
    assert_eq!(empty.message_id, calendar.message_id);
    assert!(labels(&empty)[0].starts_with("Next free: Tue"), "{empty:?}");
    assert_eq!(labels(&empty)[1..3], ["·", "▶"]);
    student.press(&empty, "Next free").await;
    let day = student.shown("Choose a time").await;
    assert_eq!(labels(&day), ["12:00", "◀ To the week"]);
    student.press(&day, "◀").await;
    student.shown("Choose a day").await;
    // Whole weeks of the reader's zone are asked for.
    for asked in &student.lessons().state().asked_slots {
        let start = olm_proto::instant(asked.start_time.as_ref().unwrap()).unwrap();
        let at = start.in_tz("Europe/Berlin").unwrap();
        assert_eq!(at.datetime().time(), jiff::civil::Time::midnight());
        assert_eq!(at.weekday(), jiff::civil::Weekday::Monday);
    }
    student.stop().await;
}

#[tokio::test]
async fn a_teacher_without_free_times_says_so() {
    let student = Student::speaking("ru").await;
    student.lessons().state().slots.clear();
    student.say("/schedule").await;
    let none = student.shown("Свободного времени пока нет").await;
    assert!(!none.text.contains("Выберите день"));
    student.stop().await;
}

#[tokio::test]
async fn an_hour_that_the_clock_shows_twice_is_offered_twice() {
    let student = Student::new().await;
    // The next time that Berlin puts its clocks back, within the year.
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let back = berlin
        .following(SystemClock.now())
        .find(|change| change.dst() == jiff::tz::Dst::No)
        .unwrap()
        .timestamp();
    {
        let mut state = student.lessons().state();
        state.slots = vec![back - SignedDuration::from_hours(1), back];
        let policies = TeacherPolicies {
            booking_horizon: Some(lasting(370 * 24 * 60)),
            ..TeacherPolicies::default()
        };
        state.teachers[0].policies = Some(policies);
    }
    student.say("/schedule").await;
    let calendar = student.offered("•").await;
    student.press(&calendar, "•").await;
    let day = student.shown("Choose a time").await;
    assert_eq!(labels(&day)[..2], ["02:00 UTC+2", "02:00 UTC+1"]);
    student.press(&day, "UTC+1").await;
    let ask = student.shown("Book this lesson?").await;
    assert!(ask.text.contains("(Berlin, UTC+1)"), "{}", ask.text);
    let held = student.lessons().state().lessons[0].start_time;
    assert_eq!(held, Some(olm_proto::timestamp(back)));
    student.stop().await;
}

#[tokio::test]
async fn the_length_of_the_lesson_is_chosen_above_the_days() {
    let student = Student::new().await;
    let policies = TeacherPolicies {
        lesson_durations: vec![lasting(60), lasting(90)],
        requires_approval: true,
        ..TeacherPolicies::default()
    };
    student.lessons().state().teachers[0].policies = Some(policies);
    student.say("/schedule").await;
    let calendar = student.shown("60 min a lesson").await;
    assert_eq!(labels(&calendar)[..2], ["✓ 60 min", "90 min"]);
    student.press(&calendar, "90 min").await;
    let calendar = student.shown("90 min a lesson").await;
    assert_eq!(labels(&calendar)[..2], ["60 min", "✓ 90 min"]);
    student.press(&calendar, "•").await;
    let day = student.shown("Choose a time").await;
    student.press(&day, ":").await;
    let ask = student.shown("Length: 90 min").await;
    assert!(ask.text.contains("The teacher confirms bookings"));
    data(&ask, "📨 Send request");
    student.stop().await;
}

#[tokio::test]
async fn the_teachers_policy_is_said_before_booking() {
    for (language, hours, words) in [
        ("ru", 0, "Отменить можно в любой момент"),
        ("ru", 1, "Отменить без последствий можно до"),
        (
            "ru",
            30 * 24,
            "Отмена меньше чем за 30 дней до начала считается поздней",
        ),
        ("en", 0, "You can cancel at any time before it begins"),
        ("en", 1, "You can cancel without consequences until"),
        (
            "en",
            30 * 24,
            "It begins in less than 30 days: cancelling counts as late",
        ),
    ] {
        let student = Student::speaking(language).await;
        let policies = TeacherPolicies {
            cancel_notice: Some(lasting(hours * 60)),
            ..TeacherPolicies::default()
        };
        student.lessons().state().teachers[0].policies = Some(policies);
        let ask = hold_first(&student.stage, &student.anna).await;
        assert!(ask.text.contains(words), "{}", ask.text);
        student.stop().await;
    }
}

#[tokio::test]
async fn ones_own_teachers_come_first_and_the_others_are_found_by_name_or_subject() {
    let student = Student::new().await;
    {
        let mut state = student.lessons().state();
        let physics = TeacherPolicies {
            subjects: vec!["Physics".to_owned()],
            ..TeacherPolicies::default()
        };
        let full = TeacherPolicies {
            accepting_students: Some(false),
            ..TeacherPolicies::default()
        };
        for number in 1..=9 {
            let name = format!("Tutor {number}");
            state
                .teachers
                .push(another(number, &name, TeacherPolicies::default()));
        }
        state.teachers.push(another(10, "Boris", physics));
        state.teachers.push(another(11, "Own Olga", full.clone()));
        state
            .teachers
            .push(another(12, "Own Oleg", TeacherPolicies::default()));
        state.teachers.push(another(13, "Full Fedor", full));
        for own in [11, 12] {
            state.own_teachers.push(Uuid::from_u128(own).to_string());
        }
    }
    student.say("/schedule").await;
    let list = student.shown("Choose a teacher").await;
    let first = labels(&list);
    assert_eq!(first[..2], ["⭐ Own Olga", "⭐ Own Oleg"]);
    assert_eq!(first[8..], ["·", "▶"]);
    student.press(&list, "▶").await;
    let list = student.offered("◀").await;
    assert!(!labels(&list).contains(&"Full Fedor"), "{list:?}");
    // What is written is looked for, in names and in subjects.
    student.say("tutor").await;
    let found = student.shown("9 teachers found").await;
    student.say("<nobody>").await;
    student.shown("Nobody found").await;
    student.say("PHYSICS").await;
    let calendar = student.shown("Teaches: Physics").await;
    assert_ne!(calendar.message_id, found.message_id);
    student.press(&calendar, "👥 Teachers").await;
    let list = student.offered("⭐ Own Olga").await;
    student.press(&list, "⭐ Own Olga").await;
    student.shown("Own Olga").await;
    student.stop().await;
}

#[tokio::test]
async fn the_only_own_teacher_is_opened_at_once() {
    let student = Student::new().await;
    {
        let mut state = student.lessons().state();
        let own = another(11, "Own Olga", TeacherPolicies::default());
        state.own_teachers.push(own.id.clone());
        state.teachers.push(own);
    }
    student.say("/schedule").await;
    let calendar = student.shown("Own Olga").await;
    assert!(calendar.text.contains("Choose a day"), "{}", calendar.text);
    student.stop().await;
}
