//! Service keys (OLM-1): who calls. Only SHA-256 digests are configured and kept;
//! a presented key is compared with all of them in constant time. Two keys of one
//! caller may be live at once, so that keys are rotated without a failed call.

use std::{collections::HashMap, fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::config::Settings;

/// The most keys one caller may have: the present one and the next.
const KEYS_PER_CALLER: usize = 2;

/// One configured key: `caller[+act_as]=<sha256 hex>[@[from]..[until]]`, dates in
/// UTC, `until` exclusive. Example:
/// `bot-gateway+act_as=9f86…0a08@2026-01-01..2026-07-01`.
#[derive(Clone)]
pub struct ServiceKey {
    caller: String,
    act_as: bool,
    digest: [u8; 32],
    from: Timestamp,
    until: Timestamp,
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey")
            .field("caller", &self.caller)
            .field("act_as", &self.act_as)
            .finish_non_exhaustive()
    }
}

/// Why a configured key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not caller[+act_as]=<sha256 hex>[@[from]..[until]]")]
pub struct KeyFormatError;

impl FromStr for ServiceKey {
    type Err = KeyFormatError;

    fn from_str(text: &str) -> Result<Self, KeyFormatError> {
        let (caller, rest) = text.split_once('=').ok_or(KeyFormatError)?;
        let (caller, act_as) = match caller.strip_suffix("+act_as") {
            Some(caller) => (caller, true),
            None => (caller, false),
        };
        let name_is_good = (1..=64).contains(&caller.len())
            && caller
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !name_is_good {
            return Err(KeyFormatError);
        }
        let (digest, validity) = rest.split_once('@').unwrap_or((rest, ".."));
        let (from, until) = validity.split_once("..").ok_or(KeyFormatError)?;
        Ok(Self {
            caller: caller.to_owned(),
            act_as,
            digest: parse_digest(digest).ok_or(KeyFormatError)?,
            from: parse_date(from, Timestamp::MIN)?,
            until: parse_date(until, Timestamp::MAX)?,
        })
    }
}

fn parse_digest(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut digest = [0; 32];
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(digest)
}

fn parse_date(text: &str, default: Timestamp) -> Result<Timestamp, KeyFormatError> {
    if text.is_empty() {
        return Ok(default);
    }
    let date: Date = text.parse().map_err(|_| KeyFormatError)?;
    let start = date.to_zoned(TimeZone::UTC).map_err(|_| KeyFormatError)?;
    Ok(start.timestamp())
}

/// Who presented a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The caller's name, e.g. `bot-gateway`.
    pub caller: String,
    /// Whether the key may speak for a person.
    pub act_as: bool,
}

/// All keys a server accepts.
#[derive(Debug, Clone, Default)]
pub struct ServiceKeys(Vec<ServiceKey>);

impl ServiceKeys {
    /// Reads `SERVICE_KEYS` (comma or line separated, or `SERVICE_KEYS_FILE`) and
    /// records a fault when there is none, one is malformed, or a caller has more
    /// than two.
    pub fn read(settings: &mut Settings) -> Self {
        use secrecy::ExposeSecret as _;
        let text = settings.secret("SERVICE_KEYS");
        let mut keys = Vec::<ServiceKey>::new();
        let items = text.expose_secret().split([',', '\n']).map(str::trim);
        for (index, item) in items.filter(|item| !item.is_empty()).enumerate() {
            match item.parse() {
                Ok(key) => keys.push(key),
                // The item may hold a key somebody forgot to hash: told by place only.
                Err(error) => {
                    settings.fault("SERVICE_KEYS", format_args!("entry {} {error}", index + 1));
                }
            }
        }
        let mut of_caller = HashMap::<&str, usize>::new();
        for key in &keys {
            *of_caller.entry(&key.caller).or_default() += 1;
        }
        let mut crowded: Vec<_> = of_caller
            .into_iter()
            .filter(|(_, count)| *count > KEYS_PER_CALLER)
            .collect();
        crowded.sort_unstable();
        for (caller, count) in crowded {
            settings.fault(
                "SERVICE_KEYS",
                format_args!("{caller} has {count} keys, at most {KEYS_PER_CALLER}"),
            );
        }
        Self(keys)
    }

    /// The holder of `presented` at `now`; `None` when no live key matches. Takes the
    /// same time whichever key matches, or none.
    #[must_use]
    pub fn holder(&self, presented: &[u8], now: Timestamp) -> Option<KeyHolder> {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let mut found = u64::MAX;
        for (index, key) in (0_u64..).zip(&self.0) {
            let live = Choice::from(u8::from(key.from <= now && now < key.until));
            found.conditional_assign(&index, key.digest.ct_eq(&digest) & live);
        }
        let key = self.0.get(usize::try_from(found).ok()?)?;
        Some(KeyHolder {
            caller: key.caller.clone(),
            act_as: key.act_as,
        })
    }

    /// The names of all callers that have a key.
    pub fn callers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.caller.as_str())
    }
}

/// The digest of a key as configuration wants it: SHA-256, lower-case hex.
#[must_use]
pub fn digest_hex(key: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(key)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Result<ServiceKeys, crate::config::Faults> {
        let variables = HashMap::from([("T_SERVICE_KEYS".to_owned(), text.to_owned())]);
        let mut settings = Settings::from_map("T", variables);
        let keys = ServiceKeys::read(&mut settings);
        settings.finish().map(|()| keys)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn both_keys_of_a_caller_work_while_they_overlap() {
        let (old, new) = (digest_hex("old"), digest_hex("new"));
        let keys = keys(&format!(
            "bot-gateway+act_as={old}@..2026-07-01, bot-gateway={new}@2026-06-01.."
        ))
        .unwrap();
        let holder = |key: &str, now: &str| keys.holder(key.as_bytes(), at(now));
        assert!(holder("new", "2026-05-31T23:59:59Z").is_none());
        assert!(holder("old", "2026-06-15T00:00:00Z").unwrap().act_as);
        assert!(!holder("new", "2026-06-15T00:00:00Z").unwrap().act_as);
        assert!(holder("old", "2026-07-01T00:00:00Z").is_none());
        assert!(holder("other", "2026-06-15T00:00:00Z").is_none());
    }

    #[test]
    fn a_third_key_and_a_malformed_one_are_told_without_showing_them() {
        let digest = digest_hex("k");
        let faults = keys(&format!("a={digest},a={digest},a={digest},hunter2")).unwrap_err();
        let text = faults.to_string();
        assert!(text.contains("entry 4 is not caller"), "{text}");
        assert!(text.contains("a has 3 keys, at most 2"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
