//! Changes as a browser hears of them over HTTP (Server-Sent Events).

use reqwest::{Client, Response};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    Result,
    story::{Member, PATIENCE},
};

/// A browser that listens.
#[derive(Debug)]
pub struct Events {
    response: Response,
    text: String,
    /// Of the last event: where to go on.
    pub id: String,
}

impl Events {
    /// Begins at the gateway `rest` with a website's key, after the event `after` when there
    /// is one.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn open(
        http: &Client,
        rest: &str,
        key: &str,
        member: &Member,
        after: Option<&str>,
    ) -> Result<Self> {
        let mut request = http
            .get(format!("{rest}/api/v1/events"))
            .header("x-service-key", key)
            .header("x-acting-user", &member.user.id);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        Ok(Self {
            response: request.send().await?.error_for_status()?,
            text: String::new(),
            id: String::new(),
        })
    }

    /// The next event's name and data.
    ///
    /// # Errors
    ///
    /// When none comes in time.
    pub async fn next(&mut self) -> Result<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = event.lines();
                    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    value.map(str::to_owned)
                };
                let (id, name, data) = (field("id"), field("event"), field("data"));
                let read = self.text.len() - rest.len();
                self.text.drain(..read);
                if let (Some(id), Some(name), Some(data)) = (id, name, data) {
                    self.id = id;
                    return Ok((name, serde_json::from_str(&data)?));
                }
                continue;
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await??;
            self.text += &String::from_utf8_lossy(&chunk.ok_or("the events ended")?);
        }
    }

    /// The lesson that is told next; nothing may have been missed.
    ///
    /// # Errors
    ///
    /// When none is told in time, or something was missed.
    pub async fn lesson(&mut self) -> Result<String> {
        loop {
            let (name, data) = self.next().await?;
            if name == "reset" {
                return Err("something was missed".into());
            }
            let told = data["changes"].as_array().into_iter().flatten();
            let mut lessons = told.filter(|change| change["kind"] == "lesson");
            if let Some(change) = lessons.next() {
                return Ok(change["entity_id"].as_str().ok_or("no id")?.to_owned());
            }
        }
    }
}
