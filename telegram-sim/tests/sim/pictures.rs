//! Pictures.

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::{Sim, TOKEN, bad_request};

/// The beginning of a PNG of this size, which is all that is looked at.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes
}

async fn upload(sim: &Sim, chat: i64, picture: Vec<u8>) -> (u16, Value) {
    let form = Form::new()
        .text("chat_id", chat.to_string())
        .text("caption", "<b>Scan</b> me")
        .text("parse_mode", "HTML")
        .part("photo", Part::bytes(picture).file_name("code.png"));
    let url = format!("{}/bot{TOKEN}/sendPhoto", sim.client.base_url());
    let answer = reqwest::Client::new().post(url).multipart(form).send();
    let answer = answer.await.expect("it works");
    (
        answer.status().as_u16(),
        answer.json().await.expect("it works"),
    )
}

#[tokio::test]
async fn a_picture_is_kept_shown_sent_again_and_its_caption_edited() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let (status, answer) = upload(&sim, person.id, png(300, 200)).await;
    assert_eq!(status, 200, "{answer}");
    let sent = &answer["result"];
    assert_eq!(sent["caption"], json!("Scan me"));
    assert_eq!(sent["caption_entities"][0]["type"], json!("bold"));
    assert_eq!(sent["text"], Value::Null);
    let size = &sent["photo"][0];
    assert_eq!(
        (&size["width"], &size["height"]),
        (&json!(300), &json!(200))
    );

    let shown = sim.client.chat(&person).await.unwrap().messages;
    let path = shown.last().unwrap().photo.clone().unwrap();
    let url = format!("{}{path}", sim.client.base_url());
    let fetched = reqwest::get(url).await.unwrap();
    assert_eq!(fetched.headers()["content-type"], "image/png");
    assert_eq!(fetched.bytes().await.unwrap(), png(300, 200));

    let message = &sent["message_id"];
    let change = json!({ "chat_id": person.id, "message_id": message, "caption": "Once more" });
    let edited = sim.accepted("editMessageCaption", change).await;
    assert_eq!(edited["caption"], json!("Once more"));
    assert_eq!(edited["photo"], sent["photo"]);
    let change = json!({ "chat_id": person.id, "message_id": message, "text": "Words" });
    let refused = sim.refused("editMessageText", change).await;
    assert_eq!(
        refused,
        bad_request("there is no text in the message to edit")
    );
    let again = json!({ "chat_id": person.id, "photo": size["file_id"] });
    let again = sim.accepted("sendPhoto", again).await;
    assert_eq!(again["photo"], sent["photo"]);
    assert_eq!(again["caption"], Value::Null);
}

#[tokio::test]
async fn what_is_no_picture_is_refused_in_telegrams_words() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    for (picture, text) in [
        (b"GIF89a".to_vec(), "IMAGE_PROCESS_FAILED"),
        (png(0, 9), "IMAGE_PROCESS_FAILED"),
        (png(9_000, 1_001), "PHOTO_INVALID_DIMENSIONS"),
        (png(2_100, 100), "PHOTO_INVALID_DIMENSIONS"),
    ] {
        let (status, answer) = upload(&sim, person.id, picture).await;
        let told = answer["description"].as_str().unwrap().to_owned();
        assert_eq!((status, told), bad_request(text));
    }
    let unknown = json!({ "chat_id": person.id, "photo": "sim-picture-9" });
    assert_eq!(
        sim.refused("sendPhoto", unknown).await,
        bad_request("wrong file identifier/HTTP URL specified")
    );
    let text = sim.send(person.id, "words").await;
    let change = json!({
        "chat_id": person.id, "message_id": text["message_id"], "caption": "none"
    });
    assert_eq!(
        sim.refused("editMessageCaption", change).await,
        bad_request("there is no caption in the message to edit")
    );
}
