//! The reference application: names the migrator and the entities, runs.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use seachange::{App, Policy};
use seachange_entity::{comment, label, project, task, task_label};
use seachange_migration::Migrator;

/// Thousands of connections and what they are sent come and go: after ten minutes of that the C library's
/// allocator kept 86 MB that were free.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    App::new::<Migrator>()
        .entity::<project::Entity>()
        .entity::<task::Entity>()
        .entity::<comment::Entity>()
        .entity::<label::Entity>()
        .entity::<task_label::Entity>()
        .sync::<project::Entity>(Policy::manual())
        .sync::<task::Entity>(Policy::merge_disjoint())
        .sync::<comment::Entity>(Policy::last_write_wins())
        .sync::<label::Entity>(Policy::last_write_wins())
        .sync::<task_label::Entity>(Policy::last_write_wins())
        .run()
}
