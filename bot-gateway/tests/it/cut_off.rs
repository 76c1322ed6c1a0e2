//! With server 1 slow, failing or gone: what was read before is given and says so, what
//! cannot be done is told, and it is asked again only now and then.

mod changing;
mod crowd;
mod words;

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use olm_proto::lesson::v1::{Lesson, LessonStatus};
use service_kit::clock::{Clock as _, ManualClock, SystemClock};
use telegram_sim::{
    api::{MessageView, Person},
    client::Button,
};
use tokio::time::timeout;
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    conversation::{data, marked, person, press, shown},
    lessons::Failing,
    stage::{Running, SOON, Stage},
    wire::Wire,
};

use words::{EN, RU, Words};

const DRAIN: Duration = Duration::from_secs(8);

/// Says something and waits for the bot's answer to it.
async fn ask(stage: &Stage, person: &Person, text: &str) -> MessageView {
    let said = stage.sim.say(person, text).await.unwrap();
    let is_answer =
        |message: &MessageView| message.from_bot && message.message_id > said.message_id;
    stage.sim.message(person, SOON, is_answer).await.unwrap()
}

/// Presses a button of `message` and waits for the new message that answers it.
async fn press_for_new(
    stage: &Stage,
    person: &Person,
    message: &MessageView,
    data: String,
) -> MessageView {
    let newest = stage.sim.chat(person).await.unwrap().messages;
    let newest = newest.last().unwrap().message_id;
    press(stage, person, Button::data(data).on(message.message_id)).await;
    let is_answer = |message: &MessageView| message.message_id > newest;
    stage.sim.message(person, SOON, is_answer).await.unwrap()
}

/// Polls until `holds`; there is no signal to wait for.
async fn wait_for(holds: impl Fn() -> bool) {
    let poll = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, poll).await.expect("it happens");
}

async fn becomes(health: &mut HealthClient<Channel>, service: &str, status: ServingStatus) {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let mut watch = health.watch(request).await.unwrap().into_inner();
    let told = async { while watch.message().await.unwrap().unwrap().status() != status {} };
    timeout(SOON, told).await.expect("it is told");
}

async fn health(running: &Running) -> HealthClient<Channel> {
    let channel = Endpoint::from_shared(format!("http://{}", running.address)).unwrap();
    HealthClient::new(channel.connect().await.unwrap())
}

/// Stands still at about now, and no midnight comes when it is moved by minutes.
fn clock() -> Arc<ManualClock> {
    let now = SystemClock.now();
    let is_late = now.as_second().rem_euclid(3_600) >= 50 * 60;
    let by = SignedDuration::from_mins(if is_late { 10 } else { 0 });
    ManualClock::new(now + by)
}

impl Stage {
    /// How often an RPC was called.
    fn called(&self, method: &str) -> usize {
        let calls = self.lessons.calls.lock().unwrap();
        calls.iter().filter(|call| *call == method).count()
    }
}

/// Presses a button of `message`, which becomes one with a button that has `then` in it.
async fn turn(
    stage: &Stage,
    person: &Person,
    message: &MessageView,
    (mark, then): (&str, &str),
) -> MessageView {
    let button = Button::data(marked(message, mark)).on(message.message_id);
    press(stage, person, button).await;
    let has = |shown: &MessageView| {
        let mut buttons = shown.inline_keyboard.iter().flatten();
        shown.message_id == message.message_id && buttons.any(|button| button.text.contains(then))
    };
    stage.news(person, has).await
}

const TO_DAY: (&str, &str) = ("•", ":");
const TO_TIME: (&str, &str) = (":", "✅");

/// Up to the question whether to book.
async fn hold(stage: &Stage, person: &Person) -> MessageView {
    let calendar = ask(stage, person, "/schedule").await;
    let day = turn(stage, person, &calendar, TO_DAY).await;
    turn(stage, person, &day, TO_TIME).await
}

async fn book(stage: &Stage, person: &Person, words: &Words) {
    let question = hold(stage, person).await;
    let confirm = Button::data(data(&question, "✅")).on(question.message_id);
    press(stage, person, confirm).await;
    shown(stage, person, words.booked).await;
}

/// A person with a lesson who has looked at everything once, long ago.
async fn looked_long_ago(stage: &Stage, clock: &ManualClock, words: &Words) -> Person {
    watched(stage).await;
    let anna = person(stage, words.language).await;
    book(stage, &anna, words).await;
    let calendar = ask(stage, &anna, "/schedule").await;
    assert!(!calendar.text.contains('⚠'), "{}", calendar.text);
    turn(stage, &anna, &calendar, TO_DAY).await;
    let lessons = ask(stage, &anna, "/lessons").await;
    assert!(lessons.text.contains("Мария <3"), "{}", lessons.text);
    clock.advance(SignedDuration::from_mins(6));
    anna
}

/// With server 1 cut off somehow: what was looked at is shown with the mark, what was not
/// cannot be, and nothing is done.
async fn lives_cut_off(stage: &Stage, words: &Words, anna: &Person) {
    let lessons = ask(stage, anna, "/lessons").await;
    assert!(lessons.text.contains(words.lessons), "{}", lessons.text);
    assert!(lessons.text.contains("Мария <3"), "{}", lessons.text);
    assert!(lessons.text.contains(words.stale), "{}", lessons.text);
    // Its lesson was never looked at alone.
    let details = marked(&lessons, "·");
    for _ in 0..2 {
        // The button is still there.
        let asked = press_for_new(stage, anna, &lessons, details.clone()).await;
        assert_eq!(asked.text, words.unavailable);
    }
    let calendar = ask(stage, anna, "/schedule").await;
    assert!(calendar.text.contains("Мария <3"), "{}", calendar.text);
    assert!(calendar.text.contains(words.stale), "{}", calendar.text);
    let day = turn(stage, anna, &calendar, TO_DAY).await;
    assert!(day.text.contains(words.stale), "{}", day.text);
    let refused = press_for_new(stage, anna, &day, marked(&day, ":")).await;
    assert!(refused.text.contains(words.not_done), "{}", refused.text);
    let stranger = person(stage, words.language).await;
    let unknown = ask(stage, &stranger, "/lessons").await;
    assert_eq!(unknown.text, words.unavailable);
    let statuses: Vec<_> = stage
        .lessons
        .state()
        .lessons
        .iter()
        .map(Lesson::status)
        .collect();
    assert_eq!(statuses, [LessonStatus::Scheduled], "nothing was done");
}

async fn fails_and_comes_back(words: &Words, failing: Failing) {
    let (mut stage, clock) = (Stage::new().await, clock());
    stage.set("BOT_BREAKER_OPEN", "0.1");
    if failing == Failing::Hanging {
        stage.set("BOT_LESSON_READ_TIMEOUT", "2");
    }
    let running = stage.start_at(DRAIN, clock.clone()).await;
    let anna = looked_long_ago(&stage, &clock, words).await;
    stage.lessons.failing.send_replace(failing);
    lives_cut_off(&stage, words, &anna).await;
    stage.lessons.failing.send_replace(Failing::No);
    // The breaker may be open still.
    comes_back(&stage, words, &anna).await;
    running.stop().await.unwrap();
}

async fn comes_back(stage: &Stage, words: &Words, anna: &Person) {
    let back = async {
        loop {
            let lessons = ask(stage, anna, "/lessons").await;
            if !lessons.text.contains('⚠') {
                assert!(lessons.text.contains(words.lessons), "{}", lessons.text);
                return;
            }
        }
    };
    timeout(SOON, back).await.expect("it comes back");
}

#[tokio::test]
async fn while_server_1_refuses_what_was_read_is_shown_and_marked_in_russian() {
    fails_and_comes_back(&RU, Failing::With(Code::Unavailable)).await;
}

#[tokio::test]
async fn while_server_1_refuses_what_was_read_is_shown_and_marked_in_english() {
    fails_and_comes_back(&EN, Failing::With(Code::Internal)).await;
}

#[tokio::test]
async fn while_server_1_hangs_what_was_read_is_shown_and_marked() {
    fails_and_comes_back(&RU, Failing::Hanging).await;
}

#[tokio::test]
async fn while_server_1_is_gone_what_was_read_is_shown_and_marked() {
    let (mut stage, clock) = (Stage::new().await, clock());
    let mut wire = Wire::to(stage.lessons.address).await;
    stage.set("BOT_LESSON_URL", &format!("http://{}", wire.address));
    stage.set("BOT_BREAKER_OPEN", "0.1");
    let running = stage.start_at(DRAIN, clock.clone()).await;
    let anna = looked_long_ago(&stage, &clock, &EN).await;
    wire.cut().await;
    lives_cut_off(&stage, &EN, &anna).await;
    wire.mend().await;
    comes_back(&stage, &EN, &anna).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_write_that_cannot_be_sent_was_not_done_and_one_without_an_answer_is_not_known() {
    for words in [&RU, &EN] {
        let mut stage = Stage::new().await;
        let mut wire = Wire::to(stage.lessons.address).await;
        stage.set("BOT_LESSON_URL", &format!("http://{}", wire.address));
        let running = stage.start(DRAIN).await;
        let anna = person(&stage, words.language).await;
        let question = hold(&stage, &anna).await;
        let confirm = data(&question, "✅");

        wire.cut().await;
        let refused = press_for_new(&stage, &anna, &question, confirm.clone()).await;
        assert!(refused.text.contains(words.not_done), "{}", refused.text);
        assert_eq!(stage.called("BookLesson"), 0);
        wire.mend().await;

        stage.lessons.stuck.send_replace(true);
        let unknown = press_for_new(&stage, &anna, &question, confirm.clone()).await;
        assert!(unknown.text.contains(words.unknown), "{}", unknown.text);
        assert!(unknown.text.contains("/lessons"), "{}", unknown.text);
        assert!(!unknown.text.contains(words.not_done), "{}", unknown.text);
        stage.lessons.stuck.send_replace(false);
        // The same button again: the same booking.
        press(&stage, &anna, Button::data(confirm)).await;
        shown(&stage, &anna, words.booked).await;
        {
            let known = stage.lessons.state();
            assert_eq!(known.lessons.len(), 1);
            let mut requests = known.book_requests.iter();
            assert!(requests.all(|id| *id == known.book_requests[0]));
        }
        running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn after_exactly_five_failures_server_1_is_left_alone_and_health_says_so() {
    let mut stage = Stage::new().await;
    stage.set("BOT_BREAKER_OPEN", "3600");
    let running = stage.start(DRAIN).await;
    let mut health = health(&running).await;
    becomes(&mut health, "bot-gateway.server1", ServingStatus::Serving).await;
    let anna = person(&stage, "en").await;
    stage
        .lessons
        .failing
        .send_replace(Failing::With(Code::DeadlineExceeded));
    for calls in [1, 2, 3, 4] {
        assert_eq!(ask(&stage, &anna, "/start").await.text, EN.unavailable);
        assert_eq!(stage.called("RegisterTelegramUser"), calls);
    }
    // Not in a row.
    stage
        .lessons
        .failing
        .send_replace(Failing::With(Code::NotFound));
    ask(&stage, &anna, "/start").await;
    stage
        .lessons
        .failing
        .send_replace(Failing::With(Code::Unavailable));
    for calls in [6, 7, 8, 9, 10, 10, 10] {
        assert_eq!(ask(&stage, &anna, "/start").await.text, EN.unavailable);
        assert_eq!(stage.called("RegisterTelegramUser"), calls);
    }
    becomes(
        &mut health,
        "bot-gateway.server1",
        ServingStatus::NotServing,
    )
    .await;
    becomes(&mut health, "bot-gateway", ServingStatus::Serving).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn while_one_tries_whether_server_1_is_back_others_do_not_wait_for_it() {
    let mut stage = Stage::new().await;
    stage.set("BOT_BREAKER_FAILURES", "1");
    stage.set("BOT_BREAKER_OPEN", "0.1");
    stage.set("BOT_LESSON_READ_TIMEOUT", "10");
    let running = stage.start(DRAIN).await;
    let mut health = health(&running).await;
    let (anna, boris) = (person(&stage, "en").await, person(&stage, "en").await);
    stage
        .lessons
        .failing
        .send_replace(Failing::With(Code::Unavailable));
    ask(&stage, &anna, "/start").await;
    stage.lessons.failing.send_replace(Failing::Hanging);
    let register = "RegisterTelegramUser";
    // Until the pause is over and one of hers is the trial.
    let before = stage.called(register);
    let try_once = async {
        loop {
            let said = stage.sim.say(&anna, "/start").await.unwrap().message_id;
            while stage
                .sim
                .chat(&anna)
                .await
                .unwrap()
                .messages
                .last()
                .unwrap()
                .message_id
                <= said
            {
                if stage.called(register) > before {
                    return;
                }
            }
        }
    };
    timeout(SOON, try_once).await.expect("there is a trial");
    assert_eq!(ask(&stage, &boris, "/start").await.text, EN.unavailable);
    assert_eq!(stage.called(register), before + 1, "one trial at a time");
    stage.lessons.failing.send_replace(Failing::No);
    becomes(&mut health, "bot-gateway.server1", ServingStatus::Serving).await;
    shown(&stage, &anna, "Hello").await;
    let welcome = ask(&stage, &boris, "/start").await;
    assert!(welcome.text.contains("Hello"), "{}", welcome.text);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn answers_that_refuse_are_no_failures() {
    let mut stage = Stage::new().await;
    stage.set("BOT_BREAKER_FAILURES", "2");
    stage.set("BOT_BREAKER_OPEN", "3600");
    let running = stage.start(DRAIN).await;
    let anna = person(&stage, "en").await;
    let codes = [
        Code::NotFound,
        Code::FailedPrecondition,
        Code::InvalidArgument,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::Aborted,
        Code::Unauthenticated,
    ];
    for code in codes.into_iter().flat_map(|code| [code, code, code]) {
        stage.lessons.failing.send_replace(Failing::With(code));
        ask(&stage, &anna, "/start").await;
    }
    assert_eq!(stage.called("RegisterTelegramUser"), 3 * codes.len());
    stage.lessons.failing.send_replace(Failing::No);
    let welcome = ask(&stage, &anna, "/start").await;
    assert!(welcome.text.contains("Hello"), "{}", welcome.text);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_was_read_is_not_asked_again_until_its_time_is_over_or_something_is_written() {
    let (stage, clock) = (Stage::new().await, clock());
    let running = stage.start_at(DRAIN, clock.clone()).await;
    watched(&stage).await;
    let register = "RegisterTelegramUser";
    let others = stage.called(register);
    let anna = person(&stage, "en").await;
    for _ in 0..3 {
        ask(&stage, &anna, "/lessons").await;
    }
    assert_eq!(stage.called(register), 1 + others);
    assert_eq!(stage.called("ListLessons"), 1);
    clock.advance(SignedDuration::from_secs(120));
    ask(&stage, &anna, "/lessons").await;
    assert_eq!(stage.called("ListLessons"), 2);
    assert_eq!(stage.called(register), 1 + others);

    ask(&stage, &anna, "/schedule").await;
    let slots = stage.called("ListSlots");
    ask(&stage, &anna, "/schedule").await;
    assert_eq!(stage.called("ListSlots"), slots);
    book(&stage, &anna, &EN).await;
    let lessons = ask(&stage, &anna, "/lessons").await;
    assert!(lessons.text.contains("Мария <3"), "{}", lessons.text);
    assert_eq!(stage.called("ListLessons"), 3);
    // Who books stays who they are.
    assert_eq!(stage.called(register), 1 + others);
    let slots = stage.called("ListSlots");
    ask(&stage, &anna, "/schedule").await;
    assert!(stage.called("ListSlots") > slots, "another time is free");

    ask(&stage, &anna, "/language ru").await;
    assert_eq!(stage.called(register), 1 + others);
    let lessons = ask(&stage, &anna, "/lessons").await;
    assert!(lessons.text.contains(RU.lessons), "{}", lessons.text);
    assert_eq!(stage.called(register), 2 + others);
    running.stop().await.unwrap();
}

/// Waits until the gateway follows changes; from the first answer on nothing is kept that
/// was read before it.
async fn watched(stage: &Stage) {
    wait_for(|| !stage.lessons.cursors.lock().unwrap().is_empty()).await;
    // Read after it: what is told has arrived when this is answered, or soon.
    let nobody = person(stage, "en").await;
    ask(stage, &nobody, "/help").await;
}

#[tokio::test]
async fn a_change_made_elsewhere_is_shown_at_once_and_followed_on_from_the_last_cursor() {
    let mut stage = Stage::new().await;
    let mut wire = Wire::to(stage.lessons.address).await;
    stage.set("BOT_LESSON_URL", &format!("http://{}", wire.address));
    let running = stage.start(DRAIN).await;
    watched(&stage).await;
    let anna = person(&stage, "en").await;
    book(&stage, &anna, &EN).await;
    let before = ask(&stage, &anna, "/lessons").await;
    stage.lessons.move_lesson(SignedDuration::from_hours(2));
    let kept = ask(&stage, &anna, "/lessons").await;
    assert_eq!(kept.text, before.text, "nobody has told of it");
    let changes_until = async |text: &str| {
        let changes = async { while ask(&stage, &anna, "/lessons").await.text == text {} };
        timeout(SOON, changes).await.expect("it is shown");
    };
    let lesson = stage.lessons.state().lessons[0].clone();
    let student = lesson.bookings[0].student_id.clone();
    stage
        .lessons
        .tell_lesson(&lesson.id, &[&lesson.teacher_id, &student]);
    changes_until(&before.text).await;

    // What is told after the wire was cut comes with the next stream.
    wire.cut().await;
    wire.mend().await;
    wait_for(|| stage.lessons.cursors.lock().unwrap().len() > 1).await;
    assert_eq!(*stage.lessons.cursors.lock().unwrap(), ["", "where it was"]);
    let moved = ask(&stage, &anna, "/lessons").await;
    stage.lessons.move_lesson(SignedDuration::from_hours(2));
    stage
        .lessons
        .tell_lesson(&lesson.id, &[&lesson.teacher_id, &student]);
    changes_until(&moved.text).await;
    running.stop().await.unwrap();
}
