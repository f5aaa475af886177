//! `…Delete`: how many rows, what it records, what it refuses.

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::given::{self, COMMENTS, LABELS, PROJECTS, TASK_LABELS, TASKS};
use super::update::empty_filters;
use super::watch::Watch;

seachange_testkit::cases![
    one_of_each,
    several_rows,
    only_with_a_condition,
    nothing_matches,
    parents_stay,
    a_parent_among_others,
];

async fn one_of_each(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = PROJECTS.create(&client, json!({ "name": "Ship" })).await?;
    let task = json!({ "projectId": project["id"], "title": "t", "estimate": "3.00" });
    let task = TASKS.create(&client, task).await?;
    let comment = json!({ "taskId": task["id"], "author": "a", "body": "b" });
    let comment = COMMENTS.create(&client, comment).await?;
    let label = LABELS.create(&client, json!({ "name": "urgent" })).await?;
    let link = json!({ "taskId": task["id"], "labelId": label["id"] });
    let link = TASK_LABELS.create(&client, link).await?;
    let mut watch = Watch::start(server).await?;
    for (names, entity, row, filter) in [
        (
            TASK_LABELS,
            "task_label",
            &link,
            json!({ "labelId": { "eq": label["id"] } }),
        ),
        (
            LABELS,
            "label",
            &label,
            json!({ "name": { "eq": "urgent" } }),
        ),
        (
            COMMENTS,
            "comment",
            &comment,
            json!({ "id": { "eq": comment["id"] } }),
        ),
        (
            TASKS,
            "task",
            &task,
            json!({ "estimate": { "eq": "3.00" } }),
        ),
        (
            PROJECTS,
            "project",
            &project,
            json!({ "id": { "is_in": [project["id"]] } }),
        ),
    ] {
        let data = client
            .data(&names.delete(), json!({ "filter": filter }))
            .await?;
        assert_eq!(data["count"], 1, "{entity}");
        let change = watch.only().await?;
        let image = given::image(row);
        assert_eq!(
            (&change["entity"], &change["operation"]),
            (&json!(entity), &json!("DELETE"))
        );
        assert_eq!((&change["before"], &change["after"]), (&image, &Json::Null));
        assert_eq!(change["changedFields"], json!(given::columns(&image)));
        assert_eq!(change["source"], super::create::source_of(entity));
    }
    Ok(())
}

async fn several_rows(server: &TestServer) -> Outcome {
    let client = server.client();
    PROJECTS
        .create_all(
            &client,
            json!([{ "name": "a" }, { "name": "b" }, { "name": "c" }]),
        )
        .await?;
    let mut watch = Watch::start(server).await?;
    let filter = json!({ "not": { "name": { "eq": "b" } } });
    let data = client
        .data(&PROJECTS.delete(), json!({ "filter": filter }))
        .await?;
    assert_eq!(data["count"], 2);
    let changes = watch.read().await?;
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0]["transactionId"], changes[1]["transactionId"]);
    let left = PROJECTS.find(&client, json!({})).await?;
    assert_eq!((left.len(), &left[0]["name"]), (1, &json!("b")));
    Ok(())
}

async fn only_with_a_condition(server: &TestServer) -> Outcome {
    let client = server.client();
    PROJECTS
        .create_all(&client, json!([{ "name": "a" }, { "name": "b" }]))
        .await?;
    let mut watch = Watch::start(server).await?;
    for filter in empty_filters() {
        for all in [Json::Null, json!(false)] {
            let variables = json!({ "filter": filter, "all": all });
            assert_eq!(
                client.code(&PROJECTS.delete(), variables).await?,
                "BAD_INPUT",
                "{filter}"
            );
        }
    }
    assert_eq!(
        client.code("mutation { projectDelete }", json!({})).await?,
        "BAD_INPUT"
    );
    assert_eq!(watch.read().await?.len(), 0);
    let data = client
        .data(&PROJECTS.delete(), json!({ "filter": {}, "all": true }))
        .await?;
    assert_eq!(data["count"], 2);
    assert_eq!(watch.read().await?.len(), 2);
    Ok(())
}

async fn nothing_matches(server: &TestServer) -> Outcome {
    let client = server.client();
    given::project(&client, "Ship").await?;
    let mut watch = Watch::start(server).await?;
    for filter in [
        json!({ "name": { "eq": "Shop" } }),
        json!({ "name": { "is_in": [] } }),
    ] {
        let data = client
            .data(&PROJECTS.delete(), json!({ "filter": filter }))
            .await?;
        assert_eq!(data["count"], 0);
    }
    let none = client.data(&TASKS.delete(), json!({ "all": true })).await?;
    assert_eq!(none["count"], 0);
    assert_eq!(watch.read().await?.len(), 0);
    Ok(())
}

async fn parents_stay(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = given::task(&client, "t").await?;
    let label = LABELS.create(&client, json!({ "name": "urgent" })).await?;
    TASK_LABELS
        .create(&client, json!({ "taskId": task, "labelId": label["id"] }))
        .await?;
    let mut watch = Watch::start(server).await?;
    for names in [PROJECTS, TASKS] {
        assert_eq!(
            client.code(&names.delete(), json!({ "all": true })).await?,
            "CONFLICT"
        );
    }
    let filter = json!({ "filter": { "name": { "eq": "urgent" } } });
    assert_eq!(client.code(&LABELS.delete(), filter).await?, "CONFLICT");
    assert_eq!(watch.read().await?.len(), 0);
    Ok(())
}

async fn a_parent_among_others(server: &TestServer) -> Outcome {
    let client = server.client();
    given::task(&client, "t").await?;
    PROJECTS
        .create_all(&client, json!([{ "name": "free" }, { "name": "free too" }]))
        .await?;
    let mut watch = Watch::start(server).await?;
    assert_eq!(
        client
            .code(&PROJECTS.delete(), json!({ "all": true }))
            .await?,
        "CONFLICT"
    );
    assert_eq!(watch.read().await?.len(), 0);
    assert_eq!(
        PROJECTS.find(&client, json!({})).await?.len(),
        3,
        "all or nothing"
    );
    Ok(())
}
