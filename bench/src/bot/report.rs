//! One table of everything that was measured.

use std::{collections::BTreeMap, time::Duration};

use super::judge::Judged;
use crate::{
    measure::percentile,
    milliseconds,
    table::{self, cell},
};

/// What the issue asks for: the 99th of a hundred answers to 50 people, with lesson-svc there.
const REQUIRED_MS: f64 = 150.0;

const HEAD: [&str; 7] = [
    "what is waited for",
    "a round",
    "unanswered",
    "refused, %",
    "p50 ms",
    "p99 ms",
    "max ms",
];

/// A line of the table, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Line {
    Bare,
    Reads,
    Writes,
    All,
    ReadsAway,
    WritesAway,
    AllAway,
    AcknowledgedBare,
    Acknowledged,
}

impl Line {
    pub(super) const THERE: [Self; 3] = [Self::Reads, Self::Writes, Self::All];
    pub(super) const AWAY: [Self; 3] = [Self::ReadsAway, Self::WritesAway, Self::AllAway];

    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare bot, answer",
            Self::Reads => "ours, answer to a read",
            Self::Writes => "ours, answer to a write",
            Self::All => "ours, answer",
            Self::ReadsAway => "lesson-svc away, answer to a read",
            Self::WritesAway => "lesson-svc away, answer to a write",
            Self::AllAway => "lesson-svc away, answer",
            Self::AcknowledgedBare => "bare bot, press of a crowd acknowledged",
            Self::Acknowledged => "ours, press of a crowd acknowledged",
        }
    }

    /// What it is compared with.
    fn bare(self) -> Self {
        match self {
            Self::Bare
            | Self::Reads
            | Self::Writes
            | Self::All
            | Self::ReadsAway
            | Self::WritesAway
            | Self::AllAway => Self::Bare,
            Self::AcknowledgedBare | Self::Acknowledged => Self::AcknowledgedBare,
        }
    }
}

/// One line of one round.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    line: Line,
    /// As in [`HEAD`], from the second on.
    cells: [f64; 6],
}

impl Row {
    pub(super) fn of(line: Line, judged: &[Judged]) -> Self {
        let mut took: Vec<_> = judged.iter().filter_map(|one| one.took).collect();
        took.sort_unstable();
        let at = |percent| percentile(&took, percent).map_or(f64::NAN, milliseconds);
        let count = |of: usize| f64::from(u32::try_from(of).unwrap_or(u32::MAX));
        let refused = judged.iter().filter(|one| one.refused).count();
        let unanswered = judged.len() - took.len();
        let max = took
            .last()
            .copied()
            .map_or(f64::NAN, |took: Duration| milliseconds(took));
        Self {
            line,
            cells: [
                count(judged.len()),
                count(unanswered),
                100.0 * count(refused) / count(judged.len().max(1)),
                at(50),
                at(99),
                max,
            ],
        }
    }
}

/// A measurement as it is done.
pub(super) fn line(row: &Row) -> String {
    let cells = row.cells.iter().zip(&HEAD[1..]);
    let cells: Vec<_> = cells
        .map(|(value, name)| format!("{name} {value:.1}"))
        .collect();
    format!("{}: {}", row.line.name(), cells.join("; "))
}

/// Medians of the rounds with their ranges, and whether what is required was reached.
pub(super) fn table(rows: &[Row]) -> Vec<String> {
    let mut rounds: BTreeMap<Line, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        rounds.entry(row.line).or_default().push(row);
    }
    let sorted = |line: Line, column: usize| {
        let own = rounds.get(&line).into_iter().flatten();
        let mut values: Vec<_> = own.map(|row| row.cells[column]).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let median = |line: Line, column: usize| {
        let values = sorted(line, column);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let lines = rounds.keys().map(|line| {
        let mut cells = vec![line.name().to_owned()];
        cells.extend((0..HEAD.len() - 1).map(|column| cell(&sorted(*line, column))));
        cells.push(format!("{:.1}", median(*line, 3) / median(line.bare(), 3)));
        cells
    });
    let lines: Vec<_> = lines.collect();
    let mut head = HEAD.to_vec();
    head.push("× bare, p50");
    let mut written = table::lines(&head, &lines);
    let worst = sorted(Line::All, 4).last().copied().unwrap_or(f64::NAN);
    let reached = if worst < REQUIRED_MS { "yes" } else { "NO" };
    written.push(String::new());
    written.push(format!(
        "Required: p99 under {REQUIRED_MS} ms with lesson-svc there; {worst:.1} ms in the worst round: {reached}."
    ));
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_what_was_answered_and_what_was_not() {
        let judged = |took: Option<u64>, refused| Judged {
            is_write: false,
            took: took.map(Duration::from_millis),
            refused,
        };
        let all = [
            judged(Some(4), false),
            judged(Some(2), true),
            judged(None, false),
        ];
        let row = Row::of(Line::All, &all);
        let [count, unanswered, refused, p50, _, max] = row.cells.map(|cell| format!("{cell:.1}"));
        assert_eq!([count, unanswered, refused], ["3.0", "1.0", "33.3"]);
        assert_eq!([p50, max], ["2.0", "4.0"]);
        let told = table(&[row]).join("\n");
        assert!(told.contains("4.0 ms in the worst round: yes"), "{told}");
    }
}
