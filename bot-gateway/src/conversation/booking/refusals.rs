//! What stands against a time, in words, with a way on.

use jiff::Timestamp;
use olm_proto::common::v1::ErrorReason;
use service_kit::status::reason;
use texts::{BookingLabel, BookingScreen};
use tonic::Status;
use tonic_types::StatusExt as _;

use super::{
    super::{Answer, Reader, button, keyboard},
    press, to_week,
};
use crate::{
    buttons::{Booking, Button, Purpose},
    replies::Reply,
};

/// Times in one row.
const ROW: usize = 2;

/// What each refusal of a time shows; the others are faults of ours.
const REFUSALS: [(ErrorReason, BookingScreen<'static>); 12] = [
    (
        ErrorReason::NotAcceptingStudents,
        BookingScreen::NotAccepting,
    ),
    (ErrorReason::DailyLimitReached, BookingScreen::DayFull),
    (ErrorReason::DurationNotOffered, BookingScreen::NotOffered),
    (ErrorReason::LimitReached, BookingScreen::NotPossible),
    (ErrorReason::StudentBusy, BookingScreen::Busy),
    (ErrorReason::OutsideAvailability, BookingScreen::NotOffered),
    (ErrorReason::OffGrid, BookingScreen::NotOffered),
    (ErrorReason::TeacherNotFound, BookingScreen::NotOffered),
    (ErrorReason::NotATeacher, BookingScreen::NotOffered),
    (ErrorReason::TooSoon, BookingScreen::TooSoon),
    (ErrorReason::TooFar, BookingScreen::TooFar),
    (ErrorReason::SelfBooking, BookingScreen::SelfBooking),
];

/// The answer to a refused time that is nobody's fault: the nearest others, or why, and the
/// way back to the week.
pub(super) fn refused(
    reader: &Reader,
    of: Purpose,
    start: Timestamp,
    status: &Status,
) -> Option<Answer> {
    let reason = reason(status)?;
    let mut rows = Vec::new();
    let screen = if reason == ErrorReason::SlotTaken {
        let starts = alternatives(status);
        let time = |start: &Timestamp| {
            let taken = Booking::Time { of, start: *start };
            button(&reader.moment_short(*start), Button::Booking(taken))
        };
        rows.extend(starts.chunks(ROW).map(|row| row.iter().map(time).collect()));
        BookingScreen::SlotTaken {
            alternatives: starts.len(),
        }
    } else {
        let (_, screen) = REFUSALS.iter().find(|(refused, _)| *refused == reason)?;
        *screen
    };
    rows.push(vec![to_week(reader, of, start)]);
    Some(Answer::Here(Reply::new(
        screen.html(reader.language),
        keyboard(&rows),
    )))
}

/// The teacher is gone, or was never one.
pub(super) fn not_offered(reader: &Reader) -> Reply {
    let html = BookingScreen::NotOffered.html(reader.language);
    let all = Booking::Teachers { page: 0 };
    let teachers = press(reader, BookingLabel::Teachers, all);
    Reply::new(html, keyboard(&[vec![teachers]]))
}

/// The times that a refusal names instead.
pub(in super::super) fn alternatives(status: &Status) -> Vec<Timestamp> {
    let info = status.get_details_error_info();
    let list = info.and_then(|mut info| info.metadata.remove("alternatives"));
    let list = list.unwrap_or_default();
    let starts = list.split(',').filter_map(|text| text.trim().parse().ok());
    // The contract says three; a mistaken peer gets no more buttons than a page.
    starts.take(6).collect()
}
