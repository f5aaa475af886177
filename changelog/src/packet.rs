//! MariaDB takes no statement that is larger than `max_allowed_packet`: it closes the connection instead.
//!
//! Guarantees that a statement of a tracked transaction which would not fit is refused before it is sent. A
//! session has the value that the server's setting had when it began; it is asked each time that something
//! is large, so that nothing here is out of date.

use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbErr, Statement};

use crate::database;
use crate::error::CaptureError;
use crate::image::text_of;

/// Below this nothing is asked: no server is set to less than a few times as much.
pub(crate) const SMALL: usize = 128 * 1024;

/// Bytes of a statement beside its text and its values: types, lengths, the packet's own.
const BESIDE: usize = 1024;

/// Bytes of one statement that the database takes, where that is a matter of the server's settings.
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
/// [`CaptureError::StatementTooLarge`]; what the database says.
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
            Err(CaptureError::StatementTooLarge { bytes, most }.into())
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
