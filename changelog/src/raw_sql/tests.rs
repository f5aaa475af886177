//! Tables of cases by subject: each verb (`verbs`), settings and transactions (`settings`), tables that are read
//! beside one that is written (`targets`), how each server reads its text (`text`), statements of query builders
//! (`built`), and many texts at once (`random`). This file has what they share.

mod built;
mod random;
mod settings;
mod targets;
mod text;
mod verbs;

use sea_orm::DbBackend;

use crate::database;

use super::{RawRefusal, SqlText};

const MYSQL: &[DbBackend] = &[DbBackend::MySql];
const POSTGRES: &[DbBackend] = &[DbBackend::Postgres];
const SQLITE: &[DbBackend] = &[DbBackend::Sqlite];
const ALL: &[DbBackend] = &[DbBackend::MySql, DbBackend::Postgres, DbBackend::Sqlite];

/// A tracked name as long as PostgreSQL allows.
const LONG: &str = "a_name_of_just_sixty_three_bytes_which_is_all_that_postgres_kee";

#[derive(Clone, Copy, Debug)]
enum Expected {
    Passes,
    Writes(&'static str),
    Unclear(&'static str),
    Transaction(&'static str),
    /// Which refusal it is does not matter.
    Refused,
}

use Expected::{Passes, Refused, Transaction, Unclear, Writes};

fn run(sql: &str, backend: DbBackend) -> Result<(), RawRefusal> {
    let tracked = ["task", "my task", LONG];
    let syntax = database::on(backend).syntax();
    SqlText::of(sql, syntax).check(&|name| tracked.contains(&name))
}

fn on(backends: &[DbBackend], expected: Expected, texts: &[&str]) {
    for sql in texts {
        for backend in backends {
            let result = run(sql, *backend);
            let met = match (&result, expected) {
                (Ok(()), Passes) | (Err(_), Refused) => true,
                (Err(RawRefusal::Writes { verb, .. }), Writes(v))
                | (Err(RawRefusal::Unclear { verb }), Unclear(v))
                | (Err(RawRefusal::TransactionControl { verb }), Transaction(v)) => verb == v,
                _ => false,
            };
            assert!(met, "{backend:?}: {sql}\n{result:?}, not {expected:?}");
        }
    }
}
