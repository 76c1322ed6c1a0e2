//! Students whom Telegram does not reach, and their teachers.

use jiff::SignedDuration;
use olm_proto::notify::v1::{
    ChatGone, ChatSeen, Deliver, LessonNoticeKind, LessonSnapshot,
    dispatch_request::Message as Say, outcome::Kind,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{
    BOT, Gateway, Service, attempt, eventually, lesson, moved, notice, now, person, sent, start,
    told,
};

pub fn gone() -> Kind {
    Kind::ChatGone(ChatGone {
        description: "Forbidden: bot was blocked by the user".to_owned(),
    })
}

struct Scene {
    service: Service,
    gateway: Gateway,
    teacher: Uuid,
    student: Uuid,
    lesson: LessonSnapshot,
}

impl Scene {
    async fn new(pool: &PgPool) -> Self {
        let service = start(pool, &[]).await;
        let gateway = Gateway::ready(&service).await;
        let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
        service.put(person(teacher, "Anna", 11)).await;
        service.put(person(student, "Boris", 12)).await;
        let begins = now(pool).await + SignedDuration::from_hours(48);
        Self {
            service,
            gateway,
            teacher,
            student,
            lesson: lesson(teacher, student, begins),
        }
    }

    /// Sends what comes until the student's row, which Telegram refuses.
    async fn refuse_student(&mut self) {
        let deliver = self.next_for(12).await;
        self.gateway.answer(attempt(&deliver), gone()).await;
    }

    /// The next row for a chat; Telegram takes those of others.
    async fn next_for(&mut self, chat: i64) -> Deliver {
        loop {
            let deliver = self.gateway.deliver().await;
            if deliver.chat_id == chat {
                return deliver;
            }
            let taken = sent(1);
            self.gateway.answer(attempt(&deliver), taken).await;
        }
    }

    async fn teacher_is_warned(&mut self, pool: &PgPool) {
        let warned = || async {
            let told = told(pool, self.teacher).await;
            let warnings = told
                .iter()
                .filter(|(kind, _)| kind == "student_unreachable");
            warnings.count()
        };
        eventually(1, warned).await;
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_teacher_is_told_once_of_a_student_who_blocked_the_bot(pool: PgPool) {
    let mut scene = Scene::new(&pool).await;
    let _other_replica = start(&pool, &[]).await;
    scene.service.sync(scene.lesson.clone()).await;
    scene.refuse_student().await;
    scene.teacher_is_warned(&pool).await;
    let warning = loop {
        let deliver = scene.next_for(11).await;
        let taken = sent(1);
        scene.gateway.answer(attempt(&deliver), taken).await;
        if notice(&deliver).kind() == LessonNoticeKind::StudentUnreachable {
            break deliver;
        }
    };
    assert_eq!(notice(&warning).counterpart_name, "Boris");
    assert_eq!(notice(&warning).start_time, scene.lesson.start_time);
    // The same schedule again: nothing new.
    let mut again = scene.lesson.clone();
    again.version += 1;
    scene.service.sync(again).await;
    scene
        .gateway
        .nothing_comes(&scene.service, scene.teacher)
        .await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_falls_due_for_the_unreachable_warns_too_and_a_word_from_them_ends_it(pool: PgPool) {
    let mut scene = Scene::new(&pool).await;
    scene.service.tell(scene.student, "hello?").await;
    scene.refuse_student().await;
    // No lesson was concerned so far; this one fails without using Telegram.
    scene.service.sync(scene.lesson.clone()).await;
    scene.teacher_is_warned(&pool).await;
    let booked = told(&pool, scene.student).await;
    assert!(
        booked.contains(&("booked".to_owned(), "failed".to_owned())),
        "{booked:?}"
    );

    let seen = ChatSeen {
        bot_id: BOT,
        chat_id: 12,
    };
    scene.gateway.say(Say::ChatSeen(seen)).await;
    let by = SignedDuration::from_hours(1);
    eventually(0, || unreachable(&pool)).await;
    scene.service.sync(moved(&scene.lesson, by)).await;
    // They never heard of the lesson: it is news to them, at its new time.
    let deliver = scene.next_for(12).await;
    assert_eq!(notice(&deliver).kind(), LessonNoticeKind::Booked);
    scene.teacher_is_warned(&pool).await;
}

/// Lessons that are still to be planned anew.
async fn left(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM notify.replans")
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_lesson_that_cannot_be_planned_anew_holds_up_no_other(pool: PgPool) {
    let mut scene = Scene::new(&pool).await;
    sqlx::raw_sql(
        "INSERT INTO notify.lessons (lesson_id, version, start_at, end_at, snapshot)
         VALUES ('00000000-0000-0000-0000-000000000002', 1, now(), now() + interval '1 hour', 'x');
         INSERT INTO notify.replans (lesson_id) VALUES
             ('00000000-0000-0000-0000-000000000002'), ('00000000-0000-0000-0000-000000000009')",
    )
    .execute(&pool)
    .await
    .unwrap();
    scene.service.sync(scene.lesson.clone()).await;
    scene.refuse_student().await;
    scene.teacher_is_warned(&pool).await;
    eventually(0, || left(&pool)).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_notice_that_cannot_be_read_holds_up_no_other_lesson(pool: PgPool) {
    let scene = Scene::new(&pool).await;
    let begins = now(&pool).await + SignedDuration::from_hours(72);
    let unreadable = lesson(scene.teacher, Uuid::new_v4(), begins);
    scene.service.sync(unreadable.clone()).await;
    sqlx::query(
        "WITH broken AS (
             UPDATE notify.notification_details SET content = 'x' WHERE lesson_id = $1
         )
         INSERT INTO notify.replans (lesson_id) VALUES ($1)",
    )
    .bind(unreadable.lesson_id.parse::<Uuid>().unwrap())
    .execute(&pool)
    .await
    .unwrap();
    eventually(0, || left(&pool)).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_lesson_that_fails_for_now_goes_to_the_end_and_is_given_up_at_last(pool: PgPool) {
    let mut scene = Scene::new(&pool).await;
    let begins = now(&pool).await + SignedDuration::from_hours(72);
    let failing = lesson(scene.teacher, Uuid::new_v4(), begins);
    scene.service.sync(failing.clone()).await;
    // Its notices cannot be changed, and there is something to change.
    sqlx::raw_sql(
        "CREATE FUNCTION notify.refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
         CREATE TRIGGER refuse BEFORE UPDATE OF content ON notify.notification_details
             FOR EACH ROW EXECUTE FUNCTION notify.refuse();",
    )
    .execute(&pool)
    .await
    .unwrap();
    let lesson_id: Uuid = failing.lesson_id.parse().unwrap();
    sqlx::query(
        "WITH other AS (
             UPDATE notify.notification_details SET counterpart_id = NULL WHERE lesson_id = $1
         )
         INSERT INTO notify.replans (lesson_id) VALUES ($1)",
    )
    .bind(lesson_id)
    .execute(&pool)
    .await
    .unwrap();
    // Others are planned meanwhile.
    scene.service.sync(scene.lesson.clone()).await;
    scene.refuse_student().await;
    scene.teacher_is_warned(&pool).await;
    eventually(0, || left(&pool)).await;
    // Ten times, each at a new place, and once for the student's lesson.
    let places: i64 = sqlx::query_scalar("SELECT last_value FROM notify.replans_id_seq")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(places, 11);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn who_wrote_after_an_attempt_began_is_not_marked_by_its_refusal(pool: PgPool) {
    let mut scene = Scene::new(&pool).await;
    scene.service.tell(scene.student, "hello?").await;
    let deliver = scene.next_for(12).await;
    // They unblock the bot while Telegram's refusal is on its way.
    let seen = ChatSeen {
        bot_id: BOT,
        chat_id: 12,
    };
    scene.gateway.say(Say::ChatSeen(seen)).await;
    scene.gateway.answer(attempt(&deliver), gone()).await;
    assert_eq!(unreachable(&pool).await, 0);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn other_settings_do_not_make_a_person_reachable_but_another_address_does(pool: PgPool) {
    let mut scene = Scene::new(&pool).await;
    scene.service.tell(scene.student, "hello?").await;
    let deliver = scene.next_for(12).await;
    // Nor do they say that an attempt begun before arrived.
    let mut changed = person(scene.student, "Boris", 12);
    changed.version = 2;
    scene.service.put(changed.clone()).await;
    scene.gateway.answer(attempt(&deliver), gone()).await;
    assert_eq!(unreachable(&pool).await, 1);
    changed.version = 3;
    scene.service.put(changed.clone()).await;
    assert_eq!(unreachable(&pool).await, 1);
    changed.version = 4;
    changed.chat_id = 13;
    scene.service.put(changed).await;
    assert_eq!(unreachable(&pool).await, 0);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_teacher_is_warned_of_what_failed_though_its_reader_came_back(pool: PgPool) {
    let mut scene = Scene::new(&pool).await;
    scene.service.sync(scene.lesson.clone()).await;
    let deliver = scene.next_for(12).await;
    // The refusal's plan waits for the teacher until the student has come back.
    let mut held = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM notify.recipients WHERE user_id = $1 FOR UPDATE")
        .bind(scene.teacher)
        .execute(&mut *held)
        .await
        .unwrap();
    scene.gateway.answer(attempt(&deliver), gone()).await;
    assert_eq!(unreachable(&pool).await, 1);
    sqlx::query("UPDATE notify.recipients SET unreachable_since = NULL WHERE user_id = $1")
        .bind(scene.student)
        .execute(&mut *held)
        .await
        .unwrap();
    held.commit().await.unwrap();
    scene.teacher_is_warned(&pool).await;
}

async fn unreachable(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM notify.recipients WHERE unreachable_since IS NOT NULL")
        .fetch_one(pool)
        .await
        .unwrap()
}
