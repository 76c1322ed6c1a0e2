//! Locations that people send.

use serde_json::{Value, json};

use super::{chats::Conversation, people::Refused};
use crate::api::Location;

/// Where a simulated phone is: what a button that asks for the location sends.
pub(crate) const PHONE: Location = Location {
    latitude: 55.752_2,
    longitude: 37.615_6,
};

/// What the chat shows of a location.
pub(crate) fn shown(location: Location) -> Result<String, Refused> {
    for (field, degrees, most) in [
        ("latitude", location.latitude, 90.0),
        ("longitude", location.longitude, 180.0),
    ] {
        if !(-most..=most).contains(&degrees) {
            let fault = "is no place on Earth";
            return Err(Refused::Invalid { field, fault });
        }
    }
    Ok(format!("📍 {}, {}", location.latitude, location.longitude))
}

/// The message of an update that carries a location has no text.
pub(crate) fn carried(mut message: Value, location: Location) -> Value {
    if let Some(fields) = message.as_object_mut() {
        fields.remove("text");
        fields.insert("location".to_owned(), json!(location));
    }
    message
}

impl Conversation {
    /// Whether the button of the reply keyboard with this label asks for the location.
    pub fn asks_location(&self, label: &str) -> bool {
        let rows = self
            .keyboard
            .as_ref()
            .and_then(|keyboard| keyboard["keyboard"].as_array());
        let buttons = rows.into_iter().flatten().filter_map(Value::as_array);
        let mut asking = buttons
            .flatten()
            .filter(|button| button["request_location"] == true);
        asking.any(|button| button["text"] == label)
    }
}
