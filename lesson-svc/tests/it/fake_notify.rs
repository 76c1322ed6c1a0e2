//! A notify-svc that remembers what it was told.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use olm_proto::notify::v1::{
    EraseRecipientRequest, EraseRecipientResponse, GetRecipientRequest, GetRecipientResponse,
    LessonSnapshot, PutRecipientRequest, PutRecipientResponse, Recipient, SeriesSnapshot,
    SyncLessonRequest, SyncLessonResponse, SyncSeriesRequest, SyncSeriesResponse,
    lesson_plan_service_server::{LessonPlanService, LessonPlanServiceServer},
    recipient_service_server::{RecipientService, RecipientServiceServer},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status, transport::Server};

/// What notify-svc was told, and what it answers next.
#[derive(Debug, Clone, Default)]
pub struct Told(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
pub struct Inner {
    pub calls: usize,
    pub next: VecDeque<Code>,
    pub refused_people: HashMap<String, Code>,
    pub recipients: Vec<Recipient>,
    pub erased: Vec<EraseRecipientRequest>,
    pub lessons: Vec<LessonSnapshot>,
    pub series: Vec<SeriesSnapshot>,
    pub keys: Vec<String>,
    pub traceparents: Vec<String>,
}

impl Told {
    pub fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn take<T>(&self, request: &Request<T>, person: Option<&str>) -> Result<(), Status> {
        let header = |name: &str| {
            let value = request
                .metadata()
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (key, traceparent) = (header("x-service-key"), header("traceparent"));
        self.with(|told| {
            told.calls += 1;
            let refusal = person.and_then(|person| told.refused_people.get(person).copied());
            if let Some(code) = refusal.or_else(|| told.next.pop_front()) {
                return Err(Status::new(code, "as the test wants it"));
            }
            told.keys.push(key);
            told.traceparents.push(traceparent);
            Ok(())
        })
    }
}

#[tonic::async_trait]
impl LessonPlanService for Told {
    async fn sync_lesson(
        &self,
        request: Request<SyncLessonRequest>,
    ) -> Result<Response<SyncLessonResponse>, Status> {
        self.take(&request, None)?;
        let lesson = request.into_inner().lesson.unwrap();
        let version = lesson.version;
        self.with(|told| told.lessons.push(lesson));
        Ok(Response::new(SyncLessonResponse { version }))
    }

    async fn sync_series(
        &self,
        request: Request<SyncSeriesRequest>,
    ) -> Result<Response<SyncSeriesResponse>, Status> {
        self.take(&request, None)?;
        let series = request.into_inner().series.unwrap();
        let version = series.version;
        self.with(|told| told.series.push(series));
        Ok(Response::new(SyncSeriesResponse { version }))
    }
}

#[tonic::async_trait]
impl RecipientService for Told {
    async fn put_recipient(
        &self,
        request: Request<PutRecipientRequest>,
    ) -> Result<Response<PutRecipientResponse>, Status> {
        let person = request.get_ref().recipient.clone().unwrap();
        self.take(&request, Some(&person.user_id))?;
        let version = person.version;
        self.with(|told| told.recipients.push(person));
        Ok(Response::new(PutRecipientResponse { version }))
    }

    async fn erase_recipient(
        &self,
        request: Request<EraseRecipientRequest>,
    ) -> Result<Response<EraseRecipientResponse>, Status> {
        self.take(&request, Some(&request.get_ref().user_id))?;
        self.with(|told| told.erased.push(request.get_ref().clone()));
        Ok(Response::new(EraseRecipientResponse::default()))
    }

    async fn get_recipient(
        &self,
        _: Request<GetRecipientRequest>,
    ) -> Result<Response<GetRecipientResponse>, Status> {
        Err(Status::unimplemented("not asked by lesson-svc"))
    }
}

/// A notify-svc on a port of its own.
pub struct FakeNotify {
    pub told: Told,
    pub url: String,
    pub task: JoinHandle<()>,
}

impl FakeNotify {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, Told::default())
    }

    pub fn on(listener: TcpListener, told: Told) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder()
            .add_service(LessonPlanServiceServer::new(told.clone()))
            .add_service(RecipientServiceServer::new(told.clone()));
        let task = tokio::spawn(async move {
            server
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await
                .unwrap();
        });
        Self { told, url, task }
    }
}
