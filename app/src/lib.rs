//! The reference application: its migrations, its entities, and what becomes of their edits in conflict; and the
//! demo of its web client.

mod demo;

pub use demo::demo;
use seachange::{App, Policy};
use seachange_entity::{comment, label, project, task, task_label};
use seachange_migration::Migrator;

/// The application. The program runs it; examples add to it, and tests serve it.
pub fn reference_app() -> App {
    App::new()
        .about(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "The reference application of seachange",
        )
        .migrator::<Migrator>()
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
}
