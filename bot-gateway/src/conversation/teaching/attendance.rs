//! Who came.

use olm_proto::lesson::v1::{BookingStatus, RecordAttendanceRequest};
use service_kit::grpc::client::acting;
use texts::TeachingNote;
use uuid::Uuid;

use super::{
    super::{Conversation, Fault, Reader},
    lesson::{changed, no_lesson},
};
use crate::{
    buttons::{Drawn, seat_number},
    replies::Reply,
};

impl Conversation {
    /// Writes down whether a student came.
    pub(super) async fn attendance(
        &self,
        reader: &Reader,
        drawn: Drawn,
        seat: u32,
        came: bool,
    ) -> Result<Reply, Fault> {
        let Some(taught) = self.find_taught(reader, drawn.id).await? else {
            return Ok(no_lesson(reader));
        };
        let mut ids = taught.lesson.bookings.iter().filter(|booking| {
            Uuid::try_parse(&booking.id).is_ok_and(|booking| seat_number(booking) == seat)
        });
        // One, but for a chance of one in millions, which is not guessed away.
        let (Some(booking), None) = (ids.next(), ids.next()) else {
            let note = TeachingNote::Changed.html(reader.language);
            return Ok(self.details(reader, Some(note), &taught).await);
        };
        let status = if came {
            BookingStatus::Attended
        } else {
            BookingStatus::NoShow
        };
        let record = RecordAttendanceRequest {
            lesson_id: drawn.id.to_string(),
            expected_version: drawn.version,
            booking_id: booking.id.clone(),
            status: status.into(),
        };
        let mut client = self.lessons.clone();
        let seat = booking.id.clone();
        match client.record_attendance(acting(record, reader.id)).await {
            Ok(recorded) => {
                let taught = changed(reader, recorded.into_inner().lesson)?;
                let note = TeachingNote::AttendanceKept.html(reader.language);
                let page = taught.page_of(&seat);
                let details = self.details_of(reader, Some(note), &taught, page);
                Ok(details.await)
            }
            Err(status) => self.not_changed(reader, drawn.id, status).await,
        }
    }
}
