//! Frames of RFC 6455, right and wrong, with messages of the protocol, right and wrong.

use seachange_testkit::Random;
use serde_json::json;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Close codes that a client may or may not use. Not 1011, which a server echoes as it should and
/// which the test takes for a fault of the server's own.
const CODES: [u16; 11] = [
    1000, 1001, 3000, 4999, 0, 999, 1004, 1005, 1006, 5000, 65_535,
];

const QUERIES: [&str; 9] = [
    "{ changesHead }",
    "{ __typename",
    "subscription { changes { cursor } }",
    "subscription { changes(after: \"0\") { cursor before after } }",
    "subscription { taskChanges(includeInitial: true) { kind } }",
    "subscription { changes(after: \"nonsense\") { cursor } }",
    "mutation { labelDelete(filter: {}) }",
    "query A { changesHead } query B { changesHead }",
    "",
];

pub struct Frames {
    random: Random,
    is_first: bool,
}

impl Frames {
    pub fn seeded(seed: u64) -> Self {
        Self {
            random: Random::seeded(seed.wrapping_mul(0x1_0001)),
            is_first: true,
        }
    }

    /// The bytes of one frame, or of what a peer could take for one.
    pub fn next(&mut self) -> Vec<u8> {
        if std::mem::take(&mut self.is_first) && !self.random.once_in(4) {
            let init = json!({ "type": "connection_init", "payload": {} });
            return self.frame(0x80 | TEXT, init.to_string().as_bytes());
        }
        match self.random.below(40) {
            0..=23 => {
                let message = self.message();
                self.frame(0x80 | TEXT, message.as_bytes())
            }
            24..=28 => {
                let message = self.message();
                let damaged = self.damaged(message.into_bytes());
                self.frame(0x80 | TEXT, &damaged)
            }
            29 | 30 => self.fragments(),
            31..=33 => {
                let payload = self.bytes(125);
                let opcode = *self.random.pick(&[PING, PONG]);
                self.frame(0x80 | opcode, &payload)
            }
            34 => {
                let payload = self.bytes(40);
                self.frame(0x80 | BINARY, &payload)
            }
            // A control frame that is too long, or in pieces; reserved bits and opcodes.
            35 => {
                let payload = self.bytes(400);
                let head = *self
                    .random
                    .pick(&[0x89, 0x09, 0x08, 0xC1, 0xF2, 0x83, 0x8B, 0x80]);
                self.frame(head, &payload)
            }
            // Without a mask.
            36 => vec![0x81, 2, b'{', b'}'],
            // A length that never comes true, with what follows as its data.
            37 => vec![0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 1, 2, 3, 4],
            38 => self.close(),
            _ if self.random.once_in(8) => {
                let large = format!(
                    "{{\"type\":\"ping\",\"payload\":{{\"x\":\"{}\"}}}}",
                    "x".repeat(1_100_000)
                );
                self.frame(0x80 | TEXT, large.as_bytes())
            }
            _ => self.bytes(30),
        }
    }

    /// A close frame with some code, or none, or half of one.
    pub fn close(&mut self) -> Vec<u8> {
        let code = self.random.pick(&CODES).to_be_bytes();
        let payload = match self.random.below(6) {
            0 => Vec::new(),
            1 => vec![3],
            2 => [&code[..], &[0xFF, 0xFE]].concat(),
            _ => [&code[..], b"bye"].concat(),
        };
        self.frame(0x80 | CLOSE, &payload)
    }

    fn message(&mut self) -> String {
        let id = *self.random.pick(&[
            "1",
            "2",
            "",
            "\u{0}",
            "日本",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ]);
        let query = *self.random.pick(&QUERIES);
        match self.random.below(14) {
            0..=4 => json!({ "type": "subscribe", "id": id, "payload": { "query": query } }),
            5 | 6 => json!({ "type": "complete", "id": id }),
            7 => json!({ "type": "ping", "payload": { "n": self.random.below(9) } }),
            8 => json!({ "type": "pong" }),
            9 => json!({ "type": "subscribe", "id": id, "payload": {
                "query": query, "variables": { "after": self.random.below(3) },
                "operationName": *self.random.pick(&["A", "C", ""]), "extensions": [] } }),
            10 => json!({ "type": "subscribe", "id": self.random.below(3), "payload": query }),
            11 => json!({ "type": *self.random.pick(&["next", "error", "start", "", "connection_ack"]) }),
            12 => json!([id, { "type": "ping" }, null]),
            _ if self.random.once_in(3) => json!({ "type": "connection_init" }),
            _ => return "[".repeat(self.random.below(2_000)),
        }
        .to_string()
    }

    fn damaged(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.random.below(3) {
            let place = self.random.below(bytes.len());
            match self.random.below(3) {
                0 => bytes.truncate(place),
                1 => bytes.insert(place, self.byte()),
                _ => {
                    let byte = self.byte();
                    if let Some(old) = bytes.get_mut(place) {
                        *old = byte;
                    }
                }
            }
        }
        bytes
    }

    /// A message in pieces, now and then with a ping between or without its end.
    fn fragments(&mut self) -> Vec<u8> {
        let message = self.message().into_bytes();
        let cut = self.random.below(message.len());
        let (head, tail) = message.split_at(cut);
        let mut bytes = self.frame(TEXT, head);
        if self.random.once_in(2) {
            bytes.extend(self.frame(0x80 | PING, b"between"));
        }
        if !self.random.once_in(6) {
            bytes.extend(self.frame(0x80, tail));
        }
        bytes
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.random.below(256)).unwrap_or_default()
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.random.below(most + 1))
            .map(|_| self.byte())
            .collect()
    }

    /// Masked, as a client's must be.
    fn frame(&mut self, head: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![head];
        match u16::try_from(payload.len()) {
            Ok(length @ ..126) => bytes.push(0x80 | length.to_le_bytes()[0]),
            Ok(length) => {
                bytes.push(0x80 | 126);
                bytes.extend(length.to_be_bytes());
            }
            Err(_) => {
                bytes.push(0x80 | 127);
                bytes.extend((payload.len() as u64).to_be_bytes());
            }
        }
        let mask = [self.byte(), self.byte(), self.byte(), self.byte()];
        bytes.extend(mask);
        bytes.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        bytes
    }
}
