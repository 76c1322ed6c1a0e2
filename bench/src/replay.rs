//! Recorded statements as they would be for another teacher, student and time, over a
//! pool such as lesson-svc has.

use e2e::Result;
use jiff::{SignedDuration, Timestamp, civil::Date};
use service_kit::clock::{Clock as _, SystemClock, new_id};
use sqlx::{
    AssertSqlSafe, Connection as _, Either, Executor as _, PgConnection, PgPool, Postgres,
    SqlSafeStr as _, SqlStr, Statement as _, TypeInfo as _, postgres::PgArguments, query::Query,
};
use uuid::Uuid;

use crate::{
    record::{Recording, Statement, Unit},
    school::Pair,
};

/// An instant this near to the recorded call's is about its present, one as near to the
/// lesson's about the lesson; lessons are further away.
const NEAR: SignedDuration = SignedDuration::from_hours(12);

/// What a call was, or is to be, about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) pair: Pair,
    /// The lesson's start, or the window's.
    pub(crate) start: Timestamp,
    /// When the call is made.
    pub(crate) now: Timestamp,
}

impl Subject {
    /// A call that is made now.
    pub(crate) fn now(pair: Pair, start: Timestamp) -> Self {
        Self {
            pair,
            start,
            now: SystemClock.now(),
        }
    }
}

/// A call's statements, ready to be run for any subject.
#[derive(Debug)]
pub(crate) struct Replay {
    pool: PgPool,
    steps: Vec<Step>,
    /// How many ids each call makes, and of which version.
    made: Vec<Made>,
}

#[derive(Debug)]
struct Step {
    transaction: bool,
    statements: Vec<(SqlStr, Vec<Value>)>,
}

/// An id that the recorded call made, and each call makes anew.
#[derive(Debug)]
struct Made {
    recorded: Uuid,
    sorts_by_time: bool,
}

/// A parameter: what it was, or whose it is.
#[derive(Debug, Clone)]
enum Value {
    Id(Option<Whose>),
    Ids(Vec<Whose>),
    Instant(Option<When>),
    Date(Option<Date>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Flag(Option<bool>),
    Small(Option<i16>),
    Int(Option<i32>),
    Big(Option<i64>),
    Float(Option<f64>),
}

#[derive(Debug, Clone, Copy)]
enum Whose {
    Teacher,
    Student,
    /// The id at this place of those the call makes.
    Made(usize),
}

#[derive(Debug, Clone, Copy)]
enum When {
    FromStart(SignedDuration),
    FromNow(SignedDuration),
    At(Timestamp),
}

impl Replay {
    /// Prepares what was recorded of a call about `recorded`.
    pub(crate) async fn new(
        pool: PgPool,
        recording: Recording,
        recorded: &Subject,
    ) -> Result<Self> {
        let mut conn = pool.acquire().await?;
        let mut made = Vec::new();
        let mut steps = Vec::new();
        for Unit {
            transaction,
            statements,
        } in recording
        {
            let mut prepared = Vec::new();
            for statement in statements {
                prepared.push(prepare(&mut conn, statement, recorded, &mut made).await?);
            }
            steps.push(Step {
                transaction,
                statements: prepared,
            });
        }
        drop(conn);
        Ok(Self { pool, steps, made })
    }

    /// Runs the statements for `subject`; returns how many rows they gave and changed.
    pub(crate) async fn run(&self, subject: &Subject) -> Result<usize> {
        let mut rows = 0;
        let made: Vec<_> = self.made.iter().map(Made::anew).collect();
        let mut conn = self.pool.acquire().await?;
        for step in &self.steps {
            if step.transaction {
                let mut transaction = conn.begin().await?;
                rows += step.run(&mut transaction, subject, &made).await?;
                transaction.commit().await?;
            } else {
                rows += step.run(&mut conn, subject, &made).await?;
            }
        }
        Ok(rows)
    }

    /// What is run, for people: a line for each statement.
    pub(crate) fn lines(&self) -> Vec<String> {
        let statements = self.steps.iter().flat_map(|step| &step.statements);
        let line = |(text, _): &(SqlStr, _)| {
            text.as_str()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        statements.map(line).collect()
    }
}

impl Step {
    async fn run(
        &self,
        conn: &mut PgConnection,
        subject: &Subject,
        made: &[Uuid],
    ) -> Result<usize> {
        let mut rows = 0;
        for (text, values) in &self.statements {
            let mut query = sqlx::query(text.clone());
            for value in values {
                query = value.bind(query, subject, made)?;
            }
            rows += query.fetch_all(&mut *conn).await?.len();
        }
        Ok(rows)
    }
}

impl Made {
    fn anew(&self) -> Uuid {
        if self.sorts_by_time {
            new_id(&SystemClock)
        } else {
            Uuid::new_v4()
        }
    }
}

async fn prepare(
    conn: &mut PgConnection,
    statement: Statement,
    recorded: &Subject,
    made: &mut Vec<Made>,
) -> Result<(SqlStr, Vec<Value>)> {
    let text = AssertSqlSafe(statement.text).into_sql_str();
    let prepared = conn.prepare(text.clone()).await?;
    let types = match prepared.parameters() {
        Some(Either::Left(types)) => types.to_vec(),
        Some(Either::Right(_)) | None => Vec::new(),
    };
    if types.len() != statement.parameters.len() {
        return Err(format!("not all parameters are in the log: {}", text.as_str()).into());
    }
    let mut values = Vec::new();
    for (kind, value) in types.iter().zip(&statement.parameters) {
        let value = Value::read(kind.name(), value.as_deref(), recorded, made)
            .map_err(|error| format!("{error}, in: {}", text.as_str()))?;
        values.push(value);
    }
    Ok((text, values))
}

impl Value {
    fn read(
        kind: &str,
        text: Option<&str>,
        recorded: &Subject,
        made: &mut Vec<Made>,
    ) -> Result<Self> {
        Ok(match kind {
            "UUID" => Self::Id(text.map(|text| whose(text, recorded, made)).transpose()?),
            "UUID[]" => {
                let list = text.unwrap_or_default().trim_matches(['{', '}']);
                let ids = list.split(',').filter(|id| !id.is_empty());
                Self::Ids(
                    ids.map(|id| whose(id, recorded, made))
                        .collect::<Result<_>>()?,
                )
            }
            "TIMESTAMPTZ" => Self::Instant(text.map(|text| when(text, recorded)).transpose()?),
            "DATE" => Self::Date(text.map(str::parse).transpose()?),
            "TEXT" | "VARCHAR" => Self::Text(text.map(str::to_owned)),
            "BYTEA" => Self::Bytes(text.map(bytes).transpose()?),
            "BOOL" => Self::Flag(text.map(|text| text == "t")),
            "INT2" => Self::Small(text.map(str::parse).transpose()?),
            "INT4" => Self::Int(text.map(str::parse).transpose()?),
            "INT8" => Self::Big(text.map(str::parse).transpose()?),
            "FLOAT8" => Self::Float(text.map(str::parse).transpose()?),
            other => return Err(format!("no parameter of type {other} can be replayed yet").into()),
        })
    }

    fn bind<'q>(
        &self,
        query: Query<'q, Postgres, PgArguments>,
        subject: &Subject,
        made: &[Uuid],
    ) -> Result<Query<'q, Postgres, PgArguments>> {
        let id = |whose: Whose| match whose {
            Whose::Teacher => Ok(subject.pair.teacher),
            Whose::Student => Ok(subject.pair.student),
            Whose::Made(place) => made.get(place).copied().ok_or("an id was not made"),
        };
        Ok(match self {
            Self::Id(whose) => query.bind(whose.map(id).transpose()?),
            Self::Ids(all) => query.bind(
                all.iter()
                    .copied()
                    .map(id)
                    .collect::<std::result::Result<Vec<_>, _>>()?,
            ),
            Self::Instant(when) => {
                let instant = when.map(|when| match when {
                    When::FromStart(span) => subject.start.checked_add(span),
                    When::FromNow(span) => subject.now.checked_add(span),
                    When::At(instant) => Ok(instant),
                });
                query.bind(instant.transpose()?.map(jiff_sqlx::ToSqlx::to_sqlx))
            }
            Self::Date(date) => query.bind(date.map(jiff_sqlx::ToSqlx::to_sqlx)),
            Self::Text(text) => query.bind(text.clone()),
            Self::Bytes(bytes) => query.bind(bytes.clone()),
            Self::Flag(flag) => query.bind(*flag),
            Self::Small(number) => query.bind(*number),
            Self::Int(number) => query.bind(*number),
            Self::Big(number) => query.bind(*number),
            Self::Float(number) => query.bind(*number),
        })
    }
}

/// Any id but the teacher's and the student's was made by the call.
fn whose(text: &str, recorded: &Subject, made: &mut Vec<Made>) -> Result<Whose> {
    let id: Uuid = text.parse()?;
    if id == recorded.pair.teacher {
        return Ok(Whose::Teacher);
    }
    if id == recorded.pair.student {
        return Ok(Whose::Student);
    }
    if let Some(place) = made.iter().position(|made| made.recorded == id) {
        return Ok(Whose::Made(place));
    }
    made.push(Made {
        recorded: id,
        sorts_by_time: id.get_version_num() == 7,
    });
    Ok(Whose::Made(made.len() - 1))
}

fn when(text: &str, recorded: &Subject) -> Result<When> {
    let instant: Timestamp = text.parse()?;
    let from_now = instant.duration_since(recorded.now);
    let from_start = instant.duration_since(recorded.start);
    Ok(if from_now.abs() <= NEAR {
        When::FromNow(from_now)
    } else if from_start.abs() <= SignedDuration::from_hours(8 * 24) {
        When::FromStart(from_start)
    } else {
        When::At(instant)
    })
}

/// Of "\x0aff".
fn bytes(text: &str) -> Result<Vec<u8>> {
    let digits = text
        .strip_prefix("\\x")
        .ok_or("bytes are not in hexadecimal")?;
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            pair: Pair {
                teacher: Uuid::from_u128(1),
                student: Uuid::from_u128(2),
            },
            start: "2026-03-10T09:00:00Z".parse().unwrap(),
            now: "2026-03-01T12:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn ids_that_a_call_made_are_made_anew_and_agree_among_its_statements() {
        let mut made = Vec::new();
        let lesson = "018f3c1a-7c5e-7d10-9a1b-2b6f0c4d5e6f";
        let first = whose(lesson, &subject(), &mut made).unwrap();
        let again = whose(lesson, &subject(), &mut made).unwrap();
        let key = whose(&Uuid::new_v4().to_string(), &subject(), &mut made).unwrap();
        assert!(matches!(
            (first, again, key),
            (Whose::Made(0), Whose::Made(0), Whose::Made(1))
        ));
        let versions: Vec<_> = made
            .iter()
            .map(|made| made.anew().get_version_num())
            .collect();
        assert_eq!(versions, [7, 4]);
        let teacher = Uuid::from_u128(1).to_string();
        assert!(matches!(
            whose(&teacher, &subject(), &mut made).unwrap(),
            Whose::Teacher
        ));
    }

    #[test]
    fn instants_move_with_the_lesson_or_with_the_present() {
        let hour = SignedDuration::from_hours(1);
        let of = |text: &str| when(text, &subject()).unwrap();
        assert!(matches!(of("2026-03-10 10:00:00+00"), When::FromStart(span) if span == hour));
        assert!(matches!(of("2026-03-01 11:00:00+00"), When::FromNow(span) if span == -hour));
        assert!(matches!(of("2036-03-01 11:00:00+00"), When::At(_)));
    }

    #[test]
    fn bytes_are_read_from_hexadecimal() {
        assert_eq!(bytes("\\x0aff").unwrap(), [0x0a, 0xff]);
        assert!(bytes("0aff").is_err());
    }
}
