//! Redacted and excluded columns: their values are nowhere in the log, by single and bulk writes.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait,
    Schema, TransactionTrait,
};
use seachange::changelog::{
    CaptureError, Finding, FindingCode, ImageError, SetupRefusal, Target, TriggerOptions, Written,
    check_triggers, model_from, track_by_triggers,
};
use seachange_testkit::{Database, Outcome, TestServer, reference_app};
use serde_json::{Value as Json, json};

seachange_testkit::cases![
    what_the_log_tells,
    what_a_subscriber_sees,
    what_verify_compares,
    a_hidden_key,
    triggers_that_show_it,
];

pub mod vault {
    //! Columns of each kind.
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "vault")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub name: String,
        pub secret: Option<String>,
        pub pin: i32,
        pub opened: i32,
        pub updated_at: DateTimeUtc,
    }

    seachange_changelog::track!(
        updated_at: UpdatedAt,
        redact: [Secret, Pin],
        exclude: [Opened],
    );
}

pub mod wrong {
    //! A key that the log could not name.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "wrong")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    seachange_changelog::track!(redact: [Id]);
}

/// One with secrets.
pub fn a_vault(id: i64) -> vault::ActiveModel {
    vault::ActiveModel {
        id: Set(id),
        name: Set(format!("v{id}")),
        secret: Set(Some("hunter2".to_owned())),
        pin: Set(4_711),
        opened: Set(0),
        ..Default::default()
    }
}

/// Makes the table and starts a server that knows it.
pub async fn serve(server: &TestServer) -> anyhow::Result<TestServer> {
    let db = server.db().writer();
    let schema = Schema::new(db.get_database_backend());
    let mut table = schema.create_table_from_entity(vault::Entity);
    if matches!(server.kind, Database::MariaDb(_)) {
        // A subscription filters by its texts.
        table.collate("utf8mb4_nopad_bin");
    }
    db.execute(&table).await?;
    if matches!(server.kind, Database::MariaDb(_)) {
        // Its `timestamp` has whole seconds.
        let finer = "ALTER TABLE vault MODIFY updated_at datetime(6) NOT NULL";
        db.execute_unprepared(finer).await?;
    }
    let app = reference_app().entity::<vault::Entity>();
    TestServer::start_with(server.kind.clone(), app, server.settings.clone()).await
}

/// Before, after and changed columns of each change, without times.
async fn refusal(server: &TestServer) -> anyhow::Result<Vec<Json>> {
    let query = "{ changes(after: \"0\") { nodes { operation before after changedFields } } }";
    let data = server.client().data(query, json!({})).await?;
    let nodes = data["changes"]["nodes"].as_array().cloned();
    let mut nodes = nodes.unwrap_or_default();
    for node in &mut nodes {
        for image in ["before", "after"] {
            if let Some(fields) = node[image].as_object_mut() {
                anyhow::ensure!(
                    fields.remove("updated_at").is_some(),
                    "every column is there"
                );
            }
        }
    }
    Ok(nodes)
}

async fn writes(server: &TestServer, bulk: bool) -> Outcome {
    let tx = server.db().begin().await?;
    let change = |model: vault::ActiveModel| async {
        let mut rows = if bulk {
            tx.update_many::<vault::Entity>(Target::all(), model)
                .await?
        } else {
            let model = vault::ActiveModel {
                id: Set(1),
                ..model
            };
            vec![Written::Updated(model.update(&tx).await?)]
        };
        let row = rows.pop().map(Written::into_row);
        row.ok_or_else(|| anyhow::anyhow!("no row"))
    };
    if bulk {
        tx.insert_many::<vault::Entity>([a_vault(1)]).await?;
    } else {
        a_vault(1).insert(&tx).await?;
    }
    let none = <vault::ActiveModel as Default>::default;
    let renamed = change(vault::ActiveModel {
        name: Set("w".to_owned()),
        ..none()
    })
    .await?;
    let opened = change(vault::ActiveModel {
        opened: Set(1),
        ..none()
    })
    .await?;
    assert_eq!((opened.opened, opened.updated_at), (1, renamed.updated_at));
    let emptied = change(vault::ActiveModel {
        secret: Set(None),
        opened: Set(2),
        ..none()
    })
    .await?;
    assert!(emptied.secret.is_none() && emptied.updated_at > opened.updated_at);
    let same = change(vault::ActiveModel {
        pin: Set(4_711),
        ..none()
    })
    .await?;
    assert_eq!(same, emptied);
    let row = change(vault::ActiveModel {
        pin: Set(1),
        ..none()
    })
    .await?;
    if bulk {
        tx.delete_many::<vault::Entity>(Target::all()).await?;
    } else {
        row.delete(&tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn what_the_log_tells(server: &TestServer) -> Outcome {
    let server = serve(server).await?;
    let image = |name: &str, secret: &str, pin: &str| json!({ "id": "1", "name": name, "secret": secret, "pin": pin });
    let (hidden, changed) = ("[redacted]", "[redacted, changed]");
    let all = json!(["id", "name", "pin", "secret", "updated_at"]);
    let update = |before: &str, after: Json, fields: Json| json!({ "operation": "UPDATE", "before": image(before, hidden, hidden), "after": after, "changedFields": fields });
    let expected = [
        json!({ "operation": "INSERT", "before": null, "after": image("v1", hidden, hidden), "changedFields": all }),
        update(
            "v1",
            image("w", hidden, hidden),
            json!(["name", "updated_at"]),
        ),
        update(
            "w",
            image("w", changed, hidden),
            json!(["secret", "updated_at"]),
        ),
        update(
            "w",
            image("w", hidden, changed),
            json!(["pin", "updated_at"]),
        ),
        json!({ "operation": "DELETE", "before": image("w", hidden, hidden), "after": null, "changedFields": all }),
    ];
    writes(&server, false).await?;
    assert_eq!(refusal(&server).await?, expected);
    writes(&server, true).await?;
    assert_eq!(refusal(&server).await?[5..], expected);
    for change in server.logged().await? {
        let text = serde_json::to_string(&[&change.before, &change.after])?;
        assert!(
            !text.contains("hunter2") && !text.contains("4711"),
            "{text}"
        );
    }
    let log = server.logged().await?;
    let after = log[0].after.as_ref().and_then(Json::as_object);
    let model = after.map(model_from::<vault::Model>);
    let error = model.and_then(Result::err);
    assert!(matches!(
        error,
        Some(ImageError::MissingColumn { .. } | ImageError::InColumn { .. })
    ));
    server.finish().await
}

async fn what_a_subscriber_sees(server: &TestServer) -> Outcome {
    let server = serve(server).await?;
    let tx = server.db().begin().await?;
    tx.insert_many::<vault::Entity>([a_vault(1)]).await?;
    tx.commit().await?;
    let mut socket = server.socket().await?;
    let query = "subscription($filters: VaultFilterInput) { \
                 vaultChanges(filters: $filters, includeInitial: true) { \
                 kind record { id name secret pin opened } changedFields } }";
    for column in ["secret", "pin", "opened"] {
        for test in [
            json!({ "is_null": true }),
            json!({ "eq": if column == "secret" { json!("x") } else { json!(1) } }),
        ] {
            let filters =
                json!({ "or": [{ "name": { "eq": "v1" } }, { "not": { column: test } }] });
            let code = socket.refused(query, json!({ "filters": filters })).await?;
            assert_eq!(code, "BAD_INPUT", "{column}");
        }
    }
    let filters = json!({ "name": { "eq": "v1" } });
    socket
        .subscribe(query, json!({ "filters": filters }))
        .await?;
    let record = json!({ "id": "1", "name": "v1", "secret": null, "pin": null, "opened": null });
    let initial = socket.next().await?;
    assert_eq!(initial["vaultChanges"]["record"], record, "{initial}");
    socket.next().await?;
    let tx = server.db().begin().await?;
    let change = vault::ActiveModel {
        pin: Set(2),
        ..Default::default()
    };
    tx.update_many::<vault::Entity>(Target::all(), change)
        .await?;
    tx.commit().await?;
    let update = socket.next().await?;
    assert_eq!(update["vaultChanges"]["record"], record, "{update}");
    assert_eq!(
        update["vaultChanges"]["changedFields"],
        json!(["pin", "updated_at"])
    );
    server.finish().await
}

/// What hides from the log is no fault and hides no other one.
async fn what_verify_compares(server: &TestServer) -> Outcome {
    let server = serve(server).await?;
    let tx = server.db().begin().await?;
    let rows = tx
        .insert_many::<vault::Entity>([a_vault(1), a_vault(2)])
        .await?;
    let mut row = rows[0].clone().into_active_model();
    row.pin = Set(1);
    row.update(&tx).await?;
    tx.commit().await?;
    let plain = server.db().writer();
    let unseen = "UPDATE vault SET pin = 9, secret = NULL, opened = 9";
    plain.execute_unprepared(unseen).await?;
    server.verify().await?;
    plain
        .execute_unprepared("UPDATE vault SET name = 'other', pin = 10 WHERE id = 2")
        .await?;
    let error = server.verify().await.expect_err("a fault");
    let error = error.to_string();
    assert!(
        error.contains("in name\"") && error.contains("not_compared: 6"),
        "{error}"
    );
    plain
        .execute_unprepared("UPDATE vault SET name = 'v2'")
        .await?;
    plain
        .execute_unprepared("UPDATE vault SET name = 'v1' WHERE id = 1")
        .await?;
    assert_eq!(vault::Entity::find().all(server.db()).await?.len(), 2);
    server.finish().await
}

async fn a_hidden_key(server: &TestServer) -> Outcome {
    let db = server.db().writer();
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(wrong::Entity))
        .await?;
    let tx = server.db().begin().await?;
    let model = || wrong::ActiveModel { id: Set(1) };
    let refused = [
        model().insert(&tx).await.err(),
        tx.insert_many::<wrong::Entity>([model()]).await.err(),
    ];
    for error in refused {
        let error = error.ok_or_else(|| anyhow::anyhow!("written"))?;
        let refusal = CaptureError::of(&error);
        assert!(
            matches!(
                refusal,
                Some(CaptureError::Setup(SetupRefusal::HiddenKey {
                    column: "id",
                    ..
                }))
            ),
            "{error}"
        );
        assert!(error.to_string().contains("cure: "));
    }
    tx.commit().await?;
    assert!(wrong::Entity::find().all(server.db()).await?.is_empty());
    // What `verify` cannot look at it does not call sound.
    let verdict = server.verdict().await?;
    let unverified: Vec<&str> = verdict.unverified.iter().map(|t| &*t.entity).collect();
    assert_eq!((verdict.is_sound(), unverified), (false, vec!["wrong"]));
    db.execute_unprepared("DROP TABLE wrong").await?;
    Ok(())
}

/// Triggers go by the options of their migration, not by the `track!` line.
async fn triggers_that_show_it(server: &TestServer) -> Outcome {
    let server = &serve(server).await?;
    let db = server.db().writer();
    let found = async |options| {
        track_by_triggers(db, "vault", options).await?;
        let columns = check_triggers(db).await?.into_iter().find_map(|f| match f {
            Finding {
                code: FindingCode::ColumnShown,
                names,
                ..
            } => Some(names),
            _ => None,
        });
        let findings = server.doctor().await?;
        let is_told = findings
            .iter()
            .any(|finding| finding.code == FindingCode::ColumnShown);
        assert_eq!(is_told, columns.is_some(), "{findings:?}");
        anyhow::Ok(columns.unwrap_or_default())
    };
    let none = TriggerOptions::new();
    assert_eq!(found(none.clone()).await?, ["secret", "pin", "opened"]);
    let less = none.redact("secret").redact("opened");
    assert_eq!(found(less.clone()).await?, ["pin", "opened"]);
    // More may be hidden than the line says.
    let all = less.exclude("pin").exclude("opened");
    assert!(found(all).await?.is_empty());
    Ok(())
}
