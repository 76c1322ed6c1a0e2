//! SQL of people.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Language, QuietHours, TelegramAddress, User, anywhere,
    settings::{kind_from_name, kind_name},
};
use crate::{actors::Actor, errors::Error, ids::UserId};

struct UserRow {
    id: Uuid,
    display_name: String,
    name_chosen: bool,
    about: String,
    language: String,
    time_zone: String,
    reminder_leads_s: Vec<i32>,
    quiet_start_minute: Option<i16>,
    quiet_end_minute: Option<i16>,
    muted_kinds: Vec<String>,
    version: i64,
    create_time: jiff_sqlx::Timestamp,
    bot_id: Option<i64>,
    chat_id: Option<i64>,
    is_teacher: bool,
    is_admin: bool,
    erase_time: Option<jiff_sqlx::Timestamp>,
    sort_name: String,
}

impl TryFrom<UserRow> for User {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self, Error> {
        let language: Language = row
            .language
            .parse()
            .map_err(|_| Error::Corrupt("users.language"))?;
        let kind = |name: &String| kind_from_name(name).ok_or(Error::Corrupt("users.muted_kinds"));
        let muted_kinds: Result<Vec<_>, Error> = row.muted_kinds.iter().map(kind).collect();
        let quiet = row.quiet_start_minute.zip(row.quiet_end_minute);
        let telegram = row.bot_id.zip(row.chat_id);
        let leads = row.reminder_leads_s.into_iter();
        Ok(Self {
            id: UserId(row.id),
            display_name: row.display_name,
            name_chosen: row.name_chosen,
            about: row.about,
            language,
            time_zone: row.time_zone,
            reminder_leads: leads
                .map(|lead| SignedDuration::from_secs(lead.into()))
                .collect(),
            quiet_hours: quiet.map(|(start_minute, end_minute)| QuietHours {
                start_minute,
                end_minute,
            }),
            muted_kinds: muted_kinds?,
            telegram: telegram.map(|(bot_id, chat_id)| TelegramAddress { bot_id, chat_id }),
            version: row.version,
            create_time: row.create_time.to_jiff(),
            is_teacher: row.is_teacher,
            is_admin: row.is_admin,
            erase_time: row.erase_time.map(jiff_sqlx::Timestamp::to_jiff),
        })
    }
}

/// `SELECT` of a whole user; the tail says which, and how it is locked.
macro_rules! select_user {
    ($tail:literal, $($arg:expr),+ $(,)?) => {
        sqlx::query_as!(
            UserRow,
            r#"SELECT u.id, u.display_name, u.name_chosen, u.about, u.language, u.time_zone,
                      u.reminder_leads_s, u.quiet_start_minute, u.quiet_end_minute, u.muted_kinds,
                      u.version, u.create_time, a.bot_id AS "bot_id?", a.chat_id AS "chat_id?",
                      t.user_id IS NOT NULL AS "is_teacher!", u.is_admin, u.erase_time,
                      lower(u.display_name) AS "sort_name!"
               FROM lesson.users u
                   LEFT JOIN lesson.telegram_accounts a ON a.user_id = u.id
                   LEFT JOIN lesson.teachers t ON t.user_id = u.id AND t.delete_time IS NULL "#
                + $tail,
            $($arg),+
        )
    };
}

/// Makes sure that the acting user exists and was not erased; answers whether they are
/// an admin.
///
/// # Errors
///
/// [`Error::UserNotFound`].
pub async fn require(conn: &mut PgConnection, id: UserId) -> Result<bool, Error> {
    let is_admin = sqlx::query_scalar!(
        "SELECT is_admin FROM lesson.users WHERE id = $1 AND erase_time IS NULL",
        id.0
    )
    .fetch_optional(conn)
    .await?;
    is_admin.ok_or(Error::UserNotFound)
}

/// The zone of a registered, living person, IANA name.
///
/// # Errors
///
/// [`Error::UserNotFound`] for nobody and for the erased.
pub async fn require_zone(conn: &mut PgConnection, id: UserId) -> Result<String, Error> {
    let time_zone = sqlx::query_scalar!(
        "SELECT time_zone FROM lesson.users WHERE id = $1 AND erase_time IS NULL",
        id.0
    )
    .fetch_optional(conn)
    .await?;
    time_zone.ok_or(Error::UserNotFound)
}

/// Like [`require`], and keeps the person from being erased until the transaction ends:
/// what changes anything for a person begins with it, before any other lock, so that
/// nothing is made for somebody who is being forgotten.
///
/// # Errors
///
/// [`Error::UserNotFound`].
pub async fn require_locked(conn: &mut PgConnection, id: UserId) -> Result<bool, Error> {
    // Settings are changed under FOR NO KEY UPDATE, which does not wait for this.
    let is_admin = sqlx::query_scalar!(
        "SELECT is_admin FROM lesson.users WHERE id = $1 AND erase_time IS NULL FOR KEY SHARE",
        id.0
    )
    .fetch_optional(conn)
    .await?;
    is_admin.ok_or(Error::UserNotFound)
}

/// A user whom `viewer` may see: the viewer, somebody who learns from the viewer or
/// whom the viewer learns from, or with whom the viewer has or had a lesson. Admins see
/// everybody, also the tombstones of the erased.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    viewer: Actor,
    id: UserId,
) -> Result<Option<User>, Error> {
    let row = select_user!(
        "WHERE u.id = $1 AND ($3 OR (u.erase_time IS NULL AND ($1 = $2
             OR EXISTS (SELECT FROM lesson.students s
                        WHERE s.teacher_id = $2 AND s.student_id = $1 AND s.end_time IS NULL)
             OR EXISTS (SELECT FROM lesson.students s
                        WHERE s.teacher_id = $1 AND s.student_id = $2 AND s.end_time IS NULL)
             OR EXISTS (SELECT FROM lesson.bookings b JOIN lesson.lessons l ON l.id = b.lesson_id
                        WHERE b.student_id = $1 AND l.teacher_id = $2)
             OR EXISTS (SELECT FROM lesson.bookings b JOIN lesson.lessons l ON l.id = b.lesson_id
                        WHERE b.student_id = $2 AND l.teacher_id = $1))))",
        id.0,
        viewer.user.0,
        viewer.admin,
    )
    .fetch_optional(conn)
    .await?;
    row.map(User::try_from).transpose()
}

/// Living people whose name contains `query`, any case, by name, after the one named
/// and identified by `after`; each with the name they are sorted by. For admins.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    query: &str,
    after: (&str, Uuid),
    limit: i64,
) -> Result<Vec<(User, String)>, Error> {
    // Two statements, so that each has a plan of its own: the index by name, or the one
    // by parts of names.
    let rows = if query.is_empty() {
        select_user!(
            r#"WHERE (lower(u.display_name) COLLATE "C", u.id) > ($1, $2) AND u.erase_time IS NULL
               ORDER BY lower(u.display_name) COLLATE "C", u.id LIMIT $3"#,
            after.0,
            after.1,
            limit,
        )
        .fetch_all(conn)
        .await?
    } else {
        select_user!(
            r#"WHERE lower(u.display_name) LIKE lower($4)
                 AND (lower(u.display_name) COLLATE "C", u.id) > ($1, $2) AND u.erase_time IS NULL
               ORDER BY lower(u.display_name) COLLATE "C", u.id LIMIT $3"#,
            after.0,
            after.1,
            limit,
            anywhere(query),
        )
        .fetch_all(conn)
        .await?
    };
    rows.into_iter()
        .map(|mut row| {
            let sort_name = std::mem::take(&mut row.sort_name);
            Ok((User::try_from(row)?, sort_name))
        })
        .collect()
}

/// A living user, locked until the transaction ends.
///
/// # Errors
///
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, id: UserId) -> Result<Option<User>, Error> {
    let row = select_user!(
        "WHERE u.id = $1 AND u.erase_time IS NULL FOR NO KEY UPDATE OF u",
        id.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(User::try_from).transpose()
}

/// The living user behind a Telegram account, locked until the transaction ends. An
/// account whose person is just being erased is nobody's.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_by_telegram(
    conn: &mut PgConnection,
    bot_id: i64,
    telegram_user_id: i64,
) -> Result<Option<User>, Error> {
    let row = select_user!(
        "WHERE a.bot_id = $1 AND a.telegram_user_id = $2 AND u.erase_time IS NULL
         FOR NO KEY UPDATE OF u",
        bot_id,
        telegram_user_id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(User::try_from).transpose()
}

/// Inserts a user without Telegram address.
///
/// # Errors
///
/// When the database fails.
pub async fn insert(conn: &mut PgConnection, user: &User) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.users (id, display_name, language, time_zone, reminder_leads_s, create_time)
         VALUES ($1, $2, $3, $4, $5, $6)",
        user.id.0,
        user.display_name,
        user.language.code(),
        user.time_zone,
        &seconds(&user.reminder_leads),
        user.create_time.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Binds a Telegram account to a user; false when somebody was faster.
///
/// # Errors
///
/// When the database fails.
pub async fn insert_account(
    conn: &mut PgConnection,
    user: UserId,
    telegram_user_id: i64,
    address: TelegramAddress,
) -> Result<bool, Error> {
    let inserted = sqlx::query!(
        "INSERT INTO lesson.telegram_accounts (bot_id, telegram_user_id, user_id, chat_id)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (bot_id, telegram_user_id) DO NOTHING",
        address.bot_id,
        telegram_user_id,
        user.0,
        address.chat_id,
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Writes a locked user's profile, settings, address and rights, and raises the
/// version.
///
/// # Errors
///
/// When the database fails.
pub async fn update(conn: &mut PgConnection, user: &mut User) -> Result<(), Error> {
    let muted_kinds: Vec<String> = user.muted_kinds.iter().copied().map(kind_name).collect();
    user.version = sqlx::query_scalar!(
        "UPDATE lesson.users
         SET display_name = $2, name_chosen = $3, about = $4, language = $5, time_zone = $6,
             reminder_leads_s = $7, quiet_start_minute = $8, quiet_end_minute = $9,
             muted_kinds = $10, is_admin = $11, version = version + 1
         WHERE id = $1 RETURNING version",
        user.id.0,
        user.display_name,
        user.name_chosen,
        user.about,
        user.language.code(),
        user.time_zone,
        &seconds(&user.reminder_leads),
        user.quiet_hours.map(|quiet| quiet.start_minute),
        user.quiet_hours.map(|quiet| quiet.end_minute),
        &muted_kinds,
        user.is_admin,
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.telegram_accounts SET chat_id = $2 WHERE user_id = $1 AND chat_id <> $2",
        user.id.0,
        user.telegram.map(|address| address.chat_id),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks a person who is to be erased against everything else that is done for them;
/// answers whether they were erased before, `None` when there is nobody.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_for_erasure(conn: &mut PgConnection, id: UserId) -> Result<Option<bool>, Error> {
    let erased = sqlx::query_scalar!(
        r#"SELECT erase_time IS NOT NULL AS "erased!" FROM lesson.users WHERE id = $1 FOR UPDATE"#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(erased)
}

/// Makes a locked person a tombstone, and forgets their Telegram account and requests;
/// answers the version of the erasure.
///
/// # Errors
///
/// When the database fails.
pub async fn update_erased(
    conn: &mut PgConnection,
    id: UserId,
    now: Timestamp,
) -> Result<i64, Error> {
    sqlx::query!(
        "DELETE FROM lesson.telegram_accounts WHERE user_id = $1",
        id.0
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("DELETE FROM lesson.requests WHERE user_id = $1", id.0)
        .execute(&mut *conn)
        .await?;
    let version = sqlx::query_scalar!(
        "UPDATE lesson.users
         SET display_name = '', name_chosen = false, about = '', language = 'en',
             time_zone = 'UTC', reminder_leads_s = DEFAULT, quiet_start_minute = NULL,
             quiet_end_minute = NULL, muted_kinds = DEFAULT, is_admin = false,
             erase_time = $2, version = version + 1
         WHERE id = $1 RETURNING version",
        id.0,
        now.to_sqlx(),
    )
    .fetch_one(conn)
    .await?;
    Ok(version)
}

fn seconds(leads: &[SignedDuration]) -> Vec<i32> {
    // At most fourteen days: fits.
    leads
        .iter()
        .filter_map(|lead| i32::try_from(lead.as_secs()).ok())
        .collect()
}
