//! Who may call (OLM-1).

use reqwest::Method;
use serde_json::json;

use crate::{
    fakes::{STUDENT, TEACHER},
    gateway::{CRM_KEY, Gateway, Headers as _, WEBSITE_KEY, problem, problem_of},
    operations::Operation,
};

async fn closed_routes(gateway: &Gateway) -> Vec<(Method, String)> {
    let mut operations = Operation::all(gateway).await;
    operations.retain(|operation| !operation.is_open());
    assert!(operations.len() > 40, "{}", operations.len());
    let routes = operations.into_iter();
    routes
        .map(|operation| (operation.method.clone(), operation.target()))
        .collect()
}

#[tokio::test]
async fn without_a_key_every_closed_route_answers_401_and_says_what_to_send() {
    let gateway = Gateway::start().await;
    for (method, path) in closed_routes(&gateway).await {
        let response = gateway.bare(method, &path).send().await.unwrap();
        let challenge = response.headers().get("www-authenticate").cloned();
        assert_eq!(
            challenge.unwrap(),
            "ServiceKey header=\"X-Service-Key\"",
            "{path}"
        );
        problem_of(response, 401, "SERVICE_KEY_MISSING").await;
    }
    assert!(gateway.lesson.calls().is_empty());
}

#[tokio::test]
async fn a_wrong_key_is_refused_with_403_everywhere() {
    let gateway = Gateway::start().await;
    for (method, path) in closed_routes(&gateway).await {
        let request = gateway.bare(method, &path).key("wrong").user(STUDENT);
        problem(request, 403, "SERVICE_KEY_REFUSED").await;
    }
    assert!(gateway.lesson.calls().is_empty());
}

#[tokio::test]
async fn a_key_that_may_not_speak_for_people_is_refused_when_it_tries() {
    let gateway = Gateway::start().await;
    for (method, path) in closed_routes(&gateway).await {
        let request = gateway.bare(method, &path).key(CRM_KEY).user(STUDENT);
        problem(request, 403, "ACTING_USER_NOT_PERMITTED").await;
    }
    assert!(gateway.lesson.calls().is_empty());
}

#[tokio::test]
async fn what_people_do_needs_a_person_whichever_key_asks() {
    let gateway = Gateway::start().await;
    for operation in Operation::of_people(&gateway).await {
        for key in [WEBSITE_KEY, CRM_KEY] {
            let request = gateway.bare(operation.method.clone(), &operation.target());
            problem(request.key(key), 401, "ACTING_USER_MISSING").await;
        }
    }
    assert!(gateway.lesson.calls().is_empty());
    let request = gateway.get("/api/v1/lessons").key(WEBSITE_KEY).user("7");
    problem(request, 400, "ACTING_USER_MALFORMED").await;
}

#[tokio::test]
async fn two_keys_or_two_people_in_one_request_are_refused() {
    let gateway = Gateway::start().await;
    let keys = gateway.get("/api/v1/lessons").student().key(CRM_KEY);
    problem(keys, 403, "SERVICE_KEY_REFUSED").await;
    let people = gateway.get("/api/v1/lessons").student().user(TEACHER);
    problem(people, 400, "ACTING_USER_MALFORMED").await;
    assert!(gateway.lesson.calls().is_empty());
}

#[tokio::test]
async fn creating_a_notification_is_the_callers_own_act() {
    let gateway = Gateway::start().await;
    let body = json!({"telegram_user_id": 5, "text": "hello"});
    let request = gateway.post("/api/v1/notifications", &body).once("a");
    problem(request.student(), 403, "ACTING_USER_NOT_PERMITTED").await;
    assert!(gateway.notify.calls().is_empty());
}

#[tokio::test]
async fn a_gateway_whose_own_key_is_refused_does_not_blame_its_client() {
    let gateway = Gateway::with(&[("REST_LESSON_KEY", "an-old-key")]).await;
    let problem = problem(gateway.get("/api/v1/lessons").student(), 500, "INTERNAL").await;
    assert!(!problem["detail"].as_str().unwrap().contains("key"));
}
