//! Locations that people send, forgotten before anything else sees them: what is kept and
//! handled of one is the zone it lies in.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use texts::Zone;
use tzf_rs::EmbeddedFinder;

/// Before the zone of a location. No text that somebody writes has it: it is taken out.
const MARK: char = '\u{1}';

/// Reads the borders where they stand in the program.
static FINDER: LazyLock<EmbeddedFinder> = LazyLock::new(EmbeddedFinder::new);

/// Puts a text with the zone in place of a message's location, and takes away any other that
/// the update carries.
pub(super) fn forget(update: &mut Value) {
    let message = update.get_mut("message").and_then(Value::as_object_mut);
    if let Some(message) = message {
        if let Some(Value::String(text)) = message.get_mut("text") {
            text.retain(|letter| letter != MARK);
        }
        put_zone(message);
    }
    forget_all(update);
}

fn put_zone(message: &mut Map<String, Value>) {
    if let Some(location) = message.remove("location") {
        let degrees = |name: &str| location.get(name).and_then(Value::as_f64);
        let zone = degrees("latitude").zip(degrees("longitude"));
        let zone = zone.and_then(|(latitude, longitude)| zone_at(latitude, longitude));
        let name = zone.map_or("", Zone::iana_name);
        message.insert("text".to_owned(), format!("{MARK}{name}").into());
    }
}

/// Locations stand in places, in forwarded and answered messages, and the like.
fn forget_all(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in ["location", "venue"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(forget_all);
        }
        Value::Array(values) => values.iter_mut().for_each(forget_all),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The name of a location's zone as [`forget`] writes it, empty where none is known; `None`
/// for any other text.
pub(crate) fn zone_name(text: &str) -> Option<&str> {
    text.strip_prefix(MARK)
}

fn zone_at(latitude: f64, longitude: f64) -> Option<Zone> {
    Zone::named(FINDER.get_tz_name(longitude, latitude))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_has_its_zone_on_either_side_of_a_border() {
        let name = |latitude, longitude| zone_at(latitude, longitude).map(Zone::iana_name);
        assert_eq!(name(52.52, 13.40), Some("Europe/Berlin"));
        // Kazan keeps Moscow's time, Samara 300 km south its own.
        assert_eq!(name(55.79, 49.12), Some("Europe/Moscow"));
        assert_eq!(name(53.20, 50.15), Some("Europe/Samara"));
        assert_eq!(name(40.71, -74.01), Some("America/New_York"));
        // The middle of an ocean has no city.
        assert_eq!(name(0.0, -140.0), None);
    }

    #[test]
    fn nothing_is_left_of_a_location_but_its_zone() {
        let place = json!({ "latitude": 55.790_127, "longitude": 49.124_539 });
        let mut update = json!({ "update_id": 1, "message": {
            "location": place,
            "venue": { "location": place, "title": "Home" },
            "reply_to_message": { "location": place, "photos": [{ "location": place }] },
            "from": { "id": 7 },
        }});
        forget(&mut update);
        let text = update.to_string();
        assert!(!text.contains("790127") && !text.contains("Home"), "{text}");
        assert_eq!(update["message"]["from"]["id"], 7);
        let text = update["message"]["text"].as_str().unwrap();
        assert_eq!(zone_name(text), Some("Europe/Moscow"));
        assert_eq!(zone_name("Europe/Moscow"), None);

        for typed in ["📍 Europe/Berlin", "\u{1}Europe/Berlin", "\u{1}\u{1}"] {
            let mut typed = json!({ "message": { "text": typed } });
            forget(&mut typed);
            let text = typed["message"]["text"].as_str().unwrap();
            assert_eq!(zone_name(text), None, "{text}");
        }

        let mut sea = json!({ "message": { "location": { "latitude": 0, "longitude": -140 } } });
        forget(&mut sea);
        let text = sea["message"]["text"].as_str().unwrap();
        assert_eq!(zone_name(text), Some(""));
    }
}
