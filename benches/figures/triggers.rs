//! What capture by triggers costs: the same writes with the triggers and without.
//!
//! Two databases, alike except that the triggers of one do nothing: its writers still send what triggers
//! need, and find them there, so the difference is the triggers' own. On MariaDB such a writer asks the catalogue
//! after each write, because it finds nothing recorded: the ratio is too good there. For another program's writes
//! the triggers are dropped.

use std::ops::Range;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait,
    QueryFilter, Schema, Statement,
};
use seachange::changelog::{TrackedConnection, TriggerOptions, track_by_triggers};
use seachange_testkit::Database;

use super::ground::{Ground, drop_both, with_log};
use super::rows::triggered;
use super::table::{Line, Target};
use super::turns::{Side, by_turns, rate, side};
use super::writes::{BULKS, ROWS, SINGLE, targets, write};

const TABLE: &str = "bench_triggered";
/// Keys of rows that another program writes one by one, and of those that it writes by thousands.
const OTHER_KEYS: i64 = 1 << 40;
const BULK_KEYS: i64 = 1 << 50;

pub async fn run(ground: &Ground) -> anyhow::Result<()> {
    for kind in &ground.databases {
        let (own, with) = with_log(kind, 1).await?;
        let (twin, without) = with_log(kind, 1).await?;
        create(with.writer()).await?;
        create(without.writer()).await?;
        empty_triggers(without.writer()).await?;
        tracked(ground, kind, [&with, &without]).await?;
        drop_triggers(without.writer()).await?;
        other(ground, kind, [with.writer(), without.writer()]).await?;
        drop_both(own, with).await?;
        drop_both(twin, without).await?;
    }
    Ok(())
}

async fn create(db: &DatabaseConnection) -> anyhow::Result<()> {
    let schema = Schema::new(db.get_database_backend());
    let table = schema.create_table_from_entity(triggered::Entity);
    db.execute(&table).await?;
    track_by_triggers(db, TABLE, TriggerOptions::new()).await?;
    Ok(())
}

/// A trigger of the table: its name, and `CREATE TRIGGER` up to what it does.
struct Trigger {
    name: String,
    head: String,
}

async fn triggers(db: &DatabaseConnection) -> anyhow::Result<Vec<Trigger>> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => format!(
            "SELECT name, sql AS text FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{TABLE}'"
        ),
        DbBackend::Postgres => format!(
            "SELECT tgname::text AS name, pg_get_triggerdef(oid) AS text FROM pg_trigger
             WHERE tgrelid = '{TABLE}'::regclass AND NOT tgisinternal"
        ),
        _ => format!(
            "SELECT trigger_name AS name, CONCAT('CREATE TRIGGER ', trigger_name, ' ', action_timing, ' ',
                 event_manipulation, ' ON {TABLE} FOR EACH ROW ') AS text
             FROM information_schema.triggers
             WHERE trigger_schema = DATABASE() AND event_object_table = '{TABLE}'"
        ),
    };
    let rows = db
        .query_all_raw(Statement::from_string(backend, sql))
        .await?;
    anyhow::ensure!(!rows.is_empty(), "there are no triggers");
    rows.iter()
        .map(|row| {
            let text: String = row.try_get("", "text")?;
            let ends = [
                " REFERENCING",
                " FOR EACH",
                " WHEN",
                "\nWHEN",
                " BEGIN",
                "\nBEGIN",
            ];
            let end = ends.iter().filter_map(|end| text.find(end)).min();
            Ok(Trigger {
                name: row.try_get("", "name")?,
                head: text[..end.unwrap_or(text.len())].to_owned(),
            })
        })
        .collect()
}

async fn drop_trigger(db: &DatabaseConnection, name: &str) -> anyhow::Result<()> {
    let on = match db.get_database_backend() {
        DbBackend::Postgres => format!(" ON {TABLE}"),
        _ => String::new(),
    };
    db.execute_unprepared(&format!("DROP TRIGGER {name}{on}"))
        .await?;
    Ok(())
}

async fn drop_triggers(db: &DatabaseConnection) -> anyhow::Result<()> {
    for trigger in triggers(db).await? {
        drop_trigger(db, &trigger.name).await?;
    }
    Ok(())
}

async fn empty_triggers(db: &DatabaseConnection) -> anyhow::Result<()> {
    let body = match db.get_database_backend() {
        DbBackend::Sqlite => "BEGIN SELECT 1; END",
        DbBackend::Postgres => {
            let function = "CREATE FUNCTION bench_nothing() RETURNS trigger LANGUAGE plpgsql
                            AS $$ BEGIN RETURN NULL; END $$";
            db.execute_unprepared(function).await?;
            "FOR EACH STATEMENT EXECUTE FUNCTION bench_nothing()"
        }
        _ => "FOR EACH ROW BEGIN END",
    };
    for Trigger { name, head } in triggers(db).await? {
        drop_trigger(db, &name).await?;
        db.execute_unprepared(&format!("{head} {body}")).await?;
    }
    Ok(())
}

/// Transactions of a tracked connection with a single row.
async fn tracked(
    ground: &Ground,
    kind: &Database,
    both: [&TrackedConnection; 2],
) -> anyhow::Result<()> {
    fn insert(db: &TrackedConnection) -> Side<'_> {
        side(move |id| {
            let row = triggered::new(id);
            write(db, 1, async move |tx| row.insert(tx).await.map(|_| 1))
        })
    }
    fn update(db: &TrackedConnection) -> Side<'_> {
        side(move |id| {
            let row = triggered::changed(id, 1);
            write(db, 1, async move |tx| row.update(tx).await.map(|_| 1))
        })
    }
    let transactions = SINGLE * ground.length;
    let inserts = by_turns(transactions, both.map(insert)).await?;
    let updates = by_turns(transactions, both.map(update)).await?;
    // The targets name no figure for MariaDB.
    let is_held = !matches!(kind, Database::MariaDb(_));
    for (what, times, target) in [("insert", inserts, 0.90), ("update", updates, 0.80)] {
        let [with, without] = times.map(|time| rate(1, time));
        let name = format!("{}: {what}, triggers", kind.name());
        let line = Line::new(name, with, "/s").beside("without them", without);
        ground.tell(&line.target(is_held.then_some(Target::AtLeast(target))));
    }
    Ok(())
}

/// The keys of a bulk statement.
fn keys(round: i64) -> Range<i64> {
    BULK_KEYS + round * ROWS..BULK_KEYS + (round + 1) * ROWS
}

/// Statements of another program, each its own transaction.
#[expect(
    clippy::disallowed_methods,
    reason = "what runs no hook is what triggers are for"
)]
async fn other(
    ground: &Ground,
    kind: &Database,
    both: [&DatabaseConnection; 2],
) -> anyhow::Result<()> {
    fn insert(db: &DatabaseConnection) -> Side<'_> {
        side(async move |id| {
            let row = triggered::Entity::insert(triggered::new(OTHER_KEYS + id));
            row.exec_without_returning(db).await?;
            Ok(())
        })
    }
    fn bulk_insert(db: &DatabaseConnection) -> Side<'_> {
        side(async move |round| {
            let rows = keys(round).map(triggered::new);
            let insert = triggered::Entity::insert_many(rows);
            insert.exec_without_returning(db).await?;
            Ok(())
        })
    }
    fn bulk_update(db: &DatabaseConnection) -> Side<'_> {
        side(async move |round| {
            let keys = keys(round);
            let update = triggered::Entity::update_many()
                .set(triggered::numbered(1))
                .filter(triggered::Column::Id.between(keys.start, keys.end - 1));
            update.exec(db).await?;
            Ok(())
        })
    }
    let singles = by_turns(SINGLE * ground.length, both.map(insert)).await?;
    let bulks = BULKS * ground.length;
    let inserts = by_turns(bulks, both.map(bulk_insert)).await?;
    let updates = by_turns(bulks, both.map(bulk_update)).await?;
    let targets = targets(kind);
    let many = ROWS as u32;
    for (what, rows, times, target) in [
        ("insert of another program".to_owned(), 1, singles, None),
        (
            format!("bulk insert of {ROWS} rows"),
            many,
            inserts,
            Some(targets.bulk_insert),
        ),
        (
            format!("bulk update of {ROWS} rows"),
            many,
            updates,
            Some(targets.bulk_update),
        ),
    ] {
        let [with, without] = times.map(|time| rate(rows, time));
        let name = format!("{}: {what}, triggers", kind.name());
        let line = Line::new(name, with, "/s").beside("without them", without);
        ground.tell(&line.target(target.map(Target::AtLeast)));
    }
    Ok(())
}
