//! Backups: the drill an operator is told of (docs/operations/backup-and-restore.md).

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Output,
};

use e2e::{
    Result, ports,
    postgres::{self, Cluster, Durability},
    program::Program,
    stack::Stack,
    story::{PATIENCE, Story, sign},
    system::{System, binaries, eventually},
};
use jiff::SignedDuration;
use olm_proto::notify::v1::{
    GetSendingRequest, SendingOffReason, SetSendingRequest,
    delivery_service_client::DeliveryServiceClient,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::process::Command;
use url::Url;

/// Who dumps; `migrations/roles.sql` made them.
const READER: &str = "ALTER ROLE olm_backup PASSWORD 'olm_backup-password'";
/// Who restores where there is no superuser to be had.
const OWNER: &str =
    "CREATE ROLE owner LOGIN PASSWORD 'owner-password' IN ROLE olm_lesson, olm_notify;
    GRANT CONNECT ON DATABASE olm TO owner";

/// A day before everything that tests make.
const OLD: &str = "olm-20200101T030000Z.dump";

/// Where backups of a test are, and how its scripts reach the database.
struct Backups<'t> {
    cluster: &'t Cluster,
    directory: PathBuf,
    password: PathBuf,
}

impl<'t> Backups<'t> {
    fn new(cluster: &'t Cluster, below: &Path) -> Result<Self> {
        let directory = below.join("backups");
        fs::create_dir_all(&directory)?;
        let password = below.join("backup-password");
        fs::write(&password, "olm_backup-password\n")?;
        Ok(Self {
            cluster,
            directory,
            password,
        })
    }

    fn script(&self, name: &str, port: u16) -> Result<Command> {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/backup");
        let mut command = Command::new(place.join(name));
        let usual = env::var_os("PATH").unwrap_or_default();
        let programs = [self.cluster.programs().to_owned()];
        let path = programs.into_iter().chain(env::split_paths(&usual));
        command
            .env_clear()
            .env("PATH", env::join_paths(path)?)
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", port.to_string())
            .env("PGDATABASE", "olm");
        Ok(command)
    }

    async fn back_up_at(&self, port: u16) -> Result<Output> {
        let mut command = self.script("backup.sh", port)?;
        command
            .env("PGUSER", "olm_backup")
            .env("PGPASSWORD_FILE", &self.password)
            .env("BACKUP_DIRECTORY", &self.directory);
        Ok(command.output().await?)
    }

    async fn back_up(&self, admin_url: &str) -> Result<PathBuf> {
        let port = Url::parse(admin_url)?.port().ok_or("no port")?;
        succeeded(&self.back_up_at(port).await?)?;
        let newest = self.kept()?.pop().ok_or("no backup")?;
        Ok(self.directory.join(newest))
    }

    async fn restore(&self, admin_url: &str, dump: &Path) -> Result<Output> {
        let url = Url::parse(admin_url)?;
        let mut command = self.script("restore.sh", url.port().ok_or("no port")?)?;
        command
            .env("PGUSER", url.username())
            .env("PGPASSWORD", url.password().unwrap_or_default())
            .arg(dump);
        Ok(command.output().await?)
    }

    /// The names of all backups, the oldest first.
    fn kept(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if Path::new(&name)
                .extension()
                .is_some_and(|extension| extension == "dump")
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn figure(&self, name: &str) -> Result<i64> {
        let text = fs::read_to_string(self.directory.join("metrics/olm_backup.prom"))?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.ok_or("no such figure")?.parse()?)
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeeded(output: &Output) -> Result<()> {
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{}: {}", output.status, said(output)).into())
    }
}

async fn run(admin_url: &str, statements: &str) -> Result<()> {
    let mut admin = PgConnection::connect(admin_url).await?;
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(&mut admin)
        .await?;
    Ok(admin.close().await?)
}

/// Every table of both schemas with its rows' number and a digest of them.
async fn content(admin_url: &str) -> Result<Vec<(String, i64, Option<String>)>> {
    let mut admin = PgConnection::connect(admin_url).await?;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
         WHERE schemaname IN ('lesson', 'notify') ORDER BY 1",
    )
    .fetch_all(&mut admin)
    .await?;
    let mut found = Vec::new();
    for table in tables {
        // The one row whose mark a restore changes.
        let row = if table == "notify.sending" {
            "t.enabled::text"
        } else {
            "t::text"
        };
        let statement = format!(
            "SELECT count(*), md5(string_agg({row}, E'\\n' ORDER BY {row})) FROM {table} t"
        );
        let (rows, digest) = sqlx::query_as(AssertSqlSafe(statement))
            .fetch_one(&mut admin)
            .await?;
        found.push((table, rows, digest));
    }
    admin.close().await?;
    Ok(found)
}

/// The same database by another role, whose password is `<role>-password`.
fn as_role(admin_url: &str, role: &str) -> Result<String> {
    let mut url = Url::parse(admin_url)?;
    let named = url.set_username(role);
    named
        .and_then(|()| url.set_password(Some(&format!("{role}-password"))))
        .map_err(|()| "no host")?;
    Ok(url.into())
}

/// What who dumps is told of a statement that dumping needs not.
async fn refusal(admin_url: &str, statement: &'static str) -> Result<Option<String>> {
    let mut reader = PgConnection::connect(&as_role(admin_url, "olm_backup")?).await?;
    let tried = sqlx::raw_sql(statement).execute(&mut reader).await;
    let refused = tried.err();
    let code = refused
        .as_ref()
        .and_then(|error| error.as_database_error()?.code());
    Ok(code.map(Into::into))
}

/// Everything of it is gone, but not the database itself: the copy that takes its place has
/// the numbers of the original, by which restored copies are recognised otherwise.
async fn lose_content(cluster: &Cluster) -> Result<String> {
    let url = cluster.database("olm").await?;
    run(
        &url,
        "DROP SCHEMA lesson CASCADE; DROP SCHEMA notify CASCADE",
    )
    .await?;
    postgres::prepare(&url, "test-password").await?;
    Ok(url)
}

/// A new, empty database in the place of one that is lost.
async fn lose(cluster: &Cluster) -> Result<String> {
    let admin = cluster.database("postgres").await?;
    run(&admin, "DROP DATABASE olm WITH (FORCE)").await?;
    let url = cluster.database("olm").await?;
    postgres::prepare(&url, "test-password").await?;
    Ok(url)
}

async fn set_sending(stack: &Stack) -> Result<(i64, i64)> {
    let mut delivery = DeliveryServiceClient::new(stack.operator(Program::NotifySvc)?);
    let answer = delivery
        .set_sending(SetSendingRequest { enabled: true })
        .await?
        .into_inner();
    Ok((answer.expired_count, answer.unconfirmed_count))
}

async fn off_reason(stack: &Stack) -> Result<Option<SendingOffReason>> {
    let mut delivery = DeliveryServiceClient::new(stack.operator(Program::NotifySvc)?);
    let answer = delivery.get_sending(GetSendingRequest {}).await?;
    let sending = answer.into_inner().sending.ok_or("no sending")?;
    Ok((!sending.enabled).then(|| sending.off_reason()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_database_is_restored_and_no_reminder_is_sent_again() -> Result<()> {
    let mut system = System::start(None).await?;
    let (story, stack) = (&system.story, &mut system.stack);
    let teacher = story.join(stack, "Olga", "en").await?;
    let mut student = story.join(stack, "Ben", "en").await?;
    story.teach(stack, &teacher).await?;
    let start = *story
        .slots(&teacher, &student)
        .await?
        .last()
        .ok_or("no slot")?;
    let lead = Story::lead(start, SignedDuration::from_secs(15));
    story.set_lead(stack, &mut student, lead).await?;
    let lesson = story.book(&student, &teacher, start).await?;
    for person in [&student, &teacher] {
        story.notice(person, sign::BOOKED, 0).await?;
    }

    // Backed up before the reminder, which is sent by what goes on afterwards.
    let services = [Program::LessonSvc, Program::NotifySvc];
    for service in services {
        stack.stop_one(service).await?;
    }
    let admin = system.cluster.database("olm").await?;
    run(&admin, READER).await?;
    let backups = Backups::new(&system.cluster, system.directory.path())?;
    let before = content(&admin).await?;
    let dump = backups.back_up(&admin).await?;
    for service in services {
        stack.restart(service).await?;
    }
    story.notice(&student, sign::REMINDER, 0).await?;
    for service in services {
        stack.stop_one(service).await?;
    }

    let admin = lose_content(&system.cluster).await?;
    run(&admin, OWNER).await?;
    let owner = as_role(&admin, "owner")?;
    succeeded(&backups.restore(&owner, &dump).await?)?;
    assert_eq!(content(&admin).await?, before);
    let again = backups.restore(&owner, &dump).await?;
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("is not empty"), "{}", said(&again));

    for service in services {
        stack.restart(service).await?;
    }
    assert_eq!(
        off_reason(stack).await?,
        Some(SendingOffReason::Restored),
        "sending waits for an operator"
    );
    // The reminder is due in the copy, and ends as expired when sending goes on.
    assert_eq!(set_sending(stack).await?, (1, 0));
    assert_eq!(off_reason(stack).await?, None);
    let since = story.last_entry().await?;
    story.cancel(&student, &lesson).await?;
    for person in [&student, &teacher] {
        story.notice(person, sign::CANCELED, since).await?;
    }
    assert_eq!(story.count(&student, sign::REMINDER).await?, 1);
    assert_eq!(story.count(&student, sign::BOOKED).await?, 1);
    system.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_fails_removes_nothing_and_a_damaged_one_is_not_restored() -> Result<()> {
    let directory = tempfile::Builder::new().prefix("olm-e2e-").tempdir()?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    let place = postgres::reachable_directory(&directory.path().join("postgres"))?;
    let mut cluster = Cluster::start(&place, ports::free()?, Durability::None).await?;
    let admin = cluster.database("olm").await?;
    let urls = postgres::prepare(&admin, "test-password").await?;
    run(&admin, READER).await?;
    for (program, variable, url) in [
        (Program::LessonSvc, "LESSON_DATABASE_URL", &urls.lesson),
        (Program::NotifySvc, "NOTIFY_DATABASE_URL", &urls.notify),
    ] {
        let mut migrate = Command::new(binaries()?.join(program.name()));
        let migrated = migrate.arg("migrate").env(variable, url).output().await?;
        succeeded(&migrated)?;
    }
    for statement in [
        "DELETE FROM notify.notifications",
        "SELECT rolpassword FROM pg_authid",
    ] {
        let refused = refusal(&admin, statement).await?;
        assert_eq!(refused.as_deref(), Some("42501"), "{statement}");
    }
    let backups = Backups::new(&cluster, directory.path())?;
    fs::write(backups.directory.join(OLD), "a dump of long ago")?;

    let failed = backups.back_up_at(ports::free()?).await?;
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    assert_eq!(backups.kept()?, [OLD]);
    assert_eq!(backups.figure("olm_backup_last_attempt_succeeded")?, 0);
    // What does not fit a checksum is no backup.
    assert_eq!(
        backups.figure("olm_backup_last_success_timestamp_seconds")?,
        0
    );

    let dump = backups.back_up(&admin).await?;
    assert!(
        !backups.kept()?.contains(&OLD.to_owned()),
        "older than a week"
    );
    assert_eq!(backups.figure("olm_backup_last_attempt_succeeded")?, 1);
    let succeeded_at = backups.figure("olm_backup_last_success_timestamp_seconds")?;
    assert!(succeeded_at > 0);

    let failed = backups.back_up_at(ports::free()?).await?;
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(backups.figure("olm_backup_last_attempt_succeeded")?, 0);
    assert_eq!(
        backups.figure("olm_backup_last_success_timestamp_seconds")?,
        succeeded_at,
        "the good one is still known"
    );

    // Cut short, with its checksum and with one that fits what is left.
    let whole = fs::read(&dump)?;
    fs::write(&dump, &whole[..whole.len() - 100])?;
    let url = lose(&cluster).await?;
    let refused = backups.restore(&url, &dump).await?;
    assert!(
        said(&refused).contains("does not fit its checksum"),
        "{}",
        said(&refused)
    );
    let sum = Command::new("sha256sum").arg(&dump).output().await?;
    fs::write(dump.with_extension("dump.sha256"), sum.stdout)?;
    let refused = backups.restore(&url, &dump).await?;
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert_eq!(content(&url).await?, [], "half a restore is none");
    eventually("the cluster stops", PATIENCE, async || {
        cluster.stop().await.is_ok()
    })
    .await
}
