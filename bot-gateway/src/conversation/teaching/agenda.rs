//! A day and a week of a teacher.

use jiff::{Timestamp, civil::Date};
use olm_proto::lesson::v1::{LessonStatus, ListLessonsRequest};
use service_kit::grpc::client::acting;
use texts::{TeachingLabel, TeachingNote, TeachingScreen};

use super::{
    super::{Conversation, Fault, Reader, keyboard},
    add_days, begin, date_in, fit,
    lesson::Taught,
    monday_of, press, short,
};
use crate::{buttons::Teaching, replies::Reply};

/// Lessons of one page of the service, and pages that are read.
const PAGE: i32 = 200;
const PAGES: usize = 2;
/// Lessons that are shown: Telegram takes 4,096 characters and 100 buttons.
pub(super) const SHOWN: usize = 40;
/// Lessons with a row of their own; more stand two in a row.
const ROWS: usize = 8;
/// UTF-16 units of a name in a line, and on a button.
const NAME: usize = 40;
const LABEL: usize = 24;

impl Conversation {
    /// The lessons of a day.
    pub(super) async fn agenda_day(&self, reader: &Reader, day: Date) -> Result<Reply, Fault> {
        let (language, now) = (reader.language, self.now());
        let lessons = self.lessons_between(reader, day, add_days(day, 1)).await?;
        let today = self.today(reader);
        let title = TeachingScreen::Day {
            day: &texts::day(day, language),
            zone: &reader.zone_name(now),
            today: day == today,
        };
        let mut lines = vec![title.html(language), String::new()];
        if lessons.is_empty() {
            lines.push(TeachingNote::Free.html(language));
        }
        let shown = lessons.iter().take(SHOWN);
        lines.extend(shown.map(|lesson| line(reader, lesson, now)));
        lines.extend(more(reader, lessons.len()));
        let mut rows = lesson_rows(reader, &lessons, |lesson| {
            texts::clock(lesson.start, &reader.zone)
        });
        rows.push(vec![
            earlier(reader, add_days(day, -1), Teaching::Day),
            press(reader, TeachingLabel::Week, Teaching::Week(monday_of(day))),
            next(reader, add_days(day, 1), Teaching::Day),
        ]);
        if day != today {
            rows.push(vec![press(
                reader,
                TeachingLabel::Today,
                Teaching::Day(today),
            )]);
        }
        rows.push(vec![
            press(reader, TeachingLabel::TimeOff, Teaching::TimeOff),
            press(reader, TeachingLabel::Invite, Teaching::Invite),
        ]);
        Ok(Reply::new(fit(lines), keyboard(&rows)))
    }

    /// The lessons of the week of a day.
    pub(super) async fn agenda_week(&self, reader: &Reader, day: Date) -> Result<Reply, Fault> {
        let (language, now) = (reader.language, self.now());
        let first = monday_of(day);
        let today = self.today(reader);
        let lessons = self
            .lessons_between(reader, first, add_days(first, 7))
            .await?;
        let title = TeachingScreen::Week {
            days: &texts::days(first, add_days(first, 6), today, language),
            zone: &reader.zone_name(now),
        };
        let mut lines = vec![title.html(language)];
        if lessons.is_empty() {
            lines.extend([String::new(), TeachingNote::Free.html(language)]);
        }
        let mut above = None;
        for lesson in lessons.iter().take(SHOWN) {
            let day = date_in(&reader.zone, lesson.start);
            if above.replace(day) != Some(day) {
                let day = &texts::day(day, language);
                lines.push(String::new());
                lines.push(TeachingScreen::DayOfWeek { day }.html(language));
            }
            lines.push(line(reader, lesson, now));
        }
        lines.extend(more(reader, lessons.len()));
        let mut rows = lesson_rows(reader, &lessons, |lesson| reader.moment_short(lesson.start));
        rows.push(vec![
            earlier(reader, add_days(first, -7), Teaching::Week),
            press(reader, TeachingLabel::Today, Teaching::Day(today)),
            next(reader, add_days(first, 7), Teaching::Week),
        ]);
        Ok(Reply::new(fit(lines), keyboard(&rows)))
    }

    /// What the reader teaches from the beginning of one day to that of another.
    pub(super) async fn lessons_between(
        &self,
        reader: &Reader,
        first: Date,
        until: Date,
    ) -> Result<Vec<Taught>, Fault> {
        let bounds = (begin(first, &reader.zone), begin(until, &reader.zone));
        let (Some(from), Some(until)) = bounds else {
            return Ok(Vec::new());
        };
        let mut list = ListLessonsRequest {
            start_time: Some(olm_proto::timestamp(from)),
            end_time: Some(olm_proto::timestamp(until)),
            page_size: PAGE,
            ..ListLessonsRequest::default()
        };
        let mut client = self.lessons.clone();
        let mut lessons = Vec::new();
        for _ in 0..PAGES {
            let page = client.list_lessons(acting(list.clone(), reader.id)).await?;
            let page = page.into_inner();
            for lesson in page.lessons {
                lessons.extend(Taught::new(reader, lesson)?);
            }
            if page.next_page_token.is_empty() {
                break;
            }
            list.page_token = page.next_page_token;
        }
        // What only ends in the first day is no lesson of an earlier one here.
        lessons.retain(|lesson| lesson.is_live() && lesson.end > from && lesson.start < until);
        Ok(lessons)
    }
}

/// One lesson in a list.
pub(super) fn line(reader: &Reader, taught: &Taught, now: Timestamp) -> String {
    let hours = &texts::hours(taught.start, taught.end, &reader.zone);
    let name = &short(&taught.name, NAME);
    let line = if taught.of_group {
        TeachingScreen::GroupLine {
            hours,
            name,
            taken: i64::from(taught.lesson.seats_taken),
            capacity: i64::from(taught.lesson.capacity),
        }
    } else {
        TeachingScreen::Line { hours, name }
    };
    let line = line.html(reader.language);
    let mark = match taught.status {
        LessonStatus::Requested => TeachingNote::MarkRequested,
        LessonStatus::Held => TeachingNote::MarkHeld,
        LessonStatus::Scheduled if taught.is_unrecorded(now) => TeachingNote::MarkUnrecorded,
        LessonStatus::Scheduled
        | LessonStatus::Unspecified
        | LessonStatus::Canceled
        | LessonStatus::Declined
        | LessonStatus::Lapsed => return line,
    };
    format!("{line} ({})", mark.html(reader.language))
}

/// A button for each lesson that is shown.
pub(super) fn lesson_rows(
    reader: &Reader,
    lessons: &[Taught],
    time: impl Fn(&Taught) -> String,
) -> Vec<Vec<serde_json::Value>> {
    let shown = &lessons[..lessons.len().min(SHOWN)];
    let in_a_row = if shown.len() > ROWS { 2 } else { 1 };
    let open = |lesson: &Taught| {
        let label = TeachingLabel::Lesson {
            time: &time(lesson),
            name: &short(&lesson.name, LABEL),
        };
        press(reader, label, Teaching::Lesson(lesson.drawn.id))
    };
    let rows = shown.chunks(in_a_row);
    rows.map(|row| row.iter().map(open).collect()).collect()
}

/// That there are more lessons than are shown.
pub(super) fn more(reader: &Reader, lessons: usize) -> Option<String> {
    let count = i64::try_from(lessons.checked_sub(SHOWN)?).ok()?;
    (count > 0).then(|| TeachingScreen::More { count }.html(reader.language))
}

pub(super) fn earlier(
    reader: &Reader,
    day: Date,
    shows: fn(Date) -> Teaching,
) -> serde_json::Value {
    let label = texts::day_short(day, reader.language);
    press(reader, TeachingLabel::Earlier { day: &label }, shows(day))
}

pub(super) fn next(reader: &Reader, day: Date, shows: fn(Date) -> Teaching) -> serde_json::Value {
    let label = texts::day_short(day, reader.language);
    press(reader, TeachingLabel::Later { day: &label }, shows(day))
}
