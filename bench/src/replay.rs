//! Recorded statements as they would be for another teacher, student and time, over a
//! pool such as lesson-svc has.

use std::str::FromStr;

use e2e::Result;
use jiff::{SignedDuration, Timestamp, civil::Date};
use jiff_sqlx::ToSqlx as _;
use service_kit::clock::{Clock as _, SystemClock, new_id};
use sqlx::{
    AssertSqlSafe, Connection as _, Either, Encode, Executor as _, PgConnection, PgPool, Postgres,
    SqlSafeStr as _, SqlStr, Statement as _, Type, TypeInfo as _,
    postgres::{PgArguments, PgHasArrayType},
    query::Query,
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

type Bound<'q> = Query<'q, Postgres, PgArguments>;

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

/// A parameter.
#[derive(Debug)]
struct Value {
    kind: Kind,
    parts: Parts,
}

/// Of which type.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Id,
    Instant,
    Date,
    Text,
    Bytes,
    Flag,
    Small,
    Int,
    Big,
    Float,
}

/// One value or an array of them; `None` is NULL.
#[derive(Debug)]
enum Parts {
    One(Option<Part>),
    Many(Option<Vec<Option<Part>>>),
}

/// What it was, or whose it is.
#[derive(Debug)]
enum Part {
    Same(String),
    Id(Whose),
    Instant(When),
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
        let (element, is_array) = match kind.strip_suffix("[]") {
            Some(element) => (element, true),
            None => (kind, false),
        };
        let kind = match element {
            "UUID" => Kind::Id,
            "TIMESTAMPTZ" => Kind::Instant,
            "DATE" => Kind::Date,
            "TEXT" | "VARCHAR" => Kind::Text,
            "BYTEA" => Kind::Bytes,
            "BOOL" => Kind::Flag,
            "INT2" => Kind::Small,
            "INT4" => Kind::Int,
            "INT8" => Kind::Big,
            "FLOAT8" => Kind::Float,
            other => return Err(format!("no parameter of type {other} can be replayed yet").into()),
        };
        let mut part = |text: String| {
            Result::Ok(match kind {
                Kind::Id => Part::Id(whose(&text, recorded, made)?),
                Kind::Instant => Part::Instant(when(&text, recorded)?),
                Kind::Date
                | Kind::Text
                | Kind::Bytes
                | Kind::Flag
                | Kind::Small
                | Kind::Int
                | Kind::Big
                | Kind::Float => Part::Same(text),
            })
        };
        let parts = if is_array {
            let all = text.map(elements).into_iter().flatten();
            let all = all.map(|text| text.map(&mut part).transpose());
            Parts::Many(text.map(|_| all.collect::<Result<_>>()).transpose()?)
        } else {
            Parts::One(text.map(str::to_owned).map(part).transpose()?)
        };
        Ok(Self { kind, parts })
    }

    fn bind<'q>(&self, query: Bound<'q>, subject: &Subject, made: &[Uuid]) -> Result<Bound<'q>> {
        let parts = &self.parts;
        match self.kind {
            Kind::Id => parts.bind(query, |part| part.id(subject, made)),
            Kind::Instant => parts.bind(query, |part| Ok(part.instant(subject)?.to_sqlx())),
            Kind::Date => parts.bind(query, |part| Ok(part.same::<Date>()?.to_sqlx())),
            Kind::Text => parts.bind(query, Part::same::<String>),
            Kind::Bytes => parts.bind(query, |part| bytes(&part.same::<String>()?)),
            Kind::Flag => parts.bind(query, |part| Ok(part.same::<String>()? == "t")),
            Kind::Small => parts.bind(query, Part::same::<i16>),
            Kind::Int => parts.bind(query, Part::same::<i32>),
            Kind::Big => parts.bind(query, Part::same::<i64>),
            Kind::Float => parts.bind(query, Part::same::<f64>),
        }
    }
}

impl Parts {
    fn bind<'q, T>(&self, query: Bound<'q>, value: impl Fn(&Part) -> Result<T>) -> Result<Bound<'q>>
    where
        T: Encode<'q, Postgres> + Type<Postgres> + PgHasArrayType + Send + 'q,
    {
        let optional = |part: &Option<Part>| part.as_ref().map(&value).transpose();
        Ok(match self {
            Self::One(part) => query.bind(optional(part)?),
            Self::Many(None) => query.bind(None::<Vec<T>>),
            Self::Many(Some(parts)) => {
                query.bind(parts.iter().map(optional).collect::<Result<Vec<_>>>()?)
            }
        })
    }
}

impl Part {
    fn same<T>(&self) -> Result<T>
    where
        T: FromStr,
        e2e::Error: From<T::Err>,
    {
        match self {
            Self::Same(text) => Ok(text.parse()?),
            Self::Id(_) | Self::Instant(_) => Err("it is another one at each call".into()),
        }
    }

    fn id(&self, subject: &Subject, made: &[Uuid]) -> Result<Uuid> {
        match self {
            Self::Id(Whose::Teacher) => Ok(subject.pair.teacher),
            Self::Id(Whose::Student) => Ok(subject.pair.student),
            Self::Id(Whose::Made(place)) => Ok(*made.get(*place).ok_or("an id was not made")?),
            Self::Same(_) | Self::Instant(_) => Err("it is no id".into()),
        }
    }

    fn instant(&self, subject: &Subject) -> Result<Timestamp> {
        match self {
            Self::Instant(When::FromStart(span)) => Ok(subject.start.checked_add(*span)?),
            Self::Instant(When::FromNow(span)) => Ok(subject.now.checked_add(*span)?),
            Self::Instant(When::At(instant)) => Ok(*instant),
            Self::Same(_) | Self::Id(_) => Err("it is no instant".into()),
        }
    }
}

/// The elements of an array as PostgreSQL writes it: `{a,NULL,"b,\"c"}`.
fn elements(array: &str) -> Vec<Option<String>> {
    let inner = array.trim_start_matches('{').trim_end_matches('}');
    let mut elements = Vec::new();
    let mut characters = inner.chars().peekable();
    while characters.peek().is_some() {
        let mut text = String::new();
        let quoted = characters.next_if_eq(&'"').is_some();
        while let Some(character) = characters.next() {
            match character {
                '"' if quoted => {
                    // The comma behind it.
                    characters.next();
                    break;
                }
                ',' if !quoted => break,
                '\\' => text.extend(characters.next()),
                other => text.push(other),
            }
        }
        elements.push((quoted || text != "NULL").then_some(text));
    }
    elements
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
    fn arrays_are_read_as_postgresql_writes_them() {
        let of = |text: &str| elements(text);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("{}"), []);
        assert_eq!(of("{1,NULL,2}"), [some("1"), None, some("2")]);
        assert_eq!(
            of(r#"{"2026-01-01 00:00:00+00","a\"b\\,c","NULL",""}"#),
            [
                some("2026-01-01 00:00:00+00"),
                some(r#"a"b\,c"#),
                some("NULL"),
                some("")
            ]
        );
    }

    #[test]
    fn bytes_are_read_from_hexadecimal() {
        assert_eq!(bytes("\\x0aff").unwrap(), [0x0a, 0xff]);
        assert!(bytes("0aff").is_err());
    }
}
