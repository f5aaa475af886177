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
mod evolve;
mod graphql;
mod harness;
mod kept;
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
use std::time::Instant;

use harness::{Case, Database};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let databases = Database::given();
    let modules = [
        baseline::cases(),
        broken::cases(),
        bulk::cases(),
        capture::cases(),
        computed::cases(),
        consumer::cases(),
        database::cases(),
        doctor::cases(),
        evolve::cases(),
        graphql::cases(),
        specimen::cases(),
        kept::cases(),
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
    ];
    let cases: Vec<Case> = modules.into_iter().flatten().collect();
    let trials = databases
        .iter()
        .flat_map(|database| cases.iter().map(|case| trial(*case, database.clone())))
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let names: Vec<&str> = databases.iter().map(Database::name).collect();
    println!("databases covered: {}", names.join(", "));
    conclusion.exit_code()
}

fn trial(case: Case, database: Database) -> Trial {
    let name = format!("{}::{}", case.name, database.name());
    Trial::test(name.clone(), move || {
        let began = Instant::now();
        let outcome = harness::run(case, &database);
        harness::measured(format_args!(
            "{name}: {:.2} s",
            began.elapsed().as_secs_f64()
        ));
        outcome.map_err(|error| format!("{error:?}").into())
    })
}
