//! `/sim/ledger` and `/sim/figures`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};

use super::{
    input::{Input, Refusal},
    until_news,
};
use crate::{
    api::{BotFigures, LedgerQuery},
    world::{Shared, ledger::Page},
};

pub(crate) async fn read(
    State(shared): State<Arc<Shared>>,
    Input(Query(query)): Input<Query<LedgerQuery>>,
) -> Result<Json<Page>, Refusal> {
    until_news(&shared, query.wait_ms, |world, _| {
        let page = world.ledger.page(&query);
        let is_news = !page.entries.is_empty();
        Ok((page, is_news))
    })
    .await
}

/// How every bot has kept to the limits, by bot.
pub(crate) async fn figures(State(shared): State<Arc<Shared>>) -> Json<Vec<BotFigures>> {
    Json(shared.step(|world, _| {
        let bots = world.bots.values();
        bots.map(|bot| bot.pace.figures(bot.id)).collect()
    }))
}
