//! Buttons as the Bot API takes them.

use serde_json::{Value, json};

use crate::buttons::Button;

/// Characters that a row of buttons shows on a phone, about; Telegram cuts off what is more.
const ROW_CHARS: usize = 46;

/// A button as the Bot API takes it.
pub(super) fn button(text: &str, button: Button) -> Value {
    json!({ "text": text, "callback_data": button.to_string() })
}

/// A button that opens a link.
pub(super) fn link(text: &str, url: &str) -> Value {
    json!({ "text": text, "url": url })
}

/// An inline keyboard as the Bot API takes it. Where a label would be cut off on a phone, the
/// buttons of its row stand one below the other.
pub(super) fn keyboard(rows: &[Vec<Value>]) -> Option<Value> {
    let rows = rows.iter().flat_map(|row| {
        let most = ROW_CHARS / row.len().max(1);
        let fits = row.iter().all(|button| {
            let label = button["text"].as_str().unwrap_or_default();
            label.chars().count() < most
        });
        row.chunks(if fits { row.len().max(1) } else { 1 })
    });
    let rows: Vec<_> = rows.collect();
    (!rows.is_empty()).then(|| json!({ "inline_keyboard": rows }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_whose_labels_would_be_cut_off_stand_one_below_the_other() {
        let row = |labels: &[&str]| -> Vec<Value> {
            labels
                .iter()
                .map(|label| json!({ "text": label }))
                .collect()
        };
        let wide = row(&["🔁 Перенести", "❌ Отменить: сб 21 ноя, 18:30"]);
        let narrow = row(&["Да", "Нет"]);
        let shown = keyboard(&[wide.clone(), narrow.clone(), Vec::new()]).unwrap();
        assert_eq!(
            shown["inline_keyboard"],
            json!([[wide[0]], [wide[1]], narrow])
        );
        assert_eq!(keyboard(&[Vec::new()]), None);
    }
}
