//! Finding a teacher: one's own first, then the others; by name or by subject.

use std::collections::HashSet;

use olm_proto::lesson::v1::{
    ListMyTeachersRequest, SearchTeachersRequest, Teacher, TeacherPolicies,
};
use service_kit::grpc::client::acting;
use texts::{BookingLabel, BookingScreen};
use uuid::Uuid;

use super::{
    super::{Answer, Conversation, Fault, Reader, button, keyboard},
    press,
    refusals::not_offered,
    turn_pages,
};
use crate::{
    buttons::{Booking, Button, Purpose},
    memory::Question,
    replies::Reply,
};

/// As many as one call answers; who is not among them is found by name.
const MOST: i32 = 200;
/// Teachers on one page of the list.
const PAGE: usize = 8;
/// Teachers that one search lists.
const FOUND: usize = 20;
/// The service searches for no more characters.
const LONGEST_QUERY: usize = 64;

/// A line of the list.
struct Listed {
    id: Uuid,
    name: String,
    own: bool,
}

impl Conversation {
    /// Opens the calendar of the reader's only teacher, or of the only one there is; otherwise
    /// lets them choose.
    pub(in super::super) async fn schedule(&self, reader: &Reader) -> Result<Reply, Fault> {
        let own = self.own_teachers(reader).await?;
        let only = match own.as_slice() {
            [only] => Some(only.id),
            [] => match self.other_teachers(reader, &own).await?.as_slice() {
                [] => return Ok(no_teachers(reader)),
                [only] => Some(only.id),
                [..] => None,
            },
            [..] => None,
        };
        match only {
            Some(teacher) => self.open(reader, teacher).await,
            None => self.teachers(reader, 0).await,
        }
    }

    /// A teacher's card and their first week with free times.
    pub(in super::super) async fn open(
        &self,
        reader: &Reader,
        teacher: Uuid,
    ) -> Result<Reply, Fault> {
        let minutes = 0;
        match self
            .plan(reader, Purpose::Book { teacher, minutes })
            .await?
        {
            Ok(plan) => self.week_of(reader, &plan, None).await,
            Err(_) => Ok(not_offered(reader)),
        }
    }

    /// A page of all teachers; what is written next is looked for.
    pub(super) async fn teachers(&self, reader: &Reader, page: usize) -> Result<Reply, Fault> {
        let mut teachers = self.own_teachers(reader).await?;
        let others = self.other_teachers(reader, &teachers).await?;
        teachers.extend(others);
        if teachers.is_empty() {
            return Ok(no_teachers(reader));
        }
        let pages = teachers.len().div_ceil(PAGE);
        let page = page.min(pages - 1);
        let shown = teachers.iter().skip(page * PAGE).take(PAGE);
        let mut rows: Vec<_> = shown.map(|listed| listed.row(reader)).collect();
        let turned = |page| Booking::Teachers { page };
        rows.extend(turn_pages(reader, page, pages, turned));
        let html = BookingScreen::Teachers.html(reader.language);
        Ok(Reply::new(html, keyboard(&rows)).asking(Question::TeacherSearch))
    }

    /// The teachers whose name or subject is as written.
    pub(in super::super) async fn find_teachers(
        &self,
        reader: &Reader,
        text: &str,
    ) -> Result<Answer, Fault> {
        let text: String = text.trim().chars().take(LONGEST_QUERY).collect();
        let by_name = SearchTeachersRequest {
            query: text.clone(),
            page_size: MOST,
            ..SearchTeachersRequest::default()
        };
        let by_subject = SearchTeachersRequest {
            subject: text,
            page_size: MOST,
            ..SearchTeachersRequest::default()
        };
        let (own, named, teaching) = tokio::try_join!(
            self.own_teachers(reader),
            self.search(reader, by_name),
            self.search(reader, by_subject),
        )?;
        let own: HashSet<_> = own.into_iter().map(|listed| listed.id).collect();
        let mut seen = HashSet::from([reader.id]);
        let mut found = Vec::new();
        for teacher in named.into_iter().chain(teaching) {
            let accepting = accepts(&teacher);
            let mut listed = Listed::of(reader, &teacher)?;
            listed.own = own.contains(&listed.id);
            if (listed.own || accepting) && seen.insert(listed.id) {
                found.push(listed);
            }
        }
        if let [only] = found.as_slice() {
            return self.open(reader, only.id).await.map(Answer::New);
        }
        found.sort_by_key(|listed| !listed.own);
        let more = found.len() > FOUND;
        found.truncate(FOUND);
        let count = found.len();
        let screen = match count {
            0 => BookingScreen::FoundNone,
            _ => BookingScreen::Found { count, more },
        };
        let mut rows: Vec<_> = found.iter().map(|listed| listed.row(reader)).collect();
        let all = Booking::Teachers { page: 0 };
        rows.push(vec![press(reader, BookingLabel::Teachers, all)]);
        let reply = Reply::new(screen.html(reader.language), keyboard(&rows));
        Ok(Answer::New(reply.asking(Question::TeacherSearch)))
    }

    async fn own_teachers(&self, reader: &Reader) -> Result<Vec<Listed>, Fault> {
        let list = ListMyTeachersRequest {
            page_size: MOST,
            ..ListMyTeachersRequest::default()
        };
        let mut client = self.teachers.clone();
        let page = client.list_my_teachers(acting(list, reader.id)).await?;
        let teachers = page.into_inner().teachers;
        let listed = teachers.iter().map(|teacher| {
            let listed = Listed::of(reader, teacher)?;
            Ok(Listed {
                own: true,
                ..listed
            })
        });
        listed.collect()
    }

    /// Those who take new students, but for the reader and for `own`.
    async fn other_teachers(&self, reader: &Reader, own: &[Listed]) -> Result<Vec<Listed>, Fault> {
        let everybody = SearchTeachersRequest {
            page_size: MOST,
            only_accepting: true,
            ..SearchTeachersRequest::default()
        };
        let found = self.search(reader, everybody).await?;
        let listed = found.iter().map(|teacher| Listed::of(reader, teacher));
        let mut others = listed.collect::<Result<Vec<_>, _>>()?;
        others
            .retain(|other| other.id != reader.id && own.iter().all(|known| known.id != other.id));
        Ok(others)
    }

    async fn search(
        &self,
        reader: &Reader,
        search: SearchTeachersRequest,
    ) -> Result<Vec<Teacher>, Fault> {
        let mut client = self.teachers.clone();
        let found = client.search_teachers(acting(search, reader.id)).await?;
        Ok(found.into_inner().teachers)
    }
}

impl Listed {
    fn of(reader: &Reader, teacher: &Teacher) -> Result<Self, Fault> {
        Ok(Self {
            id: Uuid::try_parse(&teacher.id).map_err(|_| Fault::Unexpected)?,
            name: texts::person_name(&teacher.display_name, reader.language),
            own: false,
        })
    }

    fn row(&self, reader: &Reader) -> Vec<serde_json::Value> {
        let (teacher, minutes, name) = (self.id, 0, self.name.as_str());
        let of = Purpose::Book { teacher, minutes };
        let open = Booking::Week { of, monday: None };
        vec![if self.own {
            press(reader, BookingLabel::OwnTeacher { name }, open)
        } else {
            button(name, Button::Booking(open))
        }]
    }
}

/// Unset means that they do (`TeacherPolicies`).
fn accepts(teacher: &Teacher) -> bool {
    let policies = teacher.policies.as_ref();
    let said = policies.and_then(|policies: &TeacherPolicies| policies.accepting_students);
    said.unwrap_or(true)
}

fn no_teachers(reader: &Reader) -> Reply {
    Reply::text(BookingScreen::NoTeachers.html(reader.language))
}
