//! Whose local hour shifts, because the clocks of their zone and of the series' change on
//! different days: told once, in the week before. What is kept is the state, at which hour of
//! whose clock a series begins as far as they know, so that a day missed loses none and a
//! lesson cancelled doubles none (docs/decisions/0015).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use service_kit::{metrics, shutdown::Shutdown, status};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    Kept, Series,
    pattern::local_minute,
    store::{
        self,
        clocks::{Known, Next, Shift},
    },
    telling,
};
use crate::{
    availability::calendar::saturating,
    errors::Error,
    ids::{SeriesId, UserId},
    state::State,
    zones,
};

/// How long before the first lesson at another hour people are told.
const AHEAD: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How often a series is looked at.
const CHECK_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// How often the job looks for series that are to be looked at.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// How many it looks at in one transaction.
const BATCH: i64 = 50;

/// What a person learns of their next lesson's hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is the one they know.
    Known,
    /// It is noted, and they are not told.
    Noted,
    /// It is another, and they are told: when a lesson at the old hour was.
    Shifts(Timestamp),
}

/// Decides about a person's next lesson. `known` is what they knew while they were in this
/// zone, `before` are the occurrences before it that the pattern has at its hour, by start.
#[must_use]
pub fn step(known: Option<i16>, zone: &TimeZone, before: &[Timestamp], next: Timestamp) -> Step {
    let minute = |instant: Timestamp| local_minute(zone, instant);
    let last = before.last().copied();
    let old = match known {
        Some(known) => known,
        None => match last {
            Some(last) => minute(last),
            None => return Step::Noted,
        },
    };
    if old == minute(next) {
        return match known {
            Some(_) => Step::Known,
            None => Step::Noted,
        };
    }
    // One at the hour they know, where there is one: the last may have been cancelled at the
    // new hour already.
    let at_old_hour = before.iter().rev().find(|start| minute(**start) == old);
    match at_old_hour.copied().or(last) {
        Some(previous) => Step::Shifts(previous),
        None => Step::Noted,
    }
}

/// Runs the job until stopping begins. Replicas pass over each other's series.
pub async fn run(state: State, shutdown: Shutdown) {
    let stopping = shutdown.stopping();
    tokio::pin!(stopping);
    let mut ticks = interval(POLL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reachable = true;
    loop {
        tokio::select! {
            () = &mut stopping => return,
            _ = ticks.tick() => {}
        }
        match metrics::job("clocks", tick(&state, &shutdown)).await {
            Ok(()) => reachable = true,
            // Said once, not at every tick; readiness tells the rest.
            Err(error) if std::mem::take(&mut reachable) => {
                tracing::warn!(
                    error = status::chain(&error),
                    "clocks of series cannot be read"
                );
            }
            Err(_) => {}
        }
    }
}

async fn tick(state: &State, shutdown: &Shutdown) -> Result<(), Error> {
    while !shutdown.is_stopping() && check_batch(state).await? {}
    Ok(())
}

/// Looks at one batch of series; true when there may be more.
async fn check_batch(state: &State) -> Result<bool, Error> {
    let now = state.now();
    let mut tx = state.pool.begin().await?;
    let ids = store::clocks::lock_due(&mut tx, now, BATCH).await?;
    if ids.is_empty() {
        return Ok(false);
    }
    let next = store::clocks::list_next(&mut tx, &ids, now, saturating(now, AHEAD)).await?;
    let known = store::clocks::list_known(&mut tx, &ids).await?;
    let known: BTreeMap<_, _> = known
        .into_iter()
        .map(|known| ((known.series, known.user), known))
        .collect();
    let mut written = Vec::new();
    for series in store::find_all(&mut tx, &ids).await? {
        let own: Vec<_> = next
            .iter()
            .filter(|next| next.series == series.id)
            .collect();
        if own.is_empty() {
            continue;
        }
        let kept = store::occurrences::list(&mut tx, series.id, 0).await?;
        for next in own {
            written.extend(look(&series, &kept, next, &known)?);
        }
    }
    let people: Vec<_> = written.iter().map(|(known, _)| known.user.0).collect();
    let living = store::clocks::lock_living(&mut tx, &people).await?;
    written.retain(|(known, _)| living.contains(&known.user.0));
    let told: BTreeSet<_> = written
        .iter()
        .filter(|(_, shift)| shift.is_some())
        .map(|(known, _)| known.series.0)
        .collect();
    store::clocks::put(&mut tx, &written).await?;
    store::clocks::update_check(&mut tx, &ids, saturating(now, CHECK_EVERY), now).await?;
    telling::retell(
        &mut tx,
        &told.iter().copied().collect::<Vec<_>>(),
        None,
        now,
    )
    .await?;
    tx.commit().await?;
    if !told.is_empty() {
        state.committed();
        tracing::info!(
            event = "series_shift",
            series = told.len(),
            "local hours of series shift"
        );
    }
    Ok(i64::try_from(ids.len()).is_ok_and(|found| found == BATCH))
}

/// What somebody knows after their next lesson was looked at; `None`: as before.
fn look(
    series: &Series,
    kept: &[Kept],
    next: &Next,
    known: &BTreeMap<(SeriesId, UserId), Known>,
) -> Result<Option<(Known, Option<Shift>)>, Error> {
    let zone = zones::zone(&next.time_zone).ok_or(Error::Corrupt("users.time_zone"))?;
    // Those that the pattern has where they are: of another pattern, people were told.
    let before: Vec<_> = kept
        .iter()
        .filter(|kept| kept.ordinal < next.ordinal)
        .filter(|kept| {
            let occurrence = series.pattern.occurrence(kept.ordinal);
            occurrence.is_some_and(|occurrence| occurrence.during.start == kept.original_start)
        })
        .map(|kept| kept.original_start)
        .collect();
    let known = known.get(&(next.series, next.user));
    let here = known.filter(|known| known.time_zone == next.time_zone);
    let step = if known.is_some() && here.is_none() {
        // They moved, not the clocks.
        Step::Noted
    } else {
        step(
            here.map(|known| known.local_minute),
            &zone,
            &before,
            next.start,
        )
    };
    let shift = match step {
        Step::Known => return Ok(None),
        Step::Noted => None,
        Step::Shifts(previous) => Some(Shift {
            user: next.user,
            start: next.start,
            previous,
        }),
    };
    let known = Known {
        series: next.series,
        user: next.user,
        time_zone: next.time_zone.clone(),
        local_minute: local_minute(&zone, next.start),
    };
    Ok(Some((known, shift)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Mondays at 10:00 in Berlin, whose clock goes back on 25 October.
    fn mondays() -> [Timestamp; 4] {
        [
            "2026-10-12T08:00:00Z",
            "2026-10-19T08:00:00Z",
            "2026-10-26T09:00:00Z",
            "2026-11-02T09:00:00Z",
        ]
        .map(at)
    }

    #[test]
    fn who_knows_the_old_hour_is_told_once() {
        let moscow = zones::zone("Europe/Moscow").unwrap();
        let all = mondays();
        let eleven = Some(11 * 60);
        assert_eq!(step(eleven, &moscow, &all[..1], all[1]), Step::Known);
        assert_eq!(
            step(eleven, &moscow, &all[..2], all[2]),
            Step::Shifts(all[1])
        );
        assert_eq!(step(Some(12 * 60), &moscow, &all[..3], all[3]), Step::Known);
    }

    #[test]
    fn a_lesson_cancelled_at_the_seam_neither_loses_nor_doubles() {
        let moscow = zones::zone("Europe/Moscow").unwrap();
        let all = mondays();
        // That of 26 October is off: the next one is told, and held against one at the old
        // hour.
        let told = step(Some(11 * 60), &moscow, &all[..3], all[3]);
        assert_eq!(told, Step::Shifts(all[1]));
    }

    #[test]
    fn who_is_looked_at_for_the_first_time_is_held_against_the_lesson_before() {
        let moscow = zones::zone("Europe/Moscow").unwrap();
        let all = mondays();
        assert_eq!(step(None, &moscow, &[], all[2]), Step::Noted);
        assert_eq!(step(None, &moscow, &all[..1], all[1]), Step::Noted);
        assert_eq!(step(None, &moscow, &all[..2], all[2]), Step::Shifts(all[1]));
    }

    #[test]
    fn whose_clock_changes_with_the_series_hears_nothing() {
        let paris = zones::zone("Europe/Paris").unwrap();
        let all = mondays();
        for next in 1..4 {
            let found = step(Some(600), &paris, &all[..next], all[next]);
            assert_eq!(found, Step::Known);
        }
    }
}
