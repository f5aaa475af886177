//! What is known of a table by its name: whether the log can have changes of it, how its keys are written, and
//! what the log does not show of it.
//!
//! Tables of the entities that are linked into the program are known without a question to the database.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbErr};

use crate::database;
use crate::image::{self, Image};
use crate::reader::RowName;
use crate::registry::{KeyColumn, Registry};
use crate::shape::Shown;
use crate::triggers::Schemas;

/// Why a name can find nothing in the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unknown {
    /// No table of this name is tracked or has changes in the log.
    #[error("the log knows no table `{table}`")]
    Table {
        /// The name given.
        table: String,
    },
    /// The key is not one of the table's.
    #[error("not a key of `{table}`: {reason}")]
    Key {
        /// The table.
        table: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Errors of the database.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Refuses a table of which the log can have no changes.
///
/// # Errors
/// [`Unknown`].
pub async fn check_table<C: ConnectionTrait>(db: &C, table: &str) -> Result<(), Unknown> {
    if Registry::linked().names().any(|name| name == table) {
        return Ok(());
    }
    let dialect = database::of(db);
    // `change_capture` and `change_schema` are small; the log is only read for a table that nothing tracks.
    let places = ["change_capture", "change_schema"].into_iter();
    for place in places.chain(dialect.facts().logs()) {
        let sql = format!("SELECT 1 AS found FROM {place} WHERE entity = ? LIMIT 1");
        let ask = dialect.statement(&sql, vec![table.into()]);
        if db.query_one_raw(ask).await?.is_some() {
            return Ok(());
        }
    }
    let table = table.to_owned();
    Err(Unknown::Table { table })
}

/// The row as the log names it: the values of its key in the form that images have.
///
/// # Errors
/// [`Unknown`], if the table is not known, or if this is not a key of it. If no entity of the program has the
/// table, only the names of the key's columns are compared.
pub async fn in_log<C: ConnectionTrait>(db: &C, row: &RowName) -> Result<RowName, Unknown> {
    let RowName { entity, key } = row;
    let mut first = None;
    for columns in Registry::linked().keys(entity) {
        match written(&columns, key) {
            Ok(key) => {
                let entity = entity.clone();
                return Ok(RowName { entity, key });
            }
            Err(reason) => _ = first.get_or_insert(reason),
        }
    }
    let refuse = |reason| Unknown::Key {
        table: entity.clone(),
        reason,
    };
    if let Some(reason) = first {
        return Err(refuse(reason));
    }
    check_table(db, entity).await?;
    if let Some(newest) = Schemas::read(db).await?.newest(entity) {
        let names: Vec<&str> = newest.keys().map(|column| column.name.as_str()).collect();
        check_names(&names, key).map_err(refuse)?;
    }
    Ok(row.clone())
}

/// The columns whose values the log does not have of a table, by the program's entities and by its triggers.
///
/// # Errors
/// Errors of the database.
pub async fn hidden_columns<C: ConnectionTrait>(
    db: &C,
    table: &str,
) -> Result<BTreeSet<String>, DbErr> {
    let schemas = Schemas::read(db).await?;
    let columns = schemas
        .newest(table)
        .into_iter()
        .flat_map(|newest| &newest.columns);
    let hidden = columns.filter(|column| column.shown != Shown::Whole);
    let mut hidden: BTreeSet<String> = hidden.map(|column| column.name.clone()).collect();
    if let Some(linked) = Registry::linked().hidden(table) {
        hidden.extend(linked.columns().map(str::to_owned));
    }
    Ok(hidden)
}

fn check_names(names: &[&str], key: &Image) -> Result<(), String> {
    if let Some(missing) = names.iter().find(|name| !key.contains_key(**name)) {
        return Err(format!("it lacks the column `{missing}`"));
    }
    match key.keys().find(|name| !names.contains(&name.as_str())) {
        Some(other) => Err(format!("`{other}` is not a column of the key")),
        None => Ok(()),
    }
}

/// The key in the form of images.
fn written(columns: &[KeyColumn], key: &Image) -> Result<Image, String> {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    check_names(&names, key)?;
    let mut fields = Vec::with_capacity(columns.len());
    for KeyColumn { name, ty, rust } in columns {
        let json = &key[*name];
        let json = if image::is_unfit(json) {
            json.clone()
        } else {
            let value = image::decode(ty, rust, json);
            let written = value.and_then(|value| image::encode(ty, &image::canonical(ty, value)));
            written.map_err(|fact| fact.in_column(name).to_string())?
        };
        if json.is_null() {
            return Err(format!("the column `{name}` is null"));
        }
        fields.push(((*name).to_owned(), json));
    }
    fields.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(fields.into_iter().collect())
}
