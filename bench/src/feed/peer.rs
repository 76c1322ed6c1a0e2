//! The calendar that gateway-rest answers, from the same call, written by the crate
//! `icalendar` and served by a server of its own. It has no VTIMEZONE, which that crate does
//! not write.

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use chrono::{DateTime, NaiveDateTime, Utc};
use e2e::Result;
use icalendar::{Calendar, CalendarDateTime, Component as _, Event, EventLike as _, EventStatus};
use jiff::{Timestamp, tz::TimeZone};
use olm_proto::{
    instant,
    lesson::v1::{
        CalendarEntry, ReadCalendarFeedRequest, ReadCalendarFeedResponse,
        calendar_service_client::CalendarServiceClient,
    },
};
use service_kit::grpc::client::Backend;
use texts::Language;
use tokio::{net::TcpListener, task::JoinHandle};

type Calendars = CalendarServiceClient<Backend>;

/// A running server; dropped, it ends.
pub(super) struct Peer {
    address: String,
    task: JoinHandle<()>,
}

impl Peer {
    pub(super) async fn serve(calendars: Calendars) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let router = Router::new()
            .route("/{token}", get(read))
            .with_state(calendars);
        let task = tokio::spawn(async move {
            // It ends when it is dropped; a failure is seen by who calls it.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, task })
    }

    pub(super) fn url(&self, token: &str) -> String {
        format!("{}/{token}", self.address)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What both have to say of each lesson, sorted.
pub(super) fn lines(text: &str) -> Vec<&str> {
    let names = ["UID", "SEQUENCE", "DTSTART", "DTEND", "STATUS", "SUMMARY"];
    let own = |line: &&str| {
        let name = line.split([';', ':']).next();
        // Of the observances of a VTIMEZONE nothing is compared.
        name.is_some_and(|name| names.contains(&name)) && (!line.starts_with("DTSTART:"))
    };
    let mut lines: Vec<_> = text.lines().filter(own).collect();
    lines.sort_unstable();
    lines
}

async fn read(
    State(mut calendars): State<Calendars>,
    Path(token): Path<String>,
) -> axum::response::Result<impl IntoResponse> {
    let answer = calendars
        .read_calendar_feed(ReadCalendarFeedRequest { token })
        .await;
    let text = answer.ok().and_then(|answer| write(answer.get_ref()));
    let text = text.ok_or(StatusCode::BAD_GATEWAY)?;
    Ok(([(header::CONTENT_TYPE, "text/calendar")], text))
}

fn write(feed: &ReadCalendarFeedResponse) -> Option<String> {
    let zone = TimeZone::get(&feed.time_zone).ok()?;
    let mut calendar = Calendar::new();
    calendar.name("Lessons");
    let language = Language::from_tag(&feed.language);
    for entry in &feed.entries {
        calendar.push(event(entry, &zone, language)?);
    }
    Some(calendar.to_string())
}

fn event(entry: &CalendarEntry, zone: &TimeZone, language: Language) -> Option<Event> {
    let update = utc(instant(entry.update_time.as_ref()?)?)?;
    let mut event = Event::new();
    event
        .uid(&entry.lesson_id)
        .sequence(u32::try_from(entry.sequence).ok()?)
        .timestamp(update)
        .last_modified(update)
        .starts(local(instant(entry.start_time.as_ref()?)?, zone)?)
        .ends(local(instant(entry.end_time.as_ref()?)?, zone)?)
        .status(EventStatus::Confirmed)
        .summary(&texts::calendar_summary(
            &entry.counterpart_name,
            &entry.group_title,
            language,
        ));
    Some(event.done())
}

fn utc(instant: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(instant.as_second(), 0)
}

fn local(instant: Timestamp, zone: &TimeZone) -> Option<CalendarDateTime> {
    let offset = zone.to_offset(instant).seconds();
    let local: NaiveDateTime =
        DateTime::from_timestamp(instant.as_second() + i64::from(offset), 0)?.naive_utc();
    Some(CalendarDateTime::WithTimezone {
        date_time: local,
        tzid: zone.iana_name()?.to_owned(),
    })
}
