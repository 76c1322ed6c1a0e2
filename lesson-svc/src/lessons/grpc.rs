//! `LessonService`: parse, one call, reply.

use olm_proto::lesson::v1::{
    self as pb, BookLessonRequest, BookLessonResponse, CancelLessonRequest, CancelLessonResponse,
    ConfirmLessonRequest, ConfirmLessonResponse, DeclineLessonRequest, DeclineLessonResponse,
    GetLessonRequest, GetLessonResponse, HoldSlotRequest, HoldSlotResponse, JoinLessonRequest,
    JoinLessonResponse, LeaveLessonRequest, LeaveLessonResponse, ListLessonChangesRequest,
    ListLessonChangesResponse, ListLessonsRequest, ListLessonsResponse, ReconfirmLessonRequest,
    ReconfirmLessonResponse, RecordAttendanceRequest, RecordAttendanceResponse,
    RescheduleLessonRequest, RescheduleLessonResponse, UpdateLessonRequest, UpdateLessonResponse,
    lesson_service_server::LessonService,
};
use service_kit::status::Violations;
use tonic::{Request, Response, Status};

use super::{
    BookingStatus, LONGEST_REASON, booking,
    changing::{self, Asked},
    holding, listing, moving, reading,
    rules::Action,
    seats,
};
use crate::{
    actors::Claimed,
    errors::{Error, check_text, read_instant},
    ids::{BookingId, LessonId, UserId},
    state::State,
};

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct Lessons(pub State);

impl Lessons {
    async fn change(
        &self,
        by: Claimed,
        asked: Result<Asked, Error>,
    ) -> Result<Option<pb::Lesson>, Status> {
        let lesson = changing::change(&self.0, by, &asked?).await?;
        Ok(Some(lesson.into()))
    }
}

#[tonic::async_trait]
impl LessonService for Lessons {
    async fn hold_slot(
        &self,
        request: Request<HoldSlotRequest>,
    ) -> Result<Response<HoldSlotResponse>, Status> {
        let by = Claimed::of(&request)?;
        let lesson = holding::hold(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(HoldSlotResponse {
            lesson: Some(lesson.into()),
        }))
    }

    async fn book_lesson(
        &self,
        request: Request<BookLessonRequest>,
    ) -> Result<Response<BookLessonResponse>, Status> {
        let by = Claimed::of(&request)?;
        let booked = booking::book(&self.0, by, request.get_ref()).await?;
        let busy = booked.busy.iter();
        Ok(Response::new(BookLessonResponse {
            lesson: Some(booked.lesson.into()),
            busy_student_ids: busy.map(ToString::to_string).collect(),
        }))
    }

    async fn get_lesson(
        &self,
        request: Request<GetLessonRequest>,
    ) -> Result<Response<GetLessonResponse>, Status> {
        let by = Claimed::of(&request)?;
        let lesson = listing::get(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(GetLessonResponse {
            lesson: Some(lesson.into()),
        }))
    }

    async fn list_lessons(
        &self,
        request: Request<ListLessonsRequest>,
    ) -> Result<Response<ListLessonsResponse>, Status> {
        let by = Claimed::of(&request)?;
        let page = listing::list(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(page))
    }

    async fn confirm_lesson(
        &self,
        request: Request<ConfirmLessonRequest>,
    ) -> Result<Response<ConfirmLessonResponse>, Status> {
        let by = Claimed::of(&request)?;
        let lesson = self.change(by, read_confirm(request.get_ref())).await?;
        Ok(Response::new(ConfirmLessonResponse { lesson }))
    }

    async fn decline_lesson(
        &self,
        request: Request<DeclineLessonRequest>,
    ) -> Result<Response<DeclineLessonResponse>, Status> {
        let by = Claimed::of(&request)?;
        let lesson = self.change(by, read_decline(request.into_inner())).await?;
        Ok(Response::new(DeclineLessonResponse { lesson }))
    }

    async fn reschedule_lesson(
        &self,
        request: Request<RescheduleLessonRequest>,
    ) -> Result<Response<RescheduleLessonResponse>, Status> {
        let by = Claimed::of(&request)?;
        let wanted = read_reschedule(request.get_ref())?;
        let lesson = moving::reschedule(&self.0, by, wanted).await?;
        Ok(Response::new(RescheduleLessonResponse {
            lesson: Some(lesson.into()),
        }))
    }

    async fn update_lesson(
        &self,
        request: Request<UpdateLessonRequest>,
    ) -> Result<Response<UpdateLessonResponse>, Status> {
        let by = Claimed::of(&request)?;
        let lesson = self.change(by, read_update(request.into_inner())).await?;
        Ok(Response::new(UpdateLessonResponse { lesson }))
    }

    async fn cancel_lesson(
        &self,
        request: Request<CancelLessonRequest>,
    ) -> Result<Response<CancelLessonResponse>, Status> {
        let by = Claimed::of(&request)?;
        let lesson = self.change(by, read_cancel(request.into_inner())).await?;
        Ok(Response::new(CancelLessonResponse { lesson }))
    }

    async fn record_attendance(
        &self,
        request: Request<RecordAttendanceRequest>,
    ) -> Result<Response<RecordAttendanceResponse>, Status> {
        let by = Claimed::of(&request)?;
        let lesson = self.change(by, read_attendance(request.get_ref())).await?;
        Ok(Response::new(RecordAttendanceResponse { lesson }))
    }

    async fn join_lesson(
        &self,
        request: Request<JoinLessonRequest>,
    ) -> Result<Response<JoinLessonResponse>, Status> {
        let by = Claimed::of(&request)?;
        let wanted = read_join(request.get_ref())?;
        let (lesson, joined) = seats::join(&self.0, by, wanted).await?;
        Ok(Response::new(JoinLessonResponse {
            lesson: Some(lesson.into()),
            joined,
        }))
    }

    async fn leave_lesson(
        &self,
        request: Request<LeaveLessonRequest>,
    ) -> Result<Response<LeaveLessonResponse>, Status> {
        let by = Claimed::of(&request)?;
        let wanted = read_leave(request.get_ref())?;
        let lesson = seats::leave(&self.0, by, wanted).await?;
        Ok(Response::new(LeaveLessonResponse {
            lesson: Some(lesson.into()),
        }))
    }

    async fn reconfirm_lesson(
        &self,
        request: Request<ReconfirmLessonRequest>,
    ) -> Result<Response<ReconfirmLessonResponse>, Status> {
        let by = Claimed::of(&request)?;
        let wanted = read_reconfirm(request.get_ref())?;
        let lesson = seats::reconfirm(&self.0, by, wanted).await?;
        Ok(Response::new(ReconfirmLessonResponse {
            lesson: Some(lesson.into()),
        }))
    }

    async fn list_lesson_changes(
        &self,
        request: Request<ListLessonChangesRequest>,
    ) -> Result<Response<ListLessonChangesResponse>, Status> {
        let by = Claimed::of(&request)?;
        let page = listing::list_changes(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(page))
    }
}

fn read_confirm(request: &ConfirmLessonRequest) -> Result<Asked, Error> {
    let mut violations = Violations::default();
    let id = reading::target(
        &mut violations,
        &request.lesson_id,
        request.expected_version,
    );
    violations.check()?;
    Ok(Asked {
        id,
        expected_version: request.expected_version,
        action: Action::Confirm,
    })
}

fn read_decline(request: DeclineLessonRequest) -> Result<Asked, Error> {
    let mut violations = Violations::default();
    let id = reading::target(
        &mut violations,
        &request.lesson_id,
        request.expected_version,
    );
    check_text(&mut violations, "reason", &request.reason, LONGEST_REASON);
    violations.check()?;
    Ok(Asked {
        id,
        expected_version: request.expected_version,
        action: Action::Decline {
            reason: request.reason,
        },
    })
}

fn read_cancel(request: CancelLessonRequest) -> Result<Asked, Error> {
    let mut violations = Violations::default();
    let id = reading::target(
        &mut violations,
        &request.lesson_id,
        request.expected_version,
    );
    check_text(&mut violations, "reason", &request.reason, LONGEST_REASON);
    violations.check()?;
    Ok(Asked {
        id,
        expected_version: request.expected_version,
        action: Action::Cancel {
            reason: request.reason,
        },
    })
}

fn read_reschedule(request: &RescheduleLessonRequest) -> Result<moving::Wanted, Error> {
    let mut violations = Violations::default();
    let id = reading::target(
        &mut violations,
        &request.lesson_id,
        request.expected_version,
    );
    let start = reading::start(&mut violations, request.start_time.as_ref());
    violations.check()?;
    Ok(moving::Wanted {
        id,
        expected_version: request.expected_version,
        start,
    })
}

fn read_update(request: UpdateLessonRequest) -> Result<Asked, Error> {
    let mut violations = Violations::default();
    let id = reading::target(
        &mut violations,
        &request.lesson_id,
        request.expected_version,
    );
    if let Some(notes) = &request.notes {
        reading::notes(&mut violations, notes);
    }
    let meeting_url = request
        .meeting_url
        .map(|url| reading::meeting_url(&mut violations, &url));
    violations.check()?;
    Ok(Asked {
        id,
        expected_version: request.expected_version,
        action: Action::Update {
            notes: request.notes,
            meeting_url,
        },
    })
}

fn read_attendance(request: &RecordAttendanceRequest) -> Result<Asked, Error> {
    let mut violations = Violations::default();
    let id = reading::target(
        &mut violations,
        &request.lesson_id,
        request.expected_version,
    );
    let booking = BookingId(violations.uuid("booking_id", &request.booking_id));
    let status = match request.status() {
        pb::BookingStatus::Attended => Some(BookingStatus::Attended),
        pb::BookingStatus::NoShow => Some(BookingStatus::NoShow),
        pb::BookingStatus::LateCanceled => Some(BookingStatus::LateCanceled),
        pb::BookingStatus::Canceled => Some(BookingStatus::Canceled),
        pb::BookingStatus::Unspecified
        | pb::BookingStatus::Confirmed
        | pb::BookingStatus::Reconfirm
        | pb::BookingStatus::Pending => None,
    };
    violations.require(
        status.is_some(),
        "status",
        "is not ATTENDED, NO_SHOW, LATE_CANCELED or CANCELED",
    );
    violations.check()?;
    Ok(Asked {
        id,
        expected_version: request.expected_version,
        action: Action::Attendance {
            booking,
            status: status.unwrap_or(BookingStatus::Attended),
        },
    })
}

fn read_join(request: &JoinLessonRequest) -> Result<seats::Joining, Error> {
    let mut violations = Violations::default();
    let id = LessonId(violations.uuid("lesson_id", &request.lesson_id));
    let start = request.start_time.as_ref();
    let shown = read_instant(&mut violations, "start_time", start);
    violations.check()?;
    Ok(seats::Joining { id, shown })
}

fn read_leave(request: &LeaveLessonRequest) -> Result<seats::Wanted, Error> {
    let mut violations = Violations::default();
    let version = request.expected_version;
    let id = reading::target(&mut violations, &request.lesson_id, version);
    let student = (!request.student_id.is_empty())
        .then(|| UserId(violations.uuid("student_id", &request.student_id)));
    violations.check()?;
    Ok(seats::Wanted {
        id,
        expected_version: version,
        student,
    })
}

fn read_reconfirm(request: &ReconfirmLessonRequest) -> Result<seats::Wanted, Error> {
    let mut violations = Violations::default();
    let version = request.expected_version;
    let id = reading::target(&mut violations, &request.lesson_id, version);
    violations.check()?;
    Ok(seats::Wanted {
        id,
        expected_version: version,
        student: None,
    })
}
