//! Which lane takes the next slot.

/// How many lanes there are.
pub const LANES: usize = 4;

/// A queue of a bot's messages; the earlier ones go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Answers to what a person just did.
    Conversation,
    /// Confirmations and cancellations.
    Interactive,
    /// Reminders.
    Reminder,
    /// Custom notifications.
    Broadcast,
}

impl Lane {
    /// Every lane, the first one first.
    pub const ALL: [Self; LANES] = [
        Self::Conversation,
        Self::Interactive,
        Self::Reminder,
        Self::Broadcast,
    ];

    /// 0 for the first lane.
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Conversation => 0,
            Self::Interactive => 1,
            Self::Reminder => 2,
            Self::Broadcast => 3,
        }
    }

    /// A word for figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Conversation => "conversation",
            Self::Interactive => "interactive",
            Self::Reminder => "reminder",
            Self::Broadcast => "broadcast",
        }
    }

    /// Whether somebody waits for it.
    pub(super) fn is_urgent(self) -> bool {
        match self {
            Self::Conversation | Self::Interactive => true,
            Self::Reminder | Self::Broadcast => false,
        }
    }

    /// How many slots of each round are the lane's while it has rows, so that nobody
    /// starves. They add up to a whole round.
    fn floor(self) -> usize {
        match self {
            Self::Conversation => 15,
            Self::Interactive => 4,
            Self::Reminder => 10,
            Self::Broadcast => 1,
        }
    }
}

const ROUND: usize = 30;

/// The slots handed out since the present round of 30 began.
#[derive(Debug, Default)]
pub(super) struct Round {
    taken: [usize; LANES],
}

impl Round {
    /// The lane that takes the next slot, among those that are ready: the highest one
    /// that leaves enough of the round for what is owed to the others.
    pub(super) fn choose(&mut self, ready: [bool; LANES]) -> Option<Lane> {
        if self.taken.iter().sum::<usize>() >= ROUND {
            self.taken = [0; LANES];
        }
        let left = ROUND - self.taken.iter().sum::<usize>();
        let owed = |lane: Lane| {
            let index = lane.index();
            if ready[index] {
                lane.floor().saturating_sub(self.taken[index])
            } else {
                0
            }
        };
        let owed_to_all: usize = Lane::ALL.into_iter().map(owed).sum();
        let is_ready = |lane: &Lane| ready[lane.index()];
        let leaves_enough = |lane: &Lane| left > owed_to_all - owed(*lane);
        let mut candidates = Lane::ALL.into_iter().filter(is_ready);
        let lane = candidates
            .clone()
            .find(leaves_enough)
            .or_else(|| candidates.clone().find(|lane| owed(*lane) > 0))
            .or_else(|| candidates.next())?;
        self.taken[lane.index()] += 1;
        Some(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(ready: [bool; LANES], slots: usize) -> [usize; LANES] {
        let mut round = Round::default();
        let mut shares = [0; LANES];
        for _ in 0..slots {
            shares[round.choose(ready).unwrap().index()] += 1;
        }
        shares
    }

    #[test]
    fn with_every_lane_full_each_gets_its_floor() {
        assert_eq!(shares([true; LANES], 300), [150, 40, 100, 10]);
    }

    #[test]
    fn a_lane_alone_takes_every_slot() {
        assert_eq!(shares([false, false, false, true], 30), [0, 0, 0, 30]);
    }

    #[test]
    fn what_is_owed_to_nobody_goes_to_the_highest_lane() {
        assert_eq!(shares([true, false, true, false], 30), [20, 0, 10, 0]);
        assert_eq!(shares([false, true, false, true], 30), [0, 29, 0, 1]);
    }

    #[test]
    fn the_highest_lane_goes_first_in_a_round() {
        let mut round = Round::default();
        assert_eq!(round.choose([true; LANES]), Some(Lane::Conversation));
        assert_eq!(
            round.choose([false, true, true, true]),
            Some(Lane::Interactive)
        );
        assert_eq!(round.choose([false; LANES]), None);
    }
}
