//! Study groups as clients see them.

pub(crate) mod http;
pub(crate) mod members;

use jiff::Timestamp;
use olm_proto::{instant, lesson::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    etag::Versioned,
    fields,
    json::{given, given_whole, whole},
    paging,
    problem::Problem,
};

/// A group to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGroup {
    #[schema(
        value_type = String,
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$",
        example = "Spanish, Mondays"
    )]
    pub(crate) title: Option<String>,
    /// How many may be in it at once.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 2, maximum = 50, example = 6)]
    pub(crate) capacity: i32,
}

/// A change of a group; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupUpdate {
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$",
        example = "Spanish, Mondays"
    )]
    pub(crate) title: Option<String>,
    /// More seats are in its lessons ahead at once; fewer only in those booked later, and
    /// never fewer than there are members.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 2, maximum = 50, example = 6)]
    pub(crate) capacity: Option<i32>,
}

/// Students whom a teacher teaches together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Group {
    #[schema(format = "uuid")]
    id: String,
    #[schema(format = "uuid")]
    teacher_id: String,
    /// Empty when the teacher was erased.
    teacher_name: String,
    /// Empty when the teacher was erased.
    title: String,
    /// How many may be in it at once.
    capacity: i32,
    /// How many are.
    member_count: i32,
    /// Raised by every change, of who is in it too; see `If-Match`.
    version: i64,
    create_time: Timestamp,
    /// Present when the teacher dissolved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    delete_time: Option<Timestamp>,
}

/// A page of groups.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupPage {
    /// By title.
    groups: Vec<Group>,
    /// Ask with it for the next page; null: this is the last.
    next_page_token: Option<String>,
}

impl Versioned for Group {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

impl Group {
    /// Where this group is found.
    pub(crate) fn path(&self) -> String {
        format!("/api/v1/groups/{}", self.id)
    }

    /// The group in a service's answer.
    ///
    /// # Errors
    ///
    /// When there is none, or it has no time.
    pub(crate) fn from_answer(group: Option<pb::Group>) -> Result<Self, Problem> {
        let Some(group) = group else {
            return Err(Problem::bad_answer("an answer without its group"));
        };
        let create_time = group.create_time.as_ref().and_then(instant);
        let Some(create_time) = create_time else {
            return Err(Problem::bad_answer("a group without its time"));
        };
        Ok(Self {
            id: group.id,
            teacher_id: group.teacher_id,
            teacher_name: group.teacher_name,
            title: group.title,
            capacity: group.capacity,
            member_count: group.member_count,
            version: group.version,
            create_time,
            delete_time: group.delete_time.as_ref().and_then(instant),
        })
    }
}

impl TryFrom<pb::ListGroupsResponse> for GroupPage {
    type Error = Problem;

    fn try_from(answer: pb::ListGroupsResponse) -> Result<Self, Problem> {
        let groups = answer.groups.into_iter().map(Some);
        Ok(Self {
            groups: groups.map(Group::from_answer).collect::<Result<_, _>>()?,
            next_page_token: paging::next_page(answer.next_page_token),
        })
    }
}

/// A title that must be given; the services cut white space around it.
fn title(violations: &mut service_kit::status::Violations, title: Option<String>) -> String {
    fields::required(violations, "title", title)
}
