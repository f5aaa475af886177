//! GraphQL fields of your own beside the generated ones.

use std::process::ExitCode;

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel};
use sea_orm::{PaginatorTrait, QueryFilter, TransactionTrait};
use seachange::async_graphql::Value;
use seachange::async_graphql::dynamic::{Field, FieldFuture, TypeRef};
use seachange::changelog::TrackedConnection;
use seachange_app::reference_app;
use seachange_entity::{project, task};

fn main() -> ExitCode {
    reference_app()
        .extend(|mut builder| {
            builder.queries.push(open_tasks());
            builder.mutations.push(archive_projects());
            builder
        })
        .run()
}

/// `openTasks: Int!`
fn open_tasks() -> Field {
    Field::new("openTasks", TypeRef::named_nn(TypeRef::INT), |ctx| {
        FieldFuture::new(async move {
            let db = ctx.data::<TrackedConnection>()?;
            let open = task::Column::Status.ne(task::Status::Done);
            let count = task::Entity::find().filter(open).count(db).await?;
            Ok(Some(Value::from(count)))
        })
    })
}

/// `archiveProjects: Int!`: the connection in the context writes on behalf of the caller.
fn archive_projects() -> Field {
    Field::new("archiveProjects", TypeRef::named_nn(TypeRef::INT), |ctx| {
        FieldFuture::new(async move {
            let tx = ctx.data::<TrackedConnection>()?.begin().await?;
            let active = project::Column::Archived.eq(false);
            let projects = project::Entity::find().filter(active).all(&tx).await?;
            let count = projects.len();
            for project in projects {
                let mut project = project.into_active_model();
                project.archived = Set(true);
                project.update(&tx).await?;
            }
            tx.commit().await?;
            Ok(Some(Value::from(count)))
        })
    })
}
