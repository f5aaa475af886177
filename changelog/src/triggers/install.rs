//! Creates and drops a table's triggers.

use sea_orm::{ConnectionTrait, DbErr};

use crate::database::{self, KINDS, Plan, piece_name};

/// Drops those of the table's triggers that exist.
pub(crate) async fn drop_triggers<C: ConnectionTrait>(db: &C, entity: &str) -> Result<(), DbErr> {
    let dialect = database::of(db);
    for kind in KINDS {
        let sql = dialect.drop_trigger(&piece_name(kind, entity), entity);
        dialect.alter(db, &sql, false).await?;
    }
    dialect.tidy(db, entity, None).await
}

/// Creates the table's triggers and replaces existing ones.
pub(super) async fn make_triggers<C: ConnectionTrait>(
    db: &C,
    plan: &Plan<'_>,
) -> Result<(), DbErr> {
    let dialect = database::of(db);
    for piece in dialect.pieces(plan) {
        dialect.alter(db, &piece.sql, true).await?;
    }
    dialect.tidy(db, plan.entity, Some(plan)).await
}
