//! What every case stands on: a server that knows the specimen, its tables, its rows.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IdenStatic, Iterable, ModelTrait, TransactionTrait,
    Value,
};
use seachange::changelog::internal::image;
use seachange::changelog::{Image, TrackedTransaction, log};
use seachange_testkit::{TestServer, reference_app};
use serde_json::Value as Json;

use super::sample::{Column, equal, same};
use super::{Specimen, Table};

/// Makes the tables and starts a server beside the reference application's.
pub async fn start<S: Specimen>(server: &TestServer) -> anyhow::Result<TestServer> {
    S::create(server.db().writer()).await?;
    let app = S::register(reference_app());
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}

/// Enough rows for every sample of every column.
pub fn rows(columns: &[Column]) -> std::ops::Range<usize> {
    0..columns
        .iter()
        .map(|column| column.samples.len())
        .max()
        .unwrap_or(0)
}

/// The key of a row in tests: no number that floats could hold.
pub fn key(row: usize) -> i64 {
    i64::MAX - i64::try_from(row).expect("few rows")
}

/// A column by its name.
pub fn column_of<E: EntityTrait>(name: &str) -> E::Column {
    E::Column::iter()
        .find(|column| column.as_str() == name)
        .unwrap_or_else(|| panic!("no column {name}"))
}

/// A row with every column set from its samples.
pub fn row<E: Table>(id: i64, row: usize, columns: &[Column]) -> anyhow::Result<E::ActiveModel> {
    let values = columns
        .iter()
        .map(|column| (column.name, column.sample(row).value.clone()));
    row_of::<E>(id, values)
}

/// A row with these columns set.
pub fn row_of<E: Table>(
    id: i64,
    values: impl IntoIterator<Item = (&'static str, Value)>,
) -> anyhow::Result<E::ActiveModel> {
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    model.set(column_of::<E>("id"), id.into());
    for (name, value) in values {
        model
            .try_set(column_of::<E>(name), value)
            .map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    }
    Ok(model)
}

/// A row where everything but the key is null.
pub fn null_row<E: Table>(id: i64) -> anyhow::Result<E::ActiveModel> {
    let columns = E::Column::iter().filter(|column| column.as_str() != "id");
    let nulls = columns.map(|column| {
        let rust = E::Model::get_value_type(column);
        let null = image::decode(column.def().get_column_type(), &rust, &Json::Null);
        null.map(|null| (column.as_str(), null))
    });
    row_of::<E>(id, nulls.collect::<Result<Vec<_>, _>>()?)
}

/// Writes in a transaction of its own.
pub async fn insert<E: Table>(
    server: &TestServer,
    row: E::ActiveModel,
) -> anyhow::Result<E::Model> {
    let tx = server.db().begin().await?;
    let model = insert_in::<E>(&tx, row).await?;
    tx.commit().await?;
    Ok(model)
}

/// Writes in this transaction.
pub async fn insert_in<E: Table>(
    tx: &TrackedTransaction,
    row: E::ActiveModel,
) -> anyhow::Result<E::Model> {
    Ok(row.insert(tx).await?)
}

/// The row with this key.
pub async fn stored<E: Table>(server: &TestServer, id: i64) -> anyhow::Result<E::Model> {
    use sea_orm::QueryFilter;
    let found = E::find()
        .filter(column_of::<E>("id").eq(id))
        .one(server.db())
        .await?;
    found.ok_or_else(|| anyhow::anyhow!("no row {id}"))
}

/// The newest changes, oldest of them first.
pub async fn newest_of(server: &TestServer, count: u64) -> anyhow::Result<Vec<log::Model>> {
    let changes = server.logged().await?;
    let count = usize::try_from(count)?.min(changes.len());
    Ok(changes[changes.len() - count..].to_vec())
}

/// The newest change.
pub async fn newest(server: &TestServer) -> anyhow::Result<log::Model> {
    let newest = newest_of(server, 1).await?.pop();
    newest.ok_or_else(|| anyhow::anyhow!("nothing logged"))
}

/// An image in the log.
pub fn image_in(image: &Option<Json>) -> anyhow::Result<&Image> {
    let image = image.as_ref().and_then(Json::as_object);
    image.ok_or_else(|| anyhow::anyhow!("no image"))
}

/// Fails with the names of the columns that differ.
pub fn assert_same<M: ModelTrait>(left: &M, right: &M) -> anyhow::Result<()> {
    for column in <M::Entity as EntityTrait>::Column::iter().filter(|c| c.as_str() != "id") {
        let (l, r) = (left.get(column), right.get(column));
        anyhow::ensure!(
            equal(&l, &r),
            "{}: {} is not {}",
            column.as_str(),
            cut(&l),
            cut(&r)
        );
    }
    Ok(())
}

/// Fails unless the row reads back as its samples say.
pub fn assert_stored<M: ModelTrait>(
    model: &M,
    row: usize,
    columns: &[Column],
) -> anyhow::Result<()> {
    for column in columns {
        let found = model.get(column_of::<M::Entity>(column.name));
        let expected = &column.sample(row).stored;
        let name = column.name;
        anyhow::ensure!(
            equal(&found, expected),
            "{name}: {} is not {}",
            cut(&found),
            cut(expected)
        );
    }
    Ok(())
}

/// Fails unless the image is what the samples say.
pub fn assert_image(image: &Image, row: usize, columns: &[Column]) -> anyhow::Result<()> {
    anyhow::ensure!(
        image.len() == columns.len() + 1,
        "columns: {:?}",
        image.keys()
    );
    for column in columns {
        let (name, expected) = (column.name, &column.sample(row).image);
        let found = image.get(name).unwrap_or(&Json::Null);
        anyhow::ensure!(
            same(found, expected),
            "{name}: {} is not {}",
            cut(found),
            cut(expected)
        );
    }
    Ok(())
}

/// The beginning of a long value.
pub fn cut(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.chars().take(200).collect()
}
