//! Reading a registered entity's rows without knowing its Rust type.

use std::marker::PhantomData;

use sea_orm::{
    Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, IdenStatic, Iterable, QueryFilter, QuerySelect,
};
use seachange_changelog::internal::rows;
use seachange_changelog::{Image, ImageError};

use super::columns::in_key_order;
use super::filter::{self, Predicate};

/// How many keys one statement has. Each key is a term of its condition, and SQLite takes terms nested up to
/// 1,000 deep.
pub(super) const KEYS: usize = 250;

/// A row as it is stored.
pub(crate) struct KeyedRow {
    pub(crate) key: Image,
    /// The whole row.
    pub(crate) image: Image,
}

impl KeyedRow {
    fn of<E: EntityTrait>(row: rows::Row<E>) -> Self {
        Self {
            key: row.key(),
            image: row.into_image(),
        }
    }
}

/// Some rows in key order.
pub(crate) struct TablePage {
    pub(crate) rows: Vec<KeyedRow>,
    /// To be passed back for the rows after these; `None` at the end.
    pub(crate) next: Option<Image>,
}

/// A row with values that its entity cannot hold.
pub(crate) struct Misfit {
    pub(crate) key: Image,
    pub(crate) columns: Vec<&'static str>,
}

/// Rows that one statement reads to look for values that do not fit.
const LOOKED_AT: u64 = 1_000;

/// The rows of one table.
#[async_trait::async_trait]
pub(crate) trait Table: Send + Sync {
    /// Up to `limit` rows after a key that passes [`check_key`](Self::check_key).
    async fn read(
        &self,
        tx: &DatabaseTransaction,
        predicate: Option<&Predicate>,
        after: Option<&Image>,
        limit: u64,
    ) -> Result<TablePage, DbErr>;

    /// The row with a key; `None` also if no row can have it.
    async fn find(&self, db: &DatabaseConnection, key: &Image) -> Result<Option<Image>, DbErr>;

    /// The rows that exist with these keys, in any order.
    async fn among(&self, db: &DatabaseConnection, keys: &[Image]) -> Result<Vec<KeyedRow>, DbErr>;

    /// The first rows, up to `most`, with values that the entity cannot hold.
    async fn misfits(&self, db: &DatabaseConnection, most: usize) -> Result<Vec<Misfit>, DbErr>;

    /// Checks that rows of this database can have the key.
    fn check_key(&self, key: &Image, backend: DbBackend) -> Result<(), ImageError>;

    /// Every column of the entity, including those that the API leaves out.
    fn columns(&self) -> Vec<&'static str>;
}

/// The table of one entity.
pub(crate) struct TableOf<E>(PhantomData<fn() -> E>);

impl<E> TableOf<E> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

#[async_trait::async_trait]
impl<E> Table for TableOf<E>
where
    E: EntityTrait,
    E::Model: Sync,
{
    async fn read(
        &self,
        tx: &DatabaseTransaction,
        predicate: Option<&Predicate>,
        after: Option<&Image>,
        limit: u64,
    ) -> Result<TablePage, DbErr> {
        let backend = tx.get_database_backend();
        let mut select = E::find();
        if let Some(predicate) = predicate {
            select = select.filter(filter::condition::<E>(predicate, backend));
        }
        if let Some(key) = after {
            let after = rows::after_key::<E>(key, backend);
            select = select.filter(after.map_err(|error| DbErr::Type(error.to_string()))?);
        }
        let select = in_key_order(select).limit(limit);
        let found = rows::read(tx, select).await?;
        let is_last = (found.len() as u64) < limit;
        let rows: Vec<KeyedRow> = found.into_iter().map(KeyedRow::of).collect();
        let last = rows.last().filter(|_| !is_last);
        let next = last.map(|row| row.key.clone());
        Ok(TablePage { rows, next })
    }

    async fn find(&self, db: &DatabaseConnection, key: &Image) -> Result<Option<Image>, DbErr> {
        let Ok(condition) = rows::key_condition::<E>(key, db.get_database_backend()) else {
            return Ok(None);
        };
        let select = E::find().filter(condition);
        let found = rows::read_from::<E>(db, |extra| rows::with_extra(&select, extra)).await?;
        Ok(found.into_iter().next().map(|(row, _)| row.into_image()))
    }

    async fn among(&self, db: &DatabaseConnection, keys: &[Image]) -> Result<Vec<KeyedRow>, DbErr> {
        let backend = db.get_database_backend();
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS) {
            // A key that is not of the key's type is not a key of any row.
            let keys = keys
                .iter()
                .filter_map(|key| rows::key_condition::<E>(key, backend).ok());
            let any = keys.fold(Condition::any(), Condition::add);
            if any.is_empty() {
                continue;
            }
            let select = E::find().filter(any);
            let rows = rows::read_from::<E>(db, |extra| rows::with_extra(&select, extra)).await?;
            found.extend(rows.into_iter().map(|(row, _)| KeyedRow::of(row)));
        }
        Ok(found)
    }

    async fn misfits(&self, db: &DatabaseConnection, most: usize) -> Result<Vec<Misfit>, DbErr> {
        let (mut misfits, mut after) = (Vec::new(), None);
        loop {
            let mut select = E::find();
            if let Some(after) = after.take() {
                select = select.filter::<Condition>(after);
            }
            let select = in_key_order(select).limit(LOOKED_AT);
            let found = rows::read_from::<E>(db, |extra| rows::with_extra(&select, extra)).await?;
            let unfit = found.iter().filter(|(row, _)| row.model().is_none());
            misfits.extend(unfit.map(|(row, _)| Misfit {
                key: row.key(),
                columns: row.misfits(),
            }));
            let last = found.last().filter(|_| found.len() as u64 == LOOKED_AT);
            let Some((last, _)) = last.filter(|_| misfits.len() < most) else {
                misfits.truncate(most);
                return Ok(misfits);
            };
            after = Some(last.after());
        }
    }

    fn check_key(&self, key: &Image, backend: DbBackend) -> Result<(), ImageError> {
        rows::key_condition::<E>(key, backend).map(drop)
    }

    fn columns(&self) -> Vec<&'static str> {
        E::Column::iter().map(|column| column.as_str()).collect()
    }
}
