//! Keys change while the services run, as docs/operations/rotate-keys.md tells it: by
//! deploy/keys.sh.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use e2e::{
    Result,
    program::Program,
    story::{Member, PATIENCE},
    system::{System, eventually},
};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use service_kit::keys::digest_hex;
use telegram_sim::api::LedgerQuery;
use tempfile::TempDir;

/// Whose key it is, and who shows it.
const CALLERS: [(&str, Program); 3] = [
    ("gateway-rest", Program::GatewayRest),
    ("bot-gateway", Program::BotGateway),
    ("lesson-svc", Program::LessonSvc),
];
/// Whose files `deploy/keys.sh` writes, and where: the variable, and the file.
const FILES: [(Program, &str, &str); 8] = [
    (
        Program::LessonSvc,
        "LESSON_SERVICE_KEYS_FILE",
        "lesson-svc/callers",
    ),
    (
        Program::LessonSvc,
        "LESSON_NOTIFY_KEY_FILE",
        "lesson-svc/notify-key",
    ),
    (
        Program::NotifySvc,
        "NOTIFY_SERVICE_KEYS_FILE",
        "notify-svc/callers",
    ),
    (
        Program::GatewayRest,
        "REST_SERVICE_KEYS_FILE",
        "gateway-rest/callers",
    ),
    (
        Program::GatewayRest,
        "REST_LESSON_KEY_FILE",
        "gateway-rest/lesson-key",
    ),
    (
        Program::GatewayRest,
        "REST_NOTIFY_KEY_FILE",
        "gateway-rest/notify-key",
    ),
    (
        Program::BotGateway,
        "BOT_LESSON_KEY_FILE",
        "bot-gateway/lesson-key",
    ),
    (
        Program::BotGateway,
        "BOT_NOTIFY_KEY_FILE",
        "bot-gateway/notify-key",
    ),
];

/// What `deploy/keys.sh` keeps, and a system that lives by it.
struct Installation {
    secrets: TempDir,
    system: System,
}

impl Installation {
    /// Its secrets are made as an installation's are; only the operator and the website show
    /// the keys that the harness has.
    async fn start() -> Result<Self> {
        let secrets = tempfile::tempdir()?;
        keys_sh(secrets.path(), &[])?;
        let file = |(program, variable, file)| {
            let path = secrets.path().join(file).to_string_lossy().into_owned();
            (program, variable, path)
        };
        let system = System::with(None, FILES.map(file).into(), false).await?;
        for holder in ["operator", "website"] {
            fs::write(
                secrets.path().join("keys").join(holder),
                system.stack.keys.of(holder),
            )?;
        }
        let installation = Self { secrets, system };
        installation.rotate(&[]).await?;
        Ok(installation)
    }

    /// Runs `deploy/keys.sh` and waits until every service has read what it wrote.
    async fn rotate(&self, arguments: &[&str]) -> Result<()> {
        let reloads =
            FILES.map(|(program, variable, _)| self.told(program, "keys_reloaded", variable));
        keys_sh(self.secrets.path(), arguments)?;
        for program in [
            Program::LessonSvc,
            Program::NotifySvc,
            Program::GatewayRest,
            Program::BotGateway,
        ] {
            // Not needed: they look by themselves every ten seconds.
            self.system.stack.reload(program)?;
        }
        for ((program, variable, _), before) in FILES.into_iter().zip(reloads) {
            self.until_told(program, "keys_reloaded", variable, before + 1)
                .await?;
        }
        Ok(())
    }

    /// How often a program said so of the file of a variable.
    fn told(&self, program: Program, event: &str, variable: &str) -> usize {
        let log = self.system.log(program).unwrap_or_default();
        let told = log
            .lines()
            .filter(|line| line.contains(event) && line.contains(variable));
        told.count()
    }

    async fn until_told(
        &self,
        program: Program,
        event: &str,
        variable: &str,
        times: usize,
    ) -> Result<()> {
        let what = format!("{event} of {variable} at {}", program.name());
        let told = async || self.told(program, event, variable) >= times;
        eventually(&what, PATIENCE, told).await
    }

    /// Asks gateway-rest with `key` what lesson-svc knows of a person.
    async fn status(&self, key: &str, person: &Member) -> Result<u16> {
        let request = self.request(Method::GET, "/api/v1/me", key);
        let answer = request.header("x-acting-user", &person.user.id).send();
        Ok(answer.await?.status().as_u16())
    }

    fn request(&self, method: Method, path: &str, key: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.system.stack.url(Program::GatewayRest));
        let request = reqwest::Client::new().request(method, url);
        let request = request.header("x-service-key", key);
        request.timeout(Duration::from_secs(10))
    }

    /// How many calls lesson-svc and notify-svc refused for their key.
    async fn refused(&self) -> Result<f64> {
        let mut refused = 0.0;
        for program in [Program::LessonSvc, Program::NotifySvc] {
            let url = self.system.stack.metrics_url(program).ok_or("no figures")?;
            let figures = reqwest::get(url).await?.text().await?;
            assert!(
                figures.contains("rpc_server_call_duration_seconds_count"),
                "{figures}"
            );
            for line in figures.lines() {
                let is_refusal = line.starts_with("rpc_server_call_duration_seconds_count")
                    && (line.contains("PERMISSION_DENIED") || line.contains("UNAUTHENTICATED"));
                if is_refusal {
                    refused += line.rsplit(' ').next().ok_or("no figure")?.parse::<f64>()?;
                }
            }
        }
        Ok(refused)
    }

    /// A client has notify-svc tell a person something; returns when the bot has.
    async fn tell(&self, key: &str, person: &Member, text: &str) -> Result<()> {
        let body = json!({"user_id": person.user.id, "text": text});
        let request = self.request(Method::POST, "/api/v1/notifications", key);
        let request = request.header("idempotency-key", text).json(&body);
        request.send().await?.error_for_status()?;
        let query = LedgerQuery::method("sendMessage").in_chat(person.person.id);
        let arrived = self
            .system
            .story
            .sim
            .ledger_until(&query, PATIENCE, |entries| {
                entries
                    .iter()
                    .any(|entry| entry.text.as_deref() == Some(text) && entry.accepted)
            });
        arrived.await?;
        Ok(())
    }
}

fn keys_sh(folder: &Path, arguments: &[&str]) -> Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/keys.sh");
    let output = Command::new("sh")
        .arg(script)
        .arg(folder)
        .args(arguments)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    Ok(())
}

/// As operators should: another file under the same name.
fn replace(file: &Path, text: &str) -> Result<()> {
    let next = file.with_extension("next");
    fs::write(&next, text)?;
    Ok(fs::rename(next, file)?)
}

/// Calls that go on until they are told to stop; none may fail.
#[derive(Default)]
struct Constant {
    over: AtomicBool,
    made: [AtomicU32; 4],
}

impl Constant {
    async fn call(&self, which: usize, mut call: impl AsyncFnMut() -> Result<()>) -> Result<()> {
        while !self.over.load(Ordering::Relaxed) {
            call().await?;
            self.made[which].fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Each kind of call was made once more, from its beginning to its end.
    async fn all_went_on(&self) -> Result<()> {
        let made = || {
            self.made
                .each_ref()
                .map(|made| made.load(Ordering::Relaxed))
        };
        let before = made();
        eventually("every kind of call goes on", PATIENCE, async || {
            made()
                .iter()
                .zip(before)
                .all(|(now, before)| *now >= before + 2)
        })
        .await
    }
}

/// Each caller's key: the next one is known beside it, then shown, then the old one ends.
async fn rotate_all(installation: &Installation, calls: &Constant) -> Result<()> {
    calls.all_went_on().await?;
    for (caller, program) in CALLERS {
        let shown = installation.secrets.path().join("keys").join(caller);
        let old = fs::read_to_string(&shown)?;
        for step in ["--next", "--switch", "--retire"] {
            installation
                .rotate(&[step, caller])
                .await
                .map_err(|error| format!("{step} {caller} ({}): {error}", program.name()))?;
            calls.all_went_on().await?;
        }
        assert_ne!(
            fs::read_to_string(&shown)?,
            old,
            "{caller} shows another key"
        );
        let callers = fs::read_to_string(installation.secrets.path().join("notify-svc/callers"))?;
        assert!(
            !callers.contains(&digest_hex(&old)),
            "{caller}'s old key is known still"
        );
    }
    calls.over.store(true, Ordering::Relaxed);
    Ok(())
}

#[test]
fn the_proxy_lets_both_keys_of_figures_in_while_they_change() -> Result<()> {
    let secrets = tempfile::tempdir()?;
    let shown = || fs::read_to_string(secrets.path().join("bot-gateway/otlp-key"));
    let let_in = || fs::read_to_string(secrets.path().join("proxy/otlp-keys.map"));
    let line = |key: &str| format!("\"{key}\" 1;\n");
    keys_sh(secrets.path(), &[])?;
    let old = shown()?;
    assert_eq!(let_in()?, line(&old));
    keys_sh(secrets.path(), &["--next", "otlp"])?;
    let next = fs::read_to_string(secrets.path().join("keys/otlp.next"))?;
    assert_eq!(
        (shown()?, let_in()?),
        (old.clone(), line(&old) + &line(&next))
    );
    keys_sh(secrets.path(), &["--switch", "otlp"])?;
    assert_eq!(
        (shown()?, let_in()?),
        (next.clone(), line(&next) + &line(&old))
    );
    keys_sh(secrets.path(), &["--retire", "otlp"])?;
    assert_eq!((shown()?, let_in()?), (next.clone(), line(&next)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_key_is_rotated_between_running_services_without_a_failed_call() -> Result<()>
{
    let mut installation = Installation::start().await?;
    let system = &installation.system;
    let olga = system.story.join(&system.stack, "Olga", "en").await?;
    let website = system.stack.keys.of("website").to_owned();
    let calls = Constant::default();
    let mut told = 0;
    tokio::try_join!(
        rotate_all(&installation, &calls),
        // gateway-rest → lesson-svc
        calls.call(0, async || {
            let status = installation.status(&website, &olga).await?;
            if status == 200 {
                Ok(())
            } else {
                Err(format!("a call was answered {status}").into())
            }
        }),
        // gateway-rest → notify-svc
        calls.call(1, async || {
            let request = installation.request(Method::GET, "/api/v1/webhook-key", &website);
            request.send().await?.error_for_status()?;
            Ok(())
        }),
        // bot-gateway → lesson-svc → notify-svc
        calls.call(2, async || {
            system.story.join(&system.stack, "Nina", "en").await?;
            Ok(())
        }),
        // notify-svc → bot-gateway, in a stream that bot-gateway opened
        calls.call(3, async || {
            told += 1;
            installation
                .tell(&website, &olga, &format!("message-{told}"))
                .await
        }),
    )?;
    assert!(installation.refused().await? < 1.0, "a call was refused");

    // A stream that was open went on under the key it began with; the next one has the new key.
    installation
        .system
        .stack
        .stop_one(Program::NotifySvc)
        .await?;
    installation
        .system
        .stack
        .restart(Program::NotifySvc)
        .await?;
    installation.tell(&website, &olga, "one-more").await?;
    assert!(installation.refused().await? < 1.0, "a call was refused");
    installation.system.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clients_key_is_rotated_and_a_file_that_cannot_be_used_changes_nothing() -> Result<()> {
    let installation = Installation::start().await?;
    let (secrets, stack) = (installation.secrets.path(), &installation.system.stack);
    let olga = installation.system.story.join(stack, "Olga", "en").await?;
    let old = stack.keys.of("website").to_owned();
    let key_file = |name: &str| fs::read_to_string(secrets.join("keys").join(name));

    installation.rotate(&["--next", "website"]).await?;
    let next = key_file("website.next")?;
    for key in [&old, &next] {
        assert_eq!(
            installation.status(key, &olga).await?,
            200,
            "both are known"
        );
    }
    installation.rotate(&["--switch", "website"]).await?;
    assert_eq!(key_file("website")?, next);
    installation.rotate(&["--retire", "website"]).await?;
    assert_eq!(installation.status(&old, &olga).await?, 403);
    assert_eq!(installation.status(&next, &olga).await?, 200);

    // What cannot be used changes nothing, and is not shown.
    let (program, variable, file) = FILES[0];
    let admitted = fs::read_to_string(secrets.join(file))?;
    replace(&secrets.join(file), &format!("{},hunter2", admitted.trim()))?;
    stack.reload(program)?;
    installation
        .until_told(program, "keys_refused", variable, 1)
        .await?;
    let log = installation.system.log(program)?;
    assert!(log.contains("entry 4 is not caller") && !log.contains("hunter2"));
    assert_eq!(installation.status(&next, &olga).await?, 200);
    installation.system.stop().await
}
