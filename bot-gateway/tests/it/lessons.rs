//! A stand-in for lesson-svc: one teacher, slots of tomorrow, and what was asked of it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::{SignedDuration, Timestamp};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        availability_service_server::AvailabilityServiceServer,
        change_service_server::ChangeServiceServer, group_service_server::GroupServiceServer,
        invitation_service_server::InvitationServiceServer,
        lesson_service_server::LessonServiceServer, teacher_service_server::TeacherServiceServer,
        user_service_server::UserServiceServer, *,
    },
};
use service_kit::{
    clock::{Clock as _, SystemClock},
    status::Refusal,
};
use tokio::{
    net::TcpListener,
    sync::{broadcast, watch},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Status, transport::Server};
use uuid::Uuid;

/// RPCs that the gateway never calls.
macro_rules! unused {
    ($($name:ident: $request:ty => $response:ty;)*) => { $(
        fn $name<'a, 'b>(
            &'a self,
            _: Request<$request>,
        ) -> ::std::pin::Pin<Box<dyn Future<Output = Result<Response<$response>, Status>> + Send + 'b>>
        where
            'a: 'b,
            Self: 'b,
        {
            Box::pin(async { Err(Status::unimplemented("")) })
        }
    )* };
}

/// RPCs that are answered by a function of the state and of who asks.
macro_rules! answered {
    ($($name:ident: $request:ty => $response:ty = $answer:path;)*) => { $(
        fn $name<'a, 'b>(
            &'a self,
            request: Request<$request>,
        ) -> ::std::pin::Pin<Box<dyn Future<Output = Result<Response<$response>, Status>> + Send + 'b>>
        where
            'a: 'b,
            Self: 'b,
        {
            let user = crate::lessons::acting(&request);
            let answer = self
                .open()
                .and_then(|mut state| $answer(&mut state, &user, request.into_inner()));
            Box::pin(async { answer.map(Response::new) })
        }
    )* };
}

mod booking;
mod changes;
mod deciding;
mod failing;
mod free;
mod people;
pub mod teaching;

pub use failing::Failing;
use failing::Recorded;

pub const TEACHER: Uuid = Uuid::from_u128(0x7ea);

#[derive(Debug, Default)]
pub struct State {
    pub users: Vec<User>,
    /// Everybody who teaches; at first one.
    pub teachers: Vec<Teacher>,
    /// Whose student everybody is.
    pub own_teachers: Vec<String>,
    /// What is free with each of them; at first [`slots`].
    pub slots: Vec<Timestamp>,
    /// The windows that free times were asked of, with the length.
    pub asked_slots: Vec<ListSlotsRequest>,
    pub lessons: Vec<Lesson>,
    /// The request ids that `BookLesson` was called with, answered or not.
    pub book_requests: Vec<String>,
    /// The next hold or booking is refused with these alternatives.
    pub taken: Option<Vec<Timestamp>>,
    /// The next hold, booking or move is refused for this.
    pub refused_time: Option<ErrorReason>,
    /// What a student cancels is late.
    pub late: bool,
    /// Bookings are requests.
    pub approval: bool,
    /// What each invitation's token is answered with; none: accepted.
    pub invitations: Vec<(String, Option<ErrorReason>)>,
    /// What was decided of which lesson from which version.
    pub decisions: Vec<(String, i64, LessonStatus)>,
    /// The `rules_zone` of each change of settings.
    pub rules_zones: Vec<RulesZone>,
    /// Whoever changes the zone has hours of work in another.
    pub works_elsewhere: bool,
    /// Versions of group lessons before it are stale.
    pub current_since: i64,
    /// Seats are refused for this.
    pub refused: Option<ErrorReason>,
    /// What a teacher has and does.
    pub teaching: teaching::Teaching,
}

#[derive(Debug)]
pub struct Lessons {
    pub state: Mutex<State>,
    /// While true, `BookLesson` does not answer.
    pub stuck: watch::Sender<bool>,
    /// While true, it books, and does not answer.
    pub mute: watch::Sender<bool>,
    /// While true, every call is UNAVAILABLE.
    pub away: watch::Sender<bool>,
    /// How every call fails.
    pub failing: watch::Sender<Failing>,
    /// The method of each call, answered or not.
    pub calls: Mutex<Vec<String>>,
    /// What watchers are told.
    pub changes: broadcast::Sender<Result<WatchChangesResponse, Status>>,
    /// Where each watcher went on.
    pub cursors: Mutex<Vec<String>>,
    /// Where it listens.
    pub address: SocketAddr,
}

/// The service as tonic takes it; a type of this crate.
#[derive(Debug, Clone)]
struct Served(Arc<Lessons>);

impl Lessons {
    pub async fn start() -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let lessons = Arc::new(Self {
            state: Mutex::new(State {
                teachers: vec![teacher()],
                slots: slots(),
                ..State::default()
            }),
            stuck: watch::Sender::new(false),
            mute: watch::Sender::new(false),
            away: watch::Sender::new(false),
            failing: watch::Sender::new(Failing::No),
            calls: Mutex::default(),
            changes: broadcast::Sender::new(16),
            cursors: Mutex::default(),
            address,
        });
        let served = Served(Arc::clone(&lessons));
        let url = format!("http://{address}");
        let router = Server::builder()
            .layer(Recorded(Arc::clone(&lessons)))
            .add_service(ChangeServiceServer::new(served.clone()))
            .add_service(UserServiceServer::new(served.clone()))
            .add_service(TeacherServiceServer::new(served.clone()))
            .add_service(AvailabilityServiceServer::new(served.clone()))
            .add_service(InvitationServiceServer::new(served.clone()))
            .add_service(GroupServiceServer::new(served.clone()))
            .add_service(LessonServiceServer::new(served));
        tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
        (lessons, url)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Changes a lesson behind the student's back.
    pub fn move_lesson(&self, by: SignedDuration) {
        let mut state = self.state();
        let lesson = state.lessons.first_mut().unwrap();
        for time in [&mut lesson.start_time, &mut lesson.end_time] {
            let instant = olm_proto::instant(time.as_ref().unwrap()).unwrap();
            *time = Some(olm_proto::timestamp(instant + by));
        }
        lesson.version += 1;
    }
}

/// 10:00 UTC and each half hour after it, on the day that is tomorrow in Berlin, where whoever
/// reads of them lives.
pub fn slots() -> Vec<Timestamp> {
    let today = SystemClock.now().in_tz("Europe/Berlin").unwrap().date();
    let ten = today.tomorrow().unwrap().at(10, 0, 0, 0);
    let ten = ten.in_tz("UTC").unwrap().timestamp();
    (0..5)
        .map(|index| ten + SignedDuration::from_mins(30 * index))
        .collect()
}

/// What clocks in Berlin show then.
pub fn in_berlin(at: Timestamp) -> String {
    at.in_tz("Europe/Berlin")
        .unwrap()
        .strftime("%H:%M")
        .to_string()
}

impl Served {
    fn open(&self) -> Result<MutexGuard<'_, State>, Status> {
        if *self.0.away.borrow() {
            return Err(Status::unavailable("away"));
        }
        Ok(self.0.state())
    }
}

fn acting<T>(request: &Request<T>) -> String {
    let user = request.metadata().get("x-acting-user").unwrap();
    user.to_str().unwrap().to_owned()
}

fn refusal(code: Code, reason: ErrorReason) -> Refusal {
    Refusal::new(code, reason, "refused")
}

pub fn teacher() -> Teacher {
    Teacher {
        id: TEACHER.to_string(),
        display_name: "Мария <3".to_owned(),
        time_zone: "Europe/Moscow".to_owned(),
        ..Teacher::default()
    }
}
