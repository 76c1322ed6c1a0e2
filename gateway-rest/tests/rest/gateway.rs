//! A running gateway-rest with its two services, and the way tests speak to it.

use std::{collections::HashMap, io, net::SocketAddr, sync::Once, time::Duration};

use gateway_rest::Config;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use service_kit::{clock::ManualClock, config::Settings, keys::digest_hex, shutdown::Shutdown};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};

use crate::fakes::{BACKEND_KEY, Fake, STUDENT, TEACHER, at};

/// May speak for people.
pub const WEBSITE_KEY: &str = "website-key";
/// May not.
pub const CRM_KEY: &str = "crm-key";
/// The page that may call from a browser.
pub const ORIGIN: &str = "https://school.example";
/// What the gateway's clock shows.
pub const NOW: &str = "2026-01-16T12:00:00.75Z";

pub struct Gateway {
    pub address: SocketAddr,
    pub lesson: Fake,
    pub notify: Fake,
    pub shutdown: Shutdown,
    pub client: Client,
    running: JoinHandle<io::Result<()>>,
}

/// Somebody listens to every span and event of this program, from the first: what is met
/// first on a thread where nobody does may be passed over for good, in tests that listen too.
fn listened_to() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let everything = tracing_subscriber::registry();
        tracing::subscriber::set_global_default(everything).unwrap();
    });
}

impl Gateway {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more settings, or other ones.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        listened_to();
        let (lesson, notify) = (Fake::lesson().await, Fake::notify().await);
        let mut variables = HashMap::from([
            ("REST_SERVICE_KEYS".to_owned(), keys()),
            ("REST_CORS_ORIGINS".to_owned(), ORIGIN.to_owned()),
            (
                "REST_LESSON_URL".to_owned(),
                format!("http://{}", lesson.address),
            ),
            ("REST_LESSON_KEY".to_owned(), BACKEND_KEY.to_owned()),
            (
                "REST_NOTIFY_URL".to_owned(),
                format!("http://{}", notify.address),
            ),
            ("REST_NOTIFY_KEY".to_owned(), BACKEND_KEY.to_owned()),
        ]);
        let more = settings.iter();
        variables.extend(more.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut settings = Settings::from_map("REST", variables);
        let config = Config::read(&mut settings);
        assert_eq!(settings.finish(), Ok(()));
        let shutdown = Shutdown::manual(config.drain);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = ManualClock::new(at(NOW));
        let running = tokio::spawn(gateway_rest::run(config, listener, shutdown.clone(), clock));
        Self {
            address,
            lesson,
            notify,
            shutdown,
            client: Client::builder().no_proxy().build().unwrap(),
            running,
        }
    }

    /// Waits until `run` has returned.
    pub async fn ended(self) -> io::Result<()> {
        let ended = timeout(Duration::from_secs(20), self.running).await;
        ended.expect("the drain has an end").unwrap()
    }

    /// A request without any header of ours.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.request(method, url)
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.bare(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.bare(Method::POST, path).json(body)
    }

    pub fn put(&self, path: &str, body: &Value) -> RequestBuilder {
        self.bare(Method::PUT, path).json(body)
    }

    pub fn patch(&self, path: &str, body: &Value) -> RequestBuilder {
        self.bare(Method::PATCH, path).json(body)
    }

    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.bare(Method::DELETE, path)
    }
}

fn keys() -> String {
    let (website, crm) = (digest_hex(WEBSITE_KEY), digest_hex(CRM_KEY));
    format!("website+act_as={website},crm={crm}")
}

/// The headers of ours.
pub trait Headers {
    fn key(self, key: &str) -> Self;
    fn user(self, user: &str) -> Self;
    fn once(self, key: &str) -> Self;
    /// `If-Match` with the tag of this version.
    fn read_at(self, version: i64) -> Self;
    /// The website, speaking for the student.
    fn student(self) -> Self;
    /// The website, speaking for the teacher.
    fn teacher(self) -> Self;
}

impl Headers for RequestBuilder {
    fn key(self, key: &str) -> Self {
        self.header("X-Service-Key", key)
    }

    fn user(self, user: &str) -> Self {
        self.header("X-Acting-User", user)
    }

    fn once(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    fn read_at(self, version: i64) -> Self {
        self.header("If-Match", format!("\"{version}\""))
    }

    fn student(self) -> Self {
        self.key(WEBSITE_KEY).user(STUDENT)
    }

    fn teacher(self) -> Self {
        self.key(WEBSITE_KEY).user(TEACHER)
    }
}

/// Sends and expects JSON with this status.
pub async fn json(request: RequestBuilder, status: u16) -> Value {
    let response = request.send().await.unwrap();
    let found = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(found.as_u16(), status, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// Sends and expects 204 without a body.
pub async fn no_content(request: RequestBuilder) {
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 204);
    assert_eq!(response.text().await.unwrap(), "");
}

/// Sends and expects a problem with this status and reason.
pub async fn problem(request: RequestBuilder, status: u16, reason: &str) -> Value {
    problem_of(request.send().await.unwrap(), status, reason).await
}

/// Expects a problem with this status and reason.
pub async fn problem_of(response: Response, status: u16, reason: &str) -> Value {
    let found = response.status();
    let content_type = response.headers().get("content-type").cloned();
    let text = response.text().await.unwrap();
    assert_eq!(found, StatusCode::from_u16(status).unwrap(), "{text}");
    assert_eq!(content_type.unwrap(), "application/problem+json", "{text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["reason"], reason, "{text}");
    assert_eq!(body["status"], status, "{text}");
    let slug = reason.to_lowercase().replace('_', "-");
    assert_eq!(body["type"], format!("/problems/{slug}"), "{text}");
    for member in ["title", "detail"] {
        let words = body[member].as_str().unwrap_or_default();
        assert!(!words.is_empty(), "{member} in {text}");
    }
    body
}

/// The fields that a problem names.
pub fn fields(problem: &Value) -> Vec<&str> {
    let violations = problem["violations"].as_array().expect("violations");
    let fields = violations.iter().map(|violation| &violation["field"]);
    fields.map(|field| field.as_str().unwrap()).collect()
}

/// Polls until `holds`, or fails.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let poll = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        timeout(Duration::from_secs(10), poll).await.is_ok(),
        "{what}"
    );
}
