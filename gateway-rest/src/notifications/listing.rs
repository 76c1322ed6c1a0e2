//! Notifications in pages, and counted.

use axum::{Json, extract::State};
use jiff::Timestamp;
use olm_proto::{
    instant,
    notify::v1::{self as pb, GetStatisticsRequest, ListNotificationsRequest},
    timestamp,
};
use serde::{Deserialize, Serialize};
use service_kit::{grpc::client::acting, status::Violations};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Notification, NotificationState};
use crate::{
    api::App,
    body::QueryFields,
    callers::{Caller, ServiceCaller},
    fields,
    paging::{self, PageQuery},
    problem::Problem,
};

/// What the service's fields are called here.
const QUERY_NAMES: &[(&str, &str)] = &[("start_time", "from"), ("end_time", "to")];

/// Which window is counted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowQuery {
    /// Those created from this instant on; default: 30 days before `to`.
    #[param(value_type = Option<Timestamp>, nullable = false)]
    from: Option<String>,
    /// Those created before this instant, at most 92 days after `from`; default: now.
    #[param(value_type = Option<Timestamp>, nullable = false)]
    to: Option<String>,
}

/// A page of notifications.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationPage {
    /// The latest due first.
    notifications: Vec<Notification>,
    /// Ask with it for the next page; null: this is the last.
    next_page_token: Option<String>,
}

/// How many notifications were created in a window of time, and where they stand.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationStatistics {
    /// The window that was counted.
    from: Timestamp,
    to: Timestamp,
    /// What there is none of is left out.
    counts: Vec<NotificationCount>,
}

/// So many notifications of one kind are in one state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationCount {
    /// What they tell.
    #[schema(example = "custom")]
    kind: String,
    state: NotificationState,
    /// More than 0.
    #[schema(example = 12)]
    count: i64,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(statistics))
}

/// Lists notifications, the latest due first.
///
/// A caller sees what it created itself; for a person (`X-Acting-User`) it sees what is
/// addressed to them.
#[utoipa::path(
    get,
    path = "/api/v1/notifications",
    tag = "notifications",
    operation_id = "list_notifications",
    params(PageQuery),
    responses((status = 200, body = NotificationPage, description = "One page")),
    security(("service_key" = []), ("service_key" = [], "acting_user" = []))
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    QueryFields(page): QueryFields<PageQuery>,
) -> Result<Json<NotificationPage>, Problem> {
    let (page_size, page_token) = page.read()?;
    let message = ListNotificationsRequest {
        client: caller.name,
        states: Vec::new(),
        page_size,
        page_token,
    };
    let request = match caller.acting_user {
        Some(user) => acting(message, user),
        None => tonic::Request::new(message),
    };
    let answer = app.notifications().list_notifications(request).await?;
    let answer = answer.into_inner();
    let rows = answer.notifications.into_iter().map(Some);
    let notifications = rows
        .map(Notification::from_answer)
        .collect::<Result<_, _>>()?;
    Ok(Json(NotificationPage {
        notifications,
        next_page_token: paging::next_page(answer.next_page_token),
    }))
}

/// Counts the notifications that the caller created.
///
/// By kind and state. What ended is forgotten after a while (90 days unless configured), and
/// not counted any more.
#[utoipa::path(
    get,
    path = "/api/v1/notifications/statistics",
    tag = "notifications",
    operation_id = "get_notification_statistics",
    params(WindowQuery),
    responses((
        status = 200, body = NotificationStatistics, description = "How many",
        example = json!({
            "from": "2025-12-17T12:00:00Z",
            "to": "2026-01-16T12:00:00Z",
            "counts": [
                {"kind": "custom", "state": "pending", "count": 3},
                {"kind": "custom", "state": "sent", "count": 12},
            ],
        })
    )),
    security(("service_key" = []))
)]
async fn statistics(
    State(app): State<App>,
    caller: ServiceCaller,
    QueryFields(window): QueryFields<WindowQuery>,
) -> Result<Json<NotificationStatistics>, Problem> {
    let mut violations = Violations::default();
    let from = fields::instant(&mut violations, "from", window.from.as_deref());
    let to = fields::instant(&mut violations, "to", window.to.as_deref());
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = GetStatisticsRequest {
        client: caller.name,
        start_time: from.map(timestamp),
        end_time: to.map(timestamp),
    };
    let answer = app.notifications().get_statistics(message).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(QUERY_NAMES))?;
    NotificationStatistics::try_from(answer.into_inner()).map(Json)
}

impl TryFrom<pb::GetStatisticsResponse> for NotificationStatistics {
    type Error = Problem;

    fn try_from(answer: pb::GetStatisticsResponse) -> Result<Self, Problem> {
        let window = [answer.start_time, answer.end_time];
        let window = window.map(|time| time.as_ref().and_then(instant));
        let [Some(from), Some(to)] = window else {
            return Err(Problem::bad_answer("statistics without their window"));
        };
        let counts = answer.counts.into_iter().map(|of| NotificationCount {
            state: of.state().into(),
            kind: of.kind,
            count: of.count,
        });
        Ok(Self {
            from,
            to,
            counts: counts.collect(),
        })
    }
}
