//! Columns that the database fills by itself: recorded as they are stored, written by nobody, and in
//! nobody's way when a row is put back, edited offline or resolved.

#![allow(
    dead_code,
    reason = "SeaORM's macro generates more than a private entity uses"
)]

pub mod invoice;

use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use sea_orm::{ColumnTrait, TransactionTrait};
use seachange::changelog::{FindingCode, Target};
use serde_json::{Value as Json, json};

use crate::graphql::given::list;
use crate::sync::{conflicts, push, stored, with};
use invoice::{INVOICES, declared, undeclared};
use seachange_testkit::{Client, Outcome, TestServer};

seachange_testkit::cases! {
    Every: rows_are_recorded_as_they_are_stored,
        rows_written_together_are_recorded_as_they_are_stored, inputs_leave_them_out,
        a_deleted_row_comes_back_with_its_key, offline_edits_do_not_mean_them,
        conflicts_are_resolved_without_them, the_doctor_knows_those_that_are_not_declared;
    Servers: a_trigger_of_the_adopters_changes_what_is_written;
}

async fn create(client: &Client, name: &str, net: i32) -> anyhow::Result<Json> {
    INVOICES
        .create(client, json!({ "name": name, "net": net }))
        .await
}

async fn history(client: &Client, id: &Json) -> anyhow::Result<Vec<Json>> {
    let query = "query($key: Json!) { invoiceHistory(key: $key) { nodes { cursor after } } }";
    let data = client.data(query, json!({ "key": { "id": id } })).await?;
    list(data["invoiceHistory"]["nodes"].clone())
}

async fn rows_are_recorded_as_they_are_stored(server: &TestServer) -> Outcome {
    let server = invoice::start(server).await?;
    let tx = server.db().begin().await?;
    let row = declared::ActiveModel {
        name: Set("Ann".to_owned()),
        net: Set(10),
        // What a model has in them is nobody's wish.
        total: Set(99),
        slug: Set(Some("nonsense".to_owned())),
        ..Default::default()
    };
    let row = row.insert(&tx).await?;
    assert_eq!((row.total, row.slug.as_deref()), (15, Some("ann")));
    let mut model = row.into_active_model();
    model.name = Set("Bob".to_owned());
    model.net = Set(20);
    model.total = Set(0);
    let row = model.update(&tx).await?;
    assert_eq!((row.total, row.slug.as_deref()), (25, Some("bob")));
    tx.commit().await?;
    let changes = history(&server.client(), &json!(row.id)).await?;
    let told = changes.iter().map(|change| &change["after"]);
    let told: Vec<_> = told
        .map(|after| (&after["total"], &after["slug"]))
        .collect();
    let expected = [(&json!(15), &json!("ann")), (&json!(25), &json!("bob"))];
    assert_eq!(told, expected);
    server.verify().await?;
    server.stop().await
}

async fn rows_written_together_are_recorded_as_they_are_stored(server: &TestServer) -> Outcome {
    let server = invoice::start(server).await?;
    let tx = server.db().begin().await?;
    let model = |name: &str, net| declared::ActiveModel {
        name: Set(name.to_owned()),
        net: Set(net),
        total: Set(99),
        ..Default::default()
    };
    let rows = tx
        .insert_many::<declared::Entity>([model("Ann", 1), model("Bob", 2)])
        .await?;
    let totals: Vec<_> = rows
        .iter()
        .map(|row| (row.total, row.slug.clone()))
        .collect();
    assert_eq!(totals, [(6, Some("ann".into())), (7, Some("bob".into()))]);
    let all = Target::matching(declared::Column::Net.gt(0));
    let net = declared::ActiveModel {
        net: Set(10),
        ..Default::default()
    };
    let rows = tx.update_many::<declared::Entity>(all, net).await?;
    assert!(rows.iter().all(|row| row.row().total == 15), "{rows:?}");
    let upserts = [model("Ann", 20), model("Eve", 30)];
    let rows = tx
        .upsert_many::<declared::Entity>(upserts, &[declared::Column::Name])
        .await?;
    let totals: Vec<i32> = rows.iter().map(|row| row.row().total).collect();
    assert_eq!(totals, [25, 35]);
    assert!(rows.iter().all(|row| row.row().slug.is_some()), "{rows:?}");
    tx.commit().await?;
    server.verify().await?;
    server.stop().await
}

async fn inputs_leave_them_out(server: &TestServer) -> Outcome {
    let server = invoice::start(server).await?;
    let query = "query($name: String!) { __type(name: $name) { inputFields { name } } }";
    for name in ["InvoiceInsertInput", "InvoiceUpdateInput"] {
        let data = server.client().data(query, json!({ "name": name })).await?;
        let fields = list(data["__type"]["inputFields"].clone())?;
        let names: Vec<&Json> = fields.iter().map(|field| &field["name"]).collect();
        assert_eq!(names, ["name", "net"], "{name}");
    }
    let row = create(&server.client(), "Ann", 10).await?;
    assert_eq!((&row["total"], &row["slug"]), (&json!(15), &json!("ann")));
    server.verify().await?;
    server.stop().await
}

async fn a_deleted_row_comes_back_with_its_key(server: &TestServer) -> Outcome {
    let server = invoice::start(server).await?;
    let client = server.client();
    create(&client, "Ann", 1).await?;
    let row = create(&client, "Bob", 10).await?;
    let filter = json!({ "filter": { "id": { "eq": row["id"] } } });
    client.data(&INVOICES.delete(), filter).await?;
    let end = history(&client, &row["id"]).await?[1]["cursor"].clone();
    let revert = "mutation($c: String!) { revertChange(cursor: $c) { after } }";
    let data = client.data(revert, json!({ "c": end })).await?;
    let back = &data["revertChange"][0]["after"];
    for field in ["id", "total", "slug"] {
        assert_eq!(back[field], row[field], "{back}");
    }
    // The next one gets a key of its own.
    let next = create(&client, "Eve", 1).await?;
    assert_ne!(next["id"], row["id"]);
    server.verify().await?;
    server.stop().await
}

async fn offline_edits_do_not_mean_them(server: &TestServer) -> Outcome {
    let server = invoice::start(server).await?;
    let client = server.client();
    let id = create(&client, "Ann", 10).await?["id"].to_string();
    let base = stored(&client, INVOICES, &id).await?;
    // The client computes nothing: it sends what it had.
    let edited = with(&base, json!({ "net": 20 }));
    let pushed = push(&client, INVOICES, &[(base.clone(), edited.clone())]).await?;
    assert_eq!(pushed.rejections, Vec::<Json>::new());
    let row = stored(&client, INVOICES, &id).await?;
    assert_eq!((&row["net"], &row["total"]), (&json!(20), &json!(25)));
    // And may have had something stale there before.
    let stale = with(&row, json!({ "total": 1, "slug": null }));
    let edited = with(&stale, json!({ "name": "Bob" }));
    let pushed = push(&client, INVOICES, &[(stale, edited)]).await?;
    assert_eq!(pushed.rejections, Vec::<Json>::new());
    assert_eq!(stored(&client, INVOICES, &id).await?["slug"], "bob");
    // A new row keeps the key that its client knows it by.
    let new = json!({ "id": "4711", "name": "Eve", "net": 1, "_deleted": false });
    let pushed = push(&client, INVOICES, &[(Json::Null, new)]).await?;
    assert_eq!(pushed.rejections, Vec::<Json>::new());
    assert_eq!(stored(&client, INVOICES, "4711").await?["total"], 6);
    server.verify().await?;
    server.stop().await
}

async fn conflicts_are_resolved_without_them(server: &TestServer) -> Outcome {
    let server = invoice::start(server).await?;
    let client = server.client();
    let id = create(&client, "Ann", 10).await?["id"].to_string();
    let base = stored(&client, INVOICES, &id).await?;
    let theirs = with(&base, json!({ "net": 20 }));
    push(&client, INVOICES, &[(base.clone(), theirs)]).await?;
    let mine = with(&base, json!({ "name": "Bob" }));
    let pushed = push(&client, INVOICES, &[(base, mine)]).await?;
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    let resolve =
        "mutation($id: String!) { resolveSyncConflict(id: $id, use: USE_CLIENT) { status } }";
    let conflict = conflicts(&client).await?[0]["id"].clone();
    let data = client.data(resolve, json!({ "id": conflict })).await?;
    assert_eq!(data["resolveSyncConflict"]["status"], "RESOLVED");
    let row = stored(&client, INVOICES, &id).await?;
    assert_eq!((&row["name"], &row["slug"]), (&json!("Bob"), &json!("bob")));
    server.verify().await?;
    server.stop().await
}

/// Where a trigger runs before the row is stored, its columns need not be declared. SQLite has none
/// that could change the row then.
async fn a_trigger_of_the_adopters_changes_what_is_written(server: &TestServer) -> Outcome {
    let server = invoice::start_undeclared(server).await?;
    let tx = server.db().begin().await?;
    let model = |name: &str| undeclared::ActiveModel {
        name: Set(name.to_owned()),
        net: Set(10),
        ..Default::default()
    };
    let row = model("Ann").insert(&tx).await?;
    assert_eq!(row.slug.as_deref(), Some("ann"));
    let mut change = row.into_active_model();
    change.name = Set("Bob".to_owned());
    assert_eq!(change.update(&tx).await?.slug.as_deref(), Some("bob"));
    let rows = tx.insert_many::<undeclared::Entity>([model("Eve")]).await?;
    assert_eq!(rows[0].slug.as_deref(), Some("eve"));
    let rename = undeclared::ActiveModel {
        name: Set("Zoe".to_owned()),
        ..Default::default()
    };
    let eve = Target::matching(undeclared::Column::Name.eq("Eve"));
    tx.update_many::<undeclared::Entity>(eve, rename).await?;
    tx.commit().await?;
    let rows = undeclared::Entity::find().all(server.db().reader()).await?;
    let mut slugs: Vec<_> = rows.into_iter().filter_map(|row| row.slug).collect();
    slugs.sort();
    assert_eq!(slugs, ["bob", "zoe"]);
    server.verify().await?;
    server.stop().await
}

async fn the_doctor_knows_those_that_are_not_declared(server: &TestServer) -> Outcome {
    let one = invoice::start(server).await?;
    assert_eq!(one.doctor().await?, []);
    one.stop().await?;
    let other = invoice::start_undeclared(server).await?;
    let findings = other.doctor().await?;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].code, FindingCode::ColumnComputed);
    assert_eq!(findings[0].table, "receipt");
    assert!(findings[0].message.contains("total"), "{findings:?}");
    other.stop().await
}
