//! Service keys (OLM-1): who calls. Only SHA-256 digests are configured and kept;
//! a presented key is compared with all of them in constant time. Two keys of one
//! caller may be live at once, so that keys are rotated without a failed call: a file of
//! keys is read anew when it changes, and at SIGHUP.

mod watched;

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

pub(crate) use watched::Watched;

pub use watched::SecretFile;

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

/// All keys a server accepts; clones see the same ones, also after a change.
#[derive(Debug, Clone)]
pub struct ServiceKeys(Watched<Vec<ServiceKey>>);

impl Default for ServiceKeys {
    fn default() -> Self {
        Self(Watched::new(Vec::new(), None, usable))
    }
}

impl ServiceKeys {
    /// Reads `SERVICE_KEYS` (comma or line separated, or `SERVICE_KEYS_FILE`) and
    /// records a fault when there is none, one is malformed, or a caller has more
    /// than two.
    pub fn read(settings: &mut Settings) -> Self {
        use secrecy::ExposeSecret as _;
        let text = settings.secret("SERVICE_KEYS");
        let (keys, faults) = parse(text.expose_secret());
        for fault in faults {
            settings.fault("SERVICE_KEYS", fault);
        }
        Self(Watched::new(
            keys,
            settings.secret_file("SERVICE_KEYS"),
            usable,
        ))
    }

    /// Reads the file of keys again whenever it changes, if they came from one; until the
    /// last clone is gone.
    pub fn follow(&self) {
        self.0.follow();
    }

    /// The holder of `presented` at `now`; `None` when no live key matches. Takes the
    /// same time whichever key matches, or none.
    #[must_use]
    pub fn holder(&self, presented: &[u8], now: Timestamp) -> Option<KeyHolder> {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let keys = self.0.get();
        let mut found = u64::MAX;
        for (index, key) in (0_u64..).zip(&*keys) {
            let live = Choice::from(u8::from(key.from <= now && now < key.until));
            found.conditional_assign(&index, key.digest.ct_eq(&digest) & live);
        }
        let key = keys.get(usize::try_from(found).ok()?)?;
        Some(KeyHolder {
            caller: key.caller.clone(),
            act_as: key.act_as,
        })
    }
}

/// The keys in a text, and what is wrong with it.
fn parse(text: &str) -> (Vec<ServiceKey>, Vec<String>) {
    let (mut keys, mut faults) = (Vec::<ServiceKey>::new(), Vec::new());
    let items = text.split([',', '\n']).map(str::trim);
    for (index, item) in items.filter(|item| !item.is_empty()).enumerate() {
        match item.parse() {
            Ok(key) => keys.push(key),
            // The item may hold a key somebody forgot to hash: told by place only.
            Err(error) => faults.push(format!("entry {} {error}", index + 1)),
        }
    }
    let mut of_caller = BTreeMap::<&str, usize>::new();
    for key in &keys {
        *of_caller.entry(&key.caller).or_default() += 1;
    }
    for (caller, count) in of_caller {
        if count > KEYS_PER_CALLER {
            faults.push(format!(
                "{caller} has {count} keys, at most {KEYS_PER_CALLER}"
            ));
        }
    }
    (keys, faults)
}

/// The keys in a text that has some, and no fault.
fn usable(text: &str) -> Result<Vec<ServiceKey>, String> {
    match parse(text) {
        (keys, faults) if faults.is_empty() && !keys.is_empty() => Ok(keys),
        (_, faults) if faults.is_empty() => Err("has no key".to_owned()),
        (_, faults) => Err(faults.join("; ")),
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
    use std::collections::HashMap;

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
