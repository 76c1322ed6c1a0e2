//! People who use a bot at a human pace. When each of them acts is decided before anything
//! begins: nobody waits for an answer, as nobody's lateness may hide another's.

use std::time::Duration;

use e2e::{Result, chaos::dice::Dice};
use telegram_sim::{
    api::{Person, Pressed},
    client::{Button, Chat, SimClient},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    judge::{self, Act, Judged, Place},
    script::{Step, Way, find},
    stage::{Stage, Which},
};

/// From the schedule's making to its beginning.
const LEAD: Duration = Duration::from_millis(500);
/// After the last act: what is later counts as no answer.
const GRACE: Duration = Duration::from_secs(5);
/// An act that comes later than planned by more means that the machine is too busy to measure.
const LATEST: Duration = Duration::from_millis(250);

/// Lets everybody act for so long, each once in `pace` to twice that; how each act was answered.
pub(super) async fn run(
    stage: &Stage,
    which: Which,
    round: u32,
    (window, pace): (Duration, Duration),
) -> Result<Vec<Judged>> {
    stage.forgive().await?;
    let since = stage.ledger_end().await?;
    let begin = Instant::now() + LEAD;
    let mut tasks = JoinSet::new();
    for (number, person) in stage.users.iter().enumerate() {
        let user = User {
            sim: stage.sim.clone(),
            chat: which.chat(person)?,
            person: person.clone(),
            number,
            step: Step::Lessons,
        };
        let instants = instants(number, round, window, pace);
        tasks.spawn(user.act_at(instants, begin));
    }
    let (mut acts, mut latest) = (Vec::new(), Duration::ZERO);
    while let Some(done) = tasks.join_next().await {
        let (own, late) = done??;
        acts.extend(own);
        latest = latest.max(late);
    }
    if latest > LATEST {
        println!(
            "  an act came {} ms late: the machine is busy",
            latest.as_millis()
        );
    }
    sleep(GRACE).await;
    let entries = judge::ledger(&stage.sim, which.bot_id()?, since).await?;
    Ok(judge::answers(&acts, &entries))
}

/// When somebody acts, from the beginning; the same for every bot in a round.
fn instants(number: usize, round: u32, window: Duration, pace: Duration) -> Vec<Duration> {
    let seed = u64::try_from(number).unwrap_or(0);
    let mut dice = Dice::new(seed, round);
    let pace_ms = u64::try_from(pace.as_millis()).unwrap_or(u64::MAX / 2);
    let mut at = Duration::from_millis(dice.below(pace_ms + pace_ms / 2));
    let mut all = Vec::new();
    while at < window {
        all.push(at);
        at += Duration::from_millis(pace_ms + dice.below(pace_ms));
    }
    all
}

struct User {
    sim: SimClient,
    chat: Chat,
    person: Person,
    number: usize,
    /// What comes next.
    step: Step,
}

impl User {
    /// Acts at each instant; also by how much the latest act came too late.
    async fn act_at(
        mut self,
        instants: Vec<Duration>,
        begin: Instant,
    ) -> Result<(Vec<Act>, Duration)> {
        let (mut acts, mut latest) = (Vec::new(), Duration::ZERO);
        for instant in instants {
            sleep_until(begin + instant).await;
            latest = latest.max((begin + instant).elapsed());
            acts.push(self.act().await?);
        }
        Ok((acts, latest))
    }

    /// The next step; where its button is not there, the person begins anew.
    async fn act(&mut self) -> Result<Act> {
        let pressed = match self.step.way() {
            Way::Say(_) => None,
            Way::Press(kind) => self.press(kind).await?,
        };
        let act = match pressed {
            Some(act) => act,
            None => self.say().await?,
        };
        self.step = self.step.next();
        Ok(act)
    }

    async fn say(&mut self) -> Result<Act> {
        let command = match self.step.way() {
            Way::Say(command) => command,
            Way::Press(_) => {
                self.step = Step::Lessons;
                "/lessons"
            }
        };
        let said = self.sim.say(self.chat, command).await?;
        Ok(self.acted(said.said_mono_us, Place::Below))
    }

    async fn press(&self, kind: &str) -> Result<Option<Act>> {
        let chat = self.sim.chat(self.chat).await?;
        let Some((message, button)) = find(&chat, kind, self.number) else {
            return Ok(None);
        };
        let button = Button::data(button.data.unwrap_or_default()).on(message);
        // It may have been replaced in this very moment.
        let Ok(pressed) = self.sim.press(self.chat, button).await else {
            return Ok(None);
        };
        let Pressed::Callback {
            pressed_mono_us, ..
        } = pressed
        else {
            return Ok(None);
        };
        Ok(Some(self.acted(pressed_mono_us, Place::Of(message))))
    }

    fn acted(&self, asked_us: u64, place: Place) -> Act {
        Act {
            chat: self.person.id,
            asked_us,
            place,
            is_write: self.step.is_write(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_acts_once_in_their_pace_and_not_all_at_once() {
        const PACE: Duration = Duration::from_secs(2);
        let window = Duration::from_mins(1);
        for number in 0..50 {
            let all = instants(number, 1, window, PACE);
            assert!((15..=30).contains(&all.len()), "{}", all.len());
            for pair in all.windows(2) {
                let gap = pair[1].saturating_sub(pair[0]);
                assert!((2_000..4_000).contains(&gap.as_millis()), "{gap:?}");
            }
        }
        assert_ne!(instants(1, 1, window, PACE), instants(2, 1, window, PACE));
        assert_eq!(instants(1, 1, window, PACE), instants(1, 1, window, PACE));
    }
}
