//! A task: the table with one of everything.

use sea_orm::entity::prelude::*;

/// How far a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", enum_name = "task_status")]
pub enum Status {
    #[default]
    #[sea_orm(string_value = "todo")]
    Todo,
    #[sea_orm(string_value = "doing")]
    Doing,
    #[sea_orm(string_value = "done")]
    Done,
}

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "task")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub project_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub title: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub body: Option<String>,
    #[sea_orm(default_value = "todo")]
    pub status: Status,
    #[sea_orm(default_value = 0)]
    pub priority: i32,
    #[sea_orm(column_type = "Decimal(Some((10, 2)))", nullable)]
    pub estimate: Option<Decimal>,
    pub due_on: Option<Date>,
    #[sea_orm(column_type = "Json", nullable)]
    pub details: Option<Json>,
    #[sea_orm(column_type = "Text", nullable)]
    pub owner: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "project_id", to = "id")]
    pub project: BelongsTo<super::project::Entity>,
    #[sea_orm(has_many)]
    pub comments: HasMany<super::comment::Entity>,
    #[sea_orm(has_many, via = "task_label")]
    pub labels: HasMany<super::label::Entity>,
}

seachange_changelog::track!(created_at: CreatedAt, updated_at: UpdatedAt);
