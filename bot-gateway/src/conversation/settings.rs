//! The settings: one screen, edited in place.

mod pages;
pub(super) mod reading;

use jiff::{SignedDuration, Timestamp};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        GetUserRequest, MutedKinds, QuietHours, ReminderLeads, RulesZone, UpdateSettingsRequest,
        UpdateUserRequest, User,
    },
    notify::v1::LessonNoticeKind,
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{Language, SettingsScreen};
use tonic::{Code, Status};

use super::{Answer, Conversation, Fault, Reader, start};
use crate::{
    buttons::settings::{Page, QuietMinutes, Settings},
    memory::{Question, Then},
    replies::Reply,
};

pub(super) use pages::{changed_page, leads_in_words, page};

/// The most reminders of one person (`ReminderLeads` of the contract).
const MOST_LEADS: usize = 5;

/// What became of a change.
pub(super) enum Updated {
    Done(Reader),
    /// Wrong as it was typed.
    Refused,
    /// The person was changed meanwhile; as they are now.
    Stale(Reader),
    /// A teacher has to say what becomes of the hours of work.
    RulesZoneNeeded,
}

/// One setting and what it is to be.
enum Wish {
    Language(Language),
    Lead(SignedDuration, bool),
    Quiet(Option<QuietMinutes>),
    Kind(LessonNoticeKind, bool),
}

impl Conversation {
    /// /language, and what stands behind it.
    pub(super) async fn language(&self, reader: &Reader, tag: &str) -> Result<Answer, Fault> {
        let now = self.now();
        let Some(language) = Language::known(tag) else {
            return Ok(Answer::New(page(reader, Page::Language, now)));
        };
        let wish = Wish::Language(language);
        Ok(match self.update(reader, wish.change(reader)).await? {
            Updated::Done(reader) => {
                let menu = start::menu(&reader);
                let screen = page(&reader, Page::Menu, now);
                Answer::New(Reply::new(screen.html, Some(menu)))
            }
            Updated::Stale(reader) => Answer::New(changed_page(&reader, now)),
            Updated::Refused | Updated::RulesZoneNeeded => return Err(Fault::Unexpected),
        })
    }

    /// A pressed button of the settings; `question` is what the screen it stood on asked.
    pub(super) async fn settings(
        &self,
        reader: &Reader,
        question: Option<&Question>,
        pressed: Settings,
    ) -> Result<Answer, Fault> {
        let then = match question {
            Some(Question::Zone(then) | Question::Place(then)) => *then,
            _ => Then::Settings,
        };
        let (version, wish) = match pressed {
            Settings::Open(way @ (Page::Zone | Page::City | Page::Place | Page::Clock)) => {
                return Ok(self.zone_page(reader, then, way));
            }
            Settings::Open(of) => return Ok(Answer::Here(page(reader, of, self.now()))),
            Settings::Clock { offset } => return Ok(self.zones_of_offset(reader, then, offset)),
            Settings::Zone { version, zone } => {
                return self.zone_pressed(reader, then, version, zone, None).await;
            }
            Settings::ZoneAndRules {
                version,
                zone,
                moves,
            } => {
                let rules = if moves {
                    RulesZone::Convert
                } else {
                    RulesZone::Keep
                };
                let rules = Some(rules);
                return self.zone_pressed(reader, then, version, zone, rules).await;
            }
            Settings::Language { version, language } => (version, Wish::Language(language)),
            Settings::Lead {
                version,
                minutes,
                on,
            } => (version, Wish::Lead(SignedDuration::from_mins(minutes), on)),
            Settings::Quiet { version, hours } => (version, Wish::Quiet(hours)),
            Settings::Kind { version, kind, on } => (version, Wish::Kind(kind, on)),
        };
        if let Wish::Language(language) = wish {
            return self.language_pressed(reader, version, language).await;
        }
        self.wish(reader, version, wish).await.map(Answer::Here)
    }

    /// A pressed language: the menu below the text field is written in it too. A repeat brings
    /// that anew, as the first may have been cut short before.
    async fn language_pressed(
        &self,
        reader: &Reader,
        version: i64,
        language: Language,
    ) -> Result<Answer, Fault> {
        let wish = Wish::Language(language);
        let now = self.now();
        let reader = if wish.holds(reader) {
            reader.clone()
        } else if version != reader.version() {
            return Ok(Answer::Here(changed_page(reader, now)));
        } else {
            match self.update(reader, wish.change(reader)).await? {
                Updated::Done(reader) => reader,
                Updated::Stale(reader) => return Ok(Answer::Here(changed_page(&reader, now))),
                Updated::Refused | Updated::RulesZoneNeeded => return Err(Fault::Unexpected),
            }
        };
        let html = SettingsScreen::LanguageIs.html(reader.language);
        let said = Reply::new(html, Some(start::menu(&reader)));
        Ok(Answer::Both(said, page(&reader, Page::Menu, now)))
    }

    /// Changes a setting, if the person is still the one the button was drawn for.
    async fn wish(&self, reader: &Reader, version: i64, wish: Wish) -> Result<Reply, Fault> {
        let now = self.now();
        // Pressed twice, or so already.
        if wish.holds(reader) {
            return Ok(page(reader, wish.page(), now));
        }
        if version != reader.version() {
            return Ok(changed_page(reader, now));
        }
        if matches!(wish, Wish::Lead(_, true)) && reader.user.reminder_leads.len() >= MOST_LEADS {
            let screen = SettingsScreen::TooManyLeads.html(reader.language);
            return Ok(page(reader, Page::Leads, now).below(&screen));
        }
        Ok(match self.update(reader, wish.change(reader)).await? {
            Updated::Done(reader) => page(&reader, wish.page(), now),
            Updated::Stale(reader) => changed_page(&reader, now),
            Updated::Refused | Updated::RulesZoneNeeded => return Err(Fault::Unexpected),
        })
    }

    /// A lead in words of the person's own.
    pub(super) async fn lead_typed(&self, reader: &Reader, typed: &str) -> Result<Answer, Fault> {
        let Some(minutes) = reading::lead(typed) else {
            let html = SettingsScreen::NoLead.html(reader.language);
            return Ok(Answer::New(Reply::text(html).asking(Question::Lead)));
        };
        let wish = Wish::Lead(SignedDuration::from_mins(minutes), true);
        let version = reader.version();
        self.wish(reader, version, wish).await.map(Answer::New)
    }

    /// Quiet hours in words of the person's own.
    pub(super) async fn quiet_typed(&self, reader: &Reader, typed: &str) -> Result<Answer, Fault> {
        let Some(hours) = reading::hours(typed) else {
            let html = SettingsScreen::NoQuiet.html(reader.language);
            return Ok(Answer::New(Reply::text(html).asking(Question::QuietHours)));
        };
        let wish = Wish::Quiet(Some(hours));
        let version = reader.version();
        self.wish(reader, version, wish).await.map(Answer::New)
    }

    /// What the person wants to be called.
    pub(super) async fn name_typed(&self, reader: &Reader, typed: &str) -> Result<Answer, Fault> {
        let change = UpdateUserRequest {
            display_name: Some(typed.to_owned()),
            about: None,
            expected_version: reader.version(),
        };
        let mut users = self.users.clone();
        let changed = users.update_user(acting(change, reader.id)).await;
        let user = changed.map(|changed| changed.into_inner().user);
        let now = self.now();
        Ok(Answer::New(match self.updated(reader, user).await? {
            Updated::Done(reader) => page(&reader, Page::Menu, now),
            Updated::Stale(reader) => changed_page(&reader, now),
            Updated::Refused => {
                let html = SettingsScreen::NoName.html(reader.language);
                Reply::text(html).asking(Question::Name)
            }
            Updated::RulesZoneNeeded => return Err(Fault::Unexpected),
        }))
    }

    pub(super) async fn update(
        &self,
        reader: &Reader,
        change: UpdateSettingsRequest,
    ) -> Result<Updated, Fault> {
        let change = UpdateSettingsRequest {
            expected_version: reader.version(),
            ..change
        };
        let mut users = self.users.clone();
        let changed = users.update_settings(acting(change, reader.id)).await;
        let user = changed.map(|changed| changed.into_inner().user);
        self.updated(reader, user).await
    }

    async fn updated(
        &self,
        reader: &Reader,
        changed: Result<Option<User>, Status>,
    ) -> Result<Updated, Fault> {
        let person = |user: Option<User>| user.and_then(Reader::from_wire);
        match changed {
            Ok(user) => person(user).map(Updated::Done).ok_or(Fault::Unexpected),
            Err(status) if reason(&status) == Some(ErrorReason::VersionStale) => {
                let get = GetUserRequest {
                    user_id: reader.id.to_string(),
                };
                let mut users = self.users.clone();
                let found = users.get_user(acting(get, reader.id)).await?;
                let user = found.into_inner().user;
                person(user).map(Updated::Stale).ok_or(Fault::Unexpected)
            }
            Err(status) if reason(&status) == Some(ErrorReason::RulesZoneNeeded) => {
                Ok(Updated::RulesZoneNeeded)
            }
            Err(status) if status.code() == Code::InvalidArgument => Ok(Updated::Refused),
            Err(status) => Err(status.into()),
        }
    }
}

impl Wish {
    /// Whether it is so already.
    fn holds(&self, reader: &Reader) -> bool {
        match self {
            Self::Language(language) => reader.language == *language,
            Self::Lead(lead, on) => leads(reader).contains(lead) == *on,
            Self::Quiet(hours) => quiet(reader) == *hours,
            Self::Kind(kind, on) => muted(reader).contains(kind) != *on,
        }
    }

    /// Where it is shown.
    fn page(&self) -> Page {
        match self {
            Self::Language(_) => Page::Menu,
            Self::Lead(..) => Page::Leads,
            Self::Quiet(_) => Page::Quiet,
            Self::Kind(..) => Page::Kinds,
        }
    }

    fn change(&self, reader: &Reader) -> UpdateSettingsRequest {
        let mut change = UpdateSettingsRequest::default();
        match self {
            Self::Language(language) => change.language = Some(language.tag().to_owned()),
            Self::Lead(lead, on) => {
                let mut leads = leads(reader);
                leads.retain(|one| one != lead);
                leads.extend(on.then_some(*lead));
                leads.sort_unstable();
                let leads = leads.into_iter().map(olm_proto::duration).collect();
                change.reminder_leads = Some(ReminderLeads { leads });
            }
            Self::Quiet(hours) => {
                let (start, end) = hours.map_or_else(Default::default, |(start, end)| {
                    (pages::time_of_day(start), pages::time_of_day(end))
                });
                change.quiet_hours = Some(QuietHours {
                    start_time_of_day: start,
                    end_time_of_day: end,
                });
            }
            Self::Kind(kind, on) => {
                let mut kinds = muted(reader);
                kinds.retain(|one| one != kind);
                kinds.extend((!on).then_some(*kind));
                let kinds = kinds.into_iter().map(i32::from).collect();
                change.muted_kinds = Some(MutedKinds { kinds });
            }
        }
        change
    }
}

/// How long before a lesson the reader is reminded.
fn leads(reader: &Reader) -> Vec<SignedDuration> {
    let leads = reader.user.reminder_leads.iter();
    leads.filter_map(olm_proto::span).collect()
}

/// When the reader is left alone.
fn quiet(reader: &Reader) -> Option<QuietMinutes> {
    let hours = reader.user.quiet_hours.as_ref()?;
    let minutes = |text: &str| reading::clock(text);
    Some((
        minutes(&hours.start_time_of_day)?,
        minutes(&hours.end_time_of_day)?,
    ))
}

/// What the reader is not told.
fn muted(reader: &Reader) -> Vec<LessonNoticeKind> {
    let kinds = reader.user.muted_kinds.iter();
    kinds
        .filter_map(|kind| LessonNoticeKind::try_from(*kind).ok())
        .collect()
}

/// Whether the reader is never reminded.
pub(super) fn reminders_are_off(reader: &Reader) -> bool {
    leads(reader).is_empty() || muted(reader).contains(&LessonNoticeKind::Reminder)
}

/// The settings, on a screen of their own.
pub(super) fn menu(reader: &Reader, now: Timestamp) -> Answer {
    Answer::New(page(reader, Page::Menu, now))
}
