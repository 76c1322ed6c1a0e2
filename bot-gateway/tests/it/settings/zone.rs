//! The question for the zone, asked at the start and later.

use olm_proto::lesson::v1::RulesZone;
use telegram_sim::{api::Location, client::Button};

use super::Talk;
use crate::{conversation::data, lessons::TEACHER, stage::LOGS};

#[tokio::test]
async fn somebody_new_chooses_their_city_and_is_at_the_free_times_with_one_tap() {
    for (language, question, city, zone, chosen) in [
        (
            "ru",
            "Сколько у вас сейчас времени?",
            " Екатеринбург",
            "Asia/Yekaterinburg",
            "(UTC+5)",
        ),
        (
            "en",
            "What time is it for you now?",
            " Tokyo",
            "Asia/Tokyo",
            "(UTC+9)",
        ),
    ] {
        let talk = Talk::new(language).await;
        let hello = talk.say("/start", question).await;
        talk.shown("<Анна & Co>! 👋").await;
        let free = talk.tap(&hello, city, chosen).await;
        assert_eq!(free.message_id, hello.message_id);
        assert!(free.text.contains("Мария <3"), "{}", free.text);
        assert_eq!(talk.user().time_zone, zone);
        assert_eq!(talk.user().version, 2);
        let known = talk.say("/start", "<Анна & Co>! 👋").await;
        assert!(known.inline_keyboard.is_empty());
        talk.stop().await;
    }
}

#[tokio::test]
async fn who_chose_the_zone_that_everybody_begins_with_is_not_asked_again() {
    let talk = Talk::new("ru").await;
    talk.say("/start", "Сколько у вас сейчас времени?").await;
    // In summer the button of this clock says Kaliningrad.
    talk.say("Берлин", "✅ Берлин").await;
    assert_eq!(talk.user().version, 1);
    talk.say("/start", "Предстоящих уроков нет").await;
    talk.stop().await;
}

#[tokio::test]
async fn who_was_invited_comes_from_the_question_to_that_teachers_free_times() {
    let talk = Talk::new("en").await;
    let invitations = [("good".to_owned(), None), ("more".to_owned(), None)];
    talk.stage.lessons.state().invitations.extend(invitations);
    let hello = talk
        .say("/start good", "What time is it for you now?")
        .await;
    talk.shown("a student of Мария <3 now").await;
    let free = talk.tap(&hello, " London", "✅ London").await;
    assert_eq!(free.message_id, hello.message_id);
    assert!(free.text.contains("Мария <3"), "{}", free.text);
    // Who is known is there at once.
    let free = talk.say("/start more", "a student of Мария <3").await;
    assert!(!free.inline_keyboard.is_empty());
    assert_ne!(TEACHER.to_string(), talk.user().id);
    talk.stop().await;
}

#[tokio::test]
async fn a_city_is_found_by_what_people_type_in_either_language() {
    for (typed, answer, zone) in [
        ("казань", "✅ Москва (UTC+3)", "Europe/Moscow"),
        ("Saint Petersburg", "✅ Москва (UTC+3)", "Europe/Moscow"),
        ("asia/calcutta", "✅ Калькутта (UTC+5:30)", "Asia/Kolkata"),
    ] {
        let talk = Talk::new("ru").await;
        talk.say("/zone", "Ваше время: Берлин").await;
        talk.say(typed, answer).await;
        assert_eq!(talk.user().time_zone, zone);
        talk.stop().await;
    }
    let talk = Talk::new("ru").await;
    let page = talk.say("/zone", "Ваше время: Берлин").await;
    let city = talk.tap(&page, "По городу", "Напишите свой город").await;
    assert_eq!(city.message_id, page.message_id);
    let several = talk.say("ново", "Какой из них ваш?").await;
    assert!(data(&several, "Новосибирск, ").starts_with("s.z:1:Asia/"));
    // What is only a guess is asked.
    let guess = talk.say("Екатринбург", "Какой из них ваш?").await;
    let label = &guess.inline_keyboard[0][0].text;
    assert!(label.starts_with("Екатеринбург, "), "{label}");
    assert!(label.ends_with("(UTC+5)"), "{label}");
    talk.tap(&guess, "(UTC+5)", "✅ Екатеринбург").await;
    talk.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_pressed_or_typed_leads_to_the_cities_where_it_shows_that() {
    let talk = Talk::new("en").await;
    let page = talk.say("/zone", "Your time: Berlin").await;
    let clocks = talk
        .tap(&page, "By clock", "What does your clock show")
        .await;
    let tokyo = data(&clocks, "");
    assert!(tokyo.starts_with("s.c:-"), "{tokyo}");
    talk.press_data(&clocks, "s.c:540").await;
    let cities = talk.shown("Where is it ").await;
    assert_eq!(cities.inline_keyboard[0][0].text, "Tokyo");
    assert!(!cities.text.contains("not all year"), "{}", cities.text);

    // In Berlin's time some change their clocks and some never do.
    talk.press_data(&cities, "s.o:clock").await;
    let clocks = talk.shown("What does your clock show").await;
    let berlin = talk.stage.lessons.state().users[0].time_zone.clone();
    assert_eq!(berlin, "Europe/Berlin");
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let offset = zone.to_offset(jiff_now()).seconds() / 60;
    talk.press_data(&clocks, &format!("s.c:{offset}")).await;
    let cities = talk.shown("not all year").await;
    let labels: Vec<_> = cities
        .inline_keyboard
        .iter()
        .flatten()
        .map(|it| &it.text)
        .collect();
    assert!(
        labels.iter().any(|label| label.starts_with("Berlin, UTC+")),
        "{labels:?}"
    );
    assert!(
        labels.iter().any(|label| !label.contains("UTC")),
        "{labels:?}"
    );

    let typed = texts::clock(jiff_now(), &jiff::tz::TimeZone::get("Asia/Tokyo").unwrap());
    let cities = talk.say(&typed, "Where is it ").await;
    talk.tap(&cities, "Tokyo", "✅ Tokyo (UTC+9)").await;
    talk.stop().await;
}

fn jiff_now() -> jiff::Timestamp {
    use service_kit::clock::Clock as _;
    service_kit::clock::SystemClock.now()
}

#[tokio::test]
async fn a_location_gives_the_zone_and_is_written_down_nowhere() {
    let talk = Talk::new("ru").await;
    let hello = talk.say("/start", "Сколько у вас сейчас времени?").await;
    talk.tap(&hello, "По геопозиции", "по ней я узнаю ваше время")
        .await;
    let chat = talk.stage.sim.chat(&talk.anna).await.unwrap();
    assert_eq!(chat.reply_keyboard[0], ["📍 Отправить геопозицию"]);
    let kazan = Location {
        latitude: 55.790_127_493,
        longitude: 49.124_539,
    };
    talk.stage
        .sim
        .send_location(&talk.anna, kazan)
        .await
        .unwrap();
    let free = talk.shown("Мария <3").await;
    // Once, above it.
    assert!(!free.text.contains('✅'), "{}", free.text);
    talk.shown("✅ Москва (UTC+3)").await;
    assert_eq!(talk.user().time_zone, "Europe/Moscow");
    let chat = talk.stage.sim.chat(&talk.anna).await.unwrap();
    assert_eq!(chat.reply_keyboard[0], ["📅 Расписание", "Мои уроки"]);
    // More digits than the instants of other tests' lines have.
    assert!(!LOGS.text().contains("790127493"));

    // Nobody asked for another one.
    talk.stage
        .sim
        .send_location(&talk.anna, kazan)
        .await
        .unwrap();
    talk.shown("Список команд").await;
    talk.stop().await;
}

#[tokio::test]
async fn a_button_for_the_location_sends_it_and_the_sea_has_no_zone() {
    let talk = Talk::new("en").await;
    let page = talk.say("/zone", "Your time: Berlin").await;
    talk.tap(&page, "By location", "it tells me your time")
        .await;
    let sea = Location {
        latitude: 0.0,
        longitude: -140.0,
    };
    talk.stage.sim.send_location(&talk.anna, sea).await.unwrap();
    talk.shown("That place does not tell the time").await;
    let page = talk.say("/zone", "Your time: Berlin").await;
    talk.tap(&page, "By location", "it tells me your time")
        .await;
    let send = Button::text("📍 Send my location");
    talk.stage.sim.press(&talk.anna, send).await.unwrap();
    talk.shown("✅ Moscow (UTC+3)").await;
    talk.stop().await;
}

#[tokio::test]
async fn a_teacher_says_what_becomes_of_the_hours_of_work() {
    for (label, rules) in [
        ("Leave them as they are", RulesZone::Keep),
        ("Move them: the same hours here", RulesZone::Convert),
    ] {
        let talk = Talk::new("en").await;
        talk.stage.lessons.state().works_elsewhere = true;
        let asked = talk.say("/zone Asia/Tokyo", "hours of work").await;
        assert_eq!(talk.user().time_zone, "Europe/Berlin");
        talk.tap(&asked, label, "✅ Tokyo (UTC+9)").await;
        let said = talk.stage.lessons.state().rules_zones.clone();
        assert_eq!(said, [RulesZone::Unspecified, rules]);
        talk.stop().await;
    }
}

#[tokio::test]
async fn a_zone_of_an_old_button_is_not_taken() {
    let talk = Talk::new("en").await;
    let page = talk.say("/zone", "Your time: Berlin").await;
    talk.stage.lessons.state().users[0].version = 7;
    talk.tap(&page, " Tokyo", "have changed meanwhile").await;
    assert_eq!(talk.user().time_zone, "Europe/Berlin");
    talk.stop().await;
}

#[tokio::test]
async fn a_location_sets_no_zone_before_a_teacher_says_what_becomes_of_the_hours() {
    let talk = Talk::new("en").await;
    talk.stage.lessons.state().works_elsewhere = true;
    let page = talk.say("/zone", "Your time: Berlin").await;
    talk.tap(&page, "By location", "it tells me your time")
        .await;
    let send = Button::text("📍 Send my location");
    talk.stage.sim.press(&talk.anna, send).await.unwrap();
    let asked = talk.shown("hours of work").await;
    let place = talk.shown("📍 Moscow (UTC+3)").await;
    assert!(!place.text.contains('✅'), "{}", place.text);
    assert_eq!(talk.user().time_zone, "Europe/Berlin");
    let chat = talk.stage.sim.chat(&talk.anna).await.unwrap();
    assert_eq!(chat.reply_keyboard[0], ["📅 Schedule", "My lessons"]);
    talk.tap(&asked, "Leave them as they are", "✅ Moscow (UTC+3)")
        .await;
    talk.stop().await;
}

#[tokio::test]
async fn who_keeps_the_location_to_themselves_has_the_menu_back_and_the_other_ways() {
    let talk = Talk::new("en").await;
    let hello = talk.say("/start", "What time is it for you now?").await;
    talk.tap(&hello, "By location", "it tells me your time")
        .await;
    let again = talk
        .say("✖️ Never mind", "What time is it for you now?")
        .await;
    let chat = talk.stage.sim.chat(&talk.anna).await.unwrap();
    assert_eq!(chat.reply_keyboard[0], ["📅 Schedule", "My lessons"]);
    talk.tap(&again, "By location", "it tells me your time")
        .await;
    let free = talk.say("Europe/London", "Мария <3").await;
    assert!(free.text.contains("✅ London"), "{}", free.text);
    let chat = talk.stage.sim.chat(&talk.anna).await.unwrap();
    assert_eq!(chat.reply_keyboard[0], ["📅 Schedule", "My lessons"]);
    talk.stop().await;
}

#[tokio::test]
async fn whoever_does_something_else_than_send_the_location_has_the_menu_back() {
    for (said, answer) in [
        ("/lessons", "You have no lessons ahead"),
        ("/schedule", "Choose a day"),
        ("/settings", "Settings"),
        ("/zone", "Your time: Berlin"),
        ("/start", "What time is it for you now?"),
        ("/agenda", "This is for teachers"),
        ("/help", "/schedule"),
        ("/status", "👤"),
    ] {
        let talk = Talk::new("en").await;
        let page = talk.say("/zone", "Your time: Berlin").await;
        talk.tap(&page, "By location", "it tells me your time")
            .await;
        let keyboard = async || {
            talk.stage
                .sim
                .chat(&talk.anna)
                .await
                .unwrap()
                .reply_keyboard
        };
        assert_eq!(keyboard().await[0], ["📍 Send my location"]);
        talk.say(said, answer).await;
        assert_eq!(keyboard().await[0], ["📅 Schedule", "My lessons"], "{said}");
        talk.stop().await;
    }
}

#[tokio::test]
async fn another_name_or_language_chooses_no_zone() {
    let talk = Talk::new("ru").await;
    talk.say("/start", "Сколько у вас сейчас времени?").await;
    talk.say("/language en", "Language: English").await;
    assert_eq!(talk.user().version, 2);
    let hello = talk.say("/start", "What time is it for you now?").await;
    talk.tap(&hello, " Tokyo", "✅ Tokyo").await;
    talk.say("/start", "👋").await;
    let chat = talk.stage.sim.chat(&talk.anna).await.unwrap();
    let last = chat.messages.last().unwrap();
    assert!(!last.text.contains("What time is it"), "{}", last.text);
    talk.stop().await;
}
