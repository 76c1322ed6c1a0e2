//! teloxide, as the gateway uses it: its types must read what the simulator writes.

use telegram_sim::client::Button;
use teloxide::{
    ApiError, RequestError,
    payloads::{
        AnswerCallbackQuerySetters, EditMessageTextSetters, GetUpdatesSetters, SendMessageSetters,
    },
    prelude::{Bot, Requester},
    types::{
        BotCommand, ChatId, ChatMemberKind, InlineKeyboardButton, InlineKeyboardMarkup,
        KeyboardButton, KeyboardMarkup, ParseMode, UpdateKind,
    },
};

use super::{SOON, Sim, TOKEN};

fn bot(sim: &Sim) -> Bot {
    let url = url::Url::parse(sim.client.base_url()).expect("a URL");
    Bot::new(TOKEN).set_api_url(url)
}

#[tokio::test]
async fn teloxide_reads_every_answer_and_update() {
    let sim = Sim::start().await;
    let bot = bot(&sim);
    assert_eq!(bot.get_me().await.unwrap().id.0, 4200);
    bot.delete_webhook().await.unwrap();
    assert_eq!(bot.get_webhook_info().await.unwrap().url, None);
    bot.set_my_commands([BotCommand::new("start", "Begin")])
        .await
        .unwrap();
    assert_eq!(bot.get_my_commands().await.unwrap().len(), 1);

    let person = sim.person().await;
    let updates = bot.get_updates().timeout(1).await.unwrap();
    let UpdateKind::Message(start) = &updates[0].kind else {
        panic!("{updates:?}");
    };
    assert_eq!(start.text(), Some("/start"));
    assert_eq!(
        start.from.as_ref().unwrap().language_code.as_deref(),
        Some("en")
    );
    let chat = start.chat.id;
    bot.send_chat_action(chat, teloxide::types::ChatAction::Typing)
        .await
        .unwrap();
    assert_eq!(bot.get_chat(chat).await.unwrap().first_name(), Some("Anna"));

    bot.send_message(chat, "menu")
        .reply_markup(KeyboardMarkup::new([[KeyboardButton::new("📅 Schedule")]]))
        .await
        .unwrap();
    let keyboard = InlineKeyboardMarkup::new([[InlineKeyboardButton::callback("Book", "book:1")]]);
    let sent = bot
        .send_message(chat, "<b>slots</b>")
        .parse_mode(ParseMode::Html)
        .reply_markup(keyboard.clone())
        .await
        .unwrap();
    assert_eq!(sent.text(), Some("slots"));
    assert_eq!(sent.reply_markup(), Some(&keyboard));

    let pressed = sim
        .client
        .press(&person, Button::text("Book"))
        .await
        .unwrap();
    let next = updates[0].id.as_offset();
    let updates = bot.get_updates().offset(next).await.unwrap();
    let UpdateKind::CallbackQuery(query) = &updates[0].kind else {
        panic!("{updates:?}");
    };
    assert_eq!(query.data.as_deref(), Some("book:1"));
    bot.answer_callback_query(query.id.clone())
        .text("Booked")
        .await
        .unwrap();
    let toast = sim.client.callback_answer(&pressed, SOON).await.unwrap();
    assert_eq!(toast.text.as_deref(), Some("Booked"));
    let edited = bot
        .edit_message_text(chat, sent.id, "booked")
        .reply_markup(keyboard)
        .await
        .unwrap();
    assert!(edited.edit_date().is_some());
    bot.edit_message_reply_markup(chat, sent.id).await.unwrap();
    bot.delete_message(chat, sent.id).await.unwrap();
}

#[tokio::test]
async fn teloxide_knows_the_errors_by_their_texts() {
    let sim = Sim::start().await;
    let bot = bot(&sim);
    let person = sim.person().await;
    let error = bot.send_message(ChatId(77), "x").await.unwrap_err();
    assert!(
        matches!(error, RequestError::Api(ApiError::ChatNotFound)),
        "{error:?}"
    );
    let error = bot.send_message(ChatId(person.id), " ").await.unwrap_err();
    assert!(
        matches!(error, RequestError::Api(ApiError::MessageTextIsEmpty)),
        "{error:?}"
    );
    sim.client.block(&person).await.unwrap();
    let error = bot.send_message(ChatId(person.id), "x").await.unwrap_err();
    assert!(
        matches!(error, RequestError::Api(ApiError::BotBlocked)),
        "{error:?}"
    );
    let updates = bot.get_updates().offset(-1).await.unwrap();
    let UpdateKind::MyChatMember(change) = &updates[0].kind else {
        panic!("{updates:?}");
    };
    assert!(matches!(
        change.new_chat_member.kind,
        ChatMemberKind::Banned(_)
    ));
}
