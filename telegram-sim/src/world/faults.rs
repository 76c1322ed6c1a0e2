//! Faults that wait for the calls they are meant for.

use crate::api::{Fault, FaultKind};

/// Faults held at a time.
pub(crate) const MAX_FAULTS: usize = 1000;

#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
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

    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    pub fn list(&self) -> &[Fault] {
        &self.waiting
    }

    /// The oldest fault that matches the call, used up by one.
    pub fn take(&mut self, bot: i64, method: &str, chat: Option<i64>) -> Option<FaultKind> {
        let place = self
            .waiting
            .iter()
            .position(|fault| matches(fault, bot, method, chat))?;
        let fault = self.waiting.get_mut(place)?;
        let kind = fault.kind.clone();
        if fault.times == 1 {
            self.waiting.remove(place);
        } else if fault.times > 1 {
            fault.times -= 1;
        }
        Some(kind)
    }
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
