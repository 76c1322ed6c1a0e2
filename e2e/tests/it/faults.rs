//! What happens when parts die, are asked to stop, or lose the database.

use std::time::Duration;

use e2e::{
    Result,
    program::Program,
    story::{Member, PATIENCE, sign},
    system::{System, eventually},
};
use tonic_health::pb::health_check_response::ServingStatus;

async fn system_with_people() -> Result<(System, Member, Member)> {
    let system = System::start(None).await?;
    let teacher = system.story.join(&system.stack, "Anna", "en").await?;
    system.story.teach(&system.stack, &teacher).await?;
    let student = system.story.join(&system.stack, "Boris", "ru").await?;
    Ok((system, teacher, student))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_service_is_killed_after_a_booking_its_confirmation_arrives() -> Result<()> {
    let (mut system, teacher, student) = system_with_people().await?;
    let victims = [
        Program::GatewayRest,
        Program::LessonSvc,
        Program::NotifySvc,
        Program::BotGateway,
    ];
    for (number, victim) in victims.into_iter().enumerate() {
        let slots = system.story.slots(&teacher, &student).await?;
        let slot = *slots.last().ok_or("no slot")?;
        let since = system.story.last_entry().await?;
        system.story.book(&student, &teacher, slot).await?;
        system.stack.kill(victim).await?;
        system.stack.restart(victim).await?;
        system
            .story
            .notice(&student, sign::BOOKED, since)
            .await
            .map_err(|error| format!("after the death of {}: {error}", victim.name()))?;
        // A second copy only where the outcome could not be known: at most one a kill.
        let copies = system.story.count(&student, sign::BOOKED).await?;
        assert!(
            (number + 1..=2 * (number + 1)).contains(&copies),
            "{copies} confirmations after {}",
            victim.name()
        );
    }
    system.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_the_system_says_so_and_loses_nothing() -> Result<()> {
    let (mut system, teacher, student) = system_with_people().await?;
    let ready = [
        (Program::LessonSvc, "olm.lesson.v1.LessonService"),
        (Program::NotifySvc, "olm.notify.v1.NotificationService"),
    ];
    let slot = *system
        .story
        .slots(&teacher, &student)
        .await?
        .last()
        .ok_or("no slot")?;
    system.story.book(&student, &teacher, slot).await?;
    system.cluster.stop().await?;

    let health = format!("{}/api/v1/health", system.stack.url(Program::GatewayRest));
    for (program, service) in ready {
        eventually("NOT_SERVING", Duration::from_secs(10), async || {
            system.stack.health(program, service).await == Some(ServingStatus::NotServing)
        })
        .await?;
        assert_eq!(
            system.stack.health(program, "").await,
            Some(ServingStatus::Serving),
            "liveness needs no database"
        );
    }
    let answer = reqwest::get(&health).await?;
    assert_eq!(answer.status(), 503);
    assert_eq!(
        answer.json::<serde_json::Value>().await?["status"],
        "unhealthy"
    );

    system.cluster.resume().await?;
    for (program, service) in ready {
        eventually("SERVING again", Duration::from_secs(10), async || {
            system.stack.health(program, service).await == Some(ServingStatus::Serving)
        })
        .await?;
    }
    system.story.notice(&student, sign::BOOKED, 0).await?;
    system.story.notice(&teacher, sign::BOOKED, 0).await?;
    eventually("healthy", PATIENCE, async || {
        reqwest::get(&health)
            .await
            .is_ok_and(|answer| answer.status() == 200)
    })
    .await?;
    system.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_stops_within_its_deadline_while_the_others_hold_streams_to_it() -> Result<()>
{
    let (mut system, _, _) = system_with_people().await?;
    // Each one is stopped while its peers still run; stop_one fails when it has to kill.
    for program in [
        Program::NotifySvc,
        Program::LessonSvc,
        Program::GatewayRest,
        Program::BotGateway,
    ] {
        system.stack.stop_one(program).await?;
        system.stack.restart(program).await?;
    }
    system.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_services_role_reaches_its_own_schema_only() -> Result<()> {
    use sqlx::{Connection as _, Executor as _};
    let system = System::start(None).await?;
    let databases =
        e2e::postgres::prepare(&system.cluster.database("olm").await?, "test-password").await?;
    for (url, own, foreign) in [
        (
            &databases.lesson,
            "SELECT count(*) FROM lesson.lessons",
            "SELECT count(*) FROM notify.notifications",
        ),
        (
            &databases.notify,
            "SELECT count(*) FROM notify.notifications",
            "SELECT count(*) FROM lesson.lessons",
        ),
    ] {
        let mut connection = sqlx::PgConnection::connect(url).await?;
        connection.execute(own).await?;
        let error = connection
            .execute(foreign)
            .await
            .err()
            .ok_or("the other schema is open")?;
        let code = error
            .as_database_error()
            .and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        // insufficient_privilege
        assert_eq!(code.as_deref(), Some("42501"), "{error}");
    }
    system.stop().await
}
