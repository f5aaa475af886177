//! The statements in what a client sent to its database: PostgreSQL's and MariaDB's protocols, as
//! far as statements' texts go.

use anyhow::Context;

use super::database::Database;

/// The texts of the statements that these bytes of one connection sent or prepared, in order, with
/// single spaces.
pub fn statements(kind: &Database, sent: &[u8]) -> anyhow::Result<Vec<String>> {
    let mut statements = Vec::new();
    let mut rest = sent;
    match kind {
        Database::Postgres(_) => {
            // The start-up message has a length and no type.
            let length = number(rest.get(..4).context("no start")?);
            rest = rest.get(length..).context("a short start")?;
            while let [kind, tail @ ..] = rest {
                let length = number(tail.get(..4).context("a short head")?);
                let payload = tail.get(4..length).context("a short message")?;
                let mut texts = payload.split(|byte| *byte == 0);
                match kind {
                    b'Q' => statements.extend(texts.next().map(text)),
                    // A prepared statement's name comes before its text.
                    b'P' => statements.extend(texts.nth(1).map(text)),
                    _ => {}
                }
                rest = &tail[length..];
            }
        }
        _ => {
            while !rest.is_empty() {
                let head = rest.get(..4).context("a short head")?;
                let length = number(&[0, head[2], head[1], head[0]]);
                let payload = rest.get(4..4 + length).context("a short packet")?;
                // A command begins a sequence of packets: 3 is a query, 22 prepares one.
                if let (0, [3 | 22, statement @ ..]) = (head[3], payload) {
                    statements.push(text(statement));
                }
                rest = &rest[4 + length..];
            }
        }
    }
    Ok(statements)
}

fn number(bytes: &[u8]) -> usize {
    let step = |number: usize, byte: &u8| (number << 8) | usize::from(*byte);
    bytes.iter().fold(0, step)
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
