use olm_proto::lesson::v1::{GetTeacherRequest, teacher_service_client::TeacherServiceClient};
use service_kit::{
    clock::SystemClock,
    grpc::{
        client::{BackendConfig, OutgoingKey},
        tls::Authorities,
    },
};
use tokio::{net::TcpListener, sync};
use tonic::Code;

use super::*;

/// The value of the first figure whose line has all of this in it.
fn figure(of: &[&str]) -> Option<String> {
    let figures = service_kit::metrics::text();
    let mut lines = figures.lines().filter(|line| !line.starts_with('#'));
    let found = lines.find(|line| of.iter().all(|part| line.contains(part)))?;
    Some(found.rsplit_once(' ')?.1.to_owned())
}

/// Of the tests that call server 1 one runs at a time: figures are of the whole process.
pub(crate) static FIGURES: sync::Mutex<()> = sync::Mutex::const_new(());

#[tokio::test]
async fn calls_that_are_given_up_are_counted_and_what_the_breaker_is_is_told() {
    let _alone = FIGURES.lock().await;
    // Connections are taken, and nothing is answered.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let backend = Backend::connect_lazy(&BackendConfig {
        service: "lesson-svc",
        url: url.parse().unwrap(),
        authorities: Authorities::default(),
        key: OutgoingKey::from(""),
        timeout: Duration::from_mins(1),
    });
    let terms = Terms {
        read_timeout: Duration::from_millis(100),
        write_timeout: Duration::from_millis(100),
        failures: 1,
        open_for: Duration::from_hours(1),
    };
    let server1 = Server1::new(backend.unwrap(), terms, Arc::new(SystemClock));
    let breaker = || figure(&["olm_bot_server1_breaker_open"]);
    assert_eq!(breaker().as_deref(), Some("0"));

    let link = server1.link();
    assert!(link.patience().is_some());
    let mut teachers = TeacherServiceClient::new(link.clone());
    let given_up = teachers.get_teacher(GetTeacherRequest::default()).await;
    assert_eq!(given_up.unwrap_err().code(), Code::DeadlineExceeded);
    let counted = [
        "rpc_client_call_duration_seconds_count",
        "TeacherService/GetTeacher",
        "CANCELLED",
    ];
    assert_eq!(figure(&counted).as_deref(), Some("1"));
    assert_eq!(breaker().as_deref(), Some("1"));
    assert!(*server1.0.open.borrow());
    // Nothing is waited for any more, by another update neither.
    assert_eq!(link.patience(), None);
    assert_eq!(server1.link().patience(), None);

    // Somebody is answered, and who failed before tells of it only now.
    assert!(server1.0.breaker.reached());
    server1.tell_openness();
    assert_eq!(breaker().as_deref(), Some("0"));
    assert!(!*server1.0.open.borrow());
}
