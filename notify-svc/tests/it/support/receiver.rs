//! A client's own HTTP server, which webhooks are posted to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header::LOCATION},
    response::IntoResponse,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::{net::TcpListener, sync::Semaphore};

use super::eventually;

/// One post that came.
#[derive(Debug, Clone)]
pub struct Post {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Post {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// As docs/webhooks.md has a client check it.
    pub fn is_signed_with(&self, key: &str) -> bool {
        let key = STANDARD
            .decode(key.strip_prefix("whsec_").unwrap())
            .unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        for part in [
            self.header("webhook-id"),
            ".",
            self.header("webhook-timestamp"),
            ".",
        ] {
            mac.update(part.as_bytes());
        }
        mac.update(&self.body);
        let expected = STANDARD.encode(mac.finalize().into_bytes());
        self.header("webhook-signature") == format!("v1,{expected}")
    }
}

/// What a receiver answers.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(u16),
    Redirect(u16, String),
}

/// A client's own HTTP server.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    pub port: u16,
    world: Arc<Mutex<World>>,
    /// One permit for each answer.
    gate: Arc<Semaphore>,
}

#[derive(Default)]
struct World {
    posts: Vec<Post>,
    /// In turn; 204 when there is none.
    replies: VecDeque<Reply>,
    now: usize,
    most: usize,
}

impl Receiver {
    /// One that answers at once.
    pub async fn start() -> Self {
        let receiver = Self::at("127.0.0.1").await;
        receiver.open();
        receiver
    }

    /// One that answers when it is let.
    pub async fn at(host: &str) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let receiver = Self {
            url: format!("http://{host}:{port}/hook"),
            port,
            world: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        };
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    pub fn open(&self) {
        self.gate.add_permits(1_000);
    }

    /// Lets one request be answered.
    pub fn let_one(&self) {
        self.gate.add_permits(1);
    }

    pub fn reply(&self, reply: Reply) {
        self.world.lock().unwrap().replies.push_back(reply);
    }

    pub fn posts(&self) -> Vec<Post> {
        self.world.lock().unwrap().posts.clone()
    }

    /// The most requests that were being answered at one time.
    pub fn most(&self) -> usize {
        self.world.lock().unwrap().most
    }

    /// Waits for so many posts or more: those not answered in time come again.
    pub async fn has_at_least(&self, posts: usize) {
        eventually(true, || async { self.posts().len() >= posts }).await;
    }

    /// Waits for so many posts.
    pub async fn has(&self, posts: usize) -> Vec<Post> {
        eventually(posts, || async { self.posts().len() }).await;
        self.posts()
    }
}

/// A request that is being answered, until its client goes away too.
struct Answering(Arc<Mutex<World>>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.lock().unwrap().now -= 1;
    }
}

async fn receive(
    State(receiver): State<Receiver>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let reply = {
        let mut world = receiver.world.lock().unwrap();
        world.posts.push(Post {
            path: uri.path().to_owned(),
            headers,
            body,
        });
        world.now += 1;
        world.most = world.most.max(world.now);
        world.replies.pop_front()
    };
    let _answering = Answering(receiver.world.clone());
    receiver.gate.acquire().await.unwrap().forget();
    let status = |code| StatusCode::from_u16(code).unwrap();
    match reply.unwrap_or(Reply::Status(204)) {
        Reply::Status(code) => status(code).into_response(),
        Reply::Redirect(code, location) => (status(code), [(LOCATION, location)]).into_response(),
    }
}
