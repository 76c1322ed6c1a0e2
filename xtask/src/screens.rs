//! `cargo xtask screens`: pictures of the bot's main screens. Real services, invented people,
//! conversations as tests have them, and a browser that looks at telegram-sim's chat page.

mod album;
mod browser;
mod cast;
mod palette;
mod school;
mod students;
mod teachers;

use std::{fs, path::PathBuf};

use e2e::Result;

use crate::tasks::{Interrupts, cargo, execute, root, runtime};
use album::Album;
use browser::Browser;
use cast::CASTS;
use school::School;

/// What takes part.
const PROGRAMS: [&str; 5] = [
    "telegram-sim",
    "lesson-svc",
    "notify-svc",
    "bot-gateway",
    "gateway-rest",
];
/// The page that shows the pictures.
const PAGE: &str = "docs/bot.md";

/// Builds everything, has the conversations, and takes the pictures into `docs/bot`.
pub(crate) fn run() -> Result<()> {
    let mut build = cargo(&["build", "--bins"]);
    build.args(PROGRAMS.iter().flat_map(|program| ["-p", program]));
    execute(&mut build)?;
    let browser = Browser::find()?;
    let place = folder();
    fs::create_dir_all(&place)?;
    let mut taken = Vec::new();
    runtime()?.block_on(async {
        let mut interrupts = Interrupts::new()?;
        tokio::select! {
            told = tell_all(&browser, &mut taken) => told,
            () = interrupts.next() => Err("interrupted".into()),
        }
    })?;
    forget_others(&taken)?;
    let page = fs::read_to_string(root().join(PAGE))?;
    let missing: Vec<_> = taken.iter().filter(|name| !page.contains(*name)).collect();
    if !missing.is_empty() {
        return Err(format!("{PAGE} does not show {missing:?}").into());
    }
    println!("{} pictures in {}", taken.len(), place.display());
    Ok(())
}

fn folder() -> PathBuf {
    root().join("docs/bot")
}

/// In each language with a system of its own, where only people of that language are.
async fn tell_all(browser: &Browser, taken: &mut Vec<String>) -> Result<()> {
    for cast in &CASTS {
        println!("{}: starting everything …", cast.language);
        let school = School::open(cast).await?;
        let mut album = Album::new(browser, cast, school.page(), folder());
        let told = async {
            students::tell(&school, &mut album).await?;
            teachers::tell(&school, &mut album).await
        };
        told.await?;
        taken.extend(album.taken);
        school.close().await?;
    }
    Ok(())
}

/// Pictures of screens that there are no more.
fn forget_others(taken: &[String]) -> Result<()> {
    for file in fs::read_dir(folder())?.flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let is_picture = file.path().extension().is_some_and(|kind| kind == "png");
        if is_picture && !taken.contains(&name) {
            fs::remove_file(file.path())?;
        }
    }
    Ok(())
}
