//! Changes and calendars as browsers and calendar programs get them over HTTP.

use e2e::{
    Result,
    events::Events,
    program::Program,
    stack::Stack,
    story::{Member, PATIENCE, Story},
    system::{System, eventually},
};
use reqwest::{Client, Method, Response, StatusCode, header};
use serde_json::json;
use tonic_health::pb::health_check_response::ServingStatus;

async fn open(stack: &Stack, member: &Member, after: Option<&str>) -> Result<Events> {
    let (rest, key) = (stack.url(Program::GatewayRest), stack.keys.of("website"));
    Events::open(&Client::new(), &rest, key, member, after).await
}

async fn book(story: &Story, student: &Member, teacher: &Member) -> Result<String> {
    let slots = story.slots(teacher, student).await?;
    let last = *slots.last().ok_or("no slot")?;
    Ok(story.book(student, teacher, last).await?.id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_goes_on_at_another_replica_and_reads_anew_when_the_database_started_anew()
-> Result<()> {
    let mut system = System::start(None).await?;
    let teacher = system.story.join(&system.stack, "Anna", "en").await?;
    system.story.teach(&system.stack, &teacher).await?;
    let student = system.story.join(&system.stack, "Boris", "en").await?;
    let other = system
        .stack
        .beside(&[Program::LessonSvc, Program::GatewayRest])
        .await?;

    let mut events = open(&system.stack, &student, None).await?;
    assert_eq!(events.next().await?.0, "beat", "where it begins, at once");
    let first = book(&system.story, &student, &teacher).await?;
    assert_eq!(events.lesson().await?, first);
    let handled = events.id.clone();
    drop(events);
    let missed = book(&system.story, &student, &teacher).await?;
    let mut events = open(&other, &student, Some(&handled)).await?;
    assert_eq!(events.lesson().await?, missed);
    let live = book(&system.story, &student, &teacher).await?;
    assert_eq!(events.lesson().await?, live);
    let handled = events.id.clone();
    drop(events);

    // As after a standby took over, or files were put back: whether something that was told
    // is gone, nobody can know.
    system.cluster.stop().await?;
    system.cluster.resume().await?;
    let service = "olm.lesson.v1.ChangeService";
    eventually("SERVING again", PATIENCE, async || {
        other.health(Program::LessonSvc, service).await == Some(ServingStatus::Serving)
    })
    .await?;
    let mut events = open(&other, &student, Some(&handled)).await?;
    assert_eq!(events.next().await?.0, "reset");
    other.stop().await?;
    system.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_calendars_link_is_read_without_a_key_until_it_is_revoked() -> Result<()> {
    let system = System::start(None).await?;
    let story = &system.story;
    let teacher = story.join(&system.stack, "Anna", "en").await?;
    story.teach(&system.stack, &teacher).await?;
    let student = story.join(&system.stack, "Boris", "en").await?;
    let slots = story.slots(&teacher, &student).await?;
    let slot = *slots.last().ok_or("no slot")?;
    let lesson = story.book(&student, &teacher, slot).await?;

    let made = story
        .post("/api/v1/me/calendar-feeds", &student, &json!({}))
        .await?;
    let path = made["path"].as_str().ok_or("no path")?;
    let url = format!("{}{path}", system.stack.url(Program::GatewayRest));
    let client = Client::new();
    let read = async |tag: Option<&str>| -> Result<Response> {
        let mut request = client.get(&url);
        if let Some(tag) = tag {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        Ok(request.send().await?)
    };
    let whole = read(None).await?;
    assert_eq!(whole.status(), StatusCode::OK);
    assert_eq!(
        whole.headers()[header::CONTENT_TYPE],
        "text/calendar; charset=utf-8"
    );
    let tag = whole.headers()[header::ETAG].to_str()?.to_owned();
    let text = whole.text().await?;
    for line in [&*format!("UID:{}", lesson.id), "STATUS:CONFIRMED"] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let same = read(Some(&tag)).await?;
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    assert!(same.bytes().await?.is_empty());

    story.cancel(&student, &lesson).await?;
    let changed = read(Some(&tag)).await?;
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()[header::ETAG], *tag);
    assert!(changed.text().await?.contains("STATUS:CANCELLED"));

    let id = made["id"].as_str().ok_or("no id")?;
    let feed = format!("/api/v1/me/calendar-feeds/{id}");
    story
        .change(Method::DELETE, &feed, &student, None, None)
        .await?;
    assert_eq!(read(Some(&tag)).await?.status(), StatusCode::NOT_FOUND);
    let token = path.rsplit('/').next().ok_or("no token")?;
    let token = token.trim_end_matches(".ics");
    for program in [Program::GatewayRest, Program::LessonSvc] {
        assert!(!system.log(program)?.contains(token), "{}", program.name());
    }
    system.stop().await
}
