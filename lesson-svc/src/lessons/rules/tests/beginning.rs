//! How lessons begin, and for whom.

use super::*;

fn teacher(policies: Policies) -> Teacher {
    Teacher {
        id: TEACHER,
        display_name: "T".to_owned(),
        time_zone: "UTC".to_owned(),
        policies,
        version: 1,
        about: String::new(),
        create_time: at("2026-01-01T00:00:00Z"),
    }
}

fn begun(beginning: Beginning, now: &str) -> Changed {
    let teacher = teacher(Policies::default());
    let new = New {
        id: LessonId(Uuid::from_u128(5)),
        teacher: &teacher,
        seats: vec![NewSeat {
            id: SEAT,
            student: STUDENT,
            name: "S".to_owned(),
        }],
        group: None,
        capacity: 1,
        open_seats: false,
        series: None,
        time: time("2026-06-02T12:00:00Z"),
        notes: String::new(),
        meeting_url: String::new(),
    };
    begin(new, by(Role::Student), beginning, at(now))
}

#[test]
fn nothing_waits_longer_than_until_its_start() {
    for (beginning, now, expire) in [
        (
            Beginning::Hold,
            "2026-06-02T11:00:00Z",
            Some("2026-06-02T11:05:00Z"),
        ),
        (
            Beginning::Hold,
            "2026-06-02T11:58:00Z",
            Some("2026-06-02T12:00:00Z"),
        ),
        (
            Beginning::Request,
            "2026-06-01T11:00:00Z",
            Some("2026-06-01T23:00:00Z"),
        ),
        (
            Beginning::Request,
            "2026-06-02T11:00:00Z",
            Some("2026-06-02T12:00:00Z"),
        ),
        (Beginning::Book, "2026-06-02T11:00:00Z", None),
    ] {
        let Changed {
            lesson,
            change,
            tell,
        } = begun(beginning, now);
        assert_eq!(lesson.expire_time, expire.map(at), "{beginning:?}");
        assert_eq!(tell, beginning != Beginning::Hold);
        assert_eq!((change.version, lesson.version), (1, 1));
        let seat = lesson.bookings[0].status;
        let confirmed = seat == BookingStatus::Confirmed;
        assert_eq!(confirmed, beginning == Beginning::Book, "{seat:?}");
    }
}

#[test]
fn a_living_hold_becomes_what_was_decided_on() {
    let now = at("2026-06-02T09:00:00Z");
    let convert = |status, now| {
        convert(
            &lesson(status),
            by(Role::Student),
            Beginning::Book,
            "new",
            now,
        )
    };
    let booked = convert(LessonStatus::Held, now).unwrap();
    assert!(booked.tell);
    assert_eq!(booked.change.kind, Kind::Booked);
    assert_eq!(
        (booked.lesson.version, booked.lesson.schedule_version),
        (4, 3)
    );
    assert_eq!(booked.lesson.notes, "new");
    assert_eq!(booked.lesson.bookings[0].status, BookingStatus::Confirmed);
    let refused: String = LessonStatus::ALL
        .iter()
        .skip(1)
        .map(|status| letter(convert(*status, now).map(|_| Verdict::Do)))
        .collect();
    assert_eq!(refused, "uuccl");
    let late = convert(LessonStatus::Held, at("2026-06-02T11:00:00Z"));
    assert_eq!(letter(late.map(|_| Verdict::Do)), 'l');
}

#[test]
fn only_students_are_bound_by_approval_and_by_closed_doors() {
    let closed = teacher(Policies {
        accepting_students: false,
        requires_approval: true,
        ..Policies::default()
    });
    let open = teacher(Policies::default());
    let admits = |role, teacher: &Teacher, is_student| match admit(role, teacher, is_student) {
        Ok(()) => "yes",
        Err(Error::NotAcceptingStudents) => "closed",
        Err(Error::NotAStudent) => "not theirs",
        Err(error) => panic!("{error:?}"),
    };
    assert_eq!(admits(Role::Student, &closed, false), "closed");
    assert_eq!(admits(Role::Student, &closed, true), "yes");
    assert_eq!(admits(Role::Student, &open, false), "yes");
    assert_eq!(admits(Role::Teacher, &open, false), "not theirs");
    assert_eq!(admits(Role::Teacher, &closed, true), "yes");
    assert_eq!(admits(Role::Admin, &closed, false), "yes");
    for (role, beginning) in [
        (Role::Student, Beginning::Request),
        (Role::Teacher, Beginning::Book),
        (Role::Admin, Beginning::Book),
    ] {
        assert_eq!(Beginning::of_booking(role, &closed), beginning);
        assert_eq!(Beginning::of_booking(role, &open), Beginning::Book);
    }
}
