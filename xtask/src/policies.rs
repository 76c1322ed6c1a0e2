//! The contract's policies; `cargo xtask policies`: the table of who may call what, in the
//! security model.

use std::{fs, path::PathBuf};

use e2e::Result;
use olm_proto::{
    DESCRIPTORS,
    common::v1::{ActingUser, Caller},
};

use crate::tasks::root;

/// Who may call something, as columns; an operator comes last.
const CALLERS: [(Caller, &str); 4] = [
    (Caller::BotGateway, "bot-gateway"),
    (Caller::GatewayRest, "gateway-rest"),
    (Caller::LessonSvc, "lesson-svc"),
    (Caller::Operator, "operator"),
];
const BEGIN: &str = "<!-- Written by `cargo xtask policies`; do not edit. -->\n";
const END: &str = "<!-- The end of what is written. -->\n";

/// Writes the table anew.
pub(crate) fn write() -> Result<()> {
    let path = document();
    let text = fs::read_to_string(&path)?;
    let (before, written, after) = parts(&text)?;
    let table = table()?;
    if written == table {
        println!("as it is: {}", path.display());
        return Ok(());
    }
    fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}"))?;
    println!("written: {}", path.display());
    Ok(())
}

fn document() -> PathBuf {
    root().join("docs/operations/security-model.md")
}

/// What stands before the table, the table, and what comes after it.
fn parts(text: &str) -> Result<(&str, &str, &str)> {
    let (before, rest) = text.split_once(BEGIN).ok_or("no place for the table")?;
    let (written, after) = rest.split_once(END).ok_or("the table has no end")?;
    Ok((before, written, after))
}

/// A method and its policy.
pub(crate) struct Rule {
    /// The package of its service, such as `olm.lesson.v1`.
    pub(crate) package: String,
    /// Its service's full name.
    pub(crate) service: String,
    pub(crate) method: String,
    /// Numbers of [`Caller`].
    callers: Vec<i32>,
    acting: ActingUser,
}

impl Rule {
    /// Whether this caller's key opens it.
    pub(crate) fn admits(&self, caller: Caller) -> bool {
        self.callers.contains(&caller.into())
    }
}

/// Every method, in the contract's order.
pub(crate) fn rules() -> Result<Vec<Rule>> {
    let policy = DESCRIPTORS
        .get_extension_by_name("olm.common.v1.policy")
        .ok_or("the contract has no policies")?;
    let mut rules = Vec::new();
    for service in DESCRIPTORS.services() {
        for method in service.methods() {
            let options = method.options();
            let value = options.get_extension(&policy);
            let field = |name: &str| {
                let value = value.as_message()?.get_field_by_name(name)?;
                Some(value.into_owned())
            };
            let (Some(callers), Some(acting)) = (field("callers"), field("acting_user")) else {
                return Err(format!("{} has no policy", method.full_name()).into());
            };
            let callers = callers.as_list().unwrap_or_default();
            let acting = acting.as_enum_number().unwrap_or_default();
            rules.push(Rule {
                package: service.package_name().to_owned(),
                service: service.full_name().to_owned(),
                method: method.name().to_owned(),
                callers: callers
                    .iter()
                    .map(|caller| caller.as_enum_number().unwrap_or_default())
                    .collect(),
                acting: acting.try_into()?,
            });
        }
    }
    Ok(rules)
}

/// A row for each method, in the contract's order.
fn table() -> Result<String> {
    let mut lines = vec![
        row("method", CALLERS.map(|(_, name)| name), "for a person"),
        row("---", [":-:"; CALLERS.len()], "---"),
    ];
    let mut service = String::new();
    for rule in rules()? {
        if rule.service != service {
            let name = format!("**{}**", rule.service);
            lines.push(row(&name, [""; CALLERS.len()], ""));
            service.clone_from(&rule.service);
        }
        let known = CALLERS.iter().filter(|(caller, _)| rule.admits(*caller));
        if known.count() != rule.callers.len() {
            return Err(format!("{} has a caller without a column", rule.method).into());
        }
        let marks = CALLERS.map(|(caller, _)| if rule.admits(caller) { "●" } else { "" });
        lines.push(row(&rule.method, marks, described(rule.acting)?));
    }
    Ok(lines.concat())
}

fn row(method: &str, callers: [&str; CALLERS.len()], acting: &str) -> String {
    format!("| {method} | {} | {acting} |\n", callers.join(" | "))
}

fn described(acting: ActingUser) -> Result<&'static str> {
    match acting {
        ActingUser::None => Ok("never"),
        ActingUser::Optional => Ok("or not"),
        ActingUser::Required => Ok("always"),
        ActingUser::Unspecified => Err("a policy does not say for whom".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_security_models_table_is_what_the_policies_say() {
        let text = fs::read_to_string(document()).unwrap();
        let (_, written, _) = parts(&text).unwrap();
        assert_eq!(written, table().unwrap(), "run `cargo xtask policies`");
    }

    /// The method of each call by `deploy/operator.sh` in a text, and whether it names a person.
    fn operators_calls(text: &str) -> Vec<(String, bool)> {
        let calls = text.split("deploy/operator.sh ").skip(1);
        let calls = calls.map(|call| {
            let (call, names) = match call.strip_prefix("--as ") {
                // `$USER_ID`, or `<user id>`.
                Some(call) if call.starts_with('<') => (call.split_once("> "), true),
                Some(call) => (call.split_once(' '), true),
                None => (Some(("", call)), false),
            };
            let name = call.map_or("", |(_, call)| call);
            let end = name.find(|letter: char| !letter.is_ascii_alphanumeric());
            (name[..end.unwrap_or(name.len())].to_owned(), names)
        });
        calls.collect()
    }

    fn texts(folder: &std::path::Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                texts(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }

    #[test]
    fn what_documents_have_the_operator_call_the_operator_may_call() {
        let mut documents = vec![root().join("README.md")];
        texts(&root().join("docs"), &mut documents);
        let rules = rules().unwrap();
        let mut called = 0;
        for path in documents {
            for (method, names) in operators_calls(&fs::read_to_string(&path).unwrap()) {
                let rule = rules.iter().find(|rule| rule.method == method);
                let place = format!("{}: {method}", path.display());
                let rule = rule.unwrap_or_else(|| panic!("{place} is no method"));
                assert!(
                    rule.admits(Caller::Operator),
                    "{place} is not the operator's"
                );
                match rule.acting {
                    ActingUser::Required => assert!(names, "{place} needs a person"),
                    ActingUser::None => assert!(!names, "{place} is for no person"),
                    ActingUser::Optional | ActingUser::Unspecified => {}
                }
                called += 1;
            }
        }
        assert!(called > 10, "{called}");
    }

    #[test]
    fn what_only_operators_may_is_nobody_elses() {
        let table = table().unwrap();
        assert!(table.contains("| SetSending |  |  |  | ● | never |\n"));
        assert!(
            table.contains("| SyncLesson |  |  | ● |  | never |\n"),
            "{table}"
        );
    }
}
