//! Which buttons there are.

use super::Key;

/// Of a lesson that is decided about.
const LESSON: &[&str] = &["c", "x", "w", "h", "y", "n", "k", "g"];
/// Of booking, and of one's lessons.
const BOOKING: &[&str] = &[
    "b.0", "b.s", "b.p", "b.o", "b.O", "b.w", "b.W", "b.d", "b.D", "b.t", "b.T", "b.k", "b.r",
    "b.m", "b.l", "b.v", "b.g", "b.j",
];
/// Under notices.
const NOTICES: &[&str] = &["b.c", "b.nk", "b.ng", "b.nm", "b.nx", "b.ny", "b.nn"];
/// Of the teachers' part.
const TEACHING: &[&str] = &[
    "t.d", "t.w", "t.l", "t.ls", "t.n?", "t.x?", "t.n", "t.x", "t.nw", "t.xw", "t.a", "t.A", "t.m",
    "t.mw", "t.md", "t.mp", "t.m?", "t.mt", "t.o", "t.of", "t.ol", "t.ot", "t.oa", "t.os:0",
    "t.os:1", "t.or", "t.oc?", "t.oc", "t.i", "t.is", "t.ig", "t.il", "t.ir",
];
/// That open a page of the settings.
const PAGES: &[&str] = &[
    "s.o:menu",
    "s.o:language",
    "s.o:zone",
    "s.o:city",
    "s.o:place",
    "s.o:clock",
    "s.o:leads",
    "s.o:own_lead",
    "s.o:quiet",
    "s.o:own_quiet",
    "s.o:kinds",
    "s.o:name",
];
/// That set something; what is told goes by the number of its `LessonNoticeKind`.
const SETTINGS: &[&str] = &[
    "s.c", "s.g:ru", "s.g:en", "s.z", "s.r:0", "s.r:1", "s.l", "s.n", "s.q", "s.k:1", "s.k:2",
    "s.k:4", "s.k:5", "s.k:6", "s.k:7", "s.k:10", "s.k:13", "s.k:14", "s.k:17", "s.k:18",
];

/// Every kind of button that the bot has: what its data begin with, and which of a few things
/// it is for, where they say that.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    let areas = [LESSON, BOOKING, NOTICES, TEACHING, PAGES, SETTINGS];
    areas.into_iter().flatten().copied()
}

/// The kind of a button, by its data; none for a link.
pub(super) fn kind_of(key: &Key) -> Option<String> {
    let data = key.data.as_ref()?;
    let mut fields = data.split(':');
    let kind = fields.next().unwrap_or_default();
    // The field that says which of a few things it is for, and not whose or of which version.
    let which = match kind {
        "s.o" => fields.next(),
        "s.g" | "s.k" | "t.os" => fields.nth(1),
        "s.r" => fields.nth(2),
        _ => None,
    };
    Some(which.map_or_else(|| kind.to_owned(), |which| format!("{kind}:{which}")))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    /// A file of the bot's buttons, without its tests.
    fn source(name: &str) -> String {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../bot-gateway/src");
        let text = fs::read_to_string(format!("{path}/{name}")).unwrap();
        let code = text.split("#[cfg(test)]").next();
        code.unwrap_or_default().to_owned()
    }

    /// What is written between quotes.
    fn words(code: &str) -> impl Iterator<Item = &str> {
        let code = code.lines().filter(|line| !line.trim().starts_with("//"));
        code.flat_map(|line| line.split('"').skip(1).step_by(2))
    }

    #[test]
    fn every_button_that_the_bot_writes_is_in_the_list() {
        let mut written = BTreeSet::new();
        for word in words(&source("buttons.rs")) {
            if word.len() == 1 {
                written.insert(word.to_owned());
            }
        }
        for name in ["booking", "settings", "teaching"] {
            for word in words(&source(&format!("buttons/{name}.rs"))) {
                let begins = ["b.", "s.", "t."].iter().any(|area| word.starts_with(area));
                if begins && word.len() > 2 {
                    written.insert(word.to_owned());
                }
            }
        }
        let listed = all().filter_map(|kind| kind.split(':').next());
        let listed: BTreeSet<_> = listed.map(str::to_owned).collect();
        assert_eq!(listed, written);
    }

    #[test]
    fn every_page_of_the_settings_is_in_the_list() {
        let code = source("buttons/settings.rs");
        let tags = code.split("fn tag(").nth(1).unwrap();
        let tags = tags.split("\n    }").next().unwrap();
        let written: BTreeSet<_> = words(tags).collect();
        let listed = all().filter_map(|kind| kind.strip_prefix("s.o:"));
        assert_eq!(listed.collect::<BTreeSet<_>>(), written);
    }

    #[test]
    fn a_kind_tells_what_a_button_is_for_and_not_of_which_version_it_is() {
        for (data, kind) in [
            ("s.o:quiet", "s.o:quiet"),
            ("s.g:3:ru", "s.g:ru"),
            ("s.k:12:5:1", "s.k:5"),
            ("s.r:7:Asia/Tokyo:1", "s.r:1"),
            ("t.x:AAAA:4:2", "t.x"),
            ("t.os:20261124:1:5", "t.os:1"),
            ("b.v:AAAA", "b.v"),
        ] {
            let key = Key {
                label: String::new(),
                data: Some(data.to_owned()),
                url: None,
            };
            assert_eq!(kind_of(&key).as_deref(), Some(kind));
        }
    }
}
