//! The schema goes up, down and up again with data in it.

use notify_svc::MIGRATOR;
use service_kit::database::ready;
use sqlx::PgPool;

async fn fill(pool: &PgPool) {
    sqlx::raw_sql(
        "INSERT INTO notify.recipients
             (user_id, version, display_name, bot_id, chat_id, quiet_start_minute,
              quiet_end_minute, muted_kinds)
         VALUES ('00000000-0000-0000-0000-000000000001', 1, 'Boris', 1, 1, 1320, 480, '{moved}');
         INSERT INTO notify.lessons (lesson_id, version, start_at, end_at, snapshot)
         VALUES ('00000000-0000-0000-0000-000000000002', 1, now(), now() + interval '1 hour', '');
         INSERT INTO notify.lesson_participants (user_id, lesson_id)
         VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002');
         INSERT INTO notify.notifications (id, user_id, lane, due_at, next_at, expires_at)
         VALUES ('00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000001',
                 2, now(), now(), now() + interval '1 hour');
         INSERT INTO notify.notification_details (notification_id, kind, content, caller)
         VALUES ('00000000-0000-0000-0000-000000000003', 'moved', '', 'operator');
         INSERT INTO notify.series (series_id, version, snapshot)
         VALUES ('00000000-0000-0000-0000-000000000006', 1, '');
         INSERT INTO notify.series_participants (user_id, series_id)
         VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000006');
         INSERT INTO notify.notifications (id, user_id, lane, due_at, next_at, expires_at)
         VALUES ('00000000-0000-0000-0000-000000000007', '00000000-0000-0000-0000-000000000001',
                 2, now(), now(), now() + interval '1 hour');
         INSERT INTO notify.notification_details
             (notification_id, kind, content, caller, series_id, plan_key)
         VALUES ('00000000-0000-0000-0000-000000000007', 'series_booked', '', 'lesson-svc',
                 '00000000-0000-0000-0000-000000000006', 'a key');
         INSERT INTO notify.replans (lesson_id) VALUES ('00000000-0000-0000-0000-000000000002');
         INSERT INTO notify.attempts (notification_id, attempt_no, bot_id, gateway_id, epoch)
         VALUES ('00000000-0000-0000-0000-000000000003', 1, 1,
                 '00000000-0000-0000-0000-000000000004', 1);
         INSERT INTO notify.owners (bot_id, epoch, gateway_id, stream_id, expires_at)
         VALUES (1, 1, '00000000-0000-0000-0000-000000000004',
                 '00000000-0000-0000-0000-000000000005', now());
         INSERT INTO notify.bots (bot_id, client) VALUES (1, 'bot-py');
         INSERT INTO notify.moved_chats (bot_id, chat_id, moved_to) VALUES (1, -1, -2);
         UPDATE notify.sending SET enabled = false, off_reason = 'operator';
         UPDATE notify.attempts SET outcome = 'moved', outcome_at = now();
         INSERT INTO notify.webhooks (notification_id, host, url)
         VALUES ('00000000-0000-0000-0000-000000000003', 'example.com:443', 'https://example.com');",
    )
    .execute(pool)
    .await
    .unwrap();
}

async fn tables(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'notify' AND tablename <> '_sqlx_migrations'",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrations = false)]
async fn migrations_go_up_down_and_up_on_filled_tables(pool: PgPool) {
    MIGRATOR.run(&pool).await.unwrap();
    let all = tables(&pool).await;
    assert_eq!(all, 14);
    fill(&pool).await;
    // Run again, they change nothing.
    MIGRATOR.run(&pool).await.unwrap();
    MIGRATOR.undo(&pool, 0).await.unwrap();
    assert_eq!(tables(&pool).await, 0);
    MIGRATOR.run(&pool).await.unwrap();
    assert_eq!(tables(&pool).await, all);
    fill(&pool).await;
}

#[sqlx::test(migrations = false)]
async fn each_migration_can_be_undone_alone(pool: PgPool) {
    MIGRATOR.run(&pool).await.unwrap();
    let mut versions: Vec<_> = MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type.is_up_migration())
        .map(|migration| migration.version)
        .collect();
    versions.reverse();
    for version in versions {
        fill_if_whole(&pool).await;
        MIGRATOR.undo(&pool, version - 1).await.unwrap();
        MIGRATOR.run(&pool).await.unwrap();
        MIGRATOR.undo(&pool, version - 1).await.unwrap();
    }
    assert_eq!(tables(&pool).await, 0);
}

async fn fill_if_whole(pool: &PgPool) {
    if tables(pool).await < 14 {
        return;
    }
    let filled: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM notify.recipients)")
        .fetch_one(pool)
        .await
        .unwrap();
    if !filled {
        fill(pool).await;
    }
}

#[sqlx::test(migrations = false)]
async fn a_replica_is_not_ready_before_its_migrations(pool: PgPool) {
    let pool = {
        let options = pool.connect_options().as_ref().clone();
        PgPool::connect_with(options.options([("search_path", "notify")]))
            .await
            .unwrap()
    };
    assert!(ready(&pool, &MIGRATOR).await.is_err());
    MIGRATOR.run(&pool).await.unwrap();
    ready(&pool, &MIGRATOR).await.unwrap();
    pool.close().await;
}
