//! What may be depended on: licences, bans and sources of `deny.toml`, by cargo-deny.
//! Advisories need a database from elsewhere; `cargo deny check advisories` asks it.

use std::process::Command;

use e2e::Result;

use super::tool;
use crate::{
    tasks::{cargo, root},
    tools,
};

const VERSION: &str = "0.20.2";

pub(super) fn check() -> Result<String> {
    let deny = tools::crates("cargo-deny", VERSION, "cargo-deny")?;
    // It looks at other platforms' crates too, which no build here has fetched.
    tools::fetch(&mut cargo(&["fetch", "--locked", "--quiet"]))?;
    let mut check = Command::new(deny);
    check.args(["--offline", "check", "licenses", "bans", "sources"]);
    tool(check.current_dir(root()))?;
    Ok(format!("licences, bans, sources: cargo-deny {VERSION}"))
}
