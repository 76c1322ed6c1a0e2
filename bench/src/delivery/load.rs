//! How notify-svc is told what to send: through its contract, as its clients do.

use std::{sync::Arc, time::Duration};

use e2e::Result;
use jiff::{SignedDuration, Timestamp};
use olm_proto::notify::v1::{
    CreateNotificationRequest, LessonRole, LessonSnapshot, LessonState, SeatSnapshot,
    SyncLessonRequest, create_notification_request::Recipient as To,
    lesson_plan_service_client::LessonPlanServiceClient,
    notification_service_client::NotificationServiceClient,
};
use service_kit::{
    clock::{Clock as _, SystemClock},
    grpc::client::Backend,
};
use tokio::{
    sync::Mutex,
    task::{AbortHandle, JoinSet},
    time::sleep,
};
use tonic::Code;
use uuid::Uuid;

use super::schedule::{Item, Schedule};

/// Calls at once.
const CALLERS: usize = 6;
/// How often a call is repeated that the service has no time for.
const PERSISTENCE: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);
const SCHOOL_IS_AHEAD: SignedDuration = SignedDuration::from_hours(48);

/// Who a chat is to notify-svc.
pub(super) fn user_id(chat: i64) -> Uuid {
    Uuid::from_u64_pair(0x0000_0000_0000_4000, chat.cast_unsigned())
}

/// Creates what is due later and answers when all is created; the rest happens at its
/// instant, as lessons that are booked then.
pub(super) async fn enqueue(
    schedule: &Schedule,
    operator: Backend,
    lesson_svc: Backend,
) -> Result<AbortHandle> {
    let (ahead, live) = schedule.parts();
    let ahead = Arc::new(Mutex::new(ahead));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (ahead, operator) = (Arc::clone(&ahead), operator.clone());
        callers.spawn(async move {
            let mut client = NotificationServiceClient::new(operator);
            loop {
                let Some(item) = ahead.lock().await.pop() else {
                    return Result::Ok(());
                };
                create(&mut client, notification(item)?).await?;
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    let live = tokio::spawn(async move {
        if let Err(error) = book(live, lesson_svc).await {
            eprintln!("a lesson was not booked: {error}");
        }
    });
    Ok(live.abort_handle())
}

/// The same request again makes no second notification.
async fn create(
    client: &mut NotificationServiceClient<Backend>,
    request: CreateNotificationRequest,
) -> Result<()> {
    for _ in 0..PERSISTENCE {
        match client.create_notification(request.clone()).await {
            Err(status) if status.code() == Code::Unavailable => sleep(PAUSE).await,
            done => return Ok(done.map(drop)?),
        }
    }
    Err("notify-svc stays unavailable".into())
}

fn notification(item: Item) -> Result<CreateNotificationRequest> {
    Ok(CreateNotificationRequest {
        request_id: Uuid::new_v4().to_string(),
        recipient: Some(To::UserId(user_id(item.chat).to_string())),
        text: "a reminder".to_owned(),
        due_time: Some(olm_proto::timestamp(Timestamp::from_microsecond(
            item.at_us,
        )?)),
        ..CreateNotificationRequest::default()
    })
}

/// Items come in pairs: a teacher and a student who are told of their lesson.
async fn book(live: Vec<Item>, lesson_svc: Backend) -> Result<()> {
    let mut calls = JoinSet::new();
    for pair in live.chunks_exact(2) {
        let left = pair[0].at_us - SystemClock.now().as_microsecond();
        sleep(Duration::from_micros(u64::try_from(left).unwrap_or(0))).await;
        let request = SyncLessonRequest {
            lesson: Some(lesson(pair[0].chat, pair[1].chat)),
        };
        let mut client = LessonPlanServiceClient::new(lesson_svc.clone());
        calls.spawn(async move { client.sync_lesson(request).await });
    }
    while let Some(done) = calls.join_next().await {
        done??;
    }
    Ok(())
}

fn lesson(teacher: i64, student: i64) -> LessonSnapshot {
    let start = SystemClock.now() + SCHOOL_IS_AHEAD;
    LessonSnapshot {
        lesson_id: Uuid::new_v4().to_string(),
        version: 1,
        schedule_version: 1,
        state: LessonState::Scheduled.into(),
        changed_by: LessonRole::Student.into(),
        start_time: Some(olm_proto::timestamp(start)),
        end_time: Some(olm_proto::timestamp(start + SignedDuration::from_hours(1))),
        teacher_id: user_id(teacher).to_string(),
        seats: vec![SeatSnapshot {
            booking_id: Uuid::new_v4().to_string(),
            student_id: user_id(student).to_string(),
            ..SeatSnapshot::default()
        }],
        ..LessonSnapshot::default()
    }
}
