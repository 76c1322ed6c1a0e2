//! The secret that a bot is.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// A bot's token: `<bot id>:<secret>`.
#[derive(Clone)]
pub struct Token {
    bot_id: i64,
    secret: SecretString,
}

impl Token {
    /// Checks the form that Telegram gives out: digits, a colon, then letters, digits,
    /// `_` and `-` only, so that it can stand in a URL as it is.
    #[must_use]
    pub fn parse(secret: SecretString) -> Option<Self> {
        let (id, rest) = secret.expose_secret().split_once(':')?;
        let bot_id = id.parse().ok().filter(|id| *id > 0)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let plain = id.bytes().all(|byte| byte.is_ascii_digit()) && rest.bytes().all(is_plain);
        (plain && !rest.is_empty()).then_some(Self { bot_id, secret })
    }

    /// The bot's own Telegram id.
    #[must_use]
    pub fn bot_id(&self) -> i64 {
        self.bot_id
    }

    /// What Telegram shows with each post to the bot's webhook (`secret_token` of
    /// `setWebhook`: letters, digits, _ and - only). It is made of the token, so every gateway
    /// of the bot knows it, and the token cannot be told from it.
    #[must_use]
    pub fn webhook_secret(&self) -> SecretString {
        let key = self.secret.expose_secret().as_bytes();
        BASE64_URL_SAFE_NO_PAD
            .encode(mac(key, b"online-lesson-manager webhook"))
            .into()
    }

    /// The whole token, for a URL's path.
    pub(super) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}:…)", self.bot_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_checked_and_never_printed() {
        let token = Token::parse("42:AbC_d-9".into()).unwrap();
        assert_eq!(token.bot_id(), 42);
        assert_eq!(format!("{token:?}"), "Token(42:…)");
        for wrong in [
            "", "42", "42:", ":x", "0:x", "-1:x", "+1:x", "a:x", "42:a/b", "42:a b",
        ] {
            assert!(Token::parse(wrong.into()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn each_token_has_its_webhook_secret_and_keeps_it() {
        let secret = |token: &str| {
            let token = Token::parse(token.into()).unwrap();
            token.webhook_secret().expose_secret().to_owned()
        };
        // What Telegram was told by another version or gateway has to fit.
        assert_eq!(
            secret("42:AbC_d-9"),
            "wiyB3ua7D9vIlXY4rNSwmKKCIJ5aQsuSDY3SQd3qWkA"
        );
        assert_ne!(secret("42:AbC_d-8"), secret("42:AbC_d-9"));
        assert!(!secret("42:AbC_d-9").contains("AbC_d-9"));
    }
}
