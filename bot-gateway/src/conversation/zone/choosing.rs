//! Choosing the zone, and what follows.

use olm_proto::lesson::v1::{RulesZone, UpdateSettingsRequest};
use texts::{SettingsLabel, SettingsScreen, Zone};

use super::ZoneTexts;
use crate::{
    buttons::{
        Button,
        settings::{Page, Settings},
    },
    conversation::{
        Answer, Conversation, Fault, Reader, button, keyboard,
        settings::{Updated, changed_page},
        start,
    },
    memory::{Question, Then},
    replies::Reply,
};

impl Conversation {
    /// A pressed zone, if the person is still the one the button was drawn for; who has that
    /// zone already pressed twice.
    pub(in crate::conversation) async fn zone_pressed(
        &self,
        reader: &Reader,
        then: Then,
        version: i64,
        zone: Zone,
        rules: Option<RulesZone>,
    ) -> Result<Answer, Fault> {
        if version != reader.version() && !has(reader, zone) {
            return Ok(Answer::Here(changed_page(reader, self.now())));
        }
        self.choose_zone(reader, then, zone, rules)
            .await
            .map(Answer::Here)
    }

    /// The zone of the location that somebody sent. A text comes first, because only that can
    /// bring the menu back below the text field.
    pub(in crate::conversation) async fn zone_of_place(
        &self,
        reader: &Reader,
        then: Then,
        zone: Option<Zone>,
    ) -> Result<Answer, Fault> {
        let menu = start::menu(reader);
        let Some(zone) = zone else {
            let html = SettingsScreen::NoPlace.html(reader.language);
            let reply = Reply::new(html, Some(menu)).asking(Question::Zone(then));
            return Ok(Answer::New(reply));
        };
        let now = self.now();
        let there = reader.in_zone(zone);
        let texts = ZoneTexts::of(&there, now);
        let head =
            |screen: SettingsScreen<'_>| Reply::new(screen.html(reader.language), Some(menu));
        let reader = match self.choose(reader, then, zone, None).await? {
            Ok(reader) => reader,
            Err(page) => {
                return Ok(Answer::Both(
                    head(SettingsScreen::PlaceIs(texts.now())),
                    page,
                ));
            }
        };
        let head = head(SettingsScreen::ZoneIs(texts.now()));
        Ok(match self.after_zone(&reader, then).await? {
            Some(next) => Answer::Both(head, chosen(next)),
            None => Answer::New(chosen(head)),
        })
    }

    /// Sets the zone; answers what follows, or what stands against it.
    pub(super) async fn choose_zone(
        &self,
        reader: &Reader,
        then: Then,
        zone: Zone,
        rules: Option<RulesZone>,
    ) -> Result<Reply, Fault> {
        Ok(match self.choose(reader, then, zone, rules).await? {
            Ok(reader) => self.zone_chosen(&reader, then).await?,
            Err(page) => page,
        })
    }

    async fn choose(
        &self,
        reader: &Reader,
        then: Then,
        zone: Zone,
        rules: Option<RulesZone>,
    ) -> Result<Result<Reader, Reply>, Fault> {
        let change = UpdateSettingsRequest {
            time_zone: Some(zone.iana_name().to_owned()),
            rules_zone: rules.unwrap_or_default().into(),
            ..UpdateSettingsRequest::default()
        };
        Ok(match self.update(reader, change).await? {
            Updated::Done(reader) => Ok(reader),
            Updated::RulesZoneNeeded => Err(rules_page(reader, then, zone)),
            Updated::Stale(reader) => Err(changed_page(&reader, self.now())),
            Updated::Refused => return Err(Fault::Unexpected),
        })
    }

    /// Says which zone it is, and goes on where the question came from.
    async fn zone_chosen(&self, reader: &Reader, then: Then) -> Result<Reply, Fault> {
        let texts = ZoneTexts::of(reader, self.now());
        let head = SettingsScreen::ZoneIs(texts.now()).html(reader.language);
        let reply = if let Some(next) = self.after_zone(reader, then).await? {
            next.below(&head)
        } else {
            let open = Button::Settings(Settings::Open(Page::Menu));
            let label = SettingsLabel::Settings.text(reader.language);
            Reply::new(head, keyboard(&[vec![button(&label, open)]]))
        };
        Ok(chosen(reply))
    }

    /// Where the question for the zone came from.
    async fn after_zone(&self, reader: &Reader, then: Then) -> Result<Option<Reply>, Fault> {
        Ok(match then {
            Then::Settings => None,
            Then::Teachers => Some(self.schedule(reader).await?),
            Then::Teacher(teacher) => Some(self.open(reader, teacher).await?),
        })
    }
}

/// With it the zone is chosen.
fn chosen(reply: Reply) -> Reply {
    Reply {
        zone_chosen: true,
        ..reply
    }
}

/// What becomes of the hours of work?
fn rules_page(reader: &Reader, then: Then, zone: Zone) -> Reply {
    let screen = SettingsScreen::AskRules {
        zone: zone.city(reader.language),
    };
    let row = |label: SettingsLabel<'_>, moves: bool| {
        let chosen = Settings::ZoneAndRules {
            version: reader.version(),
            zone,
            moves,
        };
        vec![button(
            &label.text(reader.language),
            Button::Settings(chosen),
        )]
    };
    let rows = [
        row(SettingsLabel::KeepRules, false),
        row(SettingsLabel::MoveRules, true),
    ];
    let reply = Reply::new(screen.html(reader.language), keyboard(&rows));
    reply.asking(Question::Zone(then))
}

fn has(reader: &Reader, zone: Zone) -> bool {
    reader.zone.iana_name().and_then(Zone::named) == Some(zone)
}
