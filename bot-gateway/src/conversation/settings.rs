//! Language and zone.

use jiff::tz::TimeZone;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{RulesZone, UpdateSettingsRequest},
};
use service_kit::{grpc::client::acting, status::reason};
use texts::{Language, Screen};
use tonic::Code;

use super::{Answer, Conversation, Fault, Reader, say, start};
use crate::{memory::Question, replies::Reply};

impl Conversation {
    /// /zone Europe/Berlin
    pub(super) async fn zone(&self, reader: &Reader, name: &str) -> Result<Answer, Fault> {
        if name.is_empty() {
            let zone = reader.zone_name(self.now());
            let usage = Screen::ZoneUsage { zone: &zone }.html(reader.language);
            return Ok(Answer::New(Reply::text(usage).asking(Question::Zone)));
        }
        // The database of zones forgives the case of a name; the service does not.
        let zone = TimeZone::get(name).ok();
        let Some(name) = zone.as_ref().and_then(TimeZone::iana_name) else {
            return Ok(say(reader, Screen::ZoneUnknown));
        };
        let change = UpdateSettingsRequest {
            time_zone: Some(name.to_owned()),
            // A teacher's hours of work stay the instants they are.
            rules_zone: RulesZone::Keep.into(),
            ..UpdateSettingsRequest::default()
        };
        Ok(match self.update(reader, change).await? {
            Updated::Done(reader) => {
                let now = self.now();
                let (zone, time) = (reader.zone_name(now), reader.moment_short(now));
                let screen = Screen::ZoneSet {
                    zone: &zone,
                    time: &time,
                };
                say(&reader, screen)
            }
            Updated::Refused => say(reader, Screen::ZoneUnknown),
            Updated::Stale => say(reader, Screen::SettingsChanged),
        })
    }

    /// /language ru
    pub(super) async fn language(&self, reader: &Reader, tag: &str) -> Result<Answer, Fault> {
        let Some(language) = Language::known(tag) else {
            return Ok(say(reader, Screen::LanguageUsage));
        };
        let change = UpdateSettingsRequest {
            language: Some(language.tag().to_owned()),
            ..UpdateSettingsRequest::default()
        };
        Ok(match self.update(reader, change).await? {
            Updated::Done(reader) => Answer::New(Reply::new(
                Screen::LanguageSet.html(reader.language),
                Some(start::menu(&reader)),
            )),
            Updated::Refused => say(reader, Screen::LanguageUsage),
            Updated::Stale => say(reader, Screen::SettingsChanged),
        })
    }

    async fn update(
        &self,
        reader: &Reader,
        change: UpdateSettingsRequest,
    ) -> Result<Updated, Fault> {
        let change = UpdateSettingsRequest {
            expected_version: reader.version,
            ..change
        };
        let mut users = self.users.clone();
        match users.update_settings(acting(change, reader.id)).await {
            Ok(response) => {
                let user = response.into_inner().user.ok_or(Fault::Unexpected)?;
                Reader::from_wire(user)
                    .map(Updated::Done)
                    .ok_or(Fault::Unexpected)
            }
            Err(status) if reason(&status) == Some(ErrorReason::VersionStale) => Ok(Updated::Stale),
            Err(status) if status.code() == Code::InvalidArgument => Ok(Updated::Refused),
            Err(status) => Err(status.into()),
        }
    }
}

enum Updated {
    Done(Reader),
    Refused,
    Stale,
}
