//! A call that carries a file: `multipart/form-data` (RFC 7578; Bot API, "Sending files").

use serde_json::Value;
use uuid::Uuid;

use super::Encoded;

/// The fields of `body` and a PNG as `photo`.
pub(super) fn with_photo(body: &Value, png: &[u8]) -> Encoded {
    // Nobody can write it into a text beforehand.
    let boundary = Uuid::new_v4().simple().to_string();
    let mut bytes = Vec::with_capacity(png.len() + 2_048);
    let mut part = |head: &str, content: &[u8]| {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n");
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(b"\r\n");
    };
    for (name, value) in body.as_object().into_iter().flatten() {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        part(&format!("name=\"{name}\""), text.as_bytes());
    }
    let photo = "name=\"photo\"; filename=\"photo.png\"\r\nContent-Type: image/png";
    part(photo, png);
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Encoded {
        bytes,
        content_type: format!("multipart/form-data; boundary={boundary}").into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_go_as_they_are_and_structures_as_json() {
        let body = json!({ "chat_id": 7, "caption": "«да»", "reply_markup": { "a": [1] } });
        let form = with_photo(&body, b"\x89PNG");
        let boundary = form.content_type.split_once("boundary=").unwrap().1;
        let text = String::from_utf8_lossy(&form.bytes).into_owned();
        let parts: Vec<_> = text.split(&format!("--{boundary}")).collect();
        assert_eq!(parts.len(), 6, "{text}");
        for (name, value) in [
            ("chat_id", "7"),
            ("caption", "«да»"),
            ("reply_markup", "{\"a\":[1]}"),
        ] {
            let part =
                format!("\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            assert!(parts.contains(&part.as_str()), "{name}: {text}");
        }
        assert!(
            form.bytes
                .windows(8)
                .any(|bytes| bytes == b"\r\n\r\n\x89PNG")
        );
        assert!(text.ends_with("--\r\n"), "{text}");
    }
}
