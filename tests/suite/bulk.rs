//! Bulk calls: many rows by few statements, recorded as single writes are.

mod expressions;
pub mod hidden;
mod kept;
mod parcel;
mod rivals;
mod same;
mod upsert;
mod values;

use sea_orm::ActiveValue::Set;
use seachange_entity::{label, project};
use seachange_testkit::Case;

/// All of them.
pub fn cases() -> Vec<Case> {
    [
        same::cases(),
        upsert::cases(),
        expressions::cases(),
        kept::cases(),
        values::cases(),
        rivals::cases(),
        hidden::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A label whose key the database assigns.
fn a_label(name: impl Into<String>) -> label::ActiveModel {
    label::ActiveModel {
        name: Set(name.into()),
        ..Default::default()
    }
}

fn a_project(name: impl Into<String>) -> project::ActiveModel {
    project::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        name: Set(name.into()),
        ..Default::default()
    }
}
