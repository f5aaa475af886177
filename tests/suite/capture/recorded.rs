//! What is recorded, and what is nothing to record.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ActiveValue::Unchanged, EntityTrait, IntoActiveModel,
    ModelTrait, TransactionTrait,
};
use seachange::changelog::internal::image;
use seachange::changelog::{Context, Operation, Source};
use seachange_entity::{label, project, task, task_label};
use seachange_testkit::{Outcome, TestServer};
use serde_json::json;

use super::{a_project, a_task};

seachange_testkit::cases![
    insert_update_delete,
    context_is_carried,
    an_update_that_sets_nothing,
    an_update_to_the_same_value,
    only_what_changes_is_written,
    save_inserts_and_updates,
    a_delete_of_nothing,
    a_delete_by_key_alone,
    composite_keys,
    nested_saves,
    own_hooks_run_around_capture,
    one_transaction_one_id,
    concurrent_writes_in_one_transaction,
];

async fn insert_update_delete(server: &TestServer) -> Outcome {
    let created = a_project(server).await?;
    let tx = server.db().begin().await?;
    let mut changed = created.clone().into_active_model();
    changed.name = Set("Ship ahoy".to_owned());
    let updated = changed.update(&tx).await?;
    tx.commit().await?;
    let tx = server.db().begin().await?;
    updated.clone().delete(&tx).await?;
    tx.commit().await?;

    let log = server.logged().await?;
    let [insert, update, delete] = log.as_slice() else {
        anyhow::bail!("three changes expected: {log:?}");
    };
    let (first, second) = (image::image_of(&created)?, image::image_of(&updated)?);
    assert_eq!(insert.operation, Operation::Insert);
    assert_eq!(insert.entity, "project");
    assert_eq!(insert.row_key, json!({ "id": created.id }));
    assert_eq!(insert.before, None);
    assert_eq!(insert.after, Some(first.clone().into()));
    assert_eq!(insert.source, Source::Hook);
    assert_eq!(update.operation, Operation::Update);
    assert_eq!(update.before, Some(first.into()));
    assert_eq!(update.after, Some(second.clone().into()));
    assert!(updated.updated_at > created.updated_at && updated.created_at == created.created_at);
    assert_eq!(delete.operation, Operation::Delete);
    assert_eq!(delete.before, Some(second.into()));
    assert_eq!(delete.after, None);
    Ok(())
}

async fn context_is_carried(server: &TestServer) -> Outcome {
    let context = Context {
        actor: Some("ada".to_owned()),
        mutation_id: Some("m-1".to_owned()),
        metadata: json!({ "reason": "storm" }).as_object().cloned(),
    };
    let db = server.db().with_context(context);
    // It travels with the connection, into other tasks too.
    tokio::spawn(async move {
        let tx = db.begin().await?;
        super::project(&tx, "Storm").await?;
        anyhow::Ok(tx.commit().await?)
    })
    .await??;
    a_project(server).await?;
    let log = server.logged().await?;
    assert_eq!(log[0].actor.as_deref(), Some("ada"));
    assert_eq!(log[0].mutation_id.as_deref(), Some("m-1"));
    assert_eq!(log[0].metadata, Some(json!({ "reason": "storm" })));
    assert_eq!(
        (&log[1].actor, &log[1].mutation_id, &log[1].metadata),
        (&None, &None, &None)
    );
    Ok(())
}

async fn an_update_that_sets_nothing(server: &TestServer) -> Outcome {
    let project = a_project(server).await?;
    let tx = server.db().begin().await?;
    let same = project.clone().into_active_model().update(&tx).await?;
    tx.commit().await?;
    assert_eq!(same, project);
    assert_eq!(server.logged().await?.len(), 1);
    Ok(())
}

async fn an_update_to_the_same_value(server: &TestServer) -> Outcome {
    let project = a_project(server).await?;
    let tx = server.db().begin().await?;
    let same = project::ActiveModel {
        id: Unchanged(project.id),
        name: Set(project.name.clone()),
        updated_at: Set(chrono::Utc::now()),
        ..Default::default()
    };
    let same = same.update(&tx).await?;
    tx.commit().await?;
    assert_eq!(same, project, "updated_at stays too");
    assert_eq!(server.logged().await?.len(), 1);
    Ok(())
}

async fn only_what_changes_is_written(server: &TestServer) -> Outcome {
    let project = a_project(server).await?;
    // Someone else renames it while we hold an old copy with every column set.
    let stale = project.clone().into_active_model().reset_all();
    let tx = server.db().begin().await?;
    let mut stale = stale;
    stale.archived = Set(true);
    let updated = stale.update(&tx).await?;
    tx.commit().await?;
    assert!(updated.archived);
    let log = server.logged().await?;
    let images = [&log[1].before, &log[1].after].map(|image| {
        image
            .as_ref()
            .and_then(|image| image.as_object())
            .cloned()
            .unwrap_or_default()
    });
    assert_eq!(
        image::differing(&images[0], &images[1]),
        ["archived", "updated_at"]
    );
    Ok(())
}

async fn save_inserts_and_updates(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let fresh = label::ActiveModel {
        name: Set("urgent".to_owned()),
        ..Default::default()
    };
    let mut saved = fresh.save(&tx).await?;
    saved.name = Set("later".to_owned());
    saved.save(&tx).await?;
    tx.commit().await?;
    let operations: Vec<Operation> = server
        .logged()
        .await?
        .iter()
        .map(|change| change.operation)
        .collect();
    assert_eq!(operations, [Operation::Insert, Operation::Update]);
    Ok(())
}

async fn a_delete_of_nothing(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let gone = project::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        ..Default::default()
    };
    let result = gone.delete(&tx).await?;
    tx.commit().await?;
    assert_eq!(result.rows_affected, 0);
    assert!(server.logged().await?.is_empty());
    Ok(())
}

async fn a_delete_by_key_alone(server: &TestServer) -> Outcome {
    let project = a_project(server).await?;
    let tx = server.db().begin().await?;
    let by_key = project::ActiveModel {
        id: Set(project.id),
        ..Default::default()
    };
    by_key.delete(&tx).await?;
    tx.commit().await?;
    let before = server.logged().await?[1].before.clone();
    assert_eq!(before, Some(image::image_of(&project)?.into()));
    Ok(())
}

async fn composite_keys(server: &TestServer) -> Outcome {
    let project = a_project(server).await?;
    let tx = server.db().begin().await?;
    let task = a_task(&tx, &project).await?;
    let label = label::ActiveModel {
        name: Set("urgent".to_owned()),
        ..Default::default()
    };
    let label = label.insert(&tx).await?;
    let link = task_label::ActiveModel {
        task_id: Set(task.id),
        label_id: Set(label.id),
    };
    let link = link.insert(&tx).await?;
    link.delete(&tx).await?;
    tx.commit().await?;
    let log = server.logged().await?;
    let key = json!({ "label_id": label.id.to_string(), "task_id": task.id });
    for change in &log[3..] {
        assert_eq!(
            (change.entity.as_str(), &change.row_key),
            ("task_label", &key)
        );
    }
    assert_eq!(log.len(), 5);
    Ok(())
}

async fn nested_saves(server: &TestServer) -> Outcome {
    let project_id = uuid::Uuid::now_v7();
    let tree = project::ActiveModel::builder()
        .set_id(project_id)
        .set_name("Nested")
        .add_task(
            task::ActiveModel::builder()
                .set_id(uuid::Uuid::now_v7())
                .set_title("one")
                .set_status(task::Status::Todo)
                .set_priority(0),
        )
        .add_task(
            task::ActiveModel::builder()
                .set_id(uuid::Uuid::now_v7())
                .set_title("two")
                .set_status(task::Status::Todo)
                .set_priority(0),
        );
    // On the connection: the nested save opens its own transaction.
    tree.insert(server.db()).await?;
    let log = server.logged().await?;
    let entities: Vec<&str> = log.iter().map(|change| change.entity.as_str()).collect();
    assert_eq!(entities, ["project", "task", "task"]);
    assert!(
        log.iter()
            .all(|change| change.transaction_id == log[0].transaction_id)
    );
    Ok(())
}

async fn own_hooks_run_around_capture(server: &TestServer) -> Outcome {
    super::gadget::create(server).await?;
    let tx = server.db().begin().await?;
    let gadget = super::gadget::ActiveModel {
        name: Set("loud".to_owned()),
        ..Default::default()
    };
    let gadget = gadget.insert(&tx).await?;
    tx.commit().await?;
    let after = server.logged().await?[0].after.clone();
    assert_eq!(after, Some(json!({ "id": gadget.id, "name": "LOUD" })));
    Ok(())
}

async fn one_transaction_one_id(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let id = tx.transaction_id().to_owned();
    super::project(&tx, "one").await?;
    let savepoint = tx.begin().await?;
    super::project(&savepoint, "two").await?;
    savepoint.commit().await?;
    tx.commit().await?;
    a_project(server).await?;
    let log = server.logged().await?;
    assert!(log[..2].iter().all(|change| change.transaction_id == id));
    assert_ne!(log[2].transaction_id, id);
    Ok(())
}

async fn concurrent_writes_in_one_transaction(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let (one, two) = (
        super::project(&tx, "a").await?,
        super::project(&tx, "b").await?,
    );
    let rename = |model: &project::Model, name: &str| {
        let mut model = model.clone().into_active_model();
        model.name = Set(name.to_owned());
        model
    };
    let (one, two) = tokio::join!(rename(&one, "A").update(&tx), rename(&two, "B").update(&tx));
    assert_eq!((one?.name, two?.name), ("A".to_owned(), "B".to_owned()));
    tx.commit().await?;
    assert_eq!(server.logged().await?.len(), 4);
    assert_eq!(project::Entity::find().all(server.db()).await?.len(), 2);
    Ok(())
}
