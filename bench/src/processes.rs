//! What the system says of processes: memory, CPU, parents.

use std::{fs, io, time::Duration};

use e2e::{Error, Result};

/// `USER_HZ`: what /proc counts CPU time in, on every Linux there is.
const TICKS_PER_SECOND: u32 = 100;
/// A process ended while it was looked at (`ESRCH`).
const ENDED: i32 = 3;

/// One or several processes at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reading {
    /// Resident memory in KiB; what is shared counts for each of its users in equal parts.
    pub(crate) memory: u64,
    /// CPU time since its start, of the kernel for it too.
    pub(crate) cpu: Duration,
}

/// What `/proc/<id>/stat` says of times, in ticks of the clock.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: u64,
    /// Of children that ended and were waited for.
    ended_children: u64,
}

/// One process.
pub(crate) fn reading(id: u32) -> Result<Reading> {
    read(id)?.ok_or_else(|| ended(id))
}

/// A process with its children, those that ended too.
pub(crate) fn family_reading(id: u32) -> Result<Reading> {
    let mut memory = reading(id)?.memory;
    for child in children(id)? {
        // One may end between the list and the look.
        memory += read(child)?.map_or(0, |own| own.memory);
    }
    Ok(Reading {
        memory,
        cpu: family_cpu(id)?,
    })
}

/// CPU time of one process.
pub(crate) fn cpu(id: u32) -> Result<Duration> {
    Ok(ticks(stat(id)?.ok_or_else(|| ended(id))?.own))
}

/// CPU time of a process with its children, those that ended too.
pub(crate) fn family_cpu(id: u32) -> Result<Duration> {
    let first = stat(id)?.ok_or_else(|| ended(id))?;
    let mut whole = first.own + first.ended_children;
    for child in children(id)? {
        whole += stat(child)?.map_or(0, |stat| stat.own);
    }
    Ok(ticks(whole))
}

/// The process that started `id`.
pub(crate) fn parent_of(id: i32) -> Result<u32> {
    let id = id.try_into()?;
    Ok(stat(id)?.ok_or_else(|| ended(id))?.parent)
}

fn children(parent: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if stat(id)?.is_some_and(|stat| stat.parent == parent) {
            found.push(id);
        }
    }
    Ok(found)
}

fn read(id: u32) -> Result<Option<Reading>> {
    let (Some(stat), Some(memory)) = (stat(id)?, text(id, "smaps_rollup")?) else {
        return Ok(None);
    };
    let Some(memory) = proportional(&memory) else {
        // It has ended and was not waited for yet.
        return Ok(None);
    };
    Ok(Some(Reading {
        memory,
        cpu: ticks(stat.own),
    }))
}

fn stat(id: u32) -> Result<Option<Stat>> {
    let Some(text) = text(id, "stat")? else {
        return Ok(None);
    };
    let stat = parse(&text).ok_or_else(|| format!("/proc/{id}/stat is not understood"))?;
    Ok(Some(stat))
}

/// A file of a process, unless it has ended.
fn text(id: u32, name: &str) -> Result<Option<String>> {
    match fs::read_to_string(format!("/proc/{id}/{name}")) {
        Ok(text) => Ok(Some(text)),
        Err(error)
            if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ENDED) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Fields as proc(5) numbers them; the name before them may hold anything.
fn parse(stat: &str) -> Option<Stat> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<_> = fields.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Stat {
        parent: field(4)?.try_into().ok()?,
        own: field(14)? + field(15)?,
        ended_children: field(16)? + field(17)?,
    })
}

fn proportional(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

fn ticks(count: u64) -> Duration {
    Duration::from_secs(count) / TICKS_PER_SECOND
}

fn ended(id: u32) -> Error {
    format!("process {id} has ended").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_brackets_and_blanks_moves_no_field() {
        let line = "42 (a) b (c) S 7 1 1 0 -1 4194560 9 9 0 0 250 50 30 20 20 0 5 0 1 2 3";
        let expected = Stat {
            parent: 7,
            own: 300,
            ended_children: 50,
        };
        assert_eq!(parse(line), Some(expected));
    }

    #[test]
    fn shared_memory_counts_in_parts() {
        let rollup = "1-2 ---p 0 00:00 0 [rollup]\nRss:  900 kB\nPss:  300 kB\nPss_Anon: 1 kB\n";
        assert_eq!(proportional(rollup), Some(300));
    }

    #[test]
    fn a_family_is_more_than_its_first() {
        let own = std::process::id();
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let listed = children(own).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(listed.contains(&child.id()));
        assert_eq!(read(child.id()).unwrap(), None);
        assert!(reading(own).unwrap().memory > 0);
    }
}
