use lesson_svc::MIGRATOR;
use olm_proto::lesson::v1::HoldSlotRequest;
use service_kit::grpc::client::acting;
use sqlx::{PgPool, migrate::MigrationType};

use crate::support::{World, new_id, wire};

fn versions() -> Vec<i64> {
    let up = MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type == MigrationType::ReversibleUp);
    up.map(|migration| migration.version).collect()
}

async fn fill(pool: &PgPool) {
    let world = World::start(pool.clone()).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    // What the schema of before does not know: a relation, somebody erased, a hold.
    world.befriend(teacher, other).await;
    let gone = world.teacher(4, "Gone").await;
    world.erase(gone).await.unwrap();
    let hold = HoldSlotRequest {
        request_id: new_id(),
        teacher_id: teacher.to_string(),
        start_time: Some(wire("2026-06-01T15:00:00Z")),
        lesson_duration: None,
    };
    let answer = world.lessons().hold_slot(acting(hold, other)).await;
    answer.unwrap();
    world.service.stop().await;
}

#[sqlx::test(migrations = false)]
async fn every_migration_goes_up_down_and_up_again_on_filled_data(pool: PgPool) {
    MIGRATOR.run(&pool).await.unwrap();
    let versions = versions();
    for kept in versions.iter().rev().skip(1).chain(&[0]) {
        fill(&pool).await;
        MIGRATOR.undo(&pool, *kept).await.unwrap();
        MIGRATOR.run(&pool).await.unwrap();
        // From nothing again: history cannot be emptied.
        MIGRATOR.undo(&pool, 0).await.unwrap();
        MIGRATOR.run(&pool).await.unwrap();
    }
    fill(&pool).await;
    pool.close().await;
}

#[sqlx::test(migrations = false)]
async fn down_leaves_nothing_but_the_list_of_migrations(pool: PgPool) {
    MIGRATOR.run(&pool).await.unwrap();
    MIGRATOR.undo(&pool, 0).await.unwrap();
    let left: Vec<String> = sqlx::query_scalar("SELECT relname::text FROM pg_class WHERE relnamespace = 'lesson'::regnamespace AND relkind = 'r'")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(left, ["_sqlx_migrations"]);
    pool.close().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_objects_are_in_the_schema_of_the_service(pool: PgPool) {
    let elsewhere: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND n.nspname NOT IN ('lesson', 'pg_catalog', 'information_schema')",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    pool.close().await;
}

#[test]
fn every_migration_can_be_undone() {
    let down = MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type == MigrationType::ReversibleDown);
    let down: Vec<_> = down.map(|migration| migration.version).collect();
    assert_eq!(down, versions());
}
