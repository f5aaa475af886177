//! Tables that were recorded once and are not any more.
//!
//! `sea-orm-cli generate entity` writes files anew, and a `track!` line in one of them is lost. The program then
//! compiles, writes the table, and nothing is recorded.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use crate::catalogue::table_names;
use crate::database;
use crate::finding::{Finding, FindingCode};
use crate::registry::Registry;
use crate::triggers::{tables_by_triggers, untracked_tables};

/// Looks for tables whose changes are in the log and that nothing records any more: no entity of this program
/// tracks them, no triggers do, and no migration has said so by [`untrack`](crate::untrack). Tables that are no
/// longer in the database are passed over.
///
/// This is for a test of the application, or a command of its operator, because it reads the whole log. `doctor` of the
/// crate `seachange` includes it.
///
/// # Errors
/// Errors of the database.
pub async fn check_untracked<C: ConnectionTrait>(db: &C) -> Result<Vec<Finding>, DbErr> {
    let dialect = database::of(db);
    let fold = |names: BTreeSet<String>| -> BTreeSet<String> {
        names.iter().map(|name| dialect.fold(name)).collect()
    };
    let there = fold(table_names(db).await?);
    let mut recorded = fold(tables_by_triggers(db).await?);
    recorded.extend(fold(untracked_tables(db).await?));
    recorded.extend(Registry::linked().names().map(|name| dialect.fold(name)));
    let logged = logged_tables(db).await?.into_iter();
    let lost = logged.filter(|table| {
        let table = dialect.fold(table);
        there.contains(&table) && !recorded.contains(&table)
    });
    Ok(lost.map(finding).collect())
}

fn finding(table: String) -> Finding {
    let message = format!(
        "`{table}` has changes in the log, but no entity of this program tracks it, and no triggers record it"
    );
    let cure = "derive `Track` on its entity (`sea-orm-cli generate entity` loses a `track!` line), or link \
               the entity into this program, or track_by_triggers in a migration; if it is to be recorded no \
               more, untrack in a migration";
    Finding::new(FindingCode::TableUntracked, table, message, cure)
}

/// The tables that have changes in the log, or in MariaDB's inbox.
async fn logged_tables<C: ConnectionTrait>(db: &C) -> Result<BTreeSet<String>, DbErr> {
    let dialect = database::of(db);
    let mut tables = BTreeSet::new();
    for log in dialect.facts().logs() {
        let sql = format!("SELECT DISTINCT entity FROM {log}");
        let rows = db
            .query_all_raw(dialect.statement(&sql, Vec::new()))
            .await?;
        let names = rows
            .iter()
            .map(|row: &QueryResult| row.try_get::<String>("", "entity"));
        tables.extend(names.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(tables)
}
