//! New migrations suit the release that runs while they are made, by squawk. What it cannot
//! see (a check that old writers do not pass) is for `cargo xtask update-check`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::Result;
use serde_json::Value;

use crate::{tasks::root, tools};

/// The linter, from `PyPI` by name and version.
const SQUAWK: &str = "squawk-cli==2.70.0";
/// Of each schema, the last migration made before the first release: these have no release
/// before them that could run meanwhile, and are not looked at.
const BEFORE_RELEASES: [(&str, i64); 2] = [
    ("lesson", 20_261_121_003_400),
    ("notify", 20_261_121_007_000),
];
/// Statements that each break one of the rules, after its name. The rules named there are
/// those that count: others are about style, or about locks that are too short to matter here.
const BREAKING: &str = include_str!("migrations/breaking.sql");
const MARK: &str = "\n-- breaks: ";

/// What squawk has against a statement.
struct Finding {
    rule: String,
    /// Where, and why.
    told: String,
}

/// Each rule finds what breaks it, and no new migration breaks any.
pub(super) fn check() -> Result<String> {
    let squawk = tools::python(SQUAWK, "squawk")?;
    let rules: BTreeSet<_> = rules().collect();
    let place = tempfile::Builder::new().prefix("olm-squawk-").tempdir()?;
    for (number, (rule, statement)) in BREAKING.split(MARK).skip(1).map(halves).enumerate() {
        let file = place.path().join(format!("{number}.sql"));
        fs::write(&file, statement)?;
        let found = lint(&squawk, &[file])?;
        if !found.iter().any(|finding| finding.rule == rule) {
            return Err(format!("squawk takes what breaks {rule}:\n{statement}").into());
        }
    }
    let new = new_ones()?;
    let found = lint(&squawk, &new)?.into_iter();
    let broken = found.filter(|finding| rules.contains(finding.rule.as_str()));
    let broken: Vec<_> = broken.map(|finding| finding.told).collect();
    if !broken.is_empty() {
        return Err(format!(
            "{}\nmigrate in two releases: first add, then, when no release that runs uses it any \
             more, remove, with `-- squawk-ignore <rule>` and the reason above the statement",
            broken.join("\n")
        )
        .into());
    }
    Ok(format!(
        "{} rules, {} migrations since the first release",
        rules.len(),
        new.len()
    ))
}

/// The names of the rules that count.
fn rules() -> impl Iterator<Item = &'static str> {
    BREAKING.split(MARK).skip(1).map(|part| halves(part).0)
}

/// A rule's name, and the statement below it.
fn halves(part: &'static str) -> (&'static str, &'static str) {
    part.split_once('\n').unwrap_or((part, ""))
}

/// Migrations that go up, made after those that no release ran beside.
fn new_ones() -> Result<Vec<PathBuf>> {
    let mut new = Vec::new();
    for (schema, last) in BEFORE_RELEASES {
        for entry in fs::read_dir(root().join("migrations").join(schema))? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let version: i64 = name.split('_').next().unwrap_or_default().parse()?;
            if version > last && name.ends_with(".up.sql") {
                new.push(path);
            }
        }
    }
    new.sort();
    Ok(new)
}

fn lint(squawk: &Path, files: &[PathBuf]) -> Result<Vec<Finding>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let output = Command::new(squawk)
        .args([
            "--reporter",
            "json",
            "--pg-version",
            "15",
            "--assume-in-transaction",
        ])
        .args(files)
        .output()?;
    // It ends with 1 when it found something.
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!("squawk ({}): {error}\n{said}", output.status)
    })?;
    let finding = |found: &Value| {
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        let line = found["line"].as_u64().unwrap_or_default() + 1;
        let rule = text("rule_name");
        Finding {
            told: format!("{}:{line}: {} ({rule})", text("file"), text("message")),
            rule,
        }
    };
    Ok(found.iter().map(finding).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_that_counts_has_a_statement_that_breaks_it() {
        let named: Vec<_> = rules().collect();
        assert!(
            named.contains(&"ban-drop-column") && named.contains(&"constraint-missing-not-valid")
        );
        for part in BREAKING.split(MARK).skip(1).map(halves) {
            assert!(
                part.0
                    .chars()
                    .all(|letter| letter == '-' || letter.is_ascii_lowercase())
            );
            assert!(part.1.trim_end().ends_with(';'), "{part:?}");
        }
    }

    #[test]
    fn what_was_made_before_the_first_release_is_there() {
        for (schema, last) in BEFORE_RELEASES {
            let folder = root().join("migrations").join(schema);
            let names = fs::read_dir(folder).unwrap();
            let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            assert!(
                names.any(|name| name.starts_with(&last.to_string())),
                "{schema} {last}"
            );
        }
    }
}
