//! What of an entity is exposed, in every way into the API.

use sea_orm::IdenStatic;
use seachange::{Action, App, Auth, Exposure, MountSettings, Policy, StartError};
use seachange_entity::{comment, label, project, task, task_label};
use seachange_migration::Migrator;
use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::host::Host;

seachange_testkit::cases![
    what_is_exposed,
    a_hidden_column_is_nowhere,
    a_hidden_column_survives,
    a_table_between_others,
    it_must_be_said,
    what_does_not_fit,
];

/// The value that nobody may see.
const SECRET: &str = "4711.42";

fn app() -> App {
    App::new().migrator::<Migrator>()
}

async fn mounted(server: &TestServer, app: App) -> anyhow::Result<Host> {
    Host::start_with(server, &app, MountSettings::new(Auth::host())).await
}

/// The root fields and the types of the schema whose names have this text.
async fn names(client: &Client, text: &str) -> anyhow::Result<Vec<String>> {
    let query = "{ __schema { types { name fields { name } } } }";
    let schema = client.data(query, json!({})).await?;
    let types = schema["__schema"]["types"].as_array().cloned();
    let mut found = Vec::new();
    for ty in types.unwrap_or_default() {
        let name = ty["name"].as_str().unwrap_or_default();
        if name.to_lowercase().contains(text) {
            found.push(name.to_owned());
        }
        if ["Query", "Mutation", "Subscription"].contains(&name) {
            let fields = ty["fields"].as_array().into_iter().flatten();
            let fields = fields.filter_map(|field| field["name"].as_str());
            let fields = fields.filter(|field| field.to_lowercase().contains(text));
            found.extend(fields.map(|field| format!("{name}.{field}")));
        }
    }
    found.sort();
    Ok(found)
}

async fn what_is_exposed(server: &TestServer) -> Outcome {
    let cases = [
        (
            Exposure::read_only(),
            vec![
                "Project",
                "ProjectChange",
                "ProjectConnection",
                "ProjectEdge",
                "ProjectFilterInput",
                "ProjectHavingInput",
                "ProjectOrderInput",
                "ProjectRecord",
                "Query.project",
                "Query.projectAsOf",
                "Query.projectHistory",
                "Subscription.projectChanges",
            ],
        ),
        (
            Exposure::live_only(),
            vec![
                "ProjectChange",
                "ProjectFilterInput",
                "ProjectRecord",
                "Subscription.projectChanges",
            ],
        ),
        (
            Exposure::of([Action::Create]),
            vec![
                "Mutation.projectCreateBatch",
                "Mutation.projectCreateOne",
                "ProjectBasic",
                "ProjectInsertInput",
            ],
        ),
        (
            Exposure::of([Action::Delete]),
            vec!["Mutation.projectDelete", "ProjectFilterInput"],
        ),
        (Exposure::of([]), vec![]),
    ];
    let id = given_project(server).await?;
    let open = server.client();
    for (exposure, expected) in cases {
        let (queries, history) = (
            exposure.allows(Action::Query),
            exposure.allows(Action::History),
        );
        let app = app()
            .expose::<project::Entity>(exposure)
            .expose::<task::Entity>(Exposure::everything());
        let host = mounted(server, app).await?;
        let ada = host.client_of("ada");
        assert_eq!(names(&ada, "project").await?, expected);
        // No relation leads to rows that may not be queried.
        let related = ada.send("{ task { nodes { project { name } } } }", json!({}));
        assert_eq!(related.await?.data().is_ok(), queries);
        let changes = r#"{ changes(entities: ["project"]) { nodes { entity } } }"#;
        let changes = ada.send(changes, json!({})).await?;
        let all = ada.data("{ changes { nodes { entity cursor } } }", json!({}));
        let all = all.await?["changes"]["nodes"].clone();
        if history {
            assert_eq!(changes.data()?["changes"]["nodes"][0]["entity"], "project");
            assert_eq!(all[0]["entity"], "project");
        } else {
            assert_eq!(changes.code()?, "BAD_INPUT");
            assert_eq!(all, json!([]));
        }
        // Nothing of it can be undone, whatever cursor is guessed.
        let logged = open.data("{ changes { nodes { cursor } } }", json!({}));
        let cursor = logged.await?["changes"]["nodes"][0]["cursor"].clone();
        let undo = "mutation($cursor: String!) { revertChange(cursor: $cursor) { operation } }";
        let undone = ada.send(undo, json!({ "cursor": cursor })).await?;
        assert!(undone.code().is_ok(), "{undone:?}");
        host.stop().await?;
    }
    let found = open.data("{ project { nodes { id } } }", json!({}));
    assert_eq!(found.await?["project"]["nodes"], json!([{ "id": id }]));
    Ok(())
}

async fn given_project(server: &TestServer) -> anyhow::Result<Json> {
    let create = r#"mutation { projectCreateOne(data: { name: "p" }) { id } }"#;
    let created = server.client().data(create, json!({})).await?;
    Ok(created["projectCreateOne"]["id"].clone())
}

/// A task with a secret, made by those who may.
async fn given_task(server: &TestServer) -> anyhow::Result<Json> {
    let project = given_project(server).await?;
    let create = "mutation($data: TaskInsertInput!) { taskCreateOne(data: $data) { id } }";
    let data = json!({ "projectId": project, "title": "t", "estimate": SECRET });
    let created = server
        .client()
        .data(create, json!({ "data": data }))
        .await?;
    Ok(created["taskCreateOne"]["id"].clone())
}

fn without_estimates() -> App {
    let hidden = Exposure::everything().hiding([task::Column::Estimate]);
    app()
        .expose::<project::Entity>(Exposure::everything())
        .expose::<comment::Entity>(Exposure::everything())
        .expose::<task::Entity>(hidden)
        .sync::<task::Entity>(Policy::merge_disjoint())
}

async fn a_hidden_column_is_nowhere(server: &TestServer) -> Outcome {
    let id = given_task(server).await?;
    let host = mounted(server, without_estimates()).await?;
    let ada = host.client_of("ada");
    let schema = "{ __schema { types { name fields { name } inputFields { name } } } }";
    let schema = ada.data(schema, json!({})).await?.to_string();
    assert!(!schema.contains("estimate"), "{schema}");
    for query in [
        "{ task { nodes { estimate } } }",
        r#"{ task(filters: { estimate: { gt: "1" } }) { nodes { id } } }"#,
        "{ task(orderBy: { estimate: ASC }) { nodes { id } } }",
        r#"{ project(having: { task: { estimate: { gt: "1" } } }) { nodes { id } } }"#,
        r#"mutation { taskUpdate(data: { estimate: "1" }, all: true) { id } }"#,
        r#"subscription { taskChanges(filters: { estimate: { gt: "1" } }) { kind } }"#,
    ] {
        assert_eq!(ada.code(query, json!({})).await?, "BAD_INPUT", "{query}");
    }
    // Where the log is shown as it is, and wherever a row is, the value is not.
    let head = ada.data("{ changesHead }", json!({})).await?["changesHead"].clone();
    let mut socket = host.socket("session=ada").await?;
    socket.initialise(json!({})).await?;
    let live = r#"subscription { changes(after: "0", entities: ["task"]) { before after changedFields key } }"#;
    socket.subscribe(live, json!({})).await?;
    shows(&socket.next().await?, "\"t\"", "live");
    let typed =
        r#"subscription { taskChanges(after: "0") { kind changedFields record { title } } }"#;
    socket.subscribe(typed, json!({})).await?;
    let replayed = socket.next().await?;
    shows(&replayed, "\"t\"", "typed");
    let update = r#"mutation($id: String!) {
        taskUpdate(filter: { id: { eq: $id } }, data: { title: "t2" }) { id title } }"#;
    ada.data(update, json!({ "id": id })).await?;
    let conflict = "mutation($id: String!, $since: String!) {
        taskUpdate(filter: { id: { eq: $id } }, data: { title: \"t3\" }, ifUnchangedSince: $since) { id } }";
    let conflict = ada
        .send(conflict, json!({ "id": id, "since": head }))
        .await?;
    assert_eq!(conflict.code()?, "CONFLICT");
    shows(&conflict.body, "\"t2\"", "the current rows of a conflict");
    let key = json!({ "key": { "id": id } });
    for (query, variables) in [
        (
            "{ changes { nodes { before after changedFields key } } }",
            json!({}),
        ),
        (
            "query($key: Json!) { taskHistory(key: $key) { nodes { before after changedFields } } }",
            key,
        ),
        ("{ pullTask(limit: 10) { documents { title } } }", json!({})),
    ] {
        let answer = ada.data(query, variables).await?;
        shows(&answer, "\"t2\"", query);
    }
    let last = r#"{ changes(entities: ["task"]) { nodes { cursor } } }"#;
    let last = ada.data(last, json!({})).await?["changes"]["nodes"].clone();
    let last = last.as_array().and_then(|all| all.last()).cloned();
    let cursor = last.unwrap_or_default()["cursor"].clone();
    let undo = "mutation($cursor: String!) { revertChange(cursor: $cursor) { before after changedFields } }";
    let undone = ada.data(undo, json!({ "cursor": cursor })).await?;
    shows(&undone, "\"t2\"", "a revert");
    host.stop().await
}

/// Checks that an answer shows this text, and neither the secret nor its column.
fn shows(answer: &Json, text: &str, what: &str) {
    let answer = answer.to_string();
    assert!(answer.contains(text), "{what}: {answer}");
    let column = task::Column::Estimate.as_str();
    assert!(!answer.contains(SECRET), "{what}: {answer}");
    assert!(!answer.contains(column), "{what}: {answer}");
}

/// Those who cannot see a column do not change it: by an update, a push, or by undoing a delete.
async fn a_hidden_column_survives(server: &TestServer) -> Outcome {
    let id = given_task(server).await?;
    let host = mounted(server, without_estimates()).await?;
    let ada = host.client_of("ada");
    let pull = "{ pullTask(limit: 10) { documents {
        id projectId title body status priority dueOn details owner createdAt updatedAt _deleted } } }";
    let pulled = ada.data(pull, json!({})).await?;
    let assumed = pulled["pullTask"]["documents"][0].clone();
    let mut edited = assumed.clone();
    edited["title"] = json!("edited offline");
    let push = "mutation($rows: [TaskInputPushRow!]!) { pushTask(taskPushRow: $rows) { title } }";
    let rows = json!([{ "newDocumentState": edited, "assumedMasterState": assumed }]);
    let pushed = ada.data(push, json!({ "rows": rows })).await?;
    let left = pushed["pushTask"].as_array().cloned().unwrap_or_default();
    assert!(
        left.iter().all(|row| row["title"] == "edited offline"),
        "{pushed}"
    );
    let estimate = async || {
        let rows = "{ task { nodes { title estimate } } }";
        let rows = server.client().data(rows, json!({})).await?;
        anyhow::Ok(rows["task"]["nodes"].clone())
    };
    let expected = json!([{ "title": "edited offline", "estimate": SECRET }]);
    assert_eq!(estimate().await?, expected);
    let delete = "mutation($id: String!) { taskDelete(filter: { id: { eq: $id } }) }";
    ada.data(delete, json!({ "id": id })).await?;
    assert_eq!(estimate().await?, json!([]));
    let deleted = r#"{ changes(entities: ["task"], operations: [DELETE]) { nodes { cursor } } }"#;
    let deleted = ada.data(deleted, json!({})).await?["changes"]["nodes"].clone();
    let undo = "mutation($cursor: String!) { revertChange(cursor: $cursor) { after } }";
    let undone = ada
        .data(undo, json!({ "cursor": deleted[0]["cursor"] }))
        .await?;
    shows(&undone, "edited offline", "a revert");
    assert_eq!(estimate().await?, expected);
    host.stop().await
}

/// Pairs that may not be queried are not shown by what they connect either.
async fn a_table_between_others(server: &TestServer) -> Outcome {
    for (between, is_there) in [
        (Exposure::read_only(), true),
        (Exposure::live_only(), false),
    ] {
        let app = app()
            .expose::<task::Entity>(Exposure::read_only())
            .expose::<label::Entity>(Exposure::read_only())
            .expose::<task_label::Entity>(between);
        let host = mounted(server, app).await?;
        let labels = "{ task { nodes { label { nodes { name } } } } }";
        let answer = host.client_of("ada").send(labels, json!({})).await?;
        assert_eq!(answer.data().is_ok(), is_there, "{answer:?}");
        host.stop().await?;
    }
    Ok(())
}

async fn it_must_be_said(server: &TestServer) -> Outcome {
    let unsaid = || {
        app()
            .expose::<project::Entity>(Exposure::read_only())
            .entity::<task::Entity>()
    };
    let refused = mounted(server, unsaid()).await.err();
    let refused = refused.and_then(|error| error.downcast().ok());
    assert!(
        matches!(refused, Some(StartError::Unsaid("task"))),
        "{refused:?}"
    );
    let synced = unsaid().sync::<task::Entity>(Policy::manual());
    mounted(server, synced).await?.stop().await?;
    // Where everybody may do everything anyway, nothing need be said.
    let open = MountSettings::new(Auth::open());
    let host = Host::start_with(server, &unsaid(), open).await?;
    host.client()
        .data("{ task { nodes { id } } }", json!({}))
        .await?;
    host.stop().await
}

async fn what_does_not_fit(server: &TestServer) -> Outcome {
    let some = Exposure::everything().refusing([Action::Delete]);
    for (app, words) in [
        (
            app().expose::<task::Entity>(Exposure::everything().hiding([task::Column::Id])),
            "of its key",
        ),
        (
            app().expose::<project::Entity>(Exposure::everything().hiding([task::Column::Title])),
            "does not have",
        ),
        (
            app()
                .expose::<task::Entity>(some)
                .sync::<task::Entity>(Policy::manual()),
            "let clients only pull",
        ),
    ] {
        let error = mounted(server, app)
            .await
            .err()
            .map(|error| error.to_string());
        let error = error.unwrap_or_default();
        assert!(error.contains(words), "{error}");
    }
    // An entity that is only read is only pulled.
    let pulled = app()
        .expose::<task::Entity>(Exposure::read_only())
        .sync::<task::Entity>(Policy::manual());
    let host = mounted(server, pulled).await?;
    let names = names(&host.client_of("ada"), "task").await?;
    assert!(names.contains(&"Query.pullTask".to_owned()), "{names:?}");
    assert!(
        !names.contains(&"Mutation.pushTask".to_owned()),
        "{names:?}"
    );
    host.stop().await
}
