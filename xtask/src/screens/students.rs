//! What students see, in the order they come to it.

use e2e::{
    Result,
    story::{Member, Story, sign},
    talk::{Screen, Talk},
};
use jiff::SignedDuration;
use serde_json::json;
use service_kit::clock::{Clock as _, SystemClock};

use super::{
    album::{Album, View},
    school::{School, tap, tap_on, text},
};

/// A reminder comes so soon after it was wished for.
const SOON: SignedDuration = SignedDuration::from_secs(4);

/// The student and their chat.
struct Chat<'a> {
    school: &'a School,
    talk: Talk,
}

/// Somebody new becomes a student and comes to know everything.
pub(super) async fn tell(school: &School, album: &mut Album<'_>) -> Result<()> {
    let cast = school.cast;
    let talk = Talk::begin(&school.system.stack, cast.student, cast.language).await?;
    let mut chat = Chat { school, talk };
    let mut student = chat.books(album).await?;
    chat.is_reminded(&mut student, album).await?;
    chat.joins_a_group(album).await?;
    school.usual_settings(&mut student).await?;
    chat.looks_around(album).await?;
    chat.is_cut_off(&student, album).await
}

impl Chat<'_> {
    fn take(&self, album: &mut Album<'_>, name: &str, view: View) -> Result<()> {
        album.take(name, &self.talk.person, self.school.cast.zone, view)
    }

    fn take_from(&self, album: &mut Album<'_>, name: &str, first: &Screen) -> Result<()> {
        self.take(album, name, View::from(first.message_id))
    }

    /// From the first word to a booked lesson.
    async fn books(&mut self, album: &mut Album<'_>) -> Result<Member> {
        let cast = self.school.cast;
        self.talk.say("/start").await?;
        let all = View {
            from: 0,
            keyboard: true,
        };
        self.take(album, "start", all)?;
        let city = |label: &str| label.ends_with(cast.city);
        let teachers = self
            .talk
            .press_where("with the city", |key| city(&key.label))
            .await?;
        self.take_from(album, "teachers", &teachers)?;
        self.talk.press(cast.teacher).await?;
        // A week that has just begun has more to choose from.
        let week = tap_on(&mut self.talk, "b.w", "▶").await?;
        self.take_from(album, "week", &week)?;
        let day = self.talk.choose_day().await?;
        self.take_from(album, "times", &day)?;
        let asked = self.talk.choose_time().await?;
        self.take_from(album, "confirm", &asked)?;
        let booked = tap(&mut self.talk, "b.k").await?;
        self.talk.notice(sign::BOOKED).await?;
        self.take_from(album, "booked", &booked)?;
        self.talk.member(&self.school.system.stack).await
    }

    /// A lesson comes near; the student asks what cancelling would mean, and keeps it.
    async fn is_reminded(&mut self, student: &mut Member, album: &mut Album<'_>) -> Result<()> {
        let School { awake, .. } = self.school;
        let slots = self.school.story().slots(awake, student).await?;
        let earliest = SystemClock.now() + SignedDuration::from_mins(45);
        let start = slots.into_iter().find(|slot| *slot > earliest);
        let start = start.ok_or("no free time")?;
        self.school
            .remind(student, Story::lead(start, SOON))
            .await?;
        self.school.story().book(student, awake, start).await?;
        let reminder = self.talk.notice(sign::REMINDER).await?;
        tap(&mut self.talk, "b.nx").await?;
        self.take_from(album, "reminder", &reminder)
    }

    /// The teacher's link into a group, and a seat in one of its lessons.
    async fn joins_a_group(&mut self, album: &mut Album<'_>) -> Result<()> {
        let (cast, story) = (self.school.cast, self.school.story());
        let group = json!({ "title": cast.group, "capacity": 6 });
        let teacher = &self.school.teacher;
        let group = story.post("/api/v1/groups", teacher, &group).await?;
        let group = text(&group, "id")?;
        let invitation = json!({ "group_id": group });
        let invited = story
            .post("/api/v1/invitations", teacher, &invitation)
            .await?;
        for (days, seats) in [(3, 5), (7, 4)] {
            let slots = self.school.slots(teacher, days).await?;
            let start = *slots.first().ok_or("no free time")?;
            self.school.plan(&group, start, Some(seats)).await?;
        }
        let link = format!("/start {}", text(&invited, "token")?);
        let welcome = self.talk.say(&link).await?;
        self.talk.say("/lessons").await?;
        tap(&mut self.talk, "b.g").await?;
        self.take_from(album, "group", &welcome)?;
        tap(&mut self.talk, "b.j").await?;
        Ok(())
    }

    /// The lists that are always there.
    async fn looks_around(&mut self, album: &mut Album<'_>) -> Result<()> {
        let lessons = self.talk.say("/lessons").await?;
        self.take(album, "lessons", View::from(lessons.message_id - 1))?;
        let settings = self.talk.say("/settings").await?;
        self.take(album, "settings", View::from(settings.message_id - 1))
    }

    /// Server 1 goes: what was read is still there, marked; what is to be changed is not.
    async fn is_cut_off(&mut self, student: &Member, album: &mut Album<'_>) -> Result<()> {
        let line = self.school.system.stack.line()?;
        let lessons = self.talk.say("/lessons").await?;
        // So that what was read is out of date.
        self.school.book(student, &self.school.awake, 9).await?;
        line.set(|weather| weather.absent = true);
        line.cut();
        let stale = self.talk.say("/lessons").await?;
        if stale.text == lessons.text {
            return Err(format!("nothing says that server 1 is away:\n{stale}").into());
        }
        self.talk.say("/zone Europe/Paris").await?;
        self.take(album, "away", View::from(stale.message_id - 1))?;
        line.heal();
        Ok(())
    }
}
