//! The command line: the whole application as a function of what an adopter registers.

mod app;
mod baseline;
mod command;
mod doctor;
mod interrupt;
mod limits;
mod migrate;
mod migrations;
mod open_feed;
mod progress;
mod retention;
mod schema;
mod serve;
mod settings;
mod tail;
mod torture;
mod verify;

pub use app::App;
pub use serve::{Server, StartError};
pub use settings::Settings;
pub use verify::{Finding, Unverified, Verdict, VerifyError};
