//! Messages, buttons, commands, chats and limits.

use serde_json::{Value, json};
use telegram_sim::{
    Config,
    api::{NewGroup, NewPerson, Pressed},
    client::{Button, Chat},
};

use super::{SOON, Sim, bad_request};

#[tokio::test]
async fn a_message_is_seen_by_the_person() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let sent = sim
        .accepted(
            "sendMessage",
            json!({ "chat_id": person.id, "text": "  <b>Hi</b> &lt;3 ", "parse_mode": "HTML" }),
        )
        .await;
    assert_eq!(sent["text"], json!("Hi <3"));
    assert_eq!(
        sent["entities"],
        json!([{ "type": "bold", "offset": 0, "length": 2 }])
    );
    assert_eq!(sent["chat"]["type"], json!("private"));
    let view = sim.client.chat(&person).await.unwrap();
    let last = view.messages.last().unwrap();
    assert_eq!((last.text.as_str(), last.from_bot), ("Hi <3", true));
    assert!(view.started);
}

#[tokio::test]
async fn faulty_messages_are_refused_in_telegrams_words() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let chat = person.id;
    let wide = "😀".repeat(2048);
    assert_eq!(sim.send(chat, &wide).await["text"], json!(wide));
    let data = "x".repeat(65);
    let markup = json!({ "inline_keyboard": [[{ "text": "Go", "callback_data": data }]] });
    let cases = [
        (
            json!({ "chat_id": chat, "text": "" }),
            "message text is empty",
        ),
        (
            json!({ "chat_id": chat, "text": " \n " }),
            "message text is empty",
        ),
        (json!({ "chat_id": chat }), "message text is empty"),
        (
            json!({ "chat_id": chat, "text": format!("{wide}x") }),
            "message is too long",
        ),
        (json!({ "text": "x" }), "chat_id is empty"),
        (json!({ "chat_id": 77, "text": "x" }), "chat not found"),
        (json!({ "chat_id": -77, "text": "x" }), "chat not found"),
        (
            json!({ "chat_id": "@nobody", "text": "x" }),
            "chat not found",
        ),
        (
            json!({ "chat_id": chat, "text": "x", "reply_markup": markup }),
            "BUTTON_DATA_INVALID",
        ),
        (
            json!({ "chat_id": chat, "text": "x", "reply_markup": "{" }),
            "object expected as reply markup",
        ),
        (
            json!({ "chat_id": chat, "text": "<b>x", "parse_mode": "HTML" }),
            "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        (
            json!({ "chat_id": chat, "text": "*x*", "parse_mode": "MarkdownV2" }),
            "unsupported parse_mode",
        ),
    ];
    for (params, text) in cases {
        assert_eq!(sim.refused("sendMessage", params).await, bad_request(text));
    }
}

#[tokio::test]
async fn a_private_chat_exists_only_after_start() {
    let sim = Sim::start().await;
    sim.accepted("getMe", json!({})).await;
    let new = NewPerson::named("Boris", "ru").with_id(55);
    let boris = sim.client.create_person(&new).await.unwrap();
    let hello = json!({ "chat_id": boris.id, "text": "hello" });
    assert_eq!(
        sim.refused("sendMessage", hello.clone()).await,
        bad_request("chat not found")
    );
    sim.client
        .create_group(&NewGroup {
            title: "Club".to_owned(),
            bot_ids: vec![4200],
            person_ids: vec![boris.id],
        })
        .await
        .unwrap();
    let (status, text) = sim.refused("sendMessage", hello.clone()).await;
    assert_eq!(status, 403);
    assert_eq!(
        text,
        "Forbidden: bot can't initiate conversation with a user"
    );
    sim.client.say(&boris, "/start").await.unwrap();
    sim.accepted("sendMessage", hello).await;
}

#[tokio::test]
async fn a_blocked_or_deactivated_chat_takes_nothing() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let message = sim.send(person.id, "before").await["message_id"].clone();
    sim.client.block(&person).await.unwrap();
    let blocked = (403, "Forbidden: bot was blocked by the user".to_owned());
    let send = json!({ "chat_id": person.id, "text": "x" });
    let edit = json!({ "chat_id": person.id, "message_id": message, "text": "x" });
    assert_eq!(sim.refused("sendMessage", send.clone()).await, blocked);
    assert_eq!(sim.refused("editMessageText", edit).await, blocked);
    assert!(sim.client.say(&person, "hello?").await.is_err());
    sim.client.unblock(&person).await.unwrap();
    sim.accepted("sendMessage", send.clone()).await;
    sim.client.deactivate(person.id).await.unwrap();
    assert_eq!(
        sim.refused("sendMessage", send).await,
        (403, "Forbidden: user is deactivated".to_owned())
    );
}

#[tokio::test]
async fn an_edit_replaces_text_and_buttons() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let keyboard = json!({ "inline_keyboard": [[{ "text": "Go", "callback_data": "go" }]] });
    let sent = sim
        .accepted(
            "sendMessage",
            json!({ "chat_id": person.id, "text": "one", "reply_markup": keyboard }),
        )
        .await;
    let at = |extra: Value| {
        let mut params = json!({ "chat_id": person.id, "message_id": sent["message_id"] });
        params
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        params
    };
    let same = at(json!({ "text": "one", "reply_markup": keyboard }));
    assert_eq!(
        sim.refused("editMessageText", same).await,
        bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message"
        )
    );
    let edited = sim
        .accepted("editMessageText", at(json!({ "text": "two" })))
        .await;
    assert_eq!(edited["text"], json!("two"));
    assert!(edited.get("reply_markup").is_none(), "{edited}");
    assert!(edited["edit_date"].is_i64());
    let edited = sim
        .accepted(
            "editMessageReplyMarkup",
            at(json!({ "reply_markup": keyboard })),
        )
        .await;
    assert_eq!(edited["reply_markup"], keyboard);
    let view = sim.client.chat(&person).await.unwrap();
    let last = view.messages.last().unwrap();
    assert_eq!(last.text, "two");
    assert_eq!(last.inline_keyboard[0][0].data.as_deref(), Some("go"));
    assert!(last.edited_unix_us.is_some());
    let unknown = json!({ "chat_id": person.id, "message_id": 999, "text": "x" });
    assert_eq!(
        sim.refused("editMessageText", unknown).await,
        bad_request("message to edit not found")
    );
    let of_person = view.messages.first().unwrap().message_id;
    let foreign = json!({ "chat_id": person.id, "message_id": of_person, "text": "x" });
    assert_eq!(
        sim.refused("editMessageText", foreign).await,
        bad_request("message can't be edited")
    );
}

#[tokio::test]
async fn a_deleted_message_is_gone() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let id = sim.send(person.id, "oops").await["message_id"].clone();
    let params = json!({ "chat_id": person.id, "message_id": id });
    assert_eq!(
        sim.accepted("deleteMessage", params.clone()).await,
        json!(true)
    );
    let view = sim.client.chat(&person).await.unwrap();
    assert!(view.messages.iter().all(|message| message.text != "oops"));
    assert_eq!(
        sim.refused("deleteMessage", params).await,
        bad_request("message to delete not found")
    );
}

#[tokio::test]
async fn a_pressed_inline_button_gets_its_toast() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let keyboard = json!({ "inline_keyboard": [
        [{ "text": "Book", "callback_data": "book:1" }],
        [{ "text": "Site", "url": "https://example.org/" }],
    ] });
    sim.accepted(
        "sendMessage",
        json!({ "chat_id": person.id, "text": "slots", "reply_markup": keyboard }),
    )
    .await;
    let link = sim
        .client
        .press(&person, Button::text("Site"))
        .await
        .unwrap();
    let url = "https://example.org/".to_owned();
    assert_eq!(link, Pressed::Link { url });
    let pressed = sim
        .client
        .press(&person, Button::data("book:1"))
        .await
        .unwrap();
    let updates = sim.accepted("getUpdates", json!({})).await;
    let query = &updates.as_array().unwrap().last().unwrap()["callback_query"];
    assert_eq!(query["data"], json!("book:1"));
    assert_eq!(query["from"]["id"], json!(person.id));
    assert_eq!(query["message"]["text"], json!("slots"));
    let answer = json!({ "callback_query_id": query["id"], "text": "Booked", "show_alert": true });
    sim.accepted("answerCallbackQuery", answer).await;
    let answered = sim.client.callback_answer(&pressed, SOON).await.unwrap();
    assert_eq!(answered.text.as_deref(), Some("Booked"));
    assert!(answered.show_alert);
    let view = sim.client.chat(&person).await.unwrap();
    assert_eq!(view.callbacks, [answered]);
    assert!(
        sim.client
            .press(&person, Button::data("book:2"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_callback_query_cannot_be_answered_too_late_or_by_guess() {
    let sim = Sim::with(Config {
        callback_lifetime: std::time::Duration::ZERO,
        ..Config::default()
    })
    .await;
    let person = sim.person().await;
    let keyboard = json!({ "inline_keyboard": [[{ "text": "Go", "callback_data": "go" }]] });
    sim.accepted(
        "sendMessage",
        json!({ "chat_id": person.id, "text": "x", "reply_markup": keyboard }),
    )
    .await;
    let pressed = sim.client.press(&person, Button::data("go")).await.unwrap();
    let Pressed::Callback {
        callback_query_id, ..
    } = pressed
    else {
        panic!("{pressed:?}");
    };
    for id in [callback_query_id.as_str(), "1", "x"] {
        assert_eq!(
            sim.refused("answerCallbackQuery", json!({ "callback_query_id": id }))
                .await,
            bad_request("query is too old and response timeout expired or query ID is invalid")
        );
    }
}

#[tokio::test]
async fn a_reply_keyboard_button_sends_its_label() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let keyboard = json!({ "keyboard": [["📅 Schedule", { "text": "Help" }]] });
    let params = json!({ "chat_id": person.id, "text": "menu", "reply_markup": keyboard });
    let sent = sim.accepted("sendMessage", params).await;
    assert!(sent.get("reply_markup").is_none());
    let view = sim.client.chat(&person).await.unwrap();
    assert_eq!(view.reply_keyboard, [["📅 Schedule", "Help"]]);
    sim.client
        .press(&person, Button::text("📅 Schedule"))
        .await
        .unwrap();
    let updates = sim.accepted("getUpdates", json!({})).await;
    let last = updates.as_array().unwrap().last().unwrap();
    assert_eq!(last["message"]["text"], json!("📅 Schedule"));
    let remove = json!({ "remove_keyboard": true });
    let params = json!({ "chat_id": person.id, "text": "bye", "reply_markup": remove });
    sim.accepted("sendMessage", params).await;
    let view = sim.client.chat(&person).await.unwrap();
    assert!(view.reply_keyboard.is_empty());
}

#[tokio::test]
async fn commands_are_kept_by_language_and_shown_to_the_person() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let english = json!([{ "command": "lessons", "description": "My lessons" }]);
    let russian = json!([{ "command": "lessons", "description": "Мои уроки" }]);
    sim.accepted("setMyCommands", json!({ "commands": english }))
        .await;
    sim.accepted(
        "setMyCommands",
        json!({ "commands": russian, "language_code": "ru" }),
    )
    .await;
    assert_eq!(sim.accepted("getMyCommands", json!({})).await, english);
    let in_russian = json!({ "language_code": "ru" });
    assert_eq!(sim.accepted("getMyCommands", in_russian).await, russian);
    let view = sim.client.chat(&person).await.unwrap();
    assert_eq!(view.commands[0].description, "My lessons");
    let shouted = json!({ "commands": [{ "command": "Lessons", "description": "x" }] });
    assert_eq!(
        sim.refused("setMyCommands", shouted).await,
        bad_request("BOT_COMMAND_INVALID")
    );
}

#[tokio::test]
async fn a_chat_and_an_action_are_known() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let chat = sim
        .accepted("getChat", json!({ "chat_id": person.id }))
        .await;
    assert_eq!(chat["first_name"], json!("Anna"));
    let typing = json!({ "chat_id": person.id, "action": "typing" });
    sim.accepted("sendChatAction", typing).await;
    let view = sim.client.chat(&person).await.unwrap();
    assert_eq!(view.action.as_deref(), Some("typing"));
    let nonsense = json!({ "chat_id": person.id, "action": "dancing" });
    assert_eq!(
        sim.refused("sendChatAction", nonsense).await,
        bad_request("wrong parameter action in request")
    );
}

#[tokio::test]
async fn a_group_can_be_talked_in_moved_and_left() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let group = sim
        .client
        .create_group(&NewGroup {
            title: "Club".to_owned(),
            bot_ids: vec![4200],
            person_ids: vec![person.id],
        })
        .await
        .unwrap();
    let there = Chat::from(&person).in_group(group.id);
    sim.client.say(there, "hello all").await.unwrap();
    let updates = sim.accepted("getUpdates", json!({})).await;
    let last = updates.as_array().unwrap().last().unwrap();
    assert_eq!(last["message"]["chat"]["title"], json!("Club"));
    sim.send(group.id, "hello").await;
    let view = sim.client.chat(there).await.unwrap();
    assert_eq!(view.messages.len(), 2);

    let moved = sim.client.migrate(group.id).await.unwrap();
    let (status, answer) = sim
        .call("sendMessage", json!({ "chat_id": group.id, "text": "x" }))
        .await;
    assert_eq!(status, 400);
    assert_eq!(
        answer["description"],
        json!("Bad Request: group chat was upgraded to a supergroup chat")
    );
    assert_eq!(answer["parameters"]["migrate_to_chat_id"], json!(moved.id));
    sim.send(moved.id, "here").await;
    sim.client.kick(moved.id, 4200).await.unwrap();
    let kicked = sim
        .refused("sendMessage", json!({ "chat_id": moved.id, "text": "x" }))
        .await;
    assert_eq!(
        kicked,
        (
            403,
            "Forbidden: bot was kicked from the group chat".to_owned()
        )
    );
}

#[tokio::test]
async fn a_second_message_to_a_chat_within_a_second_is_too_many() {
    let sim = Sim::with(Config::default()).await;
    let person = sim.person().await;
    sim.send(person.id, "one").await;
    // The window is a second of receipts: of a quick burst most are refused.
    let mut refused = None;
    for _ in 0..5 {
        let (status, answer) = sim
            .call(
                "sendMessage",
                json!({ "chat_id": person.id, "text": "two" }),
            )
            .await;
        if status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a refusal");
    assert_eq!(refused["parameters"]["retry_after"], json!(1));
    assert_eq!(
        refused["description"],
        json!("Too Many Requests: retry after 1")
    );
    // What writes no message is not counted.
    for _ in 0..40 {
        let typing = json!({ "chat_id": person.id, "action": "typing" });
        sim.accepted("sendChatAction", typing).await;
    }
}

#[tokio::test]
async fn a_group_takes_twenty_messages_per_minute() {
    let sim = Sim::with(Config {
        limits: telegram_sim::Limits {
            per_chat_per_second: 0,
            ..telegram_sim::Limits::TELEGRAM
        },
        ..Config::default()
    })
    .await;
    sim.accepted("getMe", json!({})).await;
    let group = NewGroup {
        title: "Club".to_owned(),
        bot_ids: vec![4200],
        person_ids: vec![],
    };
    let group = sim.client.create_group(&group).await.unwrap();
    for _ in 0..20 {
        sim.send(group.id, "x").await;
    }
    let (status, answer) = sim
        .call("sendMessage", json!({ "chat_id": group.id, "text": "x" }))
        .await;
    assert_eq!(status, 429);
    let wait = answer["parameters"]["retry_after"].as_i64().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}
