//! `/sim/groups`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;

use super::input::{Input, Refusal};
use crate::{
    api::{Group, NewGroup},
    world::Shared,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kick {
    bot_id: i64,
}

pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Json<Vec<Group>> {
    Json(shared.step(|world, _| world.groups.values().cloned().collect()))
}

pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Input(Json(new)): Input<Json<NewGroup>>,
) -> Result<(StatusCode, Json<Group>), Refusal> {
    let group = shared.change(|world, _| world.create_group(new))?;
    Ok((StatusCode::CREATED, Json(group)))
}

pub(crate) async fn kick(
    State(shared): State<Arc<Shared>>,
    Input(Path(id)): Input<Path<i64>>,
    Input(Json(kick)): Input<Json<Kick>>,
) -> Result<StatusCode, Refusal> {
    shared.change(|world, now| world.kick_bot(id, kick.bot_id, now))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn migrate(
    State(shared): State<Arc<Shared>>,
    Input(Path(id)): Input<Path<i64>>,
) -> Result<Json<Group>, Refusal> {
    Ok(Json(shared.change(|world, _| world.migrate_group(id))?))
}
