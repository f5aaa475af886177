//! Refuses statements that are too large for MariaDB.
//!
//! MariaDB takes no statement larger than `max_allowed_packet`, and closes the connection instead. This
//! module guarantees that a statement of a tracked transaction which would not fit is refused before it is
//! sent. A session has the value that the server's setting had when the session began. It is queried for each
//! large statement, so no cached value is ever out of date.

use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbErr, Statement};

use crate::database;
use crate::error::ValueRefusal;
use crate::image::text_of;

/// Statements below this size are not checked: any server's setting is at least a few times as large.
pub(crate) const SMALL: usize = 128 * 1024;

/// Bytes of a statement in addition to its text and its values: types, lengths, the packet's header.
const BESIDE: usize = 1024;

/// The most bytes that the database takes in one statement, if a setting of the server limits it.
pub(crate) async fn most<C: ConnectionTrait>(db: &C) -> Result<Option<usize>, DbErr> {
    let dialect = database::of(db);
    let Some(ask) = dialect.facts().largest_statement else {
        return Ok(None);
    };
    let Some(row) = db.query_one_raw(dialect.statement(ask, Vec::new())).await? else {
        return Ok(None);
    };
    let most = row.try_get_by_index::<i64>(0)?;
    Ok(Some(usize::try_from(most).unwrap_or(usize::MAX)))
}

/// Refuses a statement that the database would not take.
///
/// # Errors
/// [`ValueRefusal::StatementTooLarge`], or an error of the database.
pub(crate) async fn check<C: ConnectionTrait>(db: &C, statement: &Statement) -> Result<(), DbErr> {
    let dialect = database::on(statement.db_backend);
    if dialect.facts().largest_statement.is_none() {
        return Ok(());
    }
    let values = statement.values.iter().flat_map(|values| &values.0);
    let values: usize = values.map(size_of).sum();
    let bytes = statement.sql.len().saturating_add(values);
    if bytes <= SMALL {
        return Ok(());
    }
    match most(db).await? {
        Some(most) if bytes.saturating_add(BESIDE) > most => {
            Err(ValueRefusal::StatementTooLarge { bytes, most }.into())
        }
        _ => Ok(()),
    }
}

fn size_of(value: &Value) -> usize {
    match value {
        Value::String(Some(text)) => text.len(),
        Value::Bytes(Some(bytes)) => bytes.len(),
        Value::Json(Some(json)) => match &**json {
            serde_json::Value::Object(fields) => text_of(fields).len(),
            other => other.to_string().len(),
        },
        _ => 16,
    }
}
