//! Polling mode: bots in other languages fetch what is due, send it themselves and say
//! what became of it (OLM-3). No IO here.

use std::time::Duration;

use uuid::{Uuid, uuid};

use crate::notifications::states::Outcome;

pub mod grpc;
pub mod store;

/// Rows given out at once.
pub const MAX_ROWS: i32 = 50;

/// The namespace of clients' ids among gateways'; never to change, or what they have
/// begun is not theirs any more.
const NAMESPACE: Uuid = uuid!("5d0b4ce2-5a3f-4c1b-8a45-6f2b5f0c9a11");

/// Telegram's longest wait that is believed.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// In whose name a client's attempts are logged, beside those of gateways.
#[must_use]
pub fn gateway_id(client: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("polling/{client}").as_bytes())
}

/// What a client says of a row it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Telegram accepted it.
    Sent {
        /// Telegram's id of the message; 0 when the client does not say.
        message_id: i64,
    },
    /// It did not.
    Failed {
        /// Telegram's words, or the client's.
        reason: String,
    },
}

impl Said {
    /// As the outcome of an attempt. Telegram's own words tell what no repeat can help
    /// and what is only a matter of time (Bot API, "Making requests"); all else is
    /// counted.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let reason = match self {
            Self::Sent { message_id } => {
                return Outcome::Sent {
                    message_id: *message_id,
                };
            }
            Self::Failed { reason } => reason,
        };
        let words = reason.to_lowercase();
        if words.contains("forbidden:") || words.contains("chat not found") {
            return Outcome::ChatGone {
                description: reason.clone(),
            };
        }
        if words.contains("too many requests") {
            return Outcome::Limited {
                retry_after: retry_after(&words),
            };
        }
        Outcome::Refused {
            code: 0,
            description: reason.clone(),
            bad_content: false,
            bad_markup: false,
        }
    }

    /// Whether an attempt with this outcome, as it is logged, ended as is said here.
    #[must_use]
    pub fn agrees_with(&self, outcome: &str) -> bool {
        match self {
            Self::Sent { .. } => outcome == "sent",
            Self::Failed { .. } => matches!(outcome, "refused" | "chat_gone" | "limited"),
        }
    }
}

/// The seconds of "Too Many Requests: retry after 5"; one where none are named.
fn retry_after(words: &str) -> Duration {
    let named = words.split("retry after ").nth(1).unwrap_or_default();
    let digits = named.split(|c: char| !c.is_ascii_digit()).next();
    let seconds = digits.and_then(|digits| digits.parse().ok()).unwrap_or(1);
    Duration::from_secs(seconds).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(reason: &str) -> Outcome {
        Said::Failed {
            reason: reason.to_owned(),
        }
        .outcome()
    }

    #[test]
    fn telegrams_own_words_say_that_the_chat_is_gone() {
        for words in [
            "Forbidden: bot was blocked by the user",
            "Telegram server says - Forbidden: user is deactivated",
            "Bad Request: chat not found",
        ] {
            let gone = Outcome::ChatGone {
                description: words.to_owned(),
            };
            assert_eq!(failed(words), gone);
        }
    }

    #[test]
    fn a_limit_is_waited_for_and_anything_else_is_counted() {
        for (words, seconds) in [
            ("Too Many Requests: retry after 17", 17),
            ("429 too many requests", 1),
            ("Too Many Requests: retry after 99999999", 86_400),
            ("Too Many Requests: retry after 99999999999999999999", 1),
        ] {
            let retry_after = Duration::from_secs(seconds);
            assert_eq!(failed(words), Outcome::Limited { retry_after }, "{words}");
        }
        for words in ["", "timeout", "Bad Request: message is too long"] {
            let outcome = failed(words);
            assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
        }
    }

    #[test]
    fn every_outcome_a_client_can_tell_agrees_with_itself() {
        for said in [
            Said::Sent { message_id: 1 },
            Said::Failed {
                reason: "Forbidden: x".to_owned(),
            },
            Said::Failed {
                reason: "too many requests".to_owned(),
            },
            Said::Failed {
                reason: "x".to_owned(),
            },
        ] {
            assert!(said.agrees_with(said.outcome().as_str()), "{said:?}");
        }
        assert!(!Said::Sent { message_id: 1 }.agrees_with("refused"));
        let reason = String::new();
        assert!(!Said::Failed { reason }.agrees_with("sent"));
    }

    #[test]
    fn a_client_keeps_its_id_for_ever() {
        // Written down: a change would orphan what clients have begun.
        let expected = uuid!("2e40271c-ada1-5760-bddc-88d829f78628");
        assert_eq!(gateway_id("crm"), expected);
        assert_ne!(gateway_id("crm"), gateway_id("crm2"));
    }
}
