//! The programs of the system.

/// The programs of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// Telegram's stand-in.
    TelegramSim,
    /// Lessons.
    LessonSvc,
    /// Notifications.
    NotifySvc,
    /// The bot.
    BotGateway,
    /// HTTP.
    GatewayRest,
}

impl Program {
    /// All, in the order they are started.
    pub const ALL: [Self; 5] = [
        Self::TelegramSim,
        Self::LessonSvc,
        Self::NotifySvc,
        Self::BotGateway,
        Self::GatewayRest,
    ];

    /// The binary's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TelegramSim => "telegram-sim",
            Self::LessonSvc => "lesson-svc",
            Self::NotifySvc => "notify-svc",
            Self::BotGateway => "bot-gateway",
            Self::GatewayRest => "gateway-rest",
        }
    }

    /// The port it has when nobody else took it.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::LessonSvc => 50_051,
            Self::NotifySvc => 50_052,
            Self::BotGateway => 50_053,
            Self::GatewayRest => 8_080,
            Self::TelegramSim => 8_081,
        }
    }

    /// The variable that says where figures are read, and the port they have when nobody
    /// else took it.
    pub(crate) fn metrics(self) -> Option<(&'static str, u16)> {
        match self {
            Self::LessonSvc => Some(("LESSON_METRICS_LISTEN", 9_464)),
            Self::NotifySvc => Some(("NOTIFY_METRICS_LISTEN", 9_465)),
            Self::BotGateway => Some(("BOT_METRICS_LISTEN", 9_466)),
            Self::GatewayRest => Some(("REST_METRICS_LISTEN", 9_467)),
            Self::TelegramSim => None,
        }
    }

    /// The gRPC service whose health is the program's readiness.
    pub(crate) fn ready_service(self) -> Option<&'static str> {
        match self {
            Self::LessonSvc => Some("olm.lesson.v1.LessonService"),
            Self::NotifySvc => Some("olm.notify.v1.NotificationService"),
            Self::BotGateway => Some(""),
            Self::GatewayRest | Self::TelegramSim => None,
        }
    }
}
