//! Posts updates to the bots that set a webhook: <https://core.telegram.org/bots/api#setwebhook>.

use std::{collections::HashSet, sync::Arc, time::Duration};

use reqwest::{Client, redirect::Policy};
use tokio::{task::JoinSet, time::sleep};

use crate::world::{
    Shared,
    webhook::{Post, Work},
};

/// How long a bot may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const SECRET_HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

/// Posts until the simulator stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let client = Client::builder()
        .redirect(Policy::none())
        .timeout(ANSWER_TIMEOUT)
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "nothing can be posted to webhooks");
            return;
        }
    };
    let mut set = shared.webhooks();
    let mut served = HashSet::new();
    let mut bots = JoinSet::new();
    loop {
        set.borrow_and_update();
        let all: Vec<_> = shared.step(|world, _| {
            let bots = world.bots.values();
            bots.filter_map(|bot| Some((bot.id, bot.webhook.as_ref()?.number)))
                .collect()
        });
        for (bot, number) in all {
            if served.insert((bot, number)) {
                bots.spawn(serve(Arc::clone(&shared), client.clone(), bot, number));
            }
        }
        tokio::select! {
            changed = set.changed() => if changed.is_err() { return },
            Some(Ok(ended)) = bots.join_next() => drop(served.remove(&ended)),
            () = shared.shutdown.cancelled() => return,
        }
    }
}

/// One webhook, until it is set anew or deleted.
async fn serve(shared: Arc<Shared>, client: Client, bot: i64, number: u64) -> (i64, u64) {
    let mut wake = shared.step(|world, _| world.bot_mut(bot).updates.watch());
    let mut out = JoinSet::new();
    loop {
        wake.borrow_and_update();
        let work = shared.step(|world, now| world.next_posts(bot, number, now));
        let Work::Posts(posts, wait) = work else {
            break;
        };
        for it in posts {
            let client = client.clone();
            out.spawn(async move { (it.id, post(&client, it).await) });
        }
        let again = async {
            match wait {
                Some(wait) => sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = wake.changed() => if changed.is_err() { break },
            Some(Ok((id, result))) = out.join_next() => {
                shared.change(|world, now| world.posted(bot, number, id, result.err(), now));
            }
            () = again => {}
        }
    }
    // What is out is not called back.
    while let Some(Ok((id, result))) = out.join_next().await {
        shared.change(|world, now| world.posted(bot, number, id, result.err(), now));
    }
    (bot, number)
}

async fn post(client: &Client, post: Post) -> Result<(), String> {
    let mut request = client.post(&post.url).json(&post.update);
    if let Some(secret) = &post.secret {
        request = request.header(SECRET_HEADER, secret);
    }
    match request.send().await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => {
            let status = response.status();
            // Telegram's words.
            Err(format!("Wrong response from the webhook: {status}"))
        }
        Err(error) if error.is_connect() => Err("Connection refused".to_owned()),
        Err(error) if error.is_timeout() => Err("Read timeout expired".to_owned()),
        Err(error) => Err(error.without_url().to_string()),
    }
}
