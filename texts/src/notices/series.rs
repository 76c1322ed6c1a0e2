//! Notices about series as a whole: the pattern on the series' clock, instants on the
//! reader's.

use jiff::{Timestamp, tz::TimeZone};
use olm_proto::notify::v1::{LessonNoticeKind, LessonRole, SeriesNotice};

use super::{by, group, person_name};
use crate::{
    Language,
    bundle::{Values, find, message},
    reasons::reason,
    times::{far_moment, lesson_time, zone_name},
};

/// The text, as HTML. `None` when it lacks the times that its kind has.
pub(super) fn notice(
    notice: &SeriesNotice,
    language: Language,
    zone: &TimeZone,
    now: Timestamp,
) -> Option<String> {
    let telling = Telling {
        notice,
        language,
        zone,
        now,
        start: notice.start_time.as_ref().and_then(olm_proto::instant)?,
        end: notice.end_time.as_ref().and_then(olm_proto::instant),
        last: notice.last_start_time.as_ref().and_then(olm_proto::instant),
        previous: notice
            .previous_start_time
            .as_ref()
            .and_then(olm_proto::instant),
    };
    let mut lines = telling.lines()?;
    lines.retain(|line| !line.is_empty());
    Some(lines.join("\n"))
}

/// A notice on its way to its reader.
struct Telling<'a> {
    notice: &'a SeriesNotice,
    language: Language,
    zone: &'a TimeZone,
    now: Timestamp,
    start: Timestamp,
    end: Option<Timestamp>,
    last: Option<Timestamp>,
    /// The next lesson as the reader knew it, one at the hour of before, or the last left.
    previous: Option<Timestamp>,
}

impl Telling<'_> {
    /// Paragraphs, some of them empty.
    fn lines(&self) -> Option<Vec<String>> {
        Some(match self.notice.kind() {
            LessonNoticeKind::SeriesBooked => vec![
                self.plain(if self.for_teacher() {
                    "notice-series-booked-teacher"
                } else {
                    "notice-series-booked-student"
                }),
                self.counterpart(),
                self.group(),
                self.pattern(),
                self.next()?,
                self.count(),
                self.meeting(),
            ],
            LessonNoticeKind::SeriesChanged => vec![
                self.by("notice-series-changed"),
                self.name(),
                self.group(),
                self.pattern(),
                self.next()?,
                self.was(),
                self.count(),
                self.meeting(),
            ],
            LessonNoticeKind::SeriesCanceled => vec![
                self.by("notice-series-canceled"),
                self.name(),
                self.group(),
                self.pattern(),
                self.off(),
                self.last_now(),
                self.reason(),
            ],
            LessonNoticeKind::SeriesSkipped => vec![
                self.plain("notice-series-skipped"),
                self.when()?,
                self.name(),
                self.group(),
            ],
            LessonNoticeKind::StudentLeft => vec![
                self.student_left(),
                self.group(),
                self.pattern(),
                self.next()?,
            ],
            LessonNoticeKind::ClockShifts => vec![
                self.plain("notice-clock-shifts"),
                self.name(),
                self.group(),
                self.shifts()?,
            ],
            // A service newer than this gateway, or a lesson's notice.
            LessonNoticeKind::Unspecified
            | LessonNoticeKind::Booked
            | LessonNoticeKind::Reminder
            | LessonNoticeKind::Canceled
            | LessonNoticeKind::Requested
            | LessonNoticeKind::Confirmed
            | LessonNoticeKind::Declined
            | LessonNoticeKind::Lapsed
            | LessonNoticeKind::Moved
            | LessonNoticeKind::PlaceChanged
            | LessonNoticeKind::StudentUnreachable
            | LessonNoticeKind::Reconfirm
            | LessonNoticeKind::SeatFreed => vec![self.plain("notice-changed")],
        })
    }

    fn say(&self, id: &str, values: &Values<'_>) -> String {
        message(self.language, id, values)
    }

    fn plain(&self, id: &str) -> String {
        self.say(id, &Values::default())
    }

    fn by(&self, id: &str) -> String {
        let by = by(self.notice.changed_by(), self.notice.reader_role());
        self.say(id, &Values::default().raw("by", by))
    }

    fn for_teacher(&self) -> bool {
        self.notice.reader_role() == LessonRole::Teacher
    }

    fn counterpart(&self) -> String {
        self.named(if self.for_teacher() {
            "notice-student"
        } else {
            "notice-teacher"
        })
    }

    fn name(&self) -> String {
        self.named("notice-name")
    }

    fn named(&self, id: &str) -> String {
        if self.notice.no_counterpart {
            return String::new();
        }
        let name = person_name(&self.notice.counterpart_name, self.language);
        self.say(id, &Values::default().html("name", &name))
    }

    fn student_left(&self) -> String {
        let name = person_name(&self.notice.counterpart_name, self.language);
        let values = Values::default().html("name", &name);
        self.say("notice-student-left-group", &values)
    }

    fn group(&self) -> String {
        group(&self.notice.group_title, self.language)
    }

    /// "Every 2 weeks on Mondays at 18:00", with the zone where it is not the reader's;
    /// empty for a weekday that is none.
    fn pattern(&self) -> String {
        let weekdays = format!("weekdays-{}", self.notice.day_of_week);
        let Some(weekdays) = find(self.language, &weekdays, &Values::default()) else {
            return String::new();
        };
        let values = Values::default()
            .number("weeks", self.notice.every_weeks.max(1).into())
            .raw("weekdays", weekdays)
            .html("time", &self.notice.start_time_of_day);
        let pattern = self.say("notice-series-pattern", &values);
        if self.zone.iana_name() == Some(self.notice.time_zone.as_str()) {
            return pattern;
        }
        // One that this build does not know is named as it is.
        let zone = TimeZone::get(&self.notice.time_zone).map_or_else(
            |_| self.notice.time_zone.clone(),
            |zone| zone_name(&zone, self.language, self.start),
        );
        let values = Values::default()
            .raw("pattern", pattern)
            .html("zone", &zone);
        self.say("notice-series-pattern-elsewhere", &values)
    }

    /// The lesson it begins with. `None`: it has no end.
    fn when(&self) -> Option<String> {
        let when = lesson_time(self.start, self.end?, self.language, self.zone);
        Some(self.say("notice-when", &Values::default().html("when", &when)))
    }

    fn next(&self) -> Option<String> {
        let when = lesson_time(self.start, self.end?, self.language, self.zone);
        let values = Values::default().html("when", &when);
        Some(self.say("notice-series-next", &values))
    }

    /// When that lesson was to be, if it moved.
    fn was(&self) -> String {
        let Some(previous) = self.previous.filter(|previous| *previous != self.start) else {
            return String::new();
        };
        let values = Values::default().html("from", &self.moment(previous));
        self.say("notice-series-was", &values)
    }

    fn count(&self) -> String {
        let Some(last) = self.last.filter(|_| self.notice.lesson_count > 0) else {
            return String::new();
        };
        let values = Values::default()
            .number("count", self.notice.lesson_count.into())
            .html("last", &self.moment(last));
        self.say("notice-series-count", &values)
    }

    /// Which lessons are off.
    fn off(&self) -> String {
        let from = Values::default().html("from", &self.moment(self.start));
        match self.last.filter(|_| self.notice.lesson_count > 0) {
            Some(last) => {
                let values = from
                    .number("count", self.notice.lesson_count.into())
                    .html("last", &self.moment(last));
                self.say("notice-series-off", &values)
            }
            None => self.say("notice-series-off-from", &from),
        }
    }

    /// Which lesson is the last that is left; empty when none is.
    fn last_now(&self) -> String {
        let Some(last) = self.previous else {
            return String::new();
        };
        let values = Values::default().html("last", &self.moment(last));
        self.say("notice-series-last-now", &values)
    }

    /// From when on it is which hour instead of which. `None`: from no hour.
    fn shifts(&self) -> Option<String> {
        let hour = |at: Timestamp| at.to_zoned(self.zone.clone()).strftime("%H:%M").to_string();
        let values = Values::default()
            .html("when", &self.moment(self.start))
            .raw("time", hour(self.start))
            .raw("previous", hour(self.previous?));
        Some(self.say("notice-clock-shifts-from", &values))
    }

    fn moment(&self, at: Timestamp) -> String {
        far_moment(at, self.now, self.language, self.zone)
    }

    fn meeting(&self) -> String {
        let url = &self.notice.meeting_url;
        if url.is_empty() {
            return String::new();
        }
        self.say("notice-meeting", &Values::default().html("url", url))
    }

    fn reason(&self) -> String {
        let reason = reason(&self.notice.cancel_reason, self.language);
        if reason.is_empty() {
            return String::new();
        }
        self.say("notice-reason", &Values::default().html("reason", &reason))
    }
}
