//! The five tables. Foreign keys restrict: a row that others refer to cannot go.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::on(manager.get_database_backend());
        for table in [
            project(columns),
            task(columns),
            comment(columns),
            label(columns),
            task_label(columns),
        ] {
            manager.create_table(table).await?;
        }
        for (table, column) in [("task", "project_id"), ("comment", "task_id")] {
            let index = Index::create()
                .name(format!("idx_{table}_{column}"))
                .table(Alias::new(table))
                .col(Alias::new(column))
                .take();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["task_label", "label", "comment", "task", "project"] {
            manager
                .drop_table(Table::drop().table(Alias::new(table)).take())
                .await?;
        }
        Ok(())
    }
}

fn key(name: &str) -> ColumnDef {
    Columns::uuid(name).primary_key().take()
}

fn reference(from: (&str, &str), to: &str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{}_{}", from.0, from.1))
        .from(Alias::new(from.0), Alias::new(from.1))
        .to(Alias::new(to), Alias::new("id"))
        .on_delete(ForeignKeyAction::Restrict)
        .on_update(ForeignKeyAction::Restrict)
        .take()
}

fn project(columns: Columns) -> TableCreateStatement {
    columns
        .table("project")
        .col(key("id"))
        .col(columns.text("name").not_null())
        .col(columns.text("owner"))
        .col(
            ColumnDef::new(Alias::new("archived"))
                .boolean()
                .not_null()
                .default(false),
        )
        .col(columns.time("created_at").not_null())
        .col(columns.time("updated_at").not_null())
        .take()
}

fn task(columns: Columns) -> TableCreateStatement {
    columns
        .table("task")
        .col(key("id"))
        .col(Columns::uuid("project_id"))
        .col(columns.text("title").not_null())
        .col(columns.text("body"))
        .col(columns.text("status").not_null().default("todo"))
        .col(
            ColumnDef::new(Alias::new("priority"))
                .integer()
                .not_null()
                .default(0),
        )
        .col(ColumnDef::new(Alias::new("estimate")).decimal_len(10, 2))
        .col(ColumnDef::new(Alias::new("due_on")).date())
        .col(ColumnDef::new(Alias::new("details")).json())
        .col(columns.text("owner"))
        .col(columns.time("created_at").not_null())
        .col(columns.time("updated_at").not_null())
        .foreign_key(&mut reference(("task", "project_id"), "project"))
        .take()
}

fn comment(columns: Columns) -> TableCreateStatement {
    columns
        .table("comment")
        .col(key("id"))
        .col(Columns::uuid("task_id"))
        .col(columns.text("author").not_null())
        .col(columns.text("body").not_null())
        .col(columns.time("created_at").not_null())
        .foreign_key(&mut reference(("comment", "task_id"), "task"))
        .take()
}

fn label(columns: Columns) -> TableCreateStatement {
    columns
        .table("label")
        .col(
            ColumnDef::new(Alias::new("id"))
                .big_integer()
                .not_null()
                .auto_increment()
                .primary_key(),
        )
        .col(columns.short_text("name").not_null().unique_key())
        .take()
}

fn task_label(columns: Columns) -> TableCreateStatement {
    columns
        .table("task_label")
        .col(Columns::uuid("task_id"))
        .col(
            ColumnDef::new(Alias::new("label_id"))
                .big_integer()
                .not_null(),
        )
        .primary_key(
            Index::create()
                .col(Alias::new("task_id"))
                .col(Alias::new("label_id")),
        )
        .foreign_key(&mut reference(("task_label", "task_id"), "task"))
        .foreign_key(&mut reference(("task_label", "label_id"), "label"))
        .take()
}
