//! What of a Dockerfile decides what is built.

use e2e::Result;

/// A `FROM` and what follows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) name: String,
    /// An image, or a stage before this one.
    pub(super) base: String,
    pub(super) steps: Vec<Step>,
}

/// An instruction that changes what is in the stage, or what is run there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Workdir(String),
    Env(Vec<(String, String)>),
    Copy {
        /// A stage; by default the context.
        from: Option<String>,
        what: String,
        to: String,
    },
    /// For `sh -c`.
    Run(String),
    /// What a container of the stage runs.
    Entrypoint(String),
}

/// What is only told to those who run the image.
const TOLD: [&str; 8] = [
    "ARG",
    "CMD",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
];

/// The stages in their order. What we do not use is an error, so that nothing is passed over.
pub(super) fn stages(text: &str) -> Result<Vec<Stage>> {
    let mut stages: Vec<Stage> = Vec::new();
    for line in instructions(text) {
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        if word == "FROM" {
            let words: Vec<_> = rest.split_whitespace().collect();
            let [base, "AS", name] = words[..] else {
                return Err(format!("a stage without a name: {line}").into());
            };
            stages.push(Stage {
                name: name.to_owned(),
                base: base.to_owned(),
                steps: Vec::new(),
            });
        } else if let Some(step) = step(word, rest)? {
            let stage = stages.last_mut();
            let stage = stage.ok_or_else(|| format!("before the first stage: {line}"))?;
            stage.steps.push(step);
        }
    }
    Ok(stages)
}

/// Without comments, one instruction each.
fn instructions(text: &str) -> Vec<String> {
    let mut instructions = Vec::new();
    let mut begun = String::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (line, goes_on) = match line.strip_suffix('\\') {
            Some(line) => (line.trim_end(), true),
            None => (line, false),
        };
        if !begun.is_empty() {
            begun.push(' ');
        }
        begun.push_str(line);
        if !goes_on {
            instructions.push(std::mem::take(&mut begun));
        }
    }
    instructions
}

fn step(word: &str, rest: &str) -> Result<Option<Step>> {
    let step = match word {
        "WORKDIR" => Step::Workdir(rest.to_owned()),
        "ENV" => Step::Env(rest.split_whitespace().map(pair).collect::<Result<_>>()?),
        "COPY" => copy(rest)?,
        "RUN" => Step::Run(without_mounts(rest).to_owned()),
        "ENTRYPOINT" => Step::Entrypoint(only_word(rest)?.to_owned()),
        _ if TOLD.contains(&word) => return Ok(None),
        _ => return Err(format!("an instruction that is not known here: {word} {rest}").into()),
    };
    Ok(Some(step))
}

fn pair(word: &str) -> Result<(String, String)> {
    let (name, value) = word.split_once('=').ok_or("ENV without =")?;
    if value.contains(['"', '\'', '$']) {
        return Err(format!("a quoted value: {word}").into());
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn copy(rest: &str) -> Result<Step> {
    let (flags, words): (Vec<_>, Vec<_>) = rest
        .split_whitespace()
        .partition(|word| word.starts_with("--"));
    let from = flags.iter().find_map(|flag| flag.strip_prefix("--from="));
    let [what, to] = words[..] else {
        return Err(format!("not one source and one place: COPY {rest}").into());
    };
    Ok(Step::Copy {
        from: from.map(str::to_owned),
        what: what.to_owned(),
        to: to.to_owned(),
    })
}

/// Caches are cargo's own here.
fn without_mounts(mut command: &str) -> &str {
    while command.starts_with("--mount=") {
        command = command
            .split_once(' ')
            .map_or("", |(_, rest)| rest.trim_start());
    }
    command
}

/// Of `["/usr/local/bin/program"]`.
fn only_word(rest: &str) -> Result<&str> {
    let word = rest
        .strip_prefix("[\"")
        .and_then(|it| it.strip_suffix("\"]"));
    let word = word.filter(|word| !word.contains('"'));
    Ok(word.ok_or_else(|| format!("not one word in exec form: ENTRYPOINT {rest}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_have_what_changes_them() {
        let text = "# syntax\nARG V=1\nFROM rust:${V} AS build\nENV A=1 \\\n    B=2\n# why\n\
                    RUN --mount=type=cache,target=/x one \\\n    && two\n\
                    FROM base AS last\nCOPY --from=build --chown=1:1 /a /b\n\
                    LABEL x=\"y\"\nENTRYPOINT [\"/b\"]\n";
        let pairs = [("A", "1"), ("B", "2")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let copied = Step::Copy {
            from: Some("build".to_owned()),
            what: "/a".to_owned(),
            to: "/b".to_owned(),
        };
        let wanted = [
            Stage {
                name: "build".to_owned(),
                base: "rust:${V}".to_owned(),
                steps: vec![
                    Step::Env(pairs.to_vec()),
                    Step::Run("one && two".to_owned()),
                ],
            },
            Stage {
                name: "last".to_owned(),
                base: "base".to_owned(),
                steps: vec![copied, Step::Entrypoint("/b".to_owned())],
            },
        ];
        assert_eq!(stages(text).unwrap(), wanted);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for text in [
            "FROM a AS b\nADD x y",
            "FROM a",
            "COPY a b",
            "FROM a AS b\nCOPY a b c",
            "FROM a AS b\nENV A=\"b c\"",
            "FROM a AS b\nENTRYPOINT serve",
        ] {
            assert!(stages(text).is_err(), "{text}");
        }
    }
}
