//! Server 1's proxy: nginx as it deploys, before the services, with server 2 and people in
//! front of it.

use std::{
    collections::BTreeSet, fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, time::Duration,
};

use e2e::{
    Result,
    events::Events,
    nginx::{self, Behind, GRPC, HTTP, HTTPS, Nginx},
    otlp::Receiver,
    program::Program,
    story::{Member, PATIENCE},
    system::{System, eventually},
};
use olm_proto::{
    lesson::v1::{GetUserRequest, UpdateUserRequest, user_service_client::UserServiceClient},
    notify::v1::{SetSendingRequest, delivery_service_client::DeliveryServiceClient},
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, trace_service_client::TraceServiceClient,
};
use reqwest::{Certificate, Client, Response, StatusCode, redirect::Policy};
use rustix::process::Signal;
use serde_json::{Value, json};
use service_kit::grpc::{
    client::{Backend, BackendConfig, acting},
    tls::Authorities,
};
use telegram_sim::api::LedgerQuery;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use uuid::Uuid;

/// A worker that was replaced lets its streams go on for half a minute.
const REPLACED: Duration = Duration::from_secs(45);

/// Both servers: what is between them, and between people and server 1, is the proxy.
struct Site {
    system: System,
    proxy: Nginx,
    /// Of server 1.
    collector: Receiver,
    /// A browser that believes the proxy's certificate.
    http: Client,
    _directory: TempDir,
}

impl Site {
    async fn start() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("olm-proxy-").tempdir()?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        let mut proxy = Nginx::prepare(nginx::found()?, directory.path()).await?;
        let (collector, endpoint) = Receiver::start().await?;
        let (door, authority) = (proxy.url("https", GRPC), proxy.authority_file());
        let authority = authority.display().to_string();
        let bot = |name, value: &str| (Program::BotGateway, name, value.to_owned());
        let settings = vec![
            bot("BOT_LESSON_URL", &door),
            bot("BOT_LESSON_CA_FILE", &authority),
            bot("BOT_NOTIFY_URL", &door),
            bot("BOT_NOTIFY_CA_FILE", &authority),
            bot("OTEL_EXPORTER_OTLP_ENDPOINT", &door),
            bot("OTEL_EXPORTER_OTLP_CERTIFICATE", &authority),
            bot("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
            // It starts before the proxy does, and soon looks again.
            bot("BOT_BREAKER_OPEN", "0.2"),
            // Programs that are not optimised take their time.
            bot("BOT_LESSON_READ_TIMEOUT", "10"),
            (
                Program::LessonSvc,
                "LESSON_DATABASE_PATIENCE",
                "20".to_owned(),
            ),
            bot(
                "BOT_OTLP_KEY_FILE",
                &proxy.otlp_key_file().display().to_string(),
            ),
        ];
        let mut system = System::with(Some(endpoint.clone()), settings, false).await?;
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let of = |program| local(system.stack.port(program));
        let behind = Behind {
            lesson: of(Program::LessonSvc),
            notify: of(Program::NotifySvc),
            rest: of(Program::GatewayRest),
            collector: endpoint.trim_start_matches("http://").parse()?,
            grafana: local(9),
        };
        proxy.configure(&behind).await?;
        proxy.start().await?;
        let server_1 = "bot-gateway.server1";
        eventually("the bot has found server 1", PATIENCE, async || {
            system.stack.health(Program::BotGateway, server_1).await == Some(ServingStatus::Serving)
        })
        .await?;
        let http = Client::builder()
            .tls_built_in_root_certs(false)
            .add_root_certificate(Certificate::from_pem(&fs::read(&authority)?)?)
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .build()?;
        system.story = system
            .story
            .by_way_of(http.clone(), proxy.url("https", HTTPS));
        Ok(Self {
            system,
            proxy,
            collector,
            http,
            _directory: directory,
        })
    }

    async fn join(&self, name: &str) -> Result<Member> {
        self.system.story.join(&self.system.stack, name, "en").await
    }

    async fn get(&self, path: &str) -> Result<Response> {
        let url = self.proxy.url("https", HTTPS) + path;
        Ok(self.http.get(url).send().await?)
    }

    async fn post(&self, rest: &str, body: &Value) -> Result<Response> {
        let request = self.http.post(format!("{rest}/send_message/"));
        let request = request
            .header("x-service-key", self.system.stack.keys.of("crm"))
            .header("idempotency-key", Uuid::new_v4().to_string());
        Ok(request.json(body).send().await?)
    }

    /// Has something said to everybody; `rest` is where gateway-rest is asked.
    async fn tell(&self, members: &[Member], rest: &str, text: &str) -> Result<()> {
        for member in members {
            let body = json!({"telegram_user_id": member.person.id, "message": text});
            let answer = self.post(rest, &body).await?;
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
        }
        Ok(())
    }

    /// How often something was said to somebody, whatever came of it.
    async fn said(&self, member: &Member, text: &str) -> Result<usize> {
        let query = LedgerQuery::method("sendMessage").in_chat(member.person.id);
        let page = self.system.story.sim.ledger(&query).await?;
        let entries = page.entries.iter();
        Ok(entries
            .filter(|entry| entry.text.as_deref() == Some(text))
            .count())
    }

    async fn until_said(&self, members: &[Member], text: &str) -> Result<()> {
        for member in members {
            eventually(&format!("{text:?} is said"), PATIENCE, async || {
                self.said(member, text).await.is_ok_and(|times| times > 0)
            })
            .await?;
        }
        Ok(())
    }

    /// Server 2's way to server 1, with some key.
    fn door(&self, key: &str) -> Result<Backend> {
        let authority = fs::read_to_string(self.proxy.authority_file())?;
        self.door_judged_by(Authorities::of_pem(&authority)?, "https", key)
    }

    fn door_judged_by(&self, authorities: Authorities, scheme: &str, key: &str) -> Result<Backend> {
        Ok(Backend::connect_lazy(&BackendConfig {
            service: "server-1",
            url: self.proxy.url(scheme, GRPC).parse()?,
            authorities,
            key: key.into(),
            timeout: Duration::from_secs(10),
        })?)
    }

    fn key(&self, holder: &str) -> &str {
        self.system.stack.keys.of(holder)
    }

    async fn stop(mut self) -> Result<()> {
        self.system.stop().await?;
        self.proxy.stop(Signal::QUIT).await
    }
}

/// What every answer to a browser says, whoever made it.
fn is_hardened(answer: &Response) -> bool {
    let says = |name: &str, value: &str| {
        let header = answer.headers().get(name);
        header.is_some_and(|header| header == value)
    };
    says("strict-transport-security", "max-age=63072000")
        && says("x-content-type-options", "nosniff")
}

async fn problem(answer: Response, status: u16, reason: &str) -> Result<()> {
    assert!(is_hardened(&answer), "{answer:?}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.status().as_u16(), status);
    let body: Value = answer.json().await?;
    assert_eq!(body["reason"], reason, "{body}");
    assert_eq!(body["status"], status, "{body}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_reach_the_api_by_https_alone_and_hear_of_changes_at_once() -> Result<()> {
    let site = Site::start().await?;
    let plain = site.proxy.url("http", HTTP) + "/api/v1/lessons?limit=1";
    let led = site.http.get(plain).send().await?;
    assert_eq!(led.status(), StatusCode::PERMANENT_REDIRECT);
    let there = "https://localhost/api/v1/lessons?limit=1";
    assert_eq!(led.headers()["location"], there);
    let health = site.get("/api/v1/health").await?;
    assert_eq!(health.status(), StatusCode::OK);
    assert!(is_hardened(&health), "{health:?}");
    for name in ["x-frame-options", "referrer-policy", "permissions-policy"] {
        assert!(health.headers().contains_key(name), "{health:?}");
    }
    assert!(!health.headers()["server"].to_str()?.contains('/'));
    problem(site.get("/api/v1/me").await?, 401, "SERVICE_KEY_MISSING").await?;

    let teacher = site.join("Anna").await?;
    let student = site.join("Boris").await?;
    let (stack, story) = (&site.system.stack, &site.system.story);
    story.teach(stack, &teacher).await?;
    let rest = site.proxy.url("https", HTTPS);
    let mut events = Events::open(&site.http, &rest, site.key("website"), &student, None).await?;
    assert_eq!(events.next().await?.0, "beat");
    let slots = story.slots(&teacher, &student).await?;
    let lesson = story
        .book(&student, &teacher, *slots.last().ok_or("no slot")?)
        .await?;
    // While the answer goes on: it has no end.
    assert_eq!(events.lesson().await?, lesson.id);
    drop(events);
    site.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_proxy_refuses_it_says_as_the_api_does() -> Result<()> {
    let mut site = Site::start().await?;
    let rest = site.proxy.url("https", HTTPS);
    let large = json!({"telegram_user_id": 1, "message": "a".repeat(100 * 1024)});
    problem(site.post(&rest, &large).await?, 413, "MESSAGE_TOO_LARGE").await?;
    site.system.stack.stop_one(Program::GatewayRest).await?;
    let away = site.get("/livez").await?;
    assert_eq!(away.headers()["retry-after"], "2");
    problem(away, 503, "UNAVAILABLE").await?;
    // What nginx says of failures is in the log, and no calendar's token with it.
    let calendar = site.get("/api/v1/calendars/a-calendars-token").await?;
    problem(calendar, 503, "UNAVAILABLE").await?;
    let log = fs::read_to_string(site.proxy.log())?;
    assert!(log.contains("connect() failed"), "{log}");
    assert!(!log.contains("a-calendars-token"), "{log}");
    site.system.stack.restart(Program::GatewayRest).await?;
    assert_eq!(site.get("/livez").await?.status(), StatusCode::OK);

    // Far more than one address may ask for at once; whatever is let in is answered.
    let mut asked = JoinSet::new();
    for _ in 0..300 {
        let request = site.http.get(format!("{rest}/livez"));
        asked.spawn(request.send());
    }
    let mut limited = 0;
    for answer in asked.join_all().await {
        let answer = answer?;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            limited += 1;
            assert_eq!(answer.headers()["retry-after"], "1");
            problem(answer, 429, "RATE_LIMITED").await?;
        } else {
            assert_eq!(answer.status(), StatusCode::OK);
        }
    }
    assert!((100..300).contains(&limited), "{limited}");
    eventually("the address may ask again", PATIENCE, async || {
        let answer = site.get("/livez").await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
    })
    .await?;
    site.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_2_calls_what_its_policy_allows_with_its_key_and_nothing_else() -> Result<()> {
    let site = Site::start().await?;
    let member = site.join("Olga").await?;
    let asked = || -> Result<_> {
        let request = GetUserRequest {
            user_id: member.user.id.clone(),
        };
        Ok(acting(request, member.id()?))
    };
    let key = site.key("bot-gateway");
    let mut users = UserServiceClient::new(site.door(key)?);
    let found = users.get_user(asked()?).await?.into_inner();
    assert_eq!(found.user.map(|user| user.id), Some(member.user.id.clone()));
    // As many as a bot with many people asks for at once.
    let mut asking = JoinSet::new();
    for _ in 0..100 {
        let (mut users, request) = (users.clone(), asked()?);
        asking.spawn(async move { users.get_user(request).await.map(drop) });
    }
    for answer in asking.join_all().await {
        answer?;
    }

    let code = |answer: std::result::Result<(), tonic::Status>| answer.err().map(|it| it.code());
    for (key, expected) in [
        ("", Code::Unauthenticated),
        ("wrong", Code::PermissionDenied),
    ] {
        let answer = UserServiceClient::new(site.door(key)?)
            .get_user(asked()?)
            .await;
        assert_eq!(
            code(answer.map(drop)),
            Some(expected),
            "with the key {key:?}"
        );
    }
    let update = UpdateUserRequest {
        about: Some("a".repeat(5 * 1024 * 1024)),
        ..UpdateUserRequest::default()
    };
    let large = users.update_user(acting(update, member.id()?)).await;
    assert_eq!(code(large.map(drop)), Some(Code::ResourceExhausted));

    // Not even with the operator's key: what bot-gateway may not call is not there.
    let operator = site.door(site.key("operator"))?;
    let request = SetSendingRequest { enabled: false };
    let switched = DeliveryServiceClient::new(operator.clone())
        .set_sending(request)
        .await;
    let refused = switched.err().ok_or("sending was switched off")?;
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unimplemented, "not for server 2")
    );
    let health = HealthClient::new(operator)
        .check(HealthCheckRequest::default())
        .await;
    assert_eq!(code(health.map(drop)), Some(Code::Unimplemented));

    // Nobody is believed whom the operator does not name, and nothing is said in plain.
    for (scheme, authorities) in [
        ("https", Authorities::default()),
        ("http", Authorities::default()),
    ] {
        let backend = site.door_judged_by(authorities, scheme, key)?;
        let answer = UserServiceClient::new(backend).get_user(asked()?).await;
        assert!(answer.is_err(), "{scheme}");
    }
    site.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_and_figures_of_server_2_are_let_in_with_their_key_alone() -> Result<()> {
    let site = Site::start().await?;
    let export = async |key: &str| {
        let mut traces = TraceServiceClient::new(site.door(key)?);
        let answer = traces.export(ExportTraceServiceRequest::default()).await;
        Result::Ok(answer.err().map(|status| status.code()))
    };
    for key in ["", site.key("bot-gateway")] {
        assert_eq!(export(key).await?, Some(Code::Unauthenticated), "{key:?}");
    }
    let key = fs::read_to_string(site.proxy.otlp_key_file())?;
    assert_eq!(export(&key).await?, None);

    // A trace that begins at the one server ends at the other.
    let teacher = site.join("Anna").await?;
    let student = site.join("Boris").await?;
    let (stack, story) = (&site.system.stack, &site.system.story);
    story.teach(stack, &teacher).await?;
    let slots = story.slots(&teacher, &student).await?;
    let slot = *slots.last().ok_or("no slot")?;
    story.book(&student, &teacher, slot).await?;
    eventually("figures of server 2", PATIENCE, async || {
        site.collector
            .has_figure("bot-gateway", "rpc.client.call.duration")
    })
    .await?;
    let mut services = BTreeSet::new();
    let joined = eventually("one trace of both servers", PATIENCE, async || {
        let trace = site.collector.traces_with("POST /api/v1/lessons");
        services = trace.into_iter().map(|span| span.service).collect();
        services.contains("bot-gateway") && services.contains("lesson-svc")
    })
    .await;
    assert!(joined.is_ok(), "{services:?}");
    site.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_outlives_restart_and_reload_of_the_proxy_and_says_everything_once() -> Result<()> {
    let mut site = Site::start().await?;
    let members = [
        site.join("Anna").await?,
        site.join("Boris").await?,
        site.join("Clara").await?,
    ];
    let within = site.system.stack.url(Program::GatewayRest);
    let mut texts = Vec::new();
    let mut next = |when: &str| {
        texts.push(format!("🎵 {when}"));
        texts.last().cloned().unwrap_or_default()
    };
    let text = next("before");
    site.tell(&members, &within, &text).await?;
    site.until_said(&members, &text).await?;

    // Gone in the middle of what is on the way, and back.
    let during = next("as it stops");
    site.tell(&members, &within, &during).await?;
    site.proxy.stop(Signal::TERM).await?;
    let meanwhile = next("while it is away");
    site.tell(&members, &within, &meanwhile).await?;
    for member in &members {
        assert_eq!(site.said(member, &meanwhile).await?, 0, "there is no way");
    }
    site.proxy.start().await?;
    site.until_said(&members, &during).await?;
    site.until_said(&members, &meanwhile).await?;

    // The workers of before serve the streams of before for a while, then cut them.
    let before = site.proxy.workers()?;
    site.proxy.reload()?;
    let reloaded = next("as it reloads");
    site.tell(&members, &within, &reloaded).await?;
    site.until_said(&members, &reloaded).await?;
    eventually("all workers are new", REPLACED, async || {
        let now = site.proxy.workers();
        now.is_ok_and(|now| !now.is_empty() && now.is_disjoint(&before))
    })
    .await?;
    let after = next("after");
    site.tell(&members, &within, &after).await?;
    site.until_said(&members, &after).await?;

    for (member, text) in members
        .iter()
        .flat_map(|member| texts.iter().map(move |text| (member, text)))
    {
        assert_eq!(site.said(member, text).await?, 1, "{text}");
    }
    site.system.stack.check()?;
    site.stop().await
}
