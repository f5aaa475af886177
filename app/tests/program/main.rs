//! The program as its operator meets it: the built binary, its commands, its exit codes, and what
//! is left when it is killed.
//!
//! SQLite always; PostgreSQL and MariaDB where `SEACHANGE_TEST_POSTGRES_URL` and
//! `SEACHANGE_TEST_MYSQL_URL` are set. Each test has a database of its own.

mod baseline;
mod commands;
mod doctor;
mod frozen;
mod full;
mod harness;
mod killed;
mod levels;
mod load;
mod outage;
mod readme;
mod refused;
mod restored;
mod retention;
mod start;
mod statements;
mod tail;
mod terminal;
mod verify;

use std::process::ExitCode;

use seachange_testkit::Runner;

fn main() -> ExitCode {
    Runner::new([
        start::cases(),
        refused::cases(),
        restored::cases(),
        commands::cases(),
        doctor::cases(),
        tail::cases(),
        terminal::cases(),
        verify::cases(),
        verify::memory::cases(),
        verify::missed::cases(),
        baseline::cases(),
        retention::cases(),
        killed::cases(),
        levels::cases(),
        statements::cases(),
        outage::cases(),
        frozen::cases(),
        full::cases(),
        readme::cases(),
        readme::tables::cases(),
        readme::steps::cases(),
    ])
    // One measures time, one builds, all start processes: side by side they would disturb each other.
    .threads(1)
    .run()
}
