//! HTML of `parse_mode`: <https://core.telegram.org/bots/api#html-style>.

use serde_json::{Value, json};

use super::text::Formatted;

/// Most entities kept in one message, as in Telegram.
const MAX_ENTITIES: usize = 100;

struct Open {
    tag: String,
    entity: Value,
    start: usize,
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    text: String,
    units: usize,
    open: Vec<Open>,
    entities: Vec<Value>,
}

/// Takes the tags out of `source`.
///
/// # Errors
/// Telegram's own words for the first fault, without "can't parse entities: ".
pub(crate) fn parse(source: &str) -> Result<Formatted, String> {
    let mut parser = Parser {
        source,
        at: 0,
        text: String::new(),
        units: 0,
        open: Vec::new(),
        entities: Vec::new(),
    };
    while let Some(next) = parser.rest().chars().next() {
        match next {
            '<' if parser.rest().starts_with("</") => parser.end_tag()?,
            '<' => parser.start_tag()?,
            '&' => parser.reference(),
            other => {
                parser.push(other);
                parser.at += other.len_utf8();
            }
        }
    }
    if let Some(open) = parser.open.last() {
        return Err(format!(
            "Can't find end tag corresponding to start tag \"{}\"",
            open.tag
        ));
    }
    parser.entities.sort_by_key(|entity| {
        let length = entity["length"].as_u64().unwrap_or(0);
        (entity["offset"].as_u64(), std::cmp::Reverse(length))
    });
    parser.entities.truncate(MAX_ENTITIES);
    Ok(Formatted {
        text: parser.text,
        entities: parser.entities,
    })
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, shown: char) {
        self.text.push(shown);
        self.units += shown.len_utf16();
    }

    fn start_tag(&mut self) -> Result<(), String> {
        let begin = self.at;
        let rest = self.rest();
        let end = tag_end(rest).ok_or(format!("Unclosed start tag at byte offset {begin}"))?;
        let inside = rest.get(1..end).unwrap_or_default();
        let name_end = inside
            .find(|c: char| c.is_ascii_whitespace())
            .unwrap_or(inside.len());
        let (name, attributes) = inside.split_at(name_end);
        let tag = name.to_ascii_lowercase();
        let entity = self.entity(&tag, attributes, begin)?;
        self.open.push(Open {
            tag,
            entity,
            start: self.units,
        });
        self.at += end + 1;
        Ok(())
    }

    fn entity(&self, tag: &str, attributes: &str, begin: usize) -> Result<Value, String> {
        let kind = match tag {
            "b" | "strong" => "bold",
            "i" | "em" => "italic",
            "u" | "ins" => "underline",
            "s" | "strike" | "del" => "strikethrough",
            "tg-spoiler" => "spoiler",
            "code" => "code",
            "pre" => "pre",
            "blockquote" if attributes.contains("expandable") => "expandable_blockquote",
            "blockquote" => "blockquote",
            "a" => "text_link",
            "span" if attribute(attributes, "class").as_deref() == Some("tg-spoiler") => "spoiler",
            "span" => {
                return Err(format!(
                    "Tag \"span\" must have class \"tg-spoiler\" at byte offset {begin}"
                ));
            }
            "tg-emoji" => "custom_emoji",
            _ => {
                return Err(format!(
                    "Unsupported start tag \"{tag}\" at byte offset {begin}"
                ));
            }
        };
        let mut entity = json!({ "type": kind });
        if kind == "text_link" {
            entity["url"] = json!(attribute(attributes, "href").unwrap_or_default());
        } else if kind == "custom_emoji" {
            entity["custom_emoji_id"] =
                json!(attribute(attributes, "emoji-id").unwrap_or_default());
        } else if kind == "code"
            && self.open.last().is_some_and(|open| open.tag == "pre")
            && let Some(class) = attribute(attributes, "class")
            && let Some(language) = class.strip_prefix("language-")
        {
            entity["language"] = json!(language);
        }
        Ok(entity)
    }

    fn end_tag(&mut self) -> Result<(), String> {
        let begin = self.at;
        let rest = self.rest();
        let end = rest
            .find('>')
            .ok_or(format!("Unclosed end tag at byte offset {begin}"))?;
        let name = rest.get(2..end).unwrap_or_default().trim();
        let name = name.to_ascii_lowercase();
        let open = self
            .open
            .pop()
            .ok_or(format!("Unexpected end tag at byte offset {begin}"))?;
        if !name.is_empty() && name != open.tag {
            return Err(format!(
                "Unmatched end tag at byte offset {begin}, expected \"</{}>\", found \"</{name}>\"",
                open.tag
            ));
        }
        self.close(open);
        self.at += end + 1;
        Ok(())
    }

    fn close(&mut self, open: Open) {
        let Open {
            mut entity, start, ..
        } = open;
        let length = self.units - start;
        // A link without an address is plain text, as in Telegram.
        let empty_link = entity["type"] == "text_link" && entity["url"] == "";
        if length == 0 || empty_link {
            return;
        }
        entity["offset"] = json!(start);
        entity["length"] = json!(length);
        // <pre><code class="language-…"> is one block.
        if let Some(language) = entity.get("language").cloned()
            && let Some(pre) = self.open.last_mut()
        {
            pre.entity["language"] = language;
            return;
        }
        self.entities.push(entity);
    }

    /// `&lt;`, `&gt;`, `&amp;`, `&quot;` and numbers; anything else stays as it is.
    fn reference(&mut self) {
        let rest = self.rest();
        let decoded = rest
            .find(';')
            .filter(|end| *end <= 10)
            .and_then(|end| Some((decode(rest.get(1..end)?)?, end + 1)));
        let (shown, length) = decoded.unwrap_or(('&', 1));
        self.push(shown);
        self.at += length;
    }
}

/// Where the `>` of a start tag stands, quoted values skipped.
fn tag_end(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (place, c) in rest.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(place),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

fn decode(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|c| *c != '\0')
        }
    }
}

/// The value of an attribute, quoted or not, with references decoded.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes.trim_start();
    while !rest.is_empty() {
        let name_end = rest.find(|c: char| c == '=' || c.is_ascii_whitespace());
        let (found, after) = rest.split_at(name_end.unwrap_or(rest.len()));
        let after = after.trim_start();
        let Some(value) = after.strip_prefix('=').map(str::trim_start) else {
            rest = after;
            continue;
        };
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, after) = match quote {
            Some(quote) => value.get(1..)?.split_once(quote)?,
            None => value.split_once(' ').unwrap_or((value, "")),
        };
        if found.eq_ignore_ascii_case(name) {
            return Some(plain(value));
        }
        rest = after.trim_start();
    }
    None
}

fn plain(value: &str) -> String {
    value
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot_api::text::utf16_len;

    #[test]
    fn tags_become_entities_counted_in_utf16_units() {
        let parsed = parse("📅 <b>Урок <i>завтра</i></b> &lt;3 &amp;co").unwrap();
        assert_eq!(parsed.text, "📅 Урок завтра <3 &co");
        assert_eq!(
            parsed.entities,
            [
                json!({ "type": "bold", "offset": 3, "length": 11 }),
                json!({ "type": "italic", "offset": 8, "length": 6 }),
            ]
        );
        assert_eq!(utf16_len("📅"), 2);
    }

    #[test]
    fn links_and_code_keep_their_attributes() {
        let parsed = parse(
            "<a href=\"https://e.org/?a=1&amp;b=2\">x</a><pre><code class='language-rs'>y</code></pre>",
        )
        .unwrap();
        assert_eq!(
            parsed.entities,
            [
                json!({ "type": "text_link", "url": "https://e.org/?a=1&b=2", "offset": 0, "length": 1 }),
                json!({ "type": "pre", "language": "rs", "offset": 1, "length": 1 }),
            ]
        );
    }

    #[test]
    fn faults_are_told_in_telegrams_words() {
        let fault = |source: &str| parse(source).unwrap_err();
        assert_eq!(
            fault("a <b>c"),
            "Can't find end tag corresponding to start tag \"b\""
        );
        assert_eq!(
            fault("<b>x</i>"),
            "Unmatched end tag at byte offset 4, expected \"</b>\", found \"</i>\""
        );
        assert_eq!(fault("x</b>"), "Unexpected end tag at byte offset 1");
        assert_eq!(
            fault("<table>"),
            "Unsupported start tag \"table\" at byte offset 0"
        );
        assert_eq!(fault("1 < 2"), "Unclosed start tag at byte offset 2");
    }
}
