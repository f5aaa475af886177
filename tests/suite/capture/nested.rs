//! SeaORM's nested saves of many-to-many relations, which write several links by one statement between the hooks of
//! each: every link is recorded, and no other.

use sea_orm::{
    ActiveHasMany, ActiveModelTrait, ActiveValue::Set, EntityLoaderTrait, EntityTrait,
    IntoActiveModel, TransactionTrait,
};
use seachange::changelog::{
    CaptureError, Context, Operation, TriggerOptions, WriteRefusal, track_by_triggers,
};
use seachange_entity::{label, project, task, task_label};
use seachange_testkit::{Outcome, TestServer};

use super::a_project;

seachange_testkit::cases![
    links_of_a_new_row,
    a_link_that_is_there_already,
    a_link_of_another_transaction,
    links_that_are_replaced,
    a_nested_save_that_is_taken_back,
    links_that_go_with_their_row,
];

fn a_task(project: &project::Model) -> task::ActiveModelEx {
    task::ActiveModel::builder()
        .set_id(uuid::Uuid::now_v7())
        .set_project_id(project.id)
        .set_title("Hoist the sails")
}

fn a_label(name: &str) -> label::ActiveModelEx {
    label::ActiveModel::builder().set_name(name)
}

/// The changes of links after the first `from` changes, in the order of their labels.
async fn links(server: &TestServer, from: usize) -> anyhow::Result<Vec<(Operation, i64)>> {
    server.verify().await?;
    let changes = server.logged().await?.into_iter().skip(from);
    let links = changes.filter(|change| change.entity == "task_label");
    let mut links = links
        .map(|change| {
            let image = change.after.as_ref().or(change.before.as_ref());
            let label = image.and_then(|image| image["label_id"].as_str()?.parse().ok());
            let label = label.ok_or_else(|| anyhow::anyhow!("no label: {change:?}"))?;
            assert_eq!(
                change.before.is_some(),
                change.operation == Operation::Delete
            );
            assert_eq!(change.actor.as_deref(), Some("ann"));
            Ok((change.operation, label))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    links.sort_by_key(|(_, label)| *label);
    Ok(links)
}

/// A task with these labels.
async fn labelled(server: &TestServer, names: &[&str]) -> anyhow::Result<task::ModelEx> {
    let project = a_project(server).await?;
    let labels = names.iter().map(|name| a_label(name));
    let task = labels.fold(a_task(&project), task::ActiveModelEx::add_label);
    let db = server.db().with_context(Context::actor("ann"));
    Ok(task.insert(&db).await?)
}

/// The task with its labels, to be changed.
async fn loaded(server: &TestServer, task: &task::ModelEx) -> anyhow::Result<task::ActiveModelEx> {
    let loaded = task::Entity::load()
        .filter_by_id(task.id)
        .with(label::Entity);
    let loaded = loaded.one(server.db()).await?;
    Ok(loaded
        .ok_or_else(|| anyhow::anyhow!("task is gone"))?
        .into_active_model())
}

fn ids(task: &task::ModelEx) -> Vec<i64> {
    let mut ids: Vec<i64> = task.labels.iter().map(|label| label.id).collect();
    ids.sort_unstable();
    ids
}

async fn links_of_a_new_row(server: &TestServer) -> Outcome {
    let task = labelled(server, &["a", "b", "c"]).await?;
    let expected = ids(&task).into_iter().map(|id| (Operation::Insert, id));
    assert_eq!(links(server, 0).await?, expected.collect::<Vec<_>>());
    let log = server.logged().await?;
    assert_eq!(log.len(), 1 + 1 + 3 + 3);
    assert!(
        log[1..]
            .iter()
            .all(|change| change.transaction_id == log[1].transaction_id)
    );
    Ok(())
}

async fn a_link_that_is_there_already(server: &TestServer) -> Outcome {
    let task = labelled(server, &["a", "b"]).await?;
    let before = server.logged().await?.len();
    let again = loaded(server, &task)
        .await?
        .add_label(a_label("c"))
        .add_label(a_label("d"));
    let db = server.db().with_context(Context::actor("ann"));
    let saved = again.save(&db).await?;
    assert_eq!(saved.labels.as_slice().len(), 4);
    let recorded = links(server, before).await?;
    assert_eq!(recorded.len(), 2, "{recorded:?}");
    assert!(
        recorded
            .iter()
            .all(|(operation, id)| { *operation == Operation::Insert && !ids(&task).contains(id) })
    );
    assert_eq!(task_label::Entity::find().all(server.db()).await?.len(), 4);
    // Nothing is new.
    let before = server.logged().await?.len();
    loaded(server, &task).await?.save(&db).await?;
    assert_eq!(server.logged().await?.len(), before);
    Ok(())
}

/// The link was made after the row had been loaded.
async fn a_link_of_another_transaction(server: &TestServer) -> Outcome {
    let task = labelled(server, &["a"]).await?;
    let stale = loaded(server, &task).await?;
    let tx = server
        .db()
        .with_context(Context::actor("ann"))
        .begin()
        .await?;
    let label = a_label("b").insert(&tx).await?;
    let link = task_label::ActiveModel {
        task_id: Set(task.id),
        label_id: Set(label.id),
    };
    link.insert(&tx).await?;
    tx.commit().await?;
    let before = server.logged().await?.len();
    let label = label.into_active_model();
    let db = server.db().with_context(Context::actor("ann"));
    stale
        .add_label(label)
        .add_label(a_label("c"))
        .save(&db)
        .await?;
    let recorded = links(server, before).await?;
    assert_eq!(recorded.len(), 1, "{recorded:?}");
    Ok(())
}

async fn links_that_are_replaced(server: &TestServer) -> Outcome {
    let task = labelled(server, &["a", "b", "c"]).await?;
    let [a, b, c] = ids(&task)[..] else {
        anyhow::bail!("{task:?}");
    };
    let before = server.logged().await?.len();
    let mut changed = loaded(server, &task).await?;
    let kept = task.labels.iter().find(|label| label.id == b);
    let kept = kept.cloned().ok_or_else(|| anyhow::anyhow!("no label"))?;
    changed.labels = ActiveHasMany::Replace(vec![kept.into_active_model(), a_label("d")]);
    let db = server.db().with_context(Context::actor("ann"));
    let saved = changed.save(&db).await?;
    assert_eq!(saved.labels.as_slice().len(), 2);
    let recorded = links(server, before).await?;
    assert_eq!(recorded.len(), 3, "{recorded:?}");
    assert_eq!(
        recorded[..2],
        [(Operation::Delete, a), (Operation::Delete, c)]
    );
    assert_eq!(recorded[2].0, Operation::Insert);
    Ok(())
}

async fn a_nested_save_that_is_taken_back(server: &TestServer) -> Outcome {
    let project = a_project(server).await?;
    let tx = server.db().begin().await?;
    let task = a_task(&project)
        .add_label(a_label("a"))
        .add_label(a_label("b"));
    let nested = tx.begin().await?;
    task.insert(&nested).await?;
    nested.rollback().await?;
    tx.commit().await?;
    assert_eq!(server.logged().await?.len(), 1);
    assert!(links(server, 0).await?.is_empty());
    Ok(())
}

/// SeaORM removes these links by a plain statement without hooks. Only triggers see which rows it deletes.
async fn links_that_go_with_their_row(server: &TestServer) -> Outcome {
    let task = labelled(server, &["a", "b"]).await?;
    let before = server.logged().await?.len();
    let db = server.db().with_context(Context::actor("ann"));
    let model = async || {
        let found = task::Entity::find_by_id(task.id).one(server.db()).await?;
        found.ok_or_else(|| anyhow::anyhow!("task is gone"))
    };
    let error = model()
        .await?
        .cascade_delete(&db)
        .await
        .expect_err("unseen");
    let refusal = CaptureError::of(&error);
    assert!(
        matches!(refusal, Some(CaptureError::Write(WriteRefusal::Unrecorded { table, operation: Operation::Delete })) if table == "task_label"),
        "{error}"
    );
    assert!(error.to_string().contains("track_by_triggers"), "{error}");
    assert_eq!(server.logged().await?.len(), before);
    track_by_triggers(server.db().writer(), "task_label", TriggerOptions::new()).await?;
    model().await?.cascade_delete(&db).await?;
    let expected = ids(&task).into_iter().map(|id| (Operation::Delete, id));
    assert_eq!(links(server, before).await?, expected.collect::<Vec<_>>());
    Ok(())
}
