//! What lesson-svc answers about series, groups and seats.

use olm_proto::lesson::v1 as lesson;

use super::{BOOKING, FEED, Fake, GROUP, LESSON, SERIES, STUDENT, TEACHER, TOKEN, a_lesson, time};

/// Answers until a test says otherwise.
pub fn answers(fake: &Fake) {
    series(fake);
    groups(fake);
    calendars(fake);
    fake.answer(super::Heard::default());
    let lesson = Some(a_group_lesson());
    fake.answer(lesson::JoinLessonResponse {
        lesson: lesson.clone(),
        joined: true,
    });
    fake.answer(lesson::LeaveLessonResponse {
        lesson: lesson.clone(),
    });
    fake.answer(lesson::ReconfirmLessonResponse { lesson });
}

fn series(fake: &Fake) {
    let series = Some(a_series());
    fake.answer(lesson::PreviewSeriesResponse {
        occurrences: vec![an_occurrence()],
        conflict_count: 1,
        viewer_time_zone: "Asia/Tbilisi".to_owned(),
        shifted_student_ids: vec![STUDENT.to_owned()],
        booked_count: 11,
    });
    fake.answer(lesson::CreateSeriesResponse {
        series: series.clone(),
        lesson_ids: vec![LESSON.to_owned()],
    });
    fake.answer(lesson::GetSeriesResponse {
        series: series.clone(),
    });
    fake.answer(lesson::ListSeriesResponse {
        series: vec![a_series()],
        next_page_token: "next".to_owned(),
    });
    fake.answer(lesson::PreviewSeriesUpdateResponse {
        occurrences: vec![an_occurrence()],
        conflict_count: 0,
        kept_lesson_ids: vec![LESSON.to_owned()],
        canceled_lesson_ids: Vec::new(),
        viewer_time_zone: "Asia/Tbilisi".to_owned(),
    });
    fake.answer(lesson::UpdateSeriesResponse {
        series: series.clone(),
        changed_lesson_ids: vec![LESSON.to_owned()],
        kept_lesson_ids: Vec::new(),
    });
    fake.answer(lesson::CancelSeriesResponse {
        series,
        canceled_lessons: 7,
    });
}

fn groups(fake: &Fake) {
    let group = Some(a_group());
    fake.answer(lesson::CreateGroupResponse {
        group: group.clone(),
    });
    fake.answer(lesson::GetGroupResponse {
        group: group.clone(),
    });
    fake.answer(lesson::ListGroupsResponse {
        groups: vec![a_group()],
        next_page_token: "next".to_owned(),
    });
    fake.answer(lesson::UpdateGroupResponse {
        group: group.clone(),
    });
    fake.answer(lesson::DeleteGroupResponse {});
    fake.answer(lesson::ListGroupMembersResponse {
        members: vec![lesson::GroupMember {
            student_id: STUDENT.to_owned(),
            display_name: "Boris".to_owned(),
            create_time: Some(time("2026-01-10T08:00:00Z")),
        }],
        next_page_token: String::new(),
    });
    fake.answer(lesson::AddGroupMemberResponse {
        group,
        joined: true,
        missed_lesson_ids: vec![LESSON.to_owned()],
    });
    fake.answer(lesson::RemoveGroupMemberResponse { canceled_seats: 3 });
}

fn calendars(fake: &Fake) {
    let feed = lesson::CalendarFeed {
        id: FEED.to_owned(),
        create_time: Some(time("2026-01-10T08:00:00Z")),
        revoke_time: None,
    };
    fake.answer(lesson::CreateCalendarFeedResponse {
        feed: Some(feed.clone()),
        token: TOKEN.to_owned(),
    });
    fake.answer(lesson::ListCalendarFeedsResponse {
        feeds: vec![feed.clone()],
    });
    fake.answer(lesson::RevokeCalendarFeedResponse {
        feed: Some(lesson::CalendarFeed {
            revoke_time: Some(time("2026-01-11T08:00:00Z")),
            ..feed
        }),
    });
    fake.answer(lesson::ReadCalendarFeedResponse {
        entries: vec![an_entry()],
        language: "ru".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
    });
    fake.answer(lesson::GetCalendarEntryResponse {
        entry: Some(an_entry()),
        language: "en".to_owned(),
        time_zone: "UTC".to_owned(),
    });
}

pub fn an_entry() -> lesson::CalendarEntry {
    lesson::CalendarEntry {
        lesson_id: LESSON.to_owned(),
        sequence: 2,
        start_time: Some(time("2026-01-16T12:00:00Z")),
        end_time: Some(time("2026-01-16T13:00:00Z")),
        state: lesson::CalendarEntryState::Confirmed.into(),
        update_time: Some(time("2026-01-11T08:00:00.5Z")),
        teaches: false,
        counterpart_name: "Anna; the teacher".to_owned(),
        group_title: String::new(),
        meeting_url: "https://meet.example/a,b".to_owned(),
    }
}

pub fn a_series() -> lesson::Series {
    lesson::Series {
        id: SERIES.to_owned(),
        teacher_id: TEACHER.to_owned(),
        teacher_name: "Anna".to_owned(),
        student_id: STUDENT.to_owned(),
        student_name: "Boris".to_owned(),
        pattern: Some(lesson::SeriesPattern {
            time_zone: "Europe/Berlin".to_owned(),
            first_date: "2026-01-19".to_owned(),
            start_time_of_day: "18:30".to_owned(),
            lesson_duration: Some(prost_types::Duration {
                seconds: 3600,
                nanos: 0,
            }),
            every_weeks: 1,
            meeting_url: String::new(),
            notes: "bring the book".to_owned(),
        }),
        occurrence_count: 12,
        last_date: "2026-04-06".to_owned(),
        state: lesson::SeriesState::Running.into(),
        version: 3,
        create_time: Some(time("2026-01-10T08:00:00Z")),
        next_start_time: Some(time("2026-01-19T17:30:00Z")),
        skipped: vec![lesson::SkippedOccurrence {
            ordinal: 4,
            start_time: Some(time("2026-02-16T17:30:00Z")),
            conflict: lesson::OccurrenceConflict::TimeOff.into(),
            unasked: true,
        }],
        ..lesson::Series::default()
    }
}

pub fn an_occurrence() -> lesson::PreviewedOccurrence {
    lesson::PreviewedOccurrence {
        ordinal: 10,
        start_time: Some(time("2026-03-30T16:30:00Z")),
        end_time: Some(time("2026-03-30T17:30:00Z")),
        local_start_time: "2026-03-30T18:30:00+02:00".to_owned(),
        viewer_local_start_time: "2026-03-30T20:30:00+04:00".to_owned(),
        conflict: lesson::OccurrenceConflict::TeacherBusy.into(),
        conflicting_lesson_id: LESSON.to_owned(),
        clock_marks: vec![
            lesson::ClockMark::SeriesClockChanged.into(),
            lesson::ClockMark::StudentTimeShifts.into(),
        ],
        outside_hours: true,
        ..lesson::PreviewedOccurrence::default()
    }
}

pub fn a_group() -> lesson::Group {
    lesson::Group {
        id: GROUP.to_owned(),
        teacher_id: TEACHER.to_owned(),
        teacher_name: "Anna".to_owned(),
        title: "Spanish".to_owned(),
        capacity: 6,
        member_count: 2,
        version: 9,
        create_time: Some(time("2026-01-10T08:00:00Z")),
        delete_time: None,
    }
}

pub fn a_group_lesson() -> lesson::Lesson {
    lesson::Lesson {
        bookings: vec![lesson::Booking {
            id: BOOKING.to_owned(),
            student_id: STUDENT.to_owned(),
            student_name: "Boris".to_owned(),
            status: lesson::BookingStatus::Reconfirm.into(),
            version: 2,
            reconfirm_expire_time: Some(time("2026-01-15T12:00:00Z")),
        }],
        group_id: GROUP.to_owned(),
        group_title: "Spanish".to_owned(),
        capacity: 6,
        seats_taken: 4,
        series_id: SERIES.to_owned(),
        series_start_time: Some(time("2026-01-16T11:00:00Z")),
        ..a_lesson()
    }
}
