//! What counts against the limits, on the wire.

use std::time::Duration;

use jiff::SignedDuration;
use olm_proto::notify::v1 as wire;
use prost::Message as _;

use crate::{
    pacer::{Spent, SpentChat},
    telegram::LONGEST_FREEZE,
};

/// The service keeps no more, and a message has its limit.
const MOST_BYTES: usize = 65_536;

/// `None` when it is too much to be told: the next owner takes care instead.
pub(super) fn wire(spent: &Spent) -> Option<wire::Spent> {
    let chats = spent.chats.iter().map(|chat| wire::SpentChat {
        chat_id: chat.chat,
        free_in: Some(duration(chat.free_in)),
        answered_ago: durations(&chat.answered),
    });
    let spent = wire::Spent {
        chats: chats.collect(),
        answered_ago: durations(&spent.answered),
        free_in: Some(duration(spent.free_in)),
        groups_free_in: Some(duration(spent.groups_free_in)),
    };
    (spent.encoded_len() <= MOST_BYTES).then_some(spent)
}

/// A duration that cannot be read is none: of an age, the cautious reading. Nothing is closed for
/// longer than Telegram can ask for.
pub(super) fn parse(spent: &wire::Spent) -> Spent {
    let chats = spent.chats.iter().map(|chat| SpentChat {
        chat: chat.chat_id,
        free_in: closed(chat.free_in.as_ref()),
        answered: spans(&chat.answered_ago),
    });
    Spent {
        chats: chats.collect(),
        answered: spans(&spent.answered_ago),
        free_in: closed(spent.free_in.as_ref()),
        groups_free_in: closed(spent.groups_free_in.as_ref()),
    }
}

fn duration(of: Duration) -> prost_types::Duration {
    olm_proto::duration(SignedDuration::try_from(of).unwrap_or_default())
}

fn durations(of: &[Duration]) -> Vec<prost_types::Duration> {
    of.iter().copied().map(duration).collect()
}

pub(super) fn span(of: Option<&prost_types::Duration>) -> Duration {
    let span = of.and_then(olm_proto::span);
    span.and_then(|span| Duration::try_from(span).ok())
        .unwrap_or_default()
}

fn closed(of: Option<&prost_types::Duration>) -> Duration {
    span(of).min(LONGEST_FREEZE)
}

fn spans(of: &[prost_types::Duration]) -> Vec<Duration> {
    of.iter().map(|of| span(Some(of))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_comes_back_from_the_wire() {
        let spent = Spent {
            answered: vec![Duration::from_millis(1), Duration::ZERO],
            chats: vec![SpentChat {
                chat: -5,
                free_in: Duration::from_micros(7),
                answered: vec![Duration::from_secs(59)],
            }],
            free_in: Duration::from_millis(2),
            groups_free_in: Duration::from_secs(3),
        };
        assert_eq!(parse(&wire(&spent).unwrap()), spent);
    }

    #[test]
    fn what_nobody_can_have_told_closes_nothing_for_ever() {
        let for_ever = Some(olm_proto::duration(SignedDuration::MAX));
        let spent = wire::Spent {
            chats: vec![wire::SpentChat {
                free_in: for_ever,
                ..wire::SpentChat::default()
            }],
            free_in: for_ever,
            groups_free_in: for_ever,
            ..wire::Spent::default()
        };
        let spent = parse(&spent);
        let closed = [spent.chats[0].free_in, spent.free_in, spent.groups_free_in];
        assert_eq!(closed, [LONGEST_FREEZE; 3]);
    }

    #[test]
    fn what_a_limited_bot_can_use_is_told_and_no_message_grows_beyond_its_limit() {
        let group = |chat| SpentChat {
            chat,
            free_in: Duration::from_millis(999),
            answered: vec![Duration::from_nanos(59_999_999_999); 20],
        };
        let mut spent = Spent {
            answered: vec![Duration::from_nanos(999_999_999); 30],
            chats: (-1_000_000_000_090..-1_000_000_000_000)
                .map(group)
                .collect(),
            free_in: Duration::from_nanos(999_999_999),
            groups_free_in: Duration::from_nanos(59_999_999_999),
        };
        assert!(wire(&spent).is_some(), "30 a second for a minute");
        spent.answered = vec![Duration::from_nanos(999_999_999); 100_000];
        assert_eq!(wire(&spent), None);
    }
}
