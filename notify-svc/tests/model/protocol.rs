//! What there is, and what can happen next.

use std::collections::{BTreeMap, BTreeSet};

use notify_svc::notifications::states::{Standing, State, UncertainPolicy};
use stateright::{Model, Property};

/// Of a row, by its place.
pub type RowNo = usize;
/// Of a gateway, by its place.
pub type GatewayNo = usize;
/// One attempt at one row.
pub type Attempt = (RowNo, i32);

/// How much may happen.
#[derive(Debug, Clone)]
pub struct Protocol {
    /// One row each.
    pub policies: Vec<UncertainPolicy>,
    /// Deaths of gateways.
    pub crashes: u8,
    /// Begins of each row.
    pub attempts: i32,
    /// How often a gateway that knows an outcome may be unable to tell it for so long that
    /// its row is given up.
    pub partitions: u8,
    /// How often each row may get another time.
    pub moves: u8,
}

/// What Telegram or the network made of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Sent,
    NotWritten,
    ChatGone,
    Ambiguous,
}

/// What the log of attempts has of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Said {
    Nothing,
    Ambiguous,
    Definite,
}

/// What a gateway knows of an attempt. The journal keeps `Writing` (as `Lost`) and
/// `Finished` over a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Local {
    /// Delivered; writable while it is fresh.
    Waiting {
        fresh: bool,
    },
    /// The request is out.
    Writing,
    /// Telegram has accepted it, and is about to say so.
    Answered,
    /// It was being written when the process died.
    Lost,
    Finished(Kind),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Gateway {
    /// It asked for the bot: what the service wants to know, until `Owned` is heard.
    pub asked: Option<BTreeSet<Attempt>>,
    pub rows: BTreeMap<Attempt, Local>,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that a property is about"
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    pub standing: Standing,
    /// The log: whose, and what was said of it.
    pub attempts: Vec<(GatewayNo, Said)>,
    /// In the chat.
    pub copies: u8,
    /// An outcome was hidden from everybody who could have told it.
    pub hidden: bool,
    /// CANCELED was answered.
    pub canceled: bool,
    pub sent_after_canceled: bool,
    pub reopened: bool,
    /// Raised by each move.
    pub version: u8,
    /// As the owner read it last, which it begins.
    pub read: u8,
    /// RESCHEDULED was answered, and that time has not come.
    pub early: bool,
    pub begun_early: bool,
}

/// The owner's row in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner {
    pub gateway: GatewayNo,
    /// It has not run out.
    pub current: bool,
    /// The journal was heard.
    pub ready: bool,
}

/// A begun row on its way to a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pushed {
    pub to: GatewayNo,
    pub attempt: Attempt,
    pub fresh: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub rows: Vec<Row>,
    pub owner: Option<Owner>,
    pub gateways: [Gateway; 2],
    pub pushed: BTreeSet<Pushed>,
    /// Written, and not yet arrived at Telegram.
    pub requests: BTreeSet<Attempt>,
    pub foreign_write: bool,
    pub crashes: u8,
    pub partitions: u8,
}

impl World {
    pub fn some(&self, state: State) -> bool {
        self.rows.iter().any(|row| row.standing.state == state)
    }

    /// Whether it changes anything who owns the bot: something may still be begun, or is in
    /// a journal that only an owner is asked about.
    pub fn owner_matters(&self) -> bool {
        let mut left = self.gateways.iter().flat_map(|it| it.rows.values());
        self.rows
            .iter()
            .any(|row| !row.standing.state.is_terminal())
            || left.any(|local| *local == Local::Lost)
    }

    /// Whether anybody is left who will say what became of an attempt.
    pub fn somebody_will_tell(&self, attempt: Attempt) -> bool {
        let is_held = |gateway: &Gateway| match gateway.rows.get(&attempt) {
            // A process that found it in its journal tells it when it owns the bot again.
            Some(Local::Lost) | None => false,
            Some(Local::Waiting { .. } | Local::Writing | Local::Answered | Local::Finished(_)) => {
                true
            }
        };
        self.gateways.iter().any(is_held)
            || self.pushed.iter().any(|pushed| pushed.attempt == attempt)
    }
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A gateway asks for the bot, on its stream or on a new one, and gets it.
    Ask(GatewayNo, Stream),
    /// It hears that it owns the bot, and tells what its journal knows.
    Owned(GatewayNo),
    /// The ownership is not renewed for six seconds: nothing older is fresh any more.
    RunOut,
    /// A renewal arrives after all, before anybody else asked.
    Renew,
    /// It is given back.
    Release,
    Begin(RowNo),
    Deliver(Pushed),
    /// A row that waits is given up.
    GiveUp(GatewayNo, Attempt),
    Write(GatewayNo, Attempt),
    /// The request arrives at Telegram, and this is what comes of it.
    Arrive(Attempt, Kind),
    /// Telegram's answer arrives.
    Answer(GatewayNo, Attempt),
    /// The connection fails before anything was written.
    NoConnection(GatewayNo, Attempt),
    /// It fails afterwards.
    Break(GatewayNo, Attempt),
    /// It tells what it knows until it hears that it is stored.
    Tell(GatewayNo, Attempt),
    Crash(GatewayNo),
    /// Nothing was heard of a begun row for two minutes.
    Silence(RowNo),
    Resolve(RowNo),
    Cancel(RowNo),
    Expire(RowNo),
    /// It gets a later time.
    Move(RowNo),
    /// That time comes.
    FallDue(RowNo),
    /// What is due is read again.
    Read(RowNo),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    Same,
    New,
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let row = |policy: &UncertainPolicy| Row {
            standing: Standing {
                state: State::Pending,
                attempt_no: 0,
                counted: 0,
                returned: 0,
                resent: false,
                stop: false,
                policy: *policy,
                expired: false,
                plain: false,
                proved: false,
            },
            attempts: Vec::new(),
            copies: 0,
            hidden: false,
            canceled: false,
            sent_after_canceled: false,
            reopened: false,
            version: 0,
            read: 0,
            early: false,
            begun_early: false,
        };
        vec![World {
            rows: self.policies.iter().map(row).collect(),
            owner: None,
            gateways: Default::default(),
            pushed: BTreeSet::new(),
            requests: BTreeSet::new(),
            foreign_write: false,
            crashes: self.crashes,
            partitions: self.partitions,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let matters = world.owner_matters();
        for gateway in 0..world.gateways.len() {
            if matters {
                owner_steps(world, gateway, steps);
            }
            gateway_steps(world, gateway, steps);
        }
        if let Some(owner) = world.owner.filter(|_| matters) {
            let renewal = [Step::Renew, Step::RunOut];
            steps.push(renewal[usize::from(owner.current)]);
        }
        steps.extend(world.pushed.iter().copied().map(Step::Deliver));
        for attempt in &world.requests {
            for kind in [Kind::Sent, Kind::ChatGone] {
                steps.push(Step::Arrive(*attempt, kind));
            }
        }
        for (row_no, row) in world.rows.iter().enumerate() {
            self.row_steps(row_no, row, steps);
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        next.take(step)?;
        next.settle();
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = crate::invariants();
        properties.extend(crate::possibilities());
        // Only what may be sent again, and is begun again, can be there twice.
        if self.attempts < 2 || !self.policies.contains(&UncertainPolicy::Resend) {
            properties.retain(|property| property.name != "twice");
        }
        if self.moves == 0 {
            properties.retain(|property| property.name != "sent after a move");
        }
        properties
    }
}

impl Protocol {
    fn row_steps(&self, row_no: RowNo, row: &Row, steps: &mut Vec<Step>) {
        match row.standing.state {
            State::Pending => {
                if row.standing.attempt_no < self.attempts {
                    steps.push(Step::Begin(row_no));
                }
                steps.extend([Step::Cancel(row_no), Step::Expire(row_no)]);
                time_steps(row_no, row, steps);
            }
            // Nothing looks at its expiry before it is one of the other two.
            State::Sending => steps.extend([Step::Silence(row_no), Step::Cancel(row_no)]),
            State::Uncertain => {
                steps.extend([Step::Resolve(row_no), Step::Cancel(row_no)]);
                steps.push(Step::Expire(row_no));
            }
            State::Sent | State::Failed | State::Unconfirmed | State::Canceled | State::Expired => {
            }
        }
        if row.version < self.moves {
            steps.push(Step::Move(row_no));
        }
    }
}

fn time_steps(row_no: RowNo, row: &Row, steps: &mut Vec<Step>) {
    if row.early {
        steps.push(Step::FallDue(row_no));
    } else if row.read != row.version {
        steps.push(Step::Read(row_no));
    }
}

fn owner_steps(world: &World, gateway: GatewayNo, steps: &mut Vec<Step>) {
    // Gateways are alike: the first one is the first.
    if world.owner.is_some() || gateway == 0 {
        steps.push(Step::Ask(gateway, Stream::Same));
        steps.push(Step::Ask(gateway, Stream::New));
    }
    let has_asked = world.gateways[gateway].asked.is_some();
    if !has_asked && world.owner.is_some_and(|owner| owner.gateway == gateway) {
        steps.push(Step::Release);
    }
}

fn gateway_steps(world: &World, gateway: GatewayNo, steps: &mut Vec<Step>) {
    let it = &world.gateways[gateway];
    if it.asked.is_some() {
        steps.push(Step::Owned(gateway));
    }
    if world.crashes > 0 && (!it.rows.is_empty() || it.asked.is_some()) {
        steps.push(Step::Crash(gateway));
    }
    for (attempt, local) in &it.rows {
        match local {
            Local::Waiting { .. } => {
                steps.push(Step::Write(gateway, *attempt));
                steps.push(Step::GiveUp(gateway, *attempt));
            }
            Local::Writing => {
                steps.push(Step::Break(gateway, *attempt));
                steps.push(Step::NoConnection(gateway, *attempt));
            }
            Local::Answered => {
                steps.push(Step::Break(gateway, *attempt));
                steps.push(Step::Answer(gateway, *attempt));
            }
            Local::Lost => {}
            Local::Finished(_) => steps.push(Step::Tell(gateway, *attempt)),
        }
    }
}
