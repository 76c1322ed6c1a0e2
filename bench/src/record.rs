//! The statements that lesson-svc runs for one call, as PostgreSQL's log tells them.
//!
//! They are recorded, not copied from the source: what is replayed is what the service
//! of this build sends, statement by statement, in its transactions.

use std::{collections::HashMap, fs, mem, time::Duration};

use e2e::{Result, system::eventually};
use sqlx::{PgConnection, raw_sql};

use crate::server::Server;

/// How long the log may take to say what was done.
const PATIENCE: Duration = Duration::from_secs(10);
/// lesson-svc's role.
const ROLE: &str = "olm_lesson";

/// A statement and what it was run with; `None` is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) text: String,
    pub(crate) parameters: Vec<Option<String>>,
}

/// Statements that succeed or fail together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Between BEGIN and COMMIT; else one statement by itself.
    pub(crate) transaction: bool,
    pub(crate) statements: Vec<Statement>,
}

/// What one call runs.
pub(crate) type Recording = Vec<Unit>;

/// Runs `call` and returns what lesson-svc ran that names one of `marks`, ids that
/// nothing else is about. Nothing may be going on meanwhile.
pub(crate) async fn record(
    server: &Server,
    marks: &[String],
    call: impl AsyncFnOnce() -> Result<()>,
) -> Result<Recording> {
    let log = server.database_log();
    let mut admin = server.admin().await?;
    set_logging(
        &mut admin,
        "SET log_statement = 'all'",
        "SET log_line_prefix = '%p %u '",
    )
    .await?;
    // Every session has read its settings anew once the next one shows them and is idle.
    eventually("PostgreSQL logs statements", PATIENCE, async || {
        let shown: std::result::Result<String, _> = sqlx::query_scalar("SHOW log_statement")
            .fetch_one(&mut admin)
            .await;
        shown.is_ok_and(|shown| shown == "all")
    })
    .await?;
    let before = fs::read_to_string(&log)?.len();
    call().await?;
    let mut recording = Recording::new();
    let read = eventually("the call is in PostgreSQL's log", PATIENCE, async || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        recording = units(text.get(before..).unwrap_or_default());
        recording.retain(|unit| marks.iter().any(|mark| unit.names(mark)));
        !recording.is_empty()
    })
    .await;
    set_logging(&mut admin, "RESET log_statement", "RESET log_line_prefix").await?;
    read?;
    Ok(recording)
}

async fn set_logging(
    admin: &mut PgConnection,
    statements: &'static str,
    prefix: &'static str,
) -> Result<()> {
    for change in [statements, prefix] {
        let change = format!("ALTER SYSTEM {change}");
        raw_sql(sqlx::AssertSqlSafe(change))
            .execute(&mut *admin)
            .await?;
    }
    raw_sql("SELECT pg_reload_conf()").execute(admin).await?;
    Ok(())
}

impl Unit {
    fn names(&self, mark: &str) -> bool {
        let parameters = self
            .statements
            .iter()
            .flat_map(|statement| &statement.parameters);
        parameters.flatten().any(|value| value.contains(mark))
    }
}

/// The committed transactions and lone statements of lesson-svc in a log whose lines
/// begin with process id and role.
fn units(log: &str) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut sessions: HashMap<&str, Session> = HashMap::new();
    for entry in entries(log).iter().filter(|entry| entry.role == ROLE) {
        let session = sessions.entry(entry.process).or_default();
        if entry.level == "DETAIL" {
            session.add_parameters(&entry.text);
        } else {
            units.extend(session.add(&entry.text));
        }
    }
    // A session's last statement may have been no transaction's.
    units.extend(sessions.into_values().filter_map(Session::end));
    units
}

/// What one session is about.
#[derive(Default)]
struct Session {
    in_transaction: bool,
    statements: Vec<Statement>,
}

impl Session {
    /// Adds a message; returns what it shows to be done.
    fn add(&mut self, message: &str) -> Option<Unit> {
        let (kind, text) = message.split_once(": ")?;
        let is_execution = kind.starts_with("execute ");
        if !is_execution && kind != "statement" {
            return None;
        }
        let done = match text.trim() {
            "COMMIT" => self.take(),
            "ROLLBACK" => {
                self.statements.clear();
                None
            }
            _ if self.in_transaction => None,
            // What came before was a statement by itself.
            _ => self.take(),
        };
        match text.trim() {
            "BEGIN" => self.in_transaction = true,
            "COMMIT" | "ROLLBACK" => self.in_transaction = false,
            _ if is_execution => self.statements.push(Statement {
                text: text.to_owned(),
                parameters: Vec::new(),
            }),
            _ => {}
        }
        done
    }

    /// Adds the parameters of the last statement.
    fn add_parameters(&mut self, detail: &str) {
        if let Some(statement) = self.statements.last_mut() {
            statement.parameters = parameters(detail);
        }
    }

    fn end(mut self) -> Option<Unit> {
        if self.in_transaction {
            None
        } else {
            self.take()
        }
    }

    fn take(&mut self) -> Option<Unit> {
        let unit = Unit {
            transaction: self.in_transaction,
            statements: mem::take(&mut self.statements),
        };
        (!unit.statements.is_empty()).then_some(unit)
    }
}

/// One message of PostgreSQL's log.
struct Entry<'a> {
    process: &'a str,
    role: &'a str,
    level: &'a str,
    text: String,
}

fn entries(log: &str) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for line in log.lines() {
        // A message's further lines begin with a tab.
        if let Some(further) = line.strip_prefix('\t') {
            if let Some(last) = entries.last_mut() {
                last.text.push('\n');
                last.text.push_str(further);
            }
            continue;
        }
        let mut words = line.splitn(3, ' ');
        let (Some(process), Some(role), Some(rest)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        if let Some((level, text)) = rest.split_once(":  ") {
            entries.push(Entry {
                process,
                role,
                level,
                text: text.to_owned(),
            });
        }
    }
    entries
}

/// Of "parameters: $1 = 'it''s', $2 = NULL"; newer servers write a capital.
fn parameters(detail: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = detail;
    while let Some((_, value)) = rest.split_once(&format!("${} = ", values.len() + 1)) {
        if let Some(after) = value.strip_prefix("NULL") {
            values.push(None);
            rest = after;
            continue;
        }
        let mut text = String::new();
        let mut characters = value.char_indices().skip(1).peekable();
        let mut end = value.len();
        while let Some((index, character)) = characters.next() {
            if character == '\'' && characters.next_if(|(_, next)| *next == '\'').is_none() {
                end = index + 1;
                break;
            }
            text.push(character);
        }
        values.push(Some(text));
        rest = &value[end..];
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
11 olm_lesson LOG:  statement: BEGIN
12 olm_notify LOG:  execute sqlx_s_1: SELECT 1 WHERE id = $1
12 olm_notify DETAIL:  parameters: $1 = 'me'
11 olm_lesson LOG:  execute sqlx_s_1: SELECT name
\t FROM users WHERE id = $1
11 olm_lesson DETAIL:  parameters: $1 = 'me'
13 olm_lesson LOG:  execute sqlx_s_9: SELECT 2 WHERE id = $1 OR $2
13 olm_lesson DETAIL:  Parameters: $1 = 'it''s $2 = me', $2 = NULL
11 olm_lesson LOG:  execute <unnamed>: DELETE FROM marks
11 olm_lesson LOG:  statement: COMMIT
14 olm_lesson LOG:  statement: BEGIN
14 olm_lesson LOG:  execute sqlx_s_1: SELECT given_up
14 olm_lesson LOG:  statement: ROLLBACK
";

    #[test]
    fn a_log_tells_what_each_session_committed() {
        let statement = |text: &str, parameters: &[Option<&str>]| Statement {
            text: text.to_owned(),
            parameters: parameters
                .iter()
                .map(|value| value.map(str::to_owned))
                .collect(),
        };
        let alone = Unit {
            transaction: false,
            statements: vec![statement(
                "SELECT 2 WHERE id = $1 OR $2",
                &[Some("it's $2 = me"), None],
            )],
        };
        let together = Unit {
            transaction: true,
            statements: vec![
                statement("SELECT name\n FROM users WHERE id = $1", &[Some("me")]),
                statement("DELETE FROM marks", &[]),
            ],
        };
        assert_eq!(units(LOG), [together, alone]);
    }

    #[test]
    fn a_transaction_is_about_whom_any_of_its_statements_names() {
        let names: Vec<_> = units(LOG).iter().map(|unit| unit.names("'me")).collect();
        assert_eq!(names, [false, false]);
        let names: Vec<_> = units(LOG).iter().map(|unit| unit.names("me")).collect();
        assert_eq!(names, [true, true]);
    }
}
