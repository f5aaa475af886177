//! Two rows that exchange a unique value have none of the two for a moment. No revert brings such a moment
//! back, and no look at the past shows it as the row.

use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::transactions::transaction;
use super::{CHANGE, LABELS, change, update};
use crate::graphql::given;
use crate::graphql::history::{as_of_query, changes};
use crate::sync::push;

seachange_testkit::cases![
    never_a_value_that_nobody_wrote,
    the_value_before,
    an_exchange_that_was_undone,
    out_of_the_way,
    a_transaction_that_was_undone,
];

/// What came of an exchange of names.
struct Exchange {
    /// The row that stood aside, and its names before and after.
    aside: Json,
    before: String,
    after: String,
    /// The other one.
    other: Json,
    /// The changes: stood aside, the other, and as it was to be.
    changes: Vec<Json>,
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn names(client: &Client) -> anyhow::Result<Vec<String>> {
    let rows = LABELS.find(client, json!({})).await?;
    Ok(rows.iter().map(|row| text(&row["name"])).collect())
}

async fn name_of(client: &Client, id: &Json) -> anyhow::Result<String> {
    let rows = LABELS
        .find(client, json!({ "filters": { "id": { "eq": id } } }))
        .await?;
    Ok(text(&rows[0]["name"]))
}

/// Labels 60001 and 60002, `a` and `b`, exchange their names.
async fn exchange(client: &Client) -> anyhow::Result<Exchange> {
    let label =
        |id: i32, name: &str| json!({ "id": id.to_string(), "name": name, "_deleted": false });
    let made = [
        (Json::Null, label(60_001, "a")),
        (Json::Null, label(60_002, "b")),
    ];
    assert!(push(client, LABELS, &made).await?.is_taken());
    // Before the exchange they have had other names.
    for (id, name) in [("60001", "a2"), ("60002", "b2")] {
        update(client, LABELS, &json!(id), json!({ "name": name })).await?;
    }
    let swap = [
        (label(60_001, "a2"), label(60_001, "b2")),
        (label(60_002, "b2"), label(60_002, "a2")),
    ];
    assert!(push(client, LABELS, &swap).await?.is_taken());
    let all = changes(client).await?;
    let last = all.last().map(|change| change["transactionId"].clone());
    let of_it = |change: &&Json| Some(&change["transactionId"]) == last.as_ref();
    let changes: Vec<Json> = all.iter().filter(of_it).cloned().collect();
    assert_eq!(changes.len(), 3, "{changes:?}");
    assert_eq!(changes[0]["key"], changes[2]["key"]);
    Ok(Exchange {
        aside: changes[0]["key"]["id"].clone(),
        before: text(&changes[0]["before"]["name"]),
        after: text(&changes[2]["after"]["name"]),
        other: changes[1]["key"]["id"].clone(),
        changes,
    })
}

/// The other row takes another name, so that its former one is free.
async fn free(client: &Client, exchange: &Exchange) -> Outcome {
    update(client, LABELS, &exchange.other, json!({ "name": "free" })).await
}

async fn never_a_value_that_nobody_wrote(server: &TestServer) -> Outcome {
    let client = server.client();
    let exchange = exchange(&client).await?;
    let was = names(&client).await?;
    // Each value is taken by the other row.
    for change in &exchange.changes {
        let cursor = json!({ "cursor": change["cursor"] });
        assert_eq!(client.code(CHANGE, cursor).await?, "CONFLICT", "{change}");
        assert_eq!(names(&client).await?, was);
    }
    // All of it can be undone.
    let id = text(&exchange.changes[0]["transactionId"]);
    transaction(&client, &id).await?;
    assert_eq!(names(&client).await?, ["a2", "b2"]);
    Ok(())
}

async fn the_value_before(server: &TestServer) -> Outcome {
    let client = server.client();
    let exchange = exchange(&client).await?;
    let moment = &exchange.changes[0];
    assert_eq!(moment["metadata"], json!({ "interim": true }));
    assert_eq!(exchange.changes[1]["metadata"], Json::Null);
    assert_eq!(exchange.changes[2]["metadata"], Json::Null);
    free(&client, &exchange).await?;
    let undone = change(&client, &exchange.changes[2]["cursor"]).await?;
    assert_eq!(undone.len(), 1);
    assert_eq!(undone[0]["changedFields"], json!(["name"]));
    assert_eq!(name_of(&client, &exchange.aside).await?, exchange.before);
    let redone = change(&client, &undone[0]["cursor"]).await?;
    assert_eq!(redone.len(), 1);
    assert_eq!(name_of(&client, &exchange.aside).await?, exchange.after);
    // As of the moment the row was as before: nobody could see it otherwise.
    for (of, name) in [(0, &exchange.before), (2, &exchange.after)] {
        let arguments = json!({ "key": { "id": exchange.aside },
            "cursor": exchange.changes[of]["cursor"] });
        let data = client.data(&as_of_query(LABELS), arguments).await?;
        assert_eq!(data["row"]["name"], **name);
    }
    let time = json!({ "key": { "id": exchange.aside }, "time": moment["recordedAt"] });
    let data = client.data(&as_of_query(LABELS), time).await?;
    let seen = text(&data["row"]["name"]);
    assert!(
        [&exchange.before, &exchange.after].contains(&&seen),
        "{seen}"
    );
    Ok(())
}

/// The moment aside goes with the change that ended it.
async fn an_exchange_that_was_undone(server: &TestServer) -> Outcome {
    let client = server.client();
    let exchange = exchange(&client).await?;
    let all = changes(&client).await?;
    let earlier = all.iter().find(|change| {
        change["key"]["id"] == exchange.aside && change["after"]["name"] == *exchange.before
    });
    let earlier = earlier.cloned().unwrap_or_default();
    free(&client, &exchange).await?;
    let cursor = json!({ "cursor": earlier["cursor"] });
    assert_eq!(client.code(CHANGE, cursor).await?, "CONFLICT");
    change(&client, &exchange.changes[2]["cursor"]).await?;
    change(&client, &earlier["cursor"]).await?;
    let name = name_of(&client, &exchange.aside).await?;
    assert_eq!(name, text(&earlier["before"]["name"]));
    Ok(())
}

/// What a client says of its own changes makes none of them such a moment.
async fn out_of_the_way(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = LABELS.create(&client, json!({ "name": "1" })).await?["id"].take();
    let variables = json!({ "data": { "name": "2" }, "filter": { "id": { "eq": id } } });
    let body = json!({ "query": LABELS.update(), "variables": variables,
        "extensions": { "metadata": { "interim": true, "why": "x" } } });
    client.post(&body).await?.data()?;
    let last = changes(&client).await?.pop().unwrap_or_default();
    assert_eq!(last["metadata"], json!({ "why": "x" }));
    let data = client
        .data(
            &as_of_query(LABELS),
            json!({ "key": { "id": given::text(&last["key"]["id"])? }, "cursor": last["cursor"] }),
        )
        .await?;
    assert_eq!(data["row"]["name"], "2");
    Ok(())
}

/// Undoing the whole has such a moment of its own.
async fn a_transaction_that_was_undone(server: &TestServer) -> Outcome {
    let client = server.client();
    let exchange = exchange(&client).await?;
    let id = text(&exchange.changes[0]["transactionId"]);
    let undone = transaction(&client, &id).await?;
    assert_eq!(undone.len(), 3);
    for change in &undone {
        let cursor = json!({ "cursor": change["cursor"] });
        assert_eq!(client.code(CHANGE, cursor).await?, "CONFLICT", "{change}");
        assert_eq!(names(&client).await?, ["a2", "b2"]);
    }
    let moment = &undone[0];
    assert_eq!(
        moment["metadata"],
        json!({ "interim": true, "revertsTransaction": id })
    );
    free(&client, &exchange).await?;
    change(&client, &undone[2]["cursor"]).await?;
    assert_eq!(name_of(&client, &exchange.aside).await?, exchange.after);
    Ok(())
}
