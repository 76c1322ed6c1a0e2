//! Server 1's proxy on this machine: the real nginx, the configuration that deploys
//! (`deploy/server-1/nginx`), a certificate of a moment.
//!
//! In its container the configuration finds files, addresses and ports by fixed names, as
//! volumes, networks and published ports give them to it. Here those names, and nothing else,
//! are replaced by what this machine has in their place.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    net::TcpStream,
    process::Command,
    time::{Instant, sleep},
};
use uuid::Uuid;

use crate::{Result, ports, process::Process};

/// The container's port of plain HTTP, which leads to HTTPS.
pub const HTTP: u16 = 8_080;
/// The container's port of HTTPS for people.
pub const HTTPS: u16 = 8_443;
/// The container's port of gRPC for server 2.
pub const GRPC: u16 = 50_443;

/// Where nginx is when it is not on PATH, as for everybody but administrators.
const USUAL_PLACES: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];
const START_DEADLINE: Duration = Duration::from_secs(10);
/// A graceful stop takes as long as the configuration lets streams go on, 30 s.
const STOP_GRACE: Duration = Duration::from_secs(40);

/// Whom the proxy stands before.
#[derive(Debug, Clone, Copy)]
pub struct Behind {
    /// lesson-svc.
    pub lesson: SocketAddr,
    /// notify-svc.
    pub notify: SocketAddr,
    /// gateway-rest.
    pub rest: SocketAddr,
    /// The OTLP receiver.
    pub collector: SocketAddr,
    /// Grafana.
    pub grafana: SocketAddr,
}

/// The proxy. Dropped, it is killed.
#[derive(Debug)]
pub struct Nginx {
    program: PathBuf,
    directory: PathBuf,
    /// By the container's port: this machine's.
    ports: BTreeMap<u16, u16>,
    process: Option<Process>,
}

impl Nginx {
    /// Makes certificates and keys in `directory`, and chooses ports; nothing runs yet. The
    /// nginx will be `program`, see [`found`].
    ///
    /// # Errors
    ///
    /// When openssl fails, or a file cannot be read or written.
    pub async fn prepare(program: PathBuf, directory: &Path) -> Result<Self> {
        for folder in ["", "conf", "secrets", "tmp", "acme"] {
            fs::create_dir_all(directory.join(folder))?;
        }
        // Root's nginx works as nobody, who must reach what it keeps.
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
        let directory = directory.canonicalize()?;
        let mut used = BTreeMap::new();
        for (_, text) in sources()? {
            for address in text.lines().filter_map(listened) {
                used.insert(address.parse()?, ports::free()?);
            }
        }
        let nginx = Self {
            program,
            directory,
            ports: used,
            process: None,
        };
        certify(&nginx.directory.join("secrets")).await?;
        let key = Uuid::new_v4().simple().to_string();
        let admitted = nginx.directory.join("secrets/otlp-keys.map");
        fs::write(admitted, format!("\"{key}\" 1;\n"))?;
        fs::write(nginx.otlp_key_file(), key)?;
        Ok(nginx)
    }

    /// Writes the configuration with these services behind it, and has nginx judge it.
    ///
    /// # Errors
    ///
    /// When a name to which the container gives a meaning is not in it any more, or nginx is
    /// missing or refuses.
    pub async fn configure(&self, behind: &Behind) -> Result<()> {
        let meanings = self.meanings(behind);
        let mut found = BTreeSet::new();
        for (name, mut text) in sources()? {
            for (before, after) in &meanings {
                if text.contains(before) {
                    found.insert(before);
                    text = text.replace(before, after);
                }
            }
            let lines: Result<Vec<_>> = text.lines().map(|line| self.published(line)).collect();
            let text = lines?.join("\n") + "\n";
            fs::write(self.directory.join("conf").join(name), text)?;
        }
        if let Some((lost, _)) = meanings.iter().find(|(name, _)| !found.contains(name)) {
            return Err(format!("the proxy's configuration has no {lost:?}").into());
        }
        run(self.command().args(["-t", "-q"])).await
    }

    /// The container's files and names, and what stands for them here.
    fn meanings(&self, behind: &Behind) -> Vec<(String, String)> {
        let folder = |name: &str| self.directory.join(name).display().to_string();
        // Nothing that stands for one has a later one's name in it, wherever we are.
        let files = [
            ("/tmp/", folder("tmp/")),
            ("/run/secrets", folder("secrets")),
            ("/srv/acme", folder("acme")),
        ];
        let services = [
            ("lesson-svc:50051", behind.lesson),
            ("notify-svc:50052", behind.notify),
            ("gateway-rest:8080", behind.rest),
            ("otel-collector:4317", behind.collector),
            ("grafana:3000", behind.grafana),
        ];
        let services = services.map(|(name, address)| (name, address.to_string()));
        let all = files.into_iter().chain(services);
        all.map(|(name, here)| (name.to_owned(), here)).collect()
    }

    /// A line of the configuration; one that listens does so on this machine's own address.
    fn published(&self, line: &str) -> Result<String> {
        let Some(address) = listened(line) else {
            return Ok(line.to_owned());
        };
        let here = self.ports.get(&address.parse()?);
        let here = here.ok_or_else(|| format!("nobody publishes {line:?}"))?;
        Ok(line.replacen(address, &format!("127.0.0.1:{here}"), 1))
    }

    /// Starts it and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// When it does not; the text ends with its log.
    pub async fn start(&mut self) -> Result<()> {
        let mut process = Process::start(
            "nginx",
            self.command().args(["-g", "daemon off;"]),
            &self.log(),
        )?;
        let deadline = Instant::now() + START_DEADLINE;
        for port in self.ports.values() {
            while TcpStream::connect(("127.0.0.1", *port)).await.is_err() {
                process.check()?;
                if Instant::now() > deadline {
                    let tail = process.log_tail();
                    return Err(format!("nginx does not listen on {port}:\n{tail}").into());
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        self.process = Some(process);
        Ok(())
    }

    /// Stops it: with [`Signal::QUIT`] as its container does, once streams have ended or
    /// their time is over; with [`Signal::TERM`] at once.
    ///
    /// # Errors
    ///
    /// When it does not run or had to be killed.
    pub async fn stop(&mut self, signal: Signal) -> Result<()> {
        let mut process = self.process.take().ok_or("nginx does not run")?;
        process.stop(signal, STOP_GRACE).await?;
        Ok(())
    }

    /// Has it read configuration and certificate anew.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn reload(&self) -> Result<()> {
        let process = self.process.as_ref().ok_or("nginx does not run")?;
        process.signal(Signal::HUP)
    }

    /// The processes that serve, after a reload those of before too until their streams
    /// have ended.
    ///
    /// # Errors
    ///
    /// When it does not run, or the system does not tell.
    pub fn workers(&self) -> Result<BTreeSet<u32>> {
        let process = self.process.as_ref().and_then(Process::id);
        let id = process.ok_or("nginx does not run")?;
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        let children = children.split_whitespace().map(str::parse);
        Ok(children.collect::<std::result::Result<_, _>>()?)
    }

    /// `scheme://localhost:port` of a port of the container.
    #[must_use]
    pub fn url(&self, scheme: &str, port: u16) -> String {
        let here = self.ports.get(&port).copied().unwrap_or_default();
        format!("{scheme}://localhost:{here}")
    }

    /// Who vouches for its certificate, in PEM.
    #[must_use]
    pub fn authority_file(&self) -> PathBuf {
        self.directory.join("secrets/ca.crt")
    }

    /// The key with which traces and figures are let in.
    #[must_use]
    pub fn otlp_key_file(&self) -> PathBuf {
        self.directory.join("secrets/otlp-key")
    }

    /// What it logged: a line for each request, and what was wrong.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let place = self.directory.join("conf");
        command.args(["-e", "stderr", "-c"]);
        command.arg(place.join("nginx.conf")).arg("-p").arg(place);
        command
    }
}

/// The nginx of PATH, or of where systems keep it for administrators.
///
/// # Errors
///
/// When there is none.
pub fn found() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .chain(USUAL_PLACES.map(PathBuf::from))
        .map(|folder| folder.join("nginx"))
        .find(|program| program.is_file());
    found.ok_or_else(|| "nginx was not found: `cargo xtask test --system` unpacks Debian's".into())
}

/// The configuration's files, by name.
fn sources() -> Result<Vec<(String, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/server-1/nginx");
    let files = fs::read_dir(folder)?.map(|entry| {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        Ok((name, fs::read_to_string(entry.path())?))
    });
    files.collect()
}

/// Where a line listens, if it does.
fn listened(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("listen ")?;
    rest.split([' ', ';']).next()
}

/// `tls.crt` and `tls.key` for localhost, and the authority that signed it, for two days.
async fn certify(folder: &Path) -> Result<()> {
    let make = |name: &str, subject: &str| {
        let mut command = Command::new("openssl");
        command
            .current_dir(folder)
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
            .args(["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", subject])
            .args(["-keyout", &format!("{name}.key")])
            .args(["-out", &format!("{name}.crt")]);
        command
    };
    run(make("ca", "/CN=an authority of a moment").args(["-addext", "keyUsage=keyCertSign"]))
        .await?;
    run(make("tls", "/CN=localhost")
        .args(["-CA", "ca.crt", "-CAkey", "ca.key"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"]))
    .await
}

async fn run(command: &mut Command) -> Result<()> {
    let program = command.as_std().get_program().to_owned();
    let output = command.output().await;
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} failed ({}):\n{said}", program.display(), output.status).into())
}
