//! /status: what the bot knows of its reader (VIT-8), and the reader's next lesson.

use olm_proto::lesson::v1::{ListMyTeachersRequest, ListStudentsRequest};
use service_kit::grpc::client::acting;
use texts::{SettingsScreen, StatusNow};

use super::{
    Answer, Conversation, Fault, Reader,
    booking::{Line, Standing},
    say_html,
    settings::{leads_in_words, reminders_are_off},
    zone::ZoneTexts,
};

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

    /// The reader's next lesson in one line, as HTML; where nothing is sure yet, what is
    /// asked for, else what is only kept, and it says so.
    pub(super) async fn next_lesson(&self, reader: &Reader) -> Result<Option<String>, Fault> {
        let now = self.now();
        let lessons = self.lessons_ahead(reader).await?.into_iter();
        let ahead = lessons.filter(|line| line.start > now);
        let ranked = ahead.filter_map(|line| Some((rank(line.standing)?, line)));
        let next = ranked.min_by_key(|(rank, line)| (*rank, line.start));
        Ok(next.map(|(_, line)| in_one_line(reader, &line)))
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

/// How far a lesson is from taking place; `None`: it does not.
fn rank(standing: Standing) -> Option<u8> {
    match standing {
        Standing::Ahead => Some(0),
        Standing::Requested => Some(1),
        Standing::Held => Some(2),
        Standing::Off(_) => None,
    }
}

fn in_one_line(reader: &Reader, line: &Line) -> String {
    let screen = SettingsScreen::NextLesson {
        when: &line.when,
        name: &line.name,
    };
    line.marked(reader, screen.html(reader.language))
}
