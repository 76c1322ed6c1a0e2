//! What a notification says to Telegram.

use jiff::{Timestamp, tz::TimeZone};
use olm_proto::notify::v1::{
    Content, Deliver, LessonNotice, LessonNoticeKind, LessonRole, content,
};
use serde_json::{Value, json};
use texts::{BookingLabel, Format, Label, Language};
use uuid::Uuid;

use crate::buttons::{Booking, Button, Noticed};

/// The body of `sendMessage`; `None` when the row has no content to send.
pub(super) fn message(row: &Deliver, now: Timestamp) -> Option<Value> {
    let language = Language::from_tag(&row.language);
    let zone = TimeZone::get(&row.time_zone).unwrap_or(TimeZone::UTC);
    let content = row.content.as_ref()?;
    let mut rendered = texts::render(content, language, &zone, now)?;
    if row.plain {
        rendered = rendered.plain();
    }
    let mut message = json!({ "chat_id": row.chat_id, "text": rendered.text });
    match rendered.format {
        Format::Plain => {}
        Format::Html => message["parse_mode"] = "HTML".into(),
    }
    if row.silent {
        message["disable_notification"] = true.into();
    }
    if let Some(keyboard) = keyboard(content, language, &zone) {
        message["reply_markup"] = keyboard;
    }
    Some(message)
}

/// What can be done about a lesson from its notice: a teacher decides about a request, a
/// student says whether they come, a lesson that lies ahead can be moved by its student and
/// cancelled (and a seat in a group's given up, see `conversation::booking`).
fn keyboard(content: &Content, language: Language, zone: &TimeZone) -> Option<Value> {
    let content::Kind::LessonNotice(notice) = content.kind.as_ref()? else {
        return None;
    };
    let lesson = Uuid::try_parse(&notice.lesson_id).ok()?;
    let version = notice.lesson_version;
    let of_lesson = |text: String, pressed: Booking| json!({ "text": text, "callback_data": Button::Booking(pressed).to_string() });
    let noticed = |text: String, pressed: Noticed| {
        let pressed = Booking::Noticed {
            pressed,
            lesson,
            version,
        };
        of_lesson(text, pressed)
    };
    if decides(notice) {
        let row = [
            noticed(Label::Confirm.text(language), Noticed::Confirm),
            noticed(Label::Decline.text(language), Noticed::Decline),
        ];
        return Some(json!({ "inline_keyboard": [row] }));
    }
    let start = olm_proto::instant(notice.start_time.as_ref()?)?;
    let time = &texts::moment_short(start, language, zone);
    let cancel = || noticed(Label::Cancel { time }.text(language), Noticed::Cancel);
    let student = notice.reader_role() == LessonRole::Student;
    // A group's lesson is moved by its teacher only.
    let move_it = || {
        let alone = student && notice.group_title.is_empty();
        alone.then(|| noticed(BookingLabel::Move.text(language), Noticed::Move))
    };
    // Beside another one the button that names the time would be cut off on a phone.
    let alone_in_row = |button: Value| vec![button];
    let rows: Vec<_> = match notice.kind() {
        LessonNoticeKind::Reconfirm => vec![vec![
            noticed(Label::Keep.text(language), Noticed::Keep),
            noticed(Label::GiveUp.text(language), Noticed::GiveUp),
        ]],
        LessonNoticeKind::Reminder if student => {
            let come = Booking::Come {
                lesson,
                version,
                start,
            };
            let come = of_lesson(BookingLabel::Come.text(language), come);
            [come]
                .into_iter()
                .chain(move_it())
                .chain([cancel()])
                .map(alone_in_row)
                .collect()
        }
        LessonNoticeKind::Booked
        | LessonNoticeKind::Reminder
        | LessonNoticeKind::Confirmed
        | LessonNoticeKind::Moved
        | LessonNoticeKind::PlaceChanged => move_it()
            .into_iter()
            .chain([cancel()])
            .map(alone_in_row)
            .collect(),
        LessonNoticeKind::Requested => vec![vec![cancel()]],
        LessonNoticeKind::Canceled
        | LessonNoticeKind::Declined
        | LessonNoticeKind::Lapsed
        | LessonNoticeKind::StudentUnreachable
        | LessonNoticeKind::SeatFreed
        | LessonNoticeKind::StudentLeft
        | LessonNoticeKind::SeriesBooked
        | LessonNoticeKind::SeriesChanged
        | LessonNoticeKind::SeriesCanceled
        | LessonNoticeKind::SeriesSkipped
        | LessonNoticeKind::ClockShifts
        | LessonNoticeKind::Unspecified => return None,
    };
    Some(json!({ "inline_keyboard": rows }))
}

/// Whether the reader decides about a request that it tells of.
fn decides(notice: &LessonNotice) -> bool {
    let asks = match notice.kind() {
        LessonNoticeKind::Requested => true,
        LessonNoticeKind::Moved | LessonNoticeKind::PlaceChanged => notice.request,
        LessonNoticeKind::Reconfirm
        | LessonNoticeKind::Reminder
        | LessonNoticeKind::Booked
        | LessonNoticeKind::Confirmed
        | LessonNoticeKind::Canceled
        | LessonNoticeKind::Declined
        | LessonNoticeKind::Lapsed
        | LessonNoticeKind::StudentUnreachable
        | LessonNoticeKind::SeatFreed
        | LessonNoticeKind::StudentLeft
        | LessonNoticeKind::SeriesBooked
        | LessonNoticeKind::SeriesChanged
        | LessonNoticeKind::SeriesCanceled
        | LessonNoticeKind::SeriesSkipped
        | LessonNoticeKind::ClockShifts
        | LessonNoticeKind::Unspecified => false,
    };
    asks && notice.reader_role() == LessonRole::Teacher
}
