//! Moving a lesson to another free time, within its teacher's policies.

use jiff::{SignedDuration, Timestamp};
use olm_proto::{common::v1::ErrorReason, lesson::v1::RescheduleLessonRequest};
use prost_types::Duration;
use service_kit::{grpc::client::acting, status::reason};
use texts::{BookingLabel, BookingScreen, Screen};
use tonic::Status;
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::{
    super::{Answer, Conversation, Fault, Reader, keyboard, redraw},
    calendar::Plan,
    cancelling, date_in,
    line::{Line, Standing, changed},
    lines, press,
    refusals::{not_offered, refused},
};
use crate::{
    buttons::{Booking, Purpose},
    replies::Reply,
};

impl Conversation {
    /// What is to be moved; or why it cannot be.
    pub(super) async fn plan_move(
        &self,
        reader: &Reader,
        lesson: Uuid,
        version: i64,
    ) -> Result<Result<Plan, Answer>, Fault> {
        let Some(line) = self.line(reader, lesson).await? else {
            return Ok(Err(redraw(reader, Screen::NoLesson)));
        };
        match line.standing {
            Standing::Off(screen) => return Ok(Err(redraw(reader, screen))),
            Standing::Held => return Ok(Err(changed(reader, &line))),
            Standing::Ahead | Standing::Requested => {}
        }
        if line.of_group {
            let screen = BookingScreen::MoveOfGroup;
            return Ok(Err(back_to(reader, &line, screen)));
        }
        if line.version != version {
            return Ok(Err(changed(reader, &line)));
        }
        let Some(tutor) = self.tutor(reader, line.teacher).await? else {
            return Ok(Err(Answer::Here(not_offered(reader))));
        };
        let ahead = line.start.duration_since(self.now());
        if ahead < tutor.move_notice {
            return Ok(Err(too_late(reader, &line, tutor.move_notice)));
        }
        let title = BookingScreen::MoveTitle {
            name: &line.name,
            when: &line.when,
        };
        Ok(Ok(Plan {
            of: Purpose::Move { lesson, version },
            tutor,
            length: line.end.duration_since(line.start),
            title: title.html(reader.language),
            back: press(reader, BookingLabel::Back, Booking::Lesson { lesson }),
            moved: Some(line),
        }))
    }

    /// Asks whether to move the lesson to a time.
    pub(super) async fn ask_move(
        &self,
        reader: &Reader,
        of: Purpose,
        start: Timestamp,
    ) -> Result<Answer, Fault> {
        let plan = match self.plan(reader, of).await? {
            Ok(plan) => plan,
            Err(answer) => return Ok(answer),
        };
        let line = plan.moved.as_ref().ok_or(Fault::Unexpected)?;
        let end = start.saturating_add(plan.length).unwrap_or(start);
        let ask = BookingScreen::MoveAsk {
            name: &line.name,
            when: &line.when,
            to: &reader.lesson_time(start, end),
        };
        let html = lines([
            ask.html(reader.language),
            plan.tutor.elsewhere(reader, start, end),
            plan.tutor.cancelling(reader, start, self.now()),
        ]);
        let yes = Booking::MoveTo {
            lesson: line.id,
            version: line.version,
            start,
        };
        let other = Booking::Day {
            of,
            date: date_in(&reader.zone, start),
            page: 0,
        };
        let rows = [
            vec![press(reader, BookingLabel::MoveYes, yes)],
            vec![press(reader, BookingLabel::AnotherTime, other)],
        ];
        Ok(Answer::Here(Reply::new(html, keyboard(&rows))))
    }

    /// Moves it, if it is still the one the button was drawn for.
    pub(super) async fn move_to(
        &self,
        reader: &Reader,
        lesson: Uuid,
        version: i64,
        start: Timestamp,
    ) -> Result<Answer, Fault> {
        let reschedule = RescheduleLessonRequest {
            lesson_id: lesson.to_string(),
            expected_version: version,
            start_time: Some(olm_proto::timestamp(start)),
        };
        let mut client = self.lessons.clone();
        let rescheduled = client.reschedule_lesson(acting(reschedule, reader.id));
        let status = match rescheduled.await {
            Ok(moved) => {
                let lesson = moved.into_inner().lesson.ok_or(Fault::Unexpected)?;
                let line = Line::new(reader, &lesson).ok_or(Fault::Unexpected)?;
                return Ok(moved_to(reader, &line));
            }
            Err(status) => status,
        };
        let why = reason(&status);
        match why {
            Some(ErrorReason::VersionStale | ErrorReason::LessonStatusUnsuitable) => {
                return self.as_it_is(reader, lesson).await;
            }
            Some(ErrorReason::RescheduleTooLate | ErrorReason::TeacherOnly) => {
                let Some(line) = self.line(reader, lesson).await? else {
                    return Ok(redraw(reader, Screen::NoLesson));
                };
                return Ok(match notice(&status) {
                    Some(notice) => too_late(reader, &line, notice),
                    None => back_to(reader, &line, BookingScreen::MoveOfGroup),
                });
            }
            _ => {}
        }
        let mut refusals = cancelling::REFUSALS.iter();
        if let Some((_, screen)) = refusals.find(|(refused, _)| Some(*refused) == why) {
            return Ok(redraw(reader, *screen));
        }
        let of = Purpose::Move { lesson, version };
        refused(reader, of, start, &status).ok_or_else(|| status.into())
    }
}

fn moved_to(reader: &Reader, line: &Line) -> Answer {
    let screen = match line.standing {
        // A repeat, and the lesson is off by now.
        Standing::Off(screen) => return redraw(reader, screen),
        Standing::Ahead | Standing::Requested | Standing::Held => BookingScreen::Moved {
            name: &line.name,
            when: &line.when,
        },
    };
    back_to(reader, line, screen)
}

fn too_late(reader: &Reader, line: &Line, notice: SignedDuration) -> Answer {
    let notice = &texts::notice_span(notice, reader.language);
    back_to(reader, line, BookingScreen::MoveTooLate { notice })
}

/// `screen`, with what else can be done about the lesson.
fn back_to(reader: &Reader, line: &Line, screen: BookingScreen<'_>) -> Answer {
    let details = Booking::Lesson { lesson: line.id };
    let rows = [vec![press(reader, BookingLabel::Details, details)]];
    Answer::Here(Reply::new(screen.html(reader.language), keyboard(&rows)))
}

/// How long before its start a lesson may be moved, as the refusal names it.
fn notice(status: &Status) -> Option<SignedDuration> {
    let info = status.get_details_error_info()?;
    let seconds = info.metadata.get("notice_s")?.parse().ok()?;
    olm_proto::span(&Duration { seconds, nanos: 0 })
}
