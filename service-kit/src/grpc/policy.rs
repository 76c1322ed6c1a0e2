//! Who may call what: read from the contract's option `(olm.common.v1.policy)`, so
//! that a new RPC is closed until its policy is written.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use olm_proto::common::v1::{ActingUser as Requirement, Caller as CallerKind, ErrorReason};
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use tonic::Code;
use uuid::Uuid;

use super::{ACTING_USER, SERVICE_KEY};
use crate::{keys::ServiceKeys, status::Refusal};

/// The caller of a request, as its key proved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller(pub CallerKind);

impl Caller {
    /// The caller's name in configuration and tables, e.g. `bot-gateway`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            CallerKind::Unspecified => "unspecified",
            CallerKind::BotGateway => "bot-gateway",
            CallerKind::GatewayRest => "gateway-rest",
            CallerKind::LessonSvc => "lesson-svc",
            CallerKind::NotifySvc => "notify-svc",
            CallerKind::Operator => "operator",
        }
    }

    /// The caller with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            CallerKind::BotGateway,
            CallerKind::GatewayRest,
            CallerKind::LessonSvc,
            CallerKind::NotifySvc,
            CallerKind::Operator,
        ]
        .into_iter()
        .map(Self)
        .find(|caller| caller.name() == name)
    }
}

/// The person a request speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActingUser(pub Uuid);

/// One RPC's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    callers: Vec<CallerKind>,
    acting_user: Requirement,
}

/// The policies of all RPCs, by path (`/package.Service/Method`).
#[derive(Debug, Clone)]
pub struct Policies(Arc<HashMap<String, Policy>>);

/// RPCs that have no policy, or one that opens them to nobody.
#[derive(Debug, thiserror::Error)]
#[error("RPCs without a policy: {}", .0.join(", "))]
pub struct MissingPolicies(Vec<String>);

impl Policies {
    /// Reads the policies of every RPC in `pool`.
    ///
    /// # Errors
    ///
    /// When any RPC has none.
    pub fn from_descriptors(pool: &DescriptorPool) -> Result<Self, MissingPolicies> {
        let mut policies = HashMap::new();
        let mut missing = Vec::new();
        let extension = pool.get_extension_by_name("olm.common.v1.policy");
        for service in pool.services() {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                let policy = extension.as_ref().and_then(|extension| {
                    let options = method.options();
                    let value = options.get_extension(extension);
                    value.as_message().and_then(read_policy)
                });
                match policy {
                    Some(policy) => drop(policies.insert(path, policy)),
                    None => missing.push(path),
                }
            }
        }
        if missing.is_empty() {
            Ok(Self(Arc::new(policies)))
        } else {
            Err(MissingPolicies(missing))
        }
    }

    /// Decides on one request: the caller and the person it speaks for.
    pub(super) fn admit(
        &self,
        path: &str,
        headers: &http::HeaderMap,
        keys: &ServiceKeys,
        now: Timestamp,
    ) -> Result<(Caller, Option<ActingUser>), Refusal> {
        let Some(presented) = headers.get(SERVICE_KEY) else {
            return Err(Refusal::new(
                Code::Unauthenticated,
                ErrorReason::ServiceKeyMissing,
                format!("send your service key as {SERVICE_KEY}"),
            ));
        };
        let holder = keys.holder(presented.as_bytes(), now);
        let known =
            holder.and_then(|holder| Some((Caller::from_name(&holder.caller)?, holder.act_as)));
        let Some((caller, act_as)) = known else {
            return Err(Refusal::new(
                Code::PermissionDenied,
                ErrorReason::ServiceKeyRefused,
                "the service key is unknown or not valid now",
            ));
        };
        let Some(policy) = self.0.get(path) else {
            return Err(Refusal::new(
                Code::Unimplemented,
                ErrorReason::MethodUnknown,
                "this server serves no such RPC",
            ));
        };
        if !policy.callers.contains(&caller.0) {
            return Err(Refusal::new(
                Code::PermissionDenied,
                ErrorReason::CallerNotPermitted,
                format!("{} may not call this RPC", caller.name()),
            ));
        }
        let acting_user = acting_user(headers, policy.acting_user, act_as)?;
        Ok((caller, acting_user))
    }
}

fn read_policy(message: &DynamicMessage) -> Option<Policy> {
    let callers = message.get_field_by_name("callers")?;
    let callers: Vec<_> = callers
        .as_list()?
        .iter()
        .filter_map(Value::as_enum_number)
        .filter_map(|number| CallerKind::try_from(number).ok())
        .filter(|caller| *caller != CallerKind::Unspecified)
        .collect();
    let acting_user = message.get_field_by_name("acting_user")?.as_enum_number()?;
    let acting_user = Requirement::try_from(acting_user).ok()?;
    let is_open = !callers.is_empty() && acting_user != Requirement::Unspecified;
    is_open.then_some(Policy {
        callers,
        acting_user,
    })
}

fn acting_user(
    headers: &http::HeaderMap,
    requirement: Requirement,
    act_as: bool,
) -> Result<Option<ActingUser>, Refusal> {
    let Some(header) = headers.get(ACTING_USER) else {
        return match requirement {
            Requirement::Required => Err(Refusal::new(
                Code::Unauthenticated,
                ErrorReason::ActingUserMissing,
                format!("this RPC speaks for a person: send a user id as {ACTING_USER}"),
            )),
            Requirement::Unspecified | Requirement::None | Requirement::Optional => Ok(None),
        };
    };
    if !act_as || requirement == Requirement::None {
        return Err(Refusal::new(
            Code::PermissionDenied,
            ErrorReason::ActingUserNotPermitted,
            "this key, or this RPC, does not speak for people",
        ));
    }
    header
        .to_str()
        .ok()
        .and_then(|text| Uuid::try_parse(text).ok())
        .map(|id| Some(ActingUser(id)))
        .ok_or_else(|| {
            Refusal::new(
                Code::InvalidArgument,
                ErrorReason::ActingUserMalformed,
                format!("{ACTING_USER} is not a UUID"),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rpc_of_the_contract_has_a_policy() {
        let policies = Policies::from_descriptors(&olm_proto::DESCRIPTORS).unwrap();
        let rpcs: usize = olm_proto::DESCRIPTORS
            .services()
            .map(|service| service.methods().len())
            .sum();
        assert_eq!(policies.0.len(), rpcs);
        assert!(rpcs > 0);
    }

    #[test]
    fn an_rpc_without_a_policy_cannot_be_served() {
        let pool = tonic_health_pool();
        let error = Policies::from_descriptors(&pool).unwrap_err();
        assert!(
            error.to_string().contains("/grpc.health.v1.Health/Check"),
            "{error}"
        );
    }

    fn tonic_health_pool() -> DescriptorPool {
        DescriptorPool::decode(tonic_health::pb::FILE_DESCRIPTOR_SET).unwrap()
    }

    #[test]
    fn every_caller_of_the_contract_has_a_name_in_configuration() {
        for number in 1..=5 {
            let caller = Caller(CallerKind::try_from(number).unwrap());
            assert_eq!(Caller::from_name(caller.name()), Some(caller));
        }
        assert!(CallerKind::try_from(6).is_err(), "name the new caller");
    }
}
