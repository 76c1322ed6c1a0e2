//! `cargo xtask ci`.

use std::process::Command;

use e2e::Result;
use tokio::time::Instant;

use crate::{
    sql,
    tasks::{cargo, execute, root},
    tools,
};

/// The contract's linter, from the npm registry by name and version.
const BUF: &str = "@bufbuild/buf@1.75.0";

/// Every check a change must pass, the quick ones first.
pub(crate) fn run() -> Result<()> {
    step("format", || {
        execute(&mut cargo(&["fmt", "--all", "--check"]))
    })?;
    step("contract", contract)?;
    step("clippy", || {
        // The second: a target that runs by name only is none of all.
        for targets in [&["--all-targets"][..], &["--test", "system"]] {
            let mut clippy = cargo(&["clippy", "--workspace"]);
            execute(clippy.args(targets).args(["--", "-D", "warnings"]))?;
        }
        Ok(())
    })?;
    step("documentation", || {
        execute(
            cargo(&["doc", "--workspace", "--no-deps", "--quiet"])
                .env("RUSTDOCFLAGS", "-D warnings"),
        )
    })?;
    step("SQL metadata", sql::check)?;
    // The README's commands, as a reader types them.
    step("test", || execute(&mut cargo(&["xtask", "test"])))?;
    step("tests of the system", || {
        execute(&mut cargo(&["xtask", "test", "--system"]))
    })?;
    step("deployment", || {
        execute(&mut cargo(&["xtask", "deploy-check"]))
    })?;
    step("update", || execute(&mut cargo(&["xtask", "update-check"])))?;
    step("demo", || {
        execute(&mut cargo(&["xtask", "up", "--demo-once"]))
    })
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("── {name}");
    let begun = Instant::now();
    work().map_err(|error| format!("{name}: {error}"))?;
    println!("── {name}: good, {} s", begun.elapsed().as_secs());
    Ok(())
}

/// Lints the contract and its format; installs the linter below `target/`.
fn contract() -> Result<()> {
    let buf = tools::node(BUF, "buf")?;
    let proto = root().join("proto");
    execute(Command::new(&buf).arg("lint").current_dir(&proto))?;
    execute(
        Command::new(&buf)
            .args(["format", "--diff", "--exit-code"])
            .current_dir(&proto),
    )
}
