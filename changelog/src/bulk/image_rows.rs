//! Writing a row as an image has it, including values that the model cannot hold. This restores rows that
//! were stored earlier.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr,
    IdenStatic, Iterable, StatementBuilder,
};
use serde_json::Value as Json;

use super::insert::{prepare_inserts, record_inserted};
use super::locked_rows::lock;
use super::update::{self, after_save};
use super::{BulkEntity, Written, table};
use crate::error::CaptureError;
use crate::image::{self, Image};
use crate::log::Operation;
use crate::row_lock::RowLock;
use crate::rows::{Row, Stored, key_condition, stored_as};
use crate::tracked::TrackedTransaction;
use crate::tracked::rows_statement::{Answer, RowsStatement};

/// A value for a column whose field in the model cannot hold it.
pub(super) struct Unfit<C> {
    pub(super) column: C,
    pub(super) sql: Expr,
    /// The value as images have it.
    pub(super) image: Json,
}

impl TrackedTransaction {
    /// Inserts a row as an image has it and returns it as stored. Columns that the image lacks get their
    /// defaults; the key must be present.
    ///
    /// # Errors
    /// As for a single insert; [`CaptureError::Image`] for a value that its column cannot have.
    pub async fn insert_image<E: BulkEntity>(
        &self,
        row: &Image,
    ) -> Result<Stored<E::Model>, DbErr> {
        let backend = self.get_database_backend();
        let (model, unfit) = parts::<E>(row, backend)?;
        let key = key_condition::<E>(row, backend).map_err(CaptureError::from)?;
        self.savepoint(insert::<E>(self, model, unfit, key)).await
    }

    /// Sets columns of a stored row to the values of an image and returns the row as stored.
    ///
    /// # Errors
    /// As for a single update; [`CaptureError::Image`] for a value that its column cannot have.
    pub async fn update_image<E: BulkEntity>(
        &self,
        row: &Row<E>,
        set: &Image,
    ) -> Result<Stored<E::Model>, DbErr> {
        let (changes, unfit) = parts::<E>(set, self.get_database_backend())?;
        let work = async {
            let rows = lock::<E>(self, row.condition(), RowLock::Update, None).await?;
            let wanted = rows
                .iter()
                .map(|row| update::with_changes::<E>(row, &changes));
            let wanted = wanted.collect::<Result<_, DbErr>>()?;
            let written = update::update_locked::<E>(self, rows, wanted, &unfit).await?;
            let row = written.into_iter().next().map(Written::into_row);
            row.ok_or(DbErr::RecordNotUpdated)
        };
        self.savepoint(work).await
    }
}

type Parts<E> = (
    <E as sea_orm::EntityTrait>::ActiveModel,
    Vec<Unfit<<E as sea_orm::EntityTrait>::Column>>,
);

/// Splits an image into what the model can hold and the rest.
fn parts<E: BulkEntity>(image: &Image, backend: DbBackend) -> Result<Parts<E>, CaptureError> {
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    let mut unfit = Vec::new();
    for column in E::Column::iter() {
        let Some(json) = image.get(column.as_str()) else {
            continue;
        };
        let value = image::value_of::<E>(column, json);
        if let Ok(value) = &value
            && image::try_set(&mut model, column, value.clone())
        {
            continue;
        }
        model.not_set(column);
        let sql = match (stored_as(json, backend), value) {
            (Some(sql), _) => sql,
            (None, Ok(value)) => column.save_as(Expr::val(value)),
            (None, Err(error)) => return Err(error.into()),
        };
        unfit.push(Unfit {
            column,
            sql,
            image: json.clone(),
        });
    }
    Ok((model, unfit))
}

async fn insert<E: BulkEntity>(
    tx: &TrackedTransaction,
    model: E::ActiveModel,
    unfit: Vec<Unfit<E::Column>>,
    key: Condition,
) -> Result<Stored<E::Model>, DbErr> {
    let mut prepared = prepare_inserts::<E>(tx, vec![model]).await?;
    let model = prepared.pop().ok_or(DbErr::RecordNotInserted)?;
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    for column in E::Column::iter() {
        if let ActiveValue::Set(value) | ActiveValue::Unchanged(value) = model.get(column) {
            columns.push(column);
            values.push(column.save_as(Expr::val(value)));
        } else if let Some(unfit) = unfit.iter().find(|unfit| is_same(unfit.column, column)) {
            columns.push(column);
            values.push(unfit.sql.clone());
        }
    }
    let mut statement = Query::insert();
    statement
        .into_table(sea_orm::EntityName::table_ref(&E::default()))
        .columns(columns);
    statement
        .values(values)
        .map_err(|_| DbErr::RecordNotInserted)?;
    tx.write_rows(RowsStatement {
        table: table::<E>(),
        operation: Operation::Insert,
        statement: StatementBuilder::build(&statement, &tx.get_database_backend()),
        rows: 1,
        answer: Answer::Count,
    })
    .await?;
    let rows = lock::<E>(tx, key, RowLock::Update, None).await?;
    let row = record_inserted::<E>(tx, rows).await?.pop();
    after_save::<E>(tx, row.ok_or(DbErr::RecordNotInserted)?, true).await
}

fn is_same<C: IdenStatic>(one: C, other: C) -> bool {
    one.as_str() == other.as_str()
}

impl<C: IdenStatic> Unfit<C> {
    /// Whether the row has another value in this column.
    pub(super) fn differs(&self, row: &Image) -> bool {
        let stored = row.get(self.column.as_str());
        !stored.is_some_and(|stored| image::same(stored, &self.image))
    }
}
