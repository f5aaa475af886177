//! `revertTransaction`: all of it or nothing.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel, ModelTrait, TransactionTrait};
use seachange_entity::{label, project, task, task_label};
use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::super::given::{self, LABELS, PROJECTS, TASK_LABELS, TASKS};
use super::super::history::changes;
use super::super::watch::head;
use super::{change, rows, update};

seachange_testkit::cases![
    rows_that_refer_to_each_other,
    a_row_changed_again_and_again,
    all_or_nothing,
    undone_and_redone,
    refused,
    too_large,
];

pub const TRANSACTION: &str =
    "mutation($id: String!) { done: revertTransaction(transactionId: $id) {
    cursor entity operation after metadata transactionId } }";

pub async fn transaction(client: &Client, id: &str) -> anyhow::Result<Vec<Json>> {
    let mut data = client.data(TRANSACTION, json!({ "id": id })).await?;
    given::list(data["done"].take())
}

/// Everything there is.
async fn tables(client: &Client) -> anyhow::Result<[Vec<Json>; 4]> {
    Ok([
        rows(client, PROJECTS).await?,
        rows(client, TASKS).await?,
        rows(client, LABELS).await?,
        rows(client, TASK_LABELS).await?,
    ])
}

fn a_project(name: &str) -> project::ActiveModel {
    project::ActiveModel {
        id: Set(Uuid::now_v7()),
        name: Set(name.to_owned()),
        ..Default::default()
    }
}

fn a_task(project: &project::Model) -> task::ActiveModel {
    task::ActiveModel {
        id: Set(Uuid::now_v7()),
        project_id: Set(project.id),
        title: Set("t".to_owned()),
        ..Default::default()
    }
}

fn a_label(name: &str) -> label::ActiveModel {
    label::ActiveModel {
        name: Set(name.to_owned()),
        ..Default::default()
    }
}

/// Parents before children, children before parents, and a child that changes its parent.
async fn rows_that_refer_to_each_other(server: &TestServer) -> Outcome {
    let client = server.client();
    let nothing = tables(&client).await?;
    let tx = server.db().begin().await?;
    let old = a_project("old").insert(&tx).await?;
    let task = a_task(&old).insert(&tx).await?;
    let label = a_label("red").insert(&tx).await?;
    let link = task_label::ActiveModel {
        task_id: Set(task.id),
        label_id: Set(label.id),
    };
    let link = link.insert(&tx).await?;
    let made = tx.transaction_id().to_owned();
    tx.commit().await?;
    let first = tables(&client).await?;

    // Title, then to a new project, then the old project goes, then the title again.
    let tx = server.db().begin().await?;
    let mut model = task.into_active_model();
    model.title = Set("u".to_owned());
    let task = model.update(&tx).await?;
    let new = a_project("new").insert(&tx).await?;
    let mut model = task.into_active_model();
    model.project_id = Set(new.id);
    let task = model.update(&tx).await?;
    old.delete::<project::ActiveModel, _>(&tx).await?;
    let mut model = task.into_active_model();
    model.title = Set("v".to_owned());
    let task = model.update(&tx).await?;
    let moved = tx.transaction_id().to_owned();
    tx.commit().await?;
    let second = tables(&client).await?;

    let tx = server.db().begin().await?;
    link.delete::<task_label::ActiveModel, _>(&tx).await?;
    label.delete::<label::ActiveModel, _>(&tx).await?;
    task.delete::<task::ActiveModel, _>(&tx).await?;
    new.delete::<project::ActiveModel, _>(&tx).await?;
    let removed = tx.transaction_id().to_owned();
    tx.commit().await?;

    for (id, state, count) in [(removed, second, 4), (moved, first, 5), (made, nothing, 4)] {
        let done = transaction(&client, &id).await?;
        assert_eq!(done.len(), count);
        for change in &done {
            assert_eq!(change["transactionId"], done[0]["transactionId"]);
            assert_eq!(change["metadata"], json!({ "revertsTransaction": id }));
        }
        assert_eq!(tables(&client).await?, state);
    }
    Ok(())
}

/// No state on the way is written: another row has a name from there.
async fn a_row_changed_again_and_again(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = LABELS.create(&client, json!({ "name": "a" })).await?["id"].take();
    let tx = server.db().begin().await?;
    let mut row = label::ActiveModel {
        id: Set(given::text(&id)?.parse()?),
        ..Default::default()
    };
    for name in ["b", "c", "d"] {
        row.name = Set(name.to_owned());
        row = row.update(&tx).await?.into_active_model();
        row = row.reset_all();
    }
    // Comes to nothing.
    let passing = a_label("e").insert(&tx).await?;
    passing.delete::<label::ActiveModel, _>(&tx).await?;
    let renamed = tx.transaction_id().to_owned();
    tx.commit().await?;
    LABELS
        .create_all(&client, json!([{ "name": "b" }, { "name": "c" }]))
        .await?;
    let done = transaction(&client, &renamed).await?;
    assert_eq!(done.len(), 1);
    assert_eq!(done[0]["after"]["name"], "a");

    let tx = server.db().begin().await?;
    let passing = a_label("f").insert(&tx).await?;
    passing.delete::<label::ActiveModel, _>(&tx).await?;
    let nothing = tx.transaction_id().to_owned();
    tx.commit().await?;
    let at = head(&client).await?;
    assert!(transaction(&client, &nothing).await?.is_empty());
    assert_eq!(head(&client).await?, at);
    Ok(())
}

async fn all_or_nothing(server: &TestServer) -> Outcome {
    let client = server.client();
    let labels = json!([{ "name": "a" }, { "name": "b" }, { "name": "c" }]);
    let labels = LABELS.create_all(&client, labels).await?;
    let made = changes(&client).await?;
    let id = given::text(&made[0]["transactionId"])?;
    update(&client, LABELS, &labels[1]["id"], json!({ "name": "z" })).await?;
    let all = changes(&client).await?;
    let answer = client.send(TRANSACTION, json!({ "id": id })).await?;
    assert_eq!(answer.code()?, "CONFLICT");
    let later = &answer.body["errors"][0]["extensions"]["later"];
    assert_eq!(*later, json!([all[3]["cursor"]]));
    assert_eq!(changes(&client).await?, all, "nothing was written");
    assert_eq!(rows(&client, LABELS).await?.len(), 3);
    change(&client, &all[3]["cursor"]).await?;
    assert_eq!(transaction(&client, &id).await?.len(), 3);
    assert!(rows(&client, LABELS).await?.is_empty());
    Ok(())
}

async fn undone_and_redone(server: &TestServer) -> Outcome {
    let client = server.client();
    let labels = json!([{ "name": "a" }, { "name": "b" }]);
    LABELS.create_all(&client, labels).await?;
    let before = rows(&client, LABELS).await?;
    let made = changes(&client).await?;
    let id = given::text(&made[0]["transactionId"])?;
    let undone = transaction(&client, &id).await?;
    assert!(rows(&client, LABELS).await?.is_empty());
    assert_eq!(
        client.code(TRANSACTION, json!({ "id": id })).await?,
        "CONFLICT"
    );
    let redone = transaction(&client, &given::text(&undone[0]["transactionId"])?).await?;
    assert_eq!(rows(&client, LABELS).await?, before);
    // One of its changes by itself, the other by its transaction's revert being undone no more.
    change(&client, &made[0]["cursor"]).await?;
    assert_eq!(rows(&client, LABELS).await?, before[1..]);
    let redone = given::text(&redone[0]["transactionId"])?;
    assert_eq!(
        client.code(TRANSACTION, json!({ "id": redone })).await?,
        "CONFLICT"
    );
    Ok(())
}

async fn refused(server: &TestServer) -> Outcome {
    let client = server.client();
    for (id, code) in [
        (json!(""), "NOT_FOUND"),
        (json!("no such"), "NOT_FOUND"),
        (json!(null), "BAD_INPUT"),
        (json!(1), "BAD_INPUT"),
    ] {
        assert_eq!(
            client.code(TRANSACTION, json!({ "id": id })).await?,
            code,
            "{id}"
        );
    }
    Ok(())
}

async fn too_large(server: &TestServer) -> Outcome {
    let client = server.client();
    let rows: Vec<Json> = (0..4).map(|n| json!({ "name": n.to_string() })).collect();
    PROJECTS.create_all(&client, json!(rows)).await?;
    let id = changes(&client).await?[0]["transactionId"].clone();
    let few = server
        .beside(|settings| settings.limits.write_rows = 3)
        .await?;
    let code = few.client().code(TRANSACTION, json!({ "id": id })).await?;
    assert_eq!(code, "LIMIT_EXCEEDED");
    few.stop().await?;
    assert_eq!(transaction(&client, &given::text(&id)?).await?.len(), 4);
    Ok(())
}
