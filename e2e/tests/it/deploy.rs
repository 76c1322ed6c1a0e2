//! A short run of `cargo xtask chaos --deploy`: an update under load loses nothing.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use e2e::{
    Result,
    chaos::deploy::{Plan, Style, Verdict, run},
    system::binaries,
};

async fn updated(style: Style, rounds: u32) -> Result<Verdict> {
    let directory = tempfile::Builder::new().prefix("olm-deploy-").tempdir()?;
    // PostgreSQL's own user must reach its folder in it.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    let plan = Plan {
        seed: 20_261_121,
        rounds,
        style,
        before: binaries()?,
        after: binaries()?,
        // For people to come by at each step, however fast the machine is.
        soak: Duration::from_secs(1),
        and_back: false,
        passwords: true,
        directory: directory.path().to_owned(),
    };
    let verdict = run(&plan, |line| println!("{line}")).await?;
    println!("{verdict}");
    assert!(verdict.is_good(), "seed {}:\n{verdict}", plan.seed);
    Ok(verdict)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_are_replaced_under_load_and_nothing_is_lost_or_doubled() -> Result<()> {
    let verdict = updated(Style::Rolling, 2).await?;
    assert!(verdict.figures.accepted > 100, "{verdict}");
    assert!(verdict.seen.lessons.len() > 20, "{verdict}");
    assert!(verdict.seen.written > 5, "{verdict}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_are_alone_are_replaced_in_place_and_who_asks_again_is_answered() -> Result<()>
{
    let verdict = updated(Style::InPlace, 1).await?;
    assert!(verdict.seen.lessons.len() > 10, "{verdict}");
    // Somebody came while nobody was there, or the run proved nothing.
    assert!(verdict.seen.again > 0, "{verdict}");
    Ok(())
}
