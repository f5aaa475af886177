//! Updating rows: compared one by one, written together where the same happens to them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IdenStatic,
    IntoActiveModel, Iterable, ModelTrait, PrimaryKeyToColumn, StatementBuilder,
};

use super::delete::again;
use super::rows::{
    CHUNK, Chunks, PARAMETERS, among, as_stored, has_returning, keys, lock, models, returning_all,
    values_of,
};
use super::{BulkEntity, Target, Written, table};
use crate::capture::hooks::now;
use crate::capture::{Hooks, row};
use crate::error::CaptureError;
use crate::image::{self, Image};
use crate::log::Operation;
use crate::row_lock::RowLock;
use crate::tracked::TrackedTransaction;
use crate::tracked::append::RowChange;
use crate::tracked::bulk::{Answer, RowsStatement};

/// Updates the target's rows with what is set in `changes`.
pub(super) async fn rows<E: BulkEntity>(
    tx: &TrackedTransaction,
    target: Target,
    changes: &E::ActiveModel,
) -> Result<Vec<Written<E::Model>>, DbErr> {
    let mut written = Vec::new();
    let mut chunks = Chunks::<E>::new(target, RowLock::Update);
    loop {
        let rows = chunks.next(tx).await?;
        if rows.is_empty() {
            return Ok(written);
        }
        let wanted = rows.iter().map(|row| {
            check_key::<E>(row, changes)?;
            with::<E>(row, changes)
        });
        let wanted = wanted.collect::<Result<_, DbErr>>()?;
        written.extend(locked::<E>(tx, rows, wanted).await?);
    }
}

/// The row with the changes set on it, but for its key.
pub(super) fn with<E: BulkEntity>(
    row: &E::Model,
    changes: &E::ActiveModel,
) -> Result<E::ActiveModel, DbErr> {
    let mut model = row.clone().into_active_model();
    for column in E::Column::iter().filter(|column| !is_key::<E>(*column)) {
        if let ActiveValue::Set(value) = changes.get(column) {
            model.try_set(column, value)?;
        }
    }
    Ok(model)
}

fn is_key<E: EntityTrait>(column: E::Column) -> bool {
    E::PrimaryKey::from_column(column).is_some()
}

/// Refuses a model that would give the row another key.
fn check_key<E: BulkEntity>(row: &E::Model, model: &E::ActiveModel) -> Result<(), CaptureError> {
    for column in keys::<E>() {
        if let ActiveValue::Set(value) = model.get(column)
            && value != row.get(column)
        {
            let table = table::<E>().to_owned();
            return Err(CaptureError::KeyChanged { table });
        }
    }
    Ok(())
}

/// Rows to which the same happens.
struct Group<A> {
    /// Sets the values.
    model: A,
    /// Places in the chunk.
    members: Vec<usize>,
}

/// Updates locked rows: `wanted[i]` is what to make of `rows[i]`. At most [`CHUNK`] of them.
pub(super) async fn locked<E: BulkEntity>(
    tx: &TrackedTransaction,
    mut rows: Vec<E::Model>,
    wanted: Vec<E::ActiveModel>,
) -> Result<Vec<Written<E::Model>>, DbErr> {
    let seen = tx.writes();
    let mut prepared = Vec::with_capacity(rows.len());
    for (row, model) in rows.iter().zip(wanted) {
        let model = <E::ActiveModel as Hooks>::before_save(model, tx, false).await?;
        check_key::<E>(row, &model)?;
        prepared.push(model);
    }
    if tx.writes() != seen {
        // An own hook wrote: perhaps these very rows.
        let count = rows.len();
        rows = again::<E>(tx, &rows).await?;
        if rows.len() < count {
            return Err(DbErr::RecordNotUpdated);
        }
    }
    let before = rows
        .iter()
        .map(image::image_of)
        .collect::<Result<Vec<_>, _>>();
    let before = before.map_err(CaptureError::from)?;
    let groups = group::<E>(tx, &before, prepared)?;
    let mut after: Vec<Option<E::Model>> = rows.iter().map(|_| None).collect();
    for group in &groups {
        for members in group.members.chunks(members_at_a_time::<E>()) {
            let stored = write::<E>(tx, &group.model, &rows, members).await?;
            for (place, row) in members.iter().zip(stored) {
                after[*place] = Some(row);
            }
        }
    }
    let mut changes = Vec::new();
    for ((row, before), after) in rows.iter().zip(before).zip(&after) {
        if let Some(after) = after {
            changes.push(RowChange {
                key: image::key_of(row).map_err(CaptureError::from)?,
                before: Some(before),
                after: Some(image::image_of(after).map_err(CaptureError::from)?),
            });
        }
    }
    tx.record_rows(table::<E>(), Operation::Update, changes)
        .await?;
    let mut written = Vec::with_capacity(rows.len());
    for (row, after) in rows.into_iter().zip(after) {
        let own = |row| <E::ActiveModel as Hooks>::after_save(row, tx, false);
        written.push(match after {
            Some(after) => Written::Updated(own(after).await?),
            None => Written::Unchanged(own(row).await?),
        });
    }
    Ok(written)
}

/// Rows in one statement, by the parameters that it has.
fn members_at_a_time<E: EntityTrait>() -> usize {
    let rest = PARAMETERS.saturating_sub(E::Column::iter().count());
    (rest / keys::<E>().len().max(1)).clamp(1, CHUNK)
}

/// Leaves of each model what changes its row, and puts equal changes together; what changes nothing
/// is in no group.
fn group<E: BulkEntity>(
    tx: &TrackedTransaction,
    rows: &[Image],
    prepared: Vec<E::ActiveModel>,
) -> Result<Vec<Group<E::ActiveModel>>, DbErr> {
    let now = now();
    let mut groups: Vec<Group<E::ActiveModel>> = Vec::new();
    let mut by_values: HashMap<String, usize> = HashMap::new();
    for (place, (before, mut model)) in rows.iter().zip(prepared).enumerate() {
        row::canonicalise(&mut model, tx.get_database_backend())?;
        if !row::keep_changed(&mut model, before, &now)? {
            continue;
        }
        let mut values = Image::new();
        for column in E::Column::iter().filter(|column| !is_key::<E>(*column)) {
            if let ActiveValue::Set(value) = model.get(column) {
                let json = image::encode(column.def().get_column_type(), &value);
                let json = json.map_err(CaptureError::from)?;
                values.insert(column.as_str().to_owned(), json);
            }
        }
        match by_values.entry(image::text_of(&values)) {
            Entry::Occupied(group) => groups[*group.get()].members.push(place),
            Entry::Vacant(group) => {
                group.insert(groups.len());
                let members = vec![place];
                groups.push(Group { model, members });
            }
        }
    }
    Ok(groups)
}

/// Writes the same values to these rows; returns them as stored, in their order.
async fn write<E: BulkEntity>(
    tx: &TrackedTransaction,
    model: &E::ActiveModel,
    rows: &[E::Model],
    members: &[usize],
) -> Result<Vec<E::Model>, DbErr> {
    let backend = tx.get_database_backend();
    let columns = keys::<E>();
    let tuples = || {
        members
            .iter()
            .map(|place| values_of(&rows[*place], &columns))
    };
    let mut statement = Query::update();
    statement
        .table(E::default().table_ref())
        .cond_where(among(&columns, tuples().collect()));
    for column in E::Column::iter().filter(|column| !is_key::<E>(*column)) {
        if let ActiveValue::Set(value) = model.get(column) {
            statement.value(column, column.save_as(Expr::val(value)));
        }
    }
    let returns = has_returning(backend);
    if returns {
        statement.returning(returning_all::<E>(backend));
    }
    let answer = tx
        .write_rows(RowsStatement {
            table: table::<E>(),
            operation: Operation::Update,
            statement: StatementBuilder::build(&statement, &backend),
            rows: members.len(),
            answer: if returns { Answer::Rows } else { Answer::Count },
        })
        .await?;
    let stored = if returns {
        as_stored::<E>(tx, models::<E>(&answer)?).await?
    } else {
        lock::<E>(
            tx,
            among(&columns, tuples().collect()),
            RowLock::Update,
            None,
        )
        .await?
    };
    let keys = stored.iter().map(|row| values_of(row, &columns));
    if keys.eq(tuples()) {
        return Ok(stored);
    }
    let mut by_key = HashMap::with_capacity(stored.len());
    for row in stored {
        let key = image::key_of(&row).map_err(CaptureError::from)?;
        by_key.insert(image::text_of(&key), row);
    }
    let mut ordered = Vec::with_capacity(members.len());
    for place in members {
        let key = image::key_of(&rows[*place]).map_err(CaptureError::from)?;
        let row = by_key.remove(&image::text_of(&key));
        ordered.push(row.ok_or_else(|| CaptureError::Raced {
            table: table::<E>().to_owned(),
        })?);
    }
    Ok(ordered)
}
