//! The Dockerfile's steps, carried out in clean folders, and what they built, run by a user who
//! may nothing. No container engine is needed: what an engine would add, the base images and
//! their isolation, is not looked at.

mod context;
mod dockerfile;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use e2e::{Result, program::Program, system::System};

use self::dockerfile::{Stage, Step};
use super::tool;
use crate::{
    tasks::{cargo, open_to_all, root, runtime},
    up::demo,
};

/// An image with a shell and Rust; in others nothing can be run.
const TOOLCHAIN: &str = "rust:";
/// Our own of the images' variables: the steps are looked at here, not how fast their result is,
/// and without optimising they take a third of the time.
const QUICKER: (&str, &str) = ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
/// `nobody`, as every Linux numbers them.
const NOBODY: u32 = 65_534;
/// What the final images' base has of libraries, among others.
const LIBRARIES: [&str; 5] = ["linux-vdso", "libc", "libm", "libgcc_s", "ld-linux"];

/// Builds every image's program and has them tell the demo's story.
pub(super) fn check() -> Result<String> {
    let place = root().join("target/images");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    let context = place.join("context");
    let files = context::copy(&context)?;
    let stages = dockerfile::stages(&fs::read_to_string(root().join("Dockerfile"))?)?;
    let mut images = BTreeMap::new();
    for stage in &stages {
        let image = Image {
            place: &place,
            folder: place.join(&stage.name),
        };
        if let Some(entrypoint) = image.carry_out(stage)? {
            images.insert(stage.name.clone(), image.inside("/", &entrypoint));
        }
    }
    // Readable by all, unlike the checkout perhaps.
    let ready = tempfile::Builder::new().prefix("olm-images-").tempdir()?;
    open_to_all(ready.path())?;
    for program in Program::ALL {
        let name = program.name();
        let built = images.get(name).ok_or_else(|| format!("no image {name}"))?;
        links_what_is_there(built)?;
        fs::copy(built, ready.path().join(name)).map_err(|error| format!("{name}: {error}"))?;
    }
    run_as_nobody(ready.path())?;
    fs::remove_dir_all(&place)?;
    Ok(format!(
        "{files} files, {} images, run as nobody",
        images.len()
    ))
}

/// A stage's root folder.
struct Image<'a> {
    place: &'a Path,
    folder: PathBuf,
}

impl Image<'_> {
    /// A path of the image on this machine.
    fn inside(&self, workdir: &str, path: &str) -> PathBuf {
        let absolute = Path::new("/").join(workdir).join(path);
        let below = absolute.strip_prefix("/").unwrap_or(&absolute).to_owned();
        self.folder.join(below)
    }

    /// All steps of the stage; its program, if it has one.
    fn carry_out(&self, stage: &Stage) -> Result<Option<String>> {
        fs::create_dir_all(&self.folder)?;
        let (mut workdir, mut entrypoint) = ("/", None);
        let mut variables = Vec::new();
        for step in &stage.steps {
            match step {
                Step::Workdir(path) => {
                    workdir = path;
                    fs::create_dir_all(self.inside("/", path))?;
                }
                Step::Env(pairs) => variables.extend(pairs.iter()),
                Step::Copy { from, what, to } => {
                    let source = match from {
                        Some(stage) => self.place.join(stage),
                        None => self.place.join("context"),
                    };
                    let source = source.join(what.trim_start_matches('/'));
                    copy(&source, &self.inside(workdir, to))?;
                }
                Step::Run(_) if !stage.base.starts_with(TOOLCHAIN) => {
                    return Err(format!("{}: {} has no shell", stage.name, stage.base).into());
                }
                Step::Run(line) => {
                    let mut shell = shell(line);
                    let variables = variables.iter().map(|(name, value)| (name, value));
                    shell.envs(variables).current_dir(self.inside("/", workdir));
                    tool(&mut shell)?;
                }
                Step::Entrypoint(program) => entrypoint = Some(program.clone()),
            }
        }
        Ok(entrypoint)
    }
}

/// `sh -c` with cargo and nothing that would lead it out of its folder.
fn shell(line: &str) -> Command {
    // Only for its environment, which is cleared of what `cargo run` told this program.
    let ours = cargo(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-ec", line]).env(QUICKER.0, QUICKER.1);
    for (name, value) in ours.get_envs() {
        if value.is_none() {
            shell.env_remove(name);
        }
    }
    for name in ["CARGO_TARGET_DIR", "DATABASE_URL", "RUSTFLAGS"] {
        shell.env_remove(name);
    }
    shell
}

/// As `COPY`: of a folder what is in it.
fn copy(source: &Path, to: &Path) -> Result<()> {
    let is_folder = source.is_dir();
    let folder = if is_folder { Some(to) } else { to.parent() };
    fs::create_dir_all(folder.ok_or("a file in no folder")?)?;
    let source = if is_folder {
        source.join(".")
    } else {
        source.to_owned()
    };
    tool(Command::new("cp").arg("-a").arg(source).arg(to))?;
    Ok(())
}

/// A library that the base lacks would be missed only where the image runs.
fn links_what_is_there(program: &Path) -> Result<()> {
    let listed = tool(Command::new("ldd").arg(program))?;
    let names = listed.lines().filter_map(|line| {
        let path = line.split_whitespace().next()?;
        path.rsplit('/').next()
    });
    let missed: Vec<_> = names
        .filter(|name| {
            let stem = name.split(".so").next().unwrap_or(name);
            !LIBRARIES.iter().any(|known| stem.starts_with(known))
        })
        .collect();
    if missed.is_empty() {
        return Ok(());
    }
    Err(format!("{} needs {}", program.display(), missed.join(", ")).into())
}

/// Runs [`run_images`] beside the programs in `folder`, as `nobody` where we are root.
fn run_as_nobody(folder: &Path) -> Result<()> {
    let own = folder.join("xtask");
    fs::copy(std::env::current_exe()?, &own)?;
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755))?;
    let mut command = Command::new(own);
    command.arg("run-images").current_dir(folder).env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    tool(&mut command)?;
    Ok(())
}

/// Starts the programs beside this one, asks their health as the images do, tells the demo's
/// story, and asks them to end.
pub(crate) fn run_images() -> Result<()> {
    if rustix::process::geteuid().is_root() {
        return Err("root runs no image".into());
    }
    runtime()?.block_on(async {
        let system = System::start(None).await?;
        for program in Program::ALL {
            if program != Program::TelegramSim {
                system.stack.healthcheck(program).await?;
            }
        }
        demo::tell(&system.stack).await?;
        system.stop().await
    })
}
