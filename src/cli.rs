//! The command line: an application as a program with commands.

mod baseline;
mod command;
mod completions;
mod doctor;
mod help;
mod interrupt;
mod limits;
mod migrate;
mod open_feed;
mod progress;
mod retention;
mod schema;
mod serve;
mod settings;
mod tail;
#[cfg(feature = "reference")]
mod torture;
mod verify;

pub use verify::{Fault, Unverified, Verdict, VerifyError};
