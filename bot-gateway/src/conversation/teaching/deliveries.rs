//! Whether a lesson's reminders reach its students.

use olm_proto::{
    lesson::v1::Booking,
    notify::v1::{
        LessonDelivery, ListLessonDeliveriesRequest, NotificationState, StudentDeliveries,
    },
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{DeliveryState, TeachingNote, TeachingScreen};
use tokio::time::timeout;

use super::{
    super::{Conversation, Reader},
    lesson::Taught,
    short,
};

/// How long a lesson's details wait for it at most; a press is answered within a second.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(500);
/// Characters of a name.
const NAME: usize = 40;
/// What tells of the lesson's nearness; the others tell of changes.
const REMINDER: &str = "reminder";
const MOVED: &str = "moved";

impl Conversation {
    /// A line for each student of these seats: their last reminder that was tried, else the
    /// next to come, else whether anything reaches them. Not asked for while server 1 cannot
    /// be asked, nor when the lesson took all the time there was: it is only added.
    pub(super) async fn deliveries(
        &self,
        reader: &Reader,
        taught: &Taught,
        seats: &[&Booking],
    ) -> Vec<String> {
        let unknown = || vec![TeachingNote::DeliveriesUnknown.html(reader.language)];
        let Some(left) = self.link.patience() else {
            return unknown();
        };
        let list = ListLessonDeliveriesRequest {
            lesson_id: taught.drawn.id.to_string(),
        };
        let mut client = self.notifications.clone();
        let asked = client.list_lesson_deliveries(acting(list, reader.id));
        let students = match timeout(PATIENCE.min(left), asked).await {
            Ok(Ok(listed)) => listed.into_inner().students,
            // Nothing was told of it yet, or all of it is forgotten.
            Ok(Err(status))
                if reason(&status).is_some_and(|reason| {
                    reason == olm_proto::common::v1::ErrorReason::LessonNotFound
                }) =>
            {
                return Vec::new();
            }
            Ok(Err(_)) | Err(_) => return unknown(),
        };
        let lines = students.iter().filter_map(|student| {
            let mut seats = seats.iter();
            let seat = seats.find(|seat| seat.student_id == student.student_id)?;
            let name = texts::person_name(&seat.student_name, reader.language);
            let name = short(&name, NAME);
            line(reader, student, taught.of_group.then_some(name.as_str()))
        });
        lines.collect()
    }
}

fn line(reader: &Reader, student: &StudentDeliveries, name: Option<&str>) -> Option<String> {
    let reminders = student
        .deliveries
        .iter()
        .filter(|delivery| delivery.kind == REMINDER);
    let (waiting, tried): (Vec<_>, Vec<_>) =
        reminders.partition(|delivery| state(student, delivery) == DeliveryState::Pending);
    // What was sent of the time before a move says nothing of the new one.
    let due = |delivery: &LessonDelivery| delivery.due_time.as_ref().and_then(olm_proto::instant);
    let moved = student.deliveries.iter();
    let moved = moved.filter(|delivery| delivery.kind == MOVED);
    let moved = moved.filter_map(due).max();
    let last = tried.last().filter(|last| due(last) >= moved);
    let Some(told) = last.or(waiting.first()).or(tried.last()) else {
        let unreachable = TeachingScreen::Unreachable { name };
        return (!student.reachable).then(|| unreachable.html(reader.language));
    };
    let state = state(student, told);
    if state == DeliveryState::Pending && !student.reachable {
        return Some(TeachingScreen::Unreachable { name }.html(reader.language));
    }
    let at = if state == DeliveryState::Pending {
        told.due_time
    } else {
        told.state_time
    };
    let time = reader.moment_short(olm_proto::instant(&at?)?);
    let time = time.as_str();
    Some(TeachingScreen::Delivery { name, state, time }.html(reader.language))
}

fn state(student: &StudentDeliveries, delivery: &LessonDelivery) -> DeliveryState {
    match delivery.state() {
        NotificationState::Unspecified
        | NotificationState::Pending
        | NotificationState::Sending => DeliveryState::Pending,
        NotificationState::Sent => DeliveryState::Sent,
        NotificationState::Failed if !student.reachable => DeliveryState::Blocked,
        NotificationState::Failed | NotificationState::Canceled | NotificationState::Expired => {
            DeliveryState::Failed
        }
        NotificationState::Uncertain | NotificationState::Unconfirmed => DeliveryState::Unsure,
    }
}
