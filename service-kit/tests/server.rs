//! The server stack over real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "a panic is the failure that a test reports"
)]

use std::{collections::HashMap, sync::Arc, time::Duration};

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        EraseUserRequest, EraseUserResponse, GetUserRequest, GetUserResponse, ListUsersRequest,
        ListUsersResponse, RegisterTelegramUserRequest, RegisterTelegramUserResponse,
        SetAdminRequest, SetAdminResponse, UpdateSettingsRequest, UpdateSettingsResponse,
        UpdateUserRequest, UpdateUserResponse, User,
        user_service_client::UserServiceClient,
        user_service_server::{UserService, UserServiceServer},
    },
    notify::v1::{
        DispatchRequest, DispatchResponse,
        dispatch_service_client::DispatchServiceClient,
        dispatch_service_server::{DispatchService, DispatchServiceServer},
    },
};
use service_kit::{
    clock::SystemClock,
    config::Settings,
    grpc::{
        client::{Backend, BackendConfig, acting},
        server::{GrpcServer, MAX_MESSAGE_BYTES, caller, required_acting_user},
        tls::Authorities,
    },
    health::Health,
    keys::{ServiceKeys, digest_hex},
    shutdown::Shutdown,
    status::reason,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_stream::StreamExt as _;
use tonic::{Code, Request, Response, Status, Streaming, service::Routes};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use uuid::Uuid;

const SERVICE: &str = "olm.lesson.v1.UserService";
const DETAIL: &str = "a.part";
/// Far more than anything here takes; reached only when something hangs.
const HANGS: Duration = Duration::from_secs(30);

struct Echo;

#[tonic::async_trait]
impl UserService for Echo {
    async fn register_telegram_user(
        &self,
        _: Request<RegisterTelegramUserRequest>,
    ) -> Result<Response<RegisterTelegramUserResponse>, Status> {
        panic!("a fault in a handler");
    }

    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Result<Response<GetUserResponse>, Status> {
        let user = User {
            id: required_acting_user(&request)?.to_string(),
            display_name: caller(&request)?.name().to_owned(),
            ..User::default()
        };
        Ok(Response::new(GetUserResponse { user: Some(user) }))
    }

    async fn list_users(
        &self,
        _: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn update_user(
        &self,
        _: Request<UpdateUserRequest>,
    ) -> Result<Response<UpdateUserResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn update_settings(
        &self,
        _: Request<UpdateSettingsRequest>,
    ) -> Result<Response<UpdateSettingsResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn set_admin(
        &self,
        _: Request<SetAdminRequest>,
    ) -> Result<Response<SetAdminResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn erase_user(
        &self,
        _: Request<EraseUserRequest>,
    ) -> Result<Response<EraseUserResponse>, Status> {
        Err(Status::failed_precondition("not here ".repeat(2_000)))
    }
}

/// A stream that ignores everything, its end included.
struct Endless;

#[tonic::async_trait]
impl DispatchService for Endless {
    type DispatchStream = tokio_stream::Pending<Result<DispatchResponse, Status>>;

    async fn dispatch(
        &self,
        _: Request<Streaming<DispatchRequest>>,
    ) -> Result<Response<Self::DispatchStream>, Status> {
        Ok(Response::new(tokio_stream::pending()))
    }
}

struct Running {
    url: String,
    address: std::net::SocketAddr,
    shutdown: Shutdown,
    health: Health,
    task: JoinHandle<std::io::Result<()>>,
}

async fn start() -> Running {
    let keys = format!(
        "bot-gateway+act_as={},lesson-svc={},gateway-rest={},stranger={}",
        digest_hex("bot"),
        digest_hex("lesson"),
        digest_hex("rest"),
        digest_hex("stranger"),
    );
    let mut settings =
        Settings::from_map("T", HashMap::from([("T_SERVICE_KEYS".to_owned(), keys)]));
    let keys = ServiceKeys::read(&mut settings);
    settings.finish().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::manual(Duration::from_millis(300));
    let health = Health::new(&[SERVICE]).await.with_details(&[DETAIL]).await;
    let server = GrpcServer {
        domain: "olm.test",
        keys,
        reflection: true,
        clock: Arc::new(SystemClock),
    };
    let routes =
        Routes::new(UserServiceServer::new(Echo).max_decoding_message_size(MAX_MESSAGE_BYTES))
            .add_service(DispatchServiceServer::new(Endless));
    let task = tokio::spawn(server.serve(listener, routes, health.clone(), shutdown.clone()));
    Running {
        url: format!("http://{address}"),
        address,
        shutdown,
        health,
        task,
    }
}

fn backend(running: &Running, key: &str) -> Backend {
    Backend::connect_lazy(&BackendConfig {
        service: "test",
        url: running.url.parse().unwrap(),
        authorities: Authorities::default(),
        key: key.into(),
        timeout: HANGS,
    })
    .unwrap()
}

fn users(running: &Running, key: &str) -> UserServiceClient<Backend> {
    UserServiceClient::new(backend(running, key))
}

fn someone() -> Request<GetUserRequest> {
    acting(GetUserRequest::default(), Uuid::from_u128(7))
}

fn refusal<T>(answer: Result<Response<T>, Status>) -> (Code, Option<ErrorReason>) {
    let status = answer.err().expect("the call should be refused");
    (status.code(), reason(&status))
}

#[tokio::test]
async fn a_permitted_call_arrives_with_its_caller_and_the_person_it_speaks_for() {
    let running = start().await;
    let user = users(&running, "bot")
        .get_user(someone())
        .await
        .unwrap()
        .into_inner()
        .user
        .unwrap();
    assert_eq!(
        (user.display_name.as_str(), user.id),
        ("bot-gateway", Uuid::from_u128(7).to_string())
    );
}

#[tokio::test]
async fn keys_without_the_right_are_refused_with_their_reason() {
    let running = start().await;
    let keyless = tonic::transport::Endpoint::from_shared(running.url.clone())
        .unwrap()
        .connect_lazy();
    assert_eq!(
        refusal(UserServiceClient::new(keyless).get_user(someone()).await),
        (Code::Unauthenticated, Some(ErrorReason::ServiceKeyMissing))
    );
    for (key, expected) in [
        ("wrong", ErrorReason::ServiceKeyRefused),
        // In the list of keys, but no caller of the contract.
        ("stranger", ErrorReason::ServiceKeyRefused),
        ("lesson", ErrorReason::CallerNotPermitted),
        // May call, but not speak for people.
        ("rest", ErrorReason::ActingUserNotPermitted),
    ] {
        let answer = users(&running, key).get_user(someone()).await;
        assert_eq!(
            refusal(answer),
            (Code::PermissionDenied, Some(expected)),
            "{key}"
        );
    }
}

#[tokio::test]
async fn the_acting_user_is_required_well_formed_and_only_where_it_belongs() {
    let running = start().await;
    let mut users = users(&running, "bot");
    assert_eq!(
        refusal(users.get_user(GetUserRequest::default()).await),
        (Code::Unauthenticated, Some(ErrorReason::ActingUserMissing))
    );
    let mut malformed = Request::new(GetUserRequest::default());
    malformed
        .metadata_mut()
        .insert("x-acting-user", "me".parse().unwrap());
    assert_eq!(
        refusal(users.get_user(malformed).await),
        (
            Code::InvalidArgument,
            Some(ErrorReason::ActingUserMalformed)
        )
    );
    let registration = acting(RegisterTelegramUserRequest::default(), Uuid::from_u128(7));
    assert_eq!(
        refusal(users.register_telegram_user(registration).await),
        (
            Code::PermissionDenied,
            Some(ErrorReason::ActingUserNotPermitted)
        )
    );
}

#[tokio::test]
async fn a_panicking_handler_costs_one_opaque_answer() {
    let running = start().await;
    let mut users = users(&running, "bot");
    let status = users
        .register_telegram_user(RegisterTelegramUserRequest::default())
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::Internal, Some(ErrorReason::Internal))
    );
    assert!(!status.message().contains("fault in a handler"));
    assert!(users.get_user(someone()).await.is_ok());
}

#[tokio::test]
async fn messages_too_large_or_malformed_and_unknown_methods_have_reasons_too() {
    let running = start().await;
    let large = GetUserRequest {
        user_id: "x".repeat(MAX_MESSAGE_BYTES + 1),
    };
    let answer = users(&running, "bot")
        .get_user(acting(large, Uuid::from_u128(7)))
        .await;
    assert_eq!(
        refusal(answer),
        (Code::ResourceExhausted, Some(ErrorReason::MessageTooLarge))
    );

    // A string field where the RPC expects another wire type: field 1 as a group end.
    let answer = raw_call(&running, "/olm.lesson.v1.UserService/GetUser", &[0x0c]).await;
    assert_eq!(
        refusal(answer),
        (Code::InvalidArgument, Some(ErrorReason::MessageMalformed))
    );

    for path in [
        "/olm.lesson.v1.UserService/Nothing",
        "/olm.lesson.v1.LessonService/GetLesson",
    ] {
        let answer = raw_call(&running, path, &[]).await;
        assert_eq!(
            refusal(answer),
            (Code::Unimplemented, Some(ErrorReason::MethodUnknown)),
            "{path}"
        );
    }
}

/// Calls `path` with bytes that may be no message.
async fn raw_call(
    running: &Running,
    path: &'static str,
    bytes: &'static [u8],
) -> Result<Response<()>, Status> {
    let mut grpc = tonic::client::Grpc::new(backend(running, "bot"));
    grpc.ready().await.unwrap();
    grpc.unary(
        acting(bytes, Uuid::from_u128(7)),
        path.parse().unwrap(),
        raw::RawCodec,
    )
    .await
}

mod raw {
    use tonic::{
        Status,
        codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    };

    pub struct RawCodec;
    pub struct Raw;

    impl Codec for RawCodec {
        type Encode = &'static [u8];
        type Decode = ();
        type Encoder = Raw;
        type Decoder = Raw;

        fn encoder(&mut self) -> Raw {
            Raw
        }

        fn decoder(&mut self) -> Raw {
            Raw
        }
    }

    impl Encoder for Raw {
        type Item = &'static [u8];
        type Error = Status;

        fn encode(&mut self, item: Self::Item, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
            use bytes::BufMut as _;
            buffer.put_slice(item);
            Ok(())
        }
    }

    impl Decoder for Raw {
        type Item = ();
        type Error = Status;

        fn decode(&mut self, _: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
            Ok(Some(()))
        }
    }
}

#[tokio::test]
async fn health_is_not_serving_until_it_is_and_liveness_is_apart() {
    let running = start().await;
    let channel = tonic::transport::Endpoint::from_shared(running.url.clone())
        .unwrap()
        .connect_lazy();
    let mut client = HealthClient::new(channel);
    let mut status = async |service: &str| {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        client.check(request).await.unwrap().into_inner().status()
    };
    assert_eq!(status(SERVICE).await, ServingStatus::NotServing);
    assert_eq!(status("").await, ServingStatus::Serving);
    running.health.set(true).await;
    assert_eq!(status(SERVICE).await, ServingStatus::Serving);
    // A detail is told beside it, and readiness does not depend on it.
    assert_eq!(status(DETAIL).await, ServingStatus::Serving);
    running.health.set_detail(DETAIL, false).await;
    assert_eq!(status(DETAIL).await, ServingStatus::NotServing);
    running.health.set(true).await;
    assert_eq!(status(DETAIL).await, ServingStatus::NotServing);
    assert_eq!(status(SERVICE).await, ServingStatus::Serving);
}

#[tokio::test]
async fn a_refusal_of_more_words_than_the_usual_headers_is_read() {
    let running = start().await;
    let mut users = UserServiceClient::new(backend(&running, "bot"));
    let request = acting(EraseUserRequest::default(), Uuid::from_u128(1));
    let status = users.erase_user(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message().len(), 18_000);
}

#[tokio::test]
async fn both_versions_of_reflection_list_the_contract() {
    use tonic_reflection::pb;
    let running = start().await;
    let channel = tonic::transport::Endpoint::from_shared(running.url.clone())
        .unwrap()
        .connect_lazy();

    let request = pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            pb::v1::server_reflection_request::MessageRequest::ListServices(String::new()),
        ),
    };
    let mut answers =
        pb::v1::server_reflection_client::ServerReflectionClient::new(channel.clone())
            .server_reflection_info(tokio_stream::once(request))
            .await
            .unwrap()
            .into_inner();
    let answer = format!("{:?}", answers.next().await.unwrap().unwrap());
    assert!(answer.contains(SERVICE), "{answer}");
    assert!(
        !answer.contains("LessonService"),
        "not served here: {answer}"
    );

    let request = pb::v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            pb::v1alpha::server_reflection_request::MessageRequest::ListServices(String::new()),
        ),
    };
    let mut answers = pb::v1alpha::server_reflection_client::ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let answer = format!("{:?}", answers.next().await.unwrap().unwrap());
    assert!(answer.contains("grpc.health.v1.Health"), "{answer}");
}

#[tokio::test]
async fn open_streams_health_watches_and_silent_peers_do_not_hold_a_stopping_server() {
    let running = start().await;
    let mut dispatch = DispatchServiceClient::new(backend(&running, "bot"));
    let stream = dispatch.dispatch(tokio_stream::pending()).await.unwrap();
    let channel = tonic::transport::Endpoint::from_shared(running.url.clone())
        .unwrap()
        .connect_lazy();
    let mut client = HealthClient::new(channel);
    let mut watches = Vec::new();
    for (service, status) in [
        (SERVICE, ServingStatus::NotServing),
        (DETAIL, ServingStatus::Serving),
    ] {
        let service = service.to_owned();
        let watch = client.watch(HealthCheckRequest { service }).await;
        let mut watch = watch.unwrap().into_inner();
        assert_eq!(watch.next().await.unwrap().unwrap().status(), status);
        watches.push(watch);
    }
    // Connected, but never speaks HTTP/2.
    let silent = TcpStream::connect(running.address).await.unwrap();

    running.shutdown.stop();
    timeout(HANGS, running.task)
        .await
        .expect("the server did not end")
        .unwrap()
        .unwrap();
    drop((stream, silent));
}
