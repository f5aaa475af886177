//! What the code of an adopter does: entities that derive `Track`, entities that SeaORM generates, transactions of
//! plain SeaORM, the feed with an entity's own types, data migrations, a database that has no log yet.
//!
//! Each test runs on every database it is given, like those of the suite. It is a program of its own, because
//! which entities are tracked is a matter of the whole program.

mod actor;
mod derived;
mod generated;
mod migrated;
mod plain_context;
mod typed;
mod unmigrated;

use std::process::ExitCode;

use seachange_testkit::Runner;

fn main() -> ExitCode {
    Runner::new([
        actor::cases(),
        derived::cases(),
        generated::cases(),
        migrated::cases(),
        plain_context::cases(),
        typed::cases(),
        unmigrated::cases(),
    ])
    .run()
}
