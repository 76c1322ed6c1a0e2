//! `cargo xtask update-check`: the release before this one runs on this one's schema, beside
//! this one, and again after it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use clap::Args;
use e2e::{
    Result,
    chaos::deploy::{self, Style},
};

use crate::{
    chaos,
    tasks::{binaries, build, cargo, execute, line_of, root},
};

/// The programs of a release.
const PROGRAMS: [&str; 4] = ["lesson-svc", "notify-svc", "gateway-rest", "bot-gateway"];
/// How long old and new run together at each step.
const SOAK: Duration = Duration::from_secs(4);

/// From where.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// A tag or commit; by default the newest tag, or, where there is none, the newest commit
    /// before the last migration
    #[arg(long)]
    from: Option<String>,
    /// Decides the load
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Builds the earlier release, updates it to this one under load, and
/// goes back.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let Some(from) = earlier(plan.from.as_deref())? else {
        println!(
            "there is nothing to update from: no tag, and no commit with fewer migrations in this \
             clone (a shallow one has none: `git fetch --unshallow`); name one with --from"
        );
        return Ok(());
    };
    let commit = git(&["rev-parse", "--verify", &format!("{from}^{{commit}}")])?;
    let (then, now) = (migrations(&commit)?, migrations("HEAD")?);
    let edited = edited(&then, &now);
    if !edited.is_empty() {
        return Err(format!(
            "migrations of {from} were edited or removed since, so that its database cannot be \
             updated:\n{}",
            edited.join("\n")
        )
        .into());
    }
    let added: Vec<_> = now
        .keys()
        .filter(|name| !then.contains_key(*name))
        .collect();
    println!("from {from}: {} migrations later", added.len());
    for name in &added {
        println!("  {name}");
    }
    let before = build_earlier(&commit)?;
    build()?;
    let after = binaries()?;
    let again = format!("update-check --from {from} --seed {}", plan.seed);
    chaos::update(&again, |directory| deploy::Plan {
        seed: plan.seed,
        rounds: 1,
        style: Style::Rolling,
        before,
        after,
        soak: SOAK,
        and_back: true,
        passwords: false,
        directory,
    })
}

/// What to update from, if there is anything.
fn earlier(named: Option<&str>) -> Result<Option<String>> {
    if let Some(named) = named {
        return Ok(Some(named.to_owned()));
    }
    let tags = git(&["tag", "--merged", "HEAD", "--sort=-creatordate"])?;
    let head = git(&["rev-parse", "HEAD"])?;
    for tag in tags.lines() {
        // The release that is being made is not the one before it.
        if git(&["rev-parse", "--verify", &format!("{tag}^{{commit}}")])? != head {
            return Ok(Some(tag.to_owned()));
        }
    }
    let now = migrations("HEAD")?;
    let commits = git(&["rev-list", "--first-parent", "HEAD"])?;
    for commit in commits.lines() {
        let then = migrations(commit)?;
        if !then.is_empty() && then.len() < now.len() && edited(&then, &now).is_empty() {
            return Ok(Some(git(&["rev-parse", "--short", commit])?));
        }
    }
    Ok(None)
}

/// The migrations that go up, with their contents' ids.
fn migrations(commit: &str) -> Result<BTreeMap<String, String>> {
    let tree = git(&[
        "ls-tree",
        "-r",
        commit,
        "migrations/lesson",
        "migrations/notify",
    ])?;
    let entry = |line: &str| {
        let (object, name) = line.split_once('\t')?;
        let id = object.split_whitespace().nth(2)?;
        let is_up = name.ends_with(".up.sql");
        is_up.then(|| (name.to_owned(), id.to_owned()))
    };
    Ok(tree.lines().filter_map(entry).collect())
}

/// Those of `then` that are others `now`: a database that has them takes no more.
fn edited(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let kept = |name: &String, id: &String| now.get(name) == Some(id);
    let others = then.iter().filter(|(name, id)| !kept(name, id));
    others.map(|(name, _)| format!("  {name}")).collect()
}

/// The programs of `commit`, built in folders of their own: in ours cargo would take the one
/// checkout's crates for the other's.
fn build_earlier(commit: &str) -> Result<PathBuf> {
    let place = root().join("target/previous");
    let (source, target) = (place.join("source"), place.join("target"));
    fs::create_dir_all(&place)?;
    if source.exists() {
        // What was stopped halfway is made whole.
        git_in(
            &source,
            &["checkout", "--quiet", "--force", "--detach", commit],
        )?;
    } else {
        let source = source.to_string_lossy();
        git(&["worktree", "prune"])?;
        git(&["worktree", "add", "--quiet", "--detach", &source, commit])?;
    }
    let mut build = cargo(&["build", "--locked", "--bins"]);
    build
        .args(PROGRAMS.iter().flat_map(|program| ["-p", program]))
        .current_dir(&source)
        .env("CARGO_TARGET_DIR", &target)
        .env("SQLX_OFFLINE", "true");
    execute(&mut build)?;
    Ok(target.join("debug"))
}

fn git(arguments: &[&str]) -> Result<String> {
    git_in(root(), arguments)
}

fn git_in(folder: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder);
    let line = line_of(&command);
    let output = command
        .output()
        .map_err(|error| format!("{line}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    } else {
        Err(format!(
            "{line} failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = entries
            .iter()
            .map(|&(name, id)| (name.to_owned(), id.to_owned()));
        owned.collect()
    }

    #[test]
    fn a_migration_that_was_edited_or_removed_is_named_and_a_new_one_is_not() {
        let then = set(&[("1.up.sql", "a"), ("2.up.sql", "b"), ("3.up.sql", "c")]);
        let now = set(&[("1.up.sql", "a"), ("2.up.sql", "x"), ("4.up.sql", "d")]);
        assert_eq!(edited(&then, &now), ["  2.up.sql", "  3.up.sql"]);
        assert!(edited(&then, &then).is_empty());
    }
}
