//! Chance from a seed: the same seed, the same throws.

/// `SplitMix64` (Steele, Lea and Flood 2014): small, and good enough to choose faults.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice for one round of one seed.
    #[must_use]
    pub fn new(seed: u64, round: u32) -> Self {
        let mut dice = Self(seed ^ u64::from(round).wrapping_mul(0xd6e8_feb8_6659_fd93));
        dice.throw();
        dice
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `limit`; 0 when that is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.throw().checked_rem(limit).unwrap_or(0)
    }

    /// True in `percent` of 100 throws.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_round_make_the_same_throws_and_others_make_others() {
        let throws = |seed, round| {
            let mut dice = Dice::new(seed, round);
            [(); 8].map(|()| dice.below(1_000))
        };
        assert_eq!(throws(1, 1), throws(1, 1));
        assert_ne!(throws(1, 1), throws(1, 2));
        assert_ne!(throws(1, 1), throws(2, 1));
        assert!(throws(3, 0).iter().any(|throw| *throw >= 500));
    }
}
