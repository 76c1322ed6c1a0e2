//! Whether every lesson is what its people were answered, and whether all of it was told on.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    super::history::Breach,
    visitors::{Booked, Seen},
};
use crate::Result;

/// A lesson as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    id: Uuid,
    start: Timestamp,
    end: Timestamp,
    canceled: bool,
}

/// What the database has at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Books {
    lessons: Vec<Kept>,
    /// Rows of the outbox that are there still: parked, or not told.
    untold: i64,
}

/// What waits to be told to notify-svc, or was refused there.
pub(super) async fn untold(database: &PgPool) -> Result<i64> {
    let count = sqlx::query_scalar("SELECT count(*) FROM lesson.outbox");
    Ok(count.fetch_one(database).await?)
}

/// Every lesson of `teachers`.
pub(super) async fn books(database: &PgPool, teachers: &[Uuid]) -> Result<Books> {
    let rows: Vec<(Uuid, i64, i64, bool)> = sqlx::query_as(
        "SELECT id, (extract(epoch FROM lower(during)) * 1e6)::bigint,
                (extract(epoch FROM upper(during)) * 1e6)::bigint, status = 'canceled'
         FROM lesson.lessons WHERE teacher_id = ANY($1)",
    )
    .bind(teachers)
    .fetch_all(database)
    .await?;
    let lessons = rows.into_iter().map(|(id, start, end, canceled)| {
        Ok(Kept {
            id,
            start: Timestamp::from_microsecond(start)?,
            end: Timestamp::from_microsecond(end)?,
            canceled,
        })
    });
    Ok(Books {
        lessons: lessons.collect::<Result<_>>()?,
        untold: untold(database).await?,
    })
}

/// Every breach; nothing may be under way any more.
pub(super) fn check(seen: &Seen, books: &Books) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut add = |invariant, what| breaches.push(Breach { invariant, what });
    for failed in &seen.failed {
        add("answer", failed.clone());
    }
    let kept: BTreeMap<_, _> = books.lessons.iter().map(|kept| (kept.id, kept)).collect();
    for lesson in &seen.lessons {
        let Booked {
            id,
            start,
            canceled,
            ..
        } = lesson;
        match kept.get(id) {
            None => add(
                "lost",
                format!("lesson {id} was answered, and is not there"),
            ),
            Some(kept)
                if (kept.start, kept.end, kept.canceled) != (*start, lesson.end, *canceled) =>
            {
                add(
                    "lost",
                    format!("lesson {id} was answered as {lesson:?}, and is {kept:?}"),
                );
            }
            Some(_) => {}
        }
    }
    let answered: BTreeSet<_> = seen.lessons.iter().map(|lesson| lesson.id).collect();
    // Whoever had no answer at all is named above already.
    if seen.failed.is_empty() {
        for id in kept.keys().filter(|id| !answered.contains(id)) {
            add(
                "twice",
                format!("lesson {id} is there, and was answered to nobody"),
            );
        }
    }
    if seen.lessons.len() != answered.len() {
        add(
            "twice",
            "two people were answered the same lesson".to_owned(),
        );
    }
    if books.untold > 0 {
        add(
            "told",
            format!("{} changes were not told to notify-svc", books.untold),
        );
    }
    breaches
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn lesson(number: u128) -> (Booked, Kept) {
        let start: Timestamp = "2026-11-21T17:00:00Z".parse().unwrap();
        let end = start + SignedDuration::from_hours(1);
        let (id, canceled) = (Uuid::from_u128(number), false);
        let booked = Booked {
            id,
            chat: 1,
            start,
            end,
            canceled,
        };
        let kept = Kept {
            id,
            start,
            end,
            canceled,
        };
        (booked, kept)
    }

    fn broken(booked: &[Booked], kept: &[Kept], failed: &[&str], untold: i64) -> Vec<&'static str> {
        let seen = Seen {
            lessons: booked.into(),
            failed: failed.iter().map(|&text| text.to_owned()).collect(),
            ..Seen::default()
        };
        let books = Books {
            lessons: kept.into(),
            untold,
        };
        let breaches = check(&seen, &books);
        breaches
            .into_iter()
            .map(|breach| breach.invariant)
            .collect()
    }

    #[test]
    fn a_lesson_is_there_once_and_as_it_was_answered() {
        let ((one, kept_one), (two, kept_two)) = (lesson(1), lesson(2));
        let (both, kept) = (
            [one.clone(), two.clone()],
            [kept_one.clone(), kept_two.clone()],
        );
        assert!(broken(&both, &kept, &[], 0).is_empty());
        assert_eq!(broken(&both, &kept[..1], &[], 0), ["lost"]);
        let moved = Kept {
            start: kept_one.start + SignedDuration::from_hours(1),
            ..kept_one.clone()
        };
        assert_eq!(broken(&both, &[moved, kept_two.clone()], &[], 0), ["lost"]);
        let canceled = Booked {
            canceled: true,
            ..one.clone()
        };
        assert_eq!(broken(&[canceled, two.clone()], &kept, &[], 0), ["lost"]);
        assert_eq!(broken(&both[..1], &kept, &[], 0), ["twice"]);
        assert_eq!(broken(&both[..1], &kept, &["refused"], 0), ["answer"]);
        assert_eq!(broken(&[one.clone(), one], &kept[..1], &[], 0), ["twice"]);
        assert_eq!(broken(&both, &kept, &[], 2), ["told"]);
    }
}
