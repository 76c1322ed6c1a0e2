//! Who teaches, and when they can be booked.

use olm_proto::lesson::v1::{
    CreateTeacherRequest, GetAvailabilityRequest, SetWeeklyRulesRequest, TeacherPolicies,
    WeeklyRule,
};
use service_kit::{
    clock::{Clock as _, SystemClock},
    grpc::client::acting,
};
use uuid::Uuid;

use super::{Member, Story};
use crate::{Result, stack::Stack};

/// Minutes from one time of a teacher to the next.
const STEP: i64 = 30;

impl Story {
    /// A member becomes a teacher who works around the clock and can be booked at
    /// once.
    ///
    /// # Errors
    ///
    /// When lesson-svc refuses.
    pub async fn teach(&self, stack: &Stack, member: &Member) -> Result<()> {
        self.teach_with_notice(stack, member, 0).await
    }

    /// The same, and can be booked so many minutes ahead, or up to half an hour more: for
    /// stories that must not be overtaken by the lesson's beginning. The first free time stays
    /// bookable for a quarter of an hour and longer, so that nobody is told between two taps
    /// that it is too late.
    ///
    /// # Errors
    ///
    /// When lesson-svc refuses.
    pub async fn teach_with_notice(
        &self,
        stack: &Stack,
        member: &Member,
        notice: i64,
    ) -> Result<()> {
        let minutes = |minutes: i64| prost_types::Duration {
            seconds: minutes * 60,
            nanos: 0,
        };
        let notice = if notice == 0 {
            0
        } else {
            let earliest = SystemClock.now().as_second().div_euclid(60) + notice;
            notice + (STEP / 2 - earliest).rem_euclid(STEP)
        };
        let policies = TeacherPolicies {
            lesson_durations: vec![minutes(60)],
            slot_step: Some(minutes(STEP)),
            min_notice: Some(minutes(notice)),
            ..TeacherPolicies::default()
        };
        let request = CreateTeacherRequest {
            request_id: Uuid::new_v4().to_string(),
            policies: Some(policies),
        };
        stack
            .teachers()?
            .create_teacher(acting(request, member.id()?))
            .await?;
        let rules = (1..=7)
            .map(|day_of_week| WeeklyRule {
                day_of_week,
                start_time_of_day: "00:00".to_owned(),
                end_time_of_day: "24:00".to_owned(),
                ..WeeklyRule::default()
            })
            .collect();
        let request = GetAvailabilityRequest {
            teacher_id: member.user.id.clone(),
        };
        let mut availability = stack.availability()?;
        let present = availability
            .get_availability(acting(request, member.id()?))
            .await?
            .into_inner();
        let request = SetWeeklyRulesRequest {
            time_zone: "Europe/Berlin".to_owned(),
            rules,
            expected_version: present
                .availability
                .map_or(0, |availability| availability.version),
        };
        availability
            .set_weekly_rules(acting(request, member.id()?))
            .await?;
        Ok(())
    }
}
