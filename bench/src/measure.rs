//! Closed-loop clients: each begins its next call when the last one is answered.

use std::{future::Future, time::Duration};

use e2e::Result;
use tokio::{task::JoinSet, time::Instant};

/// What clients saw in one round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// Calls a second, of all clients together.
    pub(crate) rate: f64,
    /// Half of the calls were at most so long.
    pub(crate) p50: Duration,
    /// All but one of a hundred calls were at most so long.
    pub(crate) p99: Duration,
}

/// Lets `clients` call for `span`; a call that fails ends it all.
pub(crate) async fn run<Call, Answer>(clients: usize, span: Duration, call: Call) -> Result<Sample>
where
    Call: Fn() -> Answer + Clone + Send + 'static,
    Answer: Future<Output = Result<()>> + Send,
{
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let call = call.clone();
        tasks.spawn(async move {
            let mut spans = Vec::new();
            while begun.elapsed() < span {
                let called = Instant::now();
                call().await?;
                spans.push(called.elapsed());
            }
            Result::Ok(spans)
        });
    }
    let mut spans = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        spans.extend(ended??);
    }
    Sample::of(spans, begun.elapsed())
}

impl Sample {
    /// Of calls that took `spans`, all together `elapsed`.
    pub(crate) fn of(mut spans: Vec<Duration>, elapsed: Duration) -> Result<Self> {
        spans.sort_unstable();
        let count = u32::try_from(spans.len())?;
        Ok(Self {
            rate: f64::from(count) / elapsed.as_secs_f64(),
            p50: percentile(&spans, 50).ok_or("no call was answered")?,
            p99: percentile(&spans, 99).ok_or("no call was answered")?,
        })
    }

    /// The median of each figure, so that one disturbed round counts little.
    pub(crate) fn median(samples: &[Self]) -> Result<Self> {
        let middle = |figure: fn(&Self) -> f64| {
            let mut figures: Vec<_> = samples.iter().map(figure).collect();
            figures.sort_unstable_by(f64::total_cmp);
            figures.get(figures.len() / 2).copied().ok_or("no round")
        };
        Ok(Self {
            rate: middle(|sample| sample.rate)?,
            p50: Duration::from_secs_f64(middle(|sample| sample.p50.as_secs_f64())?),
            p99: Duration::from_secs_f64(middle(|sample| sample.p99.as_secs_f64())?),
        })
    }
}

/// The nearest-rank percentile of `sorted`.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_measured_value() {
        let spans: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&spans, 50), Some(Duration::from_millis(100)));
        assert_eq!(percentile(&spans, 99), Some(Duration::from_millis(198)));
        assert_eq!(percentile(&spans[..1], 99), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn one_disturbed_round_does_not_move_the_median() {
        let sample = |rate| Sample {
            rate,
            p50: Duration::from_millis(1),
            p99: Duration::from_millis(2),
        };
        let rounds = [sample(100.0), sample(3.0), sample(101.0)];
        assert!((Sample::median(&rounds).unwrap().rate - 100.0).abs() < f64::EPSILON);
    }
}
