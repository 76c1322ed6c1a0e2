//! What concerns a bot, and calls in its name.

use std::time::Duration;

use serde_json::Value;

use super::{Result, SimClient};
use crate::api::{BotView, Redelivery};

impl SimClient {
    /// The bots that have called, or whose tokens are configured.
    ///
    /// # Errors
    /// [`SimError::Unreachable`](super::SimError::Unreachable).
    pub async fn bots(&self) -> Result<Vec<BotView>> {
        self.get("/sim/bots", &[], Duration::ZERO).await
    }

    /// Has a bot get an update once more, `times` times.
    ///
    /// # Errors
    /// [`SimError::Refused`](super::SimError::Refused) with 404 when the update is none of the bot's last thousand.
    pub async fn redeliver(&self, bot: i64, update_id: i64, times: u32) -> Result<()> {
        let body = Redelivery { update_id, times };
        let request = self
            .http
            .post(self.url(&format!("/sim/bots/{bot}/redeliver")));
        let request = request.json(&body);
        self.fetch::<Value>(request, Duration::ZERO).await.map(drop)
    }

    /// Calls a Bot API method as a bot would and returns the status and the whole answer; for tests of
    /// the simulator itself and for poking around.
    ///
    /// # Errors
    /// [`SimError::Unreachable`](super::SimError::Unreachable), also when a fault drops the connection.
    pub async fn call(&self, token: &str, method: &str, params: &Value) -> Result<(u16, Value)> {
        let url = self.url(&format!("/bot{token}/{method}"));
        // The token is in the address: keep it out of the error.
        let response = self.http.post(url).json(params).send().await;
        let response = response.map_err(reqwest::Error::without_url)?;
        let status = response.status().as_u16();
        let answer = response.json().await.map_err(reqwest::Error::without_url)?;
        Ok((status, answer))
    }
}
