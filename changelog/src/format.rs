//! The format of the log's tables: a number in the database that says which versions of this library may use
//! them.
//!
//! A later version that stores changes in a way which this one would misread raises the number in a migration.
//! From then on this version refuses the log by name, instead of reading it wrongly or adding to it. A change
//! that both versions understand, such as another index, does not raise it.

use sea_orm::sea_query::{Alias, ColumnDef, Expr, Query, Table};
use sea_orm::{ConnectionTrait, DbErr};

use crate::catalogue::column_names;
use crate::database::Refused;
use crate::epoch;

/// The newest format that this version knows, and the one that it creates.
pub const FORMAT: i32 = 1;

/// The column of `change_epoch` that holds it. A log without the column has format 1.
pub(crate) const COLUMN: &str = "format";

/// Brings the log's tables to this version's shape and format. Call it in a migration when the notes of a
/// version ask for it; a second call changes nothing. Stop the servers of older versions first.
///
/// ```no_run
/// # async fn up(db: &sea_orm::DatabaseConnection) -> Result<(), sea_orm::DbErr> {
/// seachange_changelog::upgrade_change_log(db).await
/// # }
/// ```
///
/// # Errors
/// Errors of the database; an error of the driver with [`Refused::Newer`] as its text if a later version made the log.
pub async fn upgrade_change_log<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    match check_format(db).await {
        Ok(()) => {}
        Err(Refused::Database(error)) => return Err(error),
        Err(refused) => return Err(DbErr::Migration(refused.to_string())),
    }
    if !has_column(db).await? {
        let column = ColumnDef::new(Alias::new(COLUMN))
            .integer()
            .not_null()
            .default(FORMAT)
            .take();
        let add = Table::alter()
            .table(epoch::Entity)
            .add_column(column)
            .take();
        db.execute(&add).await?;
    }
    let raise = Query::update()
        .table(epoch::Entity)
        .value(Alias::new(COLUMN), FORMAT)
        .take();
    db.execute(&raise).await?;
    Ok(())
}

/// Checks that this version knows the log's format. A server, the commands and every reader of the log do so
/// when they start. A program that only writes should call it at its start.
///
/// # Errors
/// [`Refused::Newer`]; [`Refused::Database`]. A database without a log is not refused.
pub async fn check_format<C: ConnectionTrait>(db: &C) -> Result<(), Refused> {
    if !has_column(db).await? {
        return Ok(());
    }
    let select = Query::select()
        .expr_as(Expr::col(Alias::new(COLUMN)), COLUMN)
        .from(epoch::Entity)
        .take();
    let found: Option<i32> = match db.query_one(&select).await? {
        Some(row) => row.try_get("", COLUMN)?,
        None => None,
    };
    match found.filter(|found| *found > FORMAT) {
        Some(found) => Err(Refused::Newer { found }),
        None => Ok(()),
    }
}

async fn has_column<C: ConnectionTrait>(db: &C) -> Result<bool, DbErr> {
    let columns = column_names(db, "change_epoch").await?;
    Ok(columns.iter().any(|name| name == COLUMN))
}
