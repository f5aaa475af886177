//! The behaviour suite: each test once, run on every database it is given.
//!
//! SQLite always; PostgreSQL and MariaDB where `SEACHANGE_TEST_POSTGRES_URL` and
//! `SEACHANGE_TEST_MYSQL_URL` are set. Each test has a database of its own, makes and drops it, and
//! ends by verifying the log against the tables.

mod baseline;
mod broken;
mod bulk;
mod capture;
mod computed;
mod consumer;
mod database;
mod doctor;
mod documents;
mod evolve;
mod graphql;
mod kept;
mod mount;
mod order;
mod programs;
mod service;
mod specimen;
mod sync;
mod torture;
mod triggers;
mod unreadable;
mod unregistered;
mod waits;

use std::process::ExitCode;

use seachange_testkit::Runner;

fn main() -> ExitCode {
    Runner::new([
        baseline::cases(),
        broken::cases(),
        bulk::cases(),
        capture::cases(),
        computed::cases(),
        consumer::cases(),
        database::cases(),
        doctor::cases(),
        documents::cases(),
        evolve::cases(),
        graphql::cases(),
        specimen::cases(),
        kept::cases(),
        mount::cases(),
        mount::exposed::cases(),
        order::cases(),
        sync::cases(),
        programs::cases(),
        service::cases(),
        torture::cases(),
        triggers::cases(),
        unreadable::cases(),
        unreadable::listed::cases(),
        unreadable::keys::cases(),
        unregistered::cases(),
        waits::cases(),
    ])
    .run()
}
