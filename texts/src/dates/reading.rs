//! Days that somebody typed: "24.12–6.1", "24 Dec – 6 Jan", "с 24 по 28 декабря".

use std::{iter::Peekable, vec::IntoIter};

use jiff::civil::Date;

use crate::{
    Language,
    bundle::{Values, message},
};

/// Longer texts hold more than two days.
const MAX_CHARS: usize = 64;
/// Words between the two days, and before the first.
const UNTIL: [&str; 6] = ["по", "до", "to", "till", "until", "through"];
const FROM: [&str; 3] = ["с", "со", "from"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// How it was written tells a year from a day.
    Number(u16),
    Month(i8),
    From,
    Until,
    Dot,
}

/// A day as it was typed.
#[derive(Debug, Clone, Copy)]
struct Typed {
    day: u16,
    month: Option<i8>,
    year: Option<i16>,
}

/// The first and the last day of what was typed, in any language; one day is both. Days
/// without a year are the next such days from `today` on. `None` for what is no day, or
/// where the last one would come before the first.
#[must_use]
pub fn read_days(text: &str, today: Date) -> Option<(Date, Date)> {
    if text.chars().count() > MAX_CHARS {
        return None;
    }
    let mut tokens = tokens(text)?.into_iter().peekable();
    tokens.next_if_eq(&Token::From);
    let first = typed(&mut tokens)?;
    let last = match tokens.next() {
        None => None,
        Some(Token::Until) => Some(typed(&mut tokens)?),
        Some(_) => return None,
    };
    if tokens.next().is_some() {
        return None;
    }
    let Some(last) = last else {
        let day = first.next_from(today)?;
        return Some((day, day));
    };
    // "24–28 декабря": the month stands once.
    let first = Typed {
        month: first.month.or(last.month),
        year: first.year.or(last.year.filter(|_| first.month.is_none())),
        ..first
    };
    let first = first.next_from(today)?;
    let last = last.next_from(first)?;
    (first <= last).then_some((first, last))
}

impl Typed {
    /// The day in its year, or the next such day from `from` on.
    fn next_from(self, from: Date) -> Option<Date> {
        let day = i8::try_from(self.day).ok()?;
        let on = |year: i16| Date::new(year, self.month?, day).ok();
        match self.year {
            Some(year) => on(year),
            // February 29 comes every fourth year.
            None => (0..=4)
                .filter_map(|later| on(from.year() + later))
                .find(|date| *date >= from),
        }
    }
}

fn typed(tokens: &mut Peekable<IntoIter<Token>>) -> Option<Typed> {
    let (day, month) = match (tokens.next()?, tokens.peek()) {
        (Token::Number(day), Some(Token::Dot)) => {
            tokens.next();
            match tokens.next_if(|next| matches!(next, Token::Number(_) | Token::Month(_)))? {
                Token::Number(month) => {
                    tokens.next_if_eq(&Token::Dot);
                    (day, Some(i8::try_from(month).ok()?))
                }
                Token::Month(month) => (day, Some(month)),
                Token::From | Token::Until | Token::Dot => return None,
            }
        }
        (Token::Number(day), Some(Token::Month(month))) => {
            let month = *month;
            tokens.next();
            tokens.next_if_eq(&Token::Dot);
            (day, Some(month))
        }
        (Token::Month(month), Some(Token::Number(day))) => {
            let day = *day;
            tokens.next();
            (day, Some(month))
        }
        (Token::Number(day), _) => (day, None),
        (Token::Month(_) | Token::From | Token::Until | Token::Dot, _) => return None,
    };
    let year = match tokens.next_if(|next| matches!(next, Token::Number(_))) {
        Some(Token::Number(year @ 0..100)) => i16::try_from(2000 + year).ok(),
        Some(Token::Number(year)) => i16::try_from(year).ok(),
        _ => None,
    };
    while tokens.next_if_eq(&Token::Dot).is_some() {}
    Some(Typed { day, month, year })
}

/// `None` where a word or a sign belongs to no date.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let mut word = character.to_lowercase().to_string();
        let mut rest = |same: fn(&char) -> bool| {
            while let Some(next) = characters.next_if(same) {
                word.extend(next.to_lowercase());
            }
            word.clone()
        };
        let token = match character {
            '.' | '/' => Token::Dot,
            '-' | '–' | '—' => Token::Until,
            ',' => continue,
            space if space.is_whitespace() => continue,
            digit if digit.is_ascii_digit() => {
                Token::Number(rest(char::is_ascii_digit).parse().ok()?)
            }
            letter if letter.is_alphabetic() => named(&rest(|next| next.is_alphabetic()))?,
            _ => return None,
        };
        tokens.push(token);
    }
    Some(tokens)
}

fn named(word: &str) -> Option<Token> {
    if UNTIL.contains(&word) {
        return Some(Token::Until);
    }
    if FROM.contains(&word) {
        return Some(Token::From);
    }
    // Years are written "2027 г." as well; it says nothing, like a full stop.
    if word == "г" {
        return Some(Token::Dot);
    }
    let named = (1..=12).find(|month| is_month(word, *month));
    named.map(Token::Month)
}

/// Whether a word is a month's name in any language, in full or its beginning.
fn is_month(word: &str, month: i8) -> bool {
    let long_enough = word.chars().count() >= 3;
    let names = Language::ALL.into_iter().flat_map(|language| {
        [format!("month-{month}"), format!("month-name-{month}")]
            .map(|id| message(language, &id, &Values::default()).to_lowercase())
    });
    long_enough && names.into_iter().any(|name| name.starts_with(word))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 11, 21);

    #[test]
    fn days_are_read_however_people_write_them() {
        let christmas = Some((date(2026, 12, 24), date(2027, 1, 6)));
        for text in [
            "24.12–6.1",
            "24.12.-6.1.",
            "24.12.2026 - 06.01.2027",
            "24.12.26—6.1.27",
            "24/12 – 6/1",
            "24 Dec – 6 Jan",
            "Dec 24 - Jan 6, 2027",
            "December 24 to January 6",
            "с 24 декабря по 6 января",
            "24 дек. — 6 янв.",
            "from 24 december until 6 january",
        ] {
            assert_eq!(read_days(text, TODAY), christmas, "{text}");
        }
        let within = Some((date(2027, 5, 3), date(2027, 5, 9)));
        for text in ["3–9 мая", "3-9 May", "с 3 по 9 мая 2027", "3 май - 9 май"] {
            assert_eq!(read_days(text, TODAY), within, "{text}");
        }
        let one = Some((date(2026, 11, 21), date(2026, 11, 21)));
        for text in ["21.11", "21 ноября", "Nov 21", "21.11.2026"] {
            assert_eq!(read_days(text, TODAY), one, "{text}");
        }
    }

    #[test]
    fn days_that_passed_this_year_are_next_years() {
        let read = read_days("20.11", TODAY);
        assert_eq!(read, Some((date(2027, 11, 20), date(2027, 11, 20))));
        let leap = read_days("29.2", TODAY);
        assert_eq!(leap, Some((date(2028, 2, 29), date(2028, 2, 29))));
    }

    #[test]
    fn what_is_no_day_is_not_read() {
        for text in [
            "",
            "tomorrow",
            "24",
            "24.13",
            "32.12",
            "24.12–",
            "–6.1",
            "24.12–6.1–7.1",
            "24.12 6.1",
            "6.1.2027 – 24.12.2026",
            "24:12",
            "ма 3",
            "1.1.99999",
        ] {
            assert_eq!(read_days(text, TODAY), None, "{text}");
        }
    }
}
