//! Lists of teachers and of students, by name, page after page.

use olm_proto::lesson::v1::{
    ListMyTeachersRequest, ListMyTeachersResponse, ListStudentsRequest, ListStudentsResponse,
    SearchTeachersRequest, SearchTeachersResponse,
};
use service_kit::{
    paging::{self, Position, Query, SortKey},
    status::Violations,
};
use uuid::Uuid;

use super::{
    policies::{LONGEST_SUBJECT, subject_key},
    store::{self, Filter},
};
use crate::{
    errors::{Error, check_text},
    ids::UserId,
    state::State,
    students,
    users::{self, after_name, grpc::LONGEST_QUERY},
};

/// Searches teachers by part of a name and by subject.
///
/// # Errors
///
/// What stands against it.
pub async fn search(
    state: &State,
    viewer: UserId,
    request: &SearchTeachersRequest,
) -> Result<SearchTeachersResponse, Error> {
    let mut violations = Violations::default();
    check_text(&mut violations, "query", &request.query, LONGEST_QUERY);
    check_text(
        &mut violations,
        "subject",
        &request.subject,
        LONGEST_SUBJECT,
    );
    let size = paging::size(&mut violations, request.page_size);
    violations.check()?;
    let text = request.query.trim();
    let subject = subject_key(&request.subject);
    let accepting = [u8::from(request.only_accepting)];
    let filters: &[&[u8]] = &[
        viewer.0.as_bytes(),
        text.as_bytes(),
        subject.as_bytes(),
        &accepting,
    ];
    let query = Query::of("SearchTeachers", filters);
    let after = query.position(&request.page_token)?;
    let filter = Filter {
        query: text,
        subject: &subject,
        only_accepting: request.only_accepting,
    };
    let mut conn = state.pool.acquire().await?;
    users::store::require(&mut conn, viewer).await?;
    let after = after_name(after.as_ref())?;
    let mut rows = store::search(&mut conn, filter, after, i64::from(size) + 1).await?;
    let next_page_token = query.cut(&mut rows, size, |(teacher, sort_name)| {
        by_name(sort_name, teacher.id.0)
    });
    Ok(SearchTeachersResponse {
        teachers: rows
            .into_iter()
            .map(|(teacher, _)| teacher.into())
            .collect(),
        next_page_token,
    })
}

/// The acting teacher's students.
///
/// # Errors
///
/// What stands against it.
pub async fn students(
    state: &State,
    teacher: UserId,
    request: &ListStudentsRequest,
) -> Result<ListStudentsResponse, Error> {
    let mut violations = Violations::default();
    let size = paging::size(&mut violations, request.page_size);
    violations.check()?;
    let query = Query::of("ListStudents", &[teacher.0.as_bytes()]);
    let after = query.position(&request.page_token)?;
    let mut conn = state.pool.acquire().await?;
    users::store::require(&mut conn, teacher).await?;
    if store::find(&mut conn, teacher).await?.is_none() {
        return Err(Error::NotATeacher);
    }
    let after = after_name(after.as_ref())?;
    let mut rows = students::store::list(&mut conn, teacher, after, i64::from(size) + 1).await?;
    let next_page_token = query.cut(&mut rows, size, |(student, sort_name)| {
        by_name(sort_name, student.id.0)
    });
    Ok(ListStudentsResponse {
        students: rows
            .into_iter()
            .map(|(student, _)| student.into())
            .collect(),
        next_page_token,
    })
}

/// The teachers whose student the acting user is.
///
/// # Errors
///
/// What stands against it.
pub async fn my_teachers(
    state: &State,
    student: UserId,
    request: &ListMyTeachersRequest,
) -> Result<ListMyTeachersResponse, Error> {
    let mut violations = Violations::default();
    let size = paging::size(&mut violations, request.page_size);
    violations.check()?;
    let query = Query::of("ListMyTeachers", &[student.0.as_bytes()]);
    let after = query.position(&request.page_token)?;
    let mut conn = state.pool.acquire().await?;
    users::store::require(&mut conn, student).await?;
    let after = after_name(after.as_ref())?;
    let mut rows = store::list_of_student(&mut conn, student, after, i64::from(size) + 1).await?;
    let next_page_token = query.cut(&mut rows, size, |(teacher, sort_name)| {
        by_name(sort_name, teacher.id.0)
    });
    Ok(ListMyTeachersResponse {
        teachers: rows
            .into_iter()
            .map(|(teacher, _)| teacher.into())
            .collect(),
        next_page_token,
    })
}

fn by_name(sort_name: &str, id: Uuid) -> Position {
    Position {
        key: SortKey::Text(sort_name.to_owned()),
        id,
    }
}
