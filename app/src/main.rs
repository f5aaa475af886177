//! The reference application: names the migrator and the entities, runs.

use std::process::ExitCode;

use seachange::App;
use seachange_entity::{comment, label, project, task, task_label};
use seachange_migration::Migrator;

fn main() -> ExitCode {
    App::new::<Migrator>()
        .entity::<project::Entity, project::RelatedEntity>()
        .entity::<task::Entity, task::RelatedEntity>()
        .entity::<comment::Entity, comment::RelatedEntity>()
        .entity::<label::Entity, label::RelatedEntity>()
        .entity::<task_label::Entity, task_label::RelatedEntity>()
        .run()
}
