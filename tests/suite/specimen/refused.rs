//! Values that a column does not take: `BAD_INPUT`, and neither row nor change.

use sea_orm::{EntityTrait, PaginatorTrait};
use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::fields::Fields;
use super::ground::{assert_same, insert, key, row, start, stored};
use super::sample::Column;
use super::texts::nested;
use super::{Specimen, columns_of, on_each};

seachange_testkit::cases![
    bad_values_write_nothing,
    nulls_and_gaps_write_nothing,
    literals_too_deep_to_read
];

async fn bad_values_write_nothing(server: &TestServer) -> Outcome {
    on_each!(server, bad_values)
}

/// One bad value in an otherwise good row, inserted and put upon a row.
async fn bad_values<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let (client, fields) = (server.client(), Fields::of::<S::Required>());
    let columns: Vec<Column> = columns_of::<S, S::Required>()
        .into_iter()
        .map(Column::inputs)
        .collect();
    let original = insert::<S::Required>(&server, row::<S::Required>(key(0), 0, &columns)?).await?;
    let mut faults = Vec::new();
    for (column, bad) in S::refused() {
        let mut data = fields.input(1, 0, &columns);
        data[fields.field(column)] = bad.clone();
        let created = client
            .send(&fields.creation(), json!({ "data": data }))
            .await?;
        let changes = json!({ "id": key(0), "data": { fields.field(column): bad } });
        let updated = client.send(&fields.change(), changes).await?;
        for (what, answer) in [("insert", created), ("update", updated)] {
            let code = answer.code().map(str::to_owned);
            if !code.as_ref().is_ok_and(|code| code == "BAD_INPUT") {
                let body: String = answer.body.to_string().chars().take(300).collect();
                faults.push(format!("{what} of {bad} into {column}: {code:?} {body}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(S::Required::find().count(server.db()).await?, 1);
    assert_eq!(server.logged().await?.len(), 1);
    assert_same(&stored::<S::Required>(&server, key(0)).await?, &original)?;
    server.finish().await
}

async fn nulls_and_gaps_write_nothing(server: &TestServer) -> Outcome {
    on_each!(server, gaps)
}

/// A required column without a value, or with null.
async fn gaps<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let (client, fields) = (server.client(), Fields::of::<S::Required>());
    let columns: Vec<Column> = columns_of::<S, S::Required>()
        .into_iter()
        .map(Column::inputs)
        .collect();
    for column in &columns {
        let field = fields.field(column.name);
        let mut data = fields.input(1, 0, &columns);
        data[field] = Json::Null;
        let answer = client
            .code(&fields.creation(), json!({ "data": data }))
            .await?;
        assert_eq!(answer, "BAD_INPUT", "null into {}", column.name);
        data.as_object_mut().map(|data| data.remove(field));
        let answer = client
            .code(&fields.creation(), json!({ "data": data }))
            .await?;
        assert_eq!(answer, "BAD_INPUT", "without {}", column.name);
    }
    assert_eq!(S::Required::find().count(server.db()).await?, 0);
    assert_eq!(server.logged().await?.len(), 0);
    server.finish().await
}

async fn literals_too_deep_to_read(server: &TestServer) -> Outcome {
    on_each!(server, literals)
}

/// In the text of a request a document may be deeper than any JSON reader goes.
async fn literals<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let client = server.client();
    for levels in [126, 127, 128, 150, 190] {
        let query = format!(
            "mutation {{ specimenOptionalCreateOne(data: {{ id: 1, json: {} }}) {{ json }} }}",
            nested(levels)
        );
        assert_eq!(
            client.code(&query, json!({})).await?,
            "BAD_INPUT",
            "{levels}"
        );
    }
    assert_eq!(S::Optional::find().count(server.db()).await?, 0);
    server.finish().await
}

/// What every database refuses.
pub fn everywhere() -> Vec<(&'static str, Json)> {
    let mut refused = vec![
        ("flag", json!(1)),
        ("flag", json!("true")),
        ("tiny", json!(128)),
        ("tiny", json!(300)),
        ("small", json!(32_768)),
        ("small", json!(-32_769)),
        ("int", json!(2_147_483_648_i64)),
        ("int", json!(1.5)),
        ("int", json!("1")),
        ("big", json!(9_223_372_036_854_775_808_u64)),
        ("big", json!(1.0)),
        ("single", json!(1e39)),
        ("single", json!("NaN")),
        ("double", json!("Infinity")),
        ("double", json!("1.5")),
        ("blob", json!("not base64!")),
        ("blob", json!("AAA")),
        ("blob", json!("AAB=")),
        ("uuid", json!("nope")),
        ("uuid", json!("019233e5ab7c47def8123456789abcdef")),
        ("text_uuid", json!("nope")),
        ("text", json!(1)),
        ("mood", json!("bogus")),
        ("level", json!(7)),
        ("weather", json!("stormy")),
        ("weather", json!("half-clouded sky")),
        ("seconds", json!(i64::MAX)),
        ("millis", json!(i64::MIN)),
    ];
    refused.extend(bad(&["decimal", "scaled", "big_decimal"], &DECIMALS));
    refused.extend(bad(&["date", "time_date"], &DATES));
    refused.extend(bad(&["time", "time_time"], &TIMES));
    refused.extend(bad(&["date_time", "time_date_time"], &DATE_TIMES));
    refused.extend(bad(&["utc", "local", "zoned", "time_zoned"], &DATE_TIMES));
    // When that was would be a guess.
    let unzoned = ["2024-02-29T12:00:00", "2024-02-29T12:00:00+1"];
    refused.extend(bad(&["utc", "local", "zoned", "time_zoned"], &unzoned));
    refused.push(("decimal", json!(1.5)));
    refused.push(("decimal", json!("79228162514264337593543950336")));
    refused.push(("decimal", json!("0.00000000000000000000000000001")));
    refused
}

const DECIMALS: [&str; 6] = ["", "1e5", "abc", "1.", "+1", "NaN"];
const DATES: [&str; 5] = [
    "",
    "2024-02-30",
    "2024-2-1",
    "20240201",
    "2024-02-01T00:00:00",
];
const TIMES: [&str; 5] = ["", "24:00:00", "12:60:00", "12:00", "12:00:00Z"];
const DATE_TIMES: [&str; 4] = [
    "",
    "2024-02-29",
    "2023-02-29T00:00:00Z",
    "2024-02-29T25:00:00Z",
];

/// Each of the texts in each of the columns.
pub fn bad(columns: &[&'static str], texts: &[&str]) -> Vec<(&'static str, Json)> {
    let pairs = columns
        .iter()
        .flat_map(|column| texts.iter().map(|text| (*column, json!(text))));
    pairs.collect()
}
