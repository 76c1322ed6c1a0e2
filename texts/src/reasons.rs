//! Why lessons end: teachers choose among usual reasons, which each reader reads in their own
//! language. A reason travels as its words, so that whoever writes others writes them freely.

use crate::{Language, labels::TeachingLabel};

/// The words of a reason in a reader's language: those of a usual one there, all others as
/// they were written.
#[must_use]
pub fn reason(written: &str, language: Language) -> String {
    let usual = (1..=TeachingLabel::REASONS).map(|number| TeachingLabel::Reason { number });
    let same = |label: &TeachingLabel<'_>| {
        let mut languages = Language::ALL.into_iter();
        languages.any(|language| label.text(language) == written.trim())
    };
    let found = usual.into_iter().find(same);
    found.map_or_else(|| written.to_owned(), |label| label.text(language))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_reason_is_read_in_the_readers_language_and_others_as_they_were_written() {
        let (ru, en) = (Language::Ru, Language::En);
        for number in 1..=TeachingLabel::REASONS {
            let label = TeachingLabel::Reason { number };
            assert_eq!(reason(&label.text(ru), en), label.text(en));
            assert_eq!(reason(&label.text(en), ru), label.text(ru));
            assert_eq!(reason(&label.text(ru), ru), label.text(ru));
        }
        assert_eq!(reason("Болею, извините", en), "Болею, извините");
        assert_eq!(reason("", en), "");
    }
}
