//! A second replica of lesson-svc over the same database, in this process.

use std::{collections::HashMap, time::Duration};

use e2e::{Result, program::Program};
use lesson_svc::{Config, RunError, config::PREFIX};
use service_kit::{
    clock::SystemClock,
    config::Settings,
    grpc::{
        client::{Backend, BackendConfig},
        tls::Authorities,
    },
    keys::digest_hex,
    shutdown::Shutdown,
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::server::Server;

/// How long its calls may take to finish.
const DRAIN: Duration = Duration::from_secs(5);

/// It runs until it is stopped.
pub(crate) struct Replica {
    /// With an operator's key.
    pub(crate) backend: Backend,
    shutdown: Shutdown,
    task: JoinHandle<std::result::Result<(), RunError>>,
}

impl Replica {
    /// Starts it beside the one that `server` has.
    pub(crate) async fn start(server: &Server) -> Result<Self> {
        let key = server.stack.keys.of("operator").to_owned();
        let variables = [
            ("DATABASE_URL", server.lesson_database()),
            (
                "SERVICE_KEYS",
                format!("operator+act_as={}", digest_hex(&key)),
            ),
            (
                "INVITATION_SECRET",
                server.stack.keys.of("invitations").to_owned(),
            ),
            ("NOTIFY_URL", server.stack.url(Program::NotifySvc)),
            ("NOTIFY_KEY", server.stack.keys.of("lesson-svc").to_owned()),
        ];
        let variables = variables.map(|(name, value)| (format!("{PREFIX}_{name}"), value));
        let mut settings = Settings::from_map(PREFIX, HashMap::from(variables));
        let config = Config::read(&mut settings);
        settings.finish()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let backend = Backend::connect_lazy(&BackendConfig {
            service: "lesson-svc",
            url: format!("http://{}", listener.local_addr()?).parse()?,
            authorities: Authorities::default(),
            key: key.as_str().into(),
            timeout: DRAIN,
        })?;
        let shutdown = Shutdown::manual(DRAIN);
        let clock = SystemClock::shared();
        let task = tokio::spawn(lesson_svc::run(config, listener, shutdown.clone(), clock));
        Ok(Self {
            backend,
            shutdown,
            task,
        })
    }

    /// Stops it.
    pub(crate) async fn stop(self) -> Result<()> {
        self.shutdown.stop();
        Ok(self.task.await??)
    }
}
