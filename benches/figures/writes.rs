//! What capture costs a writer: the same transaction on a tracked table and on its untracked twin.
//!
//! Both go through a tracked connection; what that costs beside SeaORM's own is a case of its own.

use std::ops::Range;

use anyhow::ensure;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter,
    SqliteTransactionMode, TransactionOptions, TransactionSession, TransactionTrait,
};
use seachange::changelog::{Target as Rows, TrackedConnection};
use seachange_testkit::Database;

use super::ground::{Ground, drop_both, with_log};
use super::rows::{self, plain, tracked};
use super::table::{Line, Target};
use super::turns::{by_turns, rate, side};

/// Transactions of each side with a single row. They take turns one by one, and the median one
/// counts: what else runs on the machine then hits both or neither.
pub const SINGLE: u32 = 300;
/// Transactions of each side with a bulk statement.
pub const BULKS: u32 = 15;
/// Rows of a bulk statement.
pub const ROWS: i64 = 1_000;
/// Keys of rows that bulk statements write.
const BULK_KEYS: i64 = 1 << 40;
/// Keys of rows that SeaORM's own connection writes, beside those that the tracked one does.
const ALONE_KEYS: i64 = 1 << 50;

/// What the ratios must reach.
pub struct Targets {
    insert: f64,
    update: f64,
    pub bulk_insert: f64,
    pub bulk_update: f64,
}

pub fn targets(kind: &Database) -> Targets {
    let (insert, update) = match kind {
        Database::Postgres(_) => (0.65, 0.50),
        _ => (0.80, 0.55),
    };
    let (bulk_insert, bulk_update) = match kind {
        Database::MariaDb(_) => (0.25, 0.06),
        _ => (0.35, 0.15),
    };
    Targets {
        insert,
        update,
        bulk_insert,
        bulk_update,
    }
}

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    for kind in &ground.databases {
        let (own, db) = with_log(kind, 1).await?;
        rows::create(db.writer()).await?;
        single(ground, kind, &db).await?;
        bulk(ground, kind, &db).await?;
        drop_both(own, db).await?;
    }
    Ok(())
}

async fn single(ground: &Ground, kind: &Database, db: &TrackedConnection) -> anyhow::Result<()> {
    let transactions = SINGLE * ground.length;
    let alone = db.writer();
    let inserts = [
        side(move |id| {
            write(db, 1, async move |tx| {
                tracked::new(id).insert(tx).await.map(|_| 1)
            })
        }),
        side(move |id| {
            write(db, 1, async move |tx| {
                plain::new(id).insert(tx).await.map(|_| 1)
            })
        }),
        side(move |id| {
            let row = plain::new(ALONE_KEYS + id);
            write(alone, 1, async move |tx| row.insert(tx).await.map(|_| 1))
        }),
    ];
    let inserts = by_turns(transactions, inserts).await?;
    let updates = [
        side(move |id| {
            let row = tracked::changed(id, 1);
            write(db, 1, async move |tx| row.update(tx).await.map(|_| 1))
        }),
        side(move |id| {
            let row = plain::changed(id, 1);
            write(db, 1, async move |tx| row.update(tx).await.map(|_| 1))
        }),
        side(move |id| {
            let row = plain::changed(ALONE_KEYS + id, 1);
            write(alone, 1, async move |tx| row.update(tx).await.map(|_| 1))
        }),
    ];
    let updates = by_turns(transactions, updates).await?;
    let targets = targets(kind);
    for (what, times, target) in [
        ("insert", inserts, targets.insert),
        ("update", updates, targets.update),
    ] {
        let [tracked, plain, alone] = times.map(|time| rate(1, time));
        let name = format!("{}: {what}, hooks", kind.name());
        let line = Line::new(name, tracked, "/s").beside("untracked", plain);
        ground.tell(&line.target(Target::AtLeast(target)));
        let name = format!("{}: {what}, untracked table", kind.name());
        ground.tell(&Line::new(name, plain, "/s").beside("SeaORM's connection", alone));
    }
    Ok(())
}

/// One transaction of so many rows, begun as a tracked connection begins one.
pub async fn write<D: TransactionTrait + ConnectionTrait>(
    db: &D,
    rows: i64,
    work: impl AsyncFnOnce(&D::Transaction) -> Result<u64, DbErr>,
) -> anyhow::Result<()> {
    let is_sqlite = db.get_database_backend() == DbBackend::Sqlite;
    let options = TransactionOptions {
        sqlite_transaction_mode: is_sqlite.then_some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = db.begin_with_options(options).await?;
    let written = work(&tx).await?;
    ensure!(written == rows as u64, "{written} rows written, not {rows}");
    Ok(tx.commit().await?)
}

/// The keys of a bulk statement.
fn keys(round: i64) -> Range<i64> {
    BULK_KEYS + round * ROWS..BULK_KEYS + (round + 1) * ROWS
}

#[expect(
    clippy::disallowed_methods,
    reason = "the twin is what SeaORM does by itself"
)]
async fn bulk(ground: &Ground, kind: &Database, db: &TrackedConnection) -> anyhow::Result<()> {
    let statements = BULKS * ground.length;
    let inserts = [
        side(move |round| {
            let rows = keys(round).map(tracked::new);
            write(db, ROWS, async move |tx| {
                let rows = tx.insert_many::<tracked::Entity>(rows).await?;
                Ok(rows.len() as u64)
            })
        }),
        side(move |round| {
            let rows = keys(round).map(plain::new);
            let insert = plain::Entity::insert_many(rows);
            write(db, ROWS, async move |tx| {
                insert.exec_without_returning(tx).await
            })
        }),
    ];
    let inserts = by_turns(statements, inserts).await?;
    let updates = [
        side(move |round| {
            let (keys, row) = (keys(round), tracked::numbered(1));
            let rows = Rows::matching(tracked::Column::Id.between(keys.start, keys.end - 1));
            write(db, ROWS, async move |tx| {
                let rows = tx.update_many::<tracked::Entity>(rows, row).await?;
                Ok(rows.len() as u64)
            })
        }),
        side(move |round| {
            let keys = keys(round);
            let update = plain::Entity::update_many()
                .set(plain::numbered(1))
                .filter(plain::Column::Id.between(keys.start, keys.end - 1));
            write(db, ROWS, async move |tx| {
                update.exec(tx).await.map(|done| done.rows_affected)
            })
        }),
    ];
    let updates = by_turns(statements, updates).await?;
    let targets = targets(kind);
    for (what, times, target) in [
        ("insert", inserts, targets.bulk_insert),
        ("update", updates, targets.bulk_update),
    ] {
        let [tracked, plain] = times.map(|time| rate(ROWS as u32, time));
        let name = format!("{}: bulk {what} of {ROWS} rows, hooks", kind.name());
        let line = Line::new(name, tracked, "/s").beside("untracked", plain);
        ground.tell(&line.target(Target::AtLeast(target)));
    }
    Ok(())
}
