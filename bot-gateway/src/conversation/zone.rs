//! The question for the zone, and its answers: a city, a clock, a location.

mod choosing;

use jiff::{Timestamp, tz::Offset};
use serde_json::{Value, json};
use texts::{Place, SettingsLabel, SettingsScreen, Zone, ZoneNow};

use super::{Answer, Conversation, Fault, Reader, button, keyboard, settings::reading};
use crate::{
    buttons::{
        Button,
        settings::{Page, Settings},
    },
    memory::{Question, Then},
    replies::Reply,
};

/// Likely zones that are offered at once.
const LIKELY: usize = 12;
/// Cities that are offered for what was typed, or for a clock.
const CITIES: usize = 10;
/// Clocks side by side.
const CLOCKS_PER_ROW: usize = 4;

/// What a zone's screens show of it, as texts of their own.
pub(super) struct ZoneTexts {
    name: String,
    offset: String,
    time: String,
}

impl ZoneTexts {
    pub(super) fn of(reader: &Reader, now: Timestamp) -> Self {
        Self {
            name: reader.zone_name(now),
            offset: texts::offset_name(reader.zone.to_offset(now)),
            time: texts::clock(now, &reader.zone),
        }
    }

    pub(super) fn now(&self) -> ZoneNow<'_> {
        ZoneNow {
            name: &self.name,
            offset: &self.offset,
            time: &self.time,
        }
    }
}

impl Conversation {
    /// /zone, and what stands behind it.
    pub(super) async fn zone(&self, reader: &Reader, typed: &str) -> Result<Answer, Fault> {
        if typed.is_empty() {
            let page = likely_page(reader, Then::Settings, self.now());
            return Ok(Answer::New(page));
        }
        self.zone_typed(reader, Then::Settings, typed).await
    }

    /// A city, or what a clock shows.
    pub(super) async fn zone_typed(
        &self,
        reader: &Reader,
        then: Then,
        typed: &str,
    ) -> Result<Answer, Fault> {
        if let Some(minutes) = reading::clock(typed) {
            return Ok(Answer::New(self.clock_page(reader, then, minutes)));
        }
        if let Some(zone) = Zone::named(typed.trim()) {
            let chosen = self.choose_zone(reader, then, zone, None).await?;
            return Ok(Answer::New(chosen));
        }
        let found = texts::search_places(typed, CITIES);
        match found.as_slice() {
            [] => {
                let html = SettingsScreen::NoCity.html(reader.language);
                let rows = ways(reader, &[Page::Place, Page::Clock]);
                Ok(Answer::New(asking(html, then, &[rows])))
            }
            [place] if !place.is_guess() => {
                let chosen = self.choose_zone(reader, then, place.zone(), None).await?;
                Ok(Answer::New(chosen))
            }
            several => Ok(Answer::New(self.found_page(reader, then, several))),
        }
    }

    /// A screen of the question; `then` is what follows the answer.
    pub(super) fn zone_page(&self, reader: &Reader, then: Then, way: Page) -> Answer {
        let now = self.now();
        let back = back(reader, Page::Zone);
        match way {
            Page::City => {
                let html = SettingsScreen::AskCity.html(reader.language);
                Answer::Here(asking(html, then, &[vec![back]]))
            }
            Page::Clock => Answer::Here(clocks_page(reader, then, now)),
            Page::Place => Answer::New(place_page(
                reader,
                then,
                SettingsScreen::AskPlace {
                    button: &SettingsLabel::SendPlace.text(reader.language),
                },
            )),
            Page::Zone
            | Page::Menu
            | Page::Language
            | Page::Leads
            | Page::OwnLead
            | Page::Quiet
            | Page::OwnQuiet
            | Page::Kinds
            | Page::Name => Answer::Here(likely_page(reader, then, now)),
        }
    }

    /// Cities whose clock is so far from UTC.
    pub(super) fn zones_of_offset(&self, reader: &Reader, then: Then, offset: i64) -> Answer {
        let local = self.now().as_second().div_euclid(60).saturating_add(offset);
        let minutes = local.rem_euclid(24 * 60);
        Answer::Here(self.clock_page(reader, then, minutes))
    }

    /// Cities whose clock shows this.
    fn clock_page(&self, reader: &Reader, then: Then, minutes: i64) -> Reply {
        let now = self.now();
        let zones = texts::zones_by_clock(minutes, reader.language, now, CITIES);
        let part = zones
            .iter()
            .any(|zone| texts::next_change(*zone, now).is_some());
        let shown = zones
            .first()
            .map(|zone| texts::clock(now, &zone.time_zone()));
        let screen = SettingsScreen::WhichClock {
            time: &shown.unwrap_or_default(),
            part,
        };
        let labelled = zones.iter().map(|zone| {
            let city = zone.city(reader.language);
            let label = match texts::next_change(*zone, now) {
                None => city.to_owned(),
                Some(change) => SettingsLabel::ChangingCity {
                    city,
                    day: &texts::day_name(change.date, reader.language),
                    offset: &texts::offset_name(change.offset),
                }
                .text(reader.language),
            };
            zone_button(reader, &label, *zone)
        });
        let labelled: Vec<_> = labelled.collect();
        let mut rows: Vec<_> = labelled
            .chunks(if part { 1 } else { 2 })
            .map(<[Value]>::to_vec)
            .collect();
        rows.push(ways(reader, &[Page::City]));
        rows.push(vec![back(reader, Page::Clock)]);
        asking(screen.html(reader.language), then, &rows)
    }

    /// The cities that fit what was typed.
    fn found_page(&self, reader: &Reader, then: Then, places: &[Place]) -> Reply {
        let now = self.now();
        let row = |place: &Place| {
            let zone = place.zone().time_zone();
            let label = SettingsLabel::FoundCity {
                city: place.city(reader.language),
                time: &texts::clock(now, &zone),
                offset: &texts::offset_name(zone.to_offset(now)),
            };
            vec![zone_button(
                reader,
                &label.text(reader.language),
                place.zone(),
            )]
        };
        let rows: Vec<_> = places.iter().map(row).collect();
        asking(SettingsScreen::WhichCity.html(reader.language), then, &rows)
    }
}

/// The likely cities by what their clocks show, and the other ways.
pub(super) fn likely_page(reader: &Reader, then: Then, now: Timestamp) -> Reply {
    let zones = texts::likely_zones(reader.language, now, LIKELY);
    let likely = zones.into_iter().map(|zone| {
        let label = SettingsLabel::LikelyCity {
            time: &texts::clock(now, &zone.time_zone()),
            city: zone.city(reader.language),
        };
        zone_button(reader, &label.text(reader.language), zone)
    });
    let likely: Vec<_> = likely.collect();
    let mut rows: Vec<_> = likely.chunks(2).map(<[Value]>::to_vec).collect();
    rows.push(ways(reader, &[Page::City, Page::Place]));
    let mut last = ways(reader, &[Page::Clock]);
    let zone = ZoneTexts::of(reader, now);
    let screen = match then {
        Then::Settings => {
            last.push(back(reader, Page::Menu));
            SettingsScreen::AskOtherZone(zone.now())
        }
        Then::Teachers | Then::Teacher(_) => SettingsScreen::AskZone,
    };
    rows.push(last);
    asking(screen.html(reader.language), then, &rows)
}

/// Every clock there is.
fn clocks_page(reader: &Reader, then: Then, now: Timestamp) -> Reply {
    let clock = |offset: i64| {
        let seconds = i32::try_from(offset.checked_mul(60)?).ok()?;
        let zone = Offset::from_seconds(seconds).ok()?.to_time_zone();
        let shown = Button::Settings(Settings::Clock { offset });
        Some(button(&texts::clock(now, &zone), shown))
    };
    let clocks: Vec<_> = texts::offsets(now).into_iter().filter_map(clock).collect();
    let rows = clocks.chunks(CLOCKS_PER_ROW).map(<[Value]>::to_vec);
    let mut rows: Vec<_> = rows.collect();
    rows.push(vec![back(reader, Page::Zone)]);
    asking(SettingsScreen::AskClock.html(reader.language), then, &rows)
}

/// Asks for the location: only a button below the text field can send it.
fn place_page(reader: &Reader, then: Then, screen: SettingsScreen<'_>) -> Reply {
    let text = |label: SettingsLabel<'_>| label.text(reader.language);
    let markup = json!({
        "keyboard": [
            [{ "text": text(SettingsLabel::SendPlace), "request_location": true }],
            [{ "text": text(SettingsLabel::Cancel) }],
        ],
        "resize_keyboard": true,
        "one_time_keyboard": true,
    });
    Reply::new(screen.html(reader.language), Some(markup)).asking(Question::Place(then))
}

fn asking(html: String, then: Then, rows: &[Vec<Value>]) -> Reply {
    Reply::new(html, keyboard(rows)).asking(Question::Zone(then))
}

fn zone_button(reader: &Reader, label: &str, zone: Zone) -> Value {
    let version = reader.version();
    button(label, Button::Settings(Settings::Zone { version, zone }))
}

/// Other ways to answer.
fn ways(reader: &Reader, pages: &[Page]) -> Vec<Value> {
    let label = |page: Page| match page {
        Page::Place => SettingsLabel::ByPlace,
        Page::Clock => SettingsLabel::ByClock,
        Page::City
        | Page::Zone
        | Page::Menu
        | Page::Language
        | Page::Leads
        | Page::OwnLead
        | Page::Quiet
        | Page::OwnQuiet
        | Page::Kinds
        | Page::Name => SettingsLabel::ByCity,
    };
    let way = |page: &Page| {
        let open = Button::Settings(Settings::Open(*page));
        button(&label(*page).text(reader.language), open)
    };
    pages.iter().map(way).collect()
}

pub(super) fn back(reader: &Reader, page: Page) -> Value {
    let open = Button::Settings(Settings::Open(page));
    button(&SettingsLabel::Back.text(reader.language), open)
}
