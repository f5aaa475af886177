//! Through GraphQL: every value comes out as the contract writes it, and what comes out goes back in.

use std::ops::Range;

use sea_orm::{ColumnTrait, ColumnType, ModelTrait, TransactionTrait};
use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::fields::{Fields, copy_of};
use super::ground::{
    assert_image, assert_same, column_of, image_in, insert, key, newest, null_row, row, rows,
    start, stored,
};
use super::sample::Column;
use super::{Specimen, Table, columns_of, on_each, texts};

seachange_testkit::cases![
    every_value_comes_out,
    every_value_goes_back_in,
    inputs_are_made_canonical,
    nulls_go_both_ways,
    changes_of_every_value,
    megabytes_go_back_in,
];

async fn every_value_comes_out(server: &TestServer) -> Outcome {
    on_each!(server, out)
}

async fn out<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let columns = columns_of::<S, S::Required>();
    out_of::<S::Required>(&server, rows(&columns), &columns).await?;
    let columns = columns_of::<S, S::Optional>();
    out_of::<S::Optional>(&server, rows(&columns), &columns).await?;
    server.finish().await
}

async fn out_of<E: Table>(server: &TestServer, rows: Range<usize>, columns: &[Column]) -> Outcome {
    let (client, fields) = (server.client(), Fields::of::<E>());
    for n in rows {
        insert::<E>(server, row::<E>(key(n), n, columns)?).await?;
        fields.assert_row(&fields.read(&client, key(n)).await?, n, columns)?;
    }
    Ok(())
}

async fn every_value_goes_back_in(server: &TestServer) -> Outcome {
    on_each!(server, back)
}

async fn back<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let columns = inputs(columns_of::<S, S::Required>());
    back_into::<S::Required>(&server, rows(&columns), &columns).await?;
    let columns = inputs(columns_of::<S, S::Optional>());
    back_into::<S::Optional>(&server, rows(&columns), &columns).await?;
    server.finish().await
}

/// Without what GraphQL takes no input of.
fn inputs(columns: Vec<Column>) -> Vec<Column> {
    columns.into_iter().map(Column::inputs).collect()
}

async fn megabytes_go_back_in(server: &TestServer) -> Outcome {
    on_each!(server, long)
}

async fn long<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let columns = with_megabytes(inputs(columns_of::<S, S::Required>()));
    back_into::<S::Required>(&server, 0..3, &columns).await?;
    server.finish().await
}

/// The second row has a megabyte of text and one of bytes.
fn with_megabytes(mut columns: Vec<Column>) -> Vec<Column> {
    for column in &mut columns {
        match column.name {
            "text" => column.samples.insert(1, texts::long_text()),
            "blob" => column.samples.insert(1, texts::long_binary()),
            _ => {}
        }
    }
    columns
}

/// What a query gives is inserted under another key, and put upon the row before.
async fn back_into<E: Table>(
    server: &TestServer,
    rows: Range<usize>,
    columns: &[Column],
) -> Outcome {
    let (client, fields) = (server.client(), Fields::of::<E>());
    for n in rows {
        insert::<E>(server, row::<E>(key(n), n, columns)?).await?;
        let original = stored::<E>(server, key(n)).await?;
        let mut data = fields.read(&client, key(n)).await?;
        data["id"] = copy_of(key(n)).into();
        let key_of_it = format!("{}-{}", E::default().table_name(), n);
        let keyed = client.with_header("idempotency-key", &key_of_it);
        let created = fields.create(&keyed, &data).await?;
        fields.assert_row(&created, n, columns)?;
        // What was kept of it says the same.
        assert_eq!(fields.create(&keyed, &data).await?, created);
        assert_same(&stored::<E>(server, copy_of(key(n))).await?, &original)?;
        assert_image(image_in(&newest(server).await?.after)?, n, columns)?;
        if let Some(before) = n.checked_sub(1) {
            let id = copy_of(key(before));
            data["id"] = id.into();
            fields.assert_row(&fields.update(&client, id, &data).await?, n, columns)?;
            assert_same(&stored::<E>(server, id).await?, &original)?;
            let change = newest(server).await?;
            assert_image(image_in(&change.before)?, before, columns)?;
            assert_image(image_in(&change.after)?, n, columns)?;
        }
    }
    Ok(())
}

async fn inputs_are_made_canonical(server: &TestServer) -> Outcome {
    on_each!(server, canonical)
}

/// What may be written in more than one way comes out in one.
async fn canonical<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let (client, fields) = (server.client(), Fields::of::<S::Optional>());
    let scale = match column_of::<S::Optional>("scaled").def().get_column_type() {
        ColumnType::Decimal(Some((_, scale))) => *scale as usize,
        other => panic!("{other:?}"),
    };
    let three = format!("3.{}", "0".repeat(scale));
    let small = format!("-0.{}5", "0".repeat(scale));
    let smallest = format!("-0.{}1", "0".repeat(scale - 1));
    for (column, input, output) in [
        ("double", json!(1), json!(1.0)),
        ("single", json!(0.1), json!(0.1)),
        ("single", json!(0.10000000149011612), json!(0.1)),
        ("decimal", json!("-001.500"), json!("-1.5")),
        ("decimal", json!("-0"), json!("0")),
        ("scaled", json!("3"), json!(three)),
        ("scaled", json!("2.9999999999"), json!(three)),
        ("scaled", json!(small), json!(smallest)),
        ("time", json!("12:34:56"), json!("12:34:56.000000")),
        ("time", json!("12:34:56.1234567"), json!("12:34:56.123456")),
        (
            "date_time",
            json!("2024-02-29 12:00:00.5"),
            json!("2024-02-29T12:00:00.500000"),
        ),
        (
            "utc",
            json!("2024-02-29t12:00:00+02:00"),
            json!("2024-02-29T10:00:00.000000Z"),
        ),
        (
            "zoned",
            json!("2024-02-29T12:00:00.1234567-02:30"),
            json!("2024-02-29T14:30:00.123456Z"),
        ),
        (
            "time_zoned",
            json!("2024-02-29T12:00:00z"),
            json!("2024-02-29T12:00:00.000000Z"),
        ),
        (
            "uuid",
            json!("F47AC10B-58CC-4372-A567-0E02B2C3D479"),
            json!("f47ac10b-58cc-4372-a567-0e02b2c3d479"),
        ),
    ] {
        let field = fields.field(column);
        let row = fields
            .create(&client, &json!({ "id": 1, field: input }))
            .await?;
        assert_eq!(row[field], output, "{input} into {column}");
        assert_eq!(image_in(&newest(&server).await?.after)?[column], output);
        let (model, before) = (
            stored::<S::Optional>(&server, 1).await?,
            newest(&server).await?,
        );
        // The same again, in the other words, is no change.
        fields.update(&client, 1, &json!({ field: input })).await?;
        assert_eq!(
            newest(&server).await?.id,
            before.id,
            "{input} into {column}"
        );
        let tx = server.db().begin().await?;
        model.delete(&tx).await?;
        tx.commit().await?;
    }
    server.finish().await
}

async fn nulls_go_both_ways(server: &TestServer) -> Outcome {
    on_each!(server, nulls)
}

async fn nulls<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let (client, fields) = (server.client(), Fields::of::<S::Optional>());
    let original = insert::<S::Optional>(&server, null_row::<S::Optional>(key(0))?).await?;
    let mut data = fields.read(&client, key(0)).await?;
    let others = data
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "id");
    assert!(others.clone().count() > 0 && others.clone().all(|(_, value)| value.is_null()));
    data["id"] = copy_of(key(0)).into();
    fields.create(&client, &data).await?;
    assert_same(
        &stored::<S::Optional>(&server, copy_of(key(0))).await?,
        &original,
    )?;
    // Left out is null too.
    fields.create(&client, &json!({ "id": 1 })).await?;
    assert_same(&stored::<S::Optional>(&server, 1).await?, &original)?;
    // And back from values to nulls.
    let columns = inputs(columns_of::<S, S::Optional>());
    fields
        .update(&client, 1, &fields.input(1, 0, &columns))
        .await?;
    data["id"] = 1.into();
    fields.update(&client, 1, &data).await?;
    assert_same(&stored::<S::Optional>(&server, 1).await?, &original)?;
    server.finish().await
}

async fn changes_of_every_value(server: &TestServer) -> Outcome {
    on_each!(server, changes)
}

const CHANGES: &str = "query($key: Json) {
    changes(entities: [\"specimen\"], key: $key) { nodes { operation before after } } }";

/// The images that `changes` tells, and the typed rows that `specimenChanges` tells.
async fn changes<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let (client, columns) = (
        server.client(),
        with_megabytes(columns_of::<S, S::Required>()),
    );
    let fields = Fields::of::<S::Required>();
    for n in rows(&columns) {
        insert::<S::Required>(&server, row::<S::Required>(key(n), n, &columns)?).await?;
        let key = json!({ "id": key(n).to_string() });
        let data = client.data(CHANGES, json!({ "key": key })).await?;
        let nodes = data["changes"]["nodes"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        assert_eq!(nodes.len(), 1);
        assert_eq!(nodes[0]["before"], Json::Null);
        assert_image(image_in(&Some(nodes[0]["after"].clone()))?, n, &columns)?;
    }
    let selection = fields.selection();
    for (arguments, kind) in [
        ("includeInitial: true", "INITIAL"),
        ("after: \"0\"", "INSERT"),
    ] {
        let mut socket = server.socket().await?;
        let query = format!(
            "subscription {{ specimenChanges({arguments}) {{ kind key record {{ {selection} }} }} }}"
        );
        socket.subscribe(&query, json!({})).await?;
        // Initial rows come in key order: the key falls with the row's number.
        let mut order: Vec<usize> = rows(&columns).collect();
        if kind == "INITIAL" {
            order.reverse();
        }
        for n in order {
            let item = socket.next().await?["specimenChanges"].clone();
            assert_eq!(
                (&item["kind"], &item["key"]["id"]),
                (&json!(kind), &json!(key(n).to_string()))
            );
            fields.assert_row(&item["record"], n, &columns)?;
        }
        assert_eq!(socket.next().await?["specimenChanges"]["kind"], "CAUGHT_UP");
    }
    server.finish().await
}
