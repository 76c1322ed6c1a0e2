//! `cargo xtask test`.

use e2e::Result;

use crate::tasks::{cargo, execute, execute_mortal, with_cluster};

/// Builds the programs, starts a private database, runs every test.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    // The whole-system tests start the programs themselves.
    execute(&mut cargo(&["build", "--workspace", "--bins"]))?;
    let everything = !arguments
        .iter()
        .any(|argument| argument == "-p" || argument.starts_with("--package"));
    with_cluster(async |cluster| {
        let mut test = cargo(&["test", "--no-fail-fast"]);
        if everything {
            test.arg("--workspace");
        }
        test.args(arguments)
            .env("DATABASE_URL", cluster.database("olm_test").await?);
        execute_mortal(test).await
    })
}
