//! What the engine counts.

use jiff::SignedDuration;
use olm_proto::notify::v1::{Ambiguous, NotWritten, outcome::Kind};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Gateway, attempt, eventually, person, start};

/// The sum of a figure over its other labels; they belong to the process, so other tests
/// raise them too.
fn figure(name: &str, label: &str) -> f64 {
    let text = service_kit::metrics::text();
    let of_it = text
        .lines()
        .filter(|line| line.starts_with(name) && line.contains(label));
    let values = of_it.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_is_begun_told_and_resolved_is_counted(pool: PgPool) {
    let counted = || {
        [
            figure("olm_notify_begun_total", "lane=\"broadcast\""),
            figure(
                "olm_notify_begin_lateness_seconds_count",
                "lane=\"broadcast\"",
            ),
            figure("olm_notify_outcomes_total", "outcome=\"ambiguous\""),
            figure("olm_notify_uncertain_total", ""),
            figure("olm_notify_uncertain_resolved_total", "as=\"resent\""),
            figure("olm_notify_swept_total", "event=\"resolve\""),
            figure(
                "olm_notify_database_duration_seconds_count",
                "step=\"begin\"",
            ),
            figure("olm_notify_database_messages_total", "step=\"results\""),
        ]
    };
    let before = counted();
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let mut gateway = Gateway::ready(&service).await;
    service.tell(user, "hello").await;
    let first = gateway.deliver().await;
    let lost = Kind::Ambiguous(Ambiguous {
        cause: "reset".to_owned(),
    });
    gateway.answer(attempt(&first), lost).await;
    gateway.send().await;
    let rose = || async {
        let after = counted();
        before
            .iter()
            .zip(after)
            .all(|(before, after)| after > *before)
    };
    eventually(true, rose).await;
    let shown = || async { service_kit::metrics::text().contains("olm_notify_queue{") };
    eventually(true, shown).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn how_late_a_row_is_counts_from_its_instant_also_after_attempts_that_failed(pool: PgPool) {
    let late = || {
        figure(
            "olm_notify_begin_lateness_seconds_sum",
            "lane=\"broadcast\"",
        )
    };
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let mut gateway = Gateway::ready(&service).await;
    let told = service.tell(user, "hello").await;
    let first = gateway.deliver().await;
    // An hour of attempts, of which none came through.
    sqlx::query(
        "UPDATE notify.notifications SET due_at = due_at - interval '1 hour' WHERE id = $1",
    )
    .bind(told)
    .execute(&pool)
    .await
    .unwrap();
    let before = late();
    let unsent = Kind::NotWritten(NotWritten::default());
    gateway.answer(attempt(&first), unsent).await;
    let again = gateway.deliver().await;
    let due_in = olm_proto::span(again.due_in.as_ref().unwrap()).unwrap();
    assert!(due_in <= SignedDuration::from_secs(-3_599), "{due_in:?}");
    let counted = || async { late() - before >= 3_599.0 };
    eventually(true, counted).await;
}
