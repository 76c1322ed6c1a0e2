//! The compose files: by the compose specification's schema, and by our own rules of what
//! is hardened, sized, published and there.

mod rules;

use std::{fs, path::Path, process::Command};

use e2e::Result;
use serde_json::Value;

use super::tool;
use crate::{tasks::root, tools};

const CHECK_JSONSCHEMA: &str = "check-jsonschema==0.39.0";

/// The installations, and which services of each may publish ports to whom.
const FILES: [(&str, &[&str]); 3] = [
    ("deploy/server-1/compose.yaml", &["proxy"]),
    ("deploy/server-2/compose.yaml", &[]),
    // At home, on the machine's own address.
    (
        "deploy/local/compose.yaml",
        &["gateway-rest", "telegram-sim", "proxy", "prometheus"],
    ),
];
/// What compose's YAML is read with: merge keys and anchors are resolved as it does.
const TO_JSON: &str = "import json, sys; from ruamel.yaml import YAML
json.dump(YAML(typ='safe').load(open(sys.argv[1])), sys.stdout)";

/// Validates all files.
pub(super) fn check() -> Result<String> {
    let validator = tools::python(CHECK_JSONSCHEMA, "check-jsonschema")?;
    let python = validator.with_file_name("python3");
    let mut services = 0;
    let mut faults = Vec::new();
    for (file, publishing) in FILES {
        let path = root().join(file);
        tool(
            Command::new(&validator)
                .args(["--builtin-schema", "vendor.compose-spec"])
                .arg(&path),
        )?;
        let json = tool(Command::new(&python).args(["-c", TO_JSON]).arg(&path))?;
        let compose: Value = serde_json::from_str(&json)?;
        let rules = rules::Rules {
            publishing,
            at_home: file.starts_with("deploy/local/"),
        };
        faults.extend(
            rules
                .faults(&compose)
                .into_iter()
                .map(|fault| format!("{file}: {fault}")),
        );
        faults.extend(missing_files(&path, &compose)?);
        services += compose["services"]
            .as_object()
            .map_or(0, serde_json::Map::len);
    }
    if faults.is_empty() {
        Ok(format!("{} files, {services} services", FILES.len()))
    } else {
        Err(faults.join("\n").into())
    }
}

/// Files that are mounted and do not exist; what the operator makes is not asked for.
fn missing_files(file: &Path, compose: &Value) -> Result<Vec<String>> {
    let folder = file.parent().ok_or("a file in no folder")?;
    let mut missing = Vec::new();
    for (name, service) in compose["services"].as_object().into_iter().flatten() {
        let mounts = service["volumes"].as_array().into_iter().flatten();
        let sources = mounts
            .filter_map(Value::as_str)
            .filter_map(|mount| mount.split(':').next())
            .filter(|source| source.starts_with('.'));
        for source in sources {
            let is_operators = source.starts_with("../secrets/") || source == "./acme";
            if !is_operators && !fs::exists(folder.join(source))? {
                missing.push(format!("{}: {name} mounts {source}", file.display()));
            }
        }
    }
    Ok(missing)
}
