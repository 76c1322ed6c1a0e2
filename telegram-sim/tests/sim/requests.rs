//! How requests may look.

use serde_json::{Value, json};
use telegram_sim::Config;

use super::{SOON, Sim, TOKEN};

#[tokio::test]
async fn method_names_are_taken_in_any_case() {
    let sim = Sim::start().await;
    for name in ["getMe", "GetMe", "GETME", "getme"] {
        let me = sim.accepted(name, json!({})).await;
        assert_eq!(me["id"], json!(4200));
        assert_eq!(me["is_bot"], json!(true));
    }
}

#[tokio::test]
async fn parameters_come_by_query_form_multipart_or_json() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let http = reqwest::Client::new();
    let url = format!("{}/bot{TOKEN}/sendMessage", sim.client.base_url());
    let chat = person.id.to_string();
    let keyboard = r#"{"inline_keyboard":[[{"text":"Go","callback_data":"go"}]]}"#;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("chat_id", &chat)
        .append_pair("text", "by query & more")
        .append_pair("reply_markup", keyboard)
        .finish();
    let form = query.replace("by+query", "by+form");
    let multipart = reqwest::multipart::Form::new()
        .text("chat_id", chat.clone())
        .text("text", "by multipart & more")
        .text("reply_markup", keyboard);
    let object: Value = serde_json::from_str(keyboard).unwrap();
    let as_text =
        json!({ "chat_id": chat, "text": "by json text & more", "reply_markup": keyboard });
    let as_object =
        json!({ "chat_id": person.id, "text": "by json & more", "reply_markup": object });
    let requests = [
        ("by query & more", http.get(format!("{url}?{query}"))),
        (
            "by form & more",
            http.post(&url)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form),
        ),
        ("by multipart & more", http.post(&url).multipart(multipart)),
        ("by json text & more", http.post(&url).json(&as_text)),
        ("by json & more", http.post(&url).json(&as_object)),
    ];
    for (text, request) in requests {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{text}");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["result"]["text"], json!(text));
        assert_eq!(answer["result"]["reply_markup"], object, "{text}");
    }
}

#[tokio::test]
async fn an_unknown_method_and_a_malformed_token_are_not_found() {
    let sim = Sim::start().await;
    let nothing = (404, "Not Found".to_owned());
    assert_eq!(sim.refused("getNothing", json!({})).await, nothing);
    for token in ["4200:short", "x:AAAAAAAAAAAAAAAAAAAAAAAA", "4200"] {
        let (status, answer) = sim.client.call(token, "getMe", &json!({})).await.unwrap();
        assert_eq!((status, &answer["description"]), (404, &json!("Not Found")));
    }
}

#[tokio::test]
async fn a_token_nobody_has_is_unauthorized() {
    let sim = Sim::with(Config {
        tokens: vec![TOKEN.to_owned()],
        ..Config::default()
    })
    .await;
    assert_eq!(sim.accepted("getMe", json!({})).await["id"], json!(4200));
    let strangers = [
        "4200:BBBBBBBBBBBBBBBBBBBBBBBB",
        "4300:AAAAAAAAAAAAAAAAAAAAAAAA",
    ];
    for token in strangers {
        let (status, answer) = sim.client.call(token, "getMe", &json!({})).await.unwrap();
        assert_eq!(
            (status, &answer["description"]),
            (401, &json!("Unauthorized"))
        );
    }
}

#[tokio::test]
async fn one_bot_has_one_token_even_when_any_is_accepted() {
    let sim = Sim::start().await;
    sim.accepted("getMe", json!({})).await;
    let other = "4200:BBBBBBBBBBBBBBBBBBBBBBBB";
    let (status, _) = sim.client.call(other, "getMe", &json!({})).await.unwrap();
    assert_eq!(status, 401);
}

#[tokio::test]
async fn an_oversized_body_and_broken_json_are_refused() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let long = "x".repeat(1024 * 1024);
    let large = sim
        .refused("sendMessage", json!({ "chat_id": person.id, "text": long }))
        .await;
    assert_eq!(large, (413, "Request Entity Too Large".to_owned()));
    let url = format!("{}/bot{TOKEN}/sendMessage", sim.client.base_url());
    let broken = reqwest::Client::new()
        .post(url)
        .header("content-type", "application/json")
        .body("{");
    assert_eq!(broken.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn faulty_tokens_are_told_before_anything_is_served() {
    let mut sim = Sim::with(Config {
        tokens: vec!["nonsense".to_owned()],
        ..Config::default()
    })
    .await;
    let task = sim.task.take().unwrap();
    let ended = tokio::time::timeout(SOON, task).await.unwrap().unwrap();
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}
