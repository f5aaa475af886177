//! Columns that come, go, and change name or type.

use sea_orm::ConnectionTrait;
use seachange::changelog::{FindingCode, TableChange};
use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::bulletin::{self, FIRST, SECOND, THIRD, TO_SECOND, to_third};
use super::{Way, alter, as_of_now, history, revert};
use crate::sync::{conflicts, deleted, pull, pull_all, push, stored, with};
use crate::triggers::other;

seachange_testkit::cases![
    columns_come,
    columns_come_unsaid,
    documents_from_before_a_column_are_edited,
    conflicts_from_before_a_column_are_resolved,
    columns_are_called_otherwise,
    columns_are_called_otherwise_unsaid,
    a_rename_is_said_later,
    a_change_is_not_said_of_a_table_once_known,
];

async fn write(client: &Client, names: crate::graphql::given::Names, id: i32) -> Outcome {
    let data = json!({ "id": id, "body": format!("body {id}"), "votes": id, "gone": "x" });
    names.create(client, data).await?;
    Ok(())
}

async fn set(
    client: &Client,
    names: crate::graphql::given::Names,
    id: &Json,
    data: Json,
) -> Outcome {
    let variables = json!({ "data": data, "filter": { "id": { "eq": id } } });
    client.data(&names.update(), variables).await?;
    Ok(())
}

async fn columns_come(server: &TestServer) -> Outcome {
    come(server, Way::Said).await
}

async fn columns_come_unsaid(server: &TestServer) -> Outcome {
    come(server, Way::Unsaid).await
}

async fn come(server: &TestServer, way: Way) -> Outcome {
    let first = bulletin::start(server).await?;
    let client = first.client();
    let (_, checkpoint) = pull_all(&client, FIRST).await?;
    for id in 1..=3 {
        write(&client, FIRST, id).await?;
    }
    let filter = json!({ "filter": { "id": { "eq": 3 } } });
    client.data(&FIRST.delete(), filter).await?;
    let end = history(&client, FIRST, json!({ "id": 3 })).await?;
    first.verify().await?;
    first.stop().await?;

    let db = other(server).await?;
    let table = TableChange::of("bulletin");
    alter(&db, way, table, TO_SECOND.to_vec()).await?;
    let second = bulletin::start_second(server).await?;
    let client = second.client();
    second.verify().await?;
    let verdict = second.verdict().await?;
    assert_eq!(verdict.not_compared, 4, "{verdict:?}");
    assert_eq!(second.doctor().await?, []);

    let (documents, _) = pull(&client, SECOND, checkpoint, 100).await?;
    assert_eq!(documents.len(), 3);
    for document in &documents {
        let is_there = document["_deleted"] == false;
        assert_eq!(document["pinned"], is_there, "{document}");
        let place = if is_there { json!("board") } else { Json::Null };
        assert_eq!(document["place"], place, "{document}");
    }
    let row = as_of_now(&client, SECOND, json!({ "id": 1 })).await?;
    assert_eq!(
        (&row["pinned"], &row["place"]),
        (&json!(true), &json!("board"))
    );

    let reverted = revert(&client, &end[1]["cursor"]).await?;
    assert_eq!(reverted[0]["after"]["pinned"], true);
    assert_eq!(reverted[0]["after"]["place"], "board");
    assert_eq!(reverted[0]["after"]["body"], "body 3");

    set(&client, SECOND, &json!(1), json!({ "pinned": false })).await?;
    let changes = history(&client, SECOND, json!({ "id": 1 })).await?;
    assert_eq!(changes[1]["changedFields"], json!(["pinned"]));
    let row = as_of_now(&client, SECOND, json!({ "id": 1 })).await?;
    assert_eq!(row["pinned"], false);
    second.verify().await?;
    // What is told is compared.
    for sql in [
        "UPDATE bulletin SET pinned = true WHERE id = 1",
        "UPDATE bulletin SET body = 'tampered' WHERE id = 2",
    ] {
        db.execute_unprepared(sql).await?;
    }
    assert_eq!(second.verdict().await?.faults, 2);
    for sql in [
        "UPDATE bulletin SET pinned = false WHERE id = 1",
        "UPDATE bulletin SET body = 'body 2' WHERE id = 2",
    ] {
        db.execute_unprepared(sql).await?;
    }
    second.stop().await
}

/// A client that pulled while the log was sent as it is has null for a column that it was never told.
async fn documents_from_before_a_column_are_edited(server: &TestServer) -> Outcome {
    let first = bulletin::start(server).await?;
    for id in 1..=3 {
        write(&first.client(), FIRST, id).await?;
    }
    first.stop().await?;
    let db = other(server).await?;
    alter(
        &db,
        Way::Unsaid,
        TableChange::of("bulletin"),
        TO_SECOND.to_vec(),
    )
    .await?;
    let second = bulletin::start_second(server).await?;
    let client = second.client();
    let untold = async |id: &str| {
        let told = stored(&client, SECOND, id).await?;
        anyhow::Ok(with(&told, json!({ "pinned": null, "place": null })))
    };
    let (one, two, three) = (untold("1").await?, untold("2").await?, untold("3").await?);
    let edited = with(&one, json!({ "body": "edited" }));
    let pinned = with(&two, json!({ "pinned": false }));
    let rows = [
        (one, edited),
        (two, pinned),
        (three.clone(), deleted(&three)),
    ];
    let pushed = push(&client, SECOND, &rows).await?;
    assert_eq!(pushed.rejections, Vec::<Json>::new());
    assert_eq!(conflicts(&client).await?, Vec::<Json>::new());
    let one = stored(&client, SECOND, "1").await?;
    let told = (&one["body"], &one["pinned"], &one["place"]);
    assert_eq!(told, (&json!("edited"), &json!(true), &json!("board")));
    let two = stored(&client, SECOND, "2").await?;
    assert_eq!(
        (&two["pinned"], &two["place"]),
        (&json!(false), &json!("board"))
    );
    // From here on the log tells of it, and null is an edit.
    let cleared = with(&one, json!({ "place": null }));
    let pushed = push(&client, SECOND, &[(one, cleared.clone())]).await?;
    assert_eq!(pushed.rejections, Vec::<Json>::new());
    assert_eq!(stored(&client, SECOND, "1").await?["place"], Json::Null);
    let stale = with(&cleared, json!({ "body": "stale" }));
    set(&client, SECOND, &json!(1), json!({ "place": "wall" })).await?;
    let pushed = push(&client, SECOND, &[(cleared, stale)]).await?;
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    second.verify().await?;
    second.stop().await
}

async fn conflicts_from_before_a_column_are_resolved(server: &TestServer) -> Outcome {
    let first = bulletin::start(server).await?;
    let client = first.client();
    write(&client, FIRST, 1).await?;
    let base = stored(&client, FIRST, "1").await?;
    set(&client, FIRST, &json!(1), json!({ "votes": 7 })).await?;
    let mine = with(&base, json!({ "body": "mine" }));
    assert_eq!(
        push(&client, FIRST, &[(base, mine)]).await?.codes(),
        ["CONFLICT"]
    );
    first.stop().await?;
    let db = other(server).await?;
    alter(
        &db,
        Way::Unsaid,
        TableChange::of("bulletin"),
        TO_SECOND.to_vec(),
    )
    .await?;
    let second = bulletin::start_second(server).await?;
    let client = second.client();
    let id = conflicts(&client).await?[0]["id"].clone();
    let resolve =
        "mutation($id: String!) { resolveSyncConflict(id: $id, use: USE_CLIENT) { status } }";
    let resolved = client.data(resolve, json!({ "id": id })).await?;
    assert_eq!(resolved["resolveSyncConflict"]["status"], "RESOLVED");
    let row = stored(&client, SECOND, "1").await?;
    let told = (&row["body"], &row["pinned"], &row["place"]);
    assert_eq!(told, (&json!("mine"), &json!(true), &json!("board")));
    second.verify().await?;
    second.stop().await
}

async fn columns_are_called_otherwise(server: &TestServer) -> Outcome {
    otherwise(server, Way::Said).await
}

async fn columns_are_called_otherwise_unsaid(server: &TestServer) -> Outcome {
    otherwise(server, Way::Unsaid).await
}

async fn otherwise(server: &TestServer, way: Way) -> Outcome {
    let first = bulletin::start(server).await?;
    let client = first.client();
    let (_, checkpoint) = pull_all(&client, FIRST).await?;
    for id in 1..=3 {
        write(&client, FIRST, id).await?;
    }
    set(
        &client,
        FIRST,
        &json!(2),
        json!({ "votes": 20, "gone": "y" }),
    )
    .await?;
    let edit = history(&client, FIRST, json!({ "id": 2 })).await?;
    let filter = json!({ "filter": { "id": { "eq": 3 } } });
    client.data(&FIRST.delete(), filter).await?;
    let end = history(&client, FIRST, json!({ "id": 3 })).await?;
    first.stop().await?;

    let db = other(server).await?;
    let table = TableChange::of("bulletin").rename("body", "text");
    alter(&db, way, table, to_third(db.get_database_backend())).await?;
    let third = bulletin::start_third(server).await?;
    let client = third.client();
    third.verify().await?;
    assert_eq!(third.doctor().await?, []);

    let (documents, _) = pull(&client, THIRD, checkpoint, 100).await?;
    let told = |id: &str| {
        let mut documents = documents.iter();
        documents.find(|document| document["id"] == id).cloned()
    };
    let document = |id: &str, votes: &str| json!({ "id": id, "text": format!("body {id}"), "votes": votes, "_deleted": false });
    assert_eq!(told("1"), Some(document("1", "1")));
    assert_eq!(told("2"), Some(document("2", "20")));
    assert_eq!(
        told("3").map(|gone| gone["_deleted"].clone()),
        Some(json!(true))
    );

    let key = |id: &str| json!({ "id": id });
    let changes = history(&client, THIRD, key("2")).await?;
    assert_eq!(changes.len(), 2, "{changes:?}");
    let name = if way == Way::Said { "text" } else { "body" };
    assert_eq!(changes[0]["after"][name], "body 2");
    let row = as_of_now(&client, THIRD, key("1")).await?;
    assert_eq!(row["text"], "body 1", "{row}");

    // Of what was edited `gone` is no more, and `votes` has another type.
    let reverted = revert(&client, &edit[1]["cursor"]).await?;
    assert_eq!(reverted[0]["after"]["votes"], "2");
    if way == Way::Said {
        let reverted = revert(&client, &end[1]["cursor"]).await?;
        assert_eq!(reverted[0]["after"]["text"], "body 3");
    }
    set(&client, THIRD, &json!(1), json!({ "text": "new" })).await?;
    let changes = history(&client, THIRD, key("1")).await?;
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert_eq!(changes[1]["changedFields"], json!(["text"]));
    third.verify().await?;
    if way == Way::Said {
        db.execute_unprepared("UPDATE bulletin SET text = 'tampered' WHERE id = 2")
            .await?;
        assert_eq!(third.verdict().await?.faults, 1);
        db.execute_unprepared("UPDATE bulletin SET text = 'body 2' WHERE id = 2")
            .await?;
    }
    third.stop().await
}

async fn a_rename_is_said_later(server: &TestServer) -> Outcome {
    let first = bulletin::start(server).await?;
    write(&first.client(), FIRST, 1).await?;
    first.stop().await?;
    let db = other(server).await?;
    let steps = to_third(db.get_database_backend());
    alter(&db, Way::Unsaid, TableChange::of("bulletin"), steps).await?;
    let third = bulletin::start_third(server).await?;
    let client = third.client();
    set(&client, THIRD, &json!(1), json!({ "text": "new" })).await?;
    let texts = async || {
        let changes = history(&client, THIRD, json!({ "id": "1" })).await?;
        let texts = changes.iter().map(|change| change["after"]["text"].clone());
        anyhow::Ok(texts.collect::<Vec<Json>>())
    };
    assert_eq!(texts().await?, [Json::Null, json!("new")]);
    let table = TableChange::of("bulletin").rename("body", "text");
    alter(&db, Way::Said, table, Vec::new()).await?;
    assert_eq!(texts().await?, ["body 1", "new"]);
    set(&client, THIRD, &json!(1), json!({ "text": "newer" })).await?;
    assert_eq!(texts().await?, ["body 1", "new", "newer"]);
    third.verify().await?;
    third.stop().await
}

async fn a_change_is_not_said_of_a_table_once_known(server: &TestServer) -> Outcome {
    let first = bulletin::start(server).await?;
    write(&first.client(), FIRST, 1).await?;
    first.stop().await?;
    let db = other(server).await?;
    alter(
        &db,
        Way::Said,
        TableChange::of("bulletin"),
        vec![TO_SECOND[0]],
    )
    .await?;
    alter(
        &db,
        Way::Unsaid,
        TableChange::of("bulletin"),
        vec![TO_SECOND[1]],
    )
    .await?;
    let second = bulletin::start_second(server).await?;
    second.verify().await?;
    let findings = second.doctor().await?;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].code, FindingCode::TableReshaped);
    assert_eq!(findings[0].table, "bulletin");
    assert!(findings[0].message.contains("place"), "{findings:?}");
    alter(&db, Way::Said, TableChange::of("bulletin"), Vec::new()).await?;
    assert_eq!(second.doctor().await?, []);
    second.verify().await?;
    second.stop().await
}
