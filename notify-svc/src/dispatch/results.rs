//! What gateways report: applied once, whatever order and however often it comes.

use std::collections::{BTreeMap, HashMap, HashSet};

use tokio::time::Instant;
use uuid::Uuid;

use super::{AttemptRef, Report, flow::Back, store};
use crate::{
    App, errors, lesson_plans, metrics,
    notifications::{
        states::{self, Event, Outcome, State},
        store::{self as queue, Locked, Step},
    },
    recipients,
};

/// Stores reports of one gateway in one transaction; when this returns, all of them may
/// be forgotten there: also those of attempts that were never this gateway's. Answers which of
/// them are to be tried again, uncounted.
///
/// # Errors
///
/// When the database fails; the gateway repeats what was not acknowledged.
pub async fn apply(
    app: &App,
    gateway_id: Uuid,
    reports: &[Report],
) -> sqlx::Result<HashMap<AttemptRef, Back>> {
    // One report per notification at a time; the later ones meet what the first left.
    let mut rounds: Vec<BTreeMap<Uuid, &Report>> = Vec::new();
    for report in reports {
        let id = report.attempt.notification_id;
        match rounds.iter_mut().find(|round| !round.contains_key(&id)) {
            Some(round) => drop(round.insert(id, report)),
            None => rounds.push(BTreeMap::from([(id, report)])),
        }
    }
    mark_unreachable(app, gateway_id, reports).await?;
    move_chats(app, gateway_id, reports).await?;
    let mut back = HashMap::new();
    for round in rounds {
        back.extend(match apply_round(app, gateway_id, &round).await {
            // Plans lock their rows too, and not in one order with others' plans.
            Err(error) if errors::is_contention(&error) => {
                apply_round(app, gateway_id, &round).await?
            }
            applied => applied?,
        });
    }
    Ok(back)
}

async fn apply_round(
    app: &App,
    gateway_id: Uuid,
    reports: &BTreeMap<Uuid, &Report>,
) -> sqlx::Result<HashMap<AttemptRef, Back>> {
    let started = Instant::now();
    let mut tx = app.pool.begin().await?;
    let ids: Vec<_> = reports.keys().copied().collect();
    let rows = queue::lock(&mut tx, &ids).await?;
    let attempts: Vec<_> = reports.values().map(|report| report.attempt).collect();
    let open: HashSet<AttemptRef> = store::list_open(&mut tx, gateway_id, &attempts)
        .await?
        .into_iter()
        .collect();
    let mut steps = Vec::new();
    let mut logged = Vec::new();
    let mut told = Vec::new();
    for row in rows {
        let Some(report) = reports
            .get(&row.id)
            .filter(|report| open.contains(&report.attempt))
        else {
            continue;
        };
        let step = step(app, &row, report);
        let late = step.is_none() && row.standing.state.is_terminal();
        logged.push((*report, late));
        told.push(Told {
            late,
            state: step
                .as_ref()
                .map_or(row.standing.state, |step| step.change.standing.state),
            row,
            report,
        });
        steps.extend(step);
    }
    queue::write(&mut tx, &steps).await?;
    store::update_outcomes(&mut tx, &logged).await?;
    let gone = |step: &&Step| step.change.standing.state == State::Failed;
    let failed: Vec<_> = steps.iter().filter(gone).map(|step| step.row.id).collect();
    // The other side may have to be told.
    lesson_plans::store::insert_replans(&mut tx, &failed).await?;
    tx.commit().await?;
    metrics::database("results", started.elapsed(), told.len());
    for told in &told {
        told.log();
        metrics::OUTCOMES.add(1, [told.report.outcome.as_str()]);
        metrics::moved(told.row.standing.state, told.state);
    }
    let again = steps
        .iter()
        .filter(|step| step.change.standing.state == State::Pending)
        .filter_map(|step| step.row.bot_id);
    app.wakeups.wake(again);
    Ok(steps
        .iter()
        .filter_map(|step| back(step, reports))
        .collect())
}

/// A row that keeps its place among its chat's: one that was refused comes when it comes.
fn back(step: &Step, reports: &BTreeMap<Uuid, &Report>) -> Option<(AttemptRef, Back)> {
    let wait = step.change.wait?;
    let attempt = reports.get(&step.row.id)?.attempt;
    let back = Back {
        attempt,
        version: step.row.version + 1,
        wait,
    };
    (step.change.standing.counted == 0).then_some((attempt, back))
}

fn step(app: &App, row: &Locked, report: &Report) -> Option<Step> {
    let event = Event::Outcome {
        attempt_no: report.attempt.attempt_no,
        outcome: &report.outcome,
    };
    let backoff = &app.pace.backoff;
    let change = states::after(&row.standing, &event, backoff, queue::jitter())?;
    Some(Step {
        message_id: report.outcome.message_id(),
        row: row.clone(),
        change,
    })
}

/// A report and what it did.
struct Told<'a> {
    row: Locked,
    report: &'a Report,
    state: State,
    late: bool,
}

impl Told<'_> {
    /// The business event: ids and classes; Telegram's words may name a person.
    fn log(&self) {
        tracing::info!(
            notification_id = %self.row.id,
            bot_id = self.row.bot_id,
            attempt_no = self.report.attempt.attempt_no,
            outcome = self.report.outcome.as_str(),
            state = self.state.as_str(),
            late = self.late,
            "notification outcome"
        );
        if matches!(self.report.outcome, Outcome::Limited { .. }) {
            tracing::warn!(notification_id = %self.row.id, "Telegram limited us: the pace is wrong");
        }
    }
}

/// Before anything else, in a transaction of its own: people are locked before
/// notifications everywhere else, and what is planned because a row failed must find its
/// reader marked. A repeat marks them again, unless they were heard of meanwhile.
async fn mark_unreachable(app: &App, gateway_id: Uuid, reports: &[Report]) -> sqlx::Result<()> {
    let gone: Vec<_> = reports
        .iter()
        .filter(|report| matches!(report.outcome, Outcome::ChatGone { .. }))
        .map(|report| report.attempt)
        .collect();
    if gone.is_empty() {
        return Ok(());
    }
    let mut conn = app.pool.acquire().await?;
    let marked = recipients::store::update_unreachable(&mut conn, gateway_id, &gone).await?;
    for user_id in marked {
        tracing::warn!(%user_id, "recipient cannot be reached");
    }
    Ok(())
}

/// Before the rows that are tried again, so that they go to the chats of now; in
/// transactions of their own for the same reason as above.
async fn move_chats(app: &App, gateway_id: Uuid, reports: &[Report]) -> sqlx::Result<()> {
    for report in reports {
        let Outcome::Moved { chat_id } = report.outcome else {
            continue;
        };
        let mut conn = app.pool.acquire().await?;
        let attempt = report.attempt;
        let moved = recipients::moving::move_chat(&mut conn, gateway_id, attempt, chat_id).await?;
        tracing::info!(
            notification_id = %attempt.notification_id,
            recipients = moved,
            "a chat is another now"
        );
    }
    Ok(())
}
