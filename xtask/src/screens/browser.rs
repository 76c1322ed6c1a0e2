//! Chromium without a window, which looks at the chat page with fonts of its own, so that
//! pictures look alike wherever they are made.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::Result;
use tempfile::TempDir;

use crate::{
    tasks::{execute, line_of},
    tools,
};

/// What the browser is called, by who packs it.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];
/// Letters, emoji and arrows, as Debian's packages and where in them.
const FONTS: [(&str, &str); 3] = [
    (
        "fonts-roboto-unhinted",
        "usr/share/fonts/truetype/roboto/unhinted/RobotoTTF",
    ),
    ("fonts-noto-color-emoji", "usr/share/fonts"),
    ("fonts-dejavu-core", "usr/share/fonts"),
];
/// A phone's, in CSS pixels, a little higher: what is not used is cut off. And how many of the picture's stand for one of them.
const WINDOW: &str = "--window-size=420,880";
const SCALE: &str = "--force-device-scale-factor=1.5";
/// As much of the page's own time as it needs to load; that passes as fast as it loads.
const PATIENCE: &str = "--virtual-time-budget=3000";
/// What a line of the page's console says in Chromium's log.
const CONSOLE: &str = "CONSOLE";

/// A browser that can take pictures.
pub(super) struct Browser {
    program: PathBuf,
    fonts: PathBuf,
    home: TempDir,
}

impl Browser {
    /// Finds Chromium, or installs Debian's, and fetches the fonts.
    pub(super) fn find() -> Result<Self> {
        let program = match look() {
            Some(found) => found,
            None => install()?,
        };
        let home = tempfile::Builder::new().prefix("olm-browser-").tempdir()?;
        let mut folders = Vec::new();
        for (package, below) in FONTS {
            let place = tools::debian_files(package)?.join(below);
            folders.push(format!("<dir>{}</dir>", place.display()));
        }
        let fonts = home.path().join("fonts.conf");
        fs::write(&fonts, configuration(&folders.concat(), home.path()))?;
        Ok(Self {
            program,
            fonts,
            home,
        })
    }

    /// Looks at an address as somebody in a zone does, and writes what they see.
    ///
    /// Fails when the page says something in its console: it has nothing to say there.
    pub(super) fn look_at(&self, url: &str, zone: &str, picture: &Path) -> Result<()> {
        let mut command = Command::new(&self.program);
        command
            .env("TZ", zone)
            .env("FONTCONFIG_FILE", &self.fonts)
            .args(["--headless", "--disable-gpu", "--hide-scrollbars"])
            .args(["--no-first-run", "--disable-background-networking"])
            .args([
                "--disable-component-update",
                "--disable-sync",
                "--disable-quic",
            ])
            .args(["--disable-lcd-text", "--font-render-hinting=none"])
            .args(["--enable-logging=stderr", WINDOW, SCALE, PATIENCE])
            .arg(format!(
                "--user-data-dir={}",
                self.home.path().join("data").display()
            ))
            .arg(format!("--screenshot={}", picture.display()));
        if rustix::process::geteuid().is_root() {
            // Root may not make the namespaces of Chromium's sandbox; the page is our own.
            command.arg("--no-sandbox");
        }
        let output = command.arg(url).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let complaints: Vec<_> = said.lines().filter(|line| line.contains(CONSOLE)).collect();
        if !complaints.is_empty() {
            return Err(format!("the page complains:\n{}", complaints.join("\n")).into());
        }
        if !output.status.success() || !picture.exists() {
            return Err(format!("{} made no picture:\n{said}", line_of(&command)).into());
        }
        Ok(())
    }
}

fn look() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = env::split_paths(&path).collect();
    let places = NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// As root on Debian or Ubuntu; it needs libraries, so unpacking it would not do.
fn install() -> Result<PathBuf> {
    let apt = Path::new("/usr/bin/apt-get");
    if !rustix::process::geteuid().is_root() || !apt.exists() {
        return Err(
            "Chromium was not found: install it (Debian, Ubuntu: apt install chromium)".into(),
        );
    }
    println!("Chromium is not installed; installing the system's package chromium …");
    for arguments in [
        &["update", "-q"][..],
        &["install", "-q", "-y", "--no-install-recommends", "chromium"],
    ] {
        let mut command = Command::new(apt);
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        execute(&mut command)?;
    }
    look().ok_or_else(|| "the system's package chromium brought no chromium".into())
}

fn configuration(folders: &str, home: &Path) -> String {
    let cache = home.join("fonts").display().to_string();
    let alias = |family: &str| {
        format!(
            "<alias binding=\"same\"><family>{family}</family><prefer><family>Roboto</family>\
             <family>Noto Color Emoji</family></prefer></alias>"
        )
    };
    let aliases = ["system-ui", "sans-serif", "sans"].map(alias);
    // Also where no family is asked for.
    let default = "<match target=\"pattern\"><edit name=\"family\" mode=\"append_last\">\
         <string>Roboto</string></edit></match>";
    format!(
        "<?xml version=\"1.0\"?><!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\
         <fontconfig>{folders}<cachedir>{cache}</cachedir>{}{default}</fontconfig>",
        aliases.concat()
    )
}
