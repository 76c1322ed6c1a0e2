//! `cargo xtask deploy-check`: whatever deploys is what its own tools take.

pub(crate) mod build;
mod chart;
mod compose;
mod dependencies;
mod images;
mod migrations;
mod monitoring;
pub(crate) mod proxy;
mod scripts;

use std::process::Command;

use e2e::Result;
use tokio::time::Instant;

use crate::tasks::line_of;

/// One validation. What it returns is told in the table, in a few words; why it failed
/// is told above it.
struct Check {
    name: &'static str,
    run: fn() -> Result<String>,
}

/// All of them; each file of this folder has those of one tool.
const CHECKS: &[Check] = &[
    Check {
        name: "chart",
        run: chart::check,
    },
    Check {
        name: "compose",
        run: compose::check,
    },
    Check {
        name: "monitoring",
        run: monitoring::check,
    },
    Check {
        name: "migrations",
        run: migrations::check,
    },
    Check {
        name: "dependencies",
        run: dependencies::check,
    },
    Check {
        name: "images",
        run: images::check,
    },
    Check {
        name: "build",
        run: build::check,
    },
    Check {
        name: "proxy",
        run: proxy::check,
    },
    Check {
        name: "scripts",
        run: scripts::check,
    },
];

/// Runs all checks, or only those named, and prints one table.
pub(crate) fn run(only: &[String]) -> Result<()> {
    if let Some(unknown) = only
        .iter()
        .find(|name| CHECKS.iter().all(|check| check.name != **name))
    {
        let names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        let names = names.join(", ");
        return Err(format!("there is no check {unknown:?}; there are {names}").into());
    }
    let mut rows = Vec::new();
    let mut failed = 0;
    for check in CHECKS {
        if !only.is_empty() && !only.iter().any(|name| name == check.name) {
            continue;
        }
        let begun = Instant::now();
        let (result, told) = match (check.run)() {
            Ok(told) => ("good", told),
            Err(error) => {
                failed += 1;
                println!("── {}\n{error}\n", check.name);
                ("FAILED", "see above".to_owned())
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        rows.push(format!(
            "  {:<12} {result:<7} {seconds:>7.1}  {told}",
            check.name
        ));
    }
    println!("  {:<12} {:<7} {:>7}  what", "check", "result", "seconds");
    for row in rows {
        println!("{row}");
    }
    if failed == 0 {
        Ok(())
    } else {
        Err(format!("{failed} of the checks failed").into())
    }
}

/// Runs a tool to its end; what it says is the error when it does not end well.
fn tool(command: &mut Command) -> Result<String> {
    let line = line_of(command);
    let output = command
        .output()
        .map_err(|error| format!("{line}: {error}"))?;
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    let said = said.concat().trim().to_owned();
    if output.status.success() {
        Ok(said)
    } else {
        Err(format!("{line} failed ({})\n{said}", output.status).into())
    }
}
