//! A function of an application, which `tests/` test on a database in memory: the rows that it writes, and the
//! changes that are recorded of them.

use sea_orm::prelude::Uuid;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, TransactionTrait,
};
use seachange::changelog::TrackedConnection;
use seachange_entity::{project, task};

/// Archives a project and finishes its tasks, all of it or nothing. Returns how many tasks were open.
///
/// # Errors
/// The database's error.
pub async fn archive(db: &TrackedConnection, id: Uuid) -> Result<usize, DbErr> {
    let tx = db.begin().await?;
    let Some(project) = project::Entity::find_by_id(id).one(&tx).await? else {
        return Err(DbErr::RecordNotFound(id.to_string()));
    };
    let mut project = project.into_active_model();
    project.archived = Set(true);
    project.update(&tx).await?;
    let open = task::Entity::find()
        .filter(task::Column::ProjectId.eq(id))
        .filter(task::Column::Status.ne(task::Status::Done));
    let open = open.all(&tx).await?;
    let count = open.len();
    for task in open {
        let mut task = task.into_active_model();
        task.status = Set(task::Status::Done);
        task.update(&tx).await?;
    }
    tx.commit().await?;
    Ok(count)
}
