//! Days on which a teacher does not work, and the lessons in them.

mod calendar;
mod canceling;

use jiff::{Timestamp, civil::Date};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{AddTimeOffRequest, GetAvailabilityRequest, RemoveTimeOffRequest, TimeOff},
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{TeachingLabel, TeachingNote, TimeOffScreen};
use tonic::Code;
use uuid::Uuid;

use super::{
    super::{Answer, Conversation, Fault, Reader, keyboard},
    add_days, agenda, begin, date_in, fit, press,
};
use crate::{buttons::Teaching, memory::Question, replies::Reply};

/// Stretches that are listed.
const SHOWN: usize = 20;

/// A stretch in which the reader does not work.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    id: Uuid,
    from: Timestamp,
    until: Timestamp,
}

impl Stretch {
    fn new(time_off: &TimeOff) -> Option<Self> {
        Some(Self {
            id: Uuid::try_parse(&time_off.id).ok()?,
            from: olm_proto::instant(time_off.start_time.as_ref()?)?,
            until: olm_proto::instant(time_off.end_time.as_ref()?)?,
        })
    }

    /// The days it touches on the reader's clock.
    fn days(&self, reader: &Reader) -> (Date, Date) {
        let first = date_in(&reader.zone, self.from);
        let last = date_in(&reader.zone, self.until);
        let ends_with_a_day = begin(last, &reader.zone) == Some(self.until);
        let last = if ends_with_a_day {
            add_days(last, -1)
        } else {
            last
        };
        (first, last.max(first))
    }

    /// In words: days where it is of whole days.
    fn text(&self, reader: &Reader, today: Date) -> String {
        let (first, last) = self.days(reader);
        let whole = (
            begin(first, &reader.zone),
            begin(add_days(last, 1), &reader.zone),
        );
        if whole == (Some(self.from), Some(self.until)) {
            return texts::days(first, last, today, reader.language);
        }
        let screen = TimeOffScreen::Hours {
            from: &reader.moment_short(self.from),
            until: &reader.moment_short(self.until),
        };
        screen.html(reader.language)
    }
}

/// The reader's calendar.
struct Calendar {
    version: i64,
    stretches: Vec<Stretch>,
}

impl Conversation {
    async fn calendar(&self, reader: &Reader) -> Result<Calendar, Fault> {
        let get = GetAvailabilityRequest {
            teacher_id: reader.id.to_string(),
        };
        let mut client = self.availability.clone();
        let found = client.get_availability(acting(get, reader.id)).await?;
        let availability = found.into_inner().availability.ok_or(Fault::Unexpected)?;
        let stretches = availability.time_off.iter().map(Stretch::new);
        let stretches: Option<Vec<_>> = stretches.collect();
        let mut stretches = stretches.ok_or(Fault::Unexpected)?;
        let now = self.now();
        stretches.retain(|stretch| stretch.until > now);
        Ok(Calendar {
            version: availability.version,
            stretches,
        })
    }

    /// The time off ahead, and what can be taken off.
    pub(super) async fn time_off(
        &self,
        reader: &Reader,
        note: Option<TeachingNote>,
    ) -> Result<Reply, Fault> {
        let calendar = self.calendar(reader).await?;
        let (language, today) = (reader.language, self.today(reader));
        let title = TimeOffScreen::Ahead {
            zone: &reader.zone_name(self.now()),
        };
        let mut lines: Vec<_> = note
            .map(|note| note.html(language) + "\n")
            .into_iter()
            .collect();
        lines.extend([title.html(language), String::new()]);
        if calendar.stretches.is_empty() {
            lines.push(TeachingNote::NoneAhead.html(language));
        }
        let version = calendar.version;
        let off = |ahead: u8| Teaching::OffSoon {
            today,
            ahead,
            version,
        };
        let mut rows = vec![
            vec![press(reader, TeachingLabel::NotToday, off(0))],
            vec![press(reader, TeachingLabel::NotTomorrow, off(1))],
            vec![
                press(
                    reader,
                    TeachingLabel::FromTo,
                    Teaching::OffFirst { month: today },
                ),
                press(reader, TeachingLabel::TypeDays, Teaching::OffType),
            ],
        ];
        for stretch in calendar.stretches.iter().take(SHOWN) {
            let days = &stretch.text(reader, today);
            lines.push(format!("• {}", TimeOffScreen::Days { days }.html(language)));
            let remove = Teaching::OffRemove(stretch.id);
            rows.push(vec![press(reader, TeachingLabel::Remove { days }, remove)]);
        }
        let day = Teaching::Day(today);
        rows.push(vec![press(reader, TeachingLabel::Back, day)]);
        Ok(Reply::new(lines.join("\n"), keyboard(&rows)))
    }

    /// Takes off the day that the button's words mean, if they still mean the same one.
    pub(super) async fn day_off_soon(
        &self,
        reader: &Reader,
        request_id: Uuid,
        drawn: Date,
        ahead: u8,
    ) -> Result<Reply, Fault> {
        if drawn != self.today(reader) {
            return self.time_off(reader, Some(TeachingNote::OtherDay)).await;
        }
        let day = add_days(drawn, ahead.into());
        self.add_time_off(reader, request_id, day, day).await
    }

    /// Adds whole days, and says which lessons stand in them.
    pub(super) async fn add_time_off(
        &self,
        reader: &Reader,
        request_id: Uuid,
        first: Date,
        last: Date,
    ) -> Result<Reply, Fault> {
        let bounds = (
            begin(first, &reader.zone),
            begin(add_days(last, 1), &reader.zone),
        );
        let (Some(from), Some(until)) = bounds else {
            return self.unsuitable(reader).await;
        };
        if until <= self.now() || until <= from {
            return self.unsuitable(reader).await;
        }
        let add = AddTimeOffRequest {
            request_id: request_id.to_string(),
            start_time: Some(olm_proto::timestamp(from)),
            end_time: Some(olm_proto::timestamp(until)),
            note: String::new(),
        };
        let mut client = self.availability.clone();
        let added = match client.add_time_off(acting(add, reader.id)).await {
            Ok(added) => added.into_inner().time_off.ok_or(Fault::Unexpected)?,
            Err(status) if reason(&status) == Some(ErrorReason::LimitReached) => {
                let note = Some(TeachingNote::TooMuchTimeOff);
                return self.time_off(reader, note).await;
            }
            Err(status) if status.code() == Code::InvalidArgument => {
                return self.unsuitable(reader).await;
            }
            Err(status) => return Err(status.into()),
        };
        let stretch = Stretch::new(&added).ok_or(Fault::Unexpected)?;
        self.added(reader, stretch).await
    }

    async fn unsuitable(&self, reader: &Reader) -> Result<Reply, Fault> {
        let note = Some(TeachingNote::DaysUnsuitable);
        self.time_off(reader, note).await
    }

    async fn added(&self, reader: &Reader, stretch: Stretch) -> Result<Reply, Fault> {
        let (language, today) = (reader.language, self.today(reader));
        let lessons = self.lessons_in(reader, stretch).await?;
        let days = &stretch.text(reader, today);
        let mut lines = vec![TimeOffScreen::Added { days }.html(language), String::new()];
        let count = i64::try_from(lessons.len()).unwrap_or(i64::MAX);
        if lessons.is_empty() {
            lines.push(TeachingNote::NoLessonsInIt.html(language));
        } else {
            lines.push(TimeOffScreen::Lessons { count }.html(language));
        }
        lines.extend(canceling::lines(reader, &lessons, self.now()));
        let mut rows =
            agenda::lesson_rows(reader, &lessons, |lesson| reader.moment_short(lesson.start));
        if !lessons.is_empty() {
            let cancel = Teaching::OffAskCancel(stretch.id);
            rows.push(vec![press(
                reader,
                TeachingLabel::CancelAll { count },
                cancel,
            )]);
        }
        rows.push(vec![press(reader, TeachingLabel::Back, Teaching::TimeOff)]);
        Ok(Reply::new(fit(lines), keyboard(&rows)))
    }

    /// Gives days back.
    pub(super) async fn remove_time_off(&self, reader: &Reader, id: Uuid) -> Result<Reply, Fault> {
        let remove = RemoveTimeOffRequest {
            time_off_id: id.to_string(),
        };
        let mut client = self.availability.clone();
        let note = match client.remove_time_off(acting(remove, reader.id)).await {
            Ok(_) => TeachingNote::TimeOffRemoved,
            Err(status) if reason(&status) == Some(ErrorReason::TimeOffNotFound) => {
                TeachingNote::NoTimeOff
            }
            Err(status) => return Err(status.into()),
        };
        self.time_off(reader, Some(note)).await
    }

    /// Days that were typed; asks whether they are meant.
    pub(in super::super) async fn typed_days(
        &self,
        reader: &Reader,
        text: &str,
    ) -> Result<Answer, Fault> {
        let today = self.today(reader);
        let Some((first, last)) = texts::read_days(text, today) else {
            return Ok(Answer::New(type_days(reader, TeachingNote::DaysUnclear)));
        };
        if last < today {
            return Ok(Answer::New(type_days(reader, TeachingNote::DaysUnsuitable)));
        }
        let version = self.calendar(reader).await?.version;
        let days = &texts::days(first, last, today, reader.language);
        let off = Teaching::Off {
            first,
            last,
            version,
        };
        let rows = [
            vec![press(reader, TeachingLabel::DaysYes, off)],
            vec![press(reader, TeachingLabel::Back, Teaching::TimeOff)],
        ];
        let screen = TimeOffScreen::Ask { days };
        Ok(Answer::New(Reply::new(
            screen.html(reader.language),
            keyboard(&rows),
        )))
    }
}

/// Asks for the days as text.
pub(super) fn type_days(reader: &Reader, note: TeachingNote) -> Reply {
    let rows = [vec![press(reader, TeachingLabel::Back, Teaching::TimeOff)]];
    Reply::new(note.html(reader.language), keyboard(&rows)).asking(Question::DaysOff)
}
