//! What each step does; `None`: it cannot happen now.

use std::{collections::BTreeSet, time::Duration};

use notify_svc::notifications::states::{Backoff, Event, Outcome, State, UncertainPolicy, after};

use crate::protocol::{
    Attempt, GatewayNo, Kind, Local, Owner, Pushed, Row, RowNo, Said, Step, Stream, World,
};

const BACKOFF: Backoff = Backoff {
    shortest: Duration::from_millis(100),
    longest: Duration::from_mins(1),
    counted_spread: Duration::from_mins(10),
};

impl Row {
    /// The service's own edge.
    fn happens(&mut self, event: &Event<'_>) {
        let Some(change) = after(&self.standing, event, &BACKOFF, 0.5) else {
            return;
        };
        let (before, now) = (self.standing.state, change.standing.state);
        let proven = before == State::Unconfirmed && now == State::Sent;
        self.reopened |= before.is_terminal() && before != now && !proven;
        self.standing = change.standing;
        // How long it waits decides no state.
        self.standing.returned = 0;
    }

    /// As `rescheduling::reschedule` has it; the new expiry is ahead too.
    fn moves(&mut self) -> Option<()> {
        let change = after(&self.standing, &Event::Reschedule, &BACKOFF, 0.5)?;
        self.reopened |= self.standing.state != change.standing.state;
        self.standing = change.standing;
        self.version += 1;
        self.early = true;
        Some(())
    }

    /// A result of one gateway, as `dispatch::results` takes it.
    fn told(&mut self, gateway: GatewayNo, attempt_no: i32, kind: Kind) {
        let place = usize::try_from(attempt_no - 1).unwrap_or(usize::MAX);
        let Some((whose, said)) = self.attempts.get_mut(place) else {
            return;
        };
        if *whose != gateway || *said == Said::Definite {
            return;
        }
        *said = match kind {
            Kind::Ambiguous => Said::Ambiguous,
            Kind::Sent | Kind::NotWritten | Kind::ChatGone => Said::Definite,
        };
        self.happens(&Event::Outcome {
            attempt_no,
            outcome: &outcome(kind),
        });
    }
}

fn outcome(kind: Kind) -> Outcome {
    let retry_after = Duration::ZERO;
    match kind {
        Kind::Sent => Outcome::Sent { message_id: 1 },
        Kind::NotWritten => Outcome::NotWritten {
            cause: String::new(),
            retry_after,
        },
        Kind::ChatGone => Outcome::ChatGone {
            description: String::new(),
        },
        Kind::Ambiguous => Outcome::Ambiguous {
            cause: String::new(),
        },
    }
}

impl World {
    pub fn take(&mut self, step: Step) -> Option<()> {
        match step {
            Step::Ask(gateway, stream) => self.ask(gateway, stream),
            Step::Owned(gateway) => self.owned(gateway),
            Step::RunOut => self.run_out(),
            Step::Renew => {
                self.owner.as_mut()?.current = true;
                Some(())
            }
            Step::Release => self.release(),
            Step::Begin(row) => self.begin(row),
            Step::Deliver(pushed) => self.deliver(pushed),
            Step::GiveUp(gateway, attempt) => {
                self.finish(gateway, attempt, Kind::NotWritten);
                Some(())
            }
            Step::Write(gateway, attempt) => self.write(gateway, attempt),
            Step::Arrive(attempt, kind) => {
                self.arrive(attempt, kind);
                Some(())
            }
            Step::Answer(gateway, attempt) => {
                self.finish(gateway, attempt, Kind::Sent);
                Some(())
            }
            Step::NoConnection(gateway, attempt) => {
                // Only while nothing of it is on the way.
                self.requests.take(&attempt)?;
                self.finish(gateway, attempt, Kind::NotWritten);
                Some(())
            }
            Step::Break(gateway, attempt) => {
                self.rows[attempt.0].hidden = true;
                self.finish(gateway, attempt, Kind::Ambiguous);
                Some(())
            }
            Step::Tell(gateway, attempt) => self.tell(gateway, attempt),
            Step::Crash(gateway) => self.crash(gateway),
            Step::Silence(row) => self.silence(row),
            Step::Resolve(row) => self.resolve(row),
            Step::Cancel(row) => {
                let row = &mut self.rows[row];
                row.happens(&Event::Cancel);
                row.canceled = row.standing.state == State::Canceled;
                Some(())
            }
            Step::Expire(row) => {
                let row = &mut self.rows[row];
                row.standing.expired = true;
                row.happens(&Event::Expire);
                Some(())
            }
            Step::Move(row) => self.rows[row].moves(),
            Step::FallDue(row) => {
                self.rows[row].early = false;
                Some(())
            }
            Step::Read(row) => {
                let row = &mut self.rows[row];
                row.read = row.version;
                Some(())
            }
        }
    }

    /// Forgets what can change nothing any more: states that differ in it alone are one.
    /// An outcome is told until it is stored, however often that takes; a stale row is
    /// as good as given up; the log of what has ended for good is not asked.
    pub fn settle(&mut self) {
        for row in &mut self.rows {
            let state = row.standing.state;
            if state.is_terminal() {
                row.early = false;
                row.read = row.version;
            }
            if state.is_terminal() && state != State::Unconfirmed {
                for (_, said) in &mut row.attempts {
                    *said = Said::Definite;
                }
            }
        }
        let rows = &self.rows;
        for gateway in &mut self.gateways {
            for local in gateway.rows.values_mut() {
                if *local == (Local::Waiting { fresh: false }) {
                    *local = Local::Finished(Kind::NotWritten);
                }
            }
            gateway.rows.retain(|(row, number), local| {
                let place = usize::try_from(*number - 1).unwrap_or(usize::MAX);
                let said = rows[*row].attempts.get(place).map(|(_, said)| *said);
                match local {
                    Local::Finished(Kind::Ambiguous) => said == Some(Said::Nothing),
                    Local::Finished(_) | Local::Lost => said != Some(Said::Definite),
                    Local::Waiting { .. } | Local::Writing | Local::Answered => true,
                }
            });
        }
    }

    fn finish(&mut self, gateway: GatewayNo, attempt: Attempt, kind: Kind) {
        let rows = &mut self.gateways[gateway].rows;
        rows.insert(attempt, Local::Finished(kind));
    }

    /// The term begins and what waits is given up before the request is sent; the epoch is
    /// raised and what is in flight is read when it arrives. Both at once here: in between
    /// the gateway only hears of what it will be asked about.
    fn ask(&mut self, gateway: GatewayNo, stream: Stream) -> Option<()> {
        let free = self
            .owner
            .is_none_or(|owner| owner.gateway == gateway || !owner.current);
        if !free {
            return None;
        }
        if stream == Stream::New {
            self.pushed.retain(|pushed| pushed.to != gateway);
        }
        self.give_up_waiting(gateway);
        self.owner = Some(Owner {
            gateway,
            current: true,
            ready: false,
        });
        let in_flight = self.in_flight(gateway);
        self.gateways[gateway].asked = Some(in_flight);
        Some(())
    }

    fn give_up_waiting(&mut self, gateway: GatewayNo) {
        for local in self.gateways[gateway].rows.values_mut() {
            if matches!(local, Local::Waiting { .. }) {
                *local = Local::Finished(Kind::NotWritten);
            }
        }
    }

    /// As `list_in_flight` has it.
    fn in_flight(&self, gateway: GatewayNo) -> BTreeSet<Attempt> {
        let open = |(row_no, row): (RowNo, &Row)| {
            let (whose, said) = row.attempts.last()?;
            let is_open = matches!(row.standing.state, State::Sending | State::Uncertain);
            (*whose == gateway && *said == Said::Nothing && is_open)
                .then_some((row_no, row.standing.attempt_no))
        };
        self.rows.iter().enumerate().filter_map(open).collect()
    }

    /// `Rows::report`, `Rows::settle_lost`, then the service's `hear`.
    fn owned(&mut self, gateway: GatewayNo) -> Option<()> {
        // What was pushed before on this stream comes before this message.
        if self.pushed.iter().any(|pushed| pushed.to == gateway) {
            return None;
        }
        let asked = self.gateways[gateway].asked.take()?;
        let mut report = Vec::new();
        let rows = &mut self.gateways[gateway].rows;
        for attempt in asked {
            match rows.get(&attempt).copied() {
                None => report.push((attempt, Kind::NotWritten)),
                Some(Local::Waiting { .. }) => {
                    rows.insert(attempt, Local::Finished(Kind::NotWritten));
                    report.push((attempt, Kind::NotWritten));
                }
                Some(Local::Writing | Local::Answered) => {}
                Some(Local::Lost) => report.push((attempt, Kind::Ambiguous)),
                Some(Local::Finished(kind)) => report.push((attempt, kind)),
            }
        }
        for local in rows.values_mut() {
            if *local == Local::Lost {
                *local = Local::Finished(Kind::Ambiguous);
            }
        }
        for ((row, attempt_no), kind) in report {
            self.rows[row].told(gateway, attempt_no, kind);
        }
        // A request of its own that is newer has its own answer: this was the newest.
        if let Some(owner) = self.owner.as_mut().filter(|owner| owner.gateway == gateway) {
            owner.ready = true;
        }
        Some(())
    }

    /// Freshness: a gateway stops writing what was begun under renewals this old a second
    /// before anybody else may ask.
    fn run_out(&mut self) -> Option<()> {
        let owner = self.owner.as_mut()?;
        owner.current = false;
        let gateway = owner.gateway;
        for local in self.gateways[gateway].rows.values_mut() {
            if let Local::Waiting { fresh } = local {
                *fresh = false;
            }
        }
        self.pushed = std::mem::take(&mut self.pushed)
            .into_iter()
            .map(|pushed| Pushed {
                fresh: pushed.fresh && pushed.to != gateway,
                ..pushed
            })
            .collect();
        Some(())
    }

    /// In order: nothing waits and nothing is out.
    fn release(&mut self) -> Option<()> {
        let owner = self.owner.as_mut()?;
        let rows = self.gateways[owner.gateway].rows.values();
        let is_busy = |local: &Local| {
            matches!(
                local,
                Local::Waiting { .. } | Local::Writing | Local::Answered
            )
        };
        if !owner.current || rows.clone().any(is_busy) {
            return None;
        }
        owner.current = false;
        owner.ready = false;
        // A stream that is given up brings nothing more.
        let gateway = owner.gateway;
        self.pushed.retain(|pushed| pushed.to != gateway);
        Some(())
    }

    /// As the statement in `dispatch::store::begin` has it.
    fn begin(&mut self, row_no: RowNo) -> Option<()> {
        let owner = self.owner.filter(|owner| owner.current && owner.ready)?;
        let row = &mut self.rows[row_no];
        let standing = &mut row.standing;
        if standing.state != State::Pending || standing.stop || standing.expired {
            return None;
        }
        if row.read != row.version {
            return None;
        }
        row.begun_early |= row.early;
        standing.state = State::Sending;
        standing.attempt_no += 1;
        row.attempts.push((owner.gateway, Said::Nothing));
        row.sent_after_canceled |= row.canceled;
        self.pushed.insert(Pushed {
            to: owner.gateway,
            attempt: (row_no, row.standing.attempt_no),
            fresh: true,
        });
        Some(())
    }

    /// Renewals of a new term have the numbers of the old: a row that comes late is taken
    /// for one of the present term.
    fn deliver(&mut self, pushed: Pushed) -> Option<()> {
        self.pushed.take(&pushed)?;
        let gateway = &mut self.gateways[pushed.to];
        let waiting = Local::Waiting {
            fresh: pushed.fresh,
        };
        gateway.rows.entry(pushed.attempt).or_insert(waiting);
        Some(())
    }

    fn write(&mut self, gateway: GatewayNo, attempt: Attempt) -> Option<()> {
        let it = &mut self.gateways[gateway];
        let Some(Local::Waiting { fresh: true }) = it.rows.get(&attempt) else {
            return None;
        };
        it.rows.insert(attempt, Local::Writing);
        self.requests.insert(attempt);
        self.foreign_write |= self.owner.is_none_or(|owner| owner.gateway != gateway);
        Some(())
    }

    fn arrive(&mut self, attempt: Attempt, kind: Kind) {
        self.requests.remove(&attempt);
        let row = &mut self.rows[attempt.0];
        if kind == Kind::Sent {
            row.copies += 1;
            row.sent_after_canceled |= row.canceled;
        }
        let waits = |rows: &std::collections::BTreeMap<Attempt, Local>| {
            rows.get(&attempt) == Some(&Local::Writing)
        };
        let sender = self
            .gateways
            .iter()
            .position(|gateway| waits(&gateway.rows));
        if let Some(gateway) = sender {
            let local = match kind {
                Kind::Sent => Local::Answered,
                Kind::NotWritten | Kind::ChatGone | Kind::Ambiguous => Local::Finished(kind),
            };
            self.gateways[gateway].rows.insert(attempt, local);
        }
    }

    fn tell(&mut self, gateway: GatewayNo, attempt: Attempt) -> Option<()> {
        // While ownership is asked for, the report will tell it.
        if self.gateways[gateway].asked.is_some() {
            return None;
        }
        let Some(Local::Finished(kind)) = self.gateways[gateway].rows.get(&attempt).copied() else {
            return None;
        };
        self.rows[attempt.0].told(gateway, attempt.1, kind);
        Some(())
    }

    fn crash(&mut self, gateway: GatewayNo) -> Option<()> {
        self.crashes = self.crashes.checked_sub(1)?;
        self.pushed.retain(|pushed| pushed.to != gateway);
        let it = &mut self.gateways[gateway];
        it.asked = None;
        it.rows
            .retain(|_, local| !matches!(local, Local::Waiting { .. }));
        for (attempt, local) in &mut it.rows {
            if matches!(local, Local::Writing | Local::Answered) {
                *local = Local::Lost;
                self.rows[attempt.0].hidden = true;
            }
        }
        Some(())
    }

    fn silence(&mut self, row_no: RowNo) -> Option<()> {
        let attempt = (row_no, self.rows[row_no].standing.attempt_no);
        if self.somebody_will_tell(attempt) {
            self.partitions = self.partitions.checked_sub(1)?;
            self.rows[row_no].hidden = true;
        }
        self.rows[row_no].happens(&Event::Silence);
        Some(())
    }

    /// As `sweep::store::lock_resolvable` has it.
    fn resolve(&mut self, row_no: RowNo) -> Option<()> {
        let heard = self.owner.is_some_and(|owner| owner.ready && owner.current);
        let row = &mut self.rows[row_no];
        let standing = row.standing;
        let for_good = standing.stop
            || standing.resent
            || standing.expired
            || standing.policy == UncertainPolicy::Hold;
        if !for_good && !heard {
            return None;
        }
        row.happens(&Event::Resolve);
        Some(())
    }
}
