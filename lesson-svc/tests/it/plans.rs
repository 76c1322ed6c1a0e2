//! The queries behind series, groups, seats, watchers and calendars, on a filled database:
//! each finds its rows by an index. `docs/queries.md` holds the plans that the second test
//! prints.

use jiff::Timestamp;
use lesson_svc::{
    calendars, groups,
    ids::{GroupId, UserId},
    lessons, series,
    watching::{self, Position},
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    availability::queries::{explain, scans},
    support::{at, until},
};

/// Lessons are weekly from the first of June on.
const NOW: &str = "2026-06-20T00:00:00Z";
const TEACHER: Uuid = Uuid::from_u128(1);
const STUDENT: Uuid = Uuid::from_u128(1_000_001);
/// No index would make them faster: one row each, and the cluster's databases.
const ONE_ROW: [&str; 2] = ["change_log", "pg_database"];

/// Teachers, each with five students in one group, a series for each of them and one for the
/// group, with ten lessons each; some seats are to be confirmed anew.
async fn fill(pool: &PgPool, teachers: i32) {
    let person = |number: &str| format!("lpad(to_hex({number}), 32, '0')::uuid");
    let (teacher, student) = (person("n"), person("1000000 + (n - 1) * 5 + j"));
    let series = "md5('series' || n || '/' || s)::uuid";
    let lesson = "md5('lesson' || n || '/' || s || '/' || k)::uuid";
    let group = "md5('group' || n)::uuid";
    let during = "LATERAL (SELECT timestamptz '2026-06-01 09:00Z' + s * interval '1 hour'
                               + k * interval '7 days' AS start) AS starts,
                  LATERAL (SELECT tstzrange(start, start + interval '1 hour') AS during) AS hours";
    let every = format!("FROM generate_series(1, {teachers}) n");
    let statements = [
        format!(
            "INSERT INTO lesson.users (id, display_name, language, time_zone, create_time)
             SELECT lpad(to_hex(p), 32, '0')::uuid, 'Person ' || p, 'en', 'Europe/Berlin', '2026-05-01'
             FROM (SELECT generate_series(1, {teachers})
                   UNION ALL SELECT generate_series(1000001, 1000000 + {teachers} * 5)) people (p)"
        ),
        format!(
            "INSERT INTO lesson.teachers (user_id, lesson_durations_s, slot_step_s, buffer_before_s, buffer_after_s,
                 min_notice_s, booking_horizon_s, create_time)
             SELECT {teacher}, '{{3600}}', 1800, 0, 0, 0, 31622400, '2026-05-01' {every}"
        ),
        format!(
            "INSERT INTO lesson.students (teacher_id, student_id, origin, create_time)
             SELECT {teacher}, {student}, 'invitation', '2026-05-01' {every}, generate_series(1, 5) j"
        ),
        format!(
            "INSERT INTO lesson.groups (id, teacher_id, title, capacity, create_time)
             SELECT {group}, {teacher}, 'Group ' || n, 5, '2026-05-01' {every}"
        ),
        format!(
            "INSERT INTO lesson.group_members (group_id, teacher_id, student_id, create_time)
             SELECT {group}, {teacher}, {student}, '2026-05-01' {every}, generate_series(1, 5) j"
        ),
        format!(
            "INSERT INTO lesson.series (id, teacher_id, student_id, group_id, time_zone, first_date, start_minute,
                 duration_s, every_weeks, occurrence_count, next_ordinal, last_start_time, changed_role,
                 create_time, due_time)
             SELECT {series}, {teacher}, CASE WHEN s < 5 THEN {} END, CASE WHEN s = 5 THEN {group} END,
                 'UTC', '2026-06-01', 540 + 60 * s, 3600, 1, 12, 10,
                 timestamptz '2026-08-17 09:00Z' + s * interval '1 hour', 'teacher',
                 timestamptz '2026-05-01' + s * interval '1 minute',
                 timestamptz '2026-06-19' + n * interval '1 hour'
             {every}, generate_series(0, 5) s",
            person("1000001 + (n - 1) * 5 + s")
        ),
        format!(
            "INSERT INTO lesson.lessons (id, teacher_id, group_id, capacity, during, blocked, status, create_time)
             SELECT {lesson}, {teacher}, CASE WHEN s = 5 THEN {group} END, CASE WHEN s = 5 THEN 5 ELSE 1 END,
                 during, during, 'scheduled', '2026-05-01'
             {every}, generate_series(0, 5) s, generate_series(0, 9) k, {during}"
        ),
        format!(
            "INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, reconfirm_expire_time, create_time)
             SELECT gen_random_uuid(), {lesson}, {student}, during,
                 CASE WHEN asked THEN 'reconfirm' ELSE 'confirmed' END,
                 CASE WHEN asked THEN timestamptz '2026-06-19' + n * interval '1 hour' END, '2026-05-01'
             {every}, generate_series(0, 5) s, generate_series(0, 9) k, generate_series(1, 5) j, {during},
                 LATERAL (SELECT s = 5 AND k = 4 AND j = 5 AS asked) AS seats
             WHERE s = 5 OR j = s + 1"
        ),
        format!(
            "INSERT INTO lesson.lesson_changes (lesson_id, version, kind, actor_id, actor_role, change_time, during)
             SELECT {lesson}, 1, 'booked', {teacher}, 'teacher', '2026-05-01', during
             {every}, generate_series(0, 5) s, generate_series(0, 9) k, {during}"
        ),
        format!(
            "INSERT INTO lesson.series_occurrences (series_id, ordinal, original_start, lesson_id)
             SELECT {series}, k, start, {lesson}
             {every}, generate_series(0, 5) s, generate_series(0, 9) k, {during}"
        ),
        // What watchers read last: a lesson, a series and a group.
        "UPDATE lesson.lessons SET version = version + 1 WHERE teacher_id = lpad('1', 32, '0')::uuid".to_owned(),
        "UPDATE lesson.series SET version = version + 1 WHERE teacher_id = lpad('1', 32, '0')::uuid".to_owned(),
        "UPDATE lesson.groups SET version = version + 1 WHERE teacher_id = lpad('1', 32, '0')::uuid".to_owned(),
        "ANALYZE".to_owned(),
    ];
    for statement in statements {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(pool);
        done.await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    // Watchers read what no older transaction of the cluster can come before.
    until("everything is certain", || async {
        let certain: bool = sqlx::query_scalar(
            "SELECT bool_and(xid < pg_snapshot_xmin(pg_current_snapshot())) FROM lesson.changes",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        certain
    })
    .await;
}

/// A prepared statement, what it is for, and what it is run with.
struct Asked {
    title: &'static str,
    name: String,
    statement: String,
    arguments: String,
}

/// What the connection prepared since it was asked last.
async fn prepared(conn: &mut PgConnection, known: usize) -> Vec<(String, String)> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, statement FROM pg_prepared_statements
         WHERE statement NOT LIKE '%pg_prepared_statements%' ORDER BY prepare_time",
    )
    .fetch_all(conn)
    .await
    .unwrap();
    rows.into_iter().skip(known).collect()
}

/// The changes after the one that filled the series of the first teacher anew.
async fn last_position(conn: &mut PgConnection) -> Position {
    let (xid, id): (i64, i64) = sqlx::query_as(
        "SELECT c.xid::text::bigint, c.id FROM lesson.changes c
         WHERE c.kind = 'lesson' AND c.version = 1 ORDER BY c.xid DESC, c.id DESC LIMIT 1",
    )
    .fetch_one(conn)
    .await
    .unwrap();
    Position { xid, id }
}

/// Runs each query once, and answers what the database was asked.
async fn ask(conn: &mut PgConnection) -> Vec<Asked> {
    let (now, teacher, student): (Timestamp, _, _) = (at(NOW), UserId(TEACHER), UserId(STUDENT));
    let group: Uuid = sqlx::query_scalar("SELECT md5('group1')::uuid")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let after = last_position(conn).await;
    let mut known = prepared(conn, 0).await.len();
    let mut asked = Vec::new();
    let mut note = async |conn: &mut PgConnection, titles: &[(&'static str, String)]| {
        let new = prepared(conn, known).await;
        assert_eq!(new.len(), titles.len(), "{new:#?}");
        known += new.len();
        for ((name, statement), (title, arguments)) in new.into_iter().zip(titles) {
            asked.push(Asked {
                title,
                name,
                statement,
                arguments: arguments.clone(),
            });
        }
    };

    let filter = series::store::Filter {
        user: student,
        group: None,
        include_ended: false,
        now,
    };
    let listed = series::store::list(&mut *conn, filter, None, 51).await;
    assert_eq!(listed.unwrap().len(), 2, "their own and their group's");
    let arguments = format!("'{STUDENT}', NULL, NULL, NULL, false, '{NOW}', 51");
    note(conn, &[("A person's series", arguments)]).await;

    let leased = series::store::jobs::lease_due(&mut *conn, now, now, 20).await;
    assert!(!leased.unwrap().is_empty());
    let arguments = format!("'{NOW}', '{NOW}', 20");
    note(conn, &[("Series to be booked on", arguments)]).await;

    let listed = groups::store::list(&mut *conn, student, ("", Uuid::nil()), 51).await;
    assert_eq!(listed.unwrap().len(), 1);
    let arguments = format!("'{STUDENT}', '', '{}', 51", Uuid::nil());
    note(conn, &[("A person's groups", arguments)]).await;

    let begin = ("", Uuid::nil());
    let listed =
        groups::store::list_members_by_name(&mut *conn, teacher, GroupId(group), begin, 51);
    assert_eq!(listed.await.unwrap().len(), 5);
    let arguments = format!("'{group}', '{TEACHER}', '', '{}', 51", Uuid::nil());
    note(conn, &[("Who is in a group", arguments)]).await;

    let lessons = lessons::store::lock_to_reconfirm(&mut *conn, now, 50).await;
    assert!(!lessons.unwrap().is_empty());
    let arguments = format!("'{NOW}', 50");
    note(conn, &[("Lessons with seats that ran out", arguments)]).await;

    let page = watching::store::page(&mut *conn, after).await.unwrap();
    assert!(page.changes.len() > 60, "{page:?}");
    let of = |kind: watching::Kind| {
        let some = page
            .changes
            .iter()
            .filter(move |change| change.kind == kind);
        let ids: Vec<_> = some.map(|change| change.entity.to_string()).collect();
        (format!("'{{{}}}'", ids.join(",")), ids.len())
    };
    let since = |count: usize| format!("'{{{}}}'", vec![NOW; count].join(","));
    let (lesson_ids, lesson_count) = of(watching::Kind::Lesson);
    let (series_ids, series_count) = of(watching::Kind::Series);
    let (group_ids, group_count) = of(watching::Kind::Group);
    let titles = [
        (
            "Changes after a watcher's place",
            format!("'{}', {}, 500", after.xid, after.id),
        ),
        (
            "Whom changes concern",
            format!(
                "{lesson_ids}, {series_ids}, {group_ids}, {}, {}, {}",
                since(series_count),
                since(group_count),
                since(lesson_count)
            ),
        ),
    ];
    note(conn, &titles).await;

    let listed = calendars::store::list_lessons(&mut *conn, student, now, 2_000).await;
    let listed = listed.unwrap();
    assert!(listed.len() > 10);
    let entries = calendars::store::entries(&mut *conn, student, &listed).await;
    assert_eq!(entries.unwrap().len(), listed.len());
    let ids: Vec<_> = listed.iter().map(Uuid::to_string).collect();
    let titles = [
        (
            "Which lessons a calendar shows",
            format!("'{STUDENT}', '2026-06-19 16:00Z', '{NOW}', 2000"),
        ),
        (
            "What a calendar shows of them",
            format!("'{STUDENT}', '{{{}}}'", ids.join(",")),
        ),
    ];
    note(conn, &titles).await;
    asked
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn every_query_behind_many_lessons_has_an_index(pool: PgPool) {
    fill(&pool, 50).await;
    let mut conn = pool.acquire().await.unwrap();
    let asked = ask(&mut conn).await;
    // Small tables are read whole because that is cheaper; here it matters what the plan
    // would be if they were large.
    let settings = "SET enable_seqscan = off; SET enable_hashjoin = off;
                    SET enable_mergejoin = off; SET plan_cache_mode = ";
    for mode in ["force_custom_plan", "force_generic_plan"] {
        sqlx::raw_sql(AssertSqlSafe(format!("{settings}{mode}")))
            .execute(&mut *conn)
            .await
            .unwrap();
        for asked in &asked {
            let (title, name) = (asked.title, &asked.name);
            let plan = explain(&mut conn, "FORMAT JSON", name, &asked.arguments).await;
            let plan: Value = serde_json::from_str(&plan).unwrap();
            let mut found = Vec::new();
            scans(&plan[0]["Plan"], &mut found);
            // What is in memory has no index.
            found.retain(|scan| {
                let relation = scan["Relation Name"].as_str();
                relation.is_some_and(|relation| !ONE_ROW.contains(&relation))
            });
            assert!(!found.is_empty(), "{title}");
            for scan in found {
                let by_index =
                    scan["Node Type"] == "Bitmap Heap Scan" || scan["Index Cond"].is_string();
                assert!(by_index, "{mode}: {title}\n{scan:#}");
            }
        }
    }
    drop(conn);
    pool.close().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
#[ignore = "prints the plans of docs/queries.md: cargo xtask test -p lesson-svc -- print_the_plans --ignored --nocapture"]
async fn print_the_plans_of_many_lessons(pool: PgPool) {
    fill(&pool, 300).await;
    let mut conn = pool.acquire().await.unwrap();
    for asked in ask(&mut conn).await {
        // What is leased once is not due again.
        let how = "ANALYZE, BUFFERS";
        let plan = explain(&mut conn, how, &asked.name, &asked.arguments).await;
        assert!(plan.contains("Execution Time"), "{plan}");
        let (title, statement) = (asked.title, asked.statement);
        println!("### {title}\n\n```sql\n{statement}\n```\n```\n{plan}\n```\n");
    }
    drop(conn);
    pool.close().await;
}
