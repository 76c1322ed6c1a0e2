//! The demo: a lesson's life, through the public API only.

use std::time::Duration;

use e2e::{
    Result,
    stack::Stack,
    story::{BookedLesson, Member, Story, sign},
};
use jiff::{SignedDuration, Timestamp};
use service_kit::clock::{Clock as _, SystemClock};
use telegram_sim::api::LedgerEntry;
use tokio::time::sleep;

/// How long after the booking the demo's reminder comes.
const REMINDER_AFTER: SignedDuration = SignedDuration::from_secs(8);
/// Telegram takes one message a second of each chat, and a newcomer's welcome is two.
const WELCOMED: Duration = Duration::from_millis(2_200);
/// How many bookings the latency is measured over.
const MEASURED_BOOKINGS: usize = 20;

/// A teacher who can be booked, for somebody who tries the bot; returns their id.
pub(super) async fn load(stack: &Stack) -> Result<String> {
    let story = Story::of(stack);
    // A second start finds the teacher of the first.
    let teacher = story.join(stack, "Anna", "en").await?;
    story.teach(stack, &teacher).await?;
    Ok(teacher.user.id)
}

/// Tells the story and prints its timeline; fails with what is missing.
pub(crate) async fn tell(stack: &Stack) -> Result<()> {
    let story = Story::of(stack);
    println!(
        "\n  Anna (Berlin, English) teaches; Пётр (по-русски) learns. Both press /start in Telegram."
    );
    let teacher = story.join(stack, "Anna", "en").await?;
    story.teach(stack, &teacher).await?;
    let mut student = story.join(stack, "Пётр", "ru").await?;

    // A reminder soon, by the student's own setting: no special path.
    let slots = story.slots(&teacher, &student).await?;
    let earliest = SystemClock.now() + SignedDuration::from_mins(5);
    let start = *slots
        .iter()
        .find(|slot| **slot > earliest)
        .ok_or("the teacher has no free slot")?;
    sleep(WELCOMED).await;
    let lead = Story::lead(start, REMINDER_AFTER);
    story.set_lead(stack, &mut student, lead).await?;

    let mut timeline = Timeline::new();
    let before = story.last_entry().await?;
    timeline.begin(&format!("POST /api/v1/lessons: a lesson at {start}"));
    let lesson = story.book(&student, &teacher, start).await?;
    timeline.note("booked: 201");
    let confirmation = story.notice(&student, sign::BOOKED, before).await?;
    timeline.message("confirmation to Пётр", &confirmation);
    let confirmation = story.notice(&teacher, sign::BOOKED, before).await?;
    timeline.message("confirmation to Anna", &confirmation);

    let reminder = story.notice(&student, sign::REMINDER, before).await?;
    timeline.message("reminder to Пётр", &reminder);
    let lateness_us = reminder.received_unix_us - (start - lead).as_microsecond();
    timeline.note(&format!(
        "the reminder came {:.1} ms after its instant",
        millis(lateness_us)
    ));

    let before = story.last_entry().await?;
    timeline.note("POST /api/v1/lessons/{id}/cancel");
    story.cancel(&student, &lesson).await?;
    for (member, name) in [(&student, "Пётр"), (&teacher, "Anna")] {
        let cancellation = story.notice(member, sign::CANCELED, before).await?;
        timeline.message(&format!("cancellation to {name}"), &cancellation);
    }
    measure(stack, &story, &teacher, &slots, start).await
}

/// Books with many students and prints how long the confirmations took.
async fn measure(
    stack: &Stack,
    story: &Story,
    teacher: &Member,
    slots: &[Timestamp],
    after: Timestamp,
) -> Result<()> {
    println!("\n  {MEASURED_BOOKINGS} more students book …");
    let mut students = Vec::new();
    for number in 1..=MEASURED_BOOKINGS {
        students.push(
            story
                .join(stack, &format!("Student {number}"), "en")
                .await?,
        );
    }
    sleep(WELCOMED).await;
    let hour = SignedDuration::from_hours(1);
    let mut next = after + hour;
    let mut took_us = Vec::new();
    for student in &students {
        // Telegram takes 30 messages a second of one bot; two go out per booking.
        sleep(Duration::from_millis(120)).await;
        let slot = *slots
            .iter()
            .find(|slot| **slot >= next)
            .ok_or("too few free slots")?;
        next = slot + hour;
        let asked = SystemClock.now();
        let booked: BookedLesson = story.book(student, teacher, slot).await?;
        let confirmation = story.notice(student, sign::BOOKED, 0).await?;
        took_us.push(confirmation.received_unix_us - asked.as_microsecond());
        story.cancel(student, &booked).await?;
    }
    took_us.sort_unstable();
    println!(
        "  From POST /api/v1/lessons (before the commit) to acceptance by Telegram's simulator:\n  \
         median {:.1} ms, fastest {:.1} ms, slowest {:.1} ms over {MEASURED_BOOKINGS} bookings",
        millis(took_us[took_us.len() / 2]),
        millis(took_us[0]),
        millis(took_us[took_us.len() - 1]),
    );
    Ok(())
}

fn millis(us: i64) -> f64 {
    // Far below the 2^53 µs that f64 holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "for reading only")]
    let us = us as f64;
    us / 1000.0
}

/// What happened when, since the beginning.
struct Timeline {
    begun: Timestamp,
}

impl Timeline {
    fn new() -> Self {
        println!("\n  {:>10}  what happened", "ms");
        Self {
            begun: SystemClock.now(),
        }
    }

    fn begin(&mut self, text: &str) {
        self.begun = SystemClock.now();
        self.line(self.begun.as_microsecond(), text);
    }

    fn note(&self, text: &str) {
        self.line(SystemClock.now().as_microsecond(), text);
    }

    fn message(&self, what: &str, entry: &LedgerEntry) {
        let text = entry.text.as_deref().unwrap_or_default();
        let first_line = text
            .lines()
            .next()
            .unwrap_or_default()
            .replace("<b>", "")
            .replace("</b>", "");
        self.line(entry.received_unix_us, &format!("{what}: {first_line}"));
    }

    fn line(&self, at_us: i64, text: &str) {
        println!(
            "  {:>10.1}  {text}",
            millis(at_us - self.begun.as_microsecond())
        );
    }
}
