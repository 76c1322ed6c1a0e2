//! `/sim/faults`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};

use super::input::{Input, Refusal};
use crate::{
    api::{Fault, FaultKind},
    bot_api::{MAX_DELAY, is_method},
    world::{Shared, faults::MAX_FAULTS},
};

pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Json<Vec<Fault>> {
    Json(shared.step(|world, _| world.faults.list().to_vec()))
}

pub(crate) async fn add(
    State(shared): State<Arc<Shared>>,
    Input(Json(fault)): Input<Json<Fault>>,
) -> Result<(StatusCode, Json<Fault>), Refusal> {
    check(&fault)?;
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

fn check(fault: &Fault) -> Result<(), Refusal> {
    let invalid = |error: String| Err(Refusal::new(StatusCode::BAD_REQUEST, error));
    if let Some(method) = fault.method.as_ref().filter(|method| !is_method(method)) {
        return invalid(format!("method: {method} is not served here"));
    }
    match &fault.kind {
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
        | FaultKind::Status { .. }
        | FaultKind::AfterAcceptance502 => Ok(()),
    }
}
