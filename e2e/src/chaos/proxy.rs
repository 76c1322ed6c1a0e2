//! A TCP proxy that can be told to hold bytes back, to delay them, to cut what runs
//! through it, and not to be there at all.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{Result, ports};

/// Chunks on their way in one direction; what comes after them waits in the kernel.
const ON_THE_WAY: usize = 256;
const CONNECT: Duration = Duration::from_secs(1);

/// What the proxy does to what passes through it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// Bytes of clients stay in the proxy.
    pub hold_up: bool,
    /// Bytes of the server stay in the proxy.
    pub hold_down: bool,
    /// Each byte comes so much later.
    pub delay: Duration,
    /// Nobody listens: connecting is refused.
    pub absent: bool,
    cuts: u64,
}

/// A running proxy; it ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    targets: watch::Sender<Targets>,
    target: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

/// Where connections go.
#[derive(Debug, Clone)]
struct Targets {
    addresses: Arc<[SocketAddr]>,
    /// Each connection begins with the next one, instead of with the first.
    take_turns: bool,
}

impl Proxy {
    /// A proxy before the first of `targets` that takes a connection.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start(targets: Vec<SocketAddr>) -> Result<Self> {
        Self::before(Targets {
            addresses: targets.into(),
            take_turns: false,
        })
        .await
    }

    /// A proxy whose connections go to the targets in turns, as an address before replicas
    /// does; see [`Proxy::point_at`].
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn in_turns(targets: Vec<SocketAddr>) -> Result<Self> {
        Self::before(Targets {
            addresses: targets.into(),
            take_turns: true,
        })
        .await
    }

    async fn before(targets: Targets) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let listener = TcpListener::bind(address).await?;
        let weather = watch::Sender::new(Weather::default());
        let (chosen, target) = watch::channel(0);
        let targets = watch::Sender::new(targets);
        let line = Line {
            targets: targets.subscribe(),
            weather: weather.subscribe(),
            turn: Arc::default(),
            chosen: Arc::new(chosen),
        };
        Ok(Self {
            address,
            weather,
            targets,
            target,
            task: tokio::spawn(serve(address, listener, line)),
        })
    }

    /// `http://…` of the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Which target took the newest connection.
    #[must_use]
    pub fn target(&self) -> usize {
        *self.target.borrow()
    }

    /// From now on connections go there; those that there are stay where they are.
    pub fn point_at(&self, targets: Vec<SocketAddr>) {
        self.targets
            .send_modify(|present| present.addresses = targets.into());
    }

    /// Changes the weather.
    pub fn set(&self, change: impl FnOnce(&mut Weather)) {
        self.weather.send_modify(change);
    }

    /// Ends every connection that runs through it.
    pub fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Ends what was held, and lets everything through again.
    pub fn heal(&self) {
        self.weather.send_modify(|weather| {
            let was_held = weather.hold_up || weather.hold_down;
            *weather = Weather {
                cuts: weather.cuts + u64::from(was_held),
                ..Weather::default()
            };
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        // The connections' own tasks end with the sender.
    }
}

#[derive(Debug, Clone)]
struct Line {
    targets: watch::Receiver<Targets>,
    weather: watch::Receiver<Weather>,
    turn: Arc<AtomicUsize>,
    chosen: Arc<watch::Sender<usize>>,
}

async fn serve(address: SocketAddr, listener: TcpListener, mut line: Line) {
    let mut listener = Some(listener);
    loop {
        let absent = line.weather.borrow_and_update().absent;
        if absent {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(address).await.ok();
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await.ok(),
                // Somebody else may have the port for a moment.
                None if !absent => {
                    sleep(Duration::from_millis(20)).await;
                    None
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = line.weather.changed() => if changed.is_err() { return },
            accepted = accepted => if let Some((client, _)) = accepted {
                tokio::spawn(carry(client, line.clone()));
            },
        }
    }
}

/// One connection, until either side ends it or it is cut.
async fn carry(client: TcpStream, mut line: Line) {
    let cuts = line.weather.borrow().cuts;
    let Some(server) = connect(&line).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let (up, down) = (line.weather.clone(), line.weather.clone());
    let both = async {
        tokio::join!(
            pump(client_read, server_write, up, |weather| { weather.hold_up }),
            pump(server_read, client_write, down, |weather| {
                weather.hold_down
            }),
        )
    };
    tokio::select! {
        _ = both => {}
        _ = line.weather.wait_for(|weather| weather.cuts != cuts) => {}
    }
}

async fn connect(line: &Line) -> Option<TcpStream> {
    let Targets {
        addresses,
        take_turns,
    } = line.targets.borrow().clone();
    let first = if take_turns {
        line.turn.fetch_add(1, Ordering::Relaxed) % addresses.len().max(1)
    } else {
        0
    };
    let in_order = addresses.iter().enumerate();
    for (index, target) in in_order.clone().skip(first).chain(in_order.take(first)) {
        if let Ok(Ok(server)) = timeout(CONNECT, TcpStream::connect(target)).await {
            line.chosen.send_replace(index);
            return Some(server);
        }
    }
    None
}

/// One direction.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    is_held: fn(&Weather) -> bool,
) {
    let (sender, mut on_the_way) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let chunk = (Instant::now(), buffer[..length].to_vec());
            if sender.send(chunk).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((came, chunk)) = on_the_way.recv().await {
            let delay = weather.borrow().delay;
            if !delay.is_zero() {
                sleep_until(came + delay).await;
            }
            let open = weather.wait_for(|weather| !is_held(weather)).await.is_ok();
            if !open || to.write_all(&chunk).await.is_err() {
                return;
            }
        }
        // An orderly end is passed on.
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    /// A server that answers each byte with the next one.
    async fn counter() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    while let Ok(byte) = stream.read_u8().await {
                        stream.write_u8(byte + 1).await.unwrap();
                    }
                });
            }
        });
        address
    }

    async fn answer(stream: &mut TcpStream, byte: u8) -> std::io::Result<u8> {
        stream.write_u8(byte).await?;
        timeout(SOON, stream.read_u8()).await?
    }

    #[tokio::test]
    async fn bytes_pass_in_both_directions_and_late_when_delayed() {
        let proxy = Proxy::start(vec![counter().await]).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(answer(&mut stream, 1).await.unwrap(), 2);
        proxy.set(|weather| weather.delay = Duration::from_millis(50));
        let start = Instant::now();
        assert_eq!(answer(&mut stream, 7).await.unwrap(), 8);
        assert!(start.elapsed() >= Duration::from_millis(100), "both ways");
    }

    #[tokio::test]
    async fn what_is_held_passes_when_it_is_let_go_and_not_when_it_is_cut() {
        let proxy = Proxy::start(vec![counter().await]).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(answer(&mut stream, 1).await.unwrap(), 2);
        proxy.set(|weather| weather.hold_down = true);
        stream.write_u8(5).await.unwrap();
        let held = timeout(Duration::from_millis(100), stream.read_u8()).await;
        assert!(held.is_err(), "{held:?}");
        proxy.set(|weather| weather.hold_down = false);
        assert_eq!(timeout(SOON, stream.read_u8()).await.unwrap().unwrap(), 6);
        proxy.set(|weather| weather.hold_up = true);
        stream.write_u8(8).await.unwrap();
        proxy.heal();
        let ended = timeout(SOON, stream.read_u8()).await.unwrap();
        assert!(ended.is_err(), "{ended:?}");
    }

    #[tokio::test]
    async fn an_absent_proxy_refuses_and_comes_back() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobody = closed.local_addr().unwrap();
        drop(closed);
        let proxy = Proxy::start(vec![nobody, counter().await]).await.unwrap();
        proxy.set(|weather| weather.absent = true);
        let refused = async || {
            TcpStream::connect(proxy.address)
                .await
                .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
        };
        crate::system::eventually("refused", SOON, refused)
            .await
            .unwrap();
        proxy.heal();
        let answered = async || match TcpStream::connect(proxy.address).await {
            Ok(mut stream) => answer(&mut stream, 1).await.ok() == Some(2),
            Err(_) => false,
        };
        crate::system::eventually("back", SOON, answered)
            .await
            .unwrap();
        assert_eq!(proxy.target(), 1, "the first one takes nobody");
    }

    #[tokio::test]
    async fn connections_go_in_turns_to_those_it_points_at_and_stay_where_they_are() {
        let [one, two, three] = [counter().await, counter().await, counter().await];
        let proxy = Proxy::in_turns(vec![one, two]).await.unwrap();
        let mut seen = Vec::new();
        let mut streams = Vec::new();
        for _ in 0..4 {
            let mut stream = TcpStream::connect(proxy.address).await.unwrap();
            assert_eq!(answer(&mut stream, 1).await.unwrap(), 2);
            seen.push(proxy.target());
            streams.push(stream);
        }
        assert_eq!(seen, [0, 1, 0, 1]);
        proxy.point_at(vec![three]);
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(answer(&mut stream, 1).await.unwrap(), 2);
        assert_eq!(proxy.target(), 0, "the only one");
        for stream in &mut streams {
            assert_eq!(answer(stream, 7).await.unwrap(), 8);
        }
    }
}
