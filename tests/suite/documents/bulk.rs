//! `docs/how-to/bulk-writes.md`.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, TransactionTrait};
use seachange::changelog::{Target, Written};
use seachange_entity::{comment, label, task};
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![the_four_calls];

fn labels(names: [&str; 2]) -> Vec<label::ActiveModel> {
    let label = |name: &str| label::ActiveModel {
        name: Set(name.to_owned()),
        ..Default::default()
    };
    names.into_iter().map(label).collect()
}

async fn the_four_calls(server: &TestServer) -> Outcome {
    let (models, again) = (labels(["urgent", "later"]), labels(["later", "never"]));
    let changes = task::ActiveModel {
        priority: Set(0),
        ..Default::default()
    };
    let tx = server.db().begin().await?;
    let labels = tx.insert_many::<label::Entity>(models).await?;
    let done = task::Column::Status.eq(task::Status::Done);
    let written = tx
        .update_many::<task::Entity>(Target::matching(done), changes)
        .await?;
    let gone = tx
        .delete_many::<comment::Entity>(Target::all().at_most(10_000))
        .await?;
    let upserted = tx
        .upsert_many::<label::Entity>(again, &[label::Column::Name])
        .await?;
    tx.commit().await?;
    assert_eq!((labels.len(), written.len(), gone), (2, 0, 0));
    assert!(matches!(
        &upserted[..],
        [Written::Unchanged(_), Written::Inserted(_)]
    ));
    Ok(())
}
