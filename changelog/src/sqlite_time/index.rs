//! Creates indexes by moments.

use sea_orm::sea_query::Index;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, IdenStatic, ModelTrait};

use super::Times;
use crate::database;

/// Creates an index on a column of times, under the name `idx_<table>_<column>_moment`.
///
/// On SQLite it is an index on the expression by which this crate compares and orders times, so that lists
/// ordered by the column, and filters that test it, read no more rows than they need. On other databases,
/// where times are not texts, it is an ordinary index.
///
/// # Errors
/// Errors of the database.
pub async fn create_time_index<E: EntityTrait>(
    db: &impl ConnectionTrait,
    column: E::Column,
) -> Result<(), DbErr> {
    let (entity, column_name) = (E::default(), column.as_str());
    let table = entity.table_name();
    let index = format!("idx_{table}_{column_name}_moment");
    let times = Times::of(&E::Model::get_value_type(column));
    let dialect = database::of(db);
    if let (true, Some(times)) = (dialect.facts().times_are_texts, times) {
        let quoted = |text: &str| dialect.quote(text);
        let key = times.key(&quoted(column_name));
        let (index, table) = (quoted(&index), quoted(table));
        let sql = format!("CREATE INDEX {index} ON {table} ({key})");
        return db.execute_unprepared(&sql).await.map(drop);
    }
    let mut create = Index::create();
    create.name(index).table(entity.table_ref()).col(column);
    db.execute(&create).await.map(drop)
}
