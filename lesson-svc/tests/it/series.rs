//! Lessons at one wall-clock hour every n weeks.

mod changing;
mod clocks;
mod creating;
mod gathering;
mod leaving;
mod materialising;
mod racing;
mod rechanging;

use olm_proto::lesson::v1::{
    ConflictMode, CreateSeriesRequest, CreateSeriesResponse, GetSeriesRequest, Lesson,
    ListLessonsRequest, OccurrenceConflict, PreviewSeriesRequest, PreviewSeriesResponse,
    PreviewedOccurrence, Series, SeriesPattern, WantedSeries, wanted_series,
};
use olm_proto::notify::v1::{SeriesSnapshot, SyncSeriesRequest};
use prost::Message as _;
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, new_id, seconds, wire};

/// An hour a week in UTC, for one student of the acting teacher.
pub fn weekly(student: Uuid, first_date: &str, time: &str, count: i32) -> WantedSeries {
    WantedSeries {
        teacher_id: String::new(),
        people: Some(wanted_series::People::StudentId(student.to_string())),
        pattern: Some(SeriesPattern {
            time_zone: "UTC".to_owned(),
            first_date: first_date.to_owned(),
            start_time_of_day: time.to_owned(),
            lesson_duration: Some(seconds(3600)),
            ..SeriesPattern::default()
        }),
        end: Some(wanted_series::End::Count(count)),
    }
}

/// The same in another zone.
pub fn in_zone(mut wanted: WantedSeries, zone: &str) -> WantedSeries {
    if let Some(pattern) = &mut wanted.pattern {
        zone.clone_into(&mut pattern.time_zone);
    }
    wanted
}

pub async fn create(
    world: &World,
    by: Uuid,
    wanted: WantedSeries,
    mode: ConflictMode,
) -> Result<CreateSeriesResponse, Status> {
    let request = CreateSeriesRequest {
        request_id: new_id(),
        series: Some(wanted),
        conflict_mode: mode.into(),
    };
    let answer = world.series().create_series(acting(request, by)).await?;
    Ok(answer.into_inner())
}

pub async fn preview(
    world: &World,
    by: Uuid,
    wanted: WantedSeries,
) -> Result<PreviewSeriesResponse, Status> {
    let request = PreviewSeriesRequest {
        series: Some(wanted),
    };
    let answer = world.series().preview_series(acting(request, by)).await?;
    Ok(answer.into_inner())
}

pub async fn get(world: &World, by: Uuid, series: &str) -> Result<Series, Status> {
    let request = GetSeriesRequest {
        series_id: series.to_owned(),
    };
    let answer = world.series().get_series(acting(request, by)).await?;
    Ok(answer.into_inner().series.unwrap())
}

/// All lessons of somebody from `from` on, by start, with those that are off.
pub async fn lessons(world: &World, viewer: Uuid, from: &str) -> Vec<Lesson> {
    let mut request = ListLessonsRequest {
        start_time: Some(wire(from)),
        include_canceled: true,
        page_size: 100,
        ..ListLessonsRequest::default()
    };
    let mut found = Vec::new();
    loop {
        let mut client = world.lessons();
        let page = client.list_lessons(acting(request.clone(), viewer)).await;
        let page = page.unwrap().into_inner();
        found.extend(page.lessons);
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

pub fn text(time: Option<&prost_types::Timestamp>) -> String {
    let instant = time.and_then(olm_proto::instant);
    instant
        .map(|instant| instant.to_string())
        .unwrap_or_default()
}

pub fn starts(lessons: &[Lesson]) -> Vec<String> {
    let starts = lessons.iter().map(|lesson| lesson.start_time.as_ref());
    starts.map(text).collect()
}

pub fn conflicts(occurrences: &[PreviewedOccurrence]) -> Vec<OccurrenceConflict> {
    occurrences
        .iter()
        .map(PreviewedOccurrence::conflict)
        .collect()
}

/// What notify-svc is to be told of series, the oldest first.
pub async fn told(pool: &PgPool) -> Vec<SeriesSnapshot> {
    let rows: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT payload FROM lesson.outbox WHERE kind = 'series' ORDER BY id")
            .fetch_all(pool)
            .await
            .unwrap();
    rows.iter()
        .map(|row| {
            SyncSeriesRequest::decode(row.as_slice())
                .unwrap()
                .series
                .unwrap()
        })
        .collect()
}

pub async fn count(pool: &PgPool, what: &str) -> i64 {
    let query = format!("SELECT count(*) FROM lesson.{what}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(query))
        .fetch_one(pool)
        .await
        .unwrap()
}
