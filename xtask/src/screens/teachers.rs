//! What a teacher sees, on a day like any other.

use e2e::{
    Result,
    story::{Member, Story, sign},
    talk::{Screen, Talk},
};
use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};
use serde_json::{Value, json};
use service_kit::clock::{Clock as _, SystemClock};
use telegram_sim::api::Person;

use super::{
    album::{Album, View},
    school::{School, tap, tap_on, text},
};

/// A reminder comes so soon after it was wished for.
const SOON: SignedDuration = SignedDuration::from_secs(4);
/// When the group meets: no other lesson of the teacher's begins at this time of day.
const LATE: &str = "17:30";
/// A lesson is looked for in so many weeks.
const WEEKS: usize = 4;

/// The teacher and her chat.
struct Chat<'a> {
    school: &'a School,
    talk: Talk,
    /// The group.
    group: String,
}

/// A day with everything in it.
pub(super) async fn tell(school: &School, album: &mut Album<'_>) -> Result<()> {
    let groups = school
        .story()
        .get("/api/v1/groups", &school.teacher)
        .await?;
    let group = groups["groups"]
        .as_array()
        .and_then(|groups| groups.first());
    let group = text(group.ok_or("no group")?, "id")?;
    let talk = Talk::of(&school.system.stack, &school.teacher.person)?;
    let mut chat = Chat {
        school,
        talk,
        group,
    };
    chat.fills_the_day().await?;
    chat.has_a_day(album).await?;
    chat.says_who_came(album).await?;
    chat.sees_who_was_reached(album).await?;
    chat.takes_days_off(album).await?;
    chat.talk.say("/invite").await?;
    let invited = tap(&mut chat.talk, "t.is").await?;
    chat.take(album, "invite", invited.message_id)
}

/// The clock in a zone.
fn local(instant: Timestamp, zone: &TimeZone) -> String {
    let local = instant.to_zoned(zone.clone());
    local.strftime("%H:%M").to_string()
}

/// The half hour that has just begun, so much later.
fn around_now(minutes: i64) -> Result<Timestamp> {
    let now = SystemClock.now().as_second();
    let begun = Timestamp::from_second(now - now.rem_euclid(1_800))?;
    Ok(begun + SignedDuration::from_mins(minutes))
}

/// The first name.
fn given(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

impl Chat<'_> {
    fn take(&self, album: &mut Album<'_>, name: &str, first: i64) -> Result<()> {
        let person: &Person = &self.talk.person;
        album.take(name, person, self.school.teacher_zone, View::from(first))
    }

    /// Students book, the group comes together, and lessons are where the clock is.
    async fn fills_the_day(&self) -> Result<()> {
        let School { class, teacher, .. } = self.school;
        let far = 20;
        for (student, minutes) in class.iter().zip([-180, 60, 150]) {
            let booked = self.school.book(student, teacher, far).await?;
            self.school.put(&booked.id, around_now(minutes)?).await?;
        }
        let last = class.last().ok_or("nobody")?;
        self.school.book(last, teacher, far).await?;
        for student in class {
            let path = format!("/api/v1/groups/{}/members/{}", self.group, student.user.id);
            let put = reqwest::Method::PUT;
            let none: Option<&Value> = None;
            self.school
                .story()
                .change(put, &path, teacher, None, none)
                .await?;
        }
        let slots = self.school.slots(teacher, far).await?;
        let start = *slots.last().ok_or("no free time")?;
        let lesson = self.school.plan(&self.group, start, None).await?;
        self.school.put(&lesson, around_now(-90)?).await
    }

    /// Today, and somebody asks for a lesson meanwhile.
    async fn has_a_day(&mut self, album: &mut Album<'_>) -> Result<()> {
        let (school, class) = (self.school, &self.school.class);
        school.ask_for_approval().await?;
        let today = self.talk.say("/agenda").await?;
        let slots = school.slots(&school.teacher, 5).await?;
        let slot = slots.first().ok_or("no free time")?;
        let student = class.first().ok_or("nobody")?;
        school.story().book(student, &school.teacher, *slot).await?;
        self.talk.notice(sign::REQUESTED).await?;
        self.take(album, "today", today.message_id)?;
        tap(&mut self.talk, "b.ny").await?;
        Ok(())
    }

    /// Who came to the group's lesson that is over.
    async fn says_who_came(&mut self, album: &mut Album<'_>) -> Result<()> {
        self.talk.say("/agenda").await?;
        tap_on(&mut self.talk, "t.l", self.school.cast.group).await?;
        let [first, second, third, _] = self.school.cast.class;
        tap_on(&mut self.talk, "t.a", given(first)).await?;
        tap_on(&mut self.talk, "t.A", given(second)).await?;
        let said = tap_on(&mut self.talk, "t.a", given(third)).await?;
        self.take(album, "attendance", said.message_id)
    }

    /// Whether the group was reminded of its next lesson.
    async fn sees_who_was_reached(&mut self, album: &mut Album<'_>) -> Result<()> {
        let School { teacher, .. } = self.school;
        let zone = TimeZone::get(self.school.teacher_zone)?;
        let slots = self.school.slots(teacher, 10).await?;
        let is_late = |slot: &&Timestamp| local(**slot, &zone) == LATE;
        let start = *slots.iter().find(is_late).ok_or("no free time")?;
        self.school.plan(&self.group, start, None).await?;
        let mut class = self.school.class.iter().cloned();
        let (mut reached, mut gone) = (class.next().ok_or("nobody")?, class.next().ok_or("one")?);
        let story = self.school.story();
        story.sim.block(&gone.person).await?;
        for student in [&mut reached, &mut gone] {
            self.school
                .remind(student, Story::lead(start, SOON))
                .await?;
        }
        story.notice(&reached, sign::REMINDER, 0).await?;
        let lesson = self.find_in_weeks().await?;
        self.take(album, "delivery", lesson.message_id)
    }

    /// Opens the group's late lesson.
    async fn find_in_weeks(&mut self) -> Result<Screen> {
        let group = self.school.cast.group;
        self.talk.say("/agenda").await?;
        tap(&mut self.talk, "t.w").await?;
        for _ in 0..WEEKS {
            let week = tap_on(&mut self.talk, "t.w", "▶").await?;
            let mut keys = week.keys();
            let found = keys.find(|key| key.label.contains(group) && key.label.contains(LATE));
            if let Some(data) = found.and_then(|key| key.data.clone()) {
                return self.talk.press_data(&data).await;
            }
        }
        Err("the group's lesson is in no week".into())
    }

    /// A week off, in words, with a lesson in it.
    async fn takes_days_off(&mut self, album: &mut Album<'_>) -> Result<()> {
        let School { class, teacher, .. } = self.school;
        let zone = TimeZone::get(self.school.teacher_zone)?;
        let slots = self.school.slots(teacher, 25).await?;
        let slot = *slots.first().ok_or("no free time")?;
        let student: &Member = class.last().ok_or("nobody")?;
        let lesson = json!({
            "teacher_id": teacher.user.id,
            "start_time": slot.to_string(),
            "student_id": student.user.id,
        });
        let story = self.school.story();
        story.post("/api/v1/lessons", teacher, &lesson).await?;
        let first = slot.to_zoned(zone).date();
        let last = first + 5.days();
        self.talk.say("/agenda").await?;
        tap(&mut self.talk, "t.o").await?;
        tap(&mut self.talk, "t.ot").await?;
        let typed = format!("{}–{}", first.strftime("%-d.%-m"), last.strftime("%-d.%-m"));
        let asked = self.talk.say(&typed).await?;
        tap(&mut self.talk, "t.oa").await?;
        // From the words that were typed.
        self.take(album, "time-off", asked.message_id - 1)
    }
}
