//! The people and what they have arranged, before and between the pictures.

use e2e::{
    Result,
    program::Program,
    stack::SIMULATED_TOKEN,
    story::{BookedLesson, Member, Story, sign},
    system::System,
    talk::{Key, Screen, Talk, unlimited},
};
use jiff::{SignedDuration, Timestamp};
use olm_proto::lesson::v1::{
    CreateTeacherRequest, GetTeacherRequest, QuietHours, ReminderLeads, SetWeeklyRulesRequest,
    TeacherPolicies, UpdateSettingsRequest, UpdateTeacherRequest, WeeklyRule,
};
use serde_json::{Value, json};
use service_kit::{
    clock::{Clock as _, SystemClock},
    grpc::client::acting,
};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::cast::Cast;

/// Hours of work: days of the week, from and until.
type Hours = [(std::ops::RangeInclusive<i32>, &'static str, &'static str)];

/// A teacher with a life of her own.
const USUAL: [(std::ops::RangeInclusive<i32>, &str, &str); 3] = [
    (1..=4, "10:00", "13:00"),
    (1..=4, "15:00", "18:30"),
    (5..=5, "10:00", "14:00"),
];
/// One who can be booked whenever the pictures are taken.
const ALWAYS: [(std::ops::RangeInclusive<i32>, &str, &str); 1] = [(1..=7, "00:00", "24:00")];

/// A running system with people of one language.
pub(super) struct School {
    pub(super) cast: &'static Cast,
    pub(super) system: System,
    pub(super) teacher: Member,
    pub(super) teacher_zone: &'static str,
    /// Another teacher, who works around the clock.
    pub(super) awake: Member,
    pub(super) class: Vec<Member>,
}

impl School {
    /// Starts everything; everybody but the student has arrived.
    pub(super) async fn open(cast: &'static Cast) -> Result<Self> {
        let teacher_zone = cast.teacher_zone(SystemClock.now())?;
        let system = unlimited(true).await?;
        let (stack, story) = (&system.stack, &system.story);
        let teacher = story.join(stack, cast.teacher, cast.language).await?;
        let teacher = settle(&system, teacher, teacher_zone).await?;
        teach(&system, &teacher, teacher_zone, &cast.subjects, &USUAL).await?;
        let mut others = Vec::new();
        for (name, subject) in cast.others {
            let other = story.join(stack, name, cast.language).await?;
            let other = settle(&system, other, cast.zone).await?;
            teach(&system, &other, cast.zone, &[subject], &ALWAYS).await?;
            others.push(other);
        }
        let mut class = Vec::new();
        for name in cast.class {
            let student = story.join(stack, name, cast.language).await?;
            class.push(settle(&system, student, cast.zone).await?);
        }
        let name = json!({ "name": cast.bot });
        story.sim.call(SIMULATED_TOKEN, "setMyName", &name).await?;
        let awake = others.into_iter().next().ok_or("nobody else teaches")?;
        Ok(Self {
            cast,
            system,
            teacher,
            teacher_zone,
            awake,
            class,
        })
    }

    pub(super) async fn close(self) -> Result<()> {
        self.system.stop().await
    }

    /// Where the chats can be looked at.
    pub(super) fn page(&self) -> String {
        self.system.stack.url(Program::TelegramSim)
    }

    pub(super) fn story(&self) -> &Story {
        &self.system.story
    }

    /// The teacher's free times of two weeks that begin in so many days.
    pub(super) async fn slots(&self, teacher: &Member, days: i64) -> Result<Vec<Timestamp>> {
        let from = SystemClock.now() + SignedDuration::from_hours(24 * days);
        let to = from + SignedDuration::from_hours(24 * 14);
        let path = format!(
            "/api/v1/teachers/{}/slots?limit=500&from={from}&to={to}",
            teacher.user.id
        );
        let answer = self.story().get(&path, teacher).await?;
        let slots = answer["slots"].as_array().ok_or("no slots")?;
        slots
            .iter()
            .map(|slot| Ok(text(slot, "start_time")?.parse()?))
            .collect()
    }

    /// A student books with a teacher, so many days ahead at least, and both are told.
    pub(super) async fn book(
        &self,
        student: &Member,
        teacher: &Member,
        days: i64,
    ) -> Result<BookedLesson> {
        let slots = self.slots(teacher, days).await?;
        let slot = slots.first().ok_or("no free time")?;
        let since = self.story().last_entry().await?;
        let booked = self.story().book(student, teacher, *slot).await?;
        for person in [student, teacher] {
            self.story().notice(person, sign::BOOKED, since).await?;
        }
        Ok(booked)
    }

    /// The teacher plans a lesson for the group: with so many seats, all free, or with one for
    /// everybody.
    pub(super) async fn plan(
        &self,
        group: &str,
        start: Timestamp,
        open_seats: Option<i32>,
    ) -> Result<String> {
        let mut lesson = json!({
            "teacher_id": self.teacher.user.id,
            "start_time": start.to_string(),
            "group_id": group,
        });
        if let Some(seats) = open_seats {
            lesson["open_seats"] = json!(seats);
        }
        let planned = self
            .story()
            .post("/api/v1/lessons", &self.teacher, &lesson)
            .await?;
        text(&planned, "id")
    }

    /// A lesson is, and has been, at another time, and of the time it was booked for nothing is
    /// left to be told: nobody can book one in the past.
    pub(super) async fn put(&self, lesson: &str, start: Timestamp) -> Result<()> {
        let url = self.system.cluster.database("olm").await?;
        let mut admin = PgConnection::connect(&url).await?;
        let end = start + SignedDuration::from_hours(1);
        let range = "tstzrange($2::text::timestamptz, $3::text::timestamptz)";
        let statement = sqlx::AssertSqlSafe(format!(
            "UPDATE lesson.lessons SET during = {range}, blocked = {range} WHERE id = $1"
        ));
        let put = sqlx::query(statement)
            .bind(lesson.parse::<Uuid>()?)
            .bind(start.to_string())
            .bind(end.to_string());
        put.execute(&mut admin).await?;
        let forget = sqlx::query(
            "DELETE FROM notify.notifications WHERE id IN
             (SELECT notification_id FROM notify.notification_details WHERE lesson_id = $1)",
        );
        let forget = forget.bind(lesson.parse::<Uuid>()?);
        forget.execute(&mut admin).await?;
        admin.close().await?;
        Ok(())
    }

    /// From now on the teacher confirms bookings.
    pub(super) async fn ask_for_approval(&self) -> Result<()> {
        let mut teachers = self.system.stack.teachers()?;
        let find = GetTeacherRequest {
            teacher_id: self.teacher.user.id.clone(),
        };
        let id = self.teacher.id()?;
        let found = teachers.get_teacher(acting(find, id)).await?.into_inner();
        let found = found.teacher.ok_or("no teacher")?;
        let policies = TeacherPolicies {
            requires_approval: true,
            ..found.policies.unwrap_or_default()
        };
        let update = UpdateTeacherRequest {
            policies: Some(policies),
            expected_version: found.version,
        };
        teachers.update_teacher(acting(update, id)).await?;
        Ok(())
    }

    /// Somebody is reminded so long before each lesson.
    pub(super) async fn remind(&self, member: &mut Member, lead: SignedDuration) -> Result<()> {
        let stack = &self.system.stack;
        self.story().set_lead(stack, member, lead).await
    }

    /// Somebody's settings are what many would choose.
    pub(super) async fn usual_settings(&self, member: &mut Member) -> Result<()> {
        let leads = [24, 1].map(SignedDuration::from_hours);
        let request = UpdateSettingsRequest {
            reminder_leads: Some(ReminderLeads {
                leads: leads.into_iter().map(olm_proto::duration).collect(),
            }),
            quiet_hours: Some(QuietHours {
                start_time_of_day: "22:00".to_owned(),
                end_time_of_day: "08:00".to_owned(),
            }),
            ..UpdateSettingsRequest::default()
        };
        *member = update(&self.system, member.clone(), request).await?;
        Ok(())
    }
}

/// Somebody says where they are.
async fn settle(system: &System, member: Member, zone: &str) -> Result<Member> {
    let request = UpdateSettingsRequest {
        time_zone: Some(zone.to_owned()),
        ..UpdateSettingsRequest::default()
    };
    update(system, member, request).await
}

async fn update(
    system: &System,
    mut member: Member,
    mut request: UpdateSettingsRequest,
) -> Result<Member> {
    request.expected_version = member.user.version;
    let request = acting(request, member.id()?);
    let answer = system.stack.users()?.update_settings(request).await?;
    member.user = answer.into_inner().user.ok_or("no user")?;
    Story::known(&system.stack, &member.user).await?;
    Ok(member)
}

async fn teach(
    system: &System,
    member: &Member,
    zone: &str,
    subjects: &[&str],
    hours: &Hours,
) -> Result<()> {
    let minutes = |minutes: i64| olm_proto::duration(SignedDuration::from_mins(minutes));
    let policies = TeacherPolicies {
        lesson_durations: vec![minutes(60)],
        slot_step: Some(minutes(30)),
        min_notice: Some(minutes(30)),
        subjects: subjects
            .iter()
            .map(|subject| (*subject).to_owned())
            .collect(),
        ..TeacherPolicies::default()
    };
    let request = CreateTeacherRequest {
        request_id: Uuid::new_v4().to_string(),
        policies: Some(policies),
    };
    let mut teachers = system.stack.teachers()?;
    teachers
        .create_teacher(acting(request, member.id()?))
        .await?;
    let rules = hours.iter().flat_map(|(days, from, until)| {
        days.clone().map(move |day_of_week| WeeklyRule {
            day_of_week,
            start_time_of_day: (*from).to_owned(),
            end_time_of_day: (*until).to_owned(),
            ..WeeklyRule::default()
        })
    });
    let request = SetWeeklyRulesRequest {
        time_zone: zone.to_owned(),
        rules: rules.collect(),
        ..SetWeeklyRulesRequest::default()
    };
    let mut availability = system.stack.availability()?;
    availability
        .set_weekly_rules(acting(request, member.id()?))
        .await?;
    Ok(())
}

/// A field of an answer.
pub(super) fn text(answer: &Value, field: &str) -> Result<String> {
    let text = answer[field].as_str();
    Ok(text.ok_or_else(|| format!("no {field}"))?.to_owned())
}

/// What begins a button's data; nothing for a link.
fn kind(key: &Key) -> &str {
    let data = key.data.as_deref().unwrap_or_default();
    data.split(':').next().unwrap_or_default()
}

/// Presses the first button of a kind, whatever stands on it.
pub(super) async fn tap(talk: &mut Talk, wanted: &str) -> Result<Screen> {
    talk.press_where(&format!("of kind {wanted}"), |key| kind(key) == wanted)
        .await
}

/// Presses the first button of a kind whose label has this in it.
pub(super) async fn tap_on(talk: &mut Talk, wanted: &str, label: &str) -> Result<Screen> {
    talk.press_where(&format!("of kind {wanted} with {label:?}"), |key| {
        kind(key) == wanted && key.label.contains(label)
    })
    .await
}
