//! The conflict inbox: edits of offline clients that were not stored as they were sent.

use sea_orm::entity::prelude::*;

/// The state of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
pub enum Status {
    /// A decision is pending.
    #[sea_orm(string_value = "open")]
    Open,
    /// Decided, by a person or by the entity's policy.
    #[sea_orm(string_value = "resolved")]
    Resolved,
    /// The edit could not be stored at all.
    #[sea_orm(string_value = "rejected")]
    Rejected,
}

/// A row of `sync_conflict`. Rows are JSON texts, in the form in which clients have them.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sync_conflict")]
pub struct Model {
    /// A UUID; later ones sort later.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The row's table.
    pub entity: String,
    /// The row's key, as in images; if the client sent no valid key, what it sent instead.
    #[sea_orm(column_type = "Text")]
    pub row_key: String,
    /// The conflict's state.
    pub status: Status,
    /// Why the edit was not stored, as a sentence.
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    /// The row that the client believed to be stored.
    #[sea_orm(column_type = "Text", nullable)]
    pub assumed: Option<String>,
    /// The row that was stored.
    #[sea_orm(column_type = "Text", nullable)]
    pub server: Option<String>,
    /// The row that the client sent.
    #[sea_orm(column_type = "Text")]
    pub client: String,
    /// The actor that sent it.
    #[sea_orm(column_type = "Text", nullable)]
    pub actor: Option<String>,
    /// A hash of what was sent, so that the same edit sent again is the same conflict.
    pub mutation_id: String,
    /// When it was found.
    pub recorded_at: ChronoDateTimeUtc,
    /// When it was decided.
    pub resolved_at: Option<ChronoDateTimeUtc>,
}

/// The entity has no relations: a conflict outlives its row.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

crate::track!(created_at: RecordedAt);
