//! Series, and what is told of them.

use jiff::{SignedDuration, Timestamp};
use olm_proto::notify::v1::{
    Deliver, LessonRole, SeriesNotice, SeriesPlan, SeriesSnapshot, content,
};
use uuid::Uuid;

/// A series of ten lessons a week apart, the first of which starts at `start`.
pub fn series(teacher: Uuid, students: &[Uuid], start: Timestamp) -> SeriesSnapshot {
    let last = start + SignedDuration::from_hours(9 * 168);
    SeriesSnapshot {
        series_id: Uuid::new_v4().to_string(),
        version: 1,
        schedule_version: 1,
        teacher_id: teacher.to_string(),
        student_ids: students.iter().map(Uuid::to_string).collect(),
        plan: Some(SeriesPlan {
            time_zone: "Europe/Berlin".to_owned(),
            day_of_week: 5,
            start_time_of_day: "18:00".to_owned(),
            lesson_duration: Some(super::seconds(3600)),
            every_weeks: 1,
            meeting_url: String::new(),
            first_start_time: Some(olm_proto::timestamp(start)),
            last_start_time: Some(olm_proto::timestamp(last)),
            lesson_count: 10,
        }),
        changed_by: LessonRole::Teacher.into(),
        ..SeriesSnapshot::default()
    }
}

/// The notice about a series that a row brings.
pub fn series_notice(deliver: &Deliver) -> &SeriesNotice {
    match deliver.content.as_ref().unwrap().kind.as_ref().unwrap() {
        content::Kind::SeriesNotice(notice) => notice,
        content::Kind::CustomText(_) | content::Kind::LessonNotice(_) => {
            panic!("no notice of a series")
        }
    }
}
