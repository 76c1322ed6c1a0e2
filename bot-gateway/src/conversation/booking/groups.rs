//! Lessons of the reader's groups with seats left.

use jiff::Timestamp;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{Group, JoinLessonRequest, ListGroupsRequest, ListLessonsRequest},
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{BookingLabel, BookingScreen, Screen};
use uuid::Uuid;

use super::{
    super::{Answer, Conversation, Fault, Reader, keyboard, redraw},
    cancelling::REFUSALS,
    line::{Line, OwnSeat, Standing},
    press, turn_pages,
};
use crate::{buttons::Booking, replies::Reply};

/// Groups whose lessons are looked through, and lessons of each.
const GROUPS: usize = 20;
const LESSONS: i32 = 50;
/// Lessons on one page.
const PAGE: usize = 5;

/// What stands against joining, but for what ended the lesson.
const AGAINST: [(ErrorReason, BookingScreen<'static>); 4] = [
    (ErrorReason::LessonFull, BookingScreen::Full),
    (ErrorReason::StudentBusy, BookingScreen::Busy),
    (
        ErrorReason::LessonStatusUnsuitable,
        BookingScreen::NotJoinable,
    ),
    (ErrorReason::GroupNotFound, BookingScreen::NotJoinable),
];

impl Conversation {
    /// The groups that the reader is taught in.
    pub(super) async fn groups_of(&self, reader: &Reader) -> Result<Vec<Group>, Fault> {
        let list = ListGroupsRequest::default();
        let mut client = self.groups.clone();
        let page = client.list_groups(acting(list, reader.id)).await?;
        let mut groups = page.into_inner().groups;
        let reader_id = reader.id.to_string();
        groups.retain(|group| group.teacher_id != reader_id && group.delete_time.is_none());
        Ok(groups)
    }

    /// A page of the lessons of the reader's groups in which they have no seat.
    pub(super) async fn open_lessons(&self, reader: &Reader, page: usize) -> Result<Answer, Fault> {
        let now = self.now();
        let mut open: Vec<(Line, String)> = Vec::new();
        for group in self.groups_of(reader).await?.into_iter().take(GROUPS) {
            let list = ListLessonsRequest {
                page_size: LESSONS,
                group_id: group.id,
                ..ListLessonsRequest::default()
            };
            let mut lines = self.list(reader, list).await?;
            lines.retain(|line| {
                line.standing == Standing::Ahead && line.start > now && line.own == OwnSeat::None
            });
            open.extend(lines.into_iter().map(|line| (line, group.title.clone())));
        }
        open.sort_by_key(|(line, _)| (line.start, line.id));
        let mut rows = Vec::new();
        let title = if open.is_empty() {
            BookingScreen::NoOpenLessons
        } else {
            BookingScreen::OpenLessons
        };
        let mut html = title.html(reader.language);
        let pages = open.len().div_ceil(PAGE).max(1);
        let page = page.min(pages - 1);
        for (line, group) in open.iter().skip(page * PAGE).take(PAGE) {
            let when = &line.when;
            let seats = BookingScreen::OpenLesson {
                group,
                when,
                left: line.seats_left.into(),
            };
            html.push_str("\n• ");
            html.push_str(&seats.html(reader.language));
            if line.seats_left > 0 {
                let label = BookingLabel::JoinAt {
                    time: &line.when_short,
                    group,
                };
                rows.push(vec![press(reader, label, line.join())]);
            }
        }
        let turned = |page| Booking::OpenLessons { page };
        rows.extend(turn_pages(reader, page, pages, turned));
        let lessons = Booking::Lessons { page: 0 };
        rows.push(vec![press(reader, BookingLabel::Lessons, lessons)]);
        Ok(Answer::Here(Reply::new(html, keyboard(&rows))))
    }

    /// Takes a seat for the reader, if the lesson still begins when the button said. One of an
    /// earlier release, which does not say it, shows the lesson with one that does.
    pub(super) async fn join(
        &self,
        reader: &Reader,
        lesson: Uuid,
        start: Option<Timestamp>,
    ) -> Result<Answer, Fault> {
        let Some(start) = start else {
            return self.lesson_details(reader, lesson).await;
        };
        let join = JoinLessonRequest {
            lesson_id: lesson.to_string(),
            start_time: Some(olm_proto::timestamp(start)),
        };
        let mut client = self.lessons.clone();
        let lessons = press(reader, BookingLabel::Lessons, Booking::Lessons { page: 0 });
        let status = match client.join_lesson(acting(join, reader.id)).await {
            Ok(joined) => {
                let lesson = joined.into_inner().lesson.ok_or(Fault::Unexpected)?;
                let line = Line::new(reader, &lesson).ok_or(Fault::Unexpected)?;
                let screen = BookingScreen::Joined {
                    group: &lesson.group_title,
                    name: &line.name,
                    when: &line.when,
                };
                let rows = [line.buttons(reader), vec![lessons]];
                let html = screen.html(reader.language);
                return Ok(Answer::Here(Reply::new(html, keyboard(&rows))));
            }
            Err(status) => status,
        };
        let why = reason(&status);
        if why == Some(ErrorReason::VersionStale) {
            return self.moved_meanwhile(reader, lesson).await;
        }
        let mut refusals = REFUSALS.iter();
        if let Some((_, screen)) = refusals.find(|(refused, _)| Some(*refused) == why) {
            return Ok(redraw(reader, *screen));
        }
        let mut against = AGAINST.iter();
        let Some((_, screen)) = against.find(|(refused, _)| Some(*refused) == why) else {
            return Err(status.into());
        };
        let open = Booking::OpenLessons { page: 0 };
        let rows = [
            vec![press(reader, BookingLabel::OpenLessons, open)],
            vec![lessons],
        ];
        let html = screen.html(reader.language);
        Ok(Answer::Here(Reply::new(html, keyboard(&rows))))
    }

    /// "Changed, now …", with the seat at the new time; where none can be taken, all there is
    /// to know of the lesson.
    async fn moved_meanwhile(&self, reader: &Reader, lesson: Uuid) -> Result<Answer, Fault> {
        let Some(line) = self.line(reader, lesson).await? else {
            return Ok(redraw(reader, Screen::NoLesson));
        };
        if let Standing::Off(screen) = line.standing {
            return Ok(redraw(reader, screen));
        }
        if line.own != OwnSeat::None || line.seats_left == 0 || line.start <= self.now() {
            return self.lesson_details(reader, lesson).await;
        }
        let screen = Screen::Changed {
            name: &line.name,
            when: &line.when,
        };
        let open = Booking::OpenLessons { page: 0 };
        let rows = [
            vec![press(reader, BookingLabel::Join, line.join())],
            vec![press(reader, BookingLabel::OpenLessons, open)],
        ];
        let html = screen.html(reader.language);
        Ok(Answer::Here(Reply::new(html, keyboard(&rows))))
    }
}

impl Line {
    /// Takes a seat at the time that is shown.
    pub(super) fn join(&self) -> Booking {
        Booking::Join {
            lesson: self.id,
            start: Some(self.start),
        }
    }
}
