//! Doing again what concurrent transactions undid.

use std::future::Future;

use crate::errors::Error;

/// How often what meets a conflict is tried in all.
const MOST_ATTEMPTS: usize = 3;

/// Does again what the database undid because of a concurrent transaction: once; and what
/// found other people than it had locked, who may change once more: twice.
///
/// # Errors
///
/// The last attempt's.
pub async fn retrying<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut outcome = attempt().await;
    for tried in 1..MOST_ATTEMPTS {
        match &outcome {
            Err(Error::PeopleChanged) => {}
            Err(error) if tried == 1 && error.is_conflict() => {}
            Ok(_) | Err(_) => break,
        }
        outcome = attempt().await;
    }
    outcome
}
