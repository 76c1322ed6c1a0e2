//! Texts that fit into a message, whatever people wrote.

/// UTF-16 units of a message: Telegram takes 4,096 without the markup, and a word on its age
/// may follow.
const UNITS: usize = 3_800;

/// Lines in one message: those that do not fit are left out, which a mark says.
pub(super) fn fit(lines: impl IntoIterator<Item = String>) -> String {
    let mut left = UNITS;
    let (mut kept, mut marked) = (Vec::new(), false);
    for line in lines {
        if let Some(rest) = left.checked_sub(units_of(&line) + 1) {
            left = rest;
            kept.push(line);
        } else if !marked {
            marked = true;
            kept.push("…".to_owned());
        }
    }
    kept.join("\n")
}

/// UTF-16 units as Telegram counts them: without the markup, an escaped character as one.
fn units_of(html: &str) -> usize {
    let (mut units, mut rest) = (0, html);
    while let Some(first) = rest.chars().next() {
        let (end, counted) = match first {
            '<' => (rest.find('>'), 0),
            '&' => (rest.find(';'), 1),
            other => (None, other.len_utf16()),
        };
        units += counted;
        let end = end.map_or(first.len_utf8(), |last| last + 1);
        rest = rest.get(end..).unwrap_or_default();
    }
    units
}

/// A text of at most so many UTF-16 units, cut between characters; that it was, a mark says.
pub(super) fn short(text: &str, units: usize) -> String {
    if text.encode_utf16().count() <= units {
        return text.to_owned();
    }
    let mut left = units.saturating_sub(1);
    let fits = |character: &char| {
        let rest = left.checked_sub(character.len_utf16());
        left = rest.unwrap_or_default();
        rest.is_some()
    };
    let cut: String = text.chars().take_while(fits).collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_do_not_fit_are_left_out_as_a_whole() {
        let long = "о".repeat(UNITS);
        let lines = ["<b>head</b>", &long, &long, "tail"].map(str::to_owned);
        assert_eq!(fit(lines), "<b>head</b>\n…\ntail");
        assert_eq!(fit(vec!["о".repeat(99); 60]).encode_utf16().count(), 3_801);
    }

    #[test]
    fn what_telegram_does_not_show_takes_no_room() {
        for (html, units) in [
            ("", 0),
            ("Анна", 4),
            ("<b>Анна</b> &amp; <i>Co</i>", 9),
            ("&lt;3", 2),
            ("👋!", 3),
            // Not from here: everything is escaped.
            ("a < b & c", 8),
        ] {
            assert_eq!(units_of(html), units, "{html}");
        }
        let escaped = "&amp;".repeat(UNITS - 1);
        assert_eq!(fit([escaped.clone()]), escaped);
        let wide = "👋".repeat(UNITS / 2);
        assert_eq!(fit([wide]), "…");
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(short("Анна", 4), "Анна");
        assert_eq!(short("Анна Мария", 6), "Анна…");
        assert_eq!(short("👋👋👋", 6), "👋👋👋");
        for (units, cut) in [(5, "👋👋…"), (4, "👋…"), (1, "…")] {
            assert_eq!(short("👋👋👋", units), cut, "{units}");
        }
    }
}
