//! Offline clients: the conflict inbox.

use sea_orm_migration::prelude::*;
use seachange_changelog::{create_sync_tables, drop_sync_tables};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_sync_tables(manager.get_connection()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_sync_tables(manager.get_connection()).await
    }
}
