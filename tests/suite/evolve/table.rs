//! A table that gets another name.

use sea_orm::{ConnectionTrait, Statement};
use seachange::changelog::{TableChange, TriggerOptions, change_tables, track_by_triggers};
use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::bulletin::{self, FIRST, RENAMED};
use super::{Way, alter, as_of_now, history, revert};
use crate::graphql::given::list;
use crate::sync::{conflicts, pull, pull_all, push, stored, with};
use crate::triggers::other;

seachange_testkit::cases![
    a_table_of_hooks_is_renamed,
    a_table_of_triggers_is_renamed,
    a_name_that_the_log_knows_is_refused,
    a_table_is_renamed_while_others_write,
    columns_come_while_others_write,
];

const RENAME: &str = "ALTER TABLE bulletin RENAME TO notice";

fn renamed() -> TableChange {
    TableChange::of("bulletin").rename_table("notice")
}

async fn write(client: &Client, id: i32) -> Outcome {
    let data = json!({ "id": id, "body": format!("body {id}"), "votes": id, "gone": "x" });
    FIRST.create(client, data).await?;
    Ok(())
}

/// Keys of changes after a cursor, by entity.
async fn after(client: &Client, cursor: &Json) -> anyhow::Result<Vec<(Json, Json)>> {
    let query = "query($after: String) { changes(after: $after, first: 1000) { nodes { \
                 entity key } } }";
    let data = client.data(query, json!({ "after": cursor })).await?;
    let nodes = list(data["changes"]["nodes"].clone())?;
    let named = nodes.iter();
    let named = named.map(|change| (change["entity"].clone(), change["key"]["id"].clone()));
    Ok(named.collect())
}

async fn a_table_of_hooks_is_renamed(server: &TestServer) -> Outcome {
    is_renamed(server, false).await
}

async fn a_table_of_triggers_is_renamed(server: &TestServer) -> Outcome {
    is_renamed(server, true).await
}

async fn is_renamed(server: &TestServer, by_triggers: bool) -> Outcome {
    let first = bulletin::start(server).await?;
    let db = other(server).await?;
    if by_triggers {
        track_by_triggers(&db, "bulletin", TriggerOptions::new()).await?;
    }
    let client = first.client();
    write(&client, 1).await?;
    let (_, checkpoint) = pull_all(&client, FIRST).await?;
    let base = stored(&client, FIRST, "1").await?;
    write(&client, 2).await?;
    let cursor = history(&client, FIRST, json!({ "id": 2 })).await?[0]["cursor"].clone();
    write(&client, 3).await?;
    let set = json!({ "data": { "votes": 7 }, "filter": { "id": { "eq": 1 } } });
    client.data(&FIRST.update(), set).await?;
    let mine = with(&base, json!({ "body": "mine" }));
    let pushed = push(&client, FIRST, &[(base, mine)]).await?;
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    first.verify().await?;
    first.stop().await?;

    alter(&db, Way::Said, renamed(), vec![RENAME]).await?;
    let sql = "SELECT count(*) AS n FROM change_log WHERE entity = 'bulletin'";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql));
    let left: i64 = row.await?.map_or(Ok(-1), |row| row.try_get("", "n"))?;
    assert_eq!(left, 0);

    let second = bulletin::start_renamed(server).await?;
    let client = second.client();
    second.verify().await?;
    assert_eq!(second.doctor().await?, []);
    let changes = history(&client, RENAMED, json!({ "id": 1 })).await?;
    assert_eq!(changes.len(), 2);
    assert!(changes.iter().all(|change| change["entity"] == "notice"));
    // What came after a cursor comes after it, and once.
    let of_table = |named: Vec<(Json, Json)>| {
        let of_table = named.into_iter().filter(|(entity, _)| entity == "notice");
        of_table.map(|(_, id)| id).collect::<Vec<Json>>()
    };
    assert_eq!(
        of_table(after(&client, &cursor).await?),
        [json!(3), json!(1)]
    );
    let (documents, checkpoint) = pull(&client, RENAMED, checkpoint, 100).await?;
    let ids: Vec<&Json> = documents.iter().map(|document| &document["id"]).collect();
    assert_eq!(ids, ["2", "3", "1"]);
    assert_eq!(
        as_of_now(&client, RENAMED, json!({ "id": 1 })).await?["votes"],
        7
    );
    // The inbox knows whose conflict it is.
    let filed = conflicts(&client).await?;
    assert_eq!(filed[0]["entity"], "notice");
    let resolve =
        "mutation($id: String!) { resolveSyncConflict(id: $id, use: USE_CLIENT) { status } }";
    client
        .data(resolve, json!({ "id": filed[0]["id"] }))
        .await?;
    let (documents, _) = pull(&client, RENAMED, checkpoint, 100).await?;
    assert_eq!(documents[0]["body"], "mine");
    revert(&client, &cursor).await?;
    if by_triggers {
        let sql = "INSERT INTO notice (id, body, votes) VALUES (9, 'nine', 9)";
        db.execute_unprepared(sql).await?;
        let changes = history(&client, RENAMED, json!({ "id": 9 })).await?;
        assert_eq!(changes.len(), 1);
    }
    second.verify().await?;
    second.stop().await
}

async fn a_name_that_the_log_knows_is_refused(server: &TestServer) -> Outcome {
    let first = bulletin::start(server).await?;
    write(&first.client(), 1).await?;
    server.label("on").await?;
    let db = other(server).await?;
    let taken = [TableChange::of("bulletin").rename_table("label")];
    let refused = change_tables(&db, &taken, |_| Box::pin(async { Ok(()) })).await;
    assert!(refused.is_err());
    first.verify().await?;
    first.stop().await
}

/// Rows that a client tries to write at the same time as `change` runs. Once the table has another name
/// they fail.
async fn beside_writers(first: &TestServer, change: impl Future<Output = Outcome>) -> Outcome {
    let client = first.client();
    write(&client, 1).await?;
    let writing = async |from: i32| {
        for id in from..from + 25 {
            write(&client, id).await.ok();
            let set = json!({ "data": { "votes": id }, "filter": { "id": { "eq": 1 } } });
            client.data(&FIRST.update(), set).await.ok();
        }
    };
    let (changed, (), ()) = tokio::join!(change, writing(100), writing(200));
    changed
}

async fn a_table_is_renamed_while_others_write(server: &TestServer) -> Outcome {
    let first = bulletin::start(server).await?;
    let db = other(server).await?;
    beside_writers(&first, alter(&db, Way::Said, renamed(), vec![RENAME])).await?;
    first.stop().await?;
    let second = bulletin::start_renamed(server).await?;
    second.verify().await?;
    let logged = second.logged().await?;
    assert!(logged.iter().all(|change| change.entity != "bulletin"));
    assert_eq!(second.doctor().await?, []);
    second.stop().await
}

async fn columns_come_while_others_write(server: &TestServer) -> Outcome {
    let first = bulletin::start(server).await?;
    let db = other(server).await?;
    let table = TableChange::of("bulletin");
    let change = alter(&db, Way::Said, table, bulletin::TO_SECOND.to_vec());
    beside_writers(&first, change).await?;
    first.verify().await?;
    first.stop().await?;
    let second = bulletin::start_second(server).await?;
    second.verify().await?;
    second.stop().await
}
