//! Faults that wait for the calls they are meant for, and those that come by chance.

use std::collections::HashMap;

use crate::api::{Fault, FaultKind, FaultPlan};

/// Faults held at a time.
pub(crate) const MAX_FAULTS: usize = 1000;
/// Chats whose calls are counted; beyond it counting begins anew.
const MAX_COUNTED_CHATS: usize = 200_000;

#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
    plan: FaultPlan,
    /// Calls seen since the plan was made, by bot and chat.
    calls: HashMap<(i64, Option<i64>), u64>,
}

impl Faults {
    /// Adds a fault; false when there are too many.
    pub fn add(&mut self, fault: Fault) -> bool {
        let fits = self.waiting.len() < MAX_FAULTS;
        if fits {
            self.waiting.push(fault);
        }
        fits
    }

    /// Takes what waits and the plan away.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.set_plan(FaultPlan::default());
    }

    pub fn list(&self) -> &[Fault] {
        &self.waiting
    }

    /// Replaces the plan and counts anew.
    pub fn set_plan(&mut self, plan: FaultPlan) {
        self.plan = plan;
        self.calls = HashMap::new();
    }

    pub fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// The oldest fault that matches the call, used up by one; else what chance brings.
    pub fn take(&mut self, bot: i64, method: &str, chat: Option<i64>) -> Option<FaultKind> {
        let place = self
            .waiting
            .iter()
            .position(|fault| matches(fault, bot, method, chat));
        let Some(place) = place else {
            return self.draw(bot, method, chat);
        };
        let fault = self.waiting.get_mut(place)?;
        let kind = fault.kind.clone();
        if fault.times == 1 {
            self.waiting.remove(place);
        } else if fault.times > 1 {
            fault.times -= 1;
        }
        Some(kind)
    }

    fn draw(&mut self, bot: i64, method: &str, chat: Option<i64>) -> Option<FaultKind> {
        if self.plan.chances.is_empty() || method == "getUpdates" {
            return None;
        }
        if self.calls.len() >= MAX_COUNTED_CHATS {
            self.calls.clear();
        }
        let count = self.calls.entry((bot, chat)).or_default();
        *count += 1;
        let parts = [bot, chat.unwrap_or(0)].map(i64::cast_unsigned);
        let drawn = parts
            .into_iter()
            .chain([*count])
            .fold(mixed(self.plan.seed), |hash, part| mixed(hash ^ part));
        let mut place = drawn % 1000;
        for chance in &self.plan.chances {
            let share = u64::from(chance.per_mille);
            if place < share {
                let is_meant = chance
                    .method
                    .as_ref()
                    .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
                return is_meant.then(|| chance.kind.clone());
            }
            place -= share;
        }
        None
    }
}

/// `SplitMix64`'s step: every bit of the input moves every bit of the output.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn matches(fault: &Fault, bot: i64, method: &str, chat: Option<i64>) -> bool {
    let method_fits = match &fault.method {
        Some(wanted) => wanted.eq_ignore_ascii_case(method),
        None => method != "getUpdates",
    };
    method_fits
        && fault.bot.is_none_or(|wanted| wanted == bot)
        && fault.chat.is_none_or(|wanted| Some(wanted) == chat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Chance;

    fn hits(seed: u64) -> Vec<bool> {
        let mut faults = Faults::default();
        faults.set_plan(FaultPlan {
            seed,
            chances: vec![
                Chance::of_sends(100, FaultKind::LoseResponse),
                Chance::of_sends(100, FaultKind::ResetAfter),
            ],
        });
        (0..1000)
            .map(|chat| faults.take(7, "sendMessage", Some(chat)).is_some())
            .collect()
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed_and_about_as_often_as_wanted() {
        assert_eq!(hits(1), hits(1));
        assert_ne!(hits(1), hits(2));
        let hit = hits(1).into_iter().filter(|hit| *hit).count();
        assert!((150..250).contains(&hit), "{hit} of 1,000");
    }

    #[test]
    fn chance_leaves_polling_and_other_methods_alone() {
        let mut faults = Faults::default();
        let always = Chance::of_sends(1000, FaultKind::ResetBefore);
        faults.set_plan(FaultPlan {
            seed: 1,
            chances: vec![always],
        });
        assert_eq!(faults.take(7, "getUpdates", None), None);
        assert_eq!(faults.take(7, "getMe", None), None);
        assert!(faults.take(7, "sendMessage", Some(1)).is_some());
        faults.clear();
        assert_eq!(faults.take(7, "sendMessage", Some(1)), None);
    }
}
