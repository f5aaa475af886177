//! Work in a transaction that is begun, committed and tried again for it.

use std::error::Error;
use std::sync::Arc;

use sea_orm::{DbErr, TransactionTrait};

use super::connection::TrackedConnection;
use super::handle::TransactionHandle;
use crate::driver::is_transient;
use crate::error::{CaptureError, CommitRefusal};
use crate::retry::retry;

impl TrackedConnection {
    /// Runs `work` in a transaction and commits it. If the work or the commit fails because other transactions were
    /// in the way ([`is_transient`](crate::is_transient)), everything is rolled back and `work` runs again, in a new
    /// transaction and after a short wait: at most five times in all.
    ///
    /// So `work` may run several times, and does nothing but write through the transaction that it is given. After
    /// any other error nothing of it is stored.
    ///
    /// ```
    /// # use sea_orm::{ActiveModelTrait, ActiveValue::Set, DbErr, EntityTrait};
    /// # use sea_orm::entity::prelude::*;
    /// # use seachange_changelog::{Target, TrackedConnection};
    /// # mod product {
    /// #     use sea_orm::entity::prelude::*;
    /// #     #[sea_orm::model]
    /// #     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    /// #     #[sea_orm(table_name = "product")]
    /// #     pub struct Model {
    /// #         #[sea_orm(primary_key)]
    /// #         pub id: i64,
    /// #         pub name: String,
    /// #     }
    /// #     seachange_changelog::track!();
    /// # }
    /// # async fn create(db: &TrackedConnection, name: &str) -> Result<product::Model, DbErr> {
    /// db.write(async |tx| {
    ///     let product = product::ActiveModel {
    ///         name: Set(name.to_owned()),
    ///         ..Default::default()
    ///     };
    ///     product.insert(&tx).await
    /// })
    /// .await
    /// # }
    /// ```
    ///
    /// An error type of your own has a `DbErr` as its [source](Error::source), however deep, as `#[from]` of
    /// `thiserror` makes it; otherwise it is not known whether to try again, and it is returned.
    ///
    /// # Errors
    /// Those of `work`, of the database, and of the [commit](crate::TrackedTransaction::commit). If the connection is lost
    /// during the commit, it is not known whether it was made, and it is not tried again.
    pub async fn write<T, E, F>(&self, work: impl Fn(TransactionHandle) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: From<DbErr> + Error + 'static,
    {
        let work = &work;
        retry(
            || async move {
                let tx = Arc::new(self.begin().await?);
                let done = work(TransactionHandle::new(&tx)).await;
                // If the work has kept its handle, it may still write: nothing is committed.
                let tx = Arc::into_inner(tx).ok_or_else(|| DbErr::from(CommitRefusal::CutOff))?;
                match done {
                    Ok(done) => {
                        tx.commit().await?;
                        Ok(done)
                    }
                    Err(error) => {
                        // The error matters more than a failed rollback.
                        let _ = tx.rollback().await;
                        Err(error)
                    }
                }
            },
            |error| may_pass(error),
        )
        .await
    }
}

/// Whether the error, or what caused it, may pass if the transaction is tried again.
fn may_pass(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<DbErr>() {
            return is_transient(error);
        }
        if let Some(CaptureError::Retry(_)) = error.downcast_ref() {
            return true;
        }
        next = error.source();
    }
    false
}
