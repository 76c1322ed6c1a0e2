//! Rules, their tests, the scrape configuration and the dashboards' queries, by promtool;
//! whom alerts are told, by amtool.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::Result;
use serde_json::{Value, json};

use super::tool;
use crate::{tasks::root, tools};

/// Checks syntax and runs the rules' tests. Whether what is asked for exists is for
/// `e2e/tests/system/monitoring.rs`, which has running services.
pub(super) fn check() -> Result<String> {
    let promtool = tools::debian("prometheus", "promtool")?;
    let place = root().join("deploy/monitoring");
    let rules = files(&place.join("rules"))?;
    let tests = files(&place.join("tests"))?;
    tool(run(&promtool).args(["check", "rules"]).args(&rules))?;
    tool(
        run(&promtool)
            .args(["check", "config"])
            .arg(place.join("prometheus.yml")),
    )?;
    tool(run(&promtool).args(["test", "rules"]).args(&tests))?;
    let amtool = tools::debian("prometheus-alertmanager", "amtool")?;
    let receivers = root().join("deploy/server-1/alertmanager.yml.example");
    tool(run(&amtool).arg("check-config").arg(receivers))?;
    each_alert_fires_in_a_test(&rules, &tests)?;
    let queries = dashboards(&promtool, &place)?;
    Ok(format!(
        "{} rule files, {} files of their tests, {queries} queries of dashboards",
        rules.len(),
        tests.len()
    ))
}

/// Each alert of the rules is expected to fire in one of their tests.
pub(super) fn each_alert_fires_in_a_test(rules: &[PathBuf], tests: &[PathBuf]) -> Result<()> {
    let read = |paths: &[PathBuf]| -> Result<String> {
        let whole: std::io::Result<Vec<_>> = paths.iter().map(fs::read_to_string).collect();
        Ok(whole?.concat())
    };
    let (written, expected) = (read(rules)?, read(tests)?);
    for alert in written
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        // What a test expects, in distinction from what it asks for.
        if !expected.contains(&format!("ALERTS{{alertname=\"{alert}\", alertstate=")) {
            return Err(format!("no test has {alert} firing").into());
        }
    }
    Ok(())
}

/// Queries of dashboards as recording rules, which promtool parses.
fn dashboards(promtool: &Path, place: &Path) -> Result<usize> {
    let mut rules = Vec::new();
    for path in files(&place.join("dashboards"))? {
        let board: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        for panel in board["panels"].as_array().ok_or("no panels")? {
            for target in panel["targets"].as_array().ok_or("no targets")? {
                let record = format!("query:{}", rules.len());
                rules.push(json!({"record": record, "expr": target["expr"]}));
            }
        }
    }
    let scratch = tempfile::tempdir()?;
    // JSON is YAML.
    let file = scratch.path().join("dashboards.yml");
    let groups = json!({"groups": [{"name": "dashboards", "rules": rules}]});
    fs::write(&file, groups.to_string())?;
    tool(run(promtool).args(["check", "rules"]).arg(&file))?;
    Ok(rules.len())
}

fn run(promtool: &Path) -> Command {
    Command::new(promtool)
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<_> = fs::read_dir(directory)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    found.sort_unstable();
    if found.is_empty() {
        return Err(format!("{} is empty", directory.display()).into());
    }
    Ok(found)
}
