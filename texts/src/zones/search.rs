//! Finding a zone by a city, as people type it.

use std::sync::LazyLock;

use super::{Row, TABLE, Zone, rows};
use crate::Language;

/// Large cities that no zone is named after.
static CITIES: LazyLock<Vec<Row>> =
    LazyLock::new(|| rows(include_str!("../../locales/cities.tsv"), '|'));

/// Each place with everything it can be called, ready to compare.
static INDEX: LazyLock<Vec<(Place, Vec<String>)>> = LazyLock::new(|| {
    let zones = TABLE.iter().zip(Zone::all());
    let zones = zones.map(|(row, zone)| {
        let last = row.zone.rsplit('/').next().unwrap_or_default();
        (place(zone, row), vec![plain(row.zone), plain(last)])
    });
    let cities = CITIES.iter().filter_map(|row| {
        let zone = Zone::named(row.zone)?;
        let others = row.others.iter().map(|name| plain(name));
        Some((place(zone, row), others.collect()))
    });
    let named = |(place, mut names): (Place, Vec<String>)| {
        names.extend(Language::ALL.map(|language| plain(place.city(language))));
        (place, names)
    };
    zones.chain(cities).map(named).collect()
});

/// A city and its zone.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    zone: Zone,
    row: &'static Row,
    is_guess: bool,
}

impl Place {
    /// The zone it lives by.
    #[must_use]
    pub fn zone(self) -> Zone {
        self.zone
    }

    /// Whether it is called otherwise than what was typed: somebody has to say that it is
    /// the one.
    #[must_use]
    pub fn is_guess(self) -> bool {
        self.is_guess
    }

    /// Its name.
    #[must_use]
    pub fn city(self, language: Language) -> &'static str {
        self.row.city(language)
    }
}

fn place(zone: Zone, row: &'static Row) -> Place {
    Place {
        zone,
        row,
        is_guess: false,
    }
}

/// How well a name fits; the first is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Prefix,
    /// A later word begins so.
    Word,
    /// So many letters are wrong.
    Typo(usize),
}

/// The cities that `typed` may mean, in Russian or in English, the best ones first, at most
/// `most`. Where one is called exactly so, that one alone.
#[must_use]
pub fn search_places(typed: &str, most: usize) -> Vec<Place> {
    let typed = plain(typed);
    if typed.chars().count() < 2 {
        return Vec::new();
    }
    let mut found = matches(&typed, fit);
    if found.is_empty() {
        found = matches(&typed, typo);
    }
    // Stable: among equals the table's order stays.
    found.sort_by_key(|(fit, _)| *fit);
    let best = found.first().map(|(fit, _)| *fit);
    let keeps = |fit: Fit| match best {
        Some(Fit::Exact) => fit == Fit::Exact,
        Some(Fit::Prefix | Fit::Word | Fit::Typo(_)) | None => true,
    };
    let kept = found.into_iter().filter(|(fit, _)| keeps(*fit));
    let places = kept.map(|(fit, place)| Place {
        is_guess: matches!(fit, Fit::Typo(_)),
        ..*place
    });
    places.take(most).collect()
}

/// The places that fit by their best name.
fn matches(typed: &str, fit: impl Fn(&str, &str) -> Option<Fit>) -> Vec<(Fit, &'static Place)> {
    let fitting = |(place, names): &'static (Place, Vec<String>)| {
        let best = names.iter().filter_map(|name| fit(typed, name)).min()?;
        Some((best, place))
    };
    INDEX.iter().filter_map(fitting).collect()
}

fn fit(typed: &str, name: &str) -> Option<Fit> {
    if typed == name {
        return Some(Fit::Exact);
    }
    if name.starts_with(typed) {
        return Some(Fit::Prefix);
    }
    let mut begins = name.match_indices(typed).map(|(at, _)| &name[..at]);
    begins
        .any(|before| before.ends_with(' '))
        .then_some(Fit::Word)
}

fn typo(typed: &str, name: &str) -> Option<Fit> {
    let length = typed.chars().count();
    let forgiven = match length {
        0..4 => return None,
        4..8 => 1,
        _ => 2,
    };
    // As far as it is typed; what is left out or too much beyond that counts.
    let begun: String = name.chars().take(length).collect();
    let rest = name.chars().count().abs_diff(length);
    let whole = if rest > forgiven {
        usize::MAX
    } else {
        strsim::osa_distance(typed, name)
    };
    let mistakes = whole.min(strsim::osa_distance(typed, &begun).saturating_add(1));
    (mistakes <= forgiven).then_some(Fit::Typo(mistakes))
}

/// A name without what people leave out or write otherwise: case, accents, hyphens.
fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for character in name.chars().flat_map(char::to_lowercase) {
        let letter = match character {
            'ё' => 'е',
            'á' | 'ã' | 'â' | 'à' | 'ä' | 'ă' => 'a',
            'ç' => 'c',
            'é' | 'è' | 'ê' => 'e',
            'í' | 'î' => 'i',
            'ł' => 'l',
            'ñ' | 'ń' => 'n',
            'ó' | 'ö' | 'ô' => 'o',
            'ș' => 's',
            'ú' | 'ü' => 'u',
            other if other.is_alphanumeric() => other,
            '\'' | '’' | '.' | '\u{307}' => continue,
            _ => ' ',
        };
        if letter != ' ' || !(plain.is_empty() || plain.ends_with(' ')) {
            plain.push(letter);
        }
    }
    plain.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(typed: &str) -> (&'static str, &'static str) {
        let found = search_places(typed, 8);
        let place = found.first().unwrap_or_else(|| panic!("{typed}"));
        (place.city(Language::En), place.zone().iana_name())
    }

    #[test]
    fn every_zone_is_found_by_its_city_in_both_languages() {
        for zone in Zone::all() {
            for language in Language::ALL {
                let city = zone.city(language);
                let found = search_places(city, 8);
                assert!(
                    found.iter().any(|place| place.zone() == zone),
                    "{city}: {found:?}"
                );
                let lower = search_places(&city.to_lowercase().replace('-', " "), 8);
                assert_eq!(lower.len(), found.len(), "{city}");
            }
        }
    }

    #[test]
    fn zones_are_found_with_one_letter_wrong() {
        // Each takes a while without optimisation.
        for zone in Zone::all().step_by(5) {
            for language in Language::ALL {
                let city = zone.city(language);
                if city.chars().count() < 6 {
                    continue;
                }
                let wrong: String = city.chars().skip(1).collect();
                let found = search_places(&format!("ъ{wrong}"), 8);
                let is_found = found.iter().any(|place| place.zone() == zone);
                assert!(is_found, "ъ{wrong}: {found:?}");
            }
        }
    }

    #[test]
    fn cities_that_are_no_zones_are_found_as_people_write_them() {
        for (typed, city, zone) in [
            ("казань", "Kazan", "Europe/Moscow"),
            ("Питер", "Saint Petersburg", "Europe/Moscow"),
            ("санкт петербург", "Saint Petersburg", "Europe/Moscow"),
            ("Нижний", "Nizhny Novgorod", "Europe/Moscow"),
            ("кельн", "Cologne", "Europe/Berlin"),
            ("munchen", "Munich", "Europe/Berlin"),
            ("Тбилиси", "Tbilisi", "Asia/Tbilisi"),
            ("минск", "Minsk", "Europe/Minsk"),
            ("Алма-Ата", "Alma-Ata", "Asia/Almaty"),
            ("new york", "New York", "America/New_York"),
            ("Екатеринбург", "Yekaterinburg", "Asia/Yekaterinburg"),
            ("Екатринбург", "Yekaterinburg", "Asia/Yekaterinburg"),
            ("екат", "Yekaterinburg", "Asia/Yekaterinburg"),
            ("sao paulo", "São Paulo", "America/Sao_Paulo"),
            ("europe/berlin", "Berlin", "Europe/Berlin"),
        ] {
            assert_eq!(first(typed), (city, zone), "{typed}");
        }
    }

    #[test]
    fn what_is_no_city_finds_none_and_an_exact_name_stands_alone() {
        for typed in ["", "м", "ъъъъъъ", "14:35", "🙂🙂"] {
            assert!(search_places(typed, 8).is_empty(), "{typed}");
        }
        assert_eq!(search_places("Москва", 8).len(), 1);
        assert!(!search_places("моск", 8)[0].is_guess());
        assert!(search_places("Мосвка", 8)[0].is_guess());
        assert!(search_places("ново", 8).len() > 1);
        assert_eq!(search_places("са", 3).len(), 3);
    }
}
