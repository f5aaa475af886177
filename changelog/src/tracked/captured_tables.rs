//! Which tables triggers capture, as a connection last read it.
//!
//! This is a hint: it only decides whether the context is sent in time. Hooks and triggers each look for
//! themselves in the statement that writes the log, so a stale hint loses nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use sea_orm::{ConnectionTrait, DbErr};

use crate::triggers::captured_tables;

/// The tables, in lower case. A connection shares them with its transactions.
#[derive(Clone, Debug, Default)]
pub(super) struct CapturedTables(Arc<RwLock<Option<Arc<BTreeSet<String>>>>>);

impl CapturedTables {
    /// The tables; they are read through `db` if that has not been done.
    pub(super) async fn tables<C: ConnectionTrait>(
        &self,
        db: &C,
    ) -> Result<Arc<BTreeSet<String>>, DbErr> {
        let known = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let tables = Arc::new(captured_tables(db).await?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&tables));
        Ok(tables)
    }

    /// Has the tables read again, because they turned out to be wrong.
    pub(super) fn forget(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
