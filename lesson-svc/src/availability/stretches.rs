//! Stretches of time, alone and many.

use jiff::{SignedDuration, Timestamp};

/// A stretch of time, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// The first instant in it.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
}

impl Stretch {
    /// True when both share an instant.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The stretch with so much more before and after it, within the bounds of time.
    #[must_use]
    pub fn widened(&self, before: SignedDuration, after: SignedDuration) -> Self {
        Self {
            start: saturating(self.start, -before),
            end: saturating(self.end, after),
        }
    }
}

/// `instant + span`, or the instant itself at the end of time.
#[must_use]
pub fn saturating(instant: Timestamp, span: SignedDuration) -> Timestamp {
    instant.saturating_add(span).unwrap_or(instant)
}

/// Stretches by start of which no two share an instant or touch: collected from any,
/// in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretches(Vec<Stretch>);

impl Stretches {
    /// True when one of them shares an instant with `stretch`. `near` is where the last
    /// search ended; see [`seek`].
    #[must_use]
    pub fn overlap(&self, stretch: &Stretch, near: &mut usize) -> bool {
        let next = seek(&self.0, near, |other| other.end <= stretch.start);
        next.is_some_and(|other| other.overlaps(stretch))
    }

    /// True when all of `stretch` lies within them. `near` as in [`Self::overlap`].
    #[must_use]
    pub fn cover(&self, stretch: &Stretch, near: &mut usize) -> bool {
        let next = seek(&self.0, near, |other| other.end <= stretch.start);
        next.is_some_and(|other| other.start <= stretch.start && stretch.end <= other.end)
    }
}

impl FromIterator<Stretch> for Stretches {
    fn from_iter<I: IntoIterator<Item = Stretch>>(stretches: I) -> Self {
        let mut all: Vec<_> = stretches.into_iter().collect();
        all.sort_unstable();
        let mut joined: Vec<Stretch> = Vec::with_capacity(all.len());
        for next in all {
            match joined.last_mut() {
                Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
                _ => joined.push(next),
            }
        }
        Self(joined)
    }
}

/// The first item that is not `before`, of items that are before up to some place and
/// not after it. The search begins at `near` and leaves the place there: a fresh one (0)
/// costs a logarithm, and searches that only go forward share one and cost next to
/// nothing.
pub fn seek<'a, T>(items: &'a [T], near: &mut usize, before: impl Fn(&T) -> bool) -> Option<&'a T> {
    let rest = items.get(*near..).unwrap_or_default();
    let mut reach = 1;
    while rest.get(reach - 1).is_some_and(&before) {
        reach *= 2;
    }
    // What lies before half the reach is known to be before.
    let (known, reach) = (reach / 2, reach.min(rest.len()));
    let place = known + rest[known..reach].partition_point(before);
    *near += place;
    rest.get(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(start: i64, end: i64) -> Stretch {
        let at = |minute: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        Stretch {
            start: at(start),
            end: at(end),
        }
    }

    #[test]
    fn stretches_in_any_order_are_joined_where_they_touch_or_overlap() {
        let all = [
            minutes(50, 60),
            minutes(0, 40),
            minutes(10, 20),
            minutes(40, 45),
        ];
        let joined: Stretches = all.into_iter().collect();
        assert_eq!(joined.0, [minutes(0, 45), minutes(50, 60)]);
        assert!(joined.cover(&minutes(5, 45), &mut 0));
        assert!(!joined.cover(&minutes(5, 46), &mut 0));
        assert!(!joined.overlap(&minutes(45, 50), &mut 0));
        assert!(joined.overlap(&minutes(45, 51), &mut 0));
        assert!(joined.overlap(&minutes(59, 99), &mut 0));
        assert!(!joined.overlap(&minutes(60, 99), &mut 0));
    }

    #[test]
    fn a_search_from_anywhere_before_finds_the_same_place() {
        let items: Vec<i32> = (0..40).collect();
        for wanted in 0..=41 {
            for from in 0..=usize::try_from(wanted).unwrap().min(40) {
                let mut near = from;
                let found = seek(&items, &mut near, |item| *item < wanted);
                assert_eq!(found.copied(), (wanted < 40).then_some(wanted));
                assert_eq!(near, usize::try_from(wanted.min(40)).unwrap());
            }
        }
    }
}
