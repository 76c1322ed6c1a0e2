//! What stands in the contract and is not served yet.

use tonic::{Request, Response, Status};

use crate::{actors::Claimed, errors::Error, state::State};

/// Answers a call whose policy demands a person: who is none is told so, everybody else
/// that it is not served.
///
/// # Errors
///
/// Always.
pub async fn later<T, R>(state: &State, request: &Request<T>) -> Result<Response<R>, Status> {
    let by = Claimed::of(request)?;
    let mut conn = state.pool.acquire().await.map_err(Error::from)?;
    by.actor(&mut conn).await?;
    Err(Status::unimplemented("not served yet"))
}
