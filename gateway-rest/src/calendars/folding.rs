//! Lines of iCalendar text (RFC 5545, 3.1 and 3.3.11).

/// The most octets of a line, without its end.
const MOST: usize = 75;

/// Adds a line, folded where it is longer: a continuation begins with a space. Never
/// inside a character. Control characters, which no line may have, are left out.
pub(crate) fn push(text: &mut String, line: &str) {
    let mut octets = 0;
    for character in line.chars().filter(|character| !character.is_control()) {
        if octets + character.len_utf8() > MOST {
            text.push_str("\r\n ");
            octets = 1;
        }
        text.push(character);
        octets += character.len_utf8();
    }
    text.push_str("\r\n");
}

/// A value of type TEXT.
pub(crate) fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' | ';' | ',' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(line: &str) -> String {
        let mut text = String::new();
        push(&mut text, line);
        text
    }

    #[test]
    fn a_line_is_folded_at_75_octets_and_between_characters() {
        let fits = "x".repeat(75);
        assert_eq!(folded(&fits), format!("{fits}\r\n"));
        assert_eq!(folded(&format!("{fits}y")), format!("{fits}\r\n y\r\n"));
        for line in [
            "ж".repeat(200),
            "🎉".repeat(90),
            format!("a{}", "ж".repeat(99)),
        ] {
            let text = folded(&line);
            assert!(text.lines().all(|line| line.len() <= 75), "{text}");
            assert_eq!(text.replace("\r\n ", "").trim_end(), line);
        }
        assert_eq!(folded("a\r\nBEGIN:VEVENT\u{7f}"), "aBEGIN:VEVENT\r\n");
    }

    #[test]
    fn what_separates_is_escaped() {
        assert_eq!(escaped(r"a;b,c\d"), r"a\;b\,c\\d");
        assert_eq!(escaped("a\nb"), r"a\nb");
    }
}
