//! PostgreSQL as server 1 runs it, and what it keeps.

use std::{env, iter};

use e2e::Result;
use sqlx::PgConnection;
use tokio::process::Command;

use crate::server::Server;

/// Where server 1 says how PostgreSQL is started.
const COMPOSE: &str = include_str!("../../../deploy/server-1/compose.yaml");

/// Bytes at one instant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) lesson: i64,
    pub(super) notify: i64,
    pub(super) database: i64,
    /// Ever written.
    pub(super) wal: i64,
    pub(super) wal_on_disk: i64,
}

impl Kept {
    /// After a checkpoint.
    pub(super) async fn now(server: &Server) -> Result<Self> {
        let mut admin = server.admin().await?;
        sqlx::raw_sql("CHECKPOINT").execute(&mut admin).await?;
        let (database, wal, wal_on_disk) = sqlx::query_as(
            "SELECT pg_database_size(current_database()),
                 pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8,
                 (SELECT sum(size)::int8 FROM pg_ls_waldir())",
        )
        .fetch_one(&mut admin)
        .await?;
        Ok(Self {
            lesson: schema(&mut admin, "lesson").await?,
            notify: schema(&mut admin, "notify").await?,
            database,
            wal,
            wal_on_disk,
        })
    }
}

async fn schema(admin: &mut PgConnection, name: &str) -> Result<i64> {
    let size = sqlx::query_scalar(
        "SELECT sum(pg_total_relation_size(c.oid))::int8 FROM pg_class c
         WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r'",
    );
    Ok(size.bind(name).fetch_one(admin).await?)
}

/// How many bytes a backup has (`deploy/backup/backup.sh`).
pub(super) async fn dump(server: &Server) -> Result<i64> {
    let file = server.directory().join("sizing.dump");
    // Beside the server's programs, or wherever else clients are.
    let usual = env::var_os("PATH").unwrap_or_default();
    let places = iter::once(server.database_programs().to_owned());
    let path = env::join_paths(places.chain(env::split_paths(&usual)))?;
    let output = Command::new("pg_dump")
        .env("PATH", path)
        .args([
            "--format=custom",
            "--compress=6",
            "--schema=lesson",
            "--schema=notify",
        ])
        .arg("--dbname")
        .arg(server.admin_url().await?)
        .arg("--file")
        .arg(&file)
        .output()
        .await?;
    if output.status.success() {
        return Ok(std::fs::metadata(&file)?.len().try_into()?);
    }
    Err(String::from_utf8_lossy(&output.stderr).into())
}

/// Server 1's, by name and value.
pub(super) fn settings() -> Vec<(String, String)> {
    let own = COMPOSE
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- -c")?.split_once('='));
    own.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_server_1() {
        let settings = settings();
        let of = |wanted: &str| {
            let mut own = settings.iter().filter(|(name, _)| name == wanted);
            own.next().map(|(_, value)| value.as_str())
        };
        assert_eq!(of("wal_compression"), Some("on"));
        assert!(of("shared_buffers").is_some_and(|value| value.ends_with("MB")));
    }
}
