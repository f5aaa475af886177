//! A registered entity without its Rust type: its columns, its rows to read and to write.

use std::collections::HashMap;
use std::sync::Arc;

use super::entity::EntityInfo;
use super::rows::Rows;
use super::source::Source;
use super::table::Table;

/// An entity known by name.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) info: Arc<EntityInfo>,
    pub(crate) table: Arc<dyn Table>,
    pub(super) source: Arc<dyn Source>,
    pub(super) rows: Arc<dyn Rows>,
}

/// Registered entities by table.
pub(super) type ByTable = Arc<HashMap<&'static str, Registered>>;
