//! Teachers and their students as clients see them.

pub(crate) mod http;
pub(crate) mod policies;
pub(crate) mod students;

use jiff::Timestamp;
use olm_proto::{instant, lesson::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use self::policies::{NewPolicies, Policies};
use crate::json::{Object, given};
use crate::{etag::Versioned, paging, problem::Problem};

/// A person who teaches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Teacher {
    /// The same as the user's.
    #[schema(format = "uuid")]
    id: String,
    #[schema(example = "Anna")]
    display_name: String,
    /// The person's own zone, IANA name.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// What the person says of themselves.
    about: String,
    policies: Policies,
    /// Raised by every change of the policies; see `If-Match`.
    version: i64,
    create_time: Timestamp,
}

/// A page of teachers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TeacherPage {
    /// By name.
    teachers: Vec<Teacher>,
    /// Ask with it for the next page; null: this is the last.
    next_page_token: Option<String>,
}

/// The acting user's wish to teach.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTeacher {
    /// Default: every default named in it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<NewPolicies>, nullable = false)]
    pub(crate) policies: Option<Object<NewPolicies>>,
}

/// Which teachers are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TeachersQuery {
    /// Part of a name, any case; default: everybody.
    #[param(nullable = false, max_length = 64, pattern = "^[^\\u0000]*$")]
    pub(crate) query: Option<String>,
    /// A subject as teachers name it, any case; default: every subject.
    #[param(nullable = false, max_length = 64, pattern = "^[^\\u0000]*$")]
    pub(crate) subject: Option<String>,
    /// Only those who take new students; default: `false`.
    #[param(value_type = Option<bool>, nullable = false, example = false)]
    pub(crate) only_accepting: Option<String>,
    /// At most this many; default 50, never more than 200.
    #[param(value_type = Option<i32>, nullable = false, minimum = 0, maximum = 2_147_483_647, example = 50)]
    pub(crate) page_size: Option<String>,
    /// The `next_page_token` of the page before.
    #[param(nullable = false)]
    pub(crate) page_token: Option<String>,
}

impl Versioned for Teacher {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

impl Teacher {
    /// Where this teacher is found.
    pub(crate) fn path(&self) -> String {
        format!("/api/v1/teachers/{}", self.id)
    }

    /// The teacher in a service's answer.
    ///
    /// # Errors
    ///
    /// When there is none, or it lacks its policies or its time.
    pub(crate) fn from_answer(teacher: Option<pb::Teacher>) -> Result<Self, Problem> {
        let Some(teacher) = teacher else {
            return Err(Problem::bad_answer("an answer without its teacher"));
        };
        let policies = teacher.policies.and_then(Policies::from_answer);
        let create_time = teacher.create_time.as_ref().and_then(instant);
        let (Some(policies), Some(create_time)) = (policies, create_time) else {
            return Err(Problem::bad_answer("a teacher without policies or time"));
        };
        Ok(Self {
            id: teacher.id,
            display_name: teacher.display_name,
            time_zone: teacher.time_zone,
            about: teacher.about,
            policies,
            version: teacher.version,
            create_time,
        })
    }
}

impl TeacherPage {
    /// A page of a service's answer.
    ///
    /// # Errors
    ///
    /// When a teacher is not complete.
    pub(crate) fn from_answer(
        teachers: Vec<pb::Teacher>,
        next_page_token: String,
    ) -> Result<Self, Problem> {
        let teachers = teachers.into_iter().map(Some);
        Ok(Self {
            teachers: teachers
                .map(Teacher::from_answer)
                .collect::<Result<_, _>>()?,
            next_page_token: paging::next_page(next_page_token),
        })
    }
}
