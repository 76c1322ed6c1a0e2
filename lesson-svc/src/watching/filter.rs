//! Which changes a watcher is told, and as what. Pure.

use std::collections::BTreeSet;

use olm_proto::lesson::v1::{Change as Told, ChangeKind};
use uuid::Uuid;

use super::{Change, Kind};
use crate::ids::UserId;

/// For whom somebody watches.
#[derive(Debug, Clone)]
pub enum Sight {
    /// A service that fills its cache: everything.
    All,
    /// A person: what concerns them, and these teachers' free times.
    Of(UserId, BTreeSet<UserId>),
}

impl Sight {
    /// What is told of these changes, in their order.
    #[must_use]
    pub fn of(&self, changes: &[Change]) -> Vec<Told> {
        let mut slots = BTreeSet::new();
        let told = changes.iter().filter_map(|change| {
            let seen = self.see(change)?;
            // Many lessons of one teacher are one change of their free times.
            let again = seen.kind() == ChangeKind::Slots && !slots.insert(seen.entity_id.clone());
            (!again).then_some(seen)
        });
        told.collect()
    }

    fn see(&self, change: &Change) -> Option<Told> {
        let (viewer, teachers) = match self {
            Self::All => {
                let people = change.people.iter().map(UserId::to_string);
                return Some(Told {
                    user_ids: people.collect(),
                    ..told(kind(change.kind), change.entity, change.version)
                });
            }
            Self::Of(viewer, teachers) => (viewer, teachers),
        };
        let own = change.people.contains(viewer);
        let watched = match change.kind {
            Kind::Lesson => {
                let teacher = change.teacher.filter(|teacher| teachers.contains(teacher));
                if let (false, Some(teacher)) = (own, teacher) {
                    return Some(told(ChangeKind::Slots, teacher.0, 0));
                }
                false
            }
            Kind::Teacher | Kind::Availability => teachers.contains(&UserId(change.entity)),
            Kind::User | Kind::Series | Kind::Group => false,
        };
        (own || watched).then(|| told(kind(change.kind), change.entity, change.version))
    }

    /// Whether these changes tell of the watcher: they may have been erased.
    #[must_use]
    pub fn viewer_among(&self, changes: &[Change]) -> Option<UserId> {
        let Self::Of(viewer, _) = self else {
            return None;
        };
        let of_viewer = |change: &Change| change.kind == Kind::User && change.entity == viewer.0;
        changes.iter().any(of_viewer).then_some(*viewer)
    }
}

fn told(kind: ChangeKind, entity: Uuid, version: i64) -> Told {
    Told {
        kind: kind.into(),
        entity_id: entity.to_string(),
        version,
        user_ids: Vec::new(),
    }
}

fn kind(kind: Kind) -> ChangeKind {
    match kind {
        Kind::Lesson => ChangeKind::Lesson,
        Kind::User => ChangeKind::User,
        Kind::Teacher => ChangeKind::Teacher,
        Kind::Availability => ChangeKind::Availability,
        Kind::Series => ChangeKind::Series,
        Kind::Group => ChangeKind::Group,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watching::Position;

    const ANNA: u128 = 1;
    const BORIS: u128 = 2;
    const CLARA: u128 = 3;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn change(kind: Kind, entity: u128, people: &[u128]) -> Change {
        Change {
            position: Position { xid: 1, id: 1 },
            kind,
            entity: Uuid::from_u128(entity),
            version: 4,
            teacher: matches!(kind, Kind::Lesson | Kind::Series | Kind::Group)
                .then(|| user(people[0])),
            people: people.iter().copied().map(user).collect(),
        }
    }

    fn everything() -> Vec<Change> {
        vec![
            change(Kind::Lesson, 10, &[ANNA, BORIS]),
            change(Kind::Lesson, 11, &[ANNA, CLARA]),
            change(Kind::Lesson, 12, &[ANNA, CLARA]),
            change(Kind::User, CLARA, &[CLARA]),
            change(Kind::User, BORIS, &[BORIS]),
            change(Kind::Teacher, ANNA, &[ANNA]),
            change(Kind::Availability, ANNA, &[ANNA]),
            change(Kind::Series, 20, &[ANNA, CLARA]),
            change(Kind::Group, 30, &[ANNA, BORIS]),
        ]
    }

    fn seen(viewer: u128, teachers: &[u128]) -> Vec<(ChangeKind, u128, i64)> {
        let sight = Sight::Of(user(viewer), teachers.iter().copied().map(user).collect());
        let told = sight.of(&everything());
        assert!(told.iter().all(|told| told.user_ids.is_empty()));
        told.iter()
            .map(|told| {
                let entity: Uuid = told.entity_id.parse().unwrap();
                (told.kind(), entity.as_u128(), told.version)
            })
            .collect()
    }

    #[test]
    fn a_person_is_told_what_concerns_them_and_nothing_else() {
        assert_eq!(
            seen(BORIS, &[]),
            [
                (ChangeKind::Lesson, 10, 4),
                (ChangeKind::User, BORIS, 4),
                (ChangeKind::Group, 30, 4),
            ]
        );
        assert_eq!(seen(9, &[]), []);
    }

    #[test]
    fn of_a_teacher_who_is_watched_others_lessons_are_free_times_told_once() {
        assert_eq!(
            seen(BORIS, &[ANNA]),
            [
                (ChangeKind::Lesson, 10, 4),
                (ChangeKind::Slots, ANNA, 0),
                (ChangeKind::User, BORIS, 4),
                (ChangeKind::Teacher, ANNA, 4),
                (ChangeKind::Availability, ANNA, 4),
                (ChangeKind::Group, 30, 4),
            ]
        );
        assert!(
            seen(BORIS, &[CLARA])
                .iter()
                .all(|seen| seen.0 != ChangeKind::Slots)
        );
    }

    #[test]
    fn a_service_is_told_everything_and_whom_it_concerns() {
        let told = Sight::All.of(&everything());
        assert_eq!(told.len(), everything().len());
        let people = [ANNA, BORIS].map(|number| user(number).to_string());
        assert_eq!(told[0].user_ids, people);
        assert_eq!(told[0].kind(), ChangeKind::Lesson);
    }
}
