//! The pictures of one language.

use std::{fs, path::PathBuf};

use e2e::Result;
use telegram_sim::api::Person;

use super::{browser::Browser, cast::Cast, palette};

/// More than a page full of pictures should load each.
const MOST_BYTES: usize = 60 * 1024;

/// Where pictures go, and how they are taken.
pub(super) struct Album<'a> {
    browser: &'a Browser,
    cast: &'a Cast,
    page: String,
    folder: PathBuf,
    /// Names of the files.
    pub(super) taken: Vec<String>,
}

/// What of a chat is shown.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct View {
    /// The first message; earlier ones are left out.
    pub(super) from: i64,
    /// Whether the keyboard below the text field is open.
    pub(super) keyboard: bool,
}

impl View {
    /// From this message on, with the keyboard folded.
    pub(super) fn from(message: i64) -> Self {
        Self {
            from: message,
            keyboard: false,
        }
    }
}

impl<'a> Album<'a> {
    pub(super) fn new(browser: &'a Browser, cast: &'a Cast, page: String, folder: PathBuf) -> Self {
        Self {
            browser,
            cast,
            page,
            folder,
            taken: Vec::new(),
        }
    }

    /// Takes a picture of somebody's chat as it is now.
    pub(super) fn take(
        &mut self,
        name: &str,
        person: &Person,
        zone: &str,
        view: View,
    ) -> Result<()> {
        let name = format!("{}-{name}.png", self.cast.language);
        let path = self.folder.join(&name);
        let folded = if view.keyboard { "" } else { "&folded" };
        let url = format!(
            "{}/?still&from={}{folded}#{}",
            self.page, view.from, person.id
        );
        self.browser.look_at(&url, zone, &path)?;
        let reduced = palette::reduce(&fs::read(&path)?)?;
        if reduced.len() > MOST_BYTES {
            return Err(format!("{name} has {} bytes", reduced.len()).into());
        }
        println!("  {name}: {} KiB", reduced.len().div_ceil(1024));
        fs::write(&path, reduced)?;
        self.taken.push(name);
        Ok(())
    }
}
