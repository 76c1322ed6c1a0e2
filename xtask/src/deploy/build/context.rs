//! What goes to a build: the checkout's files but those that `.dockerignore` leaves out.

use std::{fs, path::Path, process::Command};

use e2e::Result;

use crate::{deploy::tool, tasks::root};

/// Copies the context into `place`; how many files it has.
pub(super) fn copy(place: &Path) -> Result<usize> {
    let rules = fs::read_to_string(root().join(".dockerignore"))?;
    let listed = tool(
        Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(root()),
    )?;
    let mut copied = 0;
    for file in listed.split('\0') {
        let from = root().join(file);
        // One that was deleted is still listed until that is committed.
        if file.is_empty() || is_left_out(&rules, file) || !from.is_file() {
            continue;
        }
        let to = place.join(file);
        fs::create_dir_all(to.parent().ok_or("a file in no folder")?)?;
        fs::copy(&from, &to)?;
        copied += 1;
    }
    Ok(copied)
}

/// The last rule that is about a file, or a folder it is in, decides.
fn is_left_out(rules: &str, file: &str) -> bool {
    let path: Vec<_> = file.split('/').collect();
    let rules = rules.lines().map(str::trim);
    let rules = rules.filter(|line| !line.is_empty() && !line.starts_with('#'));
    rules.fold(false, |left_out, rule| {
        let (pattern, leaves_out) = match rule.strip_prefix('!') {
            Some(pattern) => (pattern, false),
            None => (rule, true),
        };
        let pattern: Vec<_> = pattern.trim_matches('/').split('/').collect();
        let is_about = (1..=path.len()).any(|depth| fits(&pattern, &path[..depth]));
        if is_about { leaves_out } else { left_out }
    })
}

/// `**` stands for any number of folders.
fn fits(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => (0..=path.len()).any(|skipped| fits(rest, &path[skipped..])),
        ([first, pattern @ ..], [name, path @ ..]) => fits_name(first, name) && fits(pattern, path),
        ([], _) | (_, []) => false,
    }
}

/// `*` stands for any text within a name.
fn fits_name(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            let ends = (0..=rest.len()).filter(|end| rest.is_char_boundary(*end));
            ends.into_iter().any(|end| fits_name(after, &rest[end..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "# comment\n*\n!src\n!deploy/one.sh\n**/.env*\n**/target\n";

    #[test]
    fn the_last_rule_about_a_file_or_its_folder_decides() {
        for (file, left_out) in [
            ("README.md", true),
            ("src/main.rs", false),
            ("src/a/b.rs", false),
            ("deploy/one.sh", false),
            ("deploy/two.sh", true),
            ("src/a/.env.local", true),
            ("src/target/debug/x", true),
            ("src/targets.rs", false),
            (".env", true),
        ] {
            assert_eq!(is_left_out(RULES, file), left_out, "{file}");
        }
    }
}
