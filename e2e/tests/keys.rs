//! Keys change while the services run.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use e2e::{
    Result,
    program::Program,
    story::PATIENCE,
    system::{System, eventually},
};
use service_kit::keys::digest_hex;

/// Asks gateway-rest with `key` what lesson-svc knows of a person.
async fn status(url: &str, key: &str, person: &str) -> Result<u16> {
    let answer = reqwest::Client::new()
        .get(format!("{url}/api/v1/me"))
        .header("x-service-key", key)
        .header("x-acting-user", person)
        .timeout(Duration::from_secs(10))
        .send()
        .await?;
    Ok(answer.status().as_u16())
}

/// As operators should: another file under the same name.
fn replace(file: &Path, text: &str) -> Result<()> {
    let next = file.with_extension("next");
    fs::write(&next, text)?;
    Ok(fs::rename(next, file)?)
}

async fn until_told(
    system: &System,
    program: Program,
    event: &str,
    file: &str,
    times: usize,
) -> Result<()> {
    let what = format!("{event} of {file} at {}", program.name());
    eventually(&what, PATIENCE, async || {
        let log = system.log(program).unwrap_or_default();
        let told = log
            .lines()
            .filter(|line| line.contains(event) && line.contains(file));
        told.count() >= times
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_between_running_services_without_a_failed_call() -> Result<()> {
    let system = System::start(None).await?;
    let stack = &system.stack;
    let rest = stack.url(Program::GatewayRest);
    let person = system.story.join(stack, "Olga", "en").await?.user.id;
    let website = stack.keys.of("website").to_owned();
    let (stop, calls) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let caller = tokio::spawn({
        let (rest, website, person) = (rest.clone(), website.clone(), person.clone());
        let (stop, calls) = (Arc::clone(&stop), Arc::clone(&calls));
        async move {
            while !stop.load(Ordering::Relaxed) {
                let status = status(&rest, &website, &person).await?;
                if status != 200 {
                    return Err(format!("a call was answered {status}").into());
                }
                calls.fetch_add(1, Ordering::Relaxed);
            }
            Result::Ok(())
        }
    });

    // The new key is admitted beside the old one, then shown, then the old one is let go.
    let old = format!(
        "gateway-rest+act_as={}",
        digest_hex(stack.keys.of("gateway-rest"))
    );
    let new = format!("gateway-rest+act_as={}", digest_hex("the next key"));
    let backends = [
        (Program::LessonSvc, "LESSON_SERVICE_KEYS_FILE"),
        (Program::NotifySvc, "NOTIFY_SERVICE_KEYS_FILE"),
    ];
    for (program, file) in backends {
        let admitted = stack.keys.callers_file(program);
        let before = fs::read_to_string(&admitted)?;
        assert!(before.contains(&old));
        replace(&admitted, &format!("{before},{new}"))?;
        stack.reload(program)?;
        until_told(&system, program, "keys_reloaded", file, 1).await?;
    }
    replace(&stack.keys.file("gateway-rest"), "the next key\n")?;
    stack.reload(Program::GatewayRest)?;
    for file in ["REST_LESSON_KEY_FILE", "REST_NOTIFY_KEY_FILE"] {
        until_told(&system, Program::GatewayRest, "keys_reloaded", file, 1).await?;
    }
    for (program, file) in backends {
        let admitted = stack.keys.callers_file(program);
        let both = fs::read_to_string(&admitted)?;
        replace(&admitted, &both.replace(&format!("{old},"), ""))?;
        stack.reload(program)?;
        until_told(&system, program, "keys_reloaded", file, 2).await?;
    }

    // What cannot be used changes nothing, and is not shown.
    let (program, file) = (Program::LessonSvc, "LESSON_SERVICE_KEYS_FILE");
    replace(&stack.keys.callers_file(program), &format!("{new},hunter2"))?;
    stack.reload(program)?;
    until_told(&system, program, "keys_refused", file, 1).await?;
    let log = system.log(Program::LessonSvc)?;
    assert!(log.contains("entry 2 is not caller") && !log.contains("hunter2"));

    let seen = calls.load(Ordering::Relaxed);
    eventually("calls go on", PATIENCE, async || {
        calls.load(Ordering::Relaxed) > seen + 10 || caller.is_finished()
    })
    .await?;
    stop.store(true, Ordering::Relaxed);
    caller.await??;

    // A client's key is let go at once, and nobody else's with it.
    let callers = stack.keys.callers_file(Program::GatewayRest);
    let next = format!("website+act_as={}", digest_hex("another key"));
    replace(&callers, &next)?;
    stack.reload(Program::GatewayRest)?;
    eventually("the old key is refused", PATIENCE, async || {
        status(&rest, &website, &person)
            .await
            .is_ok_and(|status| status == 403)
    })
    .await?;
    assert_eq!(status(&rest, "another key", &person).await?, 200);
    system.stop().await
}
