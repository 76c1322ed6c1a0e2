//! What entries of calendars outside say.

use crate::{
    Language,
    bundle::{Values, message},
    person_name,
};

/// What a person's calendar is called.
#[must_use]
pub fn calendar_name(language: Language) -> String {
    message(language, "calendar-name", &Values::default())
}

/// What a lesson is called in it: by its group's title or, without one, by who is on the
/// other side, whose name is empty when they were erased.
#[must_use]
pub fn calendar_summary(counterpart: &str, group_title: &str, language: Language) -> String {
    let with = if group_title.is_empty() {
        person_name(counterpart, language)
    } else {
        group_title.to_owned()
    };
    let values = Values::default().raw("with", with);
    message(language, "calendar-lesson", &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_is_called_by_its_group_or_by_the_other_side() {
        let (ru, en) = (Language::Ru, Language::En);
        assert_eq!(calendar_summary("Анна", "", ru), "Урок: Анна");
        assert_eq!(
            calendar_summary("Anna", "Spanish & co", en),
            "Lesson: Spanish & co"
        );
        assert_ne!(calendar_summary("", "", en), "Lesson: ");
        assert_eq!(calendar_name(ru), "Уроки");
    }
}
