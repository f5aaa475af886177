//! What of two images can be compared: not every column means the same in every change.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use sea_orm::{DatabaseTransaction, DbErr};
use seachange_changelog::reader::lasting_columns;
use seachange_changelog::{Image, image, is_redacted};
use serde_json::Value as Json;

use super::records::Digest;
use crate::graphql::Registered;

/// Which columns of an entity can be compared with the log.
pub(super) struct Compared {
    columns: BTreeSet<&'static str>,
    /// How many cannot.
    pub(super) others: u64,
}

impl Compared {
    /// Those that the log has values of and that mean the same in every change of the table.
    pub(super) async fn of(tx: &DatabaseTransaction, entity: &Registered) -> Result<Self, DbErr> {
        let lasting = lasting_columns(tx, entity.info.table).await?;
        let all = &entity.info.columns;
        let shown = all.iter().filter(|column| !column.is_hidden);
        let lasts = |name: &&str| lasting.as_ref().is_none_or(|names| names.contains(*name));
        let columns: BTreeSet<_> = shown.map(|column| column.name).filter(lasts).collect();
        let others = (all.len() - columns.len()) as u64;
        Ok(Self { columns, others })
    }

    /// What is kept of an image, of the values that can be compared.
    pub(super) fn digest(&self, image: &Json) -> Digest {
        // Keys of a JSON object are sorted, so equal images have equal text.
        let mut hasher = DefaultHasher::new();
        let mut hides = false;
        match image.as_object() {
            Some(fields) => {
                let fields = fields
                    .iter()
                    .filter(|(name, _)| self.columns.contains(name.as_str()));
                for (name, value) in fields {
                    hides |= is_redacted(value);
                    (name, value.to_string()).hash(&mut hasher);
                }
            }
            None => image.to_string().hash(&mut hasher),
        }
        Digest {
            hash: hasher.finish(),
            hides,
        }
    }

    /// The columns in which two images of the log part, but for those that were hidden in one of them.
    pub(super) fn parting(&self, one: Option<&Json>, other: Option<&Json>) -> Option<Vec<String>> {
        let mut names = self.parting_row(one, other)?;
        let other = other?.as_object()?;
        names.retain(|name| !was_hidden(other, name));
        Some(names)
    }

    /// The columns in which a row parts from its image in the log, but for those that were hidden there.
    /// Nothing is hidden in a row: one that says so had it written into it.
    pub(super) fn parting_row(
        &self,
        logged: Option<&Json>,
        row: Option<&Json>,
    ) -> Option<Vec<String>> {
        let (logged, row) = (logged?.as_object()?, row?.as_object()?);
        let mut names = image::differing(logged, row);
        names.retain(|name| self.columns.contains(name.as_str()) && !was_hidden(logged, name));
        Some(names)
    }
}

fn was_hidden(image: &Image, name: &str) -> bool {
    image.get(name).is_some_and(is_redacted)
}
