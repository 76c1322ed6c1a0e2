//! `/sim/faults` and `/sim/plan`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};

use super::input::{Input, Refusal};
use crate::{
    api::{Chance, Fault, FaultKind, FaultPlan},
    bot_api::{MAX_DELAY, is_method},
    world::{Shared, faults::MAX_FAULTS},
};

/// Kinds of chance in one plan.
const MAX_CHANCES: usize = 100;

pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Json<Vec<Fault>> {
    Json(shared.step(|world, _| world.faults.list().to_vec()))
}

pub(crate) async fn add(
    State(shared): State<Arc<Shared>>,
    Input(Json(fault)): Input<Json<Fault>>,
) -> Result<(StatusCode, Json<Fault>), Refusal> {
    check(fault.method.as_deref(), &fault.kind)?;
    if shared.step(|world, _| world.faults.add(fault.clone())) {
        Ok((StatusCode::CREATED, Json(fault)))
    } else {
        Err(Refusal::new(
            StatusCode::INSUFFICIENT_STORAGE,
            format!("{MAX_FAULTS} faults are waiting already"),
        ))
    }
}

pub(crate) async fn clear(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.step(|world, _| world.faults.clear());
    StatusCode::NO_CONTENT
}

pub(crate) async fn plan(State(shared): State<Arc<Shared>>) -> Json<FaultPlan> {
    Json(shared.step(|world, _| world.faults.plan().clone()))
}

pub(crate) async fn set_plan(
    State(shared): State<Arc<Shared>>,
    Input(Json(plan)): Input<Json<FaultPlan>>,
) -> Result<Json<FaultPlan>, Refusal> {
    let of_all: u32 = plan.chances.iter().map(|it| u32::from(it.per_mille)).sum();
    if plan.chances.len() > MAX_CHANCES || of_all > 1000 {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("chances: at most {MAX_CHANCES}, together at most 1000 per mille"),
        ));
    }
    for Chance { method, kind, .. } in &plan.chances {
        check(method.as_deref(), kind)?;
    }
    shared.step(|world, _| world.faults.set_plan(plan.clone()));
    Ok(Json(plan))
}

fn check(method: Option<&str>, kind: &FaultKind) -> Result<(), Refusal> {
    let invalid = |error: String| Err(Refusal::new(StatusCode::BAD_REQUEST, error));
    if let Some(method) = method.filter(|method| !is_method(method)) {
        return invalid(format!("method: {method} is not served here"));
    }
    match kind {
        FaultKind::Delay { ms } if u128::from(*ms) > MAX_DELAY.as_millis() => {
            invalid(format!("ms: at most {}", MAX_DELAY.as_millis()))
        }
        FaultKind::Status { code, .. } if !(400..=599).contains(code) => {
            invalid("code: must be between 400 and 599".to_owned())
        }
        FaultKind::Status { description, .. } if description.len() > 1000 => {
            invalid("description: at most 1000 bytes".to_owned())
        }
        FaultKind::Delay { .. }
        | FaultKind::LoseResponse
        | FaultKind::ResetBefore
        | FaultKind::ResetAfter
        | FaultKind::TruncatedBody
        | FaultKind::Blocked
        | FaultKind::Deactivated
        | FaultKind::Migrated { .. }
        | FaultKind::Status { .. }
        | FaultKind::AfterAcceptance502 => Ok(()),
    }
}
