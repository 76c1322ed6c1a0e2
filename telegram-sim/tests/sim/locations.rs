//! Locations, and the buttons that ask for them.

use serde_json::json;
use telegram_sim::{api::Location, client::Button};

use super::Sim;

const KAZAN: Location = Location {
    latitude: 55.79,
    longitude: 49.12,
};

#[tokio::test]
async fn a_location_comes_as_one_and_without_a_text() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    sim.client.send_location(&person, KAZAN).await.unwrap();
    let updates = sim.accepted("getUpdates", json!({ "offset": -1 })).await;
    let message = &updates[0]["message"];
    assert_eq!(message["location"], json!(KAZAN), "{message}");
    assert!(message.get("text").is_none(), "{message}");
    let nowhere = Location {
        latitude: 91.0,
        ..KAZAN
    };
    assert!(sim.client.send_location(&person, nowhere).await.is_err());
}

#[tokio::test]
async fn a_button_that_asks_for_the_location_sends_where_the_phone_is() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let markup = json!({ "keyboard": [[{ "text": "Where?", "request_location": true }, "No"]] });
    let message = json!({ "chat_id": person.id, "text": "?", "reply_markup": markup });
    sim.accepted("sendMessage", message).await;
    for (label, is_location) in [("Where?", true), ("No", false)] {
        let button = Button::text(label);
        sim.client.press(&person, button).await.unwrap();
        let updates = sim.accepted("getUpdates", json!({ "offset": -1 })).await;
        let message = &updates[0]["message"];
        assert_eq!(message["location"].is_object(), is_location, "{message}");
    }
}

#[tokio::test]
async fn a_menu_button_is_one_that_telegram_knows() {
    let sim = Sim::start().await;
    let known = json!({ "menu_button": { "type": "commands" } });
    assert_eq!(sim.accepted("setChatMenuButton", known).await, json!(true));
    let unknown = json!({ "menu_button": { "type": "doorbell" } });
    let (status, _) = sim.refused("setChatMenuButton", unknown).await;
    assert_eq!(status, 400);
}
