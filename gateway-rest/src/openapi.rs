//! The OpenAPI 3.1 document. Paths and schemas come from the handlers themselves;
//! here is what they share: titles, keys, and the problems every one can answer.

use utoipa::{
    OpenApi, ToResponse,
    openapi::{
        Content, HeaderBuilder, ObjectBuilder, OpenApi as Document, Ref, RefOr, Response,
        ResponseBuilder, Type,
        path::{Operation, ParameterIn},
        security::{ApiKey, ApiKeyValue, SecurityScheme},
    },
};

use crate::problem::ProblemBody;

/// The schemas of what answers with `ETag`; see `etag::Versioned`.
const VERSIONED: [&str; 12] = [
    "Availability",
    "BookedLesson",
    "CanceledSeries",
    "ChangedSeries",
    "ChangedSettings",
    "CreatedSeries",
    "Group",
    "JoinedLesson",
    "Lesson",
    "Series",
    "Teacher",
    "User",
];

/// What the key of the acting user is called.
const ACTING_USER: &str = "acting_user";

/// What the schema and the response of a problem are called.
const PROBLEM: &str = "Problem";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Online Lesson Manager",
        description = "Lessons, the people in them, hours of work and notifications over HTTP.\n\n\
            Every error is `application/problem+json` (RFC 9457); its `reason` is for programs. \
            Creating requests need `Idempotency-Key`; repeating one is safe. Answers that are one \
            versioned resource carry `ETag`; changing one needs `If-Match` with it: 428 without, \
            412 when it changed since. Times are RFC 3339, durations whole seconds, `…_s`.",
    ),
    components(responses(ProblemBody), schemas(ProblemBody)),
    tags(
        (name = "people", description = "The acting user, and whom they may see"),
        (name = "teachers", description = "Who teaches, what they allow and whom they teach"),
        (name = "invitations", description = "Links by which people become students"),
        (name = "availability", description = "When teachers work"),
        (name = "slots", description = "What of a teacher's time is free"),
        (name = "lessons", description = "Lessons of the acting user, and seats in those of groups"),
        (name = "series", description = "Lessons at one hour every n weeks"),
        (name = "groups", description = "Students whom a teacher teaches together"),
        (name = "events", description = "Changes as they happen"),
        (name = "calendars", description = "Lessons in calendars outside"),
        (name = "notifications", description = "Messages to people in Telegram"),
        (name = "polling", description = "For bots in other languages, which fetch what is due and send it themselves"),
        (name = "health", description = "For monitoring and probes; no key"),
    )
)]
struct Base;

/// The document before any path is in it.
pub(crate) fn base() -> Document {
    let mut document = Base::openapi();
    // One server: the one this document came from.
    document.servers = None;
    if let Some(components) = &mut document.components {
        components.add_security_scheme(
            "service_key",
            header_key("X-Service-Key", "The caller's service key."),
        );
        components.add_security_scheme(
            ACTING_USER,
            header_key(
                "X-Acting-User",
                "The id of the person the caller speaks for; only for keys that may.",
            ),
        );
    }
    document
}

fn header_key(name: &str, description: &str) -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
        name,
        description,
    )))
}

impl<'r> ToResponse<'r> for ProblemBody {
    fn response() -> (&'r str, RefOr<Response>) {
        let content = Content::new(Some(Ref::from_schema_name(PROBLEM)));
        let response = ResponseBuilder::new()
            .description("A problem; `reason` says which")
            .content("application/problem+json", content)
            .build();
        (PROBLEM, response.into())
    }
}

/// Adds to every operation what its handler need not name: the problems that follow
/// from what it takes, and `ETag` where it answers a versioned resource.
pub(crate) fn finish(mut document: Document) -> Document {
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            add_problems(operation);
            add_etag(operation);
        }
    }
    document
}

fn add_problems(operation: &mut Operation) {
    let mut statuses = vec!["500"];
    if operation.security.is_some() {
        statuses.extend(["400", "401", "403", "503", "504"]);
    }
    if operation.request_body.is_some() {
        statuses.extend(["413", "415"]);
    }
    // A person may be erased between two requests.
    let speaks_for_a_person = operation
        .security
        .iter()
        .flatten()
        .filter_map(|requirement| serde_json::to_value(requirement).ok())
        .any(|requirement| requirement.get(ACTING_USER).is_some());
    if speaks_for_a_person {
        statuses.push("404");
    }
    for parameter in operation.parameters.iter().flatten() {
        let RefOr::T(parameter) = parameter else {
            continue;
        };
        match parameter.name.as_str() {
            "Idempotency-Key" => statuses.push("422"),
            "If-Match" => statuses.extend(["412", "428"]),
            _ if parameter.parameter_in == ParameterIn::Path => statuses.push("404"),
            _ => {}
        }
    }
    for status in statuses {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::Ref(Ref::from_response_name(PROBLEM)));
    }
}

fn add_etag(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else {
            continue;
        };
        if !response.content.values().any(is_versioned) {
            continue;
        }
        let tag = ObjectBuilder::new().schema_type(Type::String);
        let header = HeaderBuilder::new()
            .schema(Some(tag.build()))
            .description(Some("The resource's version, for `If-Match`"))
            .build();
        response.headers.insert("ETag".to_owned(), header.into());
    }
}

fn is_versioned(content: &RefOr<Content>) -> bool {
    let RefOr::T(content) = content else {
        return false;
    };
    let Some(RefOr::Ref(schema)) = &content.schema else {
        return false;
    };
    let name = schema.ref_location.strip_prefix("#/components/schemas/");
    name.is_some_and(|name| VERSIONED.contains(&name))
}
