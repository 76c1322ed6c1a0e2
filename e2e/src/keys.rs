//! The keys of one installation on a developer's machine.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{Result, program::Program};

/// The service keys of one installation.
#[derive(Debug, Clone)]
pub struct Keys {
    directory: PathBuf,
    of: BTreeMap<&'static str, String>,
}

/// Whom each service admits, and whether to speak for people.
const ADMITTED: [(Program, &[(&str, bool)]); 3] = [
    (
        Program::LessonSvc,
        &[
            ("bot-gateway", true),
            ("gateway-rest", true),
            ("operator", true),
        ],
    ),
    (
        Program::NotifySvc,
        &[
            ("lesson-svc", false),
            ("bot-gateway", true),
            ("gateway-rest", true),
            ("operator", true),
        ],
    ),
    (Program::GatewayRest, &[("website", true), ("crm", false)]),
];

impl Keys {
    const HOLDERS: [&'static str; 9] = [
        "bot-gateway",
        "gateway-rest",
        "lesson-svc",
        "operator",
        "website",
        "crm",
        // Not a service key: the password of the services' database roles.
        "database",
        // Nor this: what lesson-svc makes the tokens of invitations from.
        "invitations",
        // Nor this: what notify-svc makes the keys of clients' webhooks from.
        "webhooks",
    ];

    /// The keys kept in `directory`, made at the first call, readable by their owner
    /// only.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written.
    pub fn in_directory(directory: &Path) -> Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        fs::create_dir_all(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        let mut keys = BTreeMap::new();
        for holder in Self::HOLDERS {
            let path = directory.join(holder);
            if !path.exists() {
                let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()]
                    .map(|part| part.simple().to_string());
                fs::write(&path, random.concat())?;
            }
            keys.insert(holder, fs::read_to_string(&path)?.trim().to_owned());
        }
        let keys = Self {
            directory: directory.to_owned(),
            of: keys,
        };
        for (program, admitted) in ADMITTED {
            fs::write(keys.callers_file(program), keys.digests(admitted))?;
        }
        Ok(keys)
    }

    /// The file with the key of `holder`.
    #[must_use]
    pub fn file(&self, holder: &str) -> PathBuf {
        self.directory.join(holder)
    }

    /// The file with the digests of the keys that `program` admits.
    #[must_use]
    pub fn callers_file(&self, program: Program) -> PathBuf {
        self.directory.join(format!("{}.callers", program.name()))
    }

    /// The key of `holder`.
    #[must_use]
    pub fn of(&self, holder: &str) -> &str {
        self.of.get(holder).map_or("", String::as_str)
    }

    /// All keys, of whatever holder.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.of.values().map(String::as_str)
    }

    /// `SERVICE_KEYS` that admits `holders`, each with its right to act for people.
    pub(crate) fn digests(&self, holders: &[(&str, bool)]) -> String {
        let entries: Vec<_> = holders
            .iter()
            .map(|(holder, act_as)| {
                let right = if *act_as { "+act_as" } else { "" };
                format!(
                    "{holder}{right}={}",
                    service_kit::keys::digest_hex(self.of(holder))
                )
            })
            .collect();
        entries.join(",")
    }
}
