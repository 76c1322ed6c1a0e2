//! What is watched is there: every query of the dashboards and the alerts asks for figures
//! and labels that running services show (deploy/monitoring).

mod queries;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use e2e::{
    Result,
    program::Program,
    story::{PATIENCE, sign},
    system::{System, eventually},
};
use queries::{Query, alerts, dashboards};
use telegram_sim::api::{Fault, FaultKind};

/// Figures that appear only when something rare happens, and what that is. They are looked
/// for where they are declared.
const RARE: [(&str, &str); 8] = [
    (
        "olm_notify_begin_refused_total",
        "a message changes as it is begun",
    ),
    (
        "olm_notify_credit_starvation_seconds",
        "the gateway has no room",
    ),
    (
        "olm_notify_retired_total",
        "something is older than a month",
    ),
    (
        "olm_notify_uncertain_resolved_total",
        "a message was silent for two minutes",
    ),
    (
        "olm_notify_webhook_posts_total",
        "a client wants to be told",
    ),
    (
        "olm_bot_updates_passed_over_total",
        "an update comes twice or too late",
    ),
    ("olm_bot_credit", "a second of many messages"),
    ("olm_notify_uncertain_total", "an answer that is lost"),
];

/// What other programs show: Prometheus itself, node-exporter, blackbox-exporter.
const FOREIGN: [&str; 5] = [
    "up",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "probe_ssl_earliest_cert_expiry",
    "probe_success",
];

/// A figure's name, and its labels.
type Figures = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// As Prometheus keeps them: what a scrape calls `job` is in the way of its own.
fn with_labels<'l>(labels: impl Iterator<Item = &'l str>) -> BTreeSet<String> {
    let kept = labels.map(|label| match label {
        "job" | "instance" => format!("exported_{label}"),
        _ => label.replace('.', "_"),
    });
    kept.chain(["job", "instance"].map(str::to_owned)).collect()
}

/// What a scrape shows.
fn shown(text: &str, into: &mut Figures) {
    let samples = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    for line in samples {
        let end = line.find(['{', ' ']).unwrap_or(line.len());
        let labels = line
            .split_once('{')
            .and_then(|(_, rest)| rest.rsplit_once('}'))
            .map_or("", |(labels, _)| labels);
        let keys = queries::keys(labels);
        into.entry(line[..end].to_owned())
            .or_default()
            .extend(with_labels(keys.iter().map(String::as_str)));
    }
}

/// What the sources declare, under the names that Prometheus sees.
fn declared() -> Result<Figures> {
    let mut found = Figures::new();
    let mut folders = ["bot-gateway", "notify-svc"]
        .map(|name| root().join(name).join("src"))
        .to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path)?;
                for kind in ["Counter", "Histogram", "Gauge"] {
                    for declaration in source.split(&format!("= {kind}::new(")).skip(1) {
                        let declaration = declaration.split(");").next().unwrap_or_default();
                        let texts: Vec<_> = declaration.split('"').skip(1).step_by(2).collect();
                        let [name, unit, _, labels @ ..] = texts.as_slice() else {
                            continue;
                        };
                        let unit = if *unit == "s" { "_seconds" } else { "" };
                        let total = if kind == "Counter" { "_total" } else { "" };
                        let name = format!("{}{unit}{total}", name.replace('.', "_"));
                        let labels = with_labels(labels.iter().copied().chain(["le"]));
                        found.insert(name, labels);
                    }
                }
            }
        }
    }
    Ok(found)
}

/// What is wrong with a query; `None`: nothing.
fn fault(query: &Query, shown: &Figures, declared: &Figures) -> Option<String> {
    for (name, keys) in &query.metrics {
        if FOREIGN.contains(&name.as_str()) {
            continue;
        }
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        let rare = RARE.iter().any(|(rare, _)| rare == &base);
        let labels = shown
            .get(name)
            .or_else(|| declared.get(base).filter(|_| rare));
        let Some(labels) = labels else {
            return Some(format!("{}: nobody shows {name}", query.place));
        };
        let unknown = keys
            .iter()
            .chain(&query.grouped)
            .find(|key| !labels.contains(*key));
        if let Some(unknown) = unknown {
            return Some(format!("{}: {name} has no label {unknown}", query.place));
        }
    }
    None
}

async fn scraped(system: &System) -> Result<Figures> {
    let mut figures = Figures::new();
    for program in system.stack.programs() {
        if let Some(url) = system.stack.metrics_url(program) {
            shown(&reqwest::get(url).await?.text().await?, &mut figures);
        }
    }
    // Backups' figures are written by a script.
    let script = fs::read_to_string(root().join("deploy/backup/backup.sh"))?;
    for name in script
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
    {
        let name = name.split(' ').next().unwrap_or_default();
        figures.insert(name.to_owned(), with_labels(std::iter::empty()));
    }
    Ok(figures)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_asks_for_what_running_services_show() -> Result<()> {
    let system = System::start(None).await?;
    let (story, stack) = (&system.story, &system.stack);
    let teacher = story.join(stack, "Olga", "en").await?;
    let student = story.join(stack, "Ben", "en").await?;
    story.teach(stack, &teacher).await?;
    story.sim.say(&student.person, "/lessons").await?;
    let slots = story.slots(&teacher, &student).await?;
    let start = *slots.last().ok_or("no slot")?;
    // Telegram limits the student's chat, refuses the teacher's message.
    let status = |code: u16, description: &str, retry_after| FaultKind::Status {
        code,
        description: description.to_owned(),
        retry_after,
        migrate_to_chat_id: None,
    };
    let limited = Fault::new(status(429, "Too Many Requests: retry after 1", Some(1)));
    let limited = limited.on("sendMessage").in_chat(student.person.id);
    story.sim.fault(&limited).await?;
    let refused = Fault::new(status(400, "Bad Request: message is wrong", None));
    let refused = refused.on("sendMessage").in_chat(teacher.person.id);
    story.sim.fault(&refused).await?;
    story.book(&student, &teacher, start).await?;
    story.notice(&student, sign::BOOKED, 0).await?;
    // A file of keys that nobody can use.
    fs::write(stack.keys.callers_file(Program::LessonSvc), "no key")?;
    stack.reload(Program::LessonSvc)?;

    let declared = declared()?;
    for (rare, _) in RARE {
        assert!(declared.contains_key(rare), "nobody declares {rare}");
    }
    let queries: Vec<_> = alerts(&root())?
        .into_iter()
        .chain(dashboards(&root())?)
        .collect();
    assert!(queries.len() > 80, "{} queries were read", queries.len());
    let mut faults = Vec::new();
    // Some figures are written once a second, or when an outcome is told.
    let all = eventually("every query is answered", PATIENCE, async || {
        let Ok(figures) = scraped(&system).await else {
            return false;
        };
        faults = queries
            .iter()
            .filter_map(|query| fault(query, &figures, &declared))
            .collect();
        faults.is_empty()
    })
    .await;
    assert!(all.is_ok(), "{}", faults.join("\n"));
    system.stop().await
}

#[test]
fn every_alert_has_its_section_in_the_runbooks() -> Result<()> {
    let runbooks = fs::read_to_string(root().join("docs/operations/runbooks.md"))?;
    let sections: BTreeSet<_> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let mut alerts_known = BTreeSet::new();
    for alert in alerts(&root())? {
        let anchor = alert.place.to_lowercase();
        let url = format!("docs/operations/runbooks.md#{anchor}");
        assert_eq!(alert.runbook.as_deref(), Some(url.as_str()));
        assert!(
            sections.contains(alert.place.as_str()),
            "{} has no section",
            alert.place
        );
        alerts_known.insert(alert.place);
    }
    for section in sections.iter().filter(|section| section.starts_with("Olm")) {
        assert!(
            alerts_known.contains(*section),
            "there is no alert {section}"
        );
    }
    Ok(())
}
