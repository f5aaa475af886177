//! Updating rows, which are compared one by one and written together where they get the same values, or values by
//! the same expressions.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IdenStatic,
    Iterable, ModelTrait, PrimaryKeyToColumn,
};

use super::custom_hooks::after_save;
use super::expressions::{Evaluated, Expression, evaluate};
use super::locked_rows::{Chunks, keys, relock};
use super::row_set::{members_at_a_time, write_set};
use super::unfit::Unfit;
use super::{BulkEntity, Target, Written, table};
use crate::capture::hooks::now;
use crate::capture::{Hooks, row};
use crate::error::{BulkRefusal, CaptureError};
use crate::image::{self, Image};
use crate::log::Operation;
use crate::row_lock::RowLock;
use crate::rows::{Row, Stored};
use crate::tracked::TrackedTransaction;
use crate::tracked::log_insert::RowChange;

/// What an update does to each row.
pub(super) struct Changes<E: EntityTrait> {
    /// Sets columns to constants.
    pub(super) model: E::ActiveModel,
    /// Set other columns to what the database computes.
    pub(super) expressions: Vec<Expression<E>>,
}

/// Updates the target's rows.
pub(super) async fn rows<E: BulkEntity>(
    tx: &TrackedTransaction,
    target: Target,
    changes: &Changes<E>,
) -> Result<Vec<Written<Stored<E::Model>>>, DbErr> {
    let Changes { model, expressions } = changes;
    if expressions.iter().any(|set| is_key::<E>(set.column)) {
        let table = table::<E>().to_owned();
        return Err(BulkRefusal::KeyChanged { table }.into());
    }
    let mut written = Vec::new();
    let mut chunks = Chunks::<E>::new(target, RowLock::Update);
    loop {
        let rows = chunks.next(tx).await?;
        if rows.is_empty() {
            return Ok(written);
        }
        let evaluated = evaluate::<E>(tx, &rows, expressions).await?;
        let mut wanted = Vec::with_capacity(rows.len());
        for (place, row) in rows.iter().enumerate() {
            check_key::<E>(row, model)?;
            let mut wants = with_changes::<E>(row, model)?;
            evaluated.set(place, &mut wants)?;
            wanted.push(wants);
        }
        let extra = Extra::Evaluated(&evaluated);
        written.extend(update_locked::<E>(tx, rows, wanted, &extra).await?);
    }
}

/// What rows get besides the values of their models.
pub(super) enum Extra<'a, E: EntityTrait> {
    /// Values that no model can hold.
    Unfit(&'a [Unfit<E::Column>]),
    /// The results of expressions, which the models have, too.
    Evaluated(&'a Evaluated<E>),
}

impl<E: EntityTrait> Extra<'_, E> {
    fn unfit(&self) -> &[Unfit<E::Column>] {
        match self {
            Self::Unfit(unfit) => unfit,
            Self::Evaluated(_) => &[],
        }
    }
}

/// The row with the changes set on it, except for its key.
pub(super) fn with_changes<E: BulkEntity>(
    row: &Row<E>,
    changes: &E::ActiveModel,
) -> Result<E::ActiveModel, DbErr> {
    let mut model = row.active_model();
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
fn check_key<E: BulkEntity>(row: &Row<E>, model: &E::ActiveModel) -> Result<(), CaptureError> {
    for column in keys::<E>() {
        let ActiveValue::Set(value) = model.get(column) else {
            continue;
        };
        let is_same = match row.model() {
            Some(stored) => value == stored.get(column),
            None => {
                let json = image::encode(column.def().get_column_type(), &value)?;
                let stored = row.image().get(column.as_str());
                stored.is_some_and(|stored| image::same(stored, &json))
            }
        };
        if !is_same {
            let table = table::<E>().to_owned();
            return Err(BulkRefusal::KeyChanged { table }.into());
        }
    }
    Ok(())
}

/// Rows that get the same values.
struct Group<E: EntityTrait> {
    /// Sets the values.
    model: E::ActiveModel,
    /// Expressions for columns that the model does not set.
    expressions: Vec<Expression<E>>,
    /// Their places in the chunk.
    members: Vec<usize>,
}

/// Updates locked rows, at most [`CHUNK`] of them: `rows[i]` becomes `wanted[i]`, and each row gets what is in
/// `extra`.
pub(super) async fn update_locked<E: BulkEntity>(
    tx: &TrackedTransaction,
    mut rows: Vec<Row<E>>,
    wanted: Vec<E::ActiveModel>,
    extra: &Extra<'_, E>,
) -> Result<Vec<Written<Stored<E::Model>>>, DbErr> {
    let seen = tx.writes();
    let mut prepared = Vec::with_capacity(rows.len());
    for (row, model) in rows.iter().zip(wanted) {
        let model = <E::ActiveModel as Hooks>::before_save(model, tx, false).await?;
        check_key::<E>(row, &model)?;
        prepared.push(model);
    }
    if tx.writes() != seen {
        // A custom hook has written, perhaps to these very rows.
        let count = rows.len();
        rows = relock::<E>(tx, &rows).await?;
        if rows.len() < count {
            return Err(DbErr::RecordNotUpdated);
        }
    }
    let groups = group::<E>(tx, &rows, prepared, extra)?;
    let mut after: Vec<Option<Row<E>>> = rows.iter().map(|_| None).collect();
    for group in &groups {
        for members in group.members.chunks(members_at_a_time::<E>()) {
            let stored = write::<E>(tx, (group, extra.unfit()), &rows, members).await?;
            for (place, row) in members.iter().zip(stored) {
                after[*place] = Some(row);
            }
        }
    }
    let (mut changes, mut written) = (Vec::new(), Vec::with_capacity(rows.len()));
    for (row, after) in rows.into_iter().zip(after) {
        let Some(after) = after else {
            written.push(Written::Unchanged(row.split().1));
            continue;
        };
        let (image, stored) = after.split();
        changes.push(RowChange {
            key: row.key(),
            before: Some(row.into_image()),
            after: Some(image),
        });
        written.push(Written::Updated(stored));
    }
    tx.record_rows(table::<E>(), Operation::Update, changes)
        .await?;
    let mut settled = Vec::with_capacity(written.len());
    for row in written {
        settled.push(match row {
            Written::Updated(row) => Written::Updated(after_save::<E>(tx, row, false).await?),
            row => Written::Unchanged(after_save::<E>(tx, row.into_row(), false).await?),
        });
    }
    Ok(settled)
}

/// Stands for the value of an expression where changes are compared.
const EXPRESSION: &str = "\u{0}expression";

/// Reduces each model to the columns that change its row, and groups equal changes. A model that changes
/// nothing is in no group.
fn group<E: BulkEntity>(
    tx: &TrackedTransaction,
    rows: &[Row<E>],
    prepared: Vec<E::ActiveModel>,
    extra: &Extra<'_, E>,
) -> Result<Vec<Group<E>>, DbErr> {
    let now = now();
    let mut groups: Vec<Group<E>> = Vec::new();
    let mut by_values: HashMap<String, usize> = HashMap::new();
    for (place, (row, mut model)) in rows.iter().zip(prepared).enumerate() {
        row::canonicalise(&mut model, tx.get_database_backend())?;
        let is_changed = extra.unfit().iter().any(|unfit| unfit.differs(row.image()));
        if !row::keep_changed(&mut model, row.image(), &now, is_changed)? {
            continue;
        }
        let expressions = match extra {
            Extra::Unfit(_) => Vec::new(),
            Extra::Evaluated(evaluated) => evaluated.take(place, &mut model)?,
        };
        let mut values = Image::new();
        for expression in &expressions {
            // No value of a column is like this.
            values.insert(expression.column.as_str().to_owned(), EXPRESSION.into());
        }
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
                groups.push(Group {
                    model,
                    expressions,
                    members: vec![place],
                });
            }
        }
    }
    Ok(groups)
}

/// Writes the same values to these rows and returns them as stored, in their order.
async fn write<E: BulkEntity>(
    tx: &TrackedTransaction,
    (group, unfit): (&Group<E>, &[Unfit<E::Column>]),
    rows: &[Row<E>],
    members: &[usize],
) -> Result<Vec<Row<E>>, DbErr> {
    let mut set = Vec::new();
    for column in E::Column::iter().filter(|column| !is_key::<E>(*column)) {
        if let ActiveValue::Set(value) = group.model.get(column) {
            set.push((column, column.save_as(Expr::val(value))));
        }
    }
    let expressions = group.expressions.iter();
    set.extend(expressions.map(|expression| (expression.column, expression.sql.clone())));
    set.extend(unfit.iter().map(|unfit| (unfit.column, unfit.sql.clone())));
    write_set::<E>(tx, set, rows, members).await
}
