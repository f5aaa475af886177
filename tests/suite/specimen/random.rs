//! Rows of random values, there and back: through hook and log into a model, out by GraphQL and in
//! again. Each seed gives the same rows every time; a failure names its seed.

use std::ops::Range;

use anyhow::Context;
use sea_orm::{ModelTrait, TransactionSession, TransactionTrait};
use seachange::changelog::image;
use serde_json::{Value as Json, json};

use super::fields::{Fields, copy_of};
use super::generate::{Random, value};
use super::ground::{assert_same, column_of, cut, image_in, insert_in, newest_of, row_of, start, stored};
use super::sample::{Column, equal};
use super::{Specimen, columns_of, on_each};
use crate::harness::{Outcome, TestServer};

crate::cases![random_rows];

/// Seeds of a run; `SEACHANGE_TEST_SEEDS` asks for more.
const SEEDS: u64 = 4;
/// Rows of a seed: one transaction, one batch.
const ROWS: i64 = 50;

async fn random_rows(server: &TestServer) -> Outcome {
    on_each!(server, random)
}

async fn random<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let asked = std::env::var("SEACHANGE_TEST_SEEDS").ok();
    let seeds = asked.map_or(Ok(SEEDS), |seeds| seeds.parse())?;
    for seed in 0..seeds {
        rows_of::<S>(&server, seed)
            .await
            .with_context(|| format!("seed {seed}"))?;
    }
    server.finish().await
}

async fn rows_of<S: Specimen>(server: &TestServer, seed: u64) -> Outcome {
    let columns: Vec<Column> = columns_of::<S, S::Required>()
        .into_iter()
        .map(Column::inputs)
        .collect();
    let mut random = Random::new(seed);
    let first = i64::try_from(seed)? * ROWS + 1;
    let keys = first..first + ROWS;
    let tx = server.db().begin().await?;
    for id in keys.clone() {
        let values: Vec<_> = columns
            .iter()
            .map(|column| (column.name, value::<S>(column, &mut random)))
            .collect();
        let model =
            insert_in::<S::Required>(&tx, row_of::<S::Required>(id, values.clone())?).await?;
        for (name, written) in values {
            let found = model.get(column_of::<S::Required>(name));
            let (found_text, written_text) = (cut(&found), cut(&written));
            anyhow::ensure!(
                equal(&found, &written),
                "{name}: {found_text} is not {written_text}"
            );
        }
    }
    tx.commit().await?;
    assert_logged::<S>(server, keys.clone()).await?;
    copy_by_graphql::<S>(server, keys).await
}

/// The models in the log are those in the table.
async fn assert_logged<S: Specimen>(server: &TestServer, keys: Range<i64>) -> Outcome {
    let changes = newest_of(server, keys.clone().count() as u64).await?;
    for (id, change) in keys.zip(&changes) {
        assert_eq!(change.row_key, json!({ "id": id.to_string() }));
        let model = stored::<S::Required>(server, id).await?;
        assert_same(&image::model_from(image_in(&change.after)?)?, &model)?;
    }
    Ok(())
}

/// What a page of the query gives goes back in as one batch.
async fn copy_by_graphql<S: Specimen>(server: &TestServer, keys: Range<i64>) -> Outcome {
    let (client, fields) = (server.client(), Fields::of::<S::Required>());
    let query = format!(
        "query($first: Int!, $last: Int!) {{
         specimen(filters: {{ id: {{ gte: $first, lte: $last }} }}) {{ nodes {{ {} }} }} }}",
        fields.selection()
    );
    let range = json!({ "first": keys.start, "last": keys.end - 1 });
    let page = client.data(&query, range).await?;
    let mut rows = page["specimen"]["nodes"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert_eq!(rows.len(), ROWS as usize);
    for (id, row) in keys.clone().zip(&mut rows) {
        row["id"] = copy_of(id).into();
    }
    let mutation = format!(
        "mutation($rows: [SpecimenInsertInput!]!) {{
         specimenCreateBatch(data: $rows) {{ {} }} }}",
        fields.selection()
    );
    let data = client.data(&mutation, json!({ "rows": rows })).await?;
    assert_eq!(data["specimenCreateBatch"], Json::Array(rows));
    for id in keys {
        let original = stored::<S::Required>(server, id).await?;
        assert_same(
            &stored::<S::Required>(server, copy_of(id)).await?,
            &original,
        )?;
    }
    Ok(())
}
