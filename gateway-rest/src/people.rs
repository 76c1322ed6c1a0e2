//! People as clients see them.

pub(crate) mod http;

use jiff::Timestamp;
use olm_proto::{
    instant,
    lesson::v1::{self as pb, RulesZone as PbRulesZone},
    notify::v1::LessonNoticeKind,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::json::{Object, given, given_wholes};
use crate::{etag::Versioned, fields, paging, problem::Problem, schemas};

/// A person. What is beyond `about` is told to the person and to admins only.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    #[schema(format = "uuid")]
    id: String,
    /// Empty when the person was erased.
    #[schema(example = "Anna")]
    display_name: String,
    /// IANA name.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// What the person says of themselves.
    about: String,
    /// Raised by every change; see `If-Match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<i64>,
    /// The language of messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "en")]
    language: Option<String>,
    /// How long before each lesson to be reminded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reminder_leads_s: Option<Vec<i64>>,
    /// When reminders are not to come; absent: they may at any hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quiet_hours: Option<QuietHours>,
    /// What the person does not want to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    muted_kinds: Option<Vec<NoticeKind>>,
    /// Where the bot writes to the person; absent without Telegram.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    telegram: Option<TelegramAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    is_teacher: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    is_admin: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    create_time: Option<Timestamp>,
    /// Present when the person was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    erase_time: Option<Timestamp>,
}

/// A private chat with one bot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TelegramAddress {
    bot_id: i64,
    chat_id: i64,
}

/// A stretch of every day in the person's own zone, without its end. An end that is not
/// after the start is the next day's.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuietHours {
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "22:00")]
    pub(crate) start: String,
    /// Not equal to the start.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "08:00")]
    pub(crate) end: String,
}

/// The acting user after a change of settings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedSettings {
    #[serde(flatten)]
    pub(crate) user: User,
    /// The running series that they teach in another zone than the one just set, at most
    /// 50: no lesson changes its instant. Changing a series takes it along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, value_type = Vec<Uuid>)]
    pub(crate) series_ids_elsewhere: Vec<String>,
}

/// A page of people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserPage {
    /// By name, then id; without the erased.
    users: Vec<User>,
    /// Ask with it for the next page; null: this is the last.
    next_page_token: Option<String>,
}

/// Which people are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsersQuery {
    /// Part of a name, any case; default: everybody.
    #[param(nullable = false, max_length = 64, pattern = "^[^\\u0000]*$")]
    pub(crate) query: Option<String>,
    /// At most this many; default 50, never more than 200.
    #[param(value_type = Option<i32>, nullable = false, minimum = 0, maximum = 2_147_483_647, example = 50)]
    pub(crate) page_size: Option<String>,
    /// The `next_page_token` of the page before.
    #[param(nullable = false)]
    pub(crate) page_token: Option<String>,
}

/// A change of the acting user's profile; what is left out stays as it is.
// No Debug: names and texts must not reach a log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileChange {
    /// Not only white space, no control characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 128,
        pattern = r"^\s*[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?\s*$",
        example = "Anna"
    )]
    pub(crate) display_name: Option<String>,
    /// What the person says of themselves.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 1000, pattern = "^[^\\u0000]*$")]
    pub(crate) about: Option<String>,
}

/// A change of the acting user's settings; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsChange {
    /// The language of messages.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub(crate) language: Option<Language>,
    /// IANA name. Lessons keep their instants whatever the zone.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_length = 1, example = "Europe/Berlin")]
    pub(crate) time_zone: Option<String>,
    #[serde(default, deserialize_with = "given_wholes")]
    #[schema(schema_with = schemas::reminder_leads)]
    pub(crate) reminder_leads_s: Option<Vec<i64>>,
    /// When reminders are not to come; null: they may at any hour.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<QuietHours>, required = false)]
    #[expect(
        clippy::option_option,
        reason = "left out, null and hours are three cases"
    )]
    pub(crate) quiet_hours: Option<Option<Object<QuietHours>>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = schemas::muted_kinds)]
    pub(crate) muted_kinds: Option<Vec<MutedKind>>,
    /// Needed when a teacher whose hours of work are in another zone sets `time_zone`:
    /// what becomes of those hours.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub(crate) rules_zone: Option<RulesZone>,
}

/// Whether somebody is an admin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdminRole {
    #[schema(value_type = bool)]
    pub(crate) is_admin: Option<bool>,
}

/// What erasing a person did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Erasure {
    /// How many lessons ahead were cancelled; 0 for a repeat.
    pub(crate) canceled_lessons: i32,
}

/// A language people can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Language {
    /// Russian.
    Ru,
    /// English.
    En,
}

impl Language {
    /// Its tag.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
        }
    }
}

/// What becomes of a teacher's hours of work when the teacher moves to another zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RulesZone {
    /// They stay in their zone: the same instants.
    Keep,
    /// They move along: the same wall clock, in the new zone.
    Convert,
}

impl From<RulesZone> for PbRulesZone {
    fn from(choice: RulesZone) -> Self {
        match choice {
            RulesZone::Keep => Self::Keep,
            RulesZone::Convert => Self::Convert,
        }
    }
}

/// What people are told that they can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MutedKind {
    /// A lesson is booked.
    Booked,
    /// A lesson is near.
    Reminder,
    /// A student asks for a lesson.
    Requested,
    /// The teacher accepted a request.
    Confirmed,
    /// The teacher declined a request.
    Declined,
    /// The teacher did not decide in time.
    Lapsed,
    /// Telegram did not take what was to be told to a student.
    StudentUnreachable,
    /// A student gave up their seat in a group's lesson.
    StudentLeft,
    /// Lessons are booked every n weeks.
    SeriesBooked,
    /// An occurrence of a series was not booked.
    SeriesSkipped,
    /// The lessons of a series begin at another hour of the person's clock.
    ClockShifts,
}

impl From<MutedKind> for LessonNoticeKind {
    fn from(kind: MutedKind) -> Self {
        match kind {
            MutedKind::Booked => Self::Booked,
            MutedKind::Reminder => Self::Reminder,
            MutedKind::Requested => Self::Requested,
            MutedKind::Confirmed => Self::Confirmed,
            MutedKind::Declined => Self::Declined,
            MutedKind::Lapsed => Self::Lapsed,
            MutedKind::StudentUnreachable => Self::StudentUnreachable,
            MutedKind::StudentLeft => Self::StudentLeft,
            MutedKind::SeriesBooked => Self::SeriesBooked,
            MutedKind::SeriesSkipped => Self::SeriesSkipped,
            MutedKind::ClockShifts => Self::ClockShifts,
        }
    }
}

/// What people are told about lessons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoticeKind {
    /// A lesson is booked.
    Booked,
    /// A lesson is near.
    Reminder,
    /// A lesson or a request was cancelled.
    Canceled,
    /// A student asks for a lesson.
    Requested,
    /// The teacher accepted a request.
    Confirmed,
    /// The teacher declined a request.
    Declined,
    /// The teacher did not decide in time.
    Lapsed,
    /// A lesson is at another time.
    Moved,
    /// A lesson is elsewhere.
    PlaceChanged,
    /// Telegram did not take what was to be told to a student.
    StudentUnreachable,
    /// A group's lesson moved onto another lesson of a student.
    Reconfirm,
    /// A seat was given up, because its student did not say in time that they come.
    SeatFreed,
    /// A student gave up their seat in a group's lesson.
    StudentLeft,
    /// Lessons are booked every n weeks.
    SeriesBooked,
    /// The lessons of a series are at another hour, elsewhere, or go on for longer.
    SeriesChanged,
    /// The lessons of a series are off from one on.
    SeriesCanceled,
    /// An occurrence of a series was not booked.
    SeriesSkipped,
    /// The lessons of a series begin at another hour of the person's clock.
    ClockShifts,
    /// A kind newer than this gateway.
    Unknown,
}

impl NoticeKind {
    fn from_wire(kind: i32) -> Self {
        let kind = LessonNoticeKind::try_from(kind).unwrap_or_default();
        match kind {
            LessonNoticeKind::Unspecified => Self::Unknown,
            LessonNoticeKind::Booked => Self::Booked,
            LessonNoticeKind::Reminder => Self::Reminder,
            LessonNoticeKind::Canceled => Self::Canceled,
            LessonNoticeKind::Requested => Self::Requested,
            LessonNoticeKind::Confirmed => Self::Confirmed,
            LessonNoticeKind::Declined => Self::Declined,
            LessonNoticeKind::Lapsed => Self::Lapsed,
            LessonNoticeKind::Moved => Self::Moved,
            LessonNoticeKind::PlaceChanged => Self::PlaceChanged,
            LessonNoticeKind::StudentUnreachable => Self::StudentUnreachable,
            LessonNoticeKind::Reconfirm => Self::Reconfirm,
            LessonNoticeKind::SeatFreed => Self::SeatFreed,
            LessonNoticeKind::StudentLeft => Self::StudentLeft,
            LessonNoticeKind::SeriesBooked => Self::SeriesBooked,
            LessonNoticeKind::SeriesChanged => Self::SeriesChanged,
            LessonNoticeKind::SeriesCanceled => Self::SeriesCanceled,
            LessonNoticeKind::SeriesSkipped => Self::SeriesSkipped,
            LessonNoticeKind::ClockShifts => Self::ClockShifts,
        }
    }
}

impl Versioned for User {
    fn version(&self) -> Option<i64> {
        self.version
    }
}

impl Versioned for ChangedSettings {
    fn version(&self) -> Option<i64> {
        self.user.version()
    }
}

impl User {
    /// The person in a service's answer.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn from_answer(user: Option<pb::User>) -> Result<Self, Problem> {
        user.map(Self::from)
            .ok_or_else(|| Problem::bad_answer("an answer without its user"))
    }
}

impl From<pb::User> for User {
    fn from(user: pb::User) -> Self {
        // Who may not know the rest is told no version either.
        let all = user.version > 0;
        let muted_kinds = user.muted_kinds.iter();
        let muted_kinds = muted_kinds.map(|kind| NoticeKind::from_wire(*kind));
        let muted_kinds = muted_kinds.collect();
        let leads = user.reminder_leads.iter();
        let leads = leads.filter_map(fields::whole_seconds).collect();
        let quiet_hours = user.quiet_hours.map(|hours| QuietHours {
            start: hours.start_time_of_day,
            end: hours.end_time_of_day,
        });
        let telegram = user.telegram.map(|address| TelegramAddress {
            bot_id: address.bot_id,
            chat_id: address.chat_id,
        });
        Self {
            id: user.id,
            display_name: user.display_name,
            time_zone: user.time_zone,
            about: user.about,
            version: all.then_some(user.version),
            language: all.then_some(user.language),
            reminder_leads_s: all.then_some(leads),
            quiet_hours,
            muted_kinds: all.then_some(muted_kinds),
            telegram,
            is_teacher: all.then_some(user.is_teacher),
            is_admin: all.then_some(user.is_admin),
            create_time: user.create_time.as_ref().and_then(instant),
            erase_time: user.erase_time.as_ref().and_then(instant),
        }
    }
}

impl From<pb::ListUsersResponse> for UserPage {
    fn from(answer: pb::ListUsersResponse) -> Self {
        Self {
            users: answer.users.into_iter().map(User::from).collect(),
            next_page_token: paging::next_page(answer.next_page_token),
        }
    }
}
