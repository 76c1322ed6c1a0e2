//! Registering the person behind a Telegram account.

use jiff::SignedDuration;
use olm_proto::lesson::v1::RegisterTelegramUserRequest;
use service_kit::status::Violations;

use super::{Language, TelegramAddress, User, name_from_telegram, store};
use crate::{errors::Error, ids::UserId, outbox, state::State};

/// Registers a person, or finds the one registered before; true when this call did it.
///
/// # Errors
///
/// Wrong fields, or the database's error.
pub async fn register(
    state: &State,
    request: &RegisterTelegramUserRequest,
) -> Result<(User, bool), Error> {
    let mut violations = Violations::default();
    for (field, id) in [
        ("bot_id", request.bot_id),
        ("telegram_user_id", request.telegram_user_id),
        ("chat_id", request.chat_id),
    ] {
        violations.require(id > 0, field, "is not more than 0");
    }
    violations.check()?;
    let name = name_from_telegram(&request.display_name, request.telegram_user_id);
    // Who loses the race for a new account finds it on the second round.
    for _ in 0..2 {
        if let Some(registered) = register_once(state, request, &name).await? {
            return Ok(registered);
        }
    }
    Err(Error::Corrupt(
        "a Telegram account is neither there nor free",
    ))
}

/// `None` when another call registered the account meanwhile.
async fn register_once(
    state: &State,
    request: &RegisterTelegramUserRequest,
    name: &str,
) -> Result<Option<(User, bool)>, Error> {
    let address = TelegramAddress {
        bot_id: request.bot_id,
        chat_id: request.chat_id,
    };
    let mut tx = state.pool.begin().await?;
    let known = store::lock_by_telegram(&mut tx, request.bot_id, request.telegram_user_id).await?;
    let created = known.is_none();
    let user = if let Some(mut user) = known {
        let kept = user.name_chosen || user.display_name == name;
        if kept && user.telegram == Some(address) {
            return Ok(Some((user, false)));
        }
        if !kept {
            name.clone_into(&mut user.display_name);
        }
        user.telegram = Some(address);
        store::update(&mut tx, &mut user).await?;
        user
    } else {
        let user = new_user(state, request, name, address);
        store::insert(&mut tx, &user).await?;
        if !store::insert_account(&mut tx, user.id, request.telegram_user_id, address).await? {
            return Ok(None);
        }
        user
    };
    outbox::store::insert_recipient(&mut tx, &user, state.now()).await?;
    tx.commit().await?;
    state.committed();
    if created {
        tracing::info!(event = "user_registered", user_id = %user.id, bot_id = request.bot_id, "user registered");
    }
    Ok(Some((user, created)))
}

fn new_user(
    state: &State,
    request: &RegisterTelegramUserRequest,
    name: &str,
    address: TelegramAddress,
) -> User {
    User {
        id: UserId::new(&*state.clock),
        display_name: name.to_owned(),
        name_chosen: false,
        about: String::new(),
        language: Language::of_tag(&request.language_code).unwrap_or(state.defaults.language),
        time_zone: state.defaults.time_zone.clone(),
        reminder_leads: vec![SignedDuration::from_hours(1)],
        quiet_hours: None,
        muted_kinds: Vec::new(),
        telegram: Some(address),
        version: 1,
        create_time: state.now(),
        is_teacher: false,
        is_admin: false,
        erase_time: None,
    }
}
