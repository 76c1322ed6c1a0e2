//! What processes take while something goes on.

use std::{collections::BTreeMap, future::Future, pin::pin, time::Duration};

use e2e::{Result, program::Program};
use sqlx::PgConnection;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{
    processes::{Reading, family_reading, parent_of, reading},
    server::Server,
};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
const POSTGRES: &str = "PostgreSQL";
/// Of a MiB.
const KIB: f64 = 1_024.0;

/// A process, or PostgreSQL with all of its own.
#[derive(Debug, Clone, Copy)]
struct Process {
    name: &'static str,
    id: u32,
}

impl Process {
    fn reading(self) -> Result<Reading> {
        if self.name == POSTGRES {
            family_reading(self.id)
        } else {
            reading(self.id)
        }
    }
}

/// What one took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) name: &'static str,
    /// Resident, in the middle of all looks.
    pub(super) memory_mib: f64,
    /// The most of any look.
    pub(super) memory_peak_mib: f64,
    /// CPU time, and how many cores that kept busy.
    pub(super) cpu: Duration,
    pub(super) cores: f64,
}

/// Whom the looks are at.
pub(super) struct Watched {
    processes: Vec<Process>,
    admin: PgConnection,
    /// The most connections of each role.
    connections: BTreeMap<String, i64>,
}

impl Watched {
    /// Every process of `server`.
    pub(super) async fn of(server: &Server) -> Result<Self> {
        let mut admin = server.admin().await?;
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut admin)
            .await?;
        let mut processes = Vec::new();
        for program in server.stack.programs() {
            let id = server.stack.process_id(program).ok_or("not running")?;
            let name = program.name();
            processes.push(Process { name, id });
        }
        // What only stands for Telegram comes last.
        processes.sort_by_key(|process| process.name == Program::TelegramSim.name());
        let id = parent_of(backend)?;
        processes.insert(0, Process { name: POSTGRES, id });
        Ok(Self {
            processes,
            admin,
            connections: BTreeMap::new(),
        })
    }

    /// Looks once a second until `work` is done.
    pub(super) async fn during<T>(
        &mut self,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(Vec<Usage>, T)> {
        let mut work = pin!(work);
        let begun = Instant::now();
        let mut looks = vec![self.look()?];
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let done = loop {
            tokio::select! {
                done = &mut work => break done?,
                _ = ticks.tick() => {
                    looks.push(self.look()?);
                    self.count_connections().await?;
                }
            }
        };
        looks.push(self.look()?);
        let elapsed = begun.elapsed();
        let used = self.processes.iter().enumerate().map(|(place, process)| {
            let own = looks.iter().filter_map(|look| look.get(place)).copied();
            usage(process.name, &own.collect::<Vec<_>>(), elapsed)
        });
        Ok((used.collect(), done))
    }

    /// The most connections of each role at any look.
    pub(super) fn connections(&self) -> String {
        let roles = self.connections.iter();
        let told: Vec<_> = roles.map(|(role, most)| format!("{role} {most}")).collect();
        told.join(", ")
    }

    fn look(&self) -> Result<Vec<Reading>> {
        self.processes
            .iter()
            .map(|process| process.reading())
            .collect()
    }

    async fn count_connections(&mut self) -> Result<()> {
        let now: Vec<(String, i64)> = sqlx::query_as(
            "SELECT usename::text, count(*) FROM pg_stat_activity
             WHERE usename LIKE 'olm\\_%' GROUP BY usename",
        )
        .fetch_all(&mut self.admin)
        .await?;
        for (role, count) in now {
            let most = self.connections.entry(role).or_default();
            *most = count.max(*most);
        }
        Ok(())
    }
}

fn usage(name: &'static str, looks: &[Reading], elapsed: Duration) -> Usage {
    let mut memory: Vec<_> = looks.iter().map(|look| look.memory).collect();
    memory.sort_unstable();
    let mebibytes = |kibibytes: Option<&u64>| {
        let kibibytes = kibibytes.copied().unwrap_or_default();
        f64::from(u32::try_from(kibibytes).unwrap_or(u32::MAX)) / KIB
    };
    let (first, last) = (looks.first(), looks.last());
    let cpu = |look: Option<&Reading>| look.map_or(Duration::ZERO, |look| look.cpu);
    let cpu = cpu(last).saturating_sub(cpu(first));
    Usage {
        name,
        memory_mib: mebibytes(memory.get(memory.len() / 2)),
        memory_peak_mib: mebibytes(memory.last()),
        cpu,
        cores: cpu.as_secs_f64() / elapsed.as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_the_middle_and_the_most_and_cpu_is_what_was_added() {
        let look = |memory, cpu_ms| Reading {
            memory,
            cpu: Duration::from_millis(cpu_ms),
        };
        let looks = [look(1_024, 5_000), look(4_096, 5_100), look(2_048, 6_000)];
        let usage = usage("x", &looks, Duration::from_secs(2));
        let close = |left: f64, right: f64| (left - right).abs() < 1e-9;
        assert!(close(usage.memory_mib, 2.0));
        assert!(close(usage.memory_peak_mib, 4.0));
        assert_eq!(usage.cpu, Duration::from_secs(1));
        assert!(close(usage.cores, 0.5));
    }
}
