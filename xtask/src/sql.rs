//! SQL metadata: what the query macros know of the database when none is there.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
};

use e2e::Result;
use service_kit::clock::{Clock as _, SystemClock};
use sqlx::{Connection as _, PgConnection, migrate::Migrator};

use crate::tasks::{cargo, execute_mortal, root, with_cluster};

/// The crates that query, with their schema.
const CRATES: [(&str, &str); 2] = [("lesson-svc", "lesson"), ("notify-svc", "notify")];

/// Writes `.sqlx` anew.
pub(crate) fn write() -> Result<()> {
    let committed = root().join(".sqlx");
    if committed.exists() {
        fs::remove_dir_all(&committed)?;
    }
    fs::create_dir(&committed)?;
    generate(&committed)?;
    println!("{} queries in .sqlx", read(&committed)?.len());
    Ok(())
}

/// Fails when `.sqlx` is not what the queries and migrations of today give.
pub(crate) fn check() -> Result<()> {
    let fresh = tempfile::tempdir()?;
    generate(fresh.path())?;
    let (committed, fresh) = (read(&root().join(".sqlx"))?, read(fresh.path())?);
    if committed == fresh {
        println!("{} queries agree with the migrations", fresh.len());
        return Ok(());
    }
    let differing: Vec<_> = fresh
        .iter()
        .filter(|(name, text)| committed.get(*name) != Some(text))
        .map(|(name, _)| format!("+ {name}"))
        .chain(
            committed
                .keys()
                .filter(|name| !fresh.contains_key(*name))
                .map(|name| format!("- {name}")),
        )
        .collect();
    Err(format!(
        ".sqlx is out of date; run `cargo xtask sqlx` and commit it:\n{}",
        differing.join("\n")
    )
    .into())
}

fn generate(directory: &Path) -> Result<()> {
    with_cluster(async |cluster| {
        let url = cluster.database("olm_metadata").await?;
        for (package, schema) in CRATES {
            migrate(&url, schema).await?;
            touch_sources(&root().join(package))?;
        }
        let mut check = cargo(&["check", "--quiet", "--all-targets"]);
        for (package, _) in CRATES {
            check.args(["-p", package]);
        }
        check
            .env("DATABASE_URL", url)
            .env("SQLX_OFFLINE", "false")
            .env("SQLX_OFFLINE_DIR", directory);
        execute_mortal(check).await
    })
}

/// Migrates without the service, which cannot be built before its metadata is there.
async fn migrate(url: &str, schema: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "CREATE SCHEMA {schema}; SET search_path = {schema}"
    )))
    .execute(&mut connection)
    .await?;
    let migrator = Migrator::new(root().join("migrations").join(schema)).await?;
    migrator.run(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Makes cargo expand the query macros again.
fn touch_sources(package: &Path) -> Result<()> {
    let mut folders = vec![package.join("src"), package.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                File::options()
                    .append(true)
                    .open(&path)?
                    .set_modified(SystemClock.now().into())?;
            }
        }
    }
    Ok(())
}

fn read(directory: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("query-") {
            files.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(files)
}
