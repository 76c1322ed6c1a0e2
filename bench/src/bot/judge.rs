//! From an act to its answer, as the simulator saw both.

use std::{collections::HashMap, time::Duration};

use e2e::Result;
use telegram_sim::{
    api::{LedgerEntry, LedgerQuery},
    client::SimClient,
};

/// Entries of one page.
const PAGE: usize = 10_000;
/// A press that changes nothing is answered with a message that is as it was.
const AS_IT_WAS: &str = "message is not modified";

/// Where the answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A new message.
    Below,
    /// The message whose button was pressed, or a new one.
    Of(i64),
}

/// What a person did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    pub(super) chat: i64,
    /// When, on the simulator's clock.
    pub(super) asked_us: u64,
    pub(super) place: Place,
    pub(super) is_write: bool,
}

/// What came of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) is_write: bool,
    /// From the act to the answer's arrival; none: there was no answer.
    pub(super) took: Option<Duration>,
    /// The answer says that it could not be done or shown.
    pub(super) refused: bool,
}

/// Everything a bot asked for after an entry.
pub(super) async fn ledger(sim: &SimClient, bot: i64, mut seq: u64) -> Result<Vec<LedgerEntry>> {
    let mut all = Vec::new();
    loop {
        let query = LedgerQuery {
            bot: Some(bot),
            limit: Some(PAGE),
            ..LedgerQuery::default().since(seq)
        };
        let page = sim.ledger(&query).await?;
        if page.first_kept_seq > seq + 1 {
            return Err("the ledger has lost entries".into());
        }
        let Some(last) = page.entries.last() else {
            return Ok(all);
        };
        seq = last.seq;
        all.extend(page.entries);
    }
}

/// The first answer to each act.
pub(super) fn answers(acts: &[Act], entries: &[LedgerEntry]) -> Vec<Judged> {
    let mut by_chat: HashMap<i64, Vec<&LedgerEntry>> = HashMap::new();
    for entry in entries.iter().filter(|entry| stands(entry)) {
        let own = by_chat.entry(entry.chat_id.unwrap_or_default());
        own.or_default().push(entry);
    }
    let judged = acts.iter().map(|act| {
        let mut own = by_chat.get(&act.chat).into_iter().flatten();
        let answer = own.find(|entry| answers_to(act, entry));
        let took = answer.map(|entry| entry.received_mono_us - act.asked_us);
        Judged {
            is_write: act.is_write,
            took: took.map(Duration::from_micros),
            refused: answer.is_some_and(|entry| is_refusal(entry)),
        }
    });
    judged.collect()
}

/// How long each press of a button waited until it was acknowledged; a press is its callback
/// query and when it was pressed.
pub(super) fn acknowledgements(presses: &[(String, u64)], entries: &[LedgerEntry]) -> Vec<Judged> {
    let acknowledged: HashMap<&str, u64> = entries
        .iter()
        .filter(|entry| entry.method == "answerCallbackQuery" && entry.accepted)
        .filter_map(|entry| Some((entry.callback_query_id.as_deref()?, entry.received_mono_us)))
        .collect();
    let judged = presses.iter().map(|(query, asked_us)| Judged {
        is_write: false,
        took: acknowledged
            .get(query.as_str())
            .map(|received_us| Duration::from_micros(received_us.saturating_sub(*asked_us))),
        refused: false,
    });
    judged.collect()
}

/// Whether a person sees it.
fn stands(entry: &LedgerEntry) -> bool {
    let answer = entry.answer.as_ref();
    let said = answer.and_then(|answer| answer.description.as_deref());
    entry.accepted || said.is_some_and(|said| said.contains(AS_IT_WAS))
}

fn answers_to(act: &Act, entry: &LedgerEntry) -> bool {
    let is_there = match (entry.method.as_str(), act.place) {
        ("sendMessage" | "sendPhoto", _) => true,
        ("editMessageText", Place::Of(message)) => entry.message_id == Some(message),
        _ => false,
    };
    is_there && entry.received_mono_us >= act.asked_us
}

/// The signs of what was not done, could not be shown, or was too much.
fn is_refusal(entry: &LedgerEntry) -> bool {
    let text = entry.text.as_deref().unwrap_or_default();
    text.starts_with('⚠') || text.starts_with("Too many requests")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(method: &str, message: Option<i64>, text: &str, at_us: u64) -> LedgerEntry {
        let entry = json!({
            "seq": at_us, "bot_id": 1, "method": method, "chat_id": 5, "message_id": message,
            "callback_query_id": "7", "text": text, "reply_markup": null,
            "received_unix_us": 0, "received_mono_us": at_us, "answered_unix_us": null,
            "answered_mono_us": null, "accepted": true, "answer": null, "fault": null,
            "traceparent": null,
        });
        serde_json::from_value(entry).unwrap()
    }

    fn act(asked_us: u64, place: Place) -> Act {
        Act {
            chat: 5,
            asked_us,
            place,
            is_write: false,
        }
    }

    #[test]
    fn an_answer_is_the_first_message_of_its_place_after_the_act() {
        let entries = [
            entry("editMessageText", Some(3), "another", 90),
            entry("answerCallbackQuery", None, "", 110),
            entry("editMessageReplyMarkup", Some(4), "", 115),
            entry("editMessageText", Some(4), "this", 120),
            entry("sendMessage", None, "⚠️ not done", 200),
        ];
        let acts = [
            act(100, Place::Of(4)),
            act(130, Place::Of(4)),
            act(100, Place::Below),
            act(201, Place::Below),
        ];
        let judged = answers(&acts, &entries);
        let took: Vec<_> = judged.iter().map(|one| one.took).collect();
        let micros = |us| Some(Duration::from_micros(us));
        assert_eq!(took, [micros(20), micros(70), micros(100), None]);
        let refused: Vec<_> = judged.iter().map(|one| one.refused).collect();
        assert_eq!(refused, [false, true, true, false]);
    }

    #[test]
    fn a_press_is_acknowledged_by_its_own_query() {
        let entries = [entry("answerCallbackQuery", None, "", 110)];
        let presses = [("7".to_owned(), 100), ("8".to_owned(), 100)];
        let judged = acknowledgements(&presses, &entries);
        assert_eq!(judged[0].took, Some(Duration::from_micros(10)));
        assert_eq!(judged[1].took, None);
    }
}
