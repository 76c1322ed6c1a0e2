//! Calendars outside: feeds behind secret links, and lessons as iCalendar text.

pub(crate) mod folding;
pub(crate) mod http;
pub(crate) mod ics;
pub(crate) mod vtimezone;

use jiff::{Timestamp, tz::TimeZone};
use olm_proto::{instant, lesson::v1 as pb};
use serde::Serialize;
use texts::Language;
use utoipa::ToSchema;

use self::ics::{Calendar, Entry, State};
use crate::problem::Problem;

/// A secret link by which calendar programs read a person's lessons.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalendarFeed {
    #[schema(format = "uuid")]
    id: String,
    create_time: Timestamp,
    /// Present when it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoke_time: Option<Timestamp>,
}

/// A feed that was made. A repeat of the request answers the same link.
// No Debug: the token must not reach a log.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedCalendarFeed {
    #[serde(flatten)]
    feed: CalendarFeed,
    /// The link's path at this server; it is a key, answered here only.
    #[schema(pattern = "^/api/v1/calendars/[A-Za-z0-9_-]{43}\\.ics$")]
    path: String,
}

/// A person's feeds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalendarFeeds {
    /// Those that are not revoked, the newest first; at most 5.
    feeds: Vec<CalendarFeed>,
}

impl CalendarFeed {
    /// The feed in a service's answer.
    ///
    /// # Errors
    ///
    /// When there is none, or it has no time.
    fn from_answer(feed: Option<pb::CalendarFeed>) -> Result<Self, Problem> {
        let Some(feed) = feed else {
            return Err(Problem::bad_answer("an answer without its calendar feed"));
        };
        let create_time = feed.create_time.as_ref().and_then(instant);
        let Some(create_time) = create_time else {
            return Err(Problem::bad_answer("a calendar feed without its time"));
        };
        Ok(Self {
            id: feed.id,
            create_time,
            revoke_time: feed.revoke_time.as_ref().and_then(instant),
        })
    }
}

/// Lessons as their reader's calendar; in UTC where the zone is not known here.
///
/// # Errors
///
/// When an entry has no times.
fn calendar(
    entries: Vec<pb::CalendarEntry>,
    language: &str,
    time_zone: &str,
) -> Result<Calendar, Problem> {
    let language = Language::from_tag(language);
    let entries = entries.into_iter().map(|entry| read(entry, language));
    Ok(Calendar {
        name: texts::calendar_name(language),
        zone: TimeZone::get(time_zone).unwrap_or(TimeZone::UTC),
        entries: entries.collect::<Result<_, _>>()?,
    })
}

fn read(entry: pb::CalendarEntry, language: Language) -> Result<Entry, Problem> {
    let state = match entry.state() {
        pb::CalendarEntryState::Canceled => State::Canceled,
        pb::CalendarEntryState::Tentative | pb::CalendarEntryState::Unspecified => State::Tentative,
        pb::CalendarEntryState::Confirmed => State::Confirmed,
    };
    let times = [entry.start_time, entry.end_time, entry.update_time];
    let [Some(start), Some(end), Some(update)] = times.map(|time| time.as_ref().and_then(instant))
    else {
        return Err(Problem::bad_answer("a calendar's entry without its times"));
    };
    Ok(Entry {
        uid: entry.lesson_id,
        sequence: entry.sequence,
        start,
        end,
        state,
        update,
        summary: texts::calendar_summary(&entry.counterpart_name, &entry.group_title, language),
        url: entry.meeting_url,
    })
}
