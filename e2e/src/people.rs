//! People without Telegram: as an operator registers them, for what needs many or no
//! bot.

use jiff::Timestamp;
use olm_proto::lesson::v1::{
    BookLessonRequest, CreateTeacherRequest, Lesson, RegisterTelegramUserRequest,
    SetWeeklyRulesRequest, TeacherPolicies, WeeklyRule,
    availability_service_client::AvailabilityServiceClient,
    teacher_service_client::TeacherServiceClient, user_service_client::UserServiceClient,
};
use service_kit::grpc::client::{Backend, acting};
use uuid::Uuid;

use crate::{Result, program::Program, stack::Stack};

/// Whose people they are: a bot that is not there.
pub const BOT_ID: i64 = 1;

/// Registers somebody whose Telegram user is `number`; the same number is the same
/// person.
///
/// # Errors
///
/// When lesson-svc refuses.
pub async fn register(stack: &Stack, number: i64) -> Result<Uuid> {
    register_at(stack, BOT_ID, number).await
}

/// The same, in a bot that is there.
///
/// # Errors
///
/// When lesson-svc refuses.
pub async fn register_at(stack: &Stack, bot_id: i64, number: i64) -> Result<Uuid> {
    register_with(stack.users()?, bot_id, number).await
}

/// The same at lesson-svc as the operator reaches it.
///
/// # Errors
///
/// When lesson-svc refuses.
pub async fn register_with(
    mut users: UserServiceClient<Backend>,
    bot_id: i64,
    number: i64,
) -> Result<Uuid> {
    let request = RegisterTelegramUserRequest {
        bot_id,
        telegram_user_id: number,
        chat_id: number,
        display_name: format!("Person {number}"),
        language_code: "en".to_owned(),
    };
    let answer = users.register_telegram_user(request).await?;
    let user = answer.into_inner().user.ok_or("no user")?;
    Ok(user.id.parse()?)
}

/// Somebody becomes a teacher who works from `start` to `end` ("HH:MM") on every day, in
/// UTC.
///
/// # Errors
///
/// When lesson-svc refuses.
pub async fn teach(
    stack: &Stack,
    person: Uuid,
    policies: TeacherPolicies,
    start: &str,
    end: &str,
) -> Result<()> {
    let lessons = stack.operator(Program::LessonSvc)?;
    teach_with(lessons, person, policies, start, end).await
}

/// The same at lesson-svc as the operator reaches it.
///
/// # Errors
///
/// When lesson-svc refuses.
pub async fn teach_with(
    lessons: Backend,
    person: Uuid,
    policies: TeacherPolicies,
    start: &str,
    end: &str,
) -> Result<()> {
    let request = CreateTeacherRequest {
        request_id: Uuid::new_v4().to_string(),
        policies: Some(policies),
    };
    let mut teachers = TeacherServiceClient::new(lessons.clone());
    teachers.create_teacher(acting(request, person)).await?;
    let rule = |day_of_week| WeeklyRule {
        day_of_week,
        start_time_of_day: start.to_owned(),
        end_time_of_day: end.to_owned(),
        ..WeeklyRule::default()
    };
    let request = SetWeeklyRulesRequest {
        time_zone: "UTC".to_owned(),
        rules: (1..=7).map(rule).collect(),
        ..SetWeeklyRulesRequest::default()
    };
    let mut availability = AvailabilityServiceClient::new(lessons);
    availability
        .set_weekly_rules(acting(request, person))
        .await?;
    Ok(())
}

/// A student books a lesson.
///
/// # Errors
///
/// When lesson-svc refuses.
pub async fn book(stack: &Stack, student: Uuid, teacher: Uuid, start: Timestamp) -> Result<Lesson> {
    let request = BookLessonRequest {
        request_id: Uuid::new_v4().to_string(),
        teacher_id: teacher.to_string(),
        start_time: Some(olm_proto::timestamp(start)),
        ..BookLessonRequest::default()
    };
    let mut lessons = stack.lessons()?;
    let answer = lessons.book_lesson(acting(request, student)).await?;
    Ok(answer.into_inner().lesson.ok_or("no lesson")?)
}
