//! The shapes that a table has had, as reading the log requires them: table `change_schema`.
//!
//! A stored version is never changed. A column keeps its number through renames, so that an old image can be
//! shown in today's names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{ConnectionTrait, DbErr};
use serde_json::Value as Json;

use crate::database::{self, Dialect, Images};
use crate::image::Image;
use crate::shape::{Column, Shown, Version, base};

/// Stores a version of a table.
pub(super) async fn store<C: ConnectionTrait>(
    db: &C,
    entity: &str,
    version: &Version,
) -> Result<(), DbErr> {
    let columns = serde_json::to_string(&version.columns).map_err(malformed)?;
    let sql = "INSERT INTO change_schema (entity, version, columns) VALUES (?, ?, ?)";
    let values = vec![entity.into(), version.version.into(), columns.into()];
    db.execute_raw(database::of(db).statement(sql, values))
        .await?;
    Ok(())
}

fn malformed(error: serde_json::Error) -> DbErr {
    DbErr::Type(format!("change_schema: {error}"))
}

/// Whether triggers write a key's value, stored in a column of this type, in the same way as hooks, which
/// follow the entity's type.
fn is_written_alike(value: &Json, ty: &str, dialect: &dyn Dialect) -> bool {
    let is_narrow = matches!(
        base(ty),
        "tinyint" | "smallint" | "mediumint" | "int" | "integer"
    );
    let is_wide = base(ty) == "bigint";
    match (dialect.facts().images, value) {
        // Both forms are numbers, which lookups include. A UUID may be stored there as text in any spelling.
        (Images::Tagged, Json::Number(_)) => is_narrow || is_wide,
        (Images::Tagged, Json::String(text)) => {
            (is_narrow || is_wide) && text.parse::<i64>().is_ok()
        }
        (_, Json::Number(_)) => is_narrow,
        // The value may also be stored as a number, which it was before the column grew.
        (_, Json::String(text)) if text.parse::<i64>().is_ok() => is_narrow || is_wide,
        (_, Json::String(text)) if text.parse::<i128>().is_ok() => is_wide,
        (_, Json::String(_)) => matches!(ty, "uuid" | "binary(16)"),
        _ => false,
    }
}

/// All versions of all tables that have any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schemas(HashMap<String, Vec<Version>>);

impl Schemas {
    /// Reads all versions with one query; they are a few dozen rows.
    pub(crate) async fn read<C: ConnectionTrait>(db: &C) -> Result<Self, DbErr> {
        let sql = "SELECT entity, version, columns FROM change_schema ORDER BY entity, version";
        let rows = db
            .query_all_raw(database::of(db).statement(sql, Vec::new()))
            .await?;
        let mut schemas = Self::default();
        for row in rows {
            let entity: String = row.try_get("", "entity")?;
            let columns: String = row.try_get("", "columns")?;
            let version = Version {
                version: row.try_get("", "version")?,
                columns: serde_json::from_str(&columns).map_err(malformed)?,
            };
            schemas.0.entry(entity).or_default().push(version);
        }
        Ok(schemas)
    }

    /// One version of one table, regardless of what is stored.
    pub(super) fn of(entity: &str, version: Version) -> Self {
        Self([(entity.to_owned(), vec![version])].into_iter().collect())
    }

    /// The key under each of the earlier names of its columns, if they had other names.
    pub(crate) fn under_old_names(&self, entity: &str, key: &Image) -> Vec<Image> {
        let Some(today) = self.newest(entity) else {
            return Vec::new();
        };
        let named = self.versions(entity).iter().map(|then| {
            let fields = key.iter().map(|(name, value)| {
                let now = today.columns.iter().find(|now| now.name == *name);
                let old = now.and_then(|now| then.columns.iter().find(|c| c.number == now.number));
                (old.map_or(name, |old| &old.name).clone(), value.clone())
            });
            let fields: BTreeMap<_, _> = fields.collect();
            fields.into_iter().collect()
        });
        named.filter(|named| named != key).collect()
    }

    /// Whether a lookup by the key's text as hooks write it finds every change of the row. Keys of integers
    /// and UUIDs qualify if under each version so far triggers wrote the same text, or one that the lookup
    /// adds ([`key_text_with_numbers`](crate::reader::key_text_with_numbers)).
    pub(crate) fn find_by_key(&self, entity: &str, key: &Image, dialect: &dyn Dialect) -> bool {
        let is_alike = |column: &Column| {
            let value = key.get(&column.name);
            value.is_some_and(|value| is_written_alike(value, &column.ty, dialect))
        };
        let mut versions = self.versions(entity).iter();
        versions.all(|version| version.keys().count() == key.len() && version.keys().all(is_alike))
    }

    /// The versions of a table, oldest first.
    pub(super) fn versions(&self, entity: &str) -> &[Version] {
        self.0.get(entity).map_or(&[], Vec::as_slice)
    }

    pub(super) fn version(&self, entity: &str, version: i32) -> Option<&Version> {
        let mut versions = self.versions(entity).iter();
        versions.find(|known| known.version == version)
    }

    pub(crate) fn newest(&self, entity: &str) -> Option<&Version> {
        self.versions(entity).last()
    }

    /// The image in today's names: renamed columns appear under their new ones. A column that today's table
    /// lacks stays, unless another column now has its name.
    pub(crate) fn in_todays_names(&self, entity: &str, version: i32, image: Image) -> Image {
        let versions = self.versions(entity);
        let then = versions.iter().position(|known| known.version == version);
        let Some((since, today)) = then.map(|then| &versions[then..]).zip(versions.last()) else {
            return image;
        };
        if since.len() < 2 {
            return image;
        }
        // Hooks may write a column before the version that has it is stored; then the first version with it
        // decides.
        let now = |name: &str| {
            let mut columns = since.iter().flat_map(|version| &version.columns);
            let then = columns.find(|then| then.name == name)?;
            let mut columns = today.columns.iter();
            columns.find(|now| now.number == then.number)
        };
        let renamed: BTreeMap<String, &str> = image
            .keys()
            .filter_map(|name| Some((name, now(name)?)))
            .filter(|(name, now)| **name != now.name)
            .map(|(name, now)| (name.clone(), now.name.as_str()))
            .collect();
        if renamed.is_empty() {
            return image;
        }
        let taken: BTreeSet<&str> = renamed.values().copied().collect();
        let mut fields: Vec<(String, serde_json::Value)> = image
            .into_iter()
            .filter_map(|(name, value)| match renamed.get(name.as_str()) {
                Some(now) => Some(((*now).to_owned(), value)),
                None => (!taken.contains(name.as_str())).then_some((name, value)),
            })
            .collect();
        fields.sort_by(|(left, _), (right, _)| left.cmp(right));
        fields.into_iter().collect()
    }

    /// Today's names of the columns whose images mean the same in every version that has them: they have one
    /// type and are shown. `None` means all columns.
    pub(crate) fn lasting(&self, entity: &str) -> Option<BTreeSet<String>> {
        let versions = self.versions(entity);
        let is_plain = |version: &Version| {
            let mut columns = version.columns.iter();
            columns.all(|column| column.shown == Shown::Whole)
        };
        let [older @ .., today] = versions else {
            return None;
        };
        if older.is_empty() && is_plain(today) {
            return None;
        }
        let lasts = |column: &&Column| {
            column.shown == Shown::Whole
                && older
                    .iter()
                    .flat_map(|version| &version.columns)
                    .all(|then| {
                        then.number != column.number
                            || then.ty == column.ty && then.shown == Shown::Whole
                    })
        };
        let lasting = today.columns.iter().filter(lasts);
        Some(lasting.map(|column| column.name.clone()).collect())
    }
}
