//! The Fluent messages of each language, parsed once.

use std::sync::LazyLock;

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use unic_langid::{LanguageIdentifier, langid};

use crate::Language;

type Bundle = FluentBundle<FluentResource>;

/// The Fluent files, as language and text.
pub(crate) const FILES: [(Language, &str); 18] = [
    (Language::Ru, include_str!("../locales/ru/calendars.ftl")),
    (Language::Ru, include_str!("../locales/ru/dates.ftl")),
    (Language::Ru, include_str!("../locales/ru/notices.ftl")),
    (Language::Ru, include_str!("../locales/ru/series.ftl")),
    (Language::Ru, include_str!("../locales/ru/teaching.ftl")),
    (Language::Ru, include_str!("../locales/ru/settings.ftl")),
    (Language::Ru, include_str!("../locales/ru/times.ftl")),
    (Language::Ru, include_str!("../locales/ru/bot.ftl")),
    (Language::Ru, include_str!("../locales/ru/booking.ftl")),
    (Language::En, include_str!("../locales/en/calendars.ftl")),
    (Language::En, include_str!("../locales/en/dates.ftl")),
    (Language::En, include_str!("../locales/en/notices.ftl")),
    (Language::En, include_str!("../locales/en/series.ftl")),
    (Language::En, include_str!("../locales/en/teaching.ftl")),
    (Language::En, include_str!("../locales/en/settings.ftl")),
    (Language::En, include_str!("../locales/en/times.ftl")),
    (Language::En, include_str!("../locales/en/bot.ftl")),
    (Language::En, include_str!("../locales/en/booking.ftl")),
];

static RU: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::Ru, langid!("ru")));
static EN: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::En, langid!("en")));

/// The values of a message's variables. Texts that people gave are escaped here, so
/// that no name can break the markup around it.
#[derive(Debug, Default)]
pub(crate) struct Values<'a>(FluentArgs<'a>);

impl Values<'_> {
    /// A text for a message that Telegram reads as HTML.
    pub(crate) fn html(mut self, name: &'static str, text: &str) -> Self {
        self.0.set(name, FluentValue::from(escape(text)));
        self
    }

    /// A text for a message without markup, or one that is markup already.
    pub(crate) fn raw(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.0.set(name, FluentValue::from(text.into()));
        self
    }

    /// A number; it chooses the plural.
    pub(crate) fn number(mut self, name: &'static str, number: i64) -> Self {
        self.0.set(name, FluentValue::from(number));
        self
    }
}

/// The message `id` with its variables filled in. One that does not exist yields its
/// id: the tests of this crate see to it that all exist.
pub(crate) fn message(language: Language, id: &str, values: &Values<'_>) -> String {
    find(language, id, values).unwrap_or_else(|| id.to_owned())
}

/// The message `id`, if there is one.
pub(crate) fn find(language: Language, id: &str, values: &Values<'_>) -> Option<String> {
    let bundle: &Bundle = match language {
        Language::Ru => &RU,
        Language::En => &EN,
    };
    let pattern = bundle.get_message(id)?.value()?;
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(&values.0), &mut errors);
    debug_assert!(errors.is_empty(), "{id}: {errors:?}");
    Some(text.into_owned())
}

/// Escapes what Telegram's HTML mode reads as markup (Bot API, "HTML style").
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn bundle(language: Language, id: LanguageIdentifier) -> Bundle {
    let mut bundle = Bundle::new_concurrent(vec![id]);
    // Telegram shows the isolation characters of Unicode as boxes on some phones, and
    // no language here is written from right to left.
    bundle.set_use_isolating(false);
    for (_, text) in FILES.iter().filter(|(of, _)| *of == language) {
        // A file with a mistake loses that message only; the tests refuse such files.
        let resource = match FluentResource::try_new((*text).to_owned()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        let added = bundle.add_resource(resource);
        debug_assert!(added.is_ok(), "{added:?}");
    }
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

    use super::*;

    fn variables_of_inline(expression: &InlineExpression<&str>, found: &mut BTreeSet<String>) {
        match expression {
            InlineExpression::VariableReference { id } => {
                found.insert(id.name.to_owned());
            }
            InlineExpression::Placeable { expression } => variables_of(expression, found),
            InlineExpression::StringLiteral { .. }
            | InlineExpression::NumberLiteral { .. }
            | InlineExpression::FunctionReference { .. }
            | InlineExpression::MessageReference { .. }
            | InlineExpression::TermReference { .. } => {}
        }
    }

    fn variables_of(expression: &Expression<&str>, found: &mut BTreeSet<String>) {
        match expression {
            Expression::Inline(inline) => variables_of_inline(inline, found),
            Expression::Select { selector, variants } => {
                variables_of_inline(selector, found);
                for variant in variants {
                    variables_of_pattern(&variant.value, found);
                }
            }
        }
    }

    fn variables_of_pattern(pattern: &Pattern<&str>, found: &mut BTreeSet<String>) {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                variables_of(expression, found);
            }
        }
    }

    /// Every message of a language with its variables.
    fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let mut messages = BTreeMap::new();
        for (_, text) in FILES.iter().filter(|(of, _)| *of == language) {
            let resource = FluentResource::try_new((*text).to_owned()).unwrap();
            for entry in resource.entries() {
                if let Entry::Message(message) = entry {
                    let mut variables = BTreeSet::new();
                    variables_of_pattern(message.value.as_ref().unwrap(), &mut variables);
                    let id = message.id.name.to_owned();
                    assert!(
                        messages.insert(id.clone(), variables).is_none(),
                        "{id} twice"
                    );
                }
            }
        }
        messages
    }

    #[test]
    fn both_languages_have_the_same_messages_with_the_same_variables() {
        let (ru, en) = (messages(Language::Ru), messages(Language::En));
        assert!(ru.len() > 100);
        for (id, variables) in &ru {
            assert_eq!(en.get(id), Some(variables), "{id}");
        }
        assert_eq!(ru.len(), en.len());
    }

    #[test]
    fn every_message_renders_in_both_languages_for_every_plural() {
        for language in Language::ALL {
            for (id, variables) in messages(language) {
                for number in [0, 1, 2, 5, 11, 21, 60] {
                    let values = variables
                        .iter()
                        .fold(Values::default(), |mut values, name| {
                            values.0.set(name.clone(), FluentValue::from(number));
                            values
                        });
                    let text = find(language, &id, &values).unwrap();
                    assert!(!text.trim().is_empty(), "{id}");
                    assert!(
                        !text.contains(['{', '}', '\u{2068}', '\u{2069}']),
                        "{id}: {text}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_name_cannot_break_the_markup_around_it() {
        let values = Values::default().html("reason", "<b>&\"'");
        let text = message(Language::En, "notice-reason", &values);
        assert_eq!(text, "Reason: &lt;b&gt;&amp;\"'");
    }
}
