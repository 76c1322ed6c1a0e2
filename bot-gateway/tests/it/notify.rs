//! A stand-in for notify-svc: it hands its end of each stream to the test, and by
//! itself only acknowledges renewals and results.

use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::Duration};

use jiff::SignedDuration;
use olm_proto::notify::v1::{
    AttemptRef, AttemptResult, Content, CustomText, Deliver, DispatchRequest, DispatchResponse,
    JournalReport, Lane, LessonNotice, Owned, Renewed, ResultAck, content, dispatch_request,
    dispatch_response::Message,
    dispatch_service_server::{DispatchService, DispatchServiceServer},
    outcome,
};
use olm_proto::notify::v1::{
    StudentDeliveries, notification_service_server::NotificationServiceServer,
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    time::timeout,
};
use tokio_stream::{
    Stream, StreamExt as _,
    wrappers::{ReceiverStream, TcpListenerStream},
};
use tonic::{Request, Response, Status, Streaming, transport::Server};
use uuid::Uuid;

use crate::stage::SOON;

mod told;

/// The trace that every row belongs to.
pub const TRACE: &str = "0123456789abcdef0123456789abcdef";

#[derive(Debug)]
pub struct Notify {
    streams: Mutex<mpsc::Receiver<Line>>,
    /// What the students of any lesson were told.
    pub deliveries: Deliveries,
}

/// What the students of lessons were told; nothing: no lesson is known.
pub type Deliveries = Arc<std::sync::Mutex<Vec<StudentDeliveries>>>;

#[derive(Debug, Clone)]
struct Served {
    lines: mpsc::Sender<Line>,
    epochs: Epochs,
}

/// How often each bot was granted, to whomever.
type Epochs = Arc<std::sync::Mutex<BTreeMap<i64, i64>>>;

/// The service's end of one stream.
#[derive(Debug)]
pub struct Line {
    requests: Streaming<DispatchRequest>,
    responses: mpsc::Sender<Result<DispatchResponse, Status>>,
    pub renewal: i64,
    pub gateway_id: String,
    pub bot_id: i64,
    epochs: Epochs,
    seen: Vec<i64>,
    frozen: Vec<(i64, Duration)>,
}

impl Notify {
    pub async fn start() -> (Arc<Self>, String) {
        let (sender, streams) = mpsc::channel(8);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let deliveries = Deliveries::default();
        let told = told::Told(Arc::clone(&deliveries));
        let server = Server::builder()
            .add_service(DispatchServiceServer::new(Served {
                lines: sender,
                epochs: Arc::default(),
            }))
            .add_service(NotificationServiceServer::new(told));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        let streams = Mutex::new(streams);
        let notify = Self {
            streams,
            deliveries,
        };
        (Arc::new(notify), url)
    }

    /// The next stream, as soon as its gateway has asked for its bot.
    pub async fn line(&self) -> Line {
        let mut line = timeout(SOON, async { self.streams.lock().await.recv().await })
            .await
            .expect("a stream comes")
            .unwrap();
        let hello = line.next().await;
        let dispatch_request::Message::Hello(hello) = hello else {
            panic!("{hello:?}");
        };
        line.gateway_id = hello.gateway_id;
        let own = line.next().await;
        let dispatch_request::Message::Own(own) = own else {
            panic!("{own:?}");
        };
        line.bot_id = own.bot_id;
        line
    }

    /// The next stream, its bot owned, with nothing in flight.
    pub async fn owned_line(&self) -> Line {
        let mut line = self.line().await;
        assert_eq!(line.own(Vec::new()).await.entries, []);
        line
    }
}

#[tonic::async_trait]
impl DispatchService for Served {
    type DispatchStream = Pin<Box<dyn Stream<Item = Result<DispatchResponse, Status>> + Send>>;

    async fn dispatch(
        &self,
        request: Request<Streaming<DispatchRequest>>,
    ) -> Result<Response<Self::DispatchStream>, Status> {
        assert!(request.metadata().contains_key("x-service-key"));
        let (responses, outbound) = mpsc::channel(64);
        let line = Line {
            requests: request.into_inner(),
            responses,
            renewal: 0,
            gateway_id: String::new(),
            bot_id: 0,
            epochs: Arc::clone(&self.epochs),
            seen: Vec::new(),
            frozen: Vec::new(),
        };
        self.lines
            .send(line)
            .await
            .map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(Box::pin(ReceiverStream::new(outbound))))
    }
}

impl Line {
    /// The next message that is neither a renewal nor credit; renewals are answered.
    pub async fn next(&mut self) -> dispatch_request::Message {
        self.next_or_end().await.expect("the stream goes on")
    }

    /// Waits until the gateway says that somebody wrote in a chat.
    pub async fn chat_seen(&mut self) -> i64 {
        while self.seen.is_empty() {
            let request = timeout(SOON, self.requests.next())
                .await
                .expect("the gateway speaks");
            if let Some(dispatch_request::Message::ChatSeen(seen)) =
                request.unwrap().unwrap().message
            {
                self.seen.push(seen.chat_id);
            }
        }
        self.seen.remove(0)
    }

    /// What was told to be frozen so far, and for how long.
    pub fn frozen(&self) -> &[(i64, Duration)] {
        &self.frozen
    }

    /// Does something else meanwhile, as a service that goes on answering renewals.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            message = self.next() => panic!("{message:?}"),
        }
    }

    /// As [`Line::next`]; `None` when the gateway ended its half.
    pub async fn next_or_end(&mut self) -> Option<dispatch_request::Message> {
        loop {
            let request = timeout(SOON, self.requests.next())
                .await
                .expect("the gateway speaks");
            match request?.ok()?.message.unwrap() {
                dispatch_request::Message::Renew(renew) => {
                    self.renewal = renew.renewal;
                    let (bot_id, renewal) = (self.bot_id, renew.renewal);
                    self.say(Message::Renewed(Renewed { bot_id, renewal }))
                        .await;
                }
                dispatch_request::Message::ChatSeen(seen) => self.seen.push(seen.chat_id),
                dispatch_request::Message::Frozen(frozen) => {
                    let length = frozen.duration.as_ref().and_then(olm_proto::span).unwrap();
                    let length = Duration::try_from(length).unwrap();
                    self.frozen.push((frozen.chat_id, length));
                }
                dispatch_request::Message::Credit(credit) => assert!(credit.cumulative > 0),
                other => return Some(other),
            }
        }
    }

    pub async fn say(&self, message: Message) {
        let response = DispatchResponse {
            message: Some(message),
        };
        // A gateway that has gone does not listen.
        let _ = self.responses.send(Ok(response)).await;
    }

    /// Grants the bot; answers the report on what was in flight.
    pub async fn own(&mut self, in_flight: Vec<AttemptRef>) -> JournalReport {
        self.own_after(in_flight, false).await
    }

    /// Grants the bot; `taken_over` says that another gateway's ownership ran out.
    pub async fn own_after(
        &mut self,
        in_flight: Vec<AttemptRef>,
        taken_over: bool,
    ) -> JournalReport {
        self.grant(Owned {
            in_flight,
            taken_over,
            keeps_spent: true,
            ..Owned::default()
        })
        .await
    }

    /// Grants the bot, and says what else `owned` does.
    pub async fn grant(&mut self, owned: Owned) -> JournalReport {
        let epoch = {
            let mut epochs = self.epochs.lock().unwrap();
            let epoch = epochs.entry(self.bot_id).or_default();
            // Somebody else had it, or nobody.
            *epoch += if owned.taken_over { 2 } else { 1 };
            *epoch
        };
        let owned = Owned {
            bot_id: self.bot_id,
            epoch,
            ..owned
        };
        self.say(Message::Owned(owned)).await;
        let report = self.next().await;
        let dispatch_request::Message::JournalReport(report) = report else {
            panic!("{report:?}");
        };
        report
    }

    /// Pushes a row, due in `due_in`, begun under the last renewal that was heard.
    pub async fn deliver(&self, chat: i64, text: &str, due_in: Duration) -> AttemptRef {
        let row = self.row(chat, text, due_in);
        let attempt = row.attempt.clone().unwrap();
        self.say(Message::Deliver(row)).await;
        attempt
    }

    /// Pushes a notice, due now; its result is acknowledged.
    pub async fn deliver_notice(
        &mut self,
        chat: i64,
        language: &str,
        notice: LessonNotice,
        silent: bool,
    ) {
        let row = Deliver {
            content: Some(Content {
                kind: Some(content::Kind::LessonNotice(notice)),
            }),
            language: language.to_owned(),
            silent,
            ..self.row(chat, "", Duration::ZERO)
        };
        self.say(Message::Deliver(row)).await;
        let (_, kind) = self.result().await;
        assert!(matches!(kind, outcome::Kind::Sent(_)), "{kind:?}");
    }

    pub fn row(&self, chat: i64, text: &str, due_in: Duration) -> Deliver {
        let custom = CustomText {
            text: text.to_owned(),
        };
        Deliver {
            bot_id: self.bot_id,
            attempt: Some(attempt(Uuid::new_v4())),
            lane: Lane::Broadcast.into(),
            due_in: Some(olm_proto::duration(
                SignedDuration::try_from(due_in).unwrap(),
            )),
            chat_id: chat,
            language: "en".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            content: Some(Content {
                kind: Some(content::Kind::CustomText(custom)),
            }),
            traceparent: format!("00-{TRACE}-0123456789abcdef-01"),
            last_renewal: self.renewal,
            silent: false,
            plain: false,
        }
    }

    /// The next result, acknowledged.
    pub async fn result(&mut self) -> (AttemptRef, outcome::Kind) {
        let result = self.unacknowledged_result().await;
        let attempt = result.attempt.unwrap();
        let ack = ResultAck {
            attempt: Some(attempt.clone()),
        };
        self.say(Message::ResultAck(ack)).await;
        (attempt, result.outcome.unwrap().kind.unwrap())
    }

    pub async fn unacknowledged_result(&mut self) -> AttemptResult {
        let message = self.next().await;
        let dispatch_request::Message::Result(result) = message else {
            panic!("{message:?}");
        };
        result
    }
}

pub fn attempt(notification: Uuid) -> AttemptRef {
    AttemptRef {
        notification_id: notification.to_string(),
        attempt_no: 1,
    }
}
