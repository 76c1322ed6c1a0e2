//! Who calls (OLM-1): a service key in `X-Service-Key`, and the person it speaks for
//! in `X-Acting-User`.

use axum::extract::FromRequestParts;
use http::{HeaderMap, StatusCode, request::Parts};
use jiff::Timestamp;
use olm_proto::common::v1::ErrorReason;
use service_kit::keys::{KeyHolder, ServiceKeys};
use uuid::Uuid;

use crate::{
    api::App,
    problem::{Problem, Reason},
};

/// The header with the caller's key.
pub(crate) const SERVICE_KEY: &str = service_kit::grpc::SERVICE_KEY;
/// The header with the id of the person the caller speaks for.
pub(crate) const ACTING_USER: &str = service_kit::grpc::ACTING_USER;

/// What a request's key turned out to be; found once, before routing is done.
#[derive(Debug, Clone)]
pub(crate) enum Presented {
    /// No key at all.
    Nothing,
    /// A key that is unknown or not valid now.
    Refused,
    /// A live key.
    Holder(KeyHolder),
}

impl Presented {
    /// Looks the presented key up.
    pub(crate) fn find(headers: &HeaderMap, keys: &ServiceKeys, now: Timestamp) -> Self {
        let mut keys_sent = headers.get_all(SERVICE_KEY).iter();
        let Some(key) = keys_sent.next() else {
            return Self::Nothing;
        };
        if keys_sent.next().is_some() {
            return Self::Refused;
        }
        keys.holder(key.as_bytes(), now)
            .map_or(Self::Refused, Self::Holder)
    }

    /// The caller's name, where there is one.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Holder(holder) => Some(&holder.caller),
            Self::Nothing | Self::Refused => None,
        }
    }
}

/// A caller with a live key, perhaps speaking for a person.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The name its key has in the configuration.
    pub(crate) name: String,
    /// The person it speaks for.
    pub(crate) acting_user: Option<Uuid>,
}

/// A caller that speaks for a person.
#[derive(Debug)]
pub(crate) struct PersonCaller {
    /// The name its key has in the configuration.
    pub(crate) name: String,
    /// The person it speaks for.
    pub(crate) user: Uuid,
}

/// A caller that speaks for itself only.
#[derive(Debug)]
pub(crate) struct ServiceCaller {
    /// The name its key has in the configuration.
    pub(crate) name: String,
}

impl Caller {
    fn from_parts(parts: &Parts) -> Result<Self, Problem> {
        let holder = match parts.extensions.get::<Presented>() {
            Some(Presented::Holder(holder)) => holder,
            Some(Presented::Refused) => {
                return Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    Reason::Contract(ErrorReason::ServiceKeyRefused),
                    "the service key is unknown or not valid now",
                ));
            }
            Some(Presented::Nothing) | None => {
                return Err(Problem::new(
                    StatusCode::UNAUTHORIZED,
                    Reason::Contract(ErrorReason::ServiceKeyMissing),
                    "send your service key in the header X-Service-Key",
                )
                .challenge("ServiceKey header=\"X-Service-Key\""));
            }
        };
        let acting_user = acting_user(parts, holder.act_as)?;
        if let Some(user) = acting_user {
            tracing::Span::current().record("acting_user", tracing::field::display(user));
        }
        Ok(Self {
            name: holder.caller.clone(),
            acting_user,
        })
    }
}

fn acting_user(parts: &Parts, act_as: bool) -> Result<Option<Uuid>, Problem> {
    let mut users_sent = parts.headers.get_all(ACTING_USER).iter();
    let Some(header) = users_sent.next() else {
        return Ok(None);
    };
    if !act_as {
        return Err(not_for_people(
            "this service key may not speak for a person",
        ));
    }
    let user = header
        .to_str()
        .ok()
        .filter(|_| users_sent.next().is_none())
        .and_then(|text| Uuid::try_parse(text).ok());
    user.map(Some).ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            Reason::Contract(ErrorReason::ActingUserMalformed),
            "X-Acting-User is not one UUID",
        )
    })
}

fn not_for_people(detail: &'static str) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        Reason::Contract(ErrorReason::ActingUserNotPermitted),
        detail,
    )
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        Self::from_parts(parts)
    }
}

impl FromRequestParts<App> for PersonCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_parts(parts)?;
        let Some(user) = caller.acting_user else {
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                Reason::Contract(ErrorReason::ActingUserMissing),
                "this request speaks for a person: send a user's id in the header X-Acting-User",
            )
            .challenge("ActingUser header=\"X-Acting-User\""));
        };
        Ok(Self {
            name: caller.name,
            user,
        })
    }
}

impl FromRequestParts<App> for ServiceCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_parts(parts)?;
        if caller.acting_user.is_some() {
            return Err(not_for_people(
                "this request is the caller's own: leave X-Acting-User out",
            ));
        }
        Ok(Self { name: caller.name })
    }
}
