//! Writing a row as an image has it, including values that the model cannot hold. This restores rows that
//! were stored earlier.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, Condition, ConnectionTrait, DbErr, Iterable,
    StatementBuilder,
};

use super::custom_hooks::after_save;
use super::insert::{prepare_inserts, record_inserted};
use super::locked_rows::lock;
use super::unfit::{Unfit, split_image};
use super::update;
use super::{BulkEntity, Written, table};
use crate::error::CaptureError;
use crate::image::Image;
use crate::log::Operation;
use crate::row_lock::RowLock;
use crate::rows::{Row, Stored, key_condition};
use crate::tracked::TrackedTransaction;
use crate::tracked::rows_statement::{Answer, RowsStatement};

impl TrackedTransaction {
    /// Inserts a row as an image has it and returns it as stored. Columns that the image lacks get their
    /// defaults; the key must be present.
    ///
    /// # Errors
    /// As for a single insert; [`ValueRefusal::Image`](crate::ValueRefusal::Image) for a value that its column
    /// cannot have.
    pub async fn insert_image<E: BulkEntity>(
        &self,
        row: &Image,
    ) -> Result<Stored<E::Model>, DbErr> {
        let backend = self.get_database_backend();
        let (model, unfit) = split_image::<E>(row, backend)?;
        let key = key_condition::<E>(row, backend).map_err(CaptureError::from)?;
        self.savepoint(insert::<E>(self, model, unfit, key)).await
    }

    /// Sets columns of a stored row to the values of an image and returns the row as stored.
    ///
    /// # Errors
    /// As for a single update; [`ValueRefusal::Image`](crate::ValueRefusal::Image) for a value that its column
    /// cannot have.
    pub async fn update_image<E: BulkEntity>(
        &self,
        row: &Row<E>,
        set: &Image,
    ) -> Result<Stored<E::Model>, DbErr> {
        let (changes, unfit) = split_image::<E>(set, self.get_database_backend())?;
        let work = async {
            let rows = lock::<E>(self, row.condition(), RowLock::Update, None).await?;
            let wanted = rows
                .iter()
                .map(|row| update::with_changes::<E>(row, &changes));
            let wanted = wanted.collect::<Result<_, DbErr>>()?;
            let extra = update::Extra::Unfit(&unfit);
            let written = update::update_locked::<E>(self, rows, wanted, &extra).await?;
            let row = written.into_iter().next().map(Written::into_row);
            row.ok_or(DbErr::RecordNotUpdated)
        };
        self.savepoint(work).await
    }
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
        } else if let Some(unfit) = unfit.iter().find(|unfit| unfit.is_for(column)) {
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
