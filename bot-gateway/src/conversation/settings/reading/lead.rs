//! What people type for a length of time: in whole words only, so that nothing else is taken
//! for one.

use crate::buttons::settings::LEADS;

/// A unit: its minutes, how it is called, and which of that can stand alone for one of it.
struct Unit {
    minutes: i64,
    names: &'static [&'static str],
    ones: &'static [&'static str],
}

const UNITS: [Unit; 4] = [
    Unit {
        minutes: 1,
        names: &[
            "m",
            "min",
            "mins",
            "minute",
            "minutes",
            "м",
            "мин",
            "минута",
            "минуты",
            "минут",
            "минуту",
        ],
        ones: &["minute", "минута", "минуту"],
    },
    Unit {
        minutes: 60,
        names: &[
            "h",
            "hr",
            "hrs",
            "hour",
            "hours",
            "ч",
            "час",
            "часа",
            "часов",
        ],
        ones: &["hour", "час"],
    },
    Unit {
        minutes: 24 * 60,
        names: &[
            "d",
            "day",
            "days",
            "д",
            "дн",
            "день",
            "дня",
            "дней",
            "сутки",
            "суток",
        ],
        ones: &["day", "день", "сутки"],
    },
    Unit {
        minutes: 7 * 24 * 60,
        names: &[
            "w",
            "wk",
            "wks",
            "week",
            "weeks",
            "нед",
            "неделя",
            "недели",
            "недель",
            "неделю",
        ],
        ones: &["week", "неделя", "неделю"],
    },
];
/// Words that mean nothing here.
const FILLERS: [&str; 8] = ["за", "до", "урока", "и", "before", "and", "the", "lesson"];
/// Before one unit, which is counted once as it is.
const ARTICLES: [&str; 2] = ["a", "an"];
/// What numbers are counted in.
const HUNDREDTHS: i64 = 100;
/// Numbers in words that only a unit can follow, in hundredths.
const PARTS: [(&str, i64); 4] = [
    ("half", 50),
    ("полтора", 150),
    ("полторы", 150),
    ("полутора", 150),
];
const HALF_AN_HOUR: &str = "полчаса";

/// "40 min", "40 минут", "1 ч 30 мин", "1,5 часа", "half an hour", "40": minutes, as long as a
/// lead can be. `None` for anything else.
pub(in crate::conversation) fn lead(typed: &str) -> Option<i64> {
    let typed = typed.to_lowercase();
    let words = words(&typed)?;
    let mut total: i64 = 0;
    let mut number: Option<i64> = None;
    for (at, word) in words.iter().enumerate() {
        if is_number(word) {
            if number.replace(hundredths(word)?).is_some() {
                return None;
            }
        } else if ARTICLES.contains(word) {
            let next = words.get(at + 1)?;
            UNITS.iter().find(|unit| unit.ones.contains(next))?;
        } else if *word == HALF_AN_HOUR && number.is_none() {
            total = total.checked_add(30 * HUNDREDTHS)?;
        } else if !FILLERS.contains(word) {
            let unit = UNITS.iter().find(|unit| unit.names.contains(word))?;
            let one = unit.ones.contains(word).then_some(HUNDREDTHS);
            let count = number.take().or(one)?;
            total = total.checked_add(count.checked_mul(unit.minutes)?)?;
        }
    }
    // Minutes, where nothing is said.
    total = total.checked_add(number.unwrap_or(0))?;
    let minutes = total / HUNDREDTHS;
    (total % HUNDREDTHS == 0 && LEADS.contains(&minutes)).then_some(minutes)
}

/// Whether it is a number: of digits, or one of the [words](PARTS).
fn is_number(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit())
        || PARTS.iter().any(|(name, _)| *name == word)
}

/// A number in hundredths; `None` when it is too large, or too fine.
fn hundredths(word: &str) -> Option<i64> {
    if let Some((_, part)) = PARTS.iter().find(|(name, _)| *name == word) {
        return Some(*part);
    }
    let (whole, fraction) = word.split_once(['.', ',']).unwrap_or((word, ""));
    // "1,000" is a thousand to many.
    let fraction: i64 = match fraction.len() {
        0 => 0,
        1 => fraction.parse::<i64>().ok()? * 10,
        2 => fraction.parse().ok()?,
        _ => return None,
    };
    let whole: i64 = whole.parse().ok()?;
    whole.checked_mul(HUNDREDTHS)?.checked_add(fraction)
}

/// Numbers and words, also where they stand together: "1h30m". `None` when there is anything
/// else between them than spaces, points and commas.
fn words(text: &str) -> Option<Vec<&str>> {
    let is_gap = |character: char| character.is_whitespace() || matches!(character, '.' | ',');
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(is_gap);
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_digit() {
            length_of_number(rest)
        } else if first.is_alphabetic() {
            let end = rest.find(|character: char| !character.is_alphabetic());
            end.unwrap_or(rest.len())
        } else {
            return None;
        };
        let (word, after) = rest.split_at_checked(length)?;
        found.push(word);
        rest = after.trim_start_matches(is_gap);
    }
    Some(found)
}

/// Of the number that a text begins with; with its fraction.
fn length_of_number(text: &str) -> usize {
    let digits = |text: &str| {
        let end = text.find(|character: char| !character.is_ascii_digit());
        end.unwrap_or(text.len())
    };
    let whole = digits(text);
    let fraction = text.get(whole..).and_then(|after| {
        let after = after.strip_prefix(['.', ','])?;
        Some(digits(after)).filter(|length| *length > 0)
    });
    whole + fraction.map_or(0, |length| 1 + length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn leads_are_read_as_people_type_them() {
        for (typed, minutes) in [
            ("40 min", 40),
            ("40 минут", 40),
            ("40", 40),
            ("1h30m", 90),
            ("1h30", 90),
            ("1 ч. 30 мин.", 90),
            ("1 ч, 30 мин", 90),
            ("1\u{a0}ч\u{202f}30\u{a0}мин", 90),
            ("за 2 дня", 2_880),
            ("1 hour and 5 minutes before", 65),
            ("за 40 минут до урока", 40),
            ("за день и 2 часа", 1_560),
            ("14 days", 20_160),
            ("2 weeks", 20_160),
            ("за неделю", 10_080),
            ("40МИН", 40),
            // One of it.
            ("hour", 60),
            ("час", 60),
            ("За час", 60),
            ("day", 1_440),
            ("день", 1_440),
            ("сутки", 1_440),
            ("minute", 1),
            ("минута", 1),
            ("за минуту", 1),
            ("an hour", 60),
            ("a day", 1_440),
            ("an hour before the lesson", 60),
            // Parts.
            ("half an hour", 30),
            ("half hour", 30),
            ("half a day", 720),
            ("Полчаса", 30),
            ("за полчаса до урока", 30),
            ("час и полчаса", 90),
            ("1,5 часа", 90),
            ("1.5 h", 90),
            ("1.5h", 90),
            ("0,5 ч", 30),
            ("0.25 hours", 15),
            ("2,5 дня", 3_600),
            ("полтора часа", 90),
            ("за полтора дня", 2_160),
        ] {
            assert_eq!(lead(typed), Some(minutes), "{typed}");
        }
    }

    #[test]
    fn every_form_of_a_unit_is_read_with_a_number() {
        for (forms, minutes) in [
            ("m min mins minute minutes", 2),
            ("м мин минута минуты минут минуту", 2),
            ("h hr hrs hour hours", 120),
            ("ч час часа часов", 120),
            ("d day days", 2_880),
            ("д дн день дня дней сутки суток", 2_880),
        ] {
            for form in forms.split(' ') {
                let loud = form.to_uppercase();
                for typed in [
                    format!("2 {form}"),
                    format!("2{form}."),
                    format!("2 {loud}"),
                ] {
                    assert_eq!(lead(&typed), Some(minutes), "{typed}");
                }
            }
        }
        // Others say nothing of how many.
        for alone in [
            "m",
            "min",
            "minutes",
            "м",
            "мин",
            "минут",
            "h",
            "hours",
            "ч",
            "часа",
        ] {
            assert_eq!(lead(alone), None, "{alone}");
        }
        for alone in [
            "часов",
            "d",
            "days",
            "д",
            "дн",
            "дня",
            "дней",
            "суток",
            "weeks",
        ] {
            assert_eq!(lead(alone), None, "{alone}");
        }
    }

    #[test]
    fn what_is_no_lead_is_not_taken_for_one() {
        for typed in [
            "",
            "help",
            "да",
            "нет",
            "много",
            "мало",
            "день рождения",
            "1 month",
            "1 месяц",
            "месяц",
            "40 яблок",
            "half",
            "half minute",
            "half past 2",
            "half 2 hours",
            "5 half an hour",
            "2 полчаса",
            "полтора",
            "an hour and a half",
            "a",
            "an hours",
            "5 h a",
            "полторы минуты",
            "0",
            "0 часов",
            "15 days",
            "3 weeks",
            "5 6",
            "1-2 часа",
            "-5 min",
            "+5 min",
            "1:30",
            "1,5",
            "1.5 min",
            "1,333 ч",
            "1,000 min",
            "1.5.2 h",
            "час?",
            "99999999999999999999 мин",
            "9223372036854775807 мин",
            "92233720368547758 нед",
        ] {
            assert_eq!(lead(typed), None, "{typed}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_a_lead_or_none(
            typed in "[0-9]{0,20}[.,:-]?[0-9]{0,3} ?(\\PC{0,8}|half|an|ч|мин|days|полтора){0,3}",
        ) {
            prop_assert!(lead(&typed).is_none_or(|minutes| LEADS.contains(&minutes)));
        }
    }
}
