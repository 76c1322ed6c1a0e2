//! Feeds: made and revoked by their owners, read by whoever has the token.

use jiff::SignedDuration;
use olm_proto::lesson::v1::{
    CreateCalendarFeedRequest, GetCalendarEntryRequest, RevokeCalendarFeedRequest,
};
use service_kit::status::Violations;

use super::{Entry, Feed, Reader, store};
use crate::{
    availability::calendar::saturating,
    errors::Error,
    ids::{FeedId, LessonId, UserId},
    invitations::hash,
    requests::{self, Claim},
    state::State,
    users,
};

/// That are not revoked, of one person.
const MOST_FEEDS: usize = 5;
/// Of one feed.
const MOST_ENTRIES: i64 = 2_000;
/// How long lessons stay in it once they are over.
const SHOWN_AFTER: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Makes a feed; answers it with its token.
///
/// # Errors
///
/// [`Error::LimitReached`], [`Error::RequestIdReused`].
pub async fn create(
    state: &State,
    user: UserId,
    request: &CreateCalendarFeedRequest,
) -> Result<(Feed, String), Error> {
    let mut violations = Violations::default();
    let request_id = violations.uuid("request_id", &request.request_id);
    violations.check()?;
    let body_hash = requests::body_hash(
        "CreateCalendarFeed",
        &CreateCalendarFeedRequest {
            request_id: String::new(),
        },
    );
    let now = state.now();
    let mut id = FeedId::new(&*state.clock);
    let mut tx = state.pool.begin().await?;
    store::lock_owner(&mut tx, user).await?;
    let claim = requests::claim(&mut tx, user, request_id, body_hash, id.0, now).await?;
    if let Claim::Repeat(first) = claim {
        id = FeedId(first);
    }
    let token = state.tokens.feed_token(id);
    if claim == Claim::New {
        if store::list(&mut tx, user).await?.len() >= MOST_FEEDS {
            return Err(Error::LimitReached {
                what: "calendar feeds",
                limit: MOST_FEEDS,
            });
        }
        let feed = Feed {
            id,
            create_time: now,
            revoke_time: None,
        };
        store::insert(&mut tx, user, &feed, hash(&token)).await?;
    }
    let feed = store::find(&mut tx, user, id, hash(&token)).await?;
    // Only of a repeat after the secret was replaced: the token that was answered first
    // cannot be made any more.
    let feed = feed.ok_or(Error::Corrupt("a calendar feed's token is another one"))?;
    tx.commit().await?;
    if claim == Claim::New {
        tracing::info!(event = "calendar_feed_created", feed_id = %id, user_id = %user, "calendar feed created");
    }
    Ok((feed, token))
}

/// A person's feeds that are not revoked.
///
/// # Errors
///
/// [`Error::UserNotFound`].
pub async fn list(state: &State, user: UserId) -> Result<Vec<Feed>, Error> {
    let mut conn = state.pool.acquire().await?;
    users::store::require(&mut conn, user).await?;
    store::list(&mut conn, user).await
}

/// Ends a feed for good.
///
/// # Errors
///
/// [`Error::CalendarFeedNotFound`] for what is not the person's.
pub async fn revoke(
    state: &State,
    user: UserId,
    request: &RevokeCalendarFeedRequest,
) -> Result<Feed, Error> {
    let mut violations = Violations::default();
    let id = FeedId(violations.uuid("feed_id", &request.feed_id));
    violations.check()?;
    let mut tx = state.pool.begin().await?;
    users::store::require_locked(&mut tx, user).await?;
    let feed = store::update_revoked(&mut tx, user, id, state.now()).await?;
    let feed = feed.ok_or(Error::CalendarFeedNotFound)?;
    tx.commit().await?;
    tracing::info!(event = "calendar_feed_revoked", feed_id = %id, user_id = %user, "calendar feed revoked");
    Ok(feed)
}

/// The lessons behind a token, and whose they are.
///
/// # Errors
///
/// [`Error::CalendarFeedNotFound`] for tokens of no feed and of revoked ones.
pub async fn read(state: &State, token: &str) -> Result<(Reader, Vec<Entry>), Error> {
    let mut conn = state.pool.acquire().await?;
    let reader = store::find_reader(&mut conn, hash(token)).await?;
    let reader = reader.ok_or(Error::CalendarFeedNotFound)?;
    let from = saturating(state.now(), -SHOWN_AFTER);
    let lessons = store::list_lessons(&mut conn, reader.user, from, MOST_ENTRIES).await?;
    let entries = store::entries(&mut conn, reader.user, &lessons).await?;
    Ok((reader, entries))
}

/// One lesson of a person as an entry.
///
/// # Errors
///
/// [`Error::LessonNotFound`] for lessons that they have no part in.
pub async fn get(
    state: &State,
    user: UserId,
    request: &GetCalendarEntryRequest,
) -> Result<(Reader, Entry), Error> {
    let mut violations = Violations::default();
    let id = LessonId(violations.uuid("lesson_id", &request.lesson_id));
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    let reader = store::require_reader(&mut conn, user).await?;
    let entry = store::entries(&mut conn, user, &[id.0]).await?.pop();
    Ok((reader, entry.ok_or(Error::LessonNotFound)?))
}
