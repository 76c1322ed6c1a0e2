//! How else a slot could be guarded: the same race over the smallest table that can
//! hold a lesson. Each try is one transaction; what differs is what stands between two
//! tries at the same time.

use std::{sync::Arc, time::Duration};

use e2e::Result;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::{AssertSqlSafe, PgPool, SqlSafeStr as _, SqlStr};
use tokio::{task::JoinSet, time::Instant};
use uuid::Uuid;

use crate::{
    school::{CROWD, School, WEEK},
    table,
};

/// Nobody begins another try after so long.
const LIMIT: Duration = Duration::from_secs(10);

/// What stands between two tries at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// A look whether the time is free, then the insert.
    Nothing,
    /// The same, behind an advisory lock of the teacher's until the commit.
    AdvisoryLock,
    /// Only the insert, under an exclusion constraint. It must say ON CONFLICT DO NOTHING:
    /// plain inserts that meet wait for each other until PostgreSQL ends one of them.
    Constraint,
    /// The teacher's row locked, a look, the insert under the constraint: as lesson-svc
    /// does it.
    RowLockAndConstraint,
}

impl Guard {
    const ALL: [Self; 4] = [
        Self::Nothing,
        Self::AdvisoryLock,
        Self::Constraint,
        Self::RowLockAndConstraint,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "look, then insert",
            Self::AdvisoryLock => "advisory lock, look, insert",
            Self::Constraint => "constraint, insert on conflict do nothing",
            Self::RowLockAndConstraint => "row lock, look, constraint, insert",
        }
    }

    fn table(self) -> &'static str {
        match self {
            Self::Nothing => "peer_nothing",
            Self::AdvisoryLock => "peer_advisory_lock",
            Self::Constraint => "peer_constraint",
            Self::RowLockAndConstraint => "peer_row_lock",
        }
    }

    /// What is run first, with the teacher's id.
    fn lock(self) -> Option<&'static str> {
        match self {
            Self::Nothing | Self::Constraint => None,
            Self::AdvisoryLock => {
                Some("SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))")
            }
            Self::RowLockAndConstraint => {
                Some("SELECT FROM lesson.teachers WHERE user_id = $1 FOR NO KEY UPDATE")
            }
        }
    }
}

/// One race.
struct Race {
    pool: PgPool,
    guard: Guard,
    teacher: Uuid,
    looks: SqlStr,
    inserts: SqlStr,
}

/// Runs every race and prints what came of each; a time taken twice is an error, but
/// for the one without a guard.
pub(crate) async fn run(pool: &PgPool, school: &Arc<School>) -> Result<()> {
    println!("\nThe same race over a table of its own, {CROWD} clients, straight to PostgreSQL\n");
    let mut rows = Vec::new();
    for guard in Guard::ALL {
        let race = Arc::new(Race::new(pool.clone(), guard, school.popular).await?);
        let begun = Instant::now();
        let tries = race.run(school, begun).await?;
        let elapsed = begun.elapsed();
        let (lessons, doubled) = race.count().await?;
        if doubled > 0 && guard != Guard::Nothing {
            return Err(format!("{}: {doubled} times are taken twice", guard.name()).into());
        }
        rows.push(vec![
            guard.name().to_owned(),
            format!("{:.0}", f64::from(tries) / elapsed.as_secs_f64()),
            format!("{lessons} of {WEEK}"),
            doubled.to_string(),
        ]);
    }
    let head = ["guard", "tries per second", "lessons", "times taken twice"];
    for line in table::lines(&head, &rows) {
        println!("{line}");
    }
    Ok(())
}

impl Race {
    async fn new(pool: PgPool, guard: Guard, teacher: Uuid) -> Result<Self> {
        let table = guard.table();
        let index = match guard {
            Guard::Nothing | Guard::AdvisoryLock => {
                format!("CREATE INDEX ON {table} USING gist (teacher_id, during)")
            }
            Guard::Constraint | Guard::RowLockAndConstraint => format!(
                "ALTER TABLE {table} ADD EXCLUDE USING gist (teacher_id WITH =, during WITH &&)"
            ),
        };
        let create = format!(
            "CREATE TABLE {table} (teacher_id uuid NOT NULL, during tstzrange NOT NULL); {index}"
        );
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&pool).await?;
        let statement = |text: String| AssertSqlSafe(text).into_sql_str();
        Ok(Self {
            pool,
            guard,
            teacher,
            looks: statement(format!(
                "SELECT EXISTS (SELECT FROM {table}
                 WHERE teacher_id = $1 AND during && tstzrange($2, $3))"
            )),
            inserts: statement(format!(
                "INSERT INTO {table} VALUES ($1, tstzrange($2, $3)){}",
                if guard == Guard::Constraint {
                    " ON CONFLICT DO NOTHING"
                } else {
                    ""
                }
            )),
        })
    }

    /// Everybody tries every lesson of the week in the same order; how many tries.
    async fn run(self: &Arc<Self>, school: &Arc<School>, begun: Instant) -> Result<u32> {
        let mut tasks = JoinSet::new();
        for _ in 0..CROWD {
            let (race, school) = (self.clone(), school.clone());
            tasks.spawn(async move {
                let mut tries = 0;
                for number in (0..WEEK).take_while(|_| begun.elapsed() < LIMIT) {
                    race.try_one(school.start(number)).await?;
                    tries += 1;
                }
                Result::Ok(tries)
            });
        }
        let mut tries = 0;
        while let Some(ended) = tasks.join_next().await {
            tries += ended??;
        }
        Ok(tries)
    }

    async fn try_one(&self, start: Timestamp) -> Result<()> {
        let end = start + SignedDuration::from_hours(1);
        let (start, end) = (start.to_sqlx(), end.to_sqlx());
        let mut transaction = self.pool.begin().await?;
        if let Some(lock) = self.guard.lock() {
            sqlx::query(lock)
                .bind(self.teacher)
                .execute(&mut *transaction)
                .await?;
        }
        if self.guard != Guard::Constraint {
            let taken: bool = sqlx::query_scalar(self.looks.clone())
                .bind(self.teacher)
                .bind(start)
                .bind(end)
                .fetch_one(&mut *transaction)
                .await?;
            if taken {
                return Ok(transaction.rollback().await?);
            }
        }
        sqlx::query(self.inserts.clone())
            .bind(self.teacher)
            .bind(start)
            .bind(end)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// How many lessons there are, and how many times of them have more than one.
    async fn count(&self) -> Result<(i64, i64)> {
        let count = format!(
            "SELECT coalesce(sum(lessons), 0)::bigint, count(*) FILTER (WHERE lessons > 1)
             FROM (SELECT count(*) AS lessons FROM {} GROUP BY during) AS times",
            self.guard.table()
        );
        Ok(sqlx::query_as(AssertSqlSafe(count))
            .fetch_one(&self.pool)
            .await?)
    }
}
