//! Room that reminders and broadcasts leave to people who are here.
//!
//! With the limit used up a slot comes every thirtieth of a second. What somebody does is
//! often told to two at once, and two do something at once: then the last one waits for four.
//! So while people are here, the rest leaves them a part of the limit, and they find it free.

use std::{collections::VecDeque, time::Duration};

use super::At;

/// So long after something urgent somebody is here.
const STAYS: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);
/// This part of the limit is left free: 3 of 30.
const ROOM: usize = 10;
/// When more than this part of a second's limit was urgent, nothing more is left: lanes share
/// by their floors.
const FEW: usize = 3;

/// Who is here.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Urgent starts of the last second.
    starts: VecDeque<At>,
    last: Option<At>,
}

impl Room {
    /// Something urgent started.
    pub(super) fn started(&mut self, now: At) {
        self.starts.push_back(now);
        self.last = Some(now);
    }

    /// How much of `limit` is left to what is urgent.
    pub(super) fn of(&mut self, limit: usize, now: At) -> usize {
        let is_over = |at: &At| *at + SECOND <= now;
        while self.starts.front().is_some_and(is_over) {
            self.starts.pop_front();
        }
        let somebody_is_here = self.last.is_some_and(|at| now < at + STAYS);
        if somebody_is_here && self.starts.len() <= limit / FEW {
            limit / ROOM
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_left_while_somebody_is_here_and_few_are() {
        let mut room = Room::default();
        assert_eq!(room.of(30, SECOND), 0);
        room.started(SECOND);
        assert_eq!(room.of(30, SECOND), 3);
        assert_eq!(room.of(25, SECOND), 2);
        assert_eq!(room.of(5, SECOND), 0);
        assert_eq!(room.of(30, 10 * SECOND), 3);
        assert_eq!(room.of(30, 11 * SECOND), 0);
        for _ in 0..11 {
            room.started(20 * SECOND);
        }
        assert_eq!(room.of(30, 20 * SECOND), 0);
        assert_eq!(room.of(30, 21 * SECOND), 3);
    }
}
