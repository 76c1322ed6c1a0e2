//! What an answer of the Bot API says about the outcome.

use std::time::Duration;

use olm_proto::notify::v1::{
    Ambiguous, ChatGone, Limited, Moved, NotWritten, Outcome, Refused, Sent, outcome::Kind,
};
use serde::Deserialize;
use serde_json::Value;

/// Why a call has no result, by what is known of its outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No byte was written.
    #[error("nothing was written: {cause}")]
    NotWritten {
        /// Why.
        cause: String,
        /// No other try before this is over.
        retry_after: Duration,
    },
    /// 401 or 404: the token is none (any more). Nothing was done.
    #[error("Telegram refuses the token")]
    TokenRefused,
    /// 429. Nothing was done.
    #[error("limited for {retry_after:?}")]
    Limited {
        /// How long Telegram wants silence.
        retry_after: Duration,
    },
    /// The group became a supergroup: the chat is another now. Nothing was done.
    #[error("the chat is another now")]
    Moved {
        /// Its new id; not 0.
        chat_id: i64,
    },
    /// 403, or no such chat.
    #[error("the chat is gone: {description}")]
    ChatGone {
        /// Telegram's words.
        description: String,
    },
    /// Another 4xx.
    #[error("refused with {code}: {description}")]
    Refused {
        /// The status.
        code: u16,
        /// Telegram's words.
        description: String,
        /// What is at fault.
        fault: Fault,
    },
    /// Telegram may have done it.
    #[error("the outcome is unknown: {cause}")]
    Ambiguous {
        /// Why.
        cause: String,
    },
}

/// What Telegram refuses a request for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The text itself: no repeat can help.
    Content,
    /// The text's markup alone: as plain text it may be taken.
    Markup,
    /// Anything else.
    Other,
}

impl CallError {
    /// A name for logs and spans.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::NotWritten { .. } => "not_written",
            Self::TokenRefused => "token_refused",
            Self::Limited { .. } => "limited",
            Self::Moved { .. } => "moved",
            Self::ChatGone { .. } => "chat_gone",
            Self::Refused { .. } => "refused",
            Self::Ambiguous { .. } => "ambiguous",
        }
    }

    /// True when the message is already as the edit would make it.
    #[must_use]
    pub fn is_not_modified(&self) -> bool {
        matches!(self, Self::Refused { description, .. }
            if description.contains("message is not modified"))
    }

    /// True when no message holds the text.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        matches!(self, Self::Refused { description, .. }
            if description.contains("is too long"))
    }
}

/// A row whose token is refused is tried again after this long.
const TOKEN_PAUSE: Duration = Duration::from_secs(30);

/// The outcome of a `sendMessage` for notify-svc.
#[must_use]
pub fn outcome(result: &Result<Value, CallError>) -> Outcome {
    let kind = match result {
        Ok(message) => Kind::Sent(Sent {
            telegram_message_id: message
                .get("message_id")
                .and_then(Value::as_i64)
                .unwrap_or(0),
        }),
        Err(CallError::NotWritten { cause, retry_after }) => not_written(cause, *retry_after),
        Err(CallError::TokenRefused) => not_written("Telegram refuses the token", TOKEN_PAUSE),
        Err(CallError::Limited { retry_after }) => Kind::Limited(Limited {
            retry_after: Some(wire(*retry_after)),
        }),
        Err(CallError::Moved { chat_id }) => Kind::Moved(Moved { chat_id: *chat_id }),
        Err(CallError::ChatGone { description }) => Kind::ChatGone(ChatGone {
            description: description.clone(),
        }),
        Err(CallError::Refused {
            code,
            description,
            fault,
        }) => Kind::Refused(Refused {
            code: i32::from(*code),
            description: description.clone(),
            bad_content: *fault == Fault::Content,
            bad_markup: *fault == Fault::Markup,
        }),
        Err(CallError::Ambiguous { cause }) => Kind::Ambiguous(Ambiguous {
            cause: cause.clone(),
        }),
    };
    Outcome { kind: Some(kind) }
}

/// The outcome of a row of which no byte was written.
#[must_use]
pub fn not_written(cause: &str, retry_after: Duration) -> Kind {
    Kind::NotWritten(NotWritten {
        cause: cause.to_owned(),
        retry_after: (!retry_after.is_zero()).then(|| wire(retry_after)),
    })
}

/// A length for the wire.
#[must_use]
pub fn wire(length: Duration) -> prost_types::Duration {
    let span = jiff::SignedDuration::try_from(length);
    olm_proto::duration(span.unwrap_or(jiff::SignedDuration::MAX))
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    result: Option<Value>,
    #[serde(default)]
    description: String,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

/// No freeze lasts longer, whatever a mistaken server asks for.
pub const LONGEST_FREEZE: Duration = Duration::from_hours(24);
/// A 429 without a number freezes for this long.
const DEFAULT_FREEZE: Duration = Duration::from_secs(5);

/// Texts of refusals that no repeat of the same content can change.
const BAD_CONTENT: [&str; 3] = ["message is too long", "text is too long", "text is empty"];
/// The text of a refusal that the same words without markup may not meet.
const BAD_MARKUP: &str = "can't parse entities";

/// Reads an answer.
///
/// # Errors
///
/// Everything that is not `ok`, by what is known of the outcome.
pub fn classify(status: u16, body: &[u8]) -> Result<Value, CallError> {
    if status >= 500 {
        let cause = format!("answered with {status}");
        return Err(CallError::Ambiguous { cause });
    }
    // A proxy's page, or a truncated answer.
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
        let cause = format!("answered with {status} and no JSON");
        return Err(CallError::Ambiguous { cause });
    };
    if answer.ok {
        return Ok(answer.result.unwrap_or(Value::Null));
    }
    Err(refusal(status, answer))
}

fn refusal(status: u16, answer: Answer) -> CallError {
    let description = answer.description;
    let lower = description.to_lowercase();
    let moved_to = answer
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.migrate_to_chat_id);
    if let (400..500, Some(chat_id)) = (status, moved_to.filter(|chat_id| *chat_id != 0)) {
        return CallError::Moved { chat_id };
    }
    match status {
        401 | 404 => CallError::TokenRefused,
        429 => {
            let seconds = answer
                .parameters
                .and_then(|parameters| parameters.retry_after);
            CallError::Limited {
                retry_after: seconds
                    .map_or(DEFAULT_FREEZE, Duration::from_secs)
                    .min(LONGEST_FREEZE),
            }
        }
        403 => CallError::ChatGone { description },
        400 if lower.contains("chat not found") => CallError::ChatGone { description },
        400..500 => CallError::Refused {
            code: status,
            fault: fault(&lower),
            description,
        },
        _ => CallError::Ambiguous {
            cause: format!("answered with {status}: {description}"),
        },
    }
}

/// What a description, in lower case, finds fault with.
fn fault(description: &str) -> Fault {
    if BAD_CONTENT.iter().any(|text| description.contains(text)) {
        Fault::Content
    } else if description.contains(BAD_MARKUP) {
        Fault::Markup
    } else {
        Fault::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, description: &str) -> CallError {
        let body = serde_json::json!({
            "ok": false, "error_code": status, "description": description
        });
        classify(status, body.to_string().as_bytes()).unwrap_err()
    }

    #[test]
    fn each_answer_of_telegram_has_its_class() {
        let classes = [
            (401, "Unauthorized", "token_refused"),
            (404, "Not Found", "token_refused"),
            (403, "Forbidden: bot was blocked by the user", "chat_gone"),
            (403, "Forbidden: user is deactivated", "chat_gone"),
            (400, "Bad Request: chat not found", "chat_gone"),
            (429, "Too Many Requests: retry after 9", "limited"),
            (400, "Bad Request: message to edit not found", "refused"),
            (
                409,
                "Conflict: terminated by other getUpdates request",
                "refused",
            ),
            (500, "Internal Server Error", "ambiguous"),
            (502, "Bad Gateway", "ambiguous"),
        ];
        for (status, description, class) in classes {
            assert_eq!(
                refused(status, description).class(),
                class,
                "{status} {description}"
            );
        }
    }

    #[test]
    fn bad_content_and_bad_markup_are_told_from_other_refusals() {
        let kind = |description| {
            let outcome = outcome(&Err(refused(400, description)));
            let Some(Kind::Refused(refused)) = outcome.kind else {
                panic!("{outcome:?}");
            };
            (refused.bad_content, refused.bad_markup)
        };
        let markup = "Bad Request: can't parse entities: Unsupported start tag";
        assert_eq!(kind(markup), (false, true));
        assert_eq!(kind("Bad Request: message is too long"), (true, false));
        let rights = "Bad Request: not enough rights to send text messages to the chat";
        assert_eq!(kind(rights), (false, false));
    }

    #[test]
    fn a_group_that_became_a_supergroup_tells_its_new_id() {
        let body = br#"{"ok":false,"error_code":400,
            "description":"Bad Request: group chat was upgraded to a supergroup chat",
            "parameters":{"migrate_to_chat_id":-1009}}"#;
        let moved = classify(400, body);
        assert_eq!(moved, Err(CallError::Moved { chat_id: -1009 }));
        let kind = Kind::Moved(Moved { chat_id: -1009 });
        assert_eq!(outcome(&moved).kind, Some(kind));
    }

    #[test]
    fn retry_after_is_read_from_the_parameters() {
        let body = br#"{"ok":false,"error_code":429,"parameters":{"retry_after":7}}"#;
        let expected = CallError::Limited {
            retry_after: Duration::from_secs(7),
        };
        assert_eq!(classify(429, body), Err(expected));
    }

    #[test]
    fn what_is_no_json_may_have_been_sent() {
        for (status, body) in [(200, "{\"ok\":tr"), (200, ""), (403, "<html>"), (502, "{}")] {
            let error = classify(status, body.as_bytes()).unwrap_err();
            assert_eq!(error.class(), "ambiguous", "{status} {body}");
        }
    }

    #[test]
    fn a_sent_message_carries_its_id() {
        let result = classify(200, br#"{"ok":true,"result":{"message_id":12}}"#);
        let sent = Kind::Sent(Sent {
            telegram_message_id: 12,
        });
        assert_eq!(outcome(&result).kind, Some(sent));
    }
}
