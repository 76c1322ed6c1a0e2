//! The chat page, as far as it can be judged without a browser; `cargo xtask screens` opens it
//! in one.

use serde_json::json;

use super::Sim;

/// Kind, policy and text of one of the page's files.
async fn file(sim: &Sim, path: &str) -> (String, String, String) {
    let url = format!("{}{path}", sim.client.base_url());
    let response = reqwest::get(url).await.expect("an answer");
    assert_eq!(response.status(), 200, "{path}");
    let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
    let (kind, policy) = (header("content-type"), header("content-security-policy"));
    (kind, policy, response.text().await.expect("a body"))
}

/// What stands between `before` and the next quote.
fn quoted<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    let parts = text.split(before).skip(1);
    parts.filter_map(|part| part.split('"').next())
}

#[tokio::test]
async fn the_page_loads_its_own_files_and_nothing_else() {
    let sim = Sim::start().await;
    let (kind, _, page) = file(&sim, "/").await;
    assert_eq!(kind, "text/html; charset=utf-8");
    assert!(page.contains("telegram-sim"));
    let styles = quoted(&page, "rel=\"stylesheet\" href=\"");
    let scripts = quoted(&page, "type=\"module\" src=\"");
    let mut open: Vec<String> = styles.chain(scripts).map(str::to_owned).collect();
    let mut seen = Vec::new();
    while let Some(path) = open.pop() {
        if seen.contains(&path) {
            continue;
        }
        assert!(path.starts_with("/page/"), "{path}");
        let (kind, policy, text) = file(&sim, &path).await;
        let wanted = match path.rsplit('.').next() {
            Some("css") => "css",
            _ => "javascript",
        };
        assert_eq!(kind, format!("text/{wanted}; charset=utf-8"), "{path}");
        assert!(policy.contains("script-src 'self'"), "{policy}");
        for foreign in [
            "@import",
            "url(",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
        ] {
            assert!(!text.contains(foreign), "{path}: {foreign}");
        }
        open.extend(quoted(&text, "from \"./").map(|name| format!("/page/{name}")));
        seen.push(path);
    }
    assert!(seen.len() > 5, "{seen:?}");
    for unsafe_part in [
        "src=\"http",
        "href=\"http",
        "<style",
        " style=",
        " onclick=",
    ] {
        assert!(!page.contains(unsafe_part), "{unsafe_part}");
    }
}

#[tokio::test]
async fn what_the_page_has_not_is_not_found() {
    let sim = Sim::start().await;
    let url = format!("{}/page/..%2Fpage.rs", sim.client.base_url());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_bot_is_called_as_it_calls_itself() {
    let sim = Sim::start().await;
    let set = async |params| sim.accepted("setMyName", params).await;
    set(json!({ "name": "Lessons" })).await;
    set(json!({ "name": "Уроки", "language_code": "ru" })).await;
    let named = async || sim.client.bots().await.unwrap()[0].first_name.clone();
    assert_eq!(named().await, "Lessons");
    set(json!({ "name": "" })).await;
    assert_eq!(named().await, "Bot 4200");
    let long = json!({ "name": "x".repeat(65) });
    let (status, _) = sim.refused("setMyName", long).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_chat_of_its_own_menu_shows_that_one() {
    let sim = Sim::start().await;
    let (anna, ben) = (sim.person().await, sim.person().await);
    let menu = |name: &str| json!([{ "command": name, "description": "does it" }]);
    sim.accepted("setMyCommands", json!({ "commands": menu("all") }))
        .await;
    let scope = json!({ "type": "chat", "chat_id": anna.id });
    let own = json!({ "commands": menu("own"), "scope": scope });
    sim.accepted("setMyCommands", own).await;
    for (person, command) in [(&anna, "own"), (&ben, "all")] {
        let chat = sim.client.chat(person).await.unwrap();
        assert_eq!(chat.commands[0].command, command);
    }
}
