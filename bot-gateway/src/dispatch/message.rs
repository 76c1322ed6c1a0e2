//! What a notification says to Telegram.

use jiff::{Timestamp, tz::TimeZone};
use olm_proto::notify::v1::{Content, Deliver, LessonNoticeKind, LessonRole, content};
use serde_json::{Value, json};
use texts::{Format, Label, Language};
use uuid::Uuid;

use crate::buttons::Button;

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
/// student says whether they come to a new time, a lesson that lies ahead can be cancelled
/// (and a seat in it given up, see `conversation::lessons`).
fn keyboard(content: &Content, language: Language, zone: &TimeZone) -> Option<Value> {
    let content::Kind::LessonNotice(notice) = content.kind.as_ref()? else {
        return None;
    };
    let lesson = Uuid::try_parse(&notice.lesson_id).ok()?;
    let version = notice.lesson_version;
    let button = |label: Label<'_>, button: Button| {
        let text = label.text(language);
        json!({ "text": text, "callback_data": button.to_string() })
    };
    let row = match notice.kind() {
        LessonNoticeKind::Requested if notice.reader_role() == LessonRole::Teacher => vec![
            button(Label::Confirm, Button::Confirm { lesson, version }),
            button(Label::Decline, Button::Decline { lesson, version }),
        ],
        LessonNoticeKind::Reconfirm => vec![
            button(Label::Keep, Button::Reconfirm { lesson, version }),
            button(Label::GiveUp, Button::Leave { lesson, version }),
        ],
        LessonNoticeKind::Booked
        | LessonNoticeKind::Reminder
        | LessonNoticeKind::Requested
        | LessonNoticeKind::Confirmed
        | LessonNoticeKind::Moved
        | LessonNoticeKind::PlaceChanged => {
            let start = olm_proto::instant(notice.start_time.as_ref()?)?;
            let time = texts::moment_short(start, language, zone);
            let cancel = Button::AskCancel { lesson, version };
            vec![button(Label::Cancel { time: &time }, cancel)]
        }
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
    Some(json!({ "inline_keyboard": [row] }))
}
