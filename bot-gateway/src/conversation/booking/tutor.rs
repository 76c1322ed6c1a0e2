//! A teacher as a student has to know them.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{GetTeacherRequest, Teacher},
};
use prost_types::Duration;
use service_kit::{grpc::client::acting, status::reason};
use texts::BookingScreen;
use uuid::Uuid;

use super::{
    super::{Conversation, Fault, Reader},
    lines,
};

/// Of what a teacher says of themselves, so many characters are shown above the calendar.
const ABOUT: usize = 300;

/// What a teacher allows unless they said otherwise (`TeacherPolicies`).
const LENGTH: SignedDuration = SignedDuration::from_mins(60);
const HORIZON: SignedDuration = SignedDuration::from_hours(60 * 24);
const NOTICE: SignedDuration = SignedDuration::from_hours(24);

/// A teacher, and what of their policies concerns students.
#[derive(Debug)]
pub(super) struct Tutor {
    pub(super) id: Uuid,
    pub(super) name: String,
    about: String,
    subjects: String,
    pub(super) zone: TimeZone,
    /// At least one; the first is the usual one.
    pub(super) lengths: Vec<SignedDuration>,
    pub(super) horizon: SignedDuration,
    cancel_notice: SignedDuration,
    pub(super) move_notice: SignedDuration,
    pub(super) approves: bool,
}

impl Conversation {
    /// `None` when there is no such teacher (any more).
    pub(super) async fn tutor(
        &self,
        reader: &Reader,
        teacher: Uuid,
    ) -> Result<Option<Tutor>, Fault> {
        let get = GetTeacherRequest {
            teacher_id: teacher.to_string(),
        };
        let mut client = self.teachers.clone();
        match client.get_teacher(acting(get, reader.id)).await {
            Ok(found) => {
                let teacher = found.into_inner().teacher.ok_or(Fault::Unexpected)?;
                let tutor = Tutor::from_wire(reader, teacher);
                tutor.map(Some).ok_or(Fault::Unexpected)
            }
            Err(status) if reason(&status) == Some(ErrorReason::TeacherNotFound) => Ok(None),
            Err(status) => Err(status.into()),
        }
    }
}

impl Tutor {
    fn from_wire(reader: &Reader, teacher: Teacher) -> Option<Self> {
        let policies = teacher.policies.unwrap_or_default();
        let span = |given: Option<&Duration>| given.and_then(olm_proto::span);
        let lengths = policies.lesson_durations.iter();
        let mut lengths: Vec<_> = lengths.filter_map(olm_proto::span).collect();
        if lengths.is_empty() {
            lengths.push(LENGTH);
        }
        Some(Self {
            id: Uuid::try_parse(&teacher.id).ok()?,
            name: texts::person_name(&teacher.display_name, reader.language),
            about: teacher.about,
            subjects: policies.subjects.join(", "),
            zone: TimeZone::get(&teacher.time_zone).unwrap_or(TimeZone::UTC),
            lengths,
            horizon: span(policies.booking_horizon.as_ref()).unwrap_or(HORIZON),
            cancel_notice: span(policies.cancel_notice.as_ref()).unwrap_or(NOTICE),
            move_notice: span(policies.reschedule_notice.as_ref()).unwrap_or(NOTICE),
            approves: policies.requires_approval,
        })
    }

    /// The length of so many minutes, if the teacher offers it; else the usual one.
    pub(super) fn length(&self, minutes: u16) -> SignedDuration {
        let asked = SignedDuration::from_mins(minutes.into());
        let mut offered = self.lengths.iter().copied();
        let usual = self.lengths.first().copied().unwrap_or(LENGTH);
        offered.find(|length| *length == asked).unwrap_or(usual)
    }

    /// Who it is: above the calendar.
    pub(super) fn card(&self, reader: &Reader) -> String {
        let subjects = &self.subjects;
        let about = shortened(&self.about);
        let shown = |given: &str, screen: BookingScreen<'_>| {
            if given.is_empty() {
                String::new()
            } else {
                screen.html(reader.language)
            }
        };
        lines([
            BookingScreen::Teacher { name: &self.name }.html(reader.language),
            shown(subjects, BookingScreen::Subjects { subjects }),
            shown(&about, BookingScreen::About { about: &about }),
        ])
    }

    /// In whose zone times are shown; with both clocks of the moment where they differ.
    pub(super) fn clocks(&self, reader: &Reader, moment: Timestamp, is_now: bool) -> String {
        let zone = &reader.zone_name(moment);
        if reader.zone.to_offset(moment) == self.zone.to_offset(moment) {
            return BookingScreen::Zone { zone }.html(reader.language);
        }
        let clock = |zone: &TimeZone| texts::clocks(&[moment], zone).concat();
        let (here, there) = (&clock(&reader.zone), &clock(&self.zone));
        let teacher_zone = &texts::zone_name(&self.zone, reader.language, moment);
        let clocks = BookingScreen::Clocks {
            here,
            zone,
            there,
            teacher_zone,
            is_now,
        };
        clocks.html(reader.language)
    }

    /// The lesson's time on the teacher's clock, where that shows another.
    pub(super) fn elsewhere(&self, reader: &Reader, start: Timestamp, end: Timestamp) -> String {
        let there = &self.zone;
        let when = texts::lesson_time_elsewhere(start, end, reader.language, &reader.zone, there);
        when.map_or_else(String::new, |when| {
            BookingScreen::Elsewhere { when: &when }.html(reader.language)
        })
    }

    /// Until when a lesson can be cancelled, in words.
    pub(super) fn cancelling(&self, reader: &Reader, start: Timestamp, now: Timestamp) -> String {
        let notice = self.cancel_notice;
        if notice.is_zero() {
            return BookingScreen::CancelFree.html(reader.language);
        }
        match start.checked_sub(notice) {
            Ok(until) if now <= until => {
                let moment = &reader.moment_short(until);
                BookingScreen::CancelFreeUntil { moment }.html(reader.language)
            }
            Ok(_) | Err(_) => {
                let notice = &texts::notice_span(notice, reader.language);
                BookingScreen::CancelLate { notice }.html(reader.language)
            }
        }
    }
}

fn shortened(about: &str) -> String {
    let text = about.trim();
    match text.char_indices().nth(ABOUT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
    }
}
