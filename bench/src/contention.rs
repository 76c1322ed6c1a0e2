//! Everybody wants the same week: each of the crowd tries every lesson of one teacher's
//! week, in the same order, through REST.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use e2e::Result;
use serde_json::Value;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    layers::Http,
    measure::percentile,
    milliseconds,
    school::{CROWD, FreeLesson, Pair, School, WEEK},
    server::Server,
    table,
};

/// Nobody begins another try after so long.
const LIMIT: Duration = Duration::from_secs(45);

/// What tries came to: by status and reason, how long each took.
type Outcomes = BTreeMap<String, Vec<Duration>>;

const BOOKED: &str = "booked";
const TAKEN: &str = "409 SLOT_TAKEN";

/// Runs the race and prints what came of it; anything but a booking or `SLOT_TAKEN`, or a
/// lesson booked twice, is an error.
pub(crate) async fn run(server: &Server, school: &Arc<School>) -> Result<()> {
    let before = server.lessons().await?;
    let http = Http::of(server);
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for student in school.crowd.clone() {
        tasks.spawn(try_all(http.clone(), school.clone(), student, begun));
    }
    let mut outcomes = Outcomes::new();
    while let Some(ended) = tasks.join_next().await {
        for (outcome, spans) in ended?? {
            outcomes.entry(outcome).or_default().extend(spans);
        }
    }
    let elapsed = begun.elapsed();
    print(&mut outcomes, elapsed)?;
    let booked = outcomes.get(BOOKED).map_or(0, Vec::len);
    let made = server.lessons().await? - before;
    let others = outcomes
        .keys()
        .filter(|outcome| ![BOOKED, TAKEN].contains(&outcome.as_str()));
    if let Some(other) = others.into_iter().next() {
        return Err(format!("the race met {other}").into());
    }
    if usize::try_from(made)? != booked || made != WEEK {
        return Err(format!("{WEEK} lessons, {booked} told as booked, {made} made").into());
    }
    Ok(())
}

async fn try_all(
    http: Http,
    school: Arc<School>,
    student: uuid::Uuid,
    begun: Instant,
) -> Result<Outcomes> {
    let mut outcomes = Outcomes::new();
    for number in 0..WEEK {
        if begun.elapsed() > LIMIT {
            break;
        }
        let pair = Pair {
            teacher: school.popular,
            student,
        };
        let called = Instant::now();
        let answer = http
            .book(FreeLesson {
                pair,
                start: school.start(number),
            })
            .await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        let span = called.elapsed();
        let outcome = if status.is_success() {
            BOOKED.to_owned()
        } else {
            let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
            format!(
                "{} {}",
                status.as_u16(),
                problem["reason"].as_str().unwrap_or("?")
            )
        };
        outcomes.entry(outcome).or_default().push(span);
    }
    Ok(outcomes)
}

fn print(outcomes: &mut Outcomes, elapsed: Duration) -> Result<()> {
    println!("\n{CROWD} clients on one teacher's week of {WEEK} lessons, through REST\n");
    let mut rows = Vec::new();
    for (outcome, spans) in outcomes {
        spans.sort_unstable();
        let figure = |percent| {
            percentile(spans, percent)
                .map_or_else(String::new, |span| format!("{:.1}", milliseconds(span)))
        };
        let rate = f64::from(u32::try_from(spans.len())?) / elapsed.as_secs_f64();
        rows.push(vec![
            outcome.clone(),
            spans.len().to_string(),
            format!("{rate:.0}"),
            figure(50),
            figure(99),
        ]);
    }
    for line in table::lines(
        &["outcome", "times", "per second", "p50 ms", "p99 ms"],
        &rows,
    ) {
        println!("{line}");
    }
    Ok(())
}
