//! The OpenAPI 3.1 document. Paths and schemas come from the handlers themselves;
//! here is what they share: titles, keys, and the problems every one can answer.

use utoipa::{
    OpenApi, ToResponse,
    openapi::{
        Content, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder,
        path::Operation,
        security::{ApiKey, ApiKeyValue, SecurityScheme},
    },
};

use crate::problem::ProblemBody;

/// What the schema and the response of a problem are called.
const PROBLEM: &str = "Problem";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Online Lesson Manager",
        description = "Lessons, free times and notifications over HTTP.\n\n\
            Every error is `application/problem+json` (RFC 9457); its `reason` is for programs. \
            Creating requests need `Idempotency-Key`; repeating one is safe. Times are RFC 3339.",
    ),
    components(responses(ProblemBody), schemas(ProblemBody)),
    tags(
        (name = "slots", description = "What of a teacher's time is free"),
        (name = "lessons", description = "Lessons of the acting user"),
        (name = "notifications", description = "Messages to people in Telegram"),
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
            "acting_user",
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

/// Adds to every operation the problems that its handler need not name.
pub(crate) fn finish(mut document: Document) -> Document {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post];
        for operation in operations.into_iter().flatten() {
            add_problems(operation);
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
    for status in statuses {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::Ref(Ref::from_response_name(PROBLEM)));
    }
}
