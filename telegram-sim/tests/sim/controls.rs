//! The controls' own manners.

use serde_json::{Value, json};
use telegram_sim::{
    Limits,
    api::NewPerson,
    client::{Chat, SimError},
};

use super::{Sim, TOKEN};

async fn raw(sim: &Sim, method: reqwest::Method, path: &str, body: &str) -> (u16, Value) {
    let response = reqwest::Client::new()
        .request(method, format!("{}{path}", sim.client.base_url()))
        .header("content-type", "application/json")
        .body(body.to_owned())
        .send()
        .await
        .expect("an answer");
    (
        response.status().as_u16(),
        response.json().await.expect("JSON"),
    )
}

#[tokio::test]
async fn bad_input_is_refused_in_json() {
    let sim = Sim::start().await;
    sim.person().await;
    let (get, post) = (reqwest::Method::GET, reqwest::Method::POST);
    let cases = [
        (&post, "/sim/people", "{", 400),
        (&post, "/sim/people", "{}", 422),
        (&post, "/sim/people", r#"{"first_name":" "}"#, 400),
        (&post, "/sim/people", r#"{"first_name":"x","id":0}"#, 400),
        (&post, "/sim/people", r#"{"first_name":"x","id":1001}"#, 409),
        (&post, "/sim/people/1001/send", r#"{"text":""}"#, 400),
        (&post, "/sim/people/1001/press", "{}", 404),
        (&post, "/sim/people/9/send", r#"{"text":"x"}"#, 404),
        (&post, "/sim/people/x/send", r#"{"text":"x"}"#, 400),
        (&post, "/sim/faults", r#"{"kind":"flood"}"#, 422),
        (&post, "/sim/faults", r#"{"kind":"delay","ms":600001}"#, 400),
        (
            &post,
            "/sim/faults",
            r#"{"kind":"lose_response","method":"no"}"#,
            400,
        ),
        (&get, "/sim/ledger?since=x", "", 400),
        (&get, "/sim/callbacks/1", "", 404),
        (&get, "/sim/nothing", "", 404),
        (&get, "/nothing/at/all", "", 404),
        (&post, "/sim/health", "", 405),
    ];
    for (method, path, body, status) in cases {
        let (got, answer) = raw(&sim, method.clone(), path, body).await;
        assert_eq!(got, status, "{path} {body}: {answer}");
        assert!(answer["error"].is_string(), "{path} {body}: {answer}");
    }
}

#[tokio::test]
async fn several_bots_need_to_be_told_apart() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let other = "4300:AAAAAAAAAAAAAAAAAAAAAAAA";
    sim.client.call(other, "getMe", &json!({})).await.unwrap();
    let unclear = sim.client.say(&person, "hello").await.unwrap_err();
    assert!(
        matches!(unclear, SimError::Refused { status: 409, .. }),
        "{unclear}"
    );
    let with_other = Chat::from(&person).with_bot(4300);
    sim.client.say(with_other, "hello").await.unwrap();
    let token_of_first = TOKEN;
    let (_, answer) = sim
        .client
        .call(token_of_first, "getUpdates", &json!({}))
        .await
        .unwrap();
    assert_eq!(answer["result"].as_array().unwrap().len(), 1, "only /start");
    assert_eq!(sim.client.chat(with_other).await.unwrap().messages.len(), 1);
}

#[tokio::test]
async fn limits_can_be_changed_while_running() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let strict = Limits {
        per_token_per_second: 1,
        per_chat_per_second: 1,
        per_group_per_minute: 1,
    };
    sim.client.set_limits(strict).await.unwrap();
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let params = json!({ "chat_id": person.id, "text": "x" });
        statuses.push(sim.call("sendMessage", params).await.0);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    sim.client.set_limits(Limits::OFF).await.unwrap();
    sim.send(person.id, "free again").await;
}

#[tokio::test]
async fn people_have_their_own_ids_and_languages() {
    let sim = Sim::start().await;
    let new = NewPerson::named("Анна", "ru").with_id(1001);
    let anna = sim.client.create_person(&new).await.unwrap();
    let next = NewPerson::named("Ben", "en");
    let ben = sim.client.create_person(&next).await.unwrap();
    assert_eq!((anna.id, anna.language_code.as_str()), (1001, "ru"));
    assert_ne!(anna.id, ben.id);
    assert_eq!(sim.client.people().await.unwrap(), [anna, ben]);
}
