//! Days on which a teacher does not work.

use jiff::tz::TimeZone;
use olm_proto::lesson::v1::TimeOff;

use super::*;
use crate::lessons::Failing;

/// The stretches of the calendar, in days and hours of Berlin.
fn stretches(teacher: &Teacher) -> Vec<(String, String)> {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let text = |time: Option<prost_types::Timestamp>| {
        let instant = olm_proto::instant(&time.unwrap()).unwrap();
        let at = instant.to_zoned(berlin.clone());
        at.strftime("%Y-%m-%d %H:%M").to_string()
    };
    let state = teacher.stage.lessons.state();
    let stretch = |off: &TimeOff| (text(off.start_time), text(off.end_time));
    state.teaching.time_off.iter().map(stretch).collect()
}

/// A day of Berlin so many days from now, as "YYYY-MM-DD 00:00".
fn day(days: i32) -> String {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let today = SystemClock.now().to_zoned(berlin).date();
    let span = jiff::Span::new().days(days);
    format!("{} 00:00", today.checked_add(span).unwrap())
}

async fn opened(teacher: &Teacher) -> MessageView {
    teacher.says("/agenda").await;
    let day = teacher.sees("Today, ").await;
    teacher.opens(&day, "🏖", "No days off ahead").await
}

#[tokio::test]
async fn today_and_tomorrow_are_taken_off_and_given_back() {
    let teacher = Teacher::new("en").await;
    let list = opened(&teacher).await;
    let added = teacher.opens(&list, "🌙 Not today", "Noted").await;
    assert!(
        added.text.contains("No lessons in these days"),
        "{}",
        added.text
    );
    assert_eq!(stretches(&teacher), [(day(0), day(1))]);
    teacher.presses(&added, "◀ Back").await;
    let list = teacher.sees_button("✖").await;
    let list = teacher
        .opens(&list, "✖", "you work on these days again")
        .await;
    assert_eq!(stretches(&teacher), []);
    // The same day again, from the same message.
    let added = teacher.opens(&list, "🌙 Not today", "Noted").await;
    assert_eq!(stretches(&teacher), [(day(0), day(1))]);
    teacher.presses(&added, "◀ Back").await;
    let list = teacher.sees_button("✖").await;
    teacher.opens(&list, "Not tomorrow", "Noted").await;
    assert_eq!(stretches(&teacher), [(day(0), day(1)), (day(1), day(2))]);
    teacher.ends().await;
}

#[tokio::test]
async fn days_that_are_taken_off_are_so_when_their_lessons_cannot_be_read() {
    for (language, list, done) in [
        ("en", "Not tomorrow", "✅ Done. ⚠️ What came of it"),
        ("ru", "Завтра", "✅ Готово. ⚠️ Показать результат"),
    ] {
        let teacher = Teacher::new(language).await;
        teacher.says("/agenda").await;
        let day_shown = teacher.sees_button("🏖").await;
        teacher.presses(&day_shown, "🏖").await;
        let days = teacher.sees_button("✏️").await;
        let failing = Failing::Only("ListLessons");
        teacher.stage.lessons.failing.send_replace(failing);
        let tomorrow = Teacher::label(&days, list);
        teacher.opens(&days, &tomorrow, done).await;
        assert_eq!(stretches(&teacher), [(day(1), day(2))]);
        teacher.ends().await;
    }
}

#[tokio::test]
async fn the_first_and_the_last_day_are_chosen_from_a_month() {
    let teacher = Teacher::new("en").await;
    let list = opened(&teacher).await;
    let first = teacher.opens(&list, "📅", "The first day off?").await;
    assert_eq!(
        labels(&first)[..7],
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    );
    let next = Teacher::label(&first, "▶");
    let month = next.trim_end_matches(" ▶");
    let first = teacher.opens(&first, &next, month).await;
    let until = teacher.opens(&first, "10", "And the last day off?").await;
    assert!(
        !labels(&until).contains(&"9"),
        "no day before the first: {until:#?}"
    );
    let added = teacher.opens(&until, "12", "Noted").await;
    assert!(
        added.text.contains("10") && added.text.contains("12"),
        "{}",
        added.text
    );
    let stretches = stretches(&teacher);
    assert!(stretches[0].0.ends_with("-10 00:00"), "{stretches:?}");
    assert!(stretches[0].1.ends_with("-13 00:00"), "{stretches:?}");
    teacher.ends().await;
}

#[tokio::test]
async fn days_can_be_typed_and_are_asked_back() {
    let teacher = Teacher::new("ru").await;
    teacher.says("/agenda").await;
    let day = teacher.sees("Сегодня, ").await;
    let list = teacher.opens(&day, "🏖", "нерабочих дней нет").await;
    teacher.opens(&list, "✏️", "Напишите дни").await;
    teacher.says("когда-нибудь").await;
    teacher.sees("Не получилось понять").await;
    teacher.says("24 дек – 6 янв").await;
    let asked = teacher.sees("24 декабря").await;
    assert_eq!(stretches(&teacher), []);
    teacher.opens(&asked, "✅ Верно", "нерабочее время").await;
    let stretches = stretches(&teacher);
    assert!(stretches[0].0.ends_with("-12-24 00:00"), "{stretches:?}");
    assert!(stretches[0].1.ends_with("-01-07 00:00"), "{stretches:?}");
    teacher.ends().await;
}

/// Takes tomorrow off with three lessons in it, and asks to cancel them all.
async fn asked(teacher: &Teacher) -> MessageView {
    for (id, hours) in [(1, 0), (2, 2), (3, 4)] {
        let start = tomorrow() + SignedDuration::from_hours(hours);
        teacher.teaches(id, start, &[(ANNA, "Anna")]);
    }
    teacher.change(1, |lesson| lesson.status = LessonStatus::Requested.into());
    let list = opened(teacher).await;
    let added = teacher
        .opens(&list, "Not tomorrow", "3 lessons lie in it")
        .await;
    data(&added, &Teacher::label(&added, "Anna"));
    teacher
        .opens(&added, "❌ Cancel all (3)", "Cancel 3 lessons?")
        .await
}

fn statuses(teacher: &Teacher) -> Vec<LessonStatus> {
    (0..3).map(|index| teacher.lesson(index).status()).collect()
}

#[tokio::test]
async fn all_lessons_in_a_day_off_are_cancelled_after_asking_and_what_was_not_is_told() {
    let teacher = Teacher::new("en").await;
    let asked = asked(&teacher).await;
    assert_eq!(statuses(&teacher)[0], LessonStatus::Scheduled);
    let kept = teacher.lesson(2).id;
    teacher.stage.lessons.state().teaching.kept.push(kept);
    let done = teacher.opens(&asked, "❌ Yes", "2 lessons cancelled").await;
    assert!(
        done.text.contains("1 lesson could not be cancelled"),
        "{}",
        done.text
    );
    Teacher::label(&done, "Anna");
    let ended = [
        LessonStatus::Canceled,
        LessonStatus::Declined,
        LessonStatus::Scheduled,
    ];
    assert_eq!(statuses(&teacher), ended);
    teacher.ends().await;
}

#[tokio::test]
async fn lessons_that_changed_since_they_were_listed_are_asked_for_again() {
    let teacher = Teacher::new("en").await;
    let asked = asked(&teacher).await;
    teacher.change(0, |lesson| lesson.version += 1);
    let again = teacher.opens(&asked, "❌ Yes", "has changed since").await;
    assert_eq!(statuses(&teacher)[0], LessonStatus::Scheduled);
    teacher.opens(&again, "❌ Yes", "3 lessons cancelled").await;
    assert_eq!(statuses(&teacher)[0], LessonStatus::Canceled);
    teacher.ends().await;
}

#[tokio::test]
async fn a_day_that_was_tomorrow_when_its_button_was_drawn_is_not_taken_off() {
    let teacher = Teacher::new("en").await;
    let list = opened(&teacher).await;
    teacher.clock.advance(SignedDuration::from_hours(24));
    let anew = teacher.opens(&list, "Not tomorrow", "another day").await;
    assert_eq!(stretches(&teacher), []);
    teacher.opens(&anew, "Not tomorrow", "Noted").await;
    assert_eq!(stretches(&teacher), [(day(2), day(3))]);
    teacher.ends().await;
}

#[tokio::test]
async fn lessons_that_one_message_does_not_show_are_counted_and_offered_next() {
    let teacher = Teacher::new("en").await;
    for id in 1..=45 {
        let start = tomorrow() + SignedDuration::from_mins(10 * i64::try_from(id).unwrap());
        teacher.teaches(id, start, &[(ANNA, "Anna")]);
    }
    let list = opened(&teacher).await;
    let added = teacher.opens(&list, "Not tomorrow", "45 lessons lie").await;
    assert!(added.text.contains("And 5 more"), "{}", added.text);
    let all = "❌ Cancel all (45)";
    let asked = teacher.opens(&added, all, "Cancel 40 lessons?").await;
    assert!(asked.text.contains("And 5 more"), "{}", asked.text);
    let done = teacher
        .opens(&asked, "❌ Yes", "40 lessons cancelled")
        .await;
    assert!(done.text.contains("Not cancelled yet: 5"), "{}", done.text);
    let rest = "❌ Cancel all (5)";
    let asked = teacher.opens(&done, rest, "Cancel 5 lessons?").await;
    teacher
        .opens(&asked, "❌ Yes", "❌ 5 lessons cancelled")
        .await;
    let canceled = |index| teacher.lesson(index).status() == LessonStatus::Canceled;
    assert!((0..45).all(canceled));
    teacher.ends().await;
}

#[tokio::test]
async fn where_nobody_answers_no_lesson_is_said_to_have_changed() {
    let teacher = Teacher::new("en").await;
    let asked = asked(&teacher).await;
    // The first of them all: nothing was done before it.
    let first = teacher.lesson(0).id;
    teacher.stage.lessons.state().teaching.silent.push(first);
    teacher.presses(&asked, "❌ Yes").await;
    let told = teacher.sees("⚠️").await;
    assert!(!told.text.contains("have changed"), "{}", told.text);
    assert!(told.message_id > asked.message_id, "the question stays");
    // After others.
    let last = teacher.lesson(2).id;
    teacher.teaches(
        4,
        tomorrow() + SignedDuration::from_hours(6),
        &[(ANNA, "Anna")],
    );
    teacher.clock.advance(SignedDuration::from_mins(6));
    teacher.stage.lessons.state().teaching.silent = vec![last];
    let asked = teacher.opens(&asked, "❌ Yes", "Cancel 4 lessons?").await;
    let done = teacher.opens(&asked, "❌ Yes", "2 lessons cancelled").await;
    assert!(done.text.contains("Nobody knows"), "{}", done.text);
    assert!(done.text.contains("Not cancelled yet: 1"), "{}", done.text);
    assert!(!done.text.contains("could not be"), "{}", done.text);
    assert_eq!(teacher.lesson(3).status(), LessonStatus::Scheduled);
    teacher
        .opens(&done, "❌ Cancel all (2)", "Cancel 2 lessons?")
        .await;
    teacher.ends().await;
}
