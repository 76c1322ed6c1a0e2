//! The secret that a bot is.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

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

    /// The whole token, for a URL's path.
    pub(super) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
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
}
