//! One table of everything that was measured.

use std::{collections::BTreeMap, fmt::Write as _};

use clap::ValueEnum as _;

use super::{Case, judge::Figures};
use crate::table::{self, cell};

const HEAD: [&str; 10] = [
    "scenario, round trip, who",
    "sent, %",
    "late p50, ms",
    "late p99, ms",
    "late max, ms",
    "% of 30/s",
    "429s",
    "a second",
    "per CPU s",
    "with PostgreSQL's",
];

/// A measurement as it is done.
pub(super) fn line(case: Case, figures: &Figures) -> String {
    let cells = cells(figures).into_iter().zip(&HEAD[1..]);
    let cells = cells.filter_map(|(value, name)| Some(format!("{name} {:.1}", value?)));
    let mut line = format!("{}: {}", name(case), cells.collect::<Vec<_>>().join("; "));
    if figures.copies + figures.early > 0 {
        // Writing to a String cannot fail.
        let _ = write!(line, "; {} copies, {} early", figures.copies, figures.early);
    }
    line
}

/// Medians of the rounds with their ranges.
pub(super) fn table(measured: &[(Case, Figures)]) -> Vec<String> {
    let mut rounds: BTreeMap<Case, Vec<&Figures>> = BTreeMap::new();
    for (case, figures) in measured {
        rounds.entry(*case).or_default().push(figures);
    }
    let mut rows = Vec::new();
    for (case, rounds) in &rounds {
        let rounds: Vec<_> = rounds.iter().map(|figures| cells(figures)).collect();
        let mut row = vec![name(*case)];
        for column in 0..HEAD.len() - 1 {
            let mut values: Vec<_> = rounds.iter().filter_map(|cells| cells[column]).collect();
            values.sort_unstable_by(f64::total_cmp);
            row.push(cell(&values));
        }
        rows.push(row);
    }
    let (copies, early) = measured
        .iter()
        .fold((0, 0), |(copies, early), (_, figures)| {
            (copies + figures.copies, early + figures.early)
        });
    let mut lines = table::lines(&HEAD, &rows);
    lines.push(String::new());
    lines.push(format!(
        "Sent more than once: {copies}. Sent before due: {early}."
    ));
    lines
}

/// What was measured, in words.
pub(super) fn name(case: Case) -> String {
    let word = |value: Option<clap::builder::PossibleValue>| {
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    };
    format!(
        "{}, {} ms, {}",
        word(case.scenario.to_possible_value()),
        case.round_trip_ms,
        word(case.contestant.to_possible_value())
    )
}

fn cells(figures: &Figures) -> [Option<f64>; 9] {
    let [alone, all] = figures.per_cpu_second();
    let part = f64::from(figures.sent) / f64::from(figures.expected.max(1));
    let refused = figures.share.map(|_| f64::from(figures.refused));
    let free = figures.share.is_none();
    [
        Some(part * 100.0),
        figures.late(50),
        figures.late(99),
        figures.late(100),
        figures.share.map(|share| share * 100.0),
        refused,
        free.then_some(figures.rate),
        free.then_some(alone),
        free.then_some(all),
    ]
}
