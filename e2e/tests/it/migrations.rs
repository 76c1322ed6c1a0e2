//! Migrations against a real PostgreSQL, with the schema as `pg_dump` tells it.

use std::{
    collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path, str::FromStr as _,
};

use e2e::{
    Result, ports,
    postgres::{self, Cluster, Durability, ServiceUrls},
    program::Program,
    story::PATIENCE,
    system::{binaries, eventually},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, migrate::Migrator,
    postgres::PgConnectOptions,
};
use tempfile::TempDir;
use tokio::process::Command;

/// The lines of a schema: in no order, because what is dropped and added again comes last.
async fn dump(cluster: &Cluster, url: &str, schema: &str) -> Result<BTreeSet<String>> {
    // Where somebody put only the server's programs on PATH, the client's are elsewhere on it.
    let beside = cluster.programs().join("pg_dump");
    let program = if beside.exists() {
        beside
    } else {
        "pg_dump".into()
    };
    let output = Command::new(program)
        .args([
            "--schema-only",
            "--no-owner",
            "--exclude-table=*._sqlx_migrations",
        ])
        .arg(format!("--schema={schema}"))
        .arg(url)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout)?;
    let mut lines = BTreeSet::new();
    let mut table = "";
    for line in text.lines() {
        // A column is told with its table: others may have the same.
        if line.starts_with("CREATE TABLE") {
            table = line;
        } else if line == ");" {
            table = "";
        }
        // Newer versions mark their dumps with a random word.
        if !line.starts_with("--") && !line.starts_with('\\') {
            lines.insert(format!("{table} {}", line.trim_end_matches(',')));
        }
    }
    Ok(lines)
}

/// Fails with what differs only.
fn same(found: &BTreeSet<String>, wanted: &BTreeSet<String>, when: &str) {
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        one.difference(other).cloned().collect::<Vec<_>>()
    };
    let (more, missing) = (only(found, wanted), only(wanted, found));
    assert!(
        more.is_empty() && missing.is_empty(),
        "{when}:\nmore {more:#?}\nmissing {missing:#?}"
    );
}

/// An empty database, with the services' roles.
async fn prepared() -> Result<(TempDir, Cluster, String, ServiceUrls)> {
    let directory = tempfile::Builder::new()
        .prefix("olm-migrations-")
        .tempdir()?;
    // PostgreSQL's own user must reach its folder in it.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    let place = postgres::reachable_directory(&directory.path().join("postgres"))?;
    let cluster = Cluster::start(&place, ports::free()?, Durability::None).await?;
    let admin = cluster.database("olm").await?;
    let urls = postgres::prepare(&admin, "test-password").await?;
    Ok((directory, cluster, admin, urls))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_migration_goes_down_to_exactly_the_schema_before_it_and_up_again() -> Result<()> {
    let (_directory, mut cluster, admin, urls) = prepared().await?;
    for (schema, url) in [("lesson", &urls.lesson), ("notify", &urls.notify)] {
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../migrations")
            .join(schema);
        let all = Migrator::new(migrations).await?;
        let options = PgConnectOptions::from_str(url)?.options([("search_path", schema)]);
        let mut connection = options.connect().await?;
        let ups = all
            .iter()
            .filter(|migration| migration.migration_type.is_up_migration());
        let versions: Vec<_> = ups.map(|migration| migration.version).collect();
        let mut schemas = vec![dump(&cluster, &admin, schema).await?];
        for version in &versions {
            all.run_to(*version, &mut connection).await?;
            schemas.push(dump(&cluster, &admin, schema).await?);
        }
        assert!(versions.len() > 10, "{schema} has its migrations");
        for (place, version) in versions.iter().enumerate().rev() {
            let before = place.checked_sub(1).map_or(0, |place| versions[place]);
            all.undo(&mut connection, before).await?;
            let down = dump(&cluster, &admin, schema).await?;
            same(
                &down,
                &schemas[place],
                &format!("{schema} {version} goes down"),
            );
            all.run_to(*version, &mut connection).await?;
            let up = dump(&cluster, &admin, schema).await?;
            same(
                &up,
                &schemas[place + 1],
                &format!("{schema} {version} goes up again"),
            );
            all.undo(&mut connection, before).await?;
        }
        connection.close().await?;
    }
    cluster.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_one_goes_back_to_leaves_a_newer_schema_as_it_is() -> Result<()> {
    let (_directory, mut cluster, admin, urls) = prepared().await?;
    let mut connection = PgConnection::connect(&admin).await?;
    let services = [
        (
            Program::LessonSvc,
            "lesson",
            "LESSON_DATABASE_URL",
            urls.lesson,
        ),
        (
            Program::NotifySvc,
            "notify",
            "NOTIFY_DATABASE_URL",
            urls.notify,
        ),
    ];
    for (program, schema, variable, url) in services {
        let migrate = async || -> Result<()> {
            let mut command = Command::new(binaries()?.join(program.name()));
            let output = command.arg("migrate").env(variable, &url).output().await?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{}: {said}", program.name());
            Ok(())
        };
        migrate().await?;
        sqlx::raw_sql(AssertSqlSafe(format!(
            "INSERT INTO {schema}._sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (99991231000100, 'of the next release', true, '', 0);
             CREATE TABLE {schema}.of_the_next_release ();"
        )))
        .execute(&mut connection)
        .await?;
        let newer = dump(&cluster, &admin, schema).await?;
        migrate().await?;
        let after = dump(&cluster, &admin, schema).await?;
        same(
            &after,
            &newer,
            &format!("{schema} after the old release's migrate"),
        );
    }
    connection.close().await?;
    cluster.stop().await
}

/// When the transaction began that waits for a lock, if one does.
async fn waiting(connection: &mut PgConnection) -> Result<Option<i64>> {
    let since = sqlx::query_scalar(
        "SELECT (extract(epoch FROM xact_start) * 1e6)::bigint FROM pg_stat_activity
         WHERE usename = 'olm_lesson' AND wait_event_type = 'Lock' LIMIT 1",
    );
    Ok(since.fetch_optional(connection).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_gives_way_to_who_has_its_table_and_goes_on_afterwards() -> Result<()> {
    let (_directory, mut cluster, admin, urls) = prepared().await?;
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/lesson");
    let options = PgConnectOptions::from_str(&urls.lesson)?.options([("search_path", "lesson")]);
    let mut release = options.connect().await?;
    // The next one changes lessons.
    let before_group_lessons = 20_261_121_003_000;
    let all = Migrator::new(migrations).await?;
    all.run_to(before_group_lessons, &mut release).await?;
    release.close().await?;

    let mut reader = PgConnection::connect(&admin).await?;
    let mut reading = reader.begin().await?;
    sqlx::query("SELECT count(*) FROM lesson.lessons")
        .execute(&mut *reading)
        .await?;
    let mut migrate = Command::new(binaries()?.join(Program::LessonSvc.name()))
        .arg("migrate")
        .env("LESSON_DATABASE_URL", &urls.lesson)
        .kill_on_drop(true)
        .spawn()?;
    let mut watcher = PgConnection::connect(&admin).await?;
    let mut attempts = BTreeSet::new();
    eventually("it was tried three times", PATIENCE, async || {
        attempts.extend(waiting(&mut watcher).await.ok().flatten());
        attempts.len() >= 3
    })
    .await?;
    reading.commit().await?;
    assert!(migrate.wait().await?.success());
    let found: i64 = sqlx::query_scalar("SELECT max(version) FROM lesson._sqlx_migrations")
        .fetch_one(&mut watcher)
        .await?;
    assert_eq!(
        Some(found),
        all.iter().map(|migration| migration.version).max()
    );
    reader.close().await?;
    watcher.close().await?;
    cluster.stop().await
}
