//! Child processes that never outlive their owner by accident.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::Result;

const LEFTOVER_GRACE: Duration = Duration::from_secs(15);

/// A running program whose output goes to a file.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; its output is appended to `log`. It runs in a process group
    /// of its own, so that Ctrl-C reaches only its owner, who stops it in order.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }

    /// The process's id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The exit status if it has ended.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Fails when the process has ended, with the end of its log.
    ///
    /// # Errors
    ///
    /// Says what it printed last.
    pub fn check(&mut self) -> Result<()> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => {
                Err(format!("{} ended ({status}):\n{}", self.name, self.log_tail()).into())
            }
        }
    }

    /// Sends a signal; a process that has ended is passed over.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        match pid.map(|pid| kill_process(pid, signal)) {
            None | Some(Ok(()) | Err(rustix::io::Errno::SRCH)) => Ok(()),
            Some(Err(error)) => Err(io::Error::from(error).into()),
        }
    }

    /// Asks the process to stop and waits; after `grace` it is killed, which is an
    /// error.
    ///
    /// # Errors
    ///
    /// When it had to be killed.
    pub async fn stop(&mut self, signal: Signal, grace: Duration) -> Result<ExitStatus> {
        self.signal(signal)?;
        if let Ok(status) = timeout(grace, self.child.wait()).await {
            return Ok(status?);
        }
        self.child.kill().await?;
        Err(format!("{} did not stop within {grace:?} and was killed", self.name).into())
    }

    /// Ends the process at once, as a crash does.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// The last lines of the log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Stops process `id` if its command line has `mark`: one that an owner who was
/// killed left behind. Ids are reused, so another program is left alone.
///
/// # Errors
///
/// When it does not end.
pub async fn stop_leftover(id: i32, mark: &str, signal: Signal) -> Result<()> {
    let command_line = PathBuf::from(format!("/proc/{id}/cmdline"));
    let is_ours =
        || fs::read(&command_line).is_ok_and(|text| String::from_utf8_lossy(&text).contains(mark));
    let Some(pid) = Pid::from_raw(id).filter(|_| is_ours()) else {
        return Ok(());
    };
    let deadline = Instant::now() + LEFTOVER_GRACE;
    // It may end between the look and the signal.
    let _ = kill_process(pid, signal);
    while is_ours() {
        if Instant::now() > deadline {
            return Err(
                format!("process {id} is left from an earlier run and does not stop").into(),
            );
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
