//! What bulk calls write and record is what single writes do.

use std::collections::BTreeSet;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, ModelTrait,
    QueryFilter, TransactionTrait,
};
use seachange::changelog::internal::image;
use seachange::changelog::{BulkRefusal, CaptureError, Operation, Target, Written, log};
use seachange_entity::{label, project, task, task_label};
use seachange_testkit::{Outcome, TestServer};
use serde_json::Value as Json;

use super::{a_label, a_project};

seachange_testkit::cases![
    images_are_those_of_single_writes,
    assigned_keys_in_the_order_given,
    rows_that_set_different_columns,
    composite_keys,
    an_update_of_many_chunks,
    an_update_by_a_condition_that_it_ends,
    a_delete_of_many_chunks,
    nothing_to_do,
    bounds_and_keys,
];

fn tasks(project: uuid::Uuid) -> Vec<task::ActiveModel> {
    let plain = |title: &str| task::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        project_id: Set(project),
        title: Set(title.to_owned()),
        ..Default::default()
    };
    // Made in key order: both ways go by it.
    let one = plain("one");
    let full = task::ActiveModel {
        body: Set(Some("böses \u{1F600} 'quoted'".to_owned())),
        status: Set(task::Status::Doing),
        priority: Set(-3),
        estimate: Set("1.005".parse().ok()),
        due_on: Set("2024-02-29".parse().ok()),
        details: Set(Some(
            serde_json::json!({ "b": [1, null, 0.1], "a": "\u{1}" }),
        )),
        owner: Set(None),
        ..plain("full")
    };
    vec![one, full, plain("two")]
}

/// A change without what differs between two equal rows.
fn essence(change: &log::Model) -> (Operation, Option<Json>, Option<Json>) {
    let bare = |image: &Option<Json>| {
        let mut fields = image.as_ref()?.as_object()?.clone();
        for own in ["id", "created_at", "updated_at"] {
            fields.remove(own)?;
        }
        Some(Json::Object(fields))
    };
    (change.operation, bare(&change.before), bare(&change.after))
}

async fn images_are_those_of_single_writes(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let owner = a_project("Ship").insert(&tx).await?;
    let change = task::ActiveModel {
        status: Set(task::Status::Done),
        estimate: Set("2.5".parse().ok()),
        ..Default::default()
    };
    for model in tasks(owner.id) {
        model.insert(&tx).await?;
    }
    for row in task::Entity::find().all(&tx).await? {
        let mut model = row.into_active_model();
        (model.status, model.estimate) = (change.status.clone(), change.estimate.clone());
        model.update(&tx).await?;
    }
    for row in task::Entity::find().all(&tx).await? {
        row.delete(&tx).await?;
    }
    let inserted = tx.insert_many::<task::Entity>(tasks(owner.id)).await?;
    let updated = tx
        .update_many::<task::Entity>(Target::all(), change)
        .await?;
    let deleted = tx.delete_many::<task::Entity>(Target::all()).await?;
    tx.commit().await?;
    assert_eq!((inserted.len(), updated.len(), deleted), (3, 3, 3));
    assert!(updated.iter().all(|row| matches!(row, Written::Updated(_))));

    let log = server.logged().await?;
    let (single, bulk) = log[1..].split_at(9);
    let of = |changes: &[log::Model]| changes.iter().map(essence).collect::<Vec<_>>();
    assert_eq!(of(single), of(bulk));
    for (row, change) in inserted.iter().zip(bulk) {
        assert_eq!(change.after, Some(image::image_of(row)?.into()));
        assert_eq!(change.row_key, Json::Object(image::key_of(row)?));
        assert!(row.created_at == row.updated_at);
    }
    for ((row, change), before) in updated.iter().zip(&bulk[3..]).zip(&inserted) {
        let row = row.row();
        assert_eq!(change.after, Some(image::image_of(row)?.into()));
        assert_eq!(change.before, Some(image::image_of(before)?.into()));
        assert!(row.updated_at > row.created_at);
    }
    assert!(
        log.iter()
            .all(|change| change.transaction_id == log[0].transaction_id)
    );
    Ok(())
}

async fn assigned_keys_in_the_order_given(server: &TestServer) -> Outcome {
    const ROWS: usize = 1_700;
    let names: Vec<String> = (0..ROWS)
        .map(|row| format!("{:x}", row * 7_919 % 104_729))
        .collect();
    let tx = server.db().begin().await?;
    let rows = tx
        .insert_many::<label::Entity>(names.iter().map(a_label))
        .await?;
    tx.commit().await?;
    assert!(rows.iter().map(|row| &row.name).eq(&names));
    assert!(rows.is_sorted_by(|a, b| a.id < b.id), "keys are counted up");
    let log = server.logged().await?;
    assert_eq!(log.len(), ROWS);
    for (row, change) in rows.iter().zip(&log) {
        assert_eq!(change.after, Some(image::image_of(row)?.into()));
    }
    assert_eq!(label::Entity::find().all(server.db()).await?.len(), ROWS);
    Ok(())
}

async fn rows_that_set_different_columns(server: &TestServer) -> Outcome {
    let models = (0..40).map(|row| {
        let mut model = a_project(format!("p{row}"));
        if row % 3 == 0 {
            model.owner = Set(Some("ada".to_owned()));
        }
        if row % 5 == 0 {
            model.archived = Set(true);
        }
        model
    });
    let tx = server.db().begin().await?;
    let rows = tx.insert_many::<project::Entity>(models).await?;
    tx.commit().await?;
    for (place, row) in rows.iter().enumerate() {
        assert_eq!(row.name, format!("p{place}"));
        assert_eq!(row.owner.is_some(), place % 3 == 0);
        assert_eq!(row.archived, place % 5 == 0);
    }
    assert_eq!(server.logged().await?.len(), 40);
    Ok(())
}

async fn composite_keys(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let owner = a_project("Ship").insert(&tx).await?;
    let tasks = tx.insert_many::<task::Entity>(tasks(owner.id)).await?;
    let labels = (0..400).map(|label| a_label(format!("l{label}")));
    let labels = tx.insert_many::<label::Entity>(labels).await?;
    let links = tasks.iter().flat_map(|task| {
        labels.iter().map(|label| task_label::ActiveModel {
            task_id: Set(task.id),
            label_id: Set(label.id),
        })
    });
    let links: Vec<_> = links.collect();
    let rows = tx.insert_many::<task_label::Entity>(links.clone()).await?;
    let stored = rows
        .iter()
        .map(|row| row.clone().into_active_model().reset_all());
    assert!(stored.eq(links), "in the order given");
    let target = Target::matching(task_label::Column::TaskId.ne(tasks[0].id)).at_most(800);
    assert_eq!(tx.delete_many::<task_label::Entity>(target).await?, 800);
    tx.commit().await?;
    assert_eq!(
        task_label::Entity::find().all(server.db()).await?.len(),
        400
    );
    let log = server.logged().await?;
    let deleted = log
        .iter()
        .filter(|change| change.operation == Operation::Delete);
    let keys: BTreeSet<String> = deleted.map(|change| change.row_key.to_string()).collect();
    assert_eq!(keys.len(), 800);
    Ok(())
}

/// Rows that have the value already are neither written nor recorded.
async fn an_update_of_many_chunks(server: &TestServer) -> Outcome {
    const ROWS: usize = 1_600;
    let tx = server.db().begin().await?;
    let models = (0..ROWS).map(|row| project::ActiveModel {
        archived: Set(row % 4 == 0),
        ..a_project(format!("p{row}"))
    });
    let rows = tx.insert_many::<project::Entity>(models).await?;
    let change = project::ActiveModel {
        archived: Set(true),
        ..Default::default()
    };
    let written = tx
        .update_many::<project::Entity>(Target::all(), change)
        .await?;
    tx.commit().await?;
    assert_eq!(written.len(), ROWS);
    for (before, after) in rows.iter().zip(&written) {
        // Keys are made in the order of time, so both are in key order.
        assert_eq!(before.id, after.row().id);
        match after {
            Written::Updated(after) => {
                assert!(!before.archived && after.archived);
                assert!(after.updated_at > before.updated_at);
            }
            Written::Unchanged(after) => assert!(before.archived && before == after),
            Written::Inserted(_) => anyhow::bail!("inserted"),
        }
    }
    let log = server.logged().await?;
    assert_eq!(log.len(), ROWS + ROWS / 4 * 3);
    Ok(())
}

/// The statement goes by keys: that the first chunk no longer matches is no matter.
async fn an_update_by_a_condition_that_it_ends(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let models = (0..1_100).map(|row| a_project(format!("p{row}")));
    tx.insert_many::<project::Entity>(models).await?;
    let change = project::ActiveModel {
        owner: Set(Some("ada".to_owned())),
        ..Default::default()
    };
    let target = || Target::matching(project::Column::Owner.is_null());
    let written = tx
        .update_many::<project::Entity>(target(), change.clone())
        .await?;
    assert_eq!(written.len(), 1_100);
    let again = tx.update_many::<project::Entity>(target(), change).await?;
    assert!(again.is_empty());
    Ok(tx.commit().await?)
}

async fn a_delete_of_many_chunks(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let labels = (0..1_300).map(|label| a_label(format!("l{label}")));
    let rows = tx.insert_many::<label::Entity>(labels).await?;
    let kept = rows[650].id;
    let target = Target::matching(label::Column::Id.ne(kept));
    assert_eq!(tx.delete_many::<label::Entity>(target).await?, 1_299);
    tx.commit().await?;
    let rest = label::Entity::find().all(server.db()).await?;
    assert_eq!(rest.iter().map(|row| row.id).collect::<Vec<_>>(), [kept]);
    let log = server.logged().await?;
    let deleted = log
        .iter()
        .filter(|change| change.operation == Operation::Delete);
    assert!(
        deleted
            .clone()
            .all(|change| change.before.is_some() && change.after.is_none())
    );
    assert_eq!(deleted.count(), 1_299);
    Ok(())
}

async fn nothing_to_do(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    assert!(tx.insert_many::<label::Entity>([]).await?.is_empty());
    let none = || Target::matching(label::Column::Name.eq("none"));
    assert_eq!(tx.delete_many::<label::Entity>(none()).await?, 0);
    let change = a_label("some");
    assert!(
        tx.update_many::<label::Entity>(none(), change)
            .await?
            .is_empty()
    );
    let nobody: [label::ActiveModel; 0] = [];
    let upserted = tx.upsert_many::<label::Entity>(nobody, &[label::Column::Name]);
    assert!(upserted.await?.is_empty());
    // A row of nothing but its key.
    let row = a_label("kept").insert(&tx).await?;
    let empty = <label::ActiveModel as Default>::default();
    let written = tx
        .update_many::<label::Entity>(Target::all(), empty)
        .await?;
    assert_eq!(written, [Written::Unchanged(row)]);
    tx.commit().await?;
    assert_eq!(server.logged().await?.len(), 1);
    Ok(())
}

/// Beyond the bound nothing is kept, however much of it was written by then.
async fn bounds_and_keys(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let labels = (0..1_001).map(|label| a_label(format!("l{label}")));
    let rows = tx.insert_many::<label::Entity>(labels).await?;
    let target = || Target::all().at_most(1_000);
    let error = tx.delete_many::<label::Entity>(target()).await;
    let error = error.expect_err("one too many");
    let refusal = CaptureError::of(&error);
    assert!(
        matches!(
            refusal,
            Some(CaptureError::Bulk(BulkRefusal::TooMany { most: 1_000, .. }))
        ),
        "{error}"
    );
    let moved = label::ActiveModel {
        id: Set(rows[0].id),
        ..Default::default()
    };
    let error = tx
        .update_many::<label::Entity>(Target::all(), moved.clone())
        .await;
    let error = error.expect_err("all of them get one key");
    let refusal = CaptureError::of(&error);
    assert!(
        matches!(
            refusal,
            Some(CaptureError::Bulk(BulkRefusal::KeyChanged { .. }))
        ),
        "{error}"
    );
    let first = Target::matching(label::Column::Id.eq(rows[0].id));
    let written = tx.update_many::<label::Entity>(first, moved).await?;
    assert_eq!(written, [Written::Unchanged(rows[0].clone())]);
    tx.commit().await?;
    let left = label::Entity::find()
        .filter(label::Column::Id.gt(0))
        .all(server.db())
        .await?;
    assert_eq!((left.len(), server.logged().await?.len()), (1_001, 1_001));
    Ok(())
}
