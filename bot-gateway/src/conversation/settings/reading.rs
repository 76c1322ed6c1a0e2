//! What people type for a time or hours; for a length of time in [`lead`].

mod lead;

pub(in crate::conversation) use lead::lead;

/// "14:35", "14.35", "2:35 pm", "1435": minutes after midnight.
pub(in crate::conversation) fn clock(typed: &str) -> Option<i64> {
    let (digits, afternoon) = without_half(typed);
    let (hours, minutes) = digits
        .split_once([':', '.', ' ', '-'])
        .or_else(|| (digits.len() == 4).then(|| digits.split_at_checked(2))?)
        .or_else(|| afternoon.map(|_| (digits.as_str(), "00")))?;
    time_of_day(hours, minutes, afternoon)
}

/// "22:00–8:00", "22-8", "с 22 до 8": when they begin and end, in minutes after midnight.
pub(in crate::conversation) fn hours(typed: &str) -> Option<(i64, i64)> {
    let typed = typed.trim().to_lowercase();
    let typed = ["с ", "from "]
        .into_iter()
        .find_map(|word| typed.strip_prefix(word))
        .unwrap_or(&typed);
    let (start, end) = [" до ", " to ", " по ", "–", "—", "-"]
        .into_iter()
        .find_map(|between| typed.split_once(between))?;
    let hour = |text: &str| {
        clock(text).or_else(|| {
            let (digits, afternoon) = without_half(text);
            time_of_day(&digits, "00", afternoon)
        })
    };
    let (start, end) = (hour(start)?, hour(end)?);
    (start != end).then_some((start, end))
}

/// Without "am" or "pm"; and whether the afternoon is meant.
fn without_half(typed: &str) -> (String, Option<bool>) {
    let typed = typed.trim().to_lowercase();
    for (half, afternoon) in [("am", false), ("pm", true), ("a.m.", false), ("p.m.", true)] {
        if let Some(digits) = typed.strip_suffix(half) {
            return (digits.trim_end().to_owned(), Some(afternoon));
        }
    }
    (typed, None)
}

fn time_of_day(hours: &str, minutes: &str, afternoon: Option<bool>) -> Option<i64> {
    let number = |text: &str| {
        let fits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse::<i64>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let hours = match afternoon {
        None => hours,
        Some(afternoon) => {
            let hour = (1..=12).contains(&hours).then_some(hours % 12)?;
            hour + if afternoon { 12 } else { 0 }
        }
    };
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_read_as_people_type_them() {
        for (typed, minutes) in [
            ("14:35", Some(875)),
            (" 14.35 ", Some(875)),
            ("14 35", Some(875)),
            ("1435", Some(875)),
            ("2:35 PM", Some(875)),
            ("2pm", Some(840)),
            ("12 am", Some(0)),
            ("0:05", Some(5)),
            ("9:05", Some(545)),
            ("24:00", None),
            ("14:60", None),
            ("13 pm", None),
            ("14", None),
            ("Москва", None),
            ("é435", None),
            ("", None),
        ] {
            assert_eq!(clock(typed), minutes, "{typed}");
        }
    }

    #[test]
    fn hours_are_read_as_people_type_them() {
        let night = Some((1_320, 480));
        for typed in [
            "22:00–8:00",
            "22:00 - 08:00",
            "22-8",
            "с 22 до 8",
            "С 22:00 до 8:00",
            "from 10 pm to 8 am",
            "22:00—8:00",
        ] {
            assert_eq!(hours(typed), night, "{typed}");
        }
        for typed in ["", "22", "22-22", "25-8", "night"] {
            assert_eq!(hours(typed), None, "{typed}");
        }
    }
}
