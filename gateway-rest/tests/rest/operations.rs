//! Every operation of the OpenAPI document, each with a request it accepts: what holds
//! for all of them is tested on all of them.

use std::collections::{BTreeMap, BTreeSet};

use olm_proto::{DESCRIPTORS, common::v1::ErrorReason};
use prost_reflect::Value as Field;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use service_kit::status::Refusal;
use tonic::Code;

use crate::{
    fakes::{BOOKING, LESSON, STUDENT, TEACHER, TOKEN},
    gateway::{CRM_KEY, Gateway, Headers as _, fields, json, problem, problem_of},
};

/// What `If-Match` says in the requests made here.
pub const VERSION: i64 = 17;

/// The number of `CALLER_GATEWAY_REST`.
const GATEWAY_REST: i32 = 2;

/// One method of one path.
#[derive(Debug, Clone)]
pub struct Operation {
    pub id: String,
    pub method: Method,
    /// With its `{…}`.
    pub path: String,
    /// As the document has it.
    pub told: Value,
}

impl Operation {
    /// All that the document tells.
    pub async fn all(gateway: &Gateway) -> Vec<Self> {
        let document = json(gateway.get("/api/v1/openapi.json"), 200).await;
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, told) in item.as_object().unwrap() {
                operations.push(Self {
                    id: told["operationId"].as_str().unwrap().to_owned(),
                    method: method.to_uppercase().parse().unwrap(),
                    path: path.clone(),
                    told: told.clone(),
                });
            }
        }
        operations
    }

    /// Those that speak for a person: all of lesson-svc's.
    pub async fn of_people(gateway: &Gateway) -> Vec<Self> {
        let mut operations = Self::all(gateway).await;
        operations.retain(|operation| operation.told["security"][0]["acting_user"].is_array());
        assert!(operations.len() > 30, "{}", operations.len());
        operations
    }

    /// True without a key.
    pub fn is_open(&self) -> bool {
        self.told["security"].is_null()
    }

    /// True when it takes this parameter.
    pub fn takes(&self, name: &str) -> bool {
        let parameters = self.told["parameters"].as_array().into_iter().flatten();
        parameters.into_iter().any(|told| told["name"] == name)
    }

    /// Its path with every `{…}` filled in.
    pub fn target(&self) -> String {
        self.path
            .replace("{id}", LESSON)
            .replace("{booking_id}", BOOKING)
            .replace("{student_id}", STUDENT)
            .replace("{token}", TOKEN)
            .replace("{date}", "2026-01-19")
    }

    /// A body it accepts, when it takes one.
    pub fn body(&self) -> Option<Value> {
        self.told["requestBody"].is_object().then(|| body(&self.id))
    }

    /// The caller and the body, without conditions and keys of the operation's own.
    pub fn plain(&self, gateway: &Gateway) -> RequestBuilder {
        let request = gateway.bare(self.method.clone(), &self.target());
        let request = self.keyed(request);
        match self.body() {
            Some(body) => request.json(&body),
            None => request,
        }
    }

    /// With the caller it takes.
    fn keyed(&self, request: RequestBuilder) -> RequestBuilder {
        if self.told["security"][0]["acting_user"].is_array() {
            request.student()
        } else {
            request.key(CRM_KEY)
        }
    }

    /// A request that is accepted.
    pub fn request(&self, gateway: &Gateway) -> RequestBuilder {
        self.with_headers(self.plain(gateway))
    }

    fn with_headers(&self, mut request: RequestBuilder) -> RequestBuilder {
        if self.takes("Idempotency-Key") {
            request = request.once(&self.id);
        }
        if self.takes("If-Match") {
            request = request.read_at(VERSION);
        }
        request
    }

    /// The statuses the document declares.
    pub fn statuses(&self) -> BTreeSet<u16> {
        let told = self.told["responses"].as_object().unwrap();
        told.keys().map(|status| status.parse().unwrap()).collect()
    }
}

/// A series of one student.
pub fn wanted_series() -> Value {
    json!({
        "student_id": STUDENT,
        "time_zone": "Europe/Berlin",
        "first_date": "2026-01-19",
        "start_time_of_day": "18:30",
        "count": 12,
    })
}

fn body(id: &str) -> Value {
    let start = "2026-01-16T12:00:00Z";
    match id {
        "hold_slot" | "book_lesson" => json!({"teacher_id": TEACHER, "start_time": start}),
        "reschedule_lesson" => json!({"start_time": start}),
        "record_attendance" => json!({"status": "attended"}),
        "cancel_lesson"
        | "decline_lesson"
        | "update_lesson"
        | "update_me"
        | "update_settings"
        | "create_teacher"
        | "set_policies"
        | "create_invitation"
        | "update_group"
        | "preview_series_update"
        | "cancel_series"
        | "leave_lesson" => json!({}),
        "set_admin" => json!({"is_admin": false}),
        "set_weekly_rules" => json!({"time_zone": "Europe/Berlin", "rules": []}),
        "put_override" => json!({"intervals": []}),
        "add_time_off" => json!({"start_time": start, "end_time": "2026-01-17T12:00:00Z"}),
        "preview_invitation" | "accept_invitation" => json!({"token": TOKEN}),
        "create_notification" => json!({"telegram_user_id": 5, "text": "hello"}),
        "create_group" => json!({"title": "Spanish", "capacity": 6}),
        "preview_series" => wanted_series(),
        "create_series" => json!({"series": wanted_series(), "conflict_mode": "strict"}),
        "update_series" => json!({"change": {}, "conflict_mode": "skip"}),
        "report_chat_seen" => json!({"telegram_user_id": 5}),
        "reschedule_notification" => json!({"due_time": start}),
        "resolve_notification" => json!({"status": "sent"}),
        "send_message" => json!({"telegram_user_id": 5, "message": "hello"}),
        other => panic!("no body for {other}"),
    }
}

#[tokio::test]
async fn every_rpc_this_gateway_may_call_is_called_by_a_route() {
    let gateway = Gateway::start().await;
    for operation in Operation::all(&gateway).await {
        let response = operation.request(&gateway).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{}: {status} {text}", operation.id);
    }
    let called: BTreeSet<_> = gateway
        .lesson
        .calls()
        .into_iter()
        .map(|call| call.asked)
        .collect();
    let extension = DESCRIPTORS.get_extension_by_name("olm.common.v1.policy");
    let extension = extension.unwrap();
    let may_call = |options: &prost_reflect::DynamicMessage| {
        let policy = options.get_extension(&extension);
        let callers = policy.as_message().unwrap().get_field_by_name("callers");
        let callers = callers.unwrap();
        let mut callers = callers.as_list().unwrap().iter();
        callers.any(|caller| *caller == Field::EnumNumber(GATEWAY_REST))
    };
    let services = DESCRIPTORS.services();
    let rpcs: Vec<_> = services
        .filter(|service| service.full_name().starts_with("olm.lesson.v1."))
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .filter(|rpc| may_call(&rpc.options()))
        .collect();
    assert!(rpcs.len() > 30, "{}", rpcs.len());
    let not_called: Vec<_> = rpcs
        .iter()
        .filter(|rpc| !called.contains(rpc.input().full_name()))
        .map(prost_reflect::MethodDescriptor::full_name)
        .collect();
    assert!(not_called.is_empty(), "{not_called:?}");
}

#[tokio::test]
async fn every_operation_answers_what_it_declares() {
    let gateway = Gateway::start().await;
    for operation in Operation::all(&gateway).await {
        let response = operation.request(&gateway).send().await.unwrap();
        let status = response.status().as_u16();
        let declared = &operation.told["responses"][status.to_string()];
        assert!(declared.is_object(), "{}: {status}", operation.id);
        let headers = declared["headers"].as_object().into_iter().flatten();
        for (name, _) in headers {
            assert!(response.headers().contains_key(name), "{}", operation.id);
        }
        let has_tag = response.headers().contains_key("etag");
        assert_eq!(
            has_tag,
            declared["headers"]["ETag"].is_object(),
            "{}",
            operation.id
        );
        let content_type = response.headers().get("content-type");
        let content = declared["content"].as_object().into_iter().flatten();
        let expected = content.map(|(name, _)| name.as_str()).next();
        let content_type = content_type.map(|value| value.to_str().unwrap());
        let content_type = content_type.and_then(|value| value.split(';').next());
        assert_eq!(content_type, expected, "{}", operation.id);
    }
}

#[tokio::test]
async fn strangers_get_not_found_on_every_route_that_speaks_for_a_person() {
    let gateway = Gateway::start().await;
    for (reason, name) in [
        (ErrorReason::UserNotFound, "USER_NOT_FOUND"),
        (ErrorReason::TeacherNotFound, "TEACHER_NOT_FOUND"),
        (ErrorReason::LessonNotFound, "LESSON_NOT_FOUND"),
        (ErrorReason::InvitationNotFound, "INVITATION_NOT_FOUND"),
        (ErrorReason::TimeOffNotFound, "TIME_OFF_NOT_FOUND"),
        (ErrorReason::BookingNotFound, "BOOKING_NOT_FOUND"),
        (ErrorReason::SeriesNotFound, "SERIES_NOT_FOUND"),
        (ErrorReason::GroupNotFound, "GROUP_NOT_FOUND"),
        (ErrorReason::CalendarFeedNotFound, "CALENDAR_FEED_NOT_FOUND"),
    ] {
        let refusal = Refusal::new(Code::NotFound, reason, "no such thing");
        gateway.lesson.refuse(refusal);
        for operation in Operation::of_people(&gateway).await {
            problem(operation.request(&gateway), 404, name).await;
            assert!(operation.statuses().contains(&404), "{}", operation.id);
        }
    }
}

#[tokio::test]
async fn a_method_that_is_not_served_is_refused_with_those_that_are() {
    let gateway = Gateway::start().await;
    let mut paths: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for operation in Operation::all(&gateway).await {
        let methods = paths.entry(operation.target()).or_default();
        if operation.method == Method::GET {
            methods.insert("HEAD".to_owned());
        }
        methods.insert(operation.method.to_string());
    }
    for (path, served) in paths {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"] {
            if served.contains(method) {
                continue;
            }
            let method = method.parse().unwrap();
            let response = gateway.bare(method, &path).send().await.unwrap();
            let allow = response.headers()["allow"].to_str().unwrap();
            let allow: BTreeSet<_> = allow.split(',').map(str::to_owned).collect();
            assert_eq!(allow, served, "{path}");
            problem_of(response, 405, "METHOD_NOT_ALLOWED").await;
        }
    }
}

#[tokio::test]
async fn a_member_is_null_only_where_the_document_says_so() {
    let gateway = Gateway::start().await;
    let document = json(gateway.get("/api/v1/openapi.json"), 200).await;
    let mut refused = 0;
    for operation in Operation::all(&gateway).await {
        let Some(body) = operation.body() else {
            continue;
        };
        let schema = &operation.told["requestBody"]["content"]["application/json"]["schema"];
        let reference = schema["$ref"].as_str().unwrap();
        let schema = document
            .pointer(reference.strip_prefix('#').unwrap())
            .unwrap();
        assert_eq!(schema["additionalProperties"], false, "{reference}");
        for (name, told) in schema["properties"].as_object().unwrap() {
            let mut body = body.clone();
            body[name] = Value::Null;
            let request = operation.request(&gateway).json(&body);
            if is_nullable(told) {
                assert!(request.send().await.unwrap().status().is_success());
                continue;
            }
            let faults = problem(request, 400, "INVALID_FIELDS").await;
            assert_eq!(fields(&faults), [name], "{}", operation.id);
            refused += 1;
        }
        let list = operation.request(&gateway).json(&json!([]));
        let faults = problem(list, 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), ["body"], "{}", operation.id);
        let mut body = body;
        body["surprise"] = json!(1);
        let request = operation.request(&gateway).json(&body);
        problem(request, 400, "INVALID_FIELDS").await;
    }
    assert!(refused > 40, "{refused}");
}

fn is_nullable(schema: &Value) -> bool {
    let types = schema["type"].as_array().into_iter().flatten();
    let options = schema["oneOf"].as_array().into_iter().flatten();
    types.into_iter().any(|one| one == "null") || options.into_iter().any(is_null)
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null"
}

#[tokio::test]
async fn a_query_holds_only_what_the_document_names() {
    let gateway = Gateway::start().await;
    let mut asked = 0;
    for operation in Operation::all(&gateway).await {
        let parameters = operation.told["parameters"]
            .as_array()
            .into_iter()
            .flatten();
        if parameters.into_iter().all(|told| told["in"] != "query") {
            continue;
        }
        let request = operation.request(&gateway).query(&[("surprise", "1")]);
        let faults = problem(request, 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), ["query"], "{}", operation.id);
        asked += 1;
    }
    assert!(asked >= 8, "{asked}");
}

#[tokio::test]
async fn an_id_in_a_path_has_one_spelling() {
    let gateway = Gateway::start().await;
    let id = LESSON.replace('-', "");
    for bad in [
        "7",
        &id,
        &format!("{{{LESSON}}}"),
        "00000000-0000-0000-0000-000000000000",
    ] {
        for operation in Operation::all(&gateway).await {
            if !operation.path.contains("{id}") {
                continue;
            }
            let path = operation.target().replace(LESSON, bad);
            let request = gateway.bare(operation.method.clone(), &path);
            let faults = problem(operation.keyed(request).read_at(1), 400, "INVALID_FIELDS").await;
            assert_eq!(fields(&faults), ["id"], "{}", operation.id);
        }
    }
    assert!(gateway.lesson.calls().is_empty());
}
