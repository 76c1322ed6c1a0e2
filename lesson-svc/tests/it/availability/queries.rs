//! The queries behind a week of slots, on a filled database: each finds its rows by an
//! index. `docs/queries.md` holds the plans that the second test prints.

use jiff::civil::date;
use lesson_svc::{
    availability::{
        calendar::{Calendar, Seeker},
        slots::Stretch,
    },
    ids::UserId,
    teachers, users,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row as _};
use uuid::Uuid;

use crate::support::at;

const FIRST_TEACHER: Uuid = Uuid::from_u128(1);
const FIRST_STUDENT: Uuid = Uuid::from_u128(1_000_001);
const WEEK: (&str, &str) = ("2026-06-08T00:00:00Z", "2026-06-15T00:00:00Z");

/// Teachers, each with ten rules, 50 overrides and five times off; as many students. The
/// first `busy` of both have that many lessons, eight a day.
async fn fill(pool: &PgPool, teachers: i32, busy: i32, lessons: i32) {
    let id = |number: &str| format!("lpad(to_hex({number}), 32, '0')::uuid");
    let person = id("n");
    let student = format!("1000001 + (n - 1 + k) % {busy}");
    let statements = [
        format!(
            "INSERT INTO lesson.users (id, display_name, language, time_zone, create_time)
             SELECT {person}, 'Person ' || n, 'en', 'Europe/Berlin', now()
             FROM generate_series(1, {teachers}) i, LATERAL (VALUES (i), (1000000 + i)) AS people (n)"
        ),
        format!(
            "INSERT INTO lesson.teachers (user_id, lesson_durations_s, slot_step_s, buffer_before_s, buffer_after_s,
                 min_notice_s, booking_horizon_s, daily_lesson_limit, create_time)
             SELECT {person}, '{{3600}}', 1800, 0, 0, 0, 31622400, 12, now() FROM generate_series(1, {teachers}) n"
        ),
        format!(
            "INSERT INTO lesson.availabilities (teacher_id, time_zone)
             SELECT {person}, 'Europe/Berlin' FROM generate_series(1, {teachers}) n"
        ),
        format!(
            "INSERT INTO lesson.weekly_rules (teacher_id, day_of_week, start_minute, end_minute)
             SELECT {person}, 1 + rule / 2, 540 + rule % 2 * 300, 780 + rule % 2 * 300
             FROM generate_series(1, {teachers}) n, generate_series(0, 9) rule"
        ),
        format!(
            "INSERT INTO lesson.date_overrides (teacher_id, on_date)
             SELECT {person}, date '2026-06-01' + day * 7 FROM generate_series(1, {teachers}) n, generate_series(0, 49) day"
        ),
        format!(
            "INSERT INTO lesson.time_off (id, teacher_id, during, create_time)
             SELECT gen_random_uuid(), {person}, tstzrange(start, start + interval '1 day'), now()
             FROM generate_series(1, {teachers}) n, generate_series(0, 4) off,
                  LATERAL (SELECT timestamptz '2026-06-10 00:00Z' + off * interval '30 days' AS start) AS starts"
        ),
        format!(
            "WITH lesson AS (
                 INSERT INTO lesson.lessons (id, teacher_id, during, blocked, status, create_time)
                 SELECT gen_random_uuid(), {person}, during, during, 'scheduled', now()
                 FROM generate_series(1, {busy}) n, generate_series(0, {lessons} - 1) k,
                      LATERAL (SELECT timestamptz '2026-06-01 07:00Z' + k / 8 * interval '1 day' + k % 8 * interval '1 hour' AS start) AS starts,
                      LATERAL (SELECT tstzrange(start, start + interval '1 hour') AS during) AS stretches
                 RETURNING id, teacher_id, during)
             INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, create_time)
             SELECT gen_random_uuid(), id, {}, during, 'confirmed', now()
             FROM lesson,
                  LATERAL (SELECT ('x' || right(teacher_id::text, 6))::bit(24)::int AS n) AS teachers,
                  LATERAL (SELECT extract(epoch FROM lower(during) - timestamptz '2026-06-01 07:00Z')::int / 3600 AS hour) AS hours,
                  LATERAL (SELECT hour / 24 * 8 + hour % 24 AS k) AS turns",
            id(&student)
        ),
        "ANALYZE".to_owned(),
    ];
    for statement in statements {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(pool);
        done.await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// Runs what `ListSlots` runs for a student's week, and answers what the database was
/// asked: the name of each prepared statement, its text, and the arguments.
async fn ask(conn: &mut PgConnection) -> Vec<(String, String, String)> {
    let (from, until) = (at(WEEK.0), at(WEEK.1));
    let (teacher, student) = (UserId(FIRST_TEACHER), UserId(FIRST_STUDENT));
    users::store::require_zone(&mut *conn, student)
        .await
        .unwrap();
    let found = teachers::store::find(&mut *conn, teacher).await;
    let found = found.unwrap().unwrap();
    let window = Stretch {
        start: from,
        end: until,
    };
    let seeker = Seeker {
        student: Some(student),
        holds_make_way: true,
        except: &[],
    };
    let read = Calendar::read(&mut *conn, &found, seeker, window, from);
    let offered = read.await.unwrap();
    let duration = jiff::SignedDuration::from_hours(1);
    assert!(offered.offer(from).slots(window, duration).count() > 0);
    let rows =
        sqlx::raw_sql("SELECT name, statement FROM pg_prepared_statements ORDER BY prepare_time")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    let (first, last) = (date(2026, 6, 6), date(2026, 6, 17));
    let dates = format!("'{FIRST_TEACHER}', '{first}', '{last}'");
    let times = |person: Uuid| format!("'{person}', '{from}', '{until}'");
    let lessons = |person: Uuid| format!("{}, '{{}}', '{from}', '{FIRST_STUDENT}'", times(person));
    let arguments = |statement: &str| {
        let known = [
            ("FROM lesson.users", format!("'{FIRST_STUDENT}'")),
            ("FROM lesson.teachers", format!("'{FIRST_TEACHER}'")),
            ("FROM lesson.availabilities", format!("'{FIRST_TEACHER}'")),
            ("FROM lesson.date_overrides", dates.clone()),
            ("FROM lesson.time_off", times(FIRST_TEACHER)),
            ("FROM lesson.lessons", lessons(FIRST_TEACHER)),
            ("FROM lesson.bookings", lessons(FIRST_STUDENT)),
        ];
        let known = known.into_iter().find(|(from, _)| statement.contains(from));
        known
            .unwrap_or_else(|| panic!("a new query: {statement}"))
            .1
    };
    let asked = rows.iter().map(|row| {
        let (name, statement): (String, String) = (row.get(0), row.get(1));
        let arguments = arguments(&statement);
        (name, statement, arguments)
    });
    asked.collect()
}

/// One column of text, whatever its type.
pub async fn explain(conn: &mut PgConnection, how: &str, name: &str, arguments: &str) -> String {
    let statement = format!("EXPLAIN ({how}) EXECUTE {name} ({arguments})");
    let rows = sqlx::raw_sql(AssertSqlSafe(statement))
        .fetch_all(conn)
        .await
        .unwrap();
    let lines = rows.iter().map(|row| row.get_unchecked::<String, _>(0));
    lines.collect::<Vec<_>>().join("\n")
}

/// Every node of a plan that reads a table.
pub fn scans(node: &Value, found: &mut Vec<Value>) {
    if node["Node Type"].as_str().unwrap().contains("Scan") {
        found.push(node.clone());
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        scans(child, found);
    }
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn every_query_behind_a_week_of_slots_has_an_index(pool: PgPool) {
    fill(&pool, 200, 200, 80).await;
    let mut conn = pool.acquire().await.unwrap();
    let asked = ask(&mut conn).await;
    assert_eq!(asked.len(), 7, "{asked:#?}");
    // Small tables are read whole because that is cheaper; here it matters what the
    // plan would be if they were large.
    let settings = "SET enable_seqscan = off; SET plan_cache_mode = ";
    for mode in ["force_custom_plan", "force_generic_plan"] {
        sqlx::raw_sql(AssertSqlSafe(format!("{settings}{mode}")))
            .execute(&mut *conn)
            .await
            .unwrap();
        for (name, statement, arguments) in &asked {
            let plan = explain(&mut conn, "FORMAT JSON", name, arguments).await;
            let plan: Value = serde_json::from_str(&plan).unwrap();
            let mut found = Vec::new();
            scans(&plan[0]["Plan"], &mut found);
            assert!(!found.is_empty(), "{statement}");
            for scan in found {
                // A bitmap is made by the index scan below it.
                let by_index =
                    scan["Node Type"] == "Bitmap Heap Scan" || scan["Index Cond"].is_string();
                assert!(by_index, "{mode}: {statement}\n{scan:#}");
            }
        }
    }
    drop(conn);
    pool.close().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
#[ignore = "prints the plans of docs/queries.md: cargo xtask test -p lesson-svc -- print_the_plans --ignored --nocapture"]
async fn print_the_plans(pool: PgPool) {
    fill(&pool, 2_000, 200, 500).await;
    let mut conn = pool.acquire().await.unwrap();
    for (name, statement, arguments) in ask(&mut conn).await {
        let plan = explain(&mut conn, "ANALYZE, BUFFERS", &name, &arguments).await;
        assert!(plan.contains("Execution Time"), "{plan}");
        println!("```sql\n{statement}\n```\n```\n{plan}\n```\n");
    }
    drop(conn);
    pool.close().await;
}
