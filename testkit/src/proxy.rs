//! A TCP proxy between the program and its database: what a network, or a database that goes away,
//! does to connections.
//!
//! Cuts, refuses and freezes connections, and keeps what clients sent. Knows nothing of protocols.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A test fails rather than waits longer for the bytes after which to freeze.
const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy on a port of its own. Ends when dropped.
pub struct Proxy {
    /// The database's URL, through this proxy.
    pub url: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    target: SocketAddr,
    gate: watch::Sender<Gate>,
    freeze_after: Mutex<Option<&'static str>>,
    /// What clients sent, connection by connection.
    sent: Mutex<Vec<Vec<u8>>>,
}

/// What connections may do.
#[derive(Clone, Copy, Default)]
struct Gate {
    /// Connections that began before this cut end.
    cuts: usize,
    /// No byte passes, in either direction; nothing is closed.
    is_frozen: bool,
}

impl Proxy {
    /// Begins to pass connections on to the server of this database.
    pub async fn start(url: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = url.split_once("://").context("not a URL")?;
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let target = lookup_host(host).await?.next();
        let target = target.with_context(|| format!("no address: {host}"))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target,
            gate: watch::Sender::new(Gate::default()),
            freeze_after: Mutex::default(),
            sent: Mutex::default(),
        });
        let through = rest.replacen(host, &address.to_string(), 1);
        Ok(Self {
            url: format!("{scheme}://{through}"),
            address,
            listening: Some(tokio::spawn(listen(listener, Arc::clone(&shared)))),
            shared,
        })
    }

    /// Ends every connection; new ones pass.
    pub fn cut(&self) {
        self.shared.gate.send_modify(|gate| gate.cuts += 1);
    }

    /// Ends every connection and refuses new ones.
    pub async fn refuse(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
            // Cancelled: that is what was asked for. The port is closed then.
            let _ = listening.await;
        }
        self.cut();
    }

    /// Takes connections again.
    pub async fn accept(&mut self) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.address).await?;
        self.listening = Some(tokio::spawn(listen(listener, Arc::clone(&self.shared))));
        Ok(())
    }

    /// Freezes every connection as soon as a client has said this: to the server it looks as if the
    /// client had stopped there.
    pub fn freeze_after(&self, said: &'static str) {
        *lock(&self.shared.freeze_after) = Some(said);
    }

    /// Freezes every connection now.
    pub fn freeze(&self) {
        self.shared.freeze();
    }

    /// Waits until it is frozen.
    pub async fn frozen(&self) -> anyhow::Result<()> {
        let mut gate = self.shared.gate.subscribe();
        let frozen = gate.wait_for(|gate| gate.is_frozen);
        tokio::time::timeout(PATIENCE, frozen)
            .await
            .context("not said")??;
        Ok(())
    }

    /// Lets everything pass again.
    pub fn thaw(&self) {
        self.shared.gate.send_modify(|gate| gate.is_frozen = false);
    }

    /// What clients have sent, connection by connection.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        lock(&self.shared.sent).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
        self.cut();
    }
}

impl Shared {
    fn freeze(&self) {
        self.gate.send_modify(|gate| gate.is_frozen = true);
    }

    /// What a client says, before it is passed on.
    fn hears(&self, connection: usize, bytes: &[u8]) {
        lock(&self.sent)[connection].extend_from_slice(bytes);
        let mut freeze_after = lock(&self.freeze_after);
        let is_said = freeze_after.is_some_and(|said| {
            bytes
                .windows(said.len())
                .any(|window| window == said.as_bytes())
        });
        if is_said {
            *freeze_after = None;
            self.freeze();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let connection = {
            let mut sent = lock(&shared.sent);
            sent.push(Vec::new());
            sent.len() - 1
        };
        tokio::spawn(connect(client, connection, Arc::clone(&shared)));
    }
}

/// One connection, until either end or a cut ends it.
async fn connect(client: TcpStream, connection: usize, shared: Arc<Shared>) {
    let mut gate = shared.gate.subscribe();
    let begun = gate.borrow().cuts;
    let Ok(server) = TcpStream::connect(shared.target).await else {
        return;
    };
    // Small packets at once: latency is part of what tests measure.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, &shared, Some(connection)) => {}
        () = pump(from_server, to_client, &shared, None) => {}
        _ = gate.wait_for(|gate| gate.cuts > begun) => {}
    }
}

/// Passes bytes on until one end is closed; `client` names the connection whose client speaks.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
    client: Option<usize>,
) {
    let mut gate = shared.gate.subscribe();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await;
        if gate.wait_for(|gate| !gate.is_frozen).await.is_err() {
            return;
        }
        let Ok(count @ 1..) = read else {
            return;
        };
        let bytes = &buffer[..count];
        if let Some(connection) = client {
            shared.hears(connection, bytes);
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
