//! A wire that can be cut: connections end, and new ones are refused.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use uuid::Uuid;

pub struct Wire {
    pub address: SocketAddr,
    to: SocketAddr,
    task: JoinHandle<()>,
}

impl Wire {
    pub async fn to(to: SocketAddr) -> Self {
        // An address of its own, so that no other test has its port while it is cut.
        let [a, b, c, ..] = Uuid::new_v4().into_bytes();
        let address = format!("127.{}.{b}.{c}:0", 100 + a / 2);
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(carry(listener, to));
        Self { address, to, task }
    }

    pub async fn cut(&mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }

    pub async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.task = tokio::spawn(carry(listener, self.to));
    }
}

async fn carry(listener: TcpListener, to: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        let (mut near, _) = listener.accept().await.unwrap();
        connections.spawn(async move {
            let mut far = TcpStream::connect(to).await.unwrap();
            let _ = copy_bidirectional(&mut near, &mut far).await;
        });
    }
}
