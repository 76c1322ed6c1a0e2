//! A short run of `cargo xtask chaos`: the same faults, the same judge, fewer rounds.

use std::{fs, os::unix::fs::PermissionsExt as _};

use e2e::{
    Result,
    chaos::{
        Figures, Plan,
        faults::{Fault, Step},
        run,
    },
    system::binaries,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_or_crashes_nothing_is_lost_and_copies_are_counted() -> Result<()> {
    let directory = tempfile::Builder::new().prefix("olm-chaos-").tempdir()?;
    // PostgreSQL's own user must reach its folder in it.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    let plan = Plan {
        seed: 20_261_121,
        faults: vec![
            Fault::KillGateway(Step::Delivery),
            Fault::KillGateway(Step::Answer),
            Fault::KillService(Step::Report),
            Fault::CrashDatabase,
            Fault::SuspendGateway,
            Fault::CancelStorm,
            Fault::MoveStorm,
        ],
        first_round: 1,
        hard: false,
        binaries: binaries()?,
        directory: directory.path().to_owned(),
    };
    let verdict = run(&plan, |line| println!("{line}")).await?;
    println!("{verdict}");
    assert!(verdict.is_good(), "seed {}:\n{verdict}", plan.seed);
    assert!(verdict.figures.accepted > 300, "{}", verdict.figures);
    // Each chat of a lesson reads of it, but for those that nobody had told before it was off.
    let Figures {
        lessons, notices, ..
    } = verdict.figures;
    assert!(lessons > 20 && notices > 2 * lessons, "{}", verdict.figures);
    // A run in which no fault hit anything would prove nothing: some outcome nobody could know.
    let Figures {
        twice, unconfirmed, ..
    } = verdict.figures;
    assert!(twice + unconfirmed > 0, "{}", verdict.figures);
    Ok(())
}
