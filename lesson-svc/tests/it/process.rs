//! The binary, its readiness, and what it needs from the database.

use std::process::{Command, Output};

use lesson_svc::MIGRATOR;
use olm_proto::{common::v1::ErrorReason, lesson::v1::user_service_client::UserServiceClient};
use service_kit::{clock::ManualClock, status};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgPool, migrate::MigrationType};
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::support::{NO_NOTIFY, Service, monday, registration, until};

const SERVICE: &str = "olm.lesson.v1.LessonService";

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lesson-svc"));
    command
        .args(arguments)
        .env_clear()
        .current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn bad_configuration_is_told_line_by_line_and_ends_with_64() {
    let output = run(
        &["serve"],
        &[("LESSON_LISTEN", "here"), ("LESSON_DRAIN", "-1")],
    );
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    for name in [
        "LESSON_LISTEN",
        "LESSON_DRAIN",
        "LESSON_DATABASE_URL",
        "LESSON_SERVICE_KEYS",
        "LESSON_NOTIFY_KEY",
        "LESSON_INVITATION_SECRET",
    ] {
        assert_eq!(
            text.lines()
                .filter(|line| line.trim().starts_with(&format!("{name}:")))
                .count(),
            1,
            "{name} in {text}"
        );
    }
    assert!(output.stdout.is_empty(), "nothing was started");
}

#[test]
fn migrating_needs_nothing_but_the_database() {
    let output = run(&["migrate"], &[]);
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("LESSON_DATABASE_URL") && !text.contains("LESSON_NOTIFY_KEY"),
        "{text}"
    );
}

#[sqlx::test(migrations = false)]
async fn a_role_that_owns_only_its_schema_migrates_up_and_down(pool: PgPool) {
    let role = format!("lesson_{}", Uuid::new_v4().simple());
    let prepare = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'x'; CREATE SCHEMA lesson AUTHORIZATION {role}; CREATE EXTENSION btree_gist; CREATE EXTENSION pg_trgm"
    );
    sqlx::raw_sql(AssertSqlSafe(prepare))
        .execute(&pool)
        .await
        .unwrap();
    let options = (*pool.connect_options())
        .clone()
        .username(&role)
        .password("x");
    let url = options.to_url_lossy().to_string();
    for arguments in [
        &["migrate"][..],
        &["migrate"],
        &["migrate", "--down-to", "0"],
        &["migrate"],
    ] {
        let output = run(arguments, &[("LESSON_DATABASE_URL", &url)]);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM lesson._sqlx_migrations")
        .fetch_one(&pool)
        .await
        .unwrap();
    let known = MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type == MigrationType::ReversibleUp)
        .count();
    assert_eq!(usize::try_from(applied).unwrap(), known);
    let clean = format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
    sqlx::raw_sql(AssertSqlSafe(clean))
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
}

async fn serving(url: &str, service: &str) -> ServingStatus {
    let channel = Endpoint::new(url.to_owned())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = HealthClient::new(channel).check(request).await.unwrap();
    answer.into_inner().status()
}

#[sqlx::test(migrations = false)]
async fn a_replica_never_migrates_and_serves_only_when_migrations_are_current(pool: PgPool) {
    let service = Service::start(&pool, ManualClock::new(monday()), NO_NOTIFY).await;
    assert_eq!(
        serving(&service.url, SERVICE).await,
        ServingStatus::NotServing
    );
    assert_eq!(
        serving(&service.url, "").await,
        ServingStatus::Serving,
        "it is alive"
    );
    MIGRATOR.run(&pool).await.unwrap();
    until("serving after migrating", || async {
        serving(&service.url, SERVICE).await == ServingStatus::Serving
    })
    .await;
    let last = MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap();
    MIGRATOR.undo(&pool, last - 1).await.unwrap();
    until("not serving after undoing", || async {
        serving(&service.url, SERVICE).await == ServingStatus::NotServing
    })
    .await;
    service.stop().await;
    pool.close().await;
}

#[tokio::test]
async fn a_replica_without_its_database_lives_and_asks_to_repeat() {
    let nowhere = PgPool::connect_lazy("postgres://nobody@127.0.0.1:9/nothing").unwrap();
    let service = Service::start(&nowhere, ManualClock::new(monday()), NO_NOTIFY).await;
    assert_eq!(
        serving(&service.url, SERVICE).await,
        ServingStatus::NotServing
    );
    assert_eq!(serving(&service.url, "").await, ServingStatus::Serving);
    let mut users = UserServiceClient::new(service.backend.clone());
    let refused = users.register_telegram_user(registration(1, "Anna")).await;
    let refused = refused.unwrap_err();
    assert!(
        refused.get_details_retry_info().is_some(),
        "the same call is safe to repeat"
    );
    assert_eq!(status::reason(&refused), Some(ErrorReason::Unavailable));
    service.stop().await;
}
