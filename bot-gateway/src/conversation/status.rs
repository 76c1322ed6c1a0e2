//! /status: what the bot knows of its reader (VIT-8), and the reader's next lesson.

use jiff::Timestamp;
use olm_proto::lesson::v1::{
    Lesson, LessonStatus, ListLessonsRequest, ListMyTeachersRequest, ListStudentsRequest,
};
use service_kit::grpc::client::acting;
use texts::{SettingsScreen, StatusNow};

use super::{
    Answer, Conversation, Fault, Reader, say_html,
    settings::{leads_in_words, reminders_are_off},
    zone::ZoneTexts,
};

/// As in the list of lessons, so that one answer serves both.
const LESSONS: i32 = 10;
/// People that are counted on one page, and pages at most.
const PEOPLE: i32 = 100;
const PAGES: usize = 20;

impl Conversation {
    /// /status
    pub(super) async fn status(&self, reader: &Reader) -> Result<Answer, Fault> {
        let (next, teachers, students) = tokio::try_join!(
            self.next_lesson(reader),
            self.count_teachers(reader),
            self.count_students(reader)
        )?;
        let zone = ZoneTexts::of(reader, self.now());
        let leads = if reminders_are_off(reader) {
            String::new()
        } else {
            leads_in_words(reader)
        };
        let screen = SettingsScreen::Status(StatusNow {
            name: &reader.name,
            is_teacher: reader.user.is_teacher,
            zone: zone.now(),
            next: &next.unwrap_or_default(),
            teachers,
            students,
            leads: &leads,
            answers: self.link.stale_since().is_none(),
        });
        Ok(say_html(reader, screen.html(reader.language)))
    }

    /// The reader's next lesson in one line, as HTML.
    pub(super) async fn next_lesson(&self, reader: &Reader) -> Result<Option<String>, Fault> {
        let list = ListLessonsRequest {
            page_size: LESSONS,
            ..ListLessonsRequest::default()
        };
        let mut client = self.lessons.clone();
        let page = client.list_lessons(acting(list, reader.id)).await?;
        let lessons = page.into_inner().lessons;
        let now = self.now();
        let ahead = lessons.iter().filter_map(|lesson| {
            let start = olm_proto::instant(lesson.start_time.as_ref()?)?;
            (takes_place(lesson) && start > now).then_some((start, lesson))
        });
        let next = ahead.min_by_key(|(start, _)| *start);
        Ok(next.and_then(|(start, lesson)| line(reader, start, lesson)))
    }

    async fn count_teachers(&self, reader: &Reader) -> Result<i64, Fault> {
        let mut list = ListMyTeachersRequest {
            page_size: PEOPLE,
            page_token: String::new(),
        };
        let (mut client, mut count) = (self.teachers.clone(), 0);
        for _ in 0..PAGES {
            let page = client
                .list_my_teachers(acting(list.clone(), reader.id))
                .await?
                .into_inner();
            count += page.teachers.len();
            list.page_token = page.next_page_token;
            if list.page_token.is_empty() {
                break;
            }
        }
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }

    async fn count_students(&self, reader: &Reader) -> Result<i64, Fault> {
        let mut list = ListStudentsRequest {
            page_size: PEOPLE,
            page_token: String::new(),
        };
        let (mut client, mut count) = (self.teachers.clone(), 0);
        let pages = if reader.user.is_teacher { PAGES } else { 0 };
        for _ in 0..pages {
            let page = client
                .list_students(acting(list.clone(), reader.id))
                .await?
                .into_inner();
            count += page.students.len();
            list.page_token = page.next_page_token;
            if list.page_token.is_empty() {
                break;
            }
        }
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

fn takes_place(lesson: &Lesson) -> bool {
    match lesson.status() {
        LessonStatus::Scheduled
        | LessonStatus::Requested
        | LessonStatus::Held
        | LessonStatus::Unspecified => true,
        LessonStatus::Canceled | LessonStatus::Declined | LessonStatus::Lapsed => false,
    }
}

fn line(reader: &Reader, start: Timestamp, lesson: &Lesson) -> Option<String> {
    let end = olm_proto::instant(lesson.end_time.as_ref()?)?;
    let name = if lesson.teacher_id != reader.id.to_string() {
        texts::person_name(&lesson.teacher_name, reader.language)
    } else if lesson.group_id.is_empty() {
        let students = lesson.bookings.iter();
        let names = students.map(|seat| texts::person_name(&seat.student_name, reader.language));
        names.collect::<Vec<_>>().join(", ")
    } else {
        lesson.group_title.clone()
    };
    let screen = SettingsScreen::NextLesson {
        when: &reader.lesson_time(start, end),
        name: &name,
    };
    Some(screen.html(reader.language))
}
