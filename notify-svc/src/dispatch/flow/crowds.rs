//! Who is read apart, so that the others are seen.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::order::Order;
use crate::{
    dispatch::upcoming::{CHAT_SHARE, Crowded, Upcoming},
    notifications::Lane,
};

/// Who is read apart at most.
const MAX_CROWDED: usize = 500;

/// A lane and a sender, of which as many rows were read as may be.
pub(super) type Full = HashSet<(Lane, i64)>;

fn group(lane: Lane, row: &Upcoming) -> (Lane, i64) {
    match lane {
        Lane::Interactive | Lane::Reminder => (lane, 0),
        Lane::Broadcast => (lane, row.sender),
    }
}

pub(super) fn full(rows: &[(Lane, &Upcoming)]) -> Full {
    let mut read: HashMap<(Lane, i64), i64> = HashMap::new();
    let mut full = HashSet::new();
    for (lane, row) in rows.iter().filter(|(_, row)| row.share > 0) {
        let rows = read.entry(group(*lane, row)).or_default();
        *rows += 1;
        if *rows >= row.share {
            full.insert(group(*lane, row));
        }
    }
    full
}

/// Who fills a full group with one chat's rows or with rows that wait for one that came back,
/// and who was read apart and still has more than the share, or such rows.
pub(super) fn crowded(rows: &[(Lane, &Upcoming)], full: &Full, order: &Order) -> Crowded {
    let mut chats: HashMap<(Lane, i64), usize> = HashMap::new();
    let mut apart: HashMap<(Lane, Uuid), usize> = HashMap::new();
    for (lane, row) in rows {
        if row.share == 0 {
            *apart.entry((*lane, row.user_id)).or_default() += 1;
        } else if full.contains(&group(*lane, row)) {
            *chats.entry((*lane, row.chat_id)).or_default() += 1;
        }
    }
    let is_behind = |lane: Lane, row: &Upcoming| {
        order.is_behind((lane, row.chat_id, row.sender), (row.due_us, row.id))
    };
    let crowds = |lane: Lane, row: &Upcoming| match row.share {
        0 => apart.get(&(lane, row.user_id)) >= Some(&CHAT_SHARE) || is_behind(lane, row),
        _ => {
            chats.get(&(lane, row.chat_id)) > Some(&CHAT_SHARE)
                || full.contains(&group(lane, row)) && is_behind(lane, row)
        }
    };
    let mut crowded: Vec<_> = rows
        .iter()
        .filter(|(lane, row)| crowds(*lane, row))
        .map(|(lane, row)| (*lane, row.user_id))
        .collect();
    crowded.sort_unstable();
    crowded.dedup();
    crowded.truncate(MAX_CROWDED);
    Crowded(crowded)
}
