//! The same work through each layer.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use e2e::{Result, stack::Stack};
use olm_proto::lesson::v1::{
    BookLessonRequest, ListSlotsRequest, ListSlotsResponse,
    availability_service_client::AvailabilityServiceClient,
    lesson_service_client::LessonServiceClient,
};
use reqwest::{Client, Response, StatusCode};
use serde_json::json;
use service_kit::grpc::client::{Backend, acting};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    record::{Recording, record},
    replay::{Replay, Subject},
    school::{FreeLesson, Pair, School},
    server::Server,
};

/// More than a week has.
const MOST_SLOTS: i32 = 500;

/// How far down a call goes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The statements alone, over a pool such as lesson-svc has.
    Sql,
    /// lesson-svc.
    Grpc,
    /// gateway-rest.
    Rest,
}

impl Layer {
    /// From the lowest up.
    pub(crate) const ALL: [Self; 3] = [Self::Sql, Self::Grpc, Self::Rest];

    /// Its name in a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sql => "PostgreSQL",
            Self::Grpc => "gRPC",
            Self::Rest => "REST",
        }
    }
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Booking a new lesson.
    Book,
    /// Listing the free lessons of a teacher's week, a quarter of them taken.
    List,
}

impl Work {
    /// Its name in a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Book => "Booking a lesson",
            Self::List => "Listing a week's slots",
        }
    }
}

/// HTTP as a website's server calls it.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    url: String,
    key: String,
}

impl Http {
    /// Calls of `server`.
    pub(crate) fn of(server: &Server) -> Self {
        Self {
            client: Client::new(),
            url: server.rest(),
            key: server.stack.keys.of("website").to_owned(),
        }
    }

    /// Books a lesson.
    pub(crate) async fn book(&self, lesson: FreeLesson) -> Result<Response> {
        let teacher = lesson.pair.teacher;
        let body = json!({"teacher_id": teacher, "start_time": lesson.start.to_string()});
        let request = self
            .client
            .post(format!("{}/api/v1/lessons", self.url))
            .header("idempotency-key", Uuid::new_v4().to_string())
            .json(&body);
        self.send(request, lesson.pair.student).await
    }

    /// Watches events as a person.
    pub(crate) async fn events(&self, user: Uuid) -> Result<Response> {
        let request = self.client.get(format!("{}/api/v1/events", self.url));
        let response = self.send(request, user).await?;
        Ok(response.error_for_status()?)
    }

    async fn list(&self, school: &School, pair: Pair) -> Result<Response> {
        let request = self.client.get(format!(
            "{}/api/v1/teachers/{}/slots?from={}&to={}&limit={MOST_SLOTS}",
            self.url,
            pair.teacher,
            school.week,
            school.week_end()
        ));
        self.send(request, pair.student).await
    }

    async fn send(&self, request: reqwest::RequestBuilder, user: Uuid) -> Result<Response> {
        let request = request
            .header("x-service-key", &self.key)
            .header("x-acting-user", user.to_string());
        Ok(request.send().await?)
    }
}

/// gRPC as gateway-rest calls it: one connection for all.
#[derive(Debug, Clone)]
struct Grpc {
    lessons: LessonServiceClient<Backend>,
    availability: AvailabilityServiceClient<Backend>,
}

impl Grpc {
    fn of(stack: &Stack) -> Result<Self> {
        Ok(Self {
            lessons: stack.lessons()?,
            availability: stack.availability()?,
        })
    }

    async fn book(&self, lesson: FreeLesson) -> Result<()> {
        let request = BookLessonRequest {
            request_id: Uuid::new_v4().to_string(),
            teacher_id: lesson.pair.teacher.to_string(),
            start_time: Some(olm_proto::timestamp(lesson.start)),
            ..BookLessonRequest::default()
        };
        let request = acting(request, lesson.pair.student);
        self.lessons.clone().book_lesson(request).await?;
        Ok(())
    }

    async fn list(&self, school: &School, pair: Pair) -> Result<ListSlotsResponse> {
        let request = ListSlotsRequest {
            teacher_id: pair.teacher.to_string(),
            start_time: Some(olm_proto::timestamp(school.week)),
            end_time: Some(olm_proto::timestamp(school.week_end())),
            max_slots: MOST_SLOTS,
            ..ListSlotsRequest::default()
        };
        let request = acting(request, pair.student);
        Ok(self
            .availability
            .clone()
            .list_slots(request)
            .await?
            .into_inner())
    }
}

/// What a call was recorded of lesson-svc.
pub(crate) struct Recorded {
    booking: (Recording, Subject),
    listing: (Recording, Subject),
}

impl Recorded {
    /// Makes one call of each kind and keeps the statements it ran.
    pub(crate) async fn of(server: &Server, school: &School) -> Result<Self> {
        let grpc = Grpc::of(&server.stack)?;
        let lesson = school.next_lesson()?;
        let about = Subject::now(lesson.pair, lesson.start);
        let booking = record(server, &lesson.pair.ids(), async || grpc.book(lesson).await).await?;
        server.drained().await?;
        let pair = school.pair(1)?;
        let listed = Subject::now(pair, school.week);
        let call = async || grpc.list(school, pair).await.map(drop);
        Ok(Self {
            booking: (booking, about),
            listing: (record(server, &pair.ids(), call).await?, listed),
        })
    }
}

/// Every way in; cheap to clone.
#[derive(Clone)]
pub(crate) struct Layers(Arc<Ways>);

struct Ways {
    http: Http,
    grpc: Grpc,
    booking: Replay,
    listing: Replay,
    school: Arc<School>,
    calls: AtomicI64,
}

impl Layers {
    /// The ways into `server`, and the recorded statements over `pool`.
    pub(crate) async fn new(
        server: &Server,
        school: Arc<School>,
        recorded: Recorded,
        pool: PgPool,
    ) -> Result<Self> {
        let (booking, lesson) = recorded.booking;
        let (listing, listed) = recorded.listing;
        Ok(Self(Arc::new(Ways {
            http: Http::of(server),
            grpc: Grpc::of(&server.stack)?,
            booking: Replay::new(pool.clone(), booking, &lesson).await?,
            listing: Replay::new(pool, listing, &listed).await?,
            school,
            calls: AtomicI64::new(0),
        })))
    }

    /// The statements of one call.
    pub(crate) fn statements(&self, work: Work) -> Vec<String> {
        match work {
            Work::Book => self.0.booking.lines(),
            Work::List => self.0.listing.lines(),
        }
    }

    /// Fails unless REST and gRPC list the same for one teacher, and more than nothing.
    pub(crate) async fn agree(&self) -> Result<()> {
        let ways = &self.0;
        let pair = ways.school.pair(0)?;
        let slots = ways.grpc.list(&ways.school, pair).await?.slots.len();
        let body: serde_json::Value = ways.http.list(&ways.school, pair).await?.json().await?;
        let in_rest = body["slots"].as_array().map_or(0, Vec::len);
        let rows = ways
            .listing
            .run(&Subject::now(pair, ways.school.week))
            .await?;
        if slots == 0 || slots != in_rest || rows == 0 {
            return Err(format!("{slots} slots by gRPC, {in_rest} by REST, {rows} rows").into());
        }
        Ok(())
    }

    /// Does `work` once through `layer`; anything but success is an error.
    pub(crate) async fn perform(self, layer: Layer, work: Work) -> Result<()> {
        let ways = &self.0;
        match work {
            Work::Book => ways.book(layer).await,
            Work::List => ways.list(layer).await,
        }
    }
}

impl Ways {
    async fn book(&self, layer: Layer) -> Result<()> {
        let lesson = self.school.next_lesson()?;
        match layer {
            Layer::Sql => {
                let subject = Subject::now(lesson.pair, lesson.start);
                self.booking.run(&subject).await.map(drop)
            }
            Layer::Grpc => self.grpc.book(lesson).await,
            Layer::Rest => read(self.http.book(lesson).await?, StatusCode::CREATED).await,
        }
    }

    async fn list(&self, layer: Layer) -> Result<()> {
        let pair = self
            .school
            .pair(self.calls.fetch_add(1, Ordering::Relaxed))?;
        match layer {
            Layer::Sql => {
                let subject = Subject::now(pair, self.school.week);
                self.listing.run(&subject).await.map(drop)
            }
            Layer::Grpc => self.grpc.list(&self.school, pair).await.map(drop),
            Layer::Rest => read(self.http.list(&self.school, pair).await?, StatusCode::OK).await,
        }
    }
}

async fn read(answer: Response, expected: StatusCode) -> Result<()> {
    let status = answer.status();
    let body = answer.bytes().await?;
    if status == expected {
        return Ok(());
    }
    Err(format!("HTTP {status}: {}", String::from_utf8_lossy(&body)).into())
}
