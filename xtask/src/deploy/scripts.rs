//! The shell scripts below `deploy/`, by shellcheck.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::Result;

use super::tool;
use crate::{tasks::root, tools};

/// Lints every script; a remark of any weight fails.
pub(super) fn check() -> Result<String> {
    let shellcheck = tools::debian("shellcheck", "shellcheck")?;
    let mut scripts = Vec::new();
    find(&root().join("deploy"), &mut scripts)?;
    if scripts.is_empty() {
        return Err("there is no script below deploy/".into());
    }
    tool(
        Command::new(shellcheck)
            .args(["--severity", "style"])
            .args(&scripts)
            .current_dir(root()),
    )?;
    Ok(format!("clean: {}", scripts.len()))
}

fn find(directory: &Path, scripts: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, scripts)?;
        } else if path.extension().is_some_and(|extension| extension == "sh") {
            scripts.push(path);
        }
    }
    Ok(())
}
