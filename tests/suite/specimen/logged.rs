//! Written through SeaORM: what the log says of every value, and the model that is in it.

use sea_orm::{ActiveModelTrait, IntoActiveModel, ModelTrait, TransactionTrait};
use seachange::changelog::internal::image;
use seachange::changelog::{Operation, model_from};
use seachange_testkit::{Outcome, TestServer};
use serde_json::json;

use super::ground::{
    assert_image, assert_same, assert_stored, column_of, image_in, insert, key, newest, null_row,
    row, row_of, rows, start, stored,
};
use super::sample::{Column, equal};
use super::{Specimen, Table, columns_of, on_each, texts};

seachange_testkit::cases![
    inserts_of_every_value,
    updates_to_every_value,
    deletes_of_every_value,
    nulls,
    a_zero_changes_its_sign,
    documents_too_deep_to_read
];

async fn inserts_of_every_value(server: &TestServer) -> Outcome {
    on_each!(server, inserts)
}

pub(super) async fn inserts<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let columns = S::columns();
    for n in rows(&columns) {
        inserts_row::<S::Required>(&server, n, &columns).await?;
        inserts_row::<S::Optional>(&server, n, &columns_of::<S, S::Optional>()).await?;
    }
    server.finish().await
}

async fn inserts_row<E: Table>(server: &TestServer, n: usize, columns: &[Column]) -> Outcome {
    let returned = insert::<E>(server, row::<E>(key(n), n, columns)?).await?;
    let model = stored::<E>(server, key(n)).await?;
    assert_same(&returned, &model)?;
    assert_stored(&model, n, columns)?;
    let change = newest(server).await?;
    assert_eq!(change.operation, Operation::Insert);
    assert_eq!(change.row_key, json!({ "id": key(n).to_string() }));
    let after = image_in(&change.after)?;
    assert_image(after, n, columns)?;
    assert_same(&model_from::<E::Model>(after)?, &model)
}

async fn updates_to_every_value(server: &TestServer) -> Outcome {
    on_each!(server, updates)
}

pub(super) async fn updates<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    updates_of::<S, S::Required>(&server).await?;
    updates_of::<S, S::Optional>(&server).await?;
    server.finish().await
}

/// One row through all its samples and back to the first.
async fn updates_of<S: Specimen, E: Table>(server: &TestServer) -> Outcome {
    let columns = columns_of::<S, E>();
    insert::<E>(server, row::<E>(key(0), 0, &columns)?).await?;
    for before in rows(&columns) {
        let after = (before + 1) % rows(&columns).len();
        let tx = server.db().begin().await?;
        row::<E>(key(0), after, &columns)?.update(&tx).await?;
        tx.commit().await?;
        assert_stored(&stored::<E>(server, key(0)).await?, after, &columns)?;
        let change = newest(server).await?;
        assert_eq!(change.operation, Operation::Update);
        assert_image(image_in(&change.before)?, before, &columns)?;
        assert_image(image_in(&change.after)?, after, &columns)?;
        // The same again is no change.
        let tx = server.db().begin().await?;
        row::<E>(key(0), after, &columns)?.update(&tx).await?;
        tx.commit().await?;
        assert_eq!(newest(server).await?.id, change.id);
    }
    Ok(())
}

async fn deletes_of_every_value(server: &TestServer) -> Outcome {
    on_each!(server, deletes)
}

pub(super) async fn deletes<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let columns = S::columns();
    for n in rows(&columns) {
        let model =
            insert::<S::Required>(&server, row::<S::Required>(key(n), n, &columns)?).await?;
        let tx = server.db().begin().await?;
        model.delete(&tx).await?;
        tx.commit().await?;
        let change = newest(&server).await?;
        assert_eq!(change.operation, Operation::Delete);
        assert_image(image_in(&change.before)?, n, &columns)?;
    }
    server.finish().await
}

async fn a_zero_changes_its_sign(server: &TestServer) -> Outcome {
    on_each!(server, signs)
}

/// Where the database keeps the sign it is a change like any other; elsewhere it is none.
pub(super) async fn signs<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let zero = |zero: f64| row_of::<S::Optional>(0, [("double", zero.into())]);
    insert::<S::Optional>(&server, zero(0.0)?).await?;
    let inserted = newest(&server).await?;
    let tx = server.db().begin().await?;
    let after = zero(-0.0)?.update(&tx).await?;
    tx.commit().await?;
    let change = newest(&server).await?;
    let is_kept = equal(
        &after.get(column_of::<S::Optional>("double")),
        &(-0.0).into(),
    );
    assert_eq!(change.id > inserted.id, is_kept);
    assert_eq!(image_in(&change.after)?, &image::image_of(&after)?);
    server.finish().await
}

async fn documents_too_deep_to_read(server: &TestServer) -> Outcome {
    on_each!(server, depths)
}

/// A document that the log could not be read with never gets there.
async fn depths<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let mut kept = 0;
    for depth in 28..140 {
        let tx = server.db().begin().await?;
        let document = texts::nested(depth);
        let row = row_of::<S::Optional>(depth as i64, [("json", document.clone().into())])?;
        match row.insert(&tx).await {
            Ok(_) => {
                tx.commit().await?;
                kept = depth;
                assert_eq!(image_in(&newest(&server).await?.after)?["json"], document);
            }
            Err(_) => tx.rollback().await?,
        }
    }
    assert!(kept >= 30, "{kept} levels");
    server.finish().await
}

async fn nulls(server: &TestServer) -> Outcome {
    on_each!(server, nulls_of)
}

/// From nulls to values and back.
pub(super) async fn nulls_of<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let columns = columns_of::<S, S::Optional>();
    let empty = insert::<S::Optional>(&server, null_row::<S::Optional>(key(0))?).await?;
    let change = newest(&server).await?;
    let after = image_in(&change.after)?;
    assert_eq!(after.len(), columns.len() + 1);
    assert!(
        after
            .iter()
            .all(|(name, value)| value.is_null() == (name != "id")),
        "{after:?}"
    );
    assert_same(&model_from(after)?, &empty)?;
    for n in [0, 1] {
        let tx = server.db().begin().await?;
        row::<S::Optional>(key(0), n, &columns)?.update(&tx).await?;
        tx.commit().await?;
        let tx = server.db().begin().await?;
        empty
            .clone()
            .into_active_model()
            .reset_all()
            .update(&tx)
            .await?;
        tx.commit().await?;
        let change = newest(&server).await?;
        assert_image(image_in(&change.before)?, n, &columns)?;
        assert_eq!(image_in(&change.after)?, after);
    }
    server.finish().await
}
