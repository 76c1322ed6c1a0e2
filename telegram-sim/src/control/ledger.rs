//! `/sim/ledger`.

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
    api::{LedgerPage, LedgerQuery},
    world::Shared,
};

pub(crate) async fn read(
    State(shared): State<Arc<Shared>>,
    Input(Query(query)): Input<Query<LedgerQuery>>,
) -> Result<Json<LedgerPage>, Refusal> {
    until_news(&shared, query.wait_ms, |world, _| {
        let page = world.ledger.page(&query);
        let is_news = !page.entries.is_empty();
        Ok((page, is_news))
    })
    .await
}
