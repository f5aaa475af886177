//! The whole log inside a transaction's snapshot, ordered or not yet: for replaying it against the
//! tables that the same snapshot shows.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr};

use crate::log::stored::{self, Rows};
use crate::log::{Column, Model};
use crate::migration::INBOX;
use crate::triggers::Schemas;

/// How far a history has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// In the inbox, after all of the log.
    in_inbox: bool,
    id: i64,
}

impl Place {
    /// The place of one of the changes read after this place.
    pub fn at(self, change: &Model) -> Self {
        Self {
            id: change.id,
            ..self
        }
    }

    fn table(self) -> Alias {
        Alias::new(if self.in_inbox { INBOX } else { "change_log" })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.id)
    }
}

/// Some of a table's changes.
pub struct History {
    /// Those whose keys are wanted, with their keys' JSON texts.
    pub changes: Vec<(String, Model)>,
    /// How many were read to find them.
    pub read: usize,
    /// When the first that was read was recorded.
    pub first: Option<DateTime<Utc>>,
    /// The place after the last that was read; `None` at the end.
    pub next: Option<Place>,
}

/// Reads up to `limit` changes of a table after a place, and returns those whose keys, as JSON texts,
/// are wanted. Each row's changes come in the order in which they were made.
///
/// # Errors
/// What the database says.
pub async fn history(
    tx: &DatabaseTransaction,
    entity: &str,
    after: Place,
    limit: u64,
    is_wanted: &(dyn Fn(&str) -> bool + Send + Sync),
) -> Result<History, DbErr> {
    let select = all_of(after, tx.get_database_backend())
        .and_where(Expr::col(Column::Entity).eq(entity))
        .and_where(Expr::col(Column::Id).gt(after.id))
        .order_by(Column::Id, sea_orm::Order::Asc)
        .limit(limit)
        .take();
    let rows = tx.query_all(&select).await?;
    let rows = Rows::of(&rows, tx.get_database_backend())?;
    let has_inbox = tx.get_database_backend() == DbBackend::MySql;
    let ends = rows.ends();
    let next = match ends {
        Some((_, _, id)) => Some(Place { id, ..after }),
        None if has_inbox && !after.in_inbox => Some(Place {
            in_inbox: true,
            id: 0,
        }),
        None => None,
    };
    Ok(History {
        changes: rows.read_those(tx, is_wanted).await?,
        read: ends.map_or(0, |(count, ..)| count),
        first: ends.map(|(_, first, _)| first),
        next,
    })
}

/// The change at a place.
///
/// # Errors
/// What the database says.
pub async fn change_at(tx: &DatabaseTransaction, place: Place) -> Result<Option<Model>, DbErr> {
    let select = all_of(place, tx.get_database_backend())
        .and_where(Expr::col(Column::Id).eq(place.id))
        .take();
    let rows = tx.query_all(&select).await?;
    let mut changes = Rows::of(&rows, tx.get_database_backend())?.read(tx).await?;
    Ok(changes.pop())
}

/// The columns whose images mean the same in every change of the table, whatever its migrations did
/// since; `None` for all of them.
///
/// # Errors
/// What the database says.
pub async fn lasting_columns(
    tx: &DatabaseTransaction,
    entity: &str,
) -> Result<Option<BTreeSet<String>>, DbErr> {
    Ok(Schemas::read(tx).await?.lasting(entity))
}

fn all_of(place: Place, backend: DbBackend) -> SelectStatement {
    let mut select = Query::select();
    for (expr, alias) in stored::columns(backend) {
        select.expr_as(expr, alias);
    }
    select.from(place.table()).take()
}
