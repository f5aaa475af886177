//! Entities that the API can write.

use sea_orm::TryIntoModel;
use seachange_changelog::BulkEntity;

/// An entity that the API can write: every tracked one whose derives are SeaORM's.
pub trait Writable: BulkEntity<ActiveModel: TryIntoModel<Self::Model> + 'static> {}

impl<E: BulkEntity<ActiveModel: TryIntoModel<E::Model> + 'static>> Writable for E {}
