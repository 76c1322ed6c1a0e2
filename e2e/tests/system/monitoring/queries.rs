//! The queries of alerts and dashboards, as far as names and labels go.

use std::{collections::BTreeSet, fs, path::Path};

use e2e::Result;
use serde_json::Value;

/// A query and where it stands.
#[derive(Debug, Default)]
pub struct Query {
    /// The alert's name, or the dashboard's file and the panel's title.
    pub place: String,
    /// Names of figures, each with the labels its selector asks for.
    pub metrics: Vec<(String, Vec<String>)>,
    /// The labels that results are grouped by.
    pub grouped: Vec<String>,
    /// Of an alert: its `runbook_url`.
    pub runbook: Option<String>,
}

/// The queries of all alerts.
///
/// # Errors
///
/// When a file cannot be read.
pub fn alerts(root: &Path) -> Result<Vec<Query>> {
    let mut found: Vec<Query> = Vec::new();
    for entry in fs::read_dir(root.join("deploy/monitoring/rules"))? {
        let text = fs::read_to_string(entry?.path())?;
        let mut expression: Option<String> = None;
        for line in text.lines() {
            let words = line.trim().trim_start_matches("- ");
            let part = words.split_once(": ");
            match (part, &mut expression) {
                (Some(("alert", name)), _) => found.push(Query {
                    place: name.to_owned(),
                    ..Query::default()
                }),
                (Some(("expr", ">-")), _) => expression = Some(String::new()),
                (Some(("runbook_url", url)), _) => {
                    let alert = found.last_mut().ok_or("a runbook without an alert")?;
                    alert.runbook = Some(url.to_owned());
                }
                // A folded block is indented deeper than its key.
                (_, Some(folded)) if line.starts_with("          ") => {
                    folded.push_str(words);
                    folded.push(' ');
                }
                (_, Some(folded)) => {
                    let alert = found.last_mut().ok_or("a query without an alert")?;
                    read(folded, alert);
                    expression = None;
                }
                (_, None) => {}
            }
        }
    }
    Ok(found)
}

/// The queries of all dashboards.
///
/// # Errors
///
/// When a file cannot be read.
pub fn dashboards(root: &Path) -> Result<Vec<Query>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join("deploy/monitoring/dashboards"))? {
        let path = entry?.path();
        let board: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        for panel in board["panels"].as_array().ok_or("no panels")? {
            for target in panel["targets"].as_array().ok_or("no targets")? {
                let mut query = Query {
                    place: format!("{}, {}", path.display(), panel["title"]),
                    ..Query::default()
                };
                read(target["expr"].as_str().ok_or("no query")?, &mut query);
                found.push(query);
            }
        }
    }
    Ok(found)
}

/// The labels that stand before `=` in a list such as `lane="a",state!="b"`.
pub fn keys(labels: &str) -> Vec<String> {
    let bare = without_texts(labels);
    let parts = bare
        .split(',')
        .filter_map(|part| part.split(['=', '!']).next());
    parts
        .map(|key| key.trim().to_owned())
        .filter(|key| !key.is_empty())
        .collect()
}

/// The same without what stands between quotes: it may hold anything.
fn without_texts(text: &str) -> String {
    let parts = text.split('"').step_by(2);
    parts.collect()
}

fn read(expression: &str, into: &mut Query) {
    let bare = without_texts(expression);
    let mut rest = bare.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        rest = &rest[at..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        let after = after.trim_start();
        if word == "by" {
            let inside = after
                .strip_prefix('(')
                .and_then(|list| list.split_once(')'));
            if let Some((list, beyond)) = inside {
                into.grouped.extend(keys(list));
                rest = beyond;
            }
        } else if is_figure(word) {
            let inside = after
                .strip_prefix('{')
                .and_then(|list| list.split_once('}'));
            let asked = inside.map_or(Vec::new(), |(list, beyond)| {
                rest = beyond;
                keys(list)
            });
            into.metrics.push((word.to_owned(), asked));
        }
        // The unit of a span: `5m` ends in no figure's name.
    }
    let unique: BTreeSet<_> = into.grouped.drain(..).collect();
    into.grouped.extend(unique);
}

/// Names of figures have an underscore or are `up`; the query language's own words that have one are few.
fn is_figure(word: &str) -> bool {
    const WORDS: [&str; 4] = [
        "histogram_quantile",
        "absent_over_time",
        "min_over_time",
        "group_left",
    ];
    word == "up" || (word.contains('_') && !WORDS.contains(&word))
}
