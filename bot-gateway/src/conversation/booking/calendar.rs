//! Free times as a calendar: a week of days, a day of times. The service is asked for whole
//! weeks of the reader's zone; what is past by now is left out here.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, civil::Date};
use olm_proto::{common::v1::ErrorReason, lesson::v1::ListSlotsRequest};
use serde_json::Value;
use service_kit::{grpc::client::acting, status::reason};
use texts::{BookingLabel, BookingScreen};

use super::{
    super::{Answer, Conversation, Fault, Reader, button, keyboard},
    add_days, date_in,
    line::Line,
    lines, minutes, monday_of, press,
    refusals::not_offered,
    turn_pages,
    tutor::Tutor,
};
use crate::{
    buttons::{Booking, Button, Purpose},
    replies::Reply,
};

/// As many as the service answers at once, and how often it is asked on for one week: lessons
/// may begin every five minutes.
const MOST_SLOTS: i32 = 500;
const PARTS: usize = 5;
/// Weeks in which the next free time is looked for at once; the service takes 31 days.
const WEEKS_AHEAD: i64 = 4;
/// Times on one page of a day, and in one row: Telegram shows 100 buttons at most.
const PAGE: usize = 48;
const ROW: usize = 4;

/// What a time is looked for, and with whom.
#[derive(Debug)]
pub(super) struct Plan {
    /// With the length that is meant.
    pub(super) of: Purpose,
    pub(super) tutor: Tutor,
    pub(super) length: SignedDuration,
    /// Above the calendar.
    pub(super) title: String,
    /// Back to what was before.
    pub(super) back: Value,
    /// The lesson that is to be moved.
    pub(super) moved: Option<Line>,
}

/// From where to where the calendar goes: Mondays.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    first: Date,
    last: Date,
}

impl Conversation {
    /// A week of free times.
    pub(super) async fn week(
        &self,
        reader: &Reader,
        of: Purpose,
        monday: Option<Date>,
    ) -> Result<Answer, Fault> {
        match self.plan(reader, of).await? {
            Ok(plan) => {
                let week = self.week_of(reader, &plan, monday).await?;
                Ok(Answer::Here(week))
            }
            Err(answer) => Ok(answer),
        }
    }

    /// The free times of a day.
    pub(super) async fn day(
        &self,
        reader: &Reader,
        of: Purpose,
        date: Date,
        page: usize,
    ) -> Result<Answer, Fault> {
        match self.plan(reader, of).await? {
            Ok(plan) => {
                let day = self.day_of(reader, &plan, date, page).await?;
                Ok(Answer::Here(day))
            }
            Err(answer) => Ok(answer),
        }
    }

    /// With whom, how long and above what; or the answer when no time can be looked for.
    pub(super) async fn plan(
        &self,
        reader: &Reader,
        of: Purpose,
    ) -> Result<Result<Plan, Answer>, Fault> {
        let (teacher, asked) = match of {
            Purpose::Book { teacher, minutes } => (teacher, minutes),
            Purpose::Move { lesson, version } => {
                return self.plan_move(reader, lesson, version).await;
            }
        };
        let Some(tutor) = self.tutor(reader, teacher).await? else {
            return Ok(Err(Answer::Here(not_offered(reader))));
        };
        let length = tutor.length(asked);
        let minutes = minutes(length);
        let title = lines([tutor.card(reader), tutor.clocks(reader, self.now(), true)]);
        let teachers = Booking::Teachers { page: 0 };
        Ok(Ok(Plan {
            of: Purpose::Book { teacher, minutes },
            tutor,
            length,
            title,
            back: press(reader, BookingLabel::Teachers, teachers),
            moved: None,
        }))
    }

    pub(super) async fn week_of(
        &self,
        reader: &Reader,
        plan: &Plan,
        monday: Option<Date>,
    ) -> Result<Reply, Fault> {
        let bounds = self.bounds(reader, plan);
        let mut shown = monday.map_or(bounds.first, |monday| {
            monday_of(monday).clamp(bounds.first, bounds.last)
        });
        let mut free = self.free_days(reader, plan, shown).await?;
        let mut next = None;
        if free.is_empty() {
            next = self.next_free(reader, plan, shown, bounds.last).await?;
            if next.is_none() && shown > bounds.first {
                next = self.next_free(reader, plan, bounds.first, shown).await?;
            }
        }
        // Nobody asked for this very week: the first one with free times is opened.
        if monday.is_none()
            && let Some(day) = next.take()
        {
            shown = monday_of(day);
            free = self.free_days(reader, plan, shown).await?;
        }
        let week = &texts::week_title(shown, reader.language);
        let screen = match (free.is_empty(), next) {
            (false, _) => BookingScreen::Week {
                week,
                minutes: plan.length.as_mins(),
            },
            (true, Some(_)) => BookingScreen::WeekEmpty { week },
            (true, None) => BookingScreen::NothingFree,
        };
        let html = lines([plan.title.clone(), screen.html(reader.language)]);
        let rows = plan.week_rows(reader, shown, bounds, &free, next);
        Ok(Reply::new(html, keyboard(&rows)))
    }

    pub(super) async fn day_of(
        &self,
        reader: &Reader,
        plan: &Plan,
        date: Date,
        page: usize,
    ) -> Result<Reply, Fault> {
        let of = plan.of;
        let monday = monday_of(date);
        let mut free = self.free(reader, plan, monday).await?;
        free.retain(|start| date_in(&reader.zone, *start) == date);
        let day = &texts::day(date, reader.language);
        let (screen, clocks) = match free.first() {
            Some(first) => {
                let minutes = plan.length.as_mins();
                let screen = BookingScreen::Day { day, minutes };
                (screen, plan.tutor.clocks(reader, *first, false))
            }
            None => (BookingScreen::DayEmpty { day }, String::new()),
        };
        let name = &plan.tutor.name;
        let title = match of {
            Purpose::Book { .. } => BookingScreen::Teacher { name }.html(reader.language),
            Purpose::Move { .. } => plan.title.clone(),
        };
        let mut rows = plan.time_rows(reader, date, &free, page);
        let monday = Some(monday);
        let week = Booking::Week { of, monday };
        rows.push(vec![press(reader, BookingLabel::ToWeek, week)]);
        let html = lines([title, clocks, screen.html(reader.language)]);
        Ok(Reply::new(html, keyboard(&rows)))
    }

    fn bounds(&self, reader: &Reader, plan: &Plan) -> Bounds {
        let now = self.now();
        let end = now.saturating_add(plan.tutor.horizon).unwrap_or(now);
        Bounds {
            first: monday_of(date_in(&reader.zone, now)),
            last: monday_of(date_in(&reader.zone, end)),
        }
    }

    /// The days of a week that have free times.
    async fn free_days(
        &self,
        reader: &Reader,
        plan: &Plan,
        monday: Date,
    ) -> Result<BTreeSet<Date>, Fault> {
        let free = self.free(reader, plan, monday).await?;
        let days = free.into_iter().map(|start| date_in(&reader.zone, start));
        Ok(days.collect())
    }

    /// The free times of a week.
    async fn free(
        &self,
        reader: &Reader,
        plan: &Plan,
        monday: Date,
    ) -> Result<Vec<Timestamp>, Fault> {
        let mut from = midnight(reader, monday)?;
        let end = midnight(reader, add_days(monday, 7))?;
        let mut free = Vec::new();
        for _ in 0..PARTS {
            let (part, truncated) = self.slots(reader, plan, (from, end), MOST_SLOTS).await?;
            free.extend(part);
            match free.last() {
                Some(last) if truncated => from = *last + SignedDuration::from_mins(1),
                Some(_) | None => break,
            }
        }
        let now = self.now();
        free.retain(|start| *start > now);
        Ok(free)
    }

    /// The first day with free times in the weeks from one to another.
    async fn next_free(
        &self,
        reader: &Reader,
        plan: &Plan,
        from: Date,
        until: Date,
    ) -> Result<Option<Date>, Fault> {
        let now = self.now();
        let mut monday = from;
        while monday <= until {
            let after = add_days(monday, 7 * WEEKS_AHEAD);
            let window = (midnight(reader, monday)?, midnight(reader, after)?);
            let (free, _) = self.slots(reader, plan, window, 0).await?;
            if let Some(next) = free.into_iter().find(|start| *start > now) {
                return Ok(Some(date_in(&reader.zone, next)));
            }
            monday = after;
        }
        Ok(None)
    }

    /// What is free in a window, and whether there is more than `most`.
    async fn slots(
        &self,
        reader: &Reader,
        plan: &Plan,
        (from, until): (Timestamp, Timestamp),
        most: i32,
    ) -> Result<(Vec<Timestamp>, bool), Fault> {
        let moved = plan.moved.as_ref();
        let list = ListSlotsRequest {
            teacher_id: plan.tutor.id.to_string(),
            start_time: Some(olm_proto::timestamp(from)),
            end_time: Some(olm_proto::timestamp(until)),
            max_slots: most,
            lesson_duration: Some(olm_proto::duration(plan.length)),
            // Its own time is free for it, and its length offered, whatever others get.
            except_lesson_id: moved.map(|line| line.id.to_string()).unwrap_or_default(),
            ..ListSlotsRequest::default()
        };
        let mut client = self.availability.clone();
        let page = match client.list_slots(acting(list, reader.id)).await {
            Ok(page) => page.into_inner(),
            Err(status) => {
                return match reason(&status) {
                    // What the teacher stopped to offer since is not free.
                    Some(
                        ErrorReason::TeacherNotFound
                        | ErrorReason::DurationNotOffered
                        | ErrorReason::LessonNotFound,
                    ) => Ok((Vec::new(), false)),
                    _ => Err(status.into()),
                };
            }
        };
        let starts = page
            .slots
            .iter()
            .filter_map(|slot| slot.start_time.as_ref());
        let starts = starts.filter_map(olm_proto::instant);
        // It is there already.
        let starts = starts.filter(|start| moved.is_none_or(|line| line.start != *start));
        Ok((starts.collect(), page.truncated))
    }
}

impl Plan {
    fn week_rows(
        &self,
        reader: &Reader,
        monday: Date,
        bounds: Bounds,
        free: &BTreeSet<Date>,
        next: Option<Date>,
    ) -> Vec<Vec<Value>> {
        let of = self.of;
        let mut rows = Vec::new();
        rows.extend(self.lengths(reader, monday));
        if !free.is_empty() {
            let days = || (0..7).map(|day| add_days(monday, day));
            let pressed = |date| {
                if free.contains(&date) {
                    Booking::Day { of, date, page: 0 }
                } else {
                    Booking::Nothing
                }
            };
            rows.push(
                days()
                    .map(|date| weekday(reader, date, pressed(date)))
                    .collect(),
            );
            rows.push(
                days()
                    .map(|date| day(reader, date, pressed(date)))
                    .collect(),
            );
        }
        if let Some(date) = next {
            let named = &texts::day_short(date, reader.language);
            let label = BookingLabel::NextFree { day: named };
            let page = 0;
            rows.push(vec![press(reader, label, Booking::Day { of, date, page })]);
        }
        if bounds.first < bounds.last {
            let turn = |label, to: Date| {
                if (bounds.first..=bounds.last).contains(&to) {
                    let monday = Some(to);
                    press(reader, label, Booking::Week { of, monday })
                } else {
                    press(reader, BookingLabel::NoDay, Booking::Nothing)
                }
            };
            rows.push(vec![
                turn(BookingLabel::Earlier, add_days(monday, -7)),
                turn(BookingLabel::Later, add_days(monday, 7)),
            ]);
        }
        rows.push(vec![self.back.clone()]);
        rows
    }

    /// The lengths a lesson may have, where there is more than one.
    fn lengths(&self, reader: &Reader, monday: Date) -> Option<Vec<Value>> {
        let Purpose::Book { teacher, .. } = self.of else {
            return None;
        };
        let button = |length: &SignedDuration| {
            let label = BookingLabel::Length {
                minutes: length.as_mins(),
                chosen: *length == self.length,
            };
            let minutes = minutes(*length);
            let week = Booking::Week {
                of: Purpose::Book { teacher, minutes },
                monday: Some(monday),
            };
            press(reader, label, week)
        };
        let offered = &self.tutor.lengths;
        (offered.len() > 1).then(|| offered.iter().map(button).collect())
    }

    fn time_rows(
        &self,
        reader: &Reader,
        date: Date,
        free: &[Timestamp],
        page: usize,
    ) -> Vec<Vec<Value>> {
        let of = self.of;
        let pages = free.len().div_ceil(PAGE).max(1);
        let page = page.min(pages - 1);
        let starts: Vec<_> = free.iter().copied().skip(page * PAGE).take(PAGE).collect();
        let shown = texts::clocks(&starts, &reader.zone);
        let times: Vec<_> = starts.into_iter().zip(shown).collect();
        let time = |(start, clock): &(Timestamp, String)| {
            let taken = Booking::Time { of, start: *start };
            button(clock, Button::Booking(taken))
        };
        let rows = times.chunks(ROW).map(|row| row.iter().map(time).collect());
        let mut rows: Vec<Vec<Value>> = rows.collect();
        let turned = |page| Booking::Day { of, date, page };
        rows.extend(turn_pages(reader, page, pages, turned));
        rows
    }
}

fn weekday(reader: &Reader, date: Date, pressed: Booking) -> Value {
    let name = texts::weekday_short(date.weekday(), reader.language);
    button(&name, Button::Booking(pressed))
}

fn day(reader: &Reader, date: Date, pressed: Booking) -> Value {
    let label = if pressed == Booking::Nothing {
        BookingLabel::NoDay
    } else {
        BookingLabel::Day { day: date.day() }
    };
    press(reader, label, pressed)
}

/// When a day begins in the reader's zone.
fn midnight(reader: &Reader, date: Date) -> Result<Timestamp, Fault> {
    let begins = date.to_zoned(reader.zone.clone());
    begins.map_or(Err(Fault::Unexpected), |at| Ok(at.timestamp()))
}
