//! Somebody who presses everything there is to press.

mod kinds;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use texts::{Language, Screen as Shown};

use super::{Key, Screen, Talk};
use crate::Result;
use kinds::kind_of;

/// Acts of one person before another one goes on: more in a minute are answered with silence.
const ACTS: usize = 90;
/// New people who try one path before what it leads to counts as gone: a time that one of them
/// was shown, another one may have taken.
const TRIES: usize = 3;
/// Buttons of one kind that are pressed on one kind of screen: of forty times, a few.
const OF_A_KIND: usize = 2;
/// Characters that a row of buttons shows on a phone before it cuts them off, and what each
/// further button of the row takes of them.
const ROW_CHARS: usize = 46;
const EDGE_CHARS: usize = 1;

/// What there was to press, and what came of it.
#[derive(Debug, Default)]
pub struct Crawl {
    /// How often something was said or pressed.
    pub acts: usize,
    /// Kinds of buttons that were pressed.
    pub pressed: BTreeSet<String>,
    /// Kinds of buttons that were seen, and the label of one of each.
    pub seen: BTreeMap<String, String>,
    /// What is wrong with what was shown.
    pub faults: Vec<String>,
    /// Which button of which path was there no more, and the chat of who looked for it.
    pub missed: Vec<String>,
    /// Paths that nobody went, because so many acts are not done.
    pub left: usize,
    /// The kinds of buttons on a screen, which tell it from others; the kind and the shape of
    /// the label of one of them.
    marked: BTreeMap<(Vec<String>, String), BTreeSet<String>>,
}

/// Where a path begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The person says this.
    Says(String),
    /// They read the newest notice that begins so, and that comes or has come by itself.
    Reads(&'static str),
}

/// How to come to a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Begin(Start),
    Press { kind: String, shape: String },
}

impl Crawl {
    /// Begins with each of `starts`, then presses every button of every screen that can be
    /// reached; whoever has done much is followed by the next of `people`. Ends after `most`
    /// acts, and tells what was left then.
    ///
    /// # Errors
    ///
    /// When a press is not acknowledged, or something is not handled.
    pub async fn run(
        starts: &[Start],
        most: usize,
        mut people: impl AsyncFnMut() -> Result<Talk>,
    ) -> Result<Self> {
        let mut crawl = Self::default();
        let begin = |start: &Start| vec![Step::Begin(start.clone())];
        let mut paths: VecDeque<Vec<Step>> = starts.iter().map(begin).collect();
        let mut talk = people().await?;
        let mut had = talk.taps();
        while let Some(path) = paths.pop_front() {
            if crawl.acts + talk.taps() - had >= most {
                crawl.left = paths.len() + 1;
                break;
            }
            let is_tired = talk.taps() - had >= ACTS;
            if !is_tired
                && crawl
                    .follow(&mut talk, path.clone(), &mut paths, false)
                    .await?
            {
                continue;
            }
            // What this one has done already can be in the way of doing it again.
            for tried in 1..=TRIES {
                crawl.acts += talk.taps() - had;
                talk = people().await?;
                had = talk.taps();
                let path = path.clone();
                if crawl
                    .follow(&mut talk, path, &mut paths, tried == TRIES)
                    .await?
                {
                    break;
                }
            }
        }
        crawl.acts += talk.taps() - had;
        Ok(crawl)
    }

    /// Kinds of buttons that were seen and never pressed.
    #[must_use]
    pub fn unpressed(&self) -> Vec<&String> {
        let kinds = self.seen.keys();
        kinds.filter(|kind| !self.pressed.contains(*kind)).collect()
    }

    /// Kinds of buttons that there are, and that nobody pressed.
    #[must_use]
    pub fn unreached(&self) -> BTreeSet<&'static str> {
        kinds::all()
            .filter(|kind| !self.pressed.contains(*kind))
            .collect()
    }

    /// Kinds of buttons that were seen and are in no list.
    #[must_use]
    pub fn unknown(&self) -> Vec<&String> {
        let seen = self.seen.keys();
        seen.filter(|kind| kinds::all().all(|known| known != *kind))
            .collect()
    }

    /// Goes a known path, and then on as long as there is something new to press. Where the path
    /// is there no more, because others have changed what leads on, it is false; the last one who
    /// tries goes on from where it ends, and what was missed is pressed where it is seen next.
    async fn follow(
        &mut self,
        talk: &mut Talk,
        mut path: Vec<Step>,
        paths: &mut VecDeque<Vec<Step>>,
        last_try: bool,
    ) -> Result<bool> {
        let mut shown = None;
        let mut gone = 0;
        for step in &path {
            match self.take(talk, step).await? {
                Some(screen) => shown = Some(screen),
                None if last_try => {
                    let seen = talk.transcript().await?;
                    self.missed.push(format!("{step:?} of {path:?}:\n{seen}"));
                    path[gone..].iter().for_each(|step| self.forget(step));
                    break;
                }
                None => return Ok(false),
            }
            gone += 1;
        }
        path.truncate(gone);
        while let Some(screen) = shown.take() {
            let mut fresh = self.fresh(&screen).into_iter();
            let Some(next) = fresh.next() else {
                break;
            };
            for other in fresh {
                let mut aside = path.clone();
                aside.push(other);
                paths.push_back(aside);
            }
            shown = self.take(talk, &next).await?;
            path.push(next);
        }
        Ok(true)
    }

    /// A button that could not be pressed is pressed where it is seen next.
    fn forget(&mut self, step: &Step) {
        let Step::Press { kind, shape } = step else {
            return;
        };
        for ((_, marked), shapes) in &mut self.marked {
            if marked == kind {
                shapes.remove(shape);
            }
        }
    }

    async fn take(&mut self, talk: &mut Talk, step: &Step) -> Result<Option<Screen>> {
        let screen = match step {
            Step::Begin(Start::Says(text)) => talk.say(text).await?,
            Step::Begin(Start::Reads(sign)) => talk.read(sign).await?,
            Step::Press { kind, shape } => {
                let of_kind = |key: &Key| kind_of(key).as_ref() == Some(kind);
                let same = |key: &Key| of_kind(key) && shape_of(&key.label) == *shape;
                let which = format!("{kind} {shape:?}");
                if talk.find(same).await?.is_some() {
                    talk.press_where(&which, same).await?
                } else if talk.find(of_kind).await?.is_some() {
                    // Others have come between: one like it will do.
                    talk.press_where(&which, of_kind).await?
                } else {
                    return Ok(None);
                }
            }
        };
        if let Step::Press { kind, .. } = step {
            self.pressed.insert(kind.clone());
        }
        self.judge(&screen);
        Ok(Some(screen))
    }

    /// What of a screen was not pressed yet.
    fn fresh(&mut self, screen: &Screen) -> Vec<Step> {
        let kinds: BTreeSet<_> = screen.keys().filter_map(kind_of).collect();
        let kinds: Vec<_> = kinds.into_iter().collect();
        let mut fresh = Vec::new();
        for key in screen.keys() {
            let Some(kind) = kind_of(key) else {
                continue;
            };
            self.seen.entry(kind.clone()).or_insert(key.label.clone());
            let shape = shape_of(&key.label);
            let shapes = self
                .marked
                .entry((kinds.clone(), kind.clone()))
                .or_default();
            if shapes.len() < OF_A_KIND && shapes.insert(shape.clone()) {
                fresh.push(Step::Press { kind, shape });
            }
        }
        fresh
    }

    fn judge(&mut self, screen: &Screen) {
        let mut fault = |what: &str| self.faults.push(format!("{what}:\n{screen}"));
        let failures = Language::ALL.into_iter().flat_map(|language| {
            [
                Shown::Unavailable,
                Shown::Failed,
                Shown::NotDone,
                Shown::OutcomeUnknown,
            ]
            .map(|shown| shown.html(language))
        });
        for failure in failures {
            if screen.text.starts_with(&failure) {
                fault("it failed");
            }
        }
        let words = screen.keys().map(|key| key.label.as_str());
        for text in words.chain([screen.text.as_str()]) {
            if has_leftover(text) {
                fault("a text without its words");
            }
        }
        for row in &screen.rows {
            let most = ROW_CHARS / row.len().max(1) - EDGE_CHARS;
            for key in row {
                if key.label.chars().count() > most {
                    fault(&format!("{:?} does not fit", key.label));
                }
                if key.data.as_ref().is_some_and(|data| data.len() > 64) {
                    fault(&format!("{:?} says too much", key.label));
                }
            }
        }
    }
}

/// A label without its figures.
fn shape_of(label: &str) -> String {
    let figure = |c: char| if c.is_ascii_digit() { '#' } else { c };
    label.chars().map(figure).collect()
}

/// An id of a message in place of its text, or a variable in place of its value.
fn has_leftover(text: &str) -> bool {
    const AREAS: [&str; 8] = [
        "screen-",
        "label-",
        "notice-",
        "command-",
        "booking-",
        "teaching-",
        "settings-",
        "times-",
    ];
    text.contains(['{', '}']) || AREAS.iter().any(|area| text.contains(area))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_written_in_the_readers_language_is_found() {
        for leftover in ["screen-help", "Hello, { $name }!", "✅ booking-label-book"] {
            assert!(has_leftover(leftover), "{leftover}");
        }
        assert!(!has_leftover("Book this lesson? 16–22 Nov"));
        assert_eq!(shape_of("21•"), "##•");
    }
}
