//! SQL of people.

use jiff::SignedDuration;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;

use super::{Language, TelegramAddress, User};
use crate::{errors::Error, ids::UserId};

struct UserRow {
    id: uuid::Uuid,
    display_name: String,
    language: String,
    time_zone: String,
    reminder_leads_s: Vec<i32>,
    version: i64,
    create_time: jiff_sqlx::Timestamp,
    bot_id: Option<i64>,
    chat_id: Option<i64>,
    is_teacher: bool,
}

impl TryFrom<UserRow> for User {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self, Error> {
        let language: Language = row
            .language
            .parse()
            .map_err(|_| Error::Corrupt("users.language"))?;
        let telegram = row.bot_id.zip(row.chat_id);
        let leads = row.reminder_leads_s.into_iter();
        Ok(Self {
            id: UserId(row.id),
            display_name: row.display_name,
            language,
            time_zone: row.time_zone,
            reminder_leads: leads
                .map(|lead| SignedDuration::from_secs(lead.into()))
                .collect(),
            telegram: telegram.map(|(bot_id, chat_id)| TelegramAddress { bot_id, chat_id }),
            version: row.version,
            create_time: row.create_time.to_jiff(),
            is_teacher: row.is_teacher,
        })
    }
}

/// `SELECT` of a whole user; the tail says which, and how it is locked.
macro_rules! select_user {
    ($tail:literal, $($arg:expr),+ $(,)?) => {
        sqlx::query_as!(
            UserRow,
            r#"SELECT u.id, u.display_name, u.language, u.time_zone, u.reminder_leads_s,
                      u.version, u.create_time, a.bot_id AS "bot_id?", a.chat_id AS "chat_id?",
                      EXISTS (SELECT FROM lesson.teachers t WHERE t.user_id = u.id) AS "is_teacher!"
               FROM lesson.users u LEFT JOIN lesson.telegram_accounts a ON a.user_id = u.id "#
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

/// A user whom `viewer` may see: the viewer, or somebody with whom the viewer has or
/// had a lesson.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    viewer: UserId,
    id: UserId,
) -> Result<Option<User>, Error> {
    let row = select_user!(
        "WHERE u.id = $1 AND ($1 = $2
             OR EXISTS (SELECT FROM lesson.bookings b JOIN lesson.lessons l ON l.id = b.lesson_id
                        WHERE b.student_id = $1 AND l.teacher_id = $2)
             OR EXISTS (SELECT FROM lesson.bookings b JOIN lesson.lessons l ON l.id = b.lesson_id
                        WHERE b.student_id = $2 AND l.teacher_id = $1))",
        id.0,
        viewer.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(User::try_from).transpose()
}

/// A user, locked until the transaction ends.
///
/// # Errors
///
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, id: UserId) -> Result<Option<User>, Error> {
    let row = select_user!("WHERE u.id = $1 FOR NO KEY UPDATE OF u", id.0)
        .fetch_optional(conn)
        .await?;
    row.map(User::try_from).transpose()
}

/// The user behind a Telegram account, locked until the transaction ends.
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
        "WHERE a.bot_id = $1 AND a.telegram_user_id = $2 FOR NO KEY UPDATE OF u",
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

/// Writes a locked user's name, settings and address, and raises the version.
///
/// # Errors
///
/// When the database fails.
pub async fn update(conn: &mut PgConnection, user: &mut User) -> Result<(), Error> {
    user.version = sqlx::query_scalar!(
        "UPDATE lesson.users
         SET display_name = $2, language = $3, time_zone = $4, reminder_leads_s = $5, version = version + 1
         WHERE id = $1 RETURNING version",
        user.id.0,
        user.display_name,
        user.language.code(),
        user.time_zone,
        &seconds(&user.reminder_leads),
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

fn seconds(leads: &[SignedDuration]) -> Vec<i32> {
    // At most fourteen days: fits.
    leads
        .iter()
        .filter_map(|lead| i32::try_from(lead.as_secs()).ok())
        .collect()
}
