//! Changing a profile, settings, and who is an admin.

use jiff::SignedDuration;
use olm_proto::{
    common::v1::Caller,
    lesson::v1::{RulesZone, SetAdminRequest, UpdateSettingsRequest, UpdateUserRequest},
    notify::v1::LessonNoticeKind,
};
use service_kit::status::Violations;
use sqlx::PgConnection;

use super::{Language, QuietHours, User, read_about, read_name, settings, store};
use crate::{
    actors::Claimed,
    availability,
    errors::{Error, check_version},
    ids::{SeriesId, UserId},
    outbox, series,
    state::State,
    teachers, zones,
};

/// Changes the acting user's own profile.
///
/// # Errors
///
/// What stands against it.
pub async fn update_user(
    state: &State,
    id: UserId,
    request: &UpdateUserRequest,
) -> Result<User, Error> {
    let mut violations = Violations::default();
    let name = request.display_name.as_deref();
    let name = name.map(|given| read_name(given, &mut violations));
    let about = request.about.as_deref();
    let about = about.map(|given| read_about(given, &mut violations));
    require_version(request.expected_version, &mut violations);
    violations.check()?;
    let mut tx = state.pool.begin().await?;
    let before = store::lock(&mut tx, id).await?.ok_or(Error::UserNotFound)?;
    check_version(request.expected_version, before.version)?;
    let mut user = before.clone();
    if let Some(name) = name {
        user.display_name = name;
        user.name_chosen = true;
    }
    user.about = about.unwrap_or(user.about);
    if user != before {
        store::update(&mut tx, &mut user).await?;
        outbox::store::insert_recipient(&mut tx, &user, state.now()).await?;
        tx.commit().await?;
        state.committed();
    }
    Ok(user)
}

/// What becomes of the quiet hours.
enum Quiet {
    Stay,
    Become(Option<QuietHours>),
}

/// Settings to change; what is `None` stays as it is.
struct Wanted {
    language: Option<Language>,
    time_zone: Option<String>,
    reminder_leads: Option<Vec<SignedDuration>>,
    quiet_hours: Quiet,
    muted_kinds: Option<Vec<LessonNoticeKind>>,
    rules_zone: RulesZone,
}

impl Wanted {
    fn read(request: &UpdateSettingsRequest) -> Result<Self, Error> {
        let mut violations = Violations::default();
        let language = request.language.as_deref().and_then(|text| {
            let language: Option<Language> = text.parse().ok();
            violations.require(
                language.is_some(),
                "language",
                "is neither \"ru\" nor \"en\"",
            );
            language
        });
        let time_zone = request.time_zone.as_deref().and_then(|text| {
            let name = zones::canonical_name(text);
            violations.require(name.is_some(), "time_zone", "is not an IANA time zone");
            name
        });
        let leads = request.reminder_leads.as_ref();
        let leads = leads.map(|given| settings::read_leads(&given.leads, &mut violations));
        let quiet_hours = request.quiet_hours.as_ref();
        let quiet_hours = quiet_hours.map_or(Quiet::Stay, |given| {
            Quiet::Become(QuietHours::read(given, &mut violations))
        });
        let muted = request.muted_kinds.as_ref();
        let muted = muted.map(|given| settings::read_muted_kinds(&given.kinds, &mut violations));
        let rules_zone = RulesZone::try_from(request.rules_zone).ok();
        violations.require(
            rules_zone.is_some(),
            "rules_zone",
            "is not one of its values",
        );
        require_version(request.expected_version, &mut violations);
        violations.check()?;
        Ok(Self {
            language,
            time_zone,
            reminder_leads: leads,
            quiet_hours,
            muted_kinds: muted,
            rules_zone: rules_zone.unwrap_or_default(),
        })
    }

    fn apply(self, user: &mut User) {
        user.language = self.language.unwrap_or(user.language);
        if let Some(time_zone) = self.time_zone {
            user.time_zone = time_zone;
        }
        if let Some(leads) = self.reminder_leads {
            user.reminder_leads = leads;
        }
        match self.quiet_hours {
            Quiet::Stay => {}
            Quiet::Become(hours) => user.quiet_hours = hours,
        }
        if let Some(kinds) = self.muted_kinds {
            user.muted_kinds = kinds;
        }
    }
}

/// How many series in another zone are named to a teacher who moves.
const MOST_SERIES: i64 = 50;

/// Changes the acting user's own settings. Lessons are instants and stay where they
/// are, whatever the zone, and series keep their own: those that a teacher who moved teaches
/// in another are answered beside the user.
///
/// # Errors
///
/// What stands against it; [`Error::RulesZoneNeeded`] when a teacher moves and did not
/// say what becomes of the hours of work.
pub async fn update_settings(
    state: &State,
    id: UserId,
    request: &UpdateSettingsRequest,
) -> Result<(User, Vec<SeriesId>), Error> {
    let wanted = Wanted::read(request)?;
    let mut tx = state.pool.begin().await?;
    let before = store::lock(&mut tx, id).await?.ok_or(Error::UserNotFound)?;
    check_version(request.expected_version, before.version)?;
    let mut user = before.clone();
    let rules_zone = wanted.rules_zone;
    wanted.apply(&mut user);
    if user == before {
        return Ok((user, Vec::new()));
    }
    if user.time_zone != before.time_zone {
        move_rules(&mut tx, &user, rules_zone).await?;
    }
    let now = state.now();
    let elsewhere = if user.time_zone == before.time_zone {
        Vec::new()
    } else {
        let zone = &user.time_zone;
        series::store::jobs::list_elsewhere(&mut tx, id, zone, now, MOST_SERIES).await?
    };
    store::update(&mut tx, &mut user).await?;
    outbox::store::insert_recipient(&mut tx, &user, now).await?;
    tx.commit().await?;
    state.committed();
    Ok((user, elsewhere))
}

/// Does with the hours of work of a person who moved what the person wants
/// (docs/decisions/0009).
async fn move_rules(
    conn: &mut PgConnection,
    user: &User,
    rules_zone: RulesZone,
) -> Result<(), Error> {
    if teachers::store::lock(&mut *conn, user.id).await?.is_none() {
        return Ok(());
    }
    let Some(rules_time_zone) = availability::store::find_zone(&mut *conn, user.id).await? else {
        return Ok(());
    };
    if rules_time_zone == user.time_zone {
        return Ok(());
    }
    match rules_zone {
        RulesZone::Unspecified => Err(Error::RulesZoneNeeded { rules_time_zone }),
        RulesZone::Keep => Ok(()),
        RulesZone::Convert => {
            availability::store::convert_zone(conn, user.id, &user.time_zone).await
        }
    }
}

/// Makes a person an admin, or takes that away: operators may, who speak for nobody,
/// and admins.
///
/// # Errors
///
/// [`Error::AdminOnly`], or [`Error::UserNotFound`] for nobody and for the erased.
pub async fn set_admin(
    state: &State,
    caller: Caller,
    claimed: Option<Claimed>,
    request: &SetAdminRequest,
) -> Result<User, Error> {
    let mut violations = Violations::default();
    let id = UserId(violations.uuid("user_id", &request.user_id));
    violations.check()?;
    let mut tx = state.pool.begin().await?;
    let by = match claimed {
        Some(claimed) => {
            let actor = claimed.actor_locked(&mut tx).await?;
            if !actor.admin {
                return Err(Error::AdminOnly);
            }
            Some(actor.user)
        }
        None if caller == Caller::Operator => None,
        None => return Err(Error::AdminOnly),
    };
    let mut user = store::lock(&mut tx, id).await?.ok_or(Error::UserNotFound)?;
    if user.is_admin != request.is_admin {
        user.is_admin = request.is_admin;
        store::update(&mut tx, &mut user).await?;
        tx.commit().await?;
        state.committed();
        let by = by.map(tracing::field::display);
        tracing::info!(event = "admin_set", user_id = %id, is_admin = request.is_admin, by, "admin set");
    }
    Ok(user)
}

fn require_version(expected: i64, violations: &mut Violations) {
    violations.require(expected > 0, "expected_version", "is not more than 0");
}
