//! Which updates the bot has handled, as its log tells.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
};

use serde_json::Value;

use crate::{Result, story::PATIENCE, system::eventually};

/// What the line of a handled update says.
const SAYS: &str = "update handled";

/// Reads on in the log where it stopped.
#[derive(Debug)]
pub(super) struct Handled {
    log: PathBuf,
    read: u64,
    /// A line that is not written to its end.
    begun: Vec<u8>,
    updates: BTreeSet<i64>,
}

impl Handled {
    /// Knows what is handled from now on.
    pub(super) fn from_now(log: PathBuf) -> Result<Self> {
        Ok(Self {
            read: fs::metadata(&log)?.len(),
            log,
            begun: Vec::new(),
            updates: BTreeSet::new(),
        })
    }

    /// Waits until an update was handled to its end: whatever comes of it is there.
    pub(super) async fn wait(&mut self, update: i64) -> Result<()> {
        eventually("the bot has handled it", PATIENCE, async || {
            self.read_on().is_ok() && self.updates.contains(&update)
        })
        .await
    }

    fn read_on(&mut self) -> Result<()> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.read))?;
        let length = file.read_to_end(&mut self.begun)?;
        self.read += u64::try_from(length)?;
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            let Ok(line) = serde_json::from_slice::<Value>(&line) else {
                continue;
            };
            if line["message"] == SAYS {
                self.updates.extend(line["update_id"].as_i64());
            }
        }
        Ok(())
    }
}
