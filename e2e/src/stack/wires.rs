//! How a program is told of the others.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::{keys::Keys, postgres::ServiceUrls, program::Program};

/// One process's place among the others.
#[derive(Debug)]
pub(crate) struct Wires<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) databases: &'a ServiceUrls,
    /// Where it listens.
    pub(crate) listen: String,
    /// Where it finds lesson-svc.
    pub(crate) lesson_url: String,
    /// Where it finds notify-svc.
    pub(crate) notify_url: String,
    /// The bot's.
    pub(crate) token: &'a str,
    /// None: Telegram itself.
    pub(crate) telegram_url: Option<String>,
    /// bot-gateway's.
    pub(crate) journal: PathBuf,
}

impl Wires<'_> {
    /// A program with its settings and nothing of our own environment but PATH.
    pub(crate) fn command(&self, program: Program, binaries: &Path) -> Command {
        let mut command = Command::new(binaries.join(program.name()));
        command.env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        match program {
            Program::TelegramSim => {
                command.args(["--listen", &self.listen]);
            }
            Program::LessonSvc => {
                command
                    .env("LESSON_LISTEN", &self.listen)
                    .env("LESSON_LOG_FORMAT", "json")
                    .env("LESSON_DATABASE_URL", &self.databases.lesson)
                    .env("LESSON_REFLECTION", "true")
                    .env("LESSON_SERVICE_KEYS_FILE", self.keys.callers_file(program))
                    .env("LESSON_NOTIFY_URL", &self.notify_url)
                    .env("LESSON_NOTIFY_KEY_FILE", self.keys.file("lesson-svc"))
                    .env("LESSON_INVITATION_SECRET", self.keys.of("invitations"));
            }
            Program::NotifySvc => {
                command
                    .env("NOTIFY_LISTEN", &self.listen)
                    .env("NOTIFY_LOG_FORMAT", "json")
                    .env("NOTIFY_DATABASE_URL", &self.databases.notify)
                    .env("NOTIFY_REFLECTION", "true")
                    .env("NOTIFY_WEBHOOK_KEY", self.keys.of("webhooks"))
                    // On a developer's machine clients are there too.
                    .env("NOTIFY_WEBHOOK_PRIVATE_NETWORKS", "127.0.0.1/32")
                    .env("NOTIFY_SERVICE_KEYS_FILE", self.keys.callers_file(program));
            }
            Program::BotGateway => {
                command
                    .env("BOT_LISTEN", &self.listen)
                    .env("BOT_LOG_FORMAT", "json")
                    .env("BOT_REFLECTION", "true")
                    .env("BOT_JOURNAL", &self.journal)
                    .env("TELEGRAM_BOT_TOKEN", self.token)
                    .env("BOT_LESSON_URL", &self.lesson_url)
                    .env("BOT_LESSON_KEY_FILE", self.keys.file("bot-gateway"))
                    .env("BOT_NOTIFY_URL", &self.notify_url)
                    .env("BOT_NOTIFY_KEY_FILE", self.keys.file("bot-gateway"));
                if let Some(url) = &self.telegram_url {
                    command.env("BOT_TELEGRAM_API_URL", url);
                }
            }
            Program::GatewayRest => {
                command
                    .env("REST_LISTEN", &self.listen)
                    .env("REST_LOG_FORMAT", "json")
                    .env("REST_SERVICE_KEYS_FILE", self.keys.callers_file(program))
                    .env("REST_LESSON_URL", &self.lesson_url)
                    .env("REST_LESSON_KEY_FILE", self.keys.file("gateway-rest"))
                    .env("REST_NOTIFY_URL", &self.notify_url)
                    .env("REST_NOTIFY_KEY_FILE", self.keys.file("gateway-rest"));
            }
        }
        command
    }
}
