//! The conflict inbox: edits of offline clients that were not taken as they were sent.

use sea_orm::entity::prelude::*;

/// What has become of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
pub enum Status {
    /// Somebody has to decide.
    #[sea_orm(string_value = "open")]
    Open,
    /// Decided, by somebody or by the entity's policy.
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
    /// The row's key, as in images; what was sent for one, if it is none.
    #[sea_orm(column_type = "Text")]
    pub row_key: String,
    /// What has become of it.
    pub status: Status,
    /// Why the edit was not taken, as a sentence.
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    /// What the client took for the stored row.
    #[sea_orm(column_type = "Text", nullable)]
    pub assumed: Option<String>,
    /// What was stored.
    #[sea_orm(column_type = "Text", nullable)]
    pub server: Option<String>,
    /// What the client sent.
    #[sea_orm(column_type = "Text")]
    pub client: String,
    /// Who sent it.
    #[sea_orm(column_type = "Text", nullable)]
    pub actor: Option<String>,
    /// A hash of what was sent: the same edit sent again is the same conflict.
    pub mutation_id: String,
    /// When it was found.
    pub recorded_at: ChronoDateTimeUtc,
    /// When it was decided.
    pub resolved_at: Option<ChronoDateTimeUtc>,
}

/// None: a conflict outlives its row.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

crate::track!(created_at: RecordedAt);
