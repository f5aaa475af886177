//! Indexes that have the children of each parent in the order of their keys, so that a page of them is read
//! without the rest.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Tables, and their columns that refer to a parent.
const REFERENCES: [(&str, &str); 2] = [("task", "project_id"), ("comment", "task_id")];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in REFERENCES {
            // MariaDB keeps an index for each foreign key, so the new one must be there first.
            manager.create_index(create(table, &[column, "id"])).await?;
            manager.drop_index(drop(table, &[column])).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in REFERENCES {
            manager.create_index(create(table, &[column])).await?;
            manager.drop_index(drop(table, &[column, "id"])).await?;
        }
        Ok(())
    }
}

fn name(table: &str, columns: &[&str]) -> String {
    format!("idx_{table}_{}", columns.join("_"))
}

fn create(table: &str, columns: &[&str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name(table, columns)).table(Alias::new(table));
    for column in columns {
        index.col(Alias::new(*column));
    }
    index
}

fn drop(table: &str, columns: &[&str]) -> IndexDropStatement {
    let mut index = Index::drop();
    index.name(name(table, columns)).table(Alias::new(table));
    index
}
