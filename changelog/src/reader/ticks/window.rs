//! Several consecutive batches, read page by page.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::sea_query::{Expr, PostgresQueryBuilder, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select, Value,
};

use super::snapshot::Snapshot;
use crate::database::{Dialect, Postgres};
use crate::log;
use crate::reader::stored_rows::{self, Rows};
use crate::reader::{Change, Position, Selection};

/// The most ticks examined at once.
const TICKS: i64 = 64;
/// The changes in a window's batches at which it ends; a single batch may be larger.
const CHANGES: i64 = 20_000;
/// From this number of changes on, a window's list of transactions is kept between pages.
const KEEP_LIST: i64 = 2_000;
/// The most lists kept.
const LISTS: usize = 8;

/// Lists of transactions of large windows. They never change, because batches never do.
#[derive(Default)]
pub(super) struct Lists(Mutex<VecDeque<List>>);

/// The transactions of the batches after one tick and up to another.
#[derive(Clone)]
struct List {
    base: i64,
    end: Position,
    wanted: Selection,
    transactions: Arc<[BatchTransaction]>,
}

impl Lists {
    /// A list that contains the batch after this tick. A window is read in many pages, each of which begins a
    /// little later.
    fn get(&self, base: i64, wanted: &Selection) -> Option<List> {
        let lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lists = lists.iter();
        let found =
            lists.find(|list| list.base <= base && base < list.end.batch && list.wanted == *wanted);
        found.cloned()
    }

    fn put(&self, list: List) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lists.truncate(LISTS - 1);
        lists.push_front(list);
    }
}

struct Tick {
    id: i64,
    last: i64,
    snapshot: Snapshot,
}

/// A base tick and the ticks after it.
pub(super) struct Window {
    ticks: Vec<Tick>,
    horizon: i64,
    /// The number of changes in its batches.
    changes: i64,
}

/// A transaction in a window.
pub(super) struct BatchTransaction {
    xid: u64,
    batch: i64,
    last: i64,
    /// The number of its changes that are wanted.
    wanted: u64,
}

fn malformed(what: &str) -> DbErr {
    DbErr::Type(format!("change_tick: malformed {what}"))
}

impl Window {
    /// The batches from this position on: the position's own batch, unless the position is at its end, and
    /// later ones.
    pub(super) async fn after(db: &DatabaseConnection, after: Position) -> Result<Self, DbErr> {
        let sql = "SELECT t.tick_id, t.last_id, t.snapshot::text AS snapshot, t.changes,
                    (SELECT horizon FROM change_epoch) AS horizon
             FROM change_tick t WHERE t.tick_id >= $1 ORDER BY t.tick_id LIMIT $2";
        let values = vec![(after.batch - 1).into(), (TICKS + 2).into()];
        let select = Postgres.own_statement(sql, values);
        let mut ticks = Vec::new();
        let mut horizon = 0;
        let mut changes = 0;
        for row in db.query_all_raw(select).await? {
            let text: String = row.try_get("", "snapshot")?;
            let tick = Tick {
                id: row.try_get("", "tick_id")?,
                last: row.try_get("", "last_id")?,
                snapshot: text.parse().map_err(|_| malformed("snapshot"))?,
            };
            horizon = row.try_get("", "horizon")?;
            if Position::end_of(tick.id, tick.last) <= after {
                // This batch has been read to its end, so its tick is the base of the next one.
                ticks.clear();
            } else if !ticks.is_empty() {
                changes += row.try_get::<i64>("", "changes")?;
            }
            ticks.push(tick);
            if ticks.len() > 1 && changes >= CHANGES {
                break;
            }
        }
        Ok(Self {
            ticks,
            horizon,
            changes,
        })
    }

    /// Whether the first tick is the base of what follows the position. If it is a later one, retention has
    /// passed the position.
    pub(super) fn continues(&self, after: Position) -> bool {
        let Some(base) = self.ticks.first() else {
            return false;
        };
        base.id < after.batch || Position::end_of(base.id, base.last) == after
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ticks.len() < 2
    }

    /// Up to `limit` wanted changes after the position, the position where reading ended, and whether it
    /// ended because of the limit.
    pub(super) async fn read(
        &self,
        db: &DatabaseConnection,
        after: Position,
        wanted: &Selection,
        limit: u64,
        lists: &Lists,
    ) -> Result<(Vec<Change>, Position, bool), DbErr> {
        let Some(list) = self.list_of(db, wanted, lists).await? else {
            return Ok((Vec::new(), after, false));
        };
        let begun = (after.batch, after.last);
        let ahead = list
            .transactions
            .iter()
            .filter(|t| t.wanted > 0 && (t.batch, t.last) >= begun);
        let mut found = Vec::new();
        let mut whole: Vec<&BatchTransaction> = Vec::new();
        let mut count = 0;
        // Small transactions are read together; one that fills the page is read by itself, at the page's end.
        for transaction in ahead {
            let is_begun = (transaction.batch, transaction.last) == begun;
            if is_begun || count + transaction.wanted > limit {
                found.extend(rows_of(db, &whole, wanted).await?);
                whole.clear();
                let from = if is_begun { after.id } else { 0 };
                let left = limit - found.len() as u64;
                found.extend(part_of(db, transaction, from, wanted, left).await?);
                count = found.len() as u64;
            } else {
                whole.push(transaction);
                count += transaction.wanted;
            }
            if count >= limit {
                break;
            }
        }
        found.extend(rows_of(db, &whole, wanted).await?);
        found.sort_by_key(|change| change.position);
        match found.last() {
            Some(last) if found.len() as u64 >= limit => {
                let end = last.position;
                Ok((found, end, true))
            }
            _ => Ok((found, list.end, false)),
        }
    }

    /// The transactions of the next batches, in order. A large window's list is kept, because it is read in
    /// many pages.
    async fn list_of(
        &self,
        db: &DatabaseConnection,
        wanted: &Selection,
        lists: &Lists,
    ) -> Result<Option<List>, DbErr> {
        let (Some(base), Some(newest)) = (self.ticks.first(), self.ticks.last()) else {
            return Ok(None);
        };
        if let Some(list) = lists.get(base.id, wanted) {
            return Ok(Some(list));
        }
        let list = List {
            base: base.id,
            end: Position::end_of(newest.id, newest.last),
            wanted: wanted.clone(),
            transactions: self.list(db, base, newest, wanted).await?.into(),
        };
        if self.changes >= KEEP_LIST {
            lists.put(list.clone());
        }
        Ok(Some(list))
    }

    async fn list(
        &self,
        db: &DatabaseConnection,
        base: &Tick,
        newest: &Tick,
        wanted: &Selection,
    ) -> Result<Vec<BatchTransaction>, DbErr> {
        let (filter, mut values) = filter_sql(wanted);
        let mut bind = |value: Value| {
            values.push(value);
            format!("${}", values.len())
        };
        let old: Vec<String> = base
            .snapshot
            .in_progress
            .iter()
            .map(u64::to_string)
            .collect();
        let old = bind(format!("{{{}}}", old.join(",")).into());
        let from = bind(base.snapshot.xmax.to_string().into());
        let to = bind(newest.snapshot.xmax.to_string().into());
        let horizon = bind(self.horizon.into());
        // There are two branches, because with OR the planner walks the primary key.
        let sql = format!(
            "SELECT xid::text AS xid, max(id) AS last, count(*) FILTER (WHERE {filter}) AS wanted
             FROM (SELECT * FROM change_log WHERE xid >= {from}::text::xid8
                     AND xid < {to}::text::xid8 AND id > {horizon}
                   UNION ALL
                   SELECT * FROM change_log WHERE xid = ANY ({old}::text::xid8[]) AND id > {horizon})
                  change_log
             GROUP BY xid"
        );
        let rows = Postgres.own_statement(&sql, values);
        let mut transactions = Vec::new();
        for row in db.query_all_raw(rows).await? {
            let xid: String = row.try_get("", "xid")?;
            let xid: u64 = xid.parse().map_err(|_| malformed("xid"))?;
            // Snapshots only grow, so the ticks that do not see it come first.
            let unseen = self.ticks.partition_point(|tick| !tick.snapshot.sees(xid));
            let Some(tick) = self.ticks.get(unseen).filter(|_| unseen > 0) else {
                continue;
            };
            transactions.push(BatchTransaction {
                xid,
                batch: tick.id,
                last: row.try_get("", "last")?,
                wanted: u64::try_from(row.try_get::<i64>("", "wanted")?).unwrap_or(0),
            });
        }
        transactions.sort_unstable_by_key(|t| (t.batch, t.last));
        Ok(transactions)
    }
}

/// The selection as SQL text with `$1…`.
fn filter_sql(wanted: &Selection) -> (String, Vec<Value>) {
    let condition = Condition::all()
        .add(Expr::cust("TRUE"))
        .add(wanted.condition(&Postgres));
    let (sql, values) = Query::select()
        .expr(Expr::cust("1"))
        .cond_where(condition)
        .build(PostgresQueryBuilder);
    let filter = sql
        .split_once(" WHERE ")
        .map_or("TRUE", |(_, filter)| filter);
    (filter.to_owned(), values.0)
}

/// All wanted changes of these transactions.
async fn rows_of(
    db: &DatabaseConnection,
    transactions: &[&BatchTransaction],
    wanted: &Selection,
) -> Result<Vec<Change>, DbErr> {
    if transactions.is_empty() {
        return Ok(Vec::new());
    }
    let xids: Vec<String> = transactions.iter().map(|t| t.xid.to_string()).collect();
    let among = format!("{{{}}}", xids.join(","));
    let select = select(
        wanted,
        Expr::cust_with_values("xid = ANY ($1::text::xid8[])", [among]),
    );
    changes(db, select, transactions).await
}

/// Up to `limit` wanted changes of a transaction after an id.
async fn part_of(
    db: &DatabaseConnection,
    transaction: &BatchTransaction,
    after: i64,
    wanted: &Selection,
    limit: u64,
) -> Result<Vec<Change>, DbErr> {
    let xid = transaction.xid.to_string();
    let select = select(
        wanted,
        Expr::cust_with_values("xid = $1::text::xid8", [xid]),
    )
    .filter(log::Column::Id.gt(after))
    .order_by_asc(log::Column::Id)
    .limit(limit);
    changes(db, select, &[transaction]).await
}

fn select(wanted: &Selection, xids: Expr) -> Select<log::Entity> {
    stored_rows::select(&Postgres)
        .column_as(Expr::cust("xid::text"), "xid")
        .filter(xids)
        .filter(wanted.condition(&Postgres))
}

async fn changes(
    db: &DatabaseConnection,
    select: Select<log::Entity>,
    transactions: &[&BatchTransaction],
) -> Result<Vec<Change>, DbErr> {
    let by_xid: HashMap<String, &BatchTransaction> = transactions
        .iter()
        .map(|t| (t.xid.to_string(), *t))
        .collect();
    let rows = db.query_all(select.as_query()).await?;
    let stored = Rows::of(&rows, &Postgres)?.read(db).await?;
    rows.iter()
        .zip(stored)
        .map(|(row, model)| {
            let xid: String = row.try_get("", "xid")?;
            let transaction = by_xid.get(&xid).ok_or_else(|| malformed("xid"))?;
            let position = Position {
                batch: transaction.batch,
                last: transaction.last,
                id: model.id,
            };
            Ok(Change {
                position,
                row: model,
            })
        })
        .collect()
}
