//! A subscriber as cheap as it can be: it reads bytes, finds the frames in them and looks at one
//! number.
//!
//! It checks that it gets each change once and in order: the last digits of a change's frame are its
//! number, and the next one's is one more.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{bail, ensure};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What stands before the number of a change.
pub const MARK: &str = "change ";
/// Of the number.
const DIGITS: usize = 8;
/// Bytes taken at once.
const SCRATCH: usize = 64 * 1024;

const CAUGHT_UP: &str = "CAUGHT_UP";

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// The server does not want this reader, or not any more.
#[derive(Debug, thiserror::Error)]
#[error("refused: {0}")]
pub struct Refused(String);

thread_local! {
    static BYTES: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into());
}

/// A subscriber.
pub struct Reader {
    stream: TcpStream,
    /// The beginning of a frame.
    rest: Vec<u8>,
    /// Where the number stands in a frame, from its end.
    place: Option<usize>,
    /// Of the last change.
    number: Option<u32>,
    /// Its frame, without the header.
    last: Vec<u8>,
    /// Pings that have not been answered.
    pings: u32,
}

/// When a reader got the first and the last of what it waited for.
#[derive(Clone, Copy)]
pub struct Heard {
    pub first: Instant,
    pub last: Instant,
}

impl Reader {
    /// Connects and subscribes.
    pub async fn open(address: SocketAddr, request: &Json) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let upgrade = format!(
            "GET /graphql HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        );
        stream.write_all(upgrade.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head);
        if !head.starts_with("HTTP/1.1 101 ") {
            return Err(Refused(head.into_owned()).into());
        }
        let mut reader = Self {
            stream,
            rest: Vec::new(),
            place: None,
            number: None,
            last: Vec::new(),
            pings: 0,
        };
        reader.send(TEXT, r#"{"type":"connection_init"}"#).await?;
        let mut header = [0; 2];
        reader.stream.read_exact(&mut header).await?;
        let mut ack = vec![0; usize::from(header[1])];
        reader.stream.read_exact(&mut ack).await?;
        let is_ack = header[0] == TEXT && String::from_utf8_lossy(&ack).contains("connection_ack");
        ensure!(is_ack, "not acknowledged");
        let subscribe = json!({ "id": "1", "type": "subscribe", "payload": request });
        reader.send(TEXT, &subscribe.to_string()).await?;
        Ok(reader)
    }

    /// The next change it gets is the one after this.
    pub fn continues(&mut self, number: u32) {
        self.number = Some(number);
    }

    /// Of the last change it has.
    pub fn number(&self) -> Option<u32> {
        self.number
    }

    /// The frame of the last change.
    pub fn last(&self) -> String {
        text(&self.last)
    }

    async fn send(&mut self, kind: u8, payload: &str) -> anyhow::Result<()> {
        /// The bit that says masked, and the length that says that two bytes of length follow.
        const MASKED: u8 = 0x80;
        const LONGER: u8 = 126;
        let length = u16::try_from(payload.len())?;
        let mut frame = vec![kind];
        if length < u16::from(LONGER) {
            frame.push(MASKED | u8::try_from(length)?);
        } else {
            frame.push(MASKED | LONGER);
            frame.extend(length.to_be_bytes());
        }
        // A mask of zeros changes nothing.
        frame.extend([0; 4]);
        frame.extend(payload.as_bytes());
        Ok(self.stream.write_all(&frame).await?)
    }

    /// Reads until it has the change with this number, or a later one.
    pub async fn hear(&mut self, until: u32) -> anyhow::Result<Heard> {
        let before = self.number;
        let mut first = None;
        loop {
            let now = Instant::now();
            if first.is_none() && self.number != before {
                first = Some(now);
            }
            if self.number >= Some(until) {
                let first = first.unwrap_or(now);
                return Ok(Heard { first, last: now });
            }
            self.stream.readable().await?;
            BYTES.with_borrow_mut(|bytes| match self.stream.try_read(bytes) {
                Ok(0) => Err(Refused("the server has gone".to_owned()).into()),
                Ok(count) => self.take(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
                Err(error) => Err(error.into()),
            })?;
            for _ in 0..std::mem::take(&mut self.pings) {
                self.send(PONG, "").await?;
            }
        }
    }

    /// Takes the frames in what was read.
    fn take(&mut self, read: &[u8]) -> anyhow::Result<()> {
        let mut rest = std::mem::take(&mut self.rest);
        if rest.is_empty() {
            let used = self.frames(read)?;
            rest.extend_from_slice(&read[used..]);
        } else {
            rest.extend_from_slice(read);
            let used = self.frames(&rest)?;
            rest.drain(..used);
        }
        self.rest = rest;
        Ok(())
    }

    /// Takes whole frames; tells how many bytes they are.
    fn frames(&mut self, bytes: &[u8]) -> anyhow::Result<usize> {
        let mut used = 0;
        let mut last = None;
        while let Some((kind, start, end)) = frame(&bytes[used..]) {
            let payload = &bytes[used + start..used + end];
            match kind {
                TEXT => {
                    self.check(payload)?;
                    last = Some(payload);
                }
                PING => self.pings += 1,
                CLOSE => return Err(Refused(text(payload)).into()),
                _ => bail!("a frame {kind:#x}: {}", text(payload)),
            }
            used += end;
        }
        if let Some(payload) = last {
            self.last.clear();
            self.last.extend_from_slice(payload);
        }
        Ok(used)
    }

    /// Whether it is the change that was to come.
    fn check(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        let found = match self.place {
            Some(place) => number(payload, place),
            None => {
                let text = text(payload);
                let mark = text.rfind(MARK);
                self.place = mark.map(|mark| text.len() - mark - MARK.len());
                self.place.and_then(|place| number(payload, place))
            }
        };
        let Some(number) = found else {
            let text = text(payload);
            // The end of a replay is no change.
            return if text.contains(CAUGHT_UP) {
                Ok(())
            } else {
                Err(Refused(text).into())
            };
        };
        let is_next = self.number.is_none_or(|last| last + 1 == number);
        ensure!(is_next, "{number} came after {:?}", self.number);
        self.number = Some(number);
        Ok(())
    }
}

fn text(payload: &[u8]) -> String {
    String::from_utf8_lossy(payload).into_owned()
}

/// The number that stands so far from the end.
fn number(payload: &[u8], place: usize) -> Option<u32> {
    let digits = &payload[payload.len().checked_sub(place)?..];
    digits.get(..DIGITS)?.iter().try_fold(0, |number, digit| {
        let is_digit = digit.is_ascii_digit();
        is_digit.then(|| number * 10 + u32::from(digit - b'0'))
    })
}

/// The first frame: its first byte, where its payload starts, and where it ends; `None` if it is not
/// whole.
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (&kind, &length) = (bytes.first()?, bytes.get(1)?);
    let (start, length) = match length {
        126 => {
            let length = bytes.get(2..4)?.try_into().ok()?;
            (4, usize::from(u16::from_be_bytes(length)))
        }
        127 => {
            let length = bytes.get(2..10)?.try_into().ok()?;
            (10, usize::try_from(u64::from_be_bytes(length)).ok()?)
        }
        length => (2, usize::from(length)),
    };
    let end = start + length;
    (bytes.len() >= end).then_some((kind, start, end))
}
