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
mod verify;

use std::process::ExitCode;

use harness::{Case, Database};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One measures time, one builds, all start processes: side by side they would disturb each other.
    arguments.test_threads.get_or_insert(1);
    let databases = Database::given();
    let cases = [
        start::cases(),
        refused::cases(),
        restored::cases(),
        commands::cases(),
        doctor::cases(),
        tail::cases(),
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
    ];
    let trials = databases
        .iter()
        .flat_map(|database| {
            let here = move |case: &&Case| case.on.admits(database);
            let cases = cases.iter().flatten().filter(here);
            cases.map(move |case| trial(*case, database.clone()))
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let names: Vec<&str> = databases.iter().map(Database::name).collect();
    println!("databases covered: {}", names.join(", "));
    conclusion.exit_code()
}

fn trial(case: Case, database: Database) -> Trial {
    let name = case.name.trim_start_matches("program::");
    Trial::test(format!("{name}::{}", database.name()), move || {
        harness::run_case(case, &database).map_err(|error| format!("{error:#}").into())
    })
}
