//! Searching teachers and people: what is found, and by which index.

use lesson_svc::{
    teachers::store::{Filter, list_of_student, search},
    users,
};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{SearchTeachersRequest, SearchTeachersResponse, TeacherPolicies},
};
use serde_json::Value;
use service_kit::grpc::client::acting;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, fields, reason};

async fn find(
    world: &World,
    viewer: Uuid,
    request: SearchTeachersRequest,
) -> Result<SearchTeachersResponse, Status> {
    let mut client = world.teachers();
    let answer = client.search_teachers(acting(request, viewer));
    Ok(answer.await?.into_inner())
}

fn wanted(query: &str, subject: &str, only_accepting: bool) -> SearchTeachersRequest {
    SearchTeachersRequest {
        query: query.to_owned(),
        subject: subject.to_owned(),
        only_accepting,
        ..SearchTeachersRequest::default()
    }
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn teachers_are_found_by_name_subject_and_whether_they_accept(pool: PgPool) {
    let world = World::start(pool).await;
    for (telegram_id, name, subjects, accepting) in [
        (1, "Anna", &["English", "Chess"][..], true),
        (2, "Hannah", &["chess"], false),
        (3, "Boris", &["Математика"], true),
        (4, "Joanna", &[], true),
    ] {
        let policies = TeacherPolicies {
            subjects: subjects.iter().map(ToString::to_string).collect(),
            accepting_students: Some(accepting),
            ..TeacherPolicies::default()
        };
        world.teacher_with(telegram_id, name, policies).await;
    }
    let viewer = world.student(9).await;
    for (query, subject, only_accepting, found) in [
        ("", "", false, &["Anna", "Boris", "Hannah", "Joanna"][..]),
        ("", "", true, &["Anna", "Boris", "Joanna"]),
        ("ANNA", "", false, &["Anna", "Hannah", "Joanna"]),
        ("anna", "", true, &["Anna", "Joanna"]),
        ("", " CHESS ", false, &["Anna", "Hannah"]),
        ("", "chess", true, &["Anna"]),
        ("", "che", false, &[]),
        ("", "МАТЕМАТИКА", false, &["Boris"]),
        ("h", "chess", false, &["Hannah"]),
        ("h", "chess", true, &[]),
    ] {
        let request = wanted(query, subject, only_accepting);
        let page = find(&world, viewer, request).await.unwrap();
        let names: Vec<_> = page.teachers.iter().map(|one| &one.display_name).collect();
        assert_eq!(names, found, "{query:?} {subject:?} {only_accepting}");
    }
    let first = SearchTeachersRequest {
        page_size: 1,
        ..wanted("anna", "chess", false)
    };
    let token = find(&world, viewer, first.clone()).await.unwrap();
    let second = SearchTeachersRequest {
        page_token: token.next_page_token,
        ..first
    };
    let page = find(&world, viewer, second.clone()).await.unwrap();
    assert_eq!(page.teachers[0].display_name, "Hannah");
    assert_eq!(page.next_page_token, "");
    for other in [
        SearchTeachersRequest {
            subject: "english".to_owned(),
            ..second.clone()
        },
        SearchTeachersRequest {
            only_accepting: true,
            ..second
        },
    ] {
        let refused = find(&world, viewer, other).await;
        assert_eq!(reason(refused), ErrorReason::PageTokenInvalid);
    }
    let long = "x".repeat(65);
    let wrong = SearchTeachersRequest {
        page_size: -1,
        ..wanted(&long, &long, false)
    };
    assert_eq!(
        fields(find(&world, viewer, wrong).await),
        ["page_size", "query", "subject"]
    );
    world.stop().await;
}

/// Forty thousand people, half of whom teach one of a thousand subjects.
async fn fill(pool: &PgPool) {
    let people = "
        INSERT INTO lesson.users (id, display_name, language, time_zone, create_time)
        SELECT gen_random_uuid(), md5(n::text) || ' ' || md5((n * 7)::text), 'en', 'UTC', now()
        FROM generate_series(1, 40000) AS n;
        INSERT INTO lesson.teachers (user_id, lesson_durations_s, slot_step_s, buffer_before_s,
            buffer_after_s, min_notice_s, booking_horizon_s, subjects, subject_keys, create_time)
        SELECT id, '{3600}', 1800, 0, 0, 0, 86400, subject, subject, now()
        FROM (SELECT id, ARRAY['subject ' || row_number() OVER () % 1000] AS subject
              FROM lesson.users TABLESAMPLE BERNOULLI (50) REPEATABLE (1)) AS teacher;
        INSERT INTO lesson.students (teacher_id, student_id, origin, create_time)
        SELECT t.user_id, s.id, 'booking', now()
        FROM (SELECT user_id FROM lesson.teachers LIMIT 1000) AS t
            CROSS JOIN (SELECT id FROM lesson.users TABLESAMPLE BERNOULLI (1) REPEATABLE (2) LIMIT 20) AS s
        WHERE t.user_id <> s.id";
    sqlx::raw_sql(people).execute(pool).await.unwrap();
    let settle = "VACUUM ANALYZE lesson.users, lesson.teachers, lesson.students";
    sqlx::raw_sql(settle).execute(pool).await.unwrap();
}

/// How PostgreSQL carries out the statement that this connection prepared last: with
/// these arguments, then with any.
async fn plans(conn: &mut PgConnection, arguments: &str) -> [Value; 2] {
    let (name, statement): (String, String) = sqlx::query_as(
        "SELECT name, statement FROM pg_prepared_statements
         WHERE statement LIKE '%FROM lesson.%' AND statement NOT LIKE '%pg_prepared%'
         ORDER BY prepare_time DESC LIMIT 1",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    assert!(statement.contains("LIMIT"), "{statement}");
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE {name}({arguments})");
    let mut plans = [Value::Null, Value::Null];
    for (plan, mode) in plans.iter_mut().zip(["custom", "generic"]) {
        let set = format!("SET plan_cache_mode = force_{mode}_plan");
        let set = sqlx::raw_sql(AssertSqlSafe(set));
        set.execute(&mut *conn).await.unwrap();
        let explained = sqlx::query_scalar(AssertSqlSafe(explain.clone()));
        *plan = explained.fetch_one(&mut *conn).await.unwrap();
    }
    plans
}

/// Every text under `key` in a plan.
fn values<'a>(plan: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    let items = plan.as_array().into_iter().flatten();
    let members = plan.as_object().into_iter().flatten();
    found.extend(plan.get(key).and_then(Value::as_str));
    for part in items.chain(members.map(|(_, member)| member)) {
        values(part, key, found);
    }
}

/// Planned for its arguments a statement uses this index; planned for any it may use
/// another one, but never reads all rows.
fn assert_uses(plans: &[Value], index: &str) {
    for plan in plans {
        let mut nodes = Vec::new();
        values(plan, "Node Type", &mut nodes);
        assert!(!nodes.contains(&"Seq Scan"), "{plan:#}");
    }
    let mut indexes = Vec::new();
    values(&plans[0], "Index Name", &mut indexes);
    assert!(indexes.contains(&index), "{index} is not in {:#}", plans[0]);
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn every_search_and_list_of_people_uses_its_index(pool: PgPool) {
    fill(&pool).await;
    let mut conn = pool.acquire().await.unwrap();
    let start = ("", Uuid::max());
    let after = "'', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 51";
    for (query, subject, arguments, index) in [
        ("", "", "", "users_by_name"),
        ("", "subject 7", ", 'subject 7'", "teachers_by_subject"),
        ("c4ca4", "", ", '%c4ca4%'", "users_name_part"),
        ("c4", "", ", '%c4%'", "users_by_name"),
        (
            "c4ca4",
            "subject 7",
            ", '%c4ca4%', 'subject 7'",
            "users_name_part",
        ),
        (
            "c4",
            "subject 7",
            ", '%c4%', 'subject 7'",
            "teachers_by_subject",
        ),
    ] {
        for only_accepting in [false, true] {
            let filter = Filter {
                query,
                subject,
                only_accepting,
            };
            let found = search(&mut conn, filter, start, 51).await.unwrap();
            assert!(!(query.is_empty() && found.is_empty()), "it is filled");
            let arguments = format!("{after}, {only_accepting}{arguments}");
            assert_uses(&plans(&mut conn, &arguments).await, index);
        }
    }
    for (query, arguments, index) in [
        ("", "", "users_by_name"),
        ("c4ca4", ", '%c4ca4%'", "users_name_part"),
    ] {
        users::store::list(&mut conn, query, start, 51)
            .await
            .unwrap();
        assert_uses(
            &plans(&mut conn, &format!("{after}{arguments}")).await,
            index,
        );
    }
    let student: Uuid = sqlx::query_scalar("SELECT student_id FROM lesson.students LIMIT 1")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let found = list_of_student(&mut conn, student.into(), start, 51).await;
    assert_eq!(found.unwrap().len(), 51);
    let arguments = format!("'{student}', {after}");
    assert_uses(&plans(&mut conn, &arguments).await, "students_by_student");
    drop(conn);
    pool.close().await;
}
