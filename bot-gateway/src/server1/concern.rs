//! What a change, or a write, makes of the answers that are kept: which of them it
//! concerns. Pure. Rather one too many than one too few: an answer that does not hold is
//! read again.

use olm_proto::lesson::v1::{Change, ChangeKind};
use uuid::Uuid;

use super::calls::Shelf;

/// Whose an answer is, and whom and what it mentions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct About {
    /// Who asked, or the person told of.
    pub(super) owner: Option<Uuid>,
    /// In order, each once.
    mentioned: Vec<Uuid>,
}

impl About {
    pub(super) fn new(owner: Option<Uuid>, messages: &[&[u8]]) -> Self {
        let mut mentioned: Vec<_> = messages.iter().copied().flat_map(ids).collect();
        mentioned.sort_unstable();
        mentioned.dedup();
        mentioned.shrink_to_fit();
        Self { owner, mentioned }
    }

    /// What it takes in memory, beside itself.
    pub(super) fn bytes(&self) -> usize {
        self.mentioned.len() * size_of::<Uuid>()
    }

    fn mentions(&self, id: Uuid) -> bool {
        self.mentioned.binary_search(&id).is_ok()
    }

    fn is_of(&self, id: Uuid) -> bool {
        self.owner == Some(id)
    }

    fn mentions_any(&self, ids: &[Uuid]) -> bool {
        ids.iter().any(|id| self.mentions(*id))
    }
}

/// Every id in a message. All ids of the contract are UUIDs, written out.
fn ids(message: &[u8]) -> impl Iterator<Item = Uuid> {
    const LENGTH: usize = 36;
    message.windows(LENGTH).filter_map(|window| {
        let dashes = [8, 13, 18, 23].iter().all(|at| window[*at] == b'-');
        dashes.then(|| Uuid::try_parse_ascii(window).ok()).flatten()
    })
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It was done; its answer says what it changed.
    Done,
    /// Only server 1 knows.
    Unknown,
    /// Nothing was changed, but something is not as the writer thought.
    Refused,
}

/// Something that answers may be out of date by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Concern {
    /// It is not known what changed.
    Everything,
    /// A write of ours.
    Written {
        /// Whose it is, and what it mentions with its answer.
        about: About,
        end: End,
        /// Whether it is of the person themselves.
        of_person: bool,
    },
    /// lesson-svc says so.
    Changed {
        kind: ChangeKind,
        entity: Uuid,
        people: Vec<Uuid>,
    },
}

impl Concern {
    /// As it came over the stream; one that cannot be read may be anything.
    pub(super) fn from_wire(change: &Change) -> Self {
        let people = change.user_ids.iter().map(|id| Uuid::try_parse(id));
        match (
            Uuid::try_parse(&change.entity_id),
            people.collect::<Result<_, _>>(),
        ) {
            (Ok(entity), Ok(people)) => Self::Changed {
                kind: change.kind(),
                entity,
                people,
            },
            (Err(_), _) | (_, Err(_)) => Self::Everything,
        }
    }

    /// Whether the answer may be out of date by it.
    pub(super) fn touches(&self, place: Shelf, answer: &About) -> bool {
        match self {
            Self::Everything => true,
            Self::Written {
                about,
                end,
                of_person,
            } => {
                let own = about.owner.is_some() && about.owner == answer.owner;
                let of_mentioned = || about.mentioned.iter().any(|id| answer.is_of(*id));
                let mentions = || answer.mentions_any(&about.mentioned);
                // One that teaches may have changed when they do.
                let of_writer = || match end {
                    End::Done | End::Unknown => about.owner.is_some_and(|by| answer.mentions(by)),
                    End::Refused => false,
                };
                match place {
                    Shelf::Schedules => own || mentions() || of_writer(),
                    Shelf::Lessons => own || of_mentioned() || mentions(),
                    Shelf::People => own && *of_person,
                    Shelf::Rest => own || of_mentioned(),
                }
            }
            Self::Changed {
                kind,
                entity,
                people,
            } => {
                let of_them = || people.iter().any(|person| answer.is_of(*person));
                match (place, kind) {
                    // A new teacher is in no list yet.
                    (_, ChangeKind::Unspecified) | (Shelf::Schedules, ChangeKind::Teacher) => true,
                    (Shelf::Schedules, _) => {
                        of_them() || answer.mentions(*entity) || answer.mentions_any(people)
                    }
                    (Shelf::Lessons, _) => of_them() || answer.mentions(*entity),
                    (Shelf::People | Shelf::Rest, _) => {
                        answer.is_of(*entity) || answer.mentions(*entity)
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: Uuid = Uuid::from_u128(1);
    const BORIS: Uuid = Uuid::from_u128(2);
    const TEACHER: Uuid = Uuid::from_u128(3);
    const LESSON: Uuid = Uuid::from_u128(4);

    fn about(owner: Uuid, mentioned: &[Uuid]) -> About {
        let text: Vec<_> = mentioned.iter().map(|id| format!("\n${id}")).collect();
        About::new(Some(owner), &[text.concat().as_bytes()])
    }

    fn changed(kind: ChangeKind, entity: Uuid, people: &[Uuid]) -> Concern {
        Concern::from_wire(&Change {
            kind: kind.into(),
            entity_id: entity.to_string(),
            version: 2,
            user_ids: people.iter().map(Uuid::to_string).collect(),
        })
    }

    #[test]
    fn an_answer_mentions_every_id_in_it_whatever_stands_around() {
        let text = format!("x{LESSON}{ANNA}\u{0}--------------------------------{TEACHER}z");
        let found = About::new(None, &[text.as_bytes(), b"", b"-", TEACHER.as_bytes()]);
        assert_eq!(found.mentioned, [ANNA, TEACHER, LESSON]);
    }

    #[test]
    fn a_changed_lesson_concerns_its_people_and_its_teachers_free_times() {
        let change = changed(ChangeKind::Lesson, LESSON, &[TEACHER, ANNA]);
        let slots_of_teacher = about(BORIS, &[TEACHER]);
        assert!(change.touches(Shelf::Schedules, &slots_of_teacher));
        assert!(!change.touches(Shelf::Schedules, &about(BORIS, &[LESSON, BORIS][1..])));
        assert!(
            change.touches(Shelf::Lessons, &about(ANNA, &[])),
            "her list"
        );
        assert!(change.touches(Shelf::Lessons, &about(BORIS, &[LESSON])));
        assert!(
            !change.touches(Shelf::Lessons, &about(BORIS, &[TEACHER])),
            "another student's list with the same teacher"
        );
        assert!(!change.touches(Shelf::People, &about(ANNA, &[ANNA])));
    }

    #[test]
    fn a_changed_person_concerns_themselves_and_whoever_reads_their_name() {
        let change = changed(ChangeKind::User, ANNA, &[ANNA]);
        assert!(change.touches(Shelf::People, &about(ANNA, &[])));
        assert!(change.touches(Shelf::Lessons, &about(TEACHER, &[LESSON, ANNA])));
        assert!(!change.touches(Shelf::People, &about(BORIS, &[BORIS])));
    }

    #[test]
    fn a_changed_teacher_concerns_every_schedule() {
        let change = changed(ChangeKind::Teacher, TEACHER, &[]);
        assert!(change.touches(Shelf::Schedules, &about(BORIS, &[])));
        let hours = changed(ChangeKind::Availability, TEACHER, &[]);
        assert!(hours.touches(Shelf::Schedules, &about(BORIS, &[TEACHER])));
        assert!(!hours.touches(Shelf::Schedules, &about(BORIS, &[ANNA])));
    }

    #[test]
    fn what_cannot_be_read_concerns_everything() {
        let change = Change {
            entity_id: "?".to_owned(),
            ..Change::default()
        };
        let concern = Concern::from_wire(&change);
        for place in Shelf::ALL {
            assert!(concern.touches(place, &About::default()), "{place:?}");
            let unknown = changed(ChangeKind::Unspecified, LESSON, &[]);
            assert!(unknown.touches(place, &About::default()), "{place:?}");
        }
    }

    #[test]
    fn a_write_concerns_its_writer_and_what_it_mentions() {
        let write = Concern::Written {
            about: about(ANNA, &[TEACHER, LESSON]),
            end: End::Done,
            of_person: true,
        };
        for place in Shelf::ALL {
            assert!(write.touches(place, &about(ANNA, &[])), "{place:?}");
        }
        assert!(write.touches(Shelf::Schedules, &about(BORIS, &[TEACHER])));
        assert!(!write.touches(Shelf::Schedules, &about(BORIS, &[BORIS])));
        assert!(write.touches(Shelf::Lessons, &about(TEACHER, &[])));
        assert!(!write.touches(Shelf::People, &about(TEACHER, &[TEACHER])));
    }

    #[test]
    fn a_write_that_was_refused_or_given_up_concerns_what_its_request_names() {
        for end in [End::Unknown, End::Refused] {
            let write = Concern::Written {
                about: about(ANNA, &[TEACHER]),
                end,
                of_person: false,
            };
            assert!(write.touches(Shelf::Lessons, &about(ANNA, &[])));
            assert!(write.touches(Shelf::Schedules, &about(ANNA, &[])));
            assert!(write.touches(Shelf::Schedules, &about(BORIS, &[TEACHER])));
            let other_teachers = about(BORIS, &[Uuid::from_u128(5)]);
            assert!(!write.touches(Shelf::Schedules, &other_teachers));
            assert!(!write.touches(Shelf::Lessons, &about(BORIS, &[LESSON])));
            let who_books = about(ANNA, &[]);
            assert!(!write.touches(Shelf::People, &who_books), "stays who it is");
        }
    }

    #[test]
    fn a_teacher_who_may_have_changed_their_hours_concerns_those_who_read_them() {
        for (end, touched) in [
            (End::Done, true),
            (End::Unknown, true),
            (End::Refused, false),
        ] {
            let write = Concern::Written {
                about: about(TEACHER, &[]),
                end,
                of_person: false,
            };
            let read_by_boris = about(BORIS, &[TEACHER]);
            assert_eq!(write.touches(Shelf::Schedules, &read_by_boris), touched);
        }
    }
}
