//! Reads the whole log inside a transaction's snapshot, including changes that are not ordered yet, to replay
//! it against the tables that the same snapshot shows.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Order, QueryOrder, QuerySelect,
};

use super::stored_rows::{self, Rows};
use crate::database::{self, Dialect};
use crate::log::{Column, Entity, Model};
use crate::triggers::Schemas;

/// How far a history has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplayPlace {
    /// Whether the place is in the inbox, which comes after all of the log.
    in_inbox: bool,
    id: i64,
}

impl ReplayPlace {
    /// The place of one of the changes read after this place.
    pub fn at(self, change: &Model) -> Self {
        Self {
            id: change.id,
            ..self
        }
    }
}

/// The bit of a place's number that means the inbox. Ids do not reach it.
const IN_INBOX: u64 = 1 << 63;

/// The place as one number, in the order of the places.
impl From<ReplayPlace> for u64 {
    fn from(place: ReplayPlace) -> Self {
        let bit = if place.in_inbox { IN_INBOX } else { 0 };
        place.id.unsigned_abs() | bit
    }
}

impl From<u64> for ReplayPlace {
    fn from(number: u64) -> Self {
        Self {
            in_inbox: number & IN_INBOX != 0,
            id: (number & !IN_INBOX).cast_signed(),
        }
    }
}

impl std::fmt::Display for ReplayPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.id)
    }
}

/// A part of the log.
pub struct History {
    /// The changes of wanted tables.
    pub changes: Vec<Model>,
    /// The place after the last change read, wanted or not; `None` at the end.
    pub next: Option<ReplayPlace>,
}

/// Reads up to `limit` changes after a place, and returns those of wanted tables. Each row's changes are in
/// the order in which they were made.
///
/// All tables are read together, because no index leads to the changes of one.
///
/// # Errors
/// Errors of the database.
pub async fn history(
    tx: &DatabaseTransaction,
    after: ReplayPlace,
    limit: u64,
    is_wanted: &(dyn Fn(&str) -> bool + Send + Sync),
) -> Result<History, DbErr> {
    let dialect = database::of(tx);
    let select = all_of(after, dialect)
        .and_where(Expr::col(Column::Id).gt(after.id))
        .order_by(Column::Id, Order::Asc)
        .limit(limit)
        .take();
    let rows = tx.query_all(&select).await?;
    let rows = Rows::of(&rows, dialect)?;
    let has_inbox = dialect.facts().inbox.is_some();
    let next = match rows.last_id() {
        Some(id) => Some(ReplayPlace { id, ..after }),
        None if has_inbox && !after.in_inbox => Some(ReplayPlace {
            in_inbox: true,
            id: 0,
        }),
        None => None,
    };
    let changes = rows.of_tables(is_wanted).read(tx).await?;
    Ok(History { changes, next })
}

/// The log's first and last id, from which progress is computed.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    first: i64,
    last: i64,
}

impl Extent {
    /// The extent of the log in this snapshot; it takes two look-ups.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn of(tx: &DatabaseTransaction) -> Result<Self, DbErr> {
        let end = async |order| {
            let ids = Entity::find().select_only().column(Column::Id);
            let end = ids.order_by(Column::Id, order).into_tuple().one(tx).await?;
            Ok::<i64, DbErr>(end.unwrap_or_default())
        };
        Ok(Self {
            first: end(Order::Asc).await?,
            last: end(Order::Desc).await?,
        })
    }

    /// The percentage of the log's ids up to a place; the inbox comes after all of them.
    pub fn percent(self, place: ReplayPlace) -> i64 {
        let whole = self.last.saturating_sub(self.first).saturating_add(1);
        let read = place.id.saturating_sub(self.first).saturating_add(1);
        if place.in_inbox {
            100
        } else {
            read.clamp(0, whole).saturating_mul(100) / whole
        }
    }
}

/// The change at a place.
///
/// # Errors
/// Errors of the database.
pub async fn change_at(
    tx: &DatabaseTransaction,
    place: ReplayPlace,
) -> Result<Option<Model>, DbErr> {
    let dialect = database::of(tx);
    let select = all_of(place, dialect)
        .and_where(Expr::col(Column::Id).eq(place.id))
        .take();
    let rows = tx.query_all(&select).await?;
    let mut changes = Rows::of(&rows, dialect)?.read(tx).await?;
    Ok(changes.pop())
}

/// The changes at these places that are kept. It takes one query for the log and one for the inbox.
///
/// # Errors
/// Errors of the database.
pub async fn changes_at(
    tx: &DatabaseTransaction,
    places: &[ReplayPlace],
) -> Result<BTreeMap<ReplayPlace, Model>, DbErr> {
    let dialect = database::of(tx);
    let mut changes = BTreeMap::new();
    for in_inbox in [false, true] {
        let here = places.iter().filter(|place| place.in_inbox == in_inbox);
        let ids: Vec<i64> = here.map(|place| place.id).collect();
        if ids.is_empty() {
            continue;
        }
        let table = ReplayPlace { in_inbox, id: 0 };
        let select = all_of(table, dialect)
            .and_where(Expr::col(Column::Id).is_in(ids))
            .take();
        let rows = Rows::of(&tx.query_all(&select).await?, dialect)?;
        let read = rows.read(tx).await?.into_iter();
        changes.extend(read.map(|change| (table.at(&change), change)));
    }
    Ok(changes)
}

/// The columns whose images mean the same in every change of the table, whatever migrations have done since;
/// `None` for all columns.
///
/// # Errors
/// Errors of the database.
pub async fn lasting_columns(
    tx: &DatabaseTransaction,
    entity: &str,
) -> Result<Option<BTreeSet<String>>, DbErr> {
    Ok(Schemas::read(tx).await?.lasting(entity))
}

fn all_of(place: ReplayPlace, dialect: &dyn Dialect) -> SelectStatement {
    let mut select = Query::select();
    for (expr, alias) in stored_rows::columns(dialect) {
        select.expr_as(expr, alias);
    }
    let table = if place.in_inbox {
        dialect.facts().written()
    } else {
        "change_log"
    };
    select.from(Alias::new(table)).take()
}
