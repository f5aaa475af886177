//! Servers in processes of their own: ours and what it is compared with, all told the same way to
//! publish and all sending the same frames, so that the clients cannot tell them apart.
//!
//! A server prints `listening ADDRESS` and then obeys its input: `publish FROM COUNT` is a burst of
//! changes with these numbers. It ends with its input, and so with this process.

mod node;
mod own;
mod raw;
mod stock;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, bail};
use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::process::Process;

/// The first argument of a process that is such a server; the next says which.
pub const ARGUMENT: &str = "peer";

/// Which server.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The reference application on SQLite.
    Own,
    /// A WebSocket broadcast of frames like this one, and nothing more.
    Raw(String),
    /// Async-graphql's own transport, with a schema that is known when it is compiled.
    Stock,
    /// The reference implementation of the protocol, on Node.
    Node,
}

/// A server in a process of its own; dropping it ends the process.
pub struct Peer {
    /// Where it listens.
    pub address: SocketAddr,
    process: Child,
    orders: ChildStdin,
}

impl Peer {
    /// Starts it. `None`, with a notice, if it is one that this machine cannot run.
    pub fn start(kind: &Kind) -> anyhow::Result<Option<Self>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(ARGUMENT);
        match kind {
            Kind::Own => command.arg(own::NAME),
            Kind::Raw(frame) => command.arg(raw::NAME).arg(frame),
            Kind::Stock => command.arg(stock::NAME),
            Kind::Node => match node::command()? {
                Some(node) => {
                    command = node;
                    &mut command
                }
                None => return Ok(None),
            },
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let orders = process.stdin.take().context("no input")?;
        let told = process.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(told).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening ");
        let address = address.with_context(|| format!("{kind:?} does not listen: {line}"))?;
        Ok(Some(Self {
            address: address.parse()?,
            process,
            orders,
        }))
    }

    /// One of those that run everywhere.
    pub fn start_always(kind: &Kind) -> anyhow::Result<Self> {
        Self::start(kind)?.context("cannot be run here")
    }

    /// Has the changes with these numbers published. Does not wait for it.
    pub fn publish(&mut self, numbers: Range<u32>) -> anyhow::Result<()> {
        let (from, count) = (numbers.start, numbers.len());
        Ok(writeln!(self.orders, "publish {from} {count}")?)
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process::Id(self.process.id())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Is the server that the arguments name, until its input ends.
pub async fn serve(mut words: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let name = words.next().context("which peer?")?;
    match name.as_str() {
        own::NAME => own::serve().await,
        raw::NAME => raw::serve(words.next().context("no frame")?).await,
        stock::NAME => stock::serve().await,
        _ => bail!("no peer: {name}"),
    }
}

/// Serves one path, as the reference application serves its own.
async fn listen(router: Router) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    tell(listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Were it refused, this side alone would be slower.
        stream.set_nodelay(true).expect("TCP_NODELAY");
    });
    tokio::spawn(async { axum::serve(listener, router).await });
    Ok(())
}

fn tell(address: SocketAddr) {
    println!("listening {address}");
}

/// Obeys the input until it ends.
async fn obey(
    mut publish: impl AsyncFnMut(Range<u32>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (order, mut orders) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if order.send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = orders.recv().await {
        let line = line?;
        let words = line.strip_prefix("publish ").context("no order")?;
        let (from, count) = words.split_once(' ').context("no count")?;
        let from: u32 = from.parse()?;
        publish(from..from + count.parse::<u32>()?).await?;
    }
    Ok(())
}

/// The name of the row that the change with this number is about: what clients know it by. As long
/// for each number.
fn name(number: u32) -> String {
    format!("{}{number:08}", super::reader::MARK)
}
