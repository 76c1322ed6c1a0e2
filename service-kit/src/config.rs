//! Configuration: environment, then `.env`, then defaults (TMB-6); secrets also
//! from files. Every fault is collected, so that an operator sees all at once.

use std::{
    collections::HashMap,
    fmt::{self, Display},
    fs,
    ops::RangeInclusive,
    process::ExitCode,
    str::FromStr,
    time::Duration,
};

use secrecy::SecretString;

use crate::keys::SecretFile;

/// The exit status for bad configuration: `EX_USAGE` of sysexits.h.
pub const EXIT_BAD_CONFIG: u8 = 64;

/// Reads variables named `PREFIX_NAME`. Each reader method records what is wrong
/// and returns a placeholder; [`Settings::finish`] fails if anything was recorded,
/// so no placeholder is ever used.
#[derive(Debug)]
pub struct Settings {
    prefix: &'static str,
    variables: HashMap<String, String>,
    faults: Vec<String>,
}

/// Everything that is wrong with the configuration, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<String>);

impl Faults {
    /// The exit code a binary ends with after printing the faults.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(EXIT_BAD_CONFIG)
    }
}

impl Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration cannot be used:")?;
        for fault in &self.0 {
            writeln!(f, "  {fault}")?;
        }
        write!(f, "see .env.example and the README's table of settings")
    }
}

impl std::error::Error for Faults {}

impl Settings {
    /// The process's environment over `.env` in the working directory.
    #[must_use]
    pub fn from_env(prefix: &'static str) -> Self {
        let mut faults = Vec::new();
        let mut variables = HashMap::new();
        // Not a parent folder's: that may be another program's.
        match dotenvy::from_path_iter(".env") {
            Ok(entries) => {
                for entry in entries {
                    match entry {
                        Ok((name, value)) => drop(variables.insert(name, value)),
                        // The entry's text may be a secret: only its place is told.
                        Err(_) => faults.push(".env: a line cannot be parsed".to_owned()),
                    }
                }
            }
            Err(error) if error.not_found() => {}
            Err(_) => faults.push(".env: cannot be read".to_owned()),
        }
        variables.extend(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }));
        Self {
            prefix,
            variables,
            faults,
        }
    }

    /// Only the given variables; for tests.
    #[must_use]
    pub fn from_map(prefix: &'static str, variables: HashMap<String, String>) -> Self {
        Self {
            prefix,
            variables,
            faults: Vec::new(),
        }
    }

    /// Records a fault of `name`.
    pub fn fault(&mut self, name: &str, text: impl Display) {
        self.faults.push(format!("{}: {text}", self.full(name)));
    }

    /// An optional value.
    pub fn optional<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        if let Ok(value) = text.parse() {
            return Some(value);
        }
        let kind = std::any::type_name::<T>()
            .rsplit("::")
            .next()
            .unwrap_or("value");
        self.fault(name, format_args!("{text:?} is not a valid {kind}"));
        None
    }

    /// A value with a default.
    pub fn value<T: FromStr>(&mut self, name: &str, default: T) -> T {
        self.optional(name).unwrap_or(default)
    }

    /// A value that must be given.
    pub fn required<T: FromStr + Default>(&mut self, name: &str) -> T {
        if self.text(name).is_none() {
            self.fault(name, "is required");
        }
        self.optional(name).unwrap_or_default()
    }

    /// A value with a default, inside `range`.
    pub fn in_range<T>(&mut self, name: &str, default: T, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display,
    {
        let value = self.value(name, default);
        if !range.contains(&value) {
            let text = format!(
                "{value} is not between {} and {}",
                range.start(),
                range.end()
            );
            self.fault(name, text);
        }
        value
    }

    /// A duration in seconds, decimals allowed, inside `range`.
    pub fn duration(
        &mut self,
        name: &str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let Some(seconds) = self.optional::<f64>(name) else {
            return default;
        };
        match Duration::try_from_secs_f64(seconds) {
            Ok(value) if range.contains(&value) => value,
            _ => {
                let (least, most) = (range.start().as_secs_f64(), range.end().as_secs_f64());
                self.fault(
                    name,
                    format_args!("{seconds} is not between {least} and {most} seconds"),
                );
                default
            }
        }
    }

    /// A comma-separated list; empty when not given.
    pub fn list<T: FromStr>(&mut self, name: &str) -> Vec<T> {
        let text = self.text(name).unwrap_or_default();
        let mut values = Vec::new();
        for item in text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            match item.parse() {
                Ok(value) => values.push(value),
                Err(_) => self.fault(name, format_args!("{item:?} cannot be used")),
            }
        }
        values
    }

    /// A secret that must be given, as `NAME` or as the file named by `NAME_FILE`.
    pub fn secret(&mut self, name: &str) -> SecretString {
        let recorded = self.faults.len();
        let secret = self.optional_secret(name);
        if secret.is_none() && self.faults.len() == recorded {
            let file = self.full(&format!("{name}_FILE"));
            self.fault(
                name,
                format_args!("is required (or {file}, the path of a file with it)"),
            );
        }
        secret.unwrap_or_default()
    }

    /// A secret that may be absent, as `NAME` or as the file named by `NAME_FILE`.
    pub fn optional_secret(&mut self, name: &str) -> Option<SecretString> {
        let file_name = format!("{name}_FILE");
        match (self.text(name), self.text(&file_name)) {
            (Some(_), Some(_)) => {
                let file = self.full(&file_name);
                self.fault(name, format_args!("is given twice: {file} too"));
                None
            }
            (Some(text), None) => Some(text.into()),
            (None, Some(path)) => match fs::read_to_string(&path) {
                Ok(text) if !text.trim().is_empty() => Some(text.trim().into()),
                Ok(_) => {
                    self.fault(&file_name, format_args!("{path:?} is empty"));
                    None
                }
                Err(error) => {
                    self.fault(&file_name, format_args!("{path:?} cannot be read: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }

    /// The file a secret is read from, when it is.
    pub(crate) fn secret_file(&self, name: &str) -> Option<SecretFile> {
        let file_name = format!("{name}_FILE");
        let path = self.text(&file_name)?.into();
        Some(SecretFile {
            variable: self.full(&file_name),
            path,
        })
    }

    /// Runs `read` with variables that carry no prefix, such as `OTEL_…`.
    pub fn unprefixed<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let prefix = std::mem::take(&mut self.prefix);
        let value = read(self);
        self.prefix = prefix;
        value
    }

    /// Ends reading.
    ///
    /// # Errors
    ///
    /// [`Faults`] with everything recorded.
    pub fn finish(self) -> Result<(), Faults> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Faults(self.faults))
        }
    }

    /// An empty variable counts as absent: that is how compose files unset one.
    fn text(&self, name: &str) -> Option<String> {
        let text = self.variables.get(&self.full(name))?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn full(&self, name: &str) -> String {
        if self.prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{}_{name}", self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings::from_map("T", variables)
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let mut settings = settings(&[("T_PORT", "http"), ("T_POOL", "0"), ("T_DRAIN", "-1")]);
        settings.value::<u16>("PORT", 1);
        settings.in_range("POOL", 10, 1..=100);
        settings.duration(
            "DRAIN",
            Duration::from_secs(1),
            Duration::ZERO..=Duration::from_mins(1),
        );
        settings.secret("KEY");
        let faults = settings.finish().unwrap_err();
        assert_eq!(
            faults.0,
            [
                "T_PORT: \"http\" is not a valid u16",
                "T_POOL: 0 is not between 1 and 100",
                "T_DRAIN: -1 is not between 0 and 60 seconds",
                "T_KEY: is required (or T_KEY_FILE, the path of a file with it)",
            ]
        );
    }

    #[test]
    fn defaults_fill_what_is_absent_or_empty() {
        let mut settings = settings(&[("T_PORT", "")]);
        assert_eq!(settings.value("PORT", 7_u16), 7);
        assert_eq!(settings.list::<String>("NAMES"), Vec::<String>::new());
        assert_eq!(settings.finish(), Ok(()));
    }

    #[test]
    fn a_secret_comes_from_a_file_and_is_never_printed() {
        let path = std::env::temp_dir().join(format!("olm-secret-{}", uuid::Uuid::new_v4()));
        fs::write(&path, "hush\n").unwrap();
        let mut settings = settings(&[("T_KEY_FILE", path.to_str().unwrap())]);
        let secret = settings.secret("KEY");
        fs::remove_file(&path).unwrap();
        assert_eq!(secret.expose_secret(), "hush");
        assert!(!format!("{secret:?}").contains("hush"));
        assert_eq!(settings.finish(), Ok(()));
    }

    #[test]
    fn a_secret_given_twice_is_a_fault() {
        let mut settings = settings(&[("T_KEY", "a"), ("T_KEY_FILE", "b")]);
        settings.secret("KEY");
        let faults = settings.finish().unwrap_err();
        assert_eq!(faults.0, ["T_KEY: is given twice: T_KEY_FILE too"]);
    }
}
