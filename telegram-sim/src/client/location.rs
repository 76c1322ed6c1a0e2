//! Sending where one is.

use super::{Chat, Result, SimClient};
use crate::api::{Location, Said, Say};

impl SimClient {
    /// The person sends a location.
    ///
    /// # Errors
    /// [`super::SimError::Refused`]: 400 no place on Earth, otherwise as [`SimClient::say`].
    pub async fn send_location(&self, chat: impl Into<Chat>, location: Location) -> Result<Said> {
        let chat = chat.into();
        let say = Say {
            location: Some(location),
            bot_id: chat.bot,
            chat_id: chat.group,
            ..Say::default()
        };
        self.post(&format!("/sim/people/{}/send", chat.person), &say)
            .await
    }
}
