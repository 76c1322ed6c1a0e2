use std::{path::PathBuf, sync::Arc};

use service_kit::{
    clock::SystemClock,
    grpc::{
        client::{Backend, BackendConfig, OutgoingKey},
        tls::Authorities,
    },
};
use telegram_sim::{
    api::NewPerson,
    client::{Button, SimClient},
};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::*;
use crate::{
    conversation::Conversation,
    limited::Limited,
    memory::Memory,
    pacer::{Limits, gate::Gate},
    replies::Replies,
    server1::{FIGURES, Server1, Terms},
    store::{Left, Store},
    telegram::{Api, Timeouts, Token},
    updates::Desk,
};

const SOON: Duration = Duration::from_secs(20);
const BOT: i64 = 42;
const TOKEN: &str = "42:0123456789-abcdefghij_SECRET";

struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A server that nobody reaches.
async fn nobody(service: &'static str) -> Backend {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let config = BackendConfig {
        service,
        url: url.parse().unwrap(),
        key: OutgoingKey::from(""),
        timeout: SOON,
        authorities: Authorities::default(),
    };
    Backend::connect_lazy(&config).unwrap()
}

/// What comes in is handled without server 1, and kept in `store`.
async fn inbox(telegram: &Telegram, store: Store) -> Inbox {
    let clock = SystemClock::shared();
    let terms = Terms {
        read_timeout: SOON,
        write_timeout: SOON,
        failures: u32::MAX,
        open_for: SOON,
    };
    let server1 = Server1::new(nobody("lesson-svc").await, terms, Arc::clone(&clock));
    let gate = Gate::new(Limits::default(), false);
    let limited = Arc::new(Limited::new(gate.clone()));
    let conversation = Conversation::new(
        server1.link(),
        &nobody("notify-svc").await,
        Replies::new(telegram.clone(), gate, limited),
        Memory::new(BOT, store.clone()),
        Arc::clone(&clock),
    );
    let (seen, _) = mpsc::channel(1);
    let desk = Desk {
        bot_id: BOT,
        conversation: Arc::new(conversation),
        store,
        seen,
        requests_per_minute: 100,
        left: Left::default(),
        clock,
    };
    Inbox::open(desk)
}

#[tokio::test]
async fn presses_are_acknowledged_while_the_disk_stands_still() {
    let _alone = FIGURES.lock().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sim = SimClient::at(listener.local_addr().unwrap());
    let simulator = CancellationToken::new();
    let config = telegram_sim::Config {
        tokens: vec![TOKEN.to_owned()],
        ..telegram_sim::Config::default()
    };
    tokio::spawn(telegram_sim::run(listener, config, simulator.clone()));
    let timeouts = Timeouts {
        connect: SOON,
        answer: SOON,
    };
    let api = Api::new(sim.base_url(), timeouts).unwrap();
    let telegram = Telegram::new(api, Token::parse(TOKEN.into()).unwrap());
    let file = File(std::env::temp_dir().join(format!("olm-store-{}.redb", Uuid::new_v4())));
    let store = Store::standing_still(&file.0, SystemClock::shared()).unwrap();
    let mut inbox = inbox(&telegram, store).await;
    let holding = Holding::default();
    holding.set(Holder::Us);
    let poller = Poller::new(telegram, holding, Duration::from_secs(1));
    let shutdown = Shutdown::manual(Duration::from_secs(2));
    let pressed = async {
        let anna = NewPerson::named("Anna", "en");
        let anna = sim.create_person(&anna).await.unwrap();
        sim.say(&anna, "/start").await.unwrap();
        let keyboard = json!([[{ "text": "My lessons", "callback_data": "b.l:0" }]]);
        let message = json!({
            "chat_id": anna.id,
            "text": "Hello",
            "reply_markup": { "inline_keyboard": keyboard },
        });
        let (status, answer) = sim.call(TOKEN, "sendMessage", &message).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        for _ in 0..4 {
            let pressed = sim.press(&anna, Button::data("b.l:0")).await.unwrap();
            sim.callback_answer(&pressed, SOON).await.unwrap();
        }
        shutdown.stop();
    };
    let ran = async { tokio::join!(poller.run(&mut inbox, &shutdown), pressed) };
    timeout(4 * SOON, ran).await.expect("it goes on");
    simulator.cancel();
}
