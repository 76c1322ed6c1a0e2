//! Lessons in calendars outside.

mod entries;
mod feeds;
mod sequences;

use olm_proto::lesson::v1::{
    CalendarEntry, CalendarFeed, CreateCalendarFeedRequest, GetCalendarEntryRequest,
    ReadCalendarFeedRequest, ReadCalendarFeedResponse,
};
use service_kit::grpc::client::acting;
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, new_id};

/// Makes a feed; answers it with its token.
async fn feed(world: &World, user: Uuid) -> Result<(CalendarFeed, String), Status> {
    let request = CreateCalendarFeedRequest {
        request_id: new_id(),
    };
    let mut client = world.calendars();
    let made = client.create_calendar_feed(acting(request, user)).await?;
    let made = made.into_inner();
    Ok((made.feed.unwrap(), made.token))
}

async fn read(world: &World, token: &str) -> Result<ReadCalendarFeedResponse, Status> {
    let request = ReadCalendarFeedRequest {
        token: token.to_owned(),
    };
    let read = world.calendars().read_calendar_feed(request).await?;
    Ok(read.into_inner())
}

/// A lesson in somebody's calendar.
async fn entry(world: &World, user: Uuid, lesson: &str) -> Result<CalendarEntry, Status> {
    let request = GetCalendarEntryRequest {
        lesson_id: lesson.to_owned(),
    };
    let mut client = world.calendars();
    let got = client.get_calendar_entry(acting(request, user)).await?;
    Ok(got.into_inner().entry.unwrap())
}
