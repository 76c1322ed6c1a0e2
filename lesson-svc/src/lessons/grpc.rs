//! `LessonService`: parse, transaction, reply.

use olm_proto::lesson::v1::{
    BookLessonRequest, BookLessonResponse, CancelLessonRequest, CancelLessonResponse,
    GetLessonRequest, GetLessonResponse, ListLessonsRequest, ListLessonsResponse,
    lesson_service_server::LessonService,
};
use prost::Message as _;
use service_kit::{
    grpc::server::required_acting_user,
    paging::{self, Position, Query},
    status::Violations,
};
use tonic::{Request, Response, Status};

use super::{Lesson, booking, cancelling, store};
use crate::{
    errors::{Error, read_instant},
    ids::{LessonId, UserId},
    state::State,
    users,
};

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Lessons(pub State);

#[tonic::async_trait]
impl LessonService for Lessons {
    async fn book_lesson(
        &self,
        request: Request<BookLessonRequest>,
    ) -> Result<Response<BookLessonResponse>, Status> {
        let student = UserId(required_acting_user(&request)?);
        let lesson = booking::book(&self.0, student, &request.into_inner()).await?;
        Ok(Response::new(BookLessonResponse {
            lesson: Some(lesson.into()),
        }))
    }

    async fn get_lesson(
        &self,
        request: Request<GetLessonRequest>,
    ) -> Result<Response<GetLessonResponse>, Status> {
        let viewer = UserId(required_acting_user(&request)?);
        let lesson = get(&self.0, viewer, &request.into_inner()).await?;
        Ok(Response::new(GetLessonResponse {
            lesson: Some(lesson.into()),
        }))
    }

    async fn list_lessons(
        &self,
        request: Request<ListLessonsRequest>,
    ) -> Result<Response<ListLessonsResponse>, Status> {
        let viewer = UserId(required_acting_user(&request)?);
        let page = list(&self.0, viewer, request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn cancel_lesson(
        &self,
        request: Request<CancelLessonRequest>,
    ) -> Result<Response<CancelLessonResponse>, Status> {
        let by = UserId(required_acting_user(&request)?);
        let lesson = cancelling::cancel(&self.0, by, &request.into_inner()).await?;
        Ok(Response::new(CancelLessonResponse {
            lesson: Some(lesson.into()),
        }))
    }

    async fn hold_slot(
        &self,
        _request: Request<olm_proto::lesson::v1::HoldSlotRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::HoldSlotResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn confirm_lesson(
        &self,
        _request: Request<olm_proto::lesson::v1::ConfirmLessonRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::ConfirmLessonResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn decline_lesson(
        &self,
        _request: Request<olm_proto::lesson::v1::DeclineLessonRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::DeclineLessonResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn reschedule_lesson(
        &self,
        _request: Request<olm_proto::lesson::v1::RescheduleLessonRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::RescheduleLessonResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn update_lesson(
        &self,
        _request: Request<olm_proto::lesson::v1::UpdateLessonRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::UpdateLessonResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn record_attendance(
        &self,
        _request: Request<olm_proto::lesson::v1::RecordAttendanceRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::RecordAttendanceResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_lesson_changes(
        &self,
        _request: Request<olm_proto::lesson::v1::ListLessonChangesRequest>,
    ) -> Result<Response<olm_proto::lesson::v1::ListLessonChangesResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

async fn get(state: &State, viewer: UserId, request: &GetLessonRequest) -> Result<Lesson, Error> {
    let mut violations = Violations::default();
    let id = LessonId(violations.uuid("lesson_id", &request.lesson_id));
    violations.check()?;
    let mut conn = state.pool.acquire().await?;
    store::find(&mut conn, viewer, id)
        .await?
        .ok_or(Error::LessonNotFound)
}

async fn list(
    state: &State,
    viewer: UserId,
    request: ListLessonsRequest,
) -> Result<ListLessonsResponse, Error> {
    let mut violations = Violations::default();
    let from = read_instant(&mut violations, "start_time", request.start_time.as_ref());
    let until = read_instant(&mut violations, "end_time", request.end_time.as_ref());
    let size = paging::size(&mut violations, request.page_size);
    let from = from.unwrap_or_else(|| state.now());
    if let Some(until) = until {
        violations.require(until > from, "end_time", "is not after start_time");
    }
    violations.check()?;
    // Of the request as it was sent: an unset start stays unset on every page.
    let filters = ListLessonsRequest {
        page_size: 0,
        page_token: String::new(),
        ..request
    };
    let filters = filters.encode_to_vec();
    let query = Query::of("ListLessons", &[viewer.0.as_bytes(), &filters]);
    let after = match query.position(&request.page_token)? {
        None => None,
        Some(position) => Some((position.time()?, position.id)),
    };
    let filter = store::Filter {
        from,
        until,
        include_canceled: request.include_canceled,
    };
    let mut conn = state.pool.acquire().await?;
    users::store::require(&mut conn, viewer).await?;
    let mut lessons = store::list(&mut conn, viewer, filter, after, i64::from(size) + 1).await?;
    let next_page_token = query.cut(&mut lessons, size, |last| {
        Position::at(last.during.start, last.id.0)
    });
    Ok(ListLessonsResponse {
        lessons: lessons.into_iter().map(Into::into).collect(),
        next_page_token,
    })
}
