//! What the tests stand on, and the benches too: databases of their own, servers, clients.
#![expect(dead_code, reason = "the tests use more of it")]

#[path = "../../tests/suite/harness/answer.rs"]
mod answer;
#[path = "../../tests/suite/harness/client.rs"]
mod client;
#[path = "../../tests/suite/harness/database.rs"]
mod database;
#[path = "../../tests/suite/harness/server.rs"]
mod server;
#[path = "../../tests/suite/harness/socket.rs"]
mod socket;

pub use client::Client;
pub use database::{Database, OwnDatabase};
pub use server::TestServer;
pub use socket::Socket;
