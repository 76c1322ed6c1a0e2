//! A teacher moves a lesson: the free times of their own calendar, by days.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, civil::Date};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{LessonStatus, ListSlotsRequest, RescheduleLessonRequest},
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{TeachingLabel, TeachingNote, TeachingScreen};

use super::{
    super::{Conversation, Fault, Reader, booking::alternatives, button, keyboard},
    add_days, begin, date_in,
    lesson::{Taught, changed, no_lesson},
    press,
};
use crate::{
    buttons::{Button, Drawn, Teaching},
    replies::Reply,
};

/// Days of a page, and days that are searched for the first free one; a request takes 31.
const DAYS: i64 = 7;
const SEARCHED: i64 = 28;
/// Times of a request, and requests for one page.
const SLOTS: i32 = 500;
const PARTS: usize = 8;
/// Times of one page of a day: Telegram takes 100 buttons.
const TIMES: usize = 60;
const DAYS_PER_ROW: usize = 2;
const TIMES_PER_ROW: usize = 4;

impl Conversation {
    /// The days of a week that have free times; from the first that has any, without one.
    pub(super) async fn move_days(
        &self,
        reader: &Reader,
        drawn: Drawn,
        from: Option<Date>,
        note: Option<TeachingNote>,
    ) -> Result<Reply, Fault> {
        let taught = match self.movable(reader, drawn).await? {
            Ok(taught) => taught,
            Err(refused) => return Ok(refused),
        };
        let today = self.today(reader);
        let first = from.unwrap_or(today).max(today);
        let searched = if from.is_some() { DAYS } else { SEARCHED };
        let until = add_days(first, searched);
        let slots = self.free_times(reader, &taught, first, until).await?;
        let free: BTreeSet<_> = slots
            .iter()
            .map(|slot| date_in(&reader.zone, *slot))
            .collect();
        let first = match free.first() {
            Some(day) if from.is_none() => *day,
            Some(_) | None => first,
        };
        let last = add_days(first, DAYS - 1);
        let screen = TeachingScreen::MoveDays {
            name: &taught.name,
            when: &taught.when,
            days: &texts::days(first, last, today, reader.language),
        };
        let mut html = noted(reader, note) + &screen.html(reader.language);
        let free: Vec<_> = free.range(first..=last).copied().collect();
        if free.is_empty() {
            html.push('\n');
            html.push_str(&TeachingNote::MoveNowhere.html(reader.language));
        }
        let open = |day: &Date| {
            let label = texts::day_short(*day, reader.language);
            button(
                &label,
                Button::Teaching(Teaching::MoveDay(taught.drawn, *day, 0)),
            )
        };
        let days = free.chunks(DAYS_PER_ROW);
        let mut rows: Vec<Vec<_>> = days.map(|row| row.iter().map(open).collect()).collect();
        rows.push(pages(reader, taught.drawn, first, today));
        rows.push(vec![keep(reader, taught.drawn)]);
        Ok(Reply::new(html, keyboard(&rows)))
    }

    /// The free times of a day, a page of them.
    pub(super) async fn move_times(
        &self,
        reader: &Reader,
        drawn: Drawn,
        (day, page): (Date, u8),
        note: Option<TeachingNote>,
    ) -> Result<Reply, Fault> {
        let taught = match self.movable(reader, drawn).await? {
            Ok(taught) => taught,
            Err(refused) => return Ok(refused),
        };
        let slots = self
            .free_times(reader, &taught, day, add_days(day, 1))
            .await?;
        let screen = TeachingScreen::MoveTimes {
            name: &taught.name,
            when: &taught.when,
            day: &texts::day(day, reader.language),
        };
        let mut html = noted(reader, note) + &screen.html(reader.language);
        if slots.is_empty() {
            html.push('\n');
            html.push_str(&TeachingNote::MoveNowhere.html(reader.language));
        }
        let most = slots.len().saturating_sub(1) / TIMES;
        let page = usize::from(page).min(most);
        let shown: Vec<_> = slots.iter().copied().skip(page * TIMES).collect();
        let shown = &shown[..shown.len().min(TIMES)];
        let labels = texts::clocks(shown, &reader.zone);
        let choices = shown.iter().zip(&labels).map(|(to, label)| {
            let choose = Teaching::MoveAsk(taught.drawn, *to);
            button(label, Button::Teaching(choose))
        });
        let choices: Vec<_> = choices.collect();
        let times = choices.chunks(TIMES_PER_ROW);
        let mut rows: Vec<Vec<_>> = times.map(<[_]>::to_vec).collect();
        rows.extend(turns(reader, (taught.drawn, day), &slots, page));
        let back = Teaching::Move(taught.drawn, Some(day));
        rows.push(vec![press(reader, TeachingLabel::Back, back)]);
        Ok(Reply::new(html, keyboard(&rows)))
    }

    /// Asks before moving.
    pub(super) async fn move_ask(
        &self,
        reader: &Reader,
        drawn: Drawn,
        to: Timestamp,
    ) -> Result<Reply, Fault> {
        let taught = match self.movable(reader, drawn).await? {
            Ok(taught) => taught,
            Err(refused) => return Ok(refused),
        };
        let until = to.saturating_add(taught.end.duration_since(taught.start));
        let until = until.map_err(|_| Fault::Unexpected)?;
        let screen = TeachingScreen::MoveAsk {
            name: &taught.name,
            from: &taught.when,
            to: &reader.lesson_time(to, until),
        };
        let yes = Teaching::MoveTo(taught.drawn, to);
        let back = Teaching::MoveDay(taught.drawn, date_in(&reader.zone, to), 0);
        let rows = [
            vec![press(reader, TeachingLabel::MoveYes, yes)],
            vec![press(reader, TeachingLabel::Back, back)],
        ];
        Ok(Reply::new(screen.html(reader.language), keyboard(&rows)))
    }

    /// Moves the lesson, if it is still the one that the button was drawn for.
    pub(super) async fn move_taught(
        &self,
        reader: &Reader,
        drawn: Drawn,
        to: Timestamp,
    ) -> Result<Reply, Fault> {
        let moving = RescheduleLessonRequest {
            lesson_id: drawn.id.to_string(),
            expected_version: drawn.version,
            start_time: Some(olm_proto::timestamp(to)),
        };
        let mut client = self.lessons.clone();
        let status = match client.reschedule_lesson(acting(moving, reader.id)).await {
            Ok(moved) => {
                let taught = changed(reader, moved.into_inner().lesson)?;
                let screen = TeachingScreen::Moved {
                    name: &taught.name,
                    when: &taught.when,
                };
                let rows = taught.rows(reader, self.now());
                return Ok(Reply::new(screen.html(reader.language), keyboard(&rows)));
            }
            Err(status) => status,
        };
        let day = date_in(&reader.zone, to);
        match reason(&status) {
            Some(ErrorReason::SlotTaken) => {
                let mut reply = self
                    .move_times(reader, drawn, (day, 0), Some(TeachingNote::MoveTaken))
                    .await?;
                let others = alternatives(&status);
                reply.prepend_rows(others.iter().map(|to| {
                    let label = reader.moment_short(*to);
                    vec![button(
                        &label,
                        Button::Teaching(Teaching::MoveAsk(drawn, *to)),
                    )]
                }));
                Ok(reply)
            }
            Some(ErrorReason::StudentBusy) => {
                let note = Some(TeachingNote::MoveBusy);
                self.move_times(reader, drawn, (day, 0), note).await
            }
            Some(ErrorReason::TooSoon) => {
                let note = Some(TeachingNote::MovePast);
                self.move_days(reader, drawn, None, note).await
            }
            _ => self.not_changed(reader, drawn.id, status).await,
        }
    }

    /// The lesson of a button, if it can be moved and is the one that the button was drawn
    /// for; else what to show instead.
    async fn movable(&self, reader: &Reader, drawn: Drawn) -> Result<Result<Taught, Reply>, Fault> {
        let Some(mut taught) = self.find_taught(reader, drawn.id).await? else {
            return Ok(Err(no_lesson(reader)));
        };
        let stands = matches!(
            taught.status,
            LessonStatus::Scheduled | LessonStatus::Requested
        );
        let note = if stands && taught.start <= self.now() {
            TeachingNote::TooLate
        } else if stands && (taught.of_group || taught.drawn == drawn) {
            // Whether others' seats matter is the service's to say.
            taught.drawn = drawn;
            return Ok(Ok(taught));
        } else {
            TeachingNote::Changed
        };
        let note = note.html(reader.language);
        Ok(Err(self.details(reader, Some(note), &taught).await))
    }

    /// When the lesson could be, from the beginning of one day to that of another; not
    /// before the present.
    async fn free_times(
        &self,
        reader: &Reader,
        taught: &Taught,
        first: Date,
        until: Date,
    ) -> Result<Vec<Timestamp>, Fault> {
        let bounds = (begin(first, &reader.zone), begin(until, &reader.zone));
        let (Some(from), Some(until)) = bounds else {
            return Ok(Vec::new());
        };
        let (mut from, mut free) = (from, Vec::new());
        for _ in 0..PARTS {
            let (part, truncated) = self.slots_between(reader, taught, from, until).await?;
            free.extend(part);
            match free.last() {
                Some(last) if truncated => from = *last + SignedDuration::from_mins(1),
                Some(_) | None => break,
            }
        }
        let now = self.now();
        // Where it is now it need not be moved to.
        free.retain(|slot| *slot > now && *slot != taught.start);
        Ok(free)
    }

    /// What is free, and whether there is more.
    async fn slots_between(
        &self,
        reader: &Reader,
        taught: &Taught,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<(Vec<Timestamp>, bool), Fault> {
        let window = ListSlotsRequest {
            teacher_id: reader.id.to_string(),
            start_time: Some(olm_proto::timestamp(from)),
            end_time: Some(olm_proto::timestamp(until)),
            max_slots: SLOTS,
            // Its own time is free for it, and its length is what it has, offered or not.
            except_lesson_id: taught.drawn.id.to_string(),
            ..ListSlotsRequest::default()
        };
        let mut client = self.availability.clone();
        let page = client.list_slots(acting(window, reader.id)).await?;
        let page = page.into_inner();
        let starts = page.slots.iter();
        let starts = starts.filter_map(|slot| slot.start_time.as_ref());
        let starts = starts.filter_map(olm_proto::instant);
        Ok((starts.collect(), page.truncated))
    }
}

fn noted(reader: &Reader, note: Option<TeachingNote>) -> String {
    note.map_or_else(String::new, |note| note.html(reader.language) + "\n\n")
}

/// Arrows to the days before and after.
fn pages(reader: &Reader, drawn: Drawn, first: Date, today: Date) -> Vec<serde_json::Value> {
    let page = |day: Date| Button::Teaching(Teaching::Move(drawn, Some(day)));
    let mut row = Vec::new();
    if first > today {
        let day = add_days(first, -DAYS).max(today);
        let label = texts::day_short(day, reader.language);
        let label = TeachingLabel::Earlier { day: &label };
        row.push(button(&label.text(reader.language), page(day)));
    }
    let day = add_days(first, DAYS);
    let label = texts::day_short(day, reader.language);
    let label = TeachingLabel::Later { day: &label };
    row.push(button(&label.text(reader.language), page(day)));
    row
}

/// Arrows to the times before and after a page, each with the first of them.
fn turns(
    reader: &Reader,
    (drawn, day): (Drawn, Date),
    slots: &[Timestamp],
    page: usize,
) -> Option<Vec<serde_json::Value>> {
    let to = |page: usize| {
        let first = slots.get(page * TIMES)?;
        let page = u8::try_from(page).ok()?;
        let clock = texts::clock(*first, &reader.zone);
        Some((clock, Teaching::MoveDay(drawn, day, page)))
    };
    let mut row = Vec::new();
    if let Some((clock, to)) = page.checked_sub(1).and_then(to) {
        row.push(press(reader, TeachingLabel::Earlier { day: &clock }, to));
    }
    if let Some((clock, to)) = to(page + 1) {
        row.push(press(reader, TeachingLabel::Later { day: &clock }, to));
    }
    (!row.is_empty()).then_some(row)
}

fn keep(reader: &Reader, drawn: Drawn) -> serde_json::Value {
    press(reader, TeachingLabel::Keep, Teaching::Lesson(drawn.id))
}
