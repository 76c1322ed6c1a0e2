//! Who appears in the pictures. All of them are invented.

use std::ops::Range;

use e2e::Result;
use jiff::{Timestamp, tz::TimeZone};

/// Hours of a clock at which lessons around now are all of the same date.
const DAY: Range<i8> = 4..20;

/// The people of one language.
#[derive(Debug)]
pub(super) struct Cast {
    /// IETF tag.
    pub(super) language: &'static str,
    /// What the bot is called.
    pub(super) bot: &'static str,
    /// The student whose chat is shown.
    pub(super) student: &'static str,
    /// Their zone, and its city as it stands on the button.
    pub(super) zone: &'static str,
    pub(super) city: &'static str,
    /// The teacher whose chat is shown.
    pub(super) teacher: &'static str,
    /// Where they may live, so that it is day somewhere at any time; the first is the usual one.
    teacher_zones: [&'static str; 3],
    pub(super) subjects: [&'static str; 2],
    /// Other teachers, and what they teach.
    pub(super) others: [(&'static str, &'static str); 2],
    /// Other students.
    pub(super) class: [&'static str; 4],
    /// The group's title.
    pub(super) group: &'static str,
}

/// Both languages.
pub(super) const CASTS: [Cast; 2] = [
    Cast {
        language: "en",
        bot: "Online Lessons",
        student: "Emma",
        zone: "Europe/London",
        city: "London",
        teacher: "Clara Moreno",
        teacher_zones: ["Europe/Madrid", "America/New_York", "Asia/Tokyo"],
        subjects: ["Spanish", "Portuguese"],
        others: [("Daniel Brooks", "Maths"), ("Sofia Marino", "Italian")],
        class: ["Oliver Hayes", "Lucy Bennett", "Noah Price", "Amelia Shaw"],
        group: "Spanish A1",
    },
    Cast {
        language: "ru",
        bot: "Онлайн-уроки",
        student: "Мария",
        zone: "Europe/Moscow",
        city: "Москва",
        teacher: "Елена Соколова",
        teacher_zones: ["Asia/Yekaterinburg", "Europe/London", "Asia/Vladivostok"],
        subjects: ["Испанский", "Португальский"],
        others: [
            ("Дмитрий Орлов", "Математика"),
            ("Анна Белова", "Итальянский"),
        ],
        class: [
            "Олег Титов",
            "Лиза Новикова",
            "Никита Громов",
            "Вера Лапина",
        ],
        group: "Испанский A1",
    },
];

impl Cast {
    /// The teacher's zone when the pictures are taken: one where it is day, since a picture of
    /// today has lessons on both sides of now.
    pub(super) fn teacher_zone(&self, now: Timestamp) -> Result<&'static str> {
        for name in self.teacher_zones {
            let local = now.to_zoned(TimeZone::get(name)?);
            if DAY.contains(&local.hour()) {
                return Ok(name);
            }
        }
        Err(format!("it is night in {}", self.teacher_zones.join(", ")).into())
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    #[test]
    fn it_is_day_for_a_teacher_at_any_hour_of_summer_and_winter() {
        for month in [
            "2026-01-15T00:00Z",
            "2026-03-20T00:00Z",
            "2026-07-15T00:00Z",
        ] {
            let midnight: Timestamp = month.parse().unwrap();
            for cast in &CASTS {
                let mut chosen: Vec<_> = (0..24)
                    .map(|hour| cast.teacher_zone(midnight + hour.hours()).unwrap())
                    .collect();
                chosen.sort_unstable();
                chosen.dedup();
                assert_eq!(chosen.len(), 3, "{month}, {}", cast.language);
            }
        }
    }
}
