//! A registered entity without its Rust type: its columns, and access to its rows.

use std::collections::HashMap;
use std::sync::Arc;

use seachange_changelog::internal::Expected;

use super::entity::EntityInfo;
use super::rows::{RowWriter, RowWriterOf};
use super::table::{Table, TableOf};
use super::writable::Writable;

/// An entity that is looked up by name. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) info: Arc<EntityInfo>,
    pub(crate) table: Arc<dyn Table>,
    pub(crate) rows: Arc<dyn RowWriter>,
}

impl Registered {
    /// Registers an entity described by `info`.
    pub(crate) fn of<E: Writable>(info: EntityInfo) -> Self {
        Self {
            info: Arc::new(info),
            table: Arc::new(TableOf::<E>::new()),
            rows: Arc::new(RowWriterOf::<E>::new()),
        }
    }

    /// Its table, as the entity has it.
    pub(crate) fn expected(&self) -> Expected {
        Expected {
            table: self.info.table,
            columns: self.table.columns(),
        }
    }
}

/// Registered entities by table.
pub(crate) type ByTable = Arc<HashMap<&'static str, Registered>>;
