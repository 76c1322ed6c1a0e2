//! The controls under `/sim/`.

mod faults;
mod groups;
pub(crate) mod input;
mod ledger;
mod people;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Limits,
    api::{BotView, Redelivery},
    bot_api::params::MAX_BODY_BYTES,
    clock::Moment,
    world::{Shared, World, people::Refused},
};
use input::{Input, Refusal};

/// Longest wait of a read that waits for news.
const MAX_WAIT: Duration = Duration::from_mins(1);

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/sim/health", get(health))
        .route("/sim/bots", get(bots))
        .route("/sim/bots/{id}/redeliver", post(redeliver))
        .route("/sim/limits", get(limits).put(set_limits))
        .route("/sim/ledger", get(ledger::read))
        .route("/sim/figures", get(ledger::figures))
        .route("/sim/plan", get(faults::plan).put(faults::set_plan))
        .route(
            "/sim/faults",
            get(faults::list).post(faults::add).delete(faults::clear),
        )
        .route("/sim/people", get(people::list).post(people::create))
        .route("/sim/people/{id}/send", post(people::send))
        .route("/sim/people/{id}/press", post(people::press))
        .route("/sim/people/{id}/chat", get(people::chat))
        .route("/sim/people/{id}/block", post(people::block))
        .route("/sim/people/{id}/unblock", post(people::unblock))
        .route("/sim/people/{id}/deactivate", post(people::deactivate))
        .route("/sim/pictures/{id}", get(picture))
        .route("/sim/callbacks/{id}", get(people::callback))
        .route("/sim/groups", get(groups::list).post(groups::create))
        .route("/sim/groups/{id}/kick", post(groups::kick))
        .route("/sim/groups/{id}/migrate", post(groups::migrate))
        .route("/sim/{*rest}", axum::routing::any(nothing_here))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .method_not_allowed_fallback(wrong_method)
        .fallback(nothing_here)
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn nothing_here() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this address")
}

async fn wrong_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this address does not take this method",
    )
}

async fn bots(State(shared): State<Arc<Shared>>) -> Json<Vec<BotView>> {
    let bots = shared.step(|world, _| {
        let bots = world.bots.values().map(|bot| BotView {
            id: bot.id,
            username: bot.username.clone(),
            first_name: bot.first_name.clone(),
            pending_update_count: bot.updates.len(),
            polling: bot.updates.waiting > 0,
            redelivery_count: bot.copies(),
        });
        bots.collect()
    });
    Json(bots)
}

async fn picture(
    State(shared): State<Arc<Shared>>,
    Input(Path(id)): Input<Path<u64>>,
) -> Result<impl IntoResponse, Refusal> {
    let picture = shared.step(|world, _| world.pictures.bytes(id));
    let picture = picture
        .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "there is no such picture any more"))?;
    let headers = [
        (header::CONTENT_TYPE, "image/png"),
        (header::CACHE_CONTROL, "max-age=86400, immutable"),
    ];
    Ok((headers, picture))
}

async fn redeliver(
    State(shared): State<Arc<Shared>>,
    Input(Path(bot)): Input<Path<i64>>,
    Input(Json(wanted)): Input<Json<Redelivery>>,
) -> Result<StatusCode, Refusal> {
    shared.change(|world, _| world.redeliver(bot, wanted))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn limits(State(shared): State<Arc<Shared>>) -> Json<Limits> {
    Json(shared.step(|world, _| world.limits))
}

async fn set_limits(
    State(shared): State<Arc<Shared>>,
    Input(axum::Json(limits)): Input<axum::Json<Limits>>,
) -> Json<Limits> {
    shared.step(|world, _| world.set_limits(limits));
    Json(limits)
}

/// Reads until there is something to tell, the caller's patience ends or the simulator stops.
async fn until_news<T>(
    shared: &Shared,
    wait_ms: Option<u64>,
    read: impl Fn(&mut World, Moment) -> Result<(T, bool), Refused>,
) -> Result<Json<T>, Refusal> {
    let wait = Duration::from_millis(wait_ms.unwrap_or(0)).min(MAX_WAIT);
    let deadline = Instant::now() + wait;
    let mut news = shared.changes();
    loop {
        news.borrow_and_update();
        let (value, is_news) = shared.step(&read)?;
        if is_news || wait.is_zero() {
            return Ok(Json(value));
        }
        tokio::select! {
            changed = news.changed() => {
                if changed.is_err() {
                    return Ok(Json(value));
                }
            }
            () = tokio::time::sleep_until(deadline) => return Ok(Json(value)),
            () = shared.shutdown.cancelled() => return Ok(Json(value)),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        Refusal::from(self).into_response()
    }
}
