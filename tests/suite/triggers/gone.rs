//! Triggers that should record a table and are gone or switched off: no write through the server is
//! committed that nothing has recorded.

#![expect(
    clippy::disallowed_methods,
    reason = "what runs no hook is what triggers are for"
)]

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbBackend, DbErr, EntityTrait,
    IntoActiveModel, TransactionTrait,
};
use seachange::changelog::{CaptureError, SetupRefusal, Target, TriggerOptions, track_by_triggers};
use seachange_entity::comment;
use serde_json::json;

use super::{a_comment, a_task, note, other};
use crate::graphql::given::COMMENTS;
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![
    no_write_is_committed_unrecorded,
    triggers_that_write_nothing_are_there,
    a_transaction_takes_no_trigger_away,
];

/// Statements that take the update trigger of comments away, and that bring it back if no migration
/// does.
fn ways(backend: DbBackend) -> Vec<(&'static str, &'static str)> {
    match backend {
        DbBackend::Postgres => vec![
            (
                "ALTER TABLE comment DISABLE TRIGGER change_capture_update_comment",
                "ALTER TABLE comment ENABLE TRIGGER change_capture_update_comment",
            ),
            ("DROP TRIGGER change_capture_update_comment ON comment", ""),
        ],
        _ => vec![("DROP TRIGGER change_capture_update_comment", "")],
    }
}

fn assert_gone<T: std::fmt::Debug>(result: Result<T, DbErr>) {
    let error = result.expect_err("must be refused");
    assert!(
        matches!(
            CaptureError::of(&error),
            Some(CaptureError::Setup(SetupRefusal::TriggersGone { table })) if table == "comment"
        ),
        "{error}"
    );
    assert!(error.to_string().contains("cure: "), "{error}");
}

async fn no_write_is_committed_unrecorded(server: &TestServer) -> Outcome {
    let task = a_task(server).await?;
    let tx = server.db().begin().await?;
    let row = a_comment(&task, "before").insert(&tx).await?;
    tx.commit().await?;
    let db = other(server).await?;
    let backend = db.get_database_backend();
    let variables = json!({
        "data": { "body": "after" }, "filter": { "id": { "eq": row.id } },
    });
    let update = || {
        let mut row = row.clone().into_active_model();
        row.body = Set("after".to_owned());
        row
    };
    for (away, back) in ways(backend) {
        db.execute_unprepared(away).await?;
        let answer = server
            .client()
            .send(&COMMENTS.update(), variables.clone())
            .await?;
        assert_eq!(answer.code()?, "UNAVAILABLE");

        // By a hook, in bulk, without hooks, and as SQL.
        let tx = server.db().begin().await?;
        assert_gone(update().update(&tx).await);
        assert!(tx.commit().await.is_err());
        let tx = server.db().begin().await?;
        let body = comment::ActiveModel {
            body: Set("after".to_owned()),
            ..Default::default()
        };
        assert_gone(tx.update_many::<comment::Entity>(Target::all(), body).await);
        tx.rollback().await?;
        let tx = server.db().begin().await?;
        let many = comment::Entity::update_many().col_expr(comment::Column::Body, Expr::value("x"));
        assert_gone(many.exec(&tx).await);
        tx.rollback().await?;
        let tx = server.db().begin().await?;
        assert_gone(tx.execute_unprepared("UPDATE comment SET body = 'x'").await);
        tx.rollback().await?;

        let stored = comment::Entity::find_by_id(row.id).one(server.db()).await?;
        assert_eq!(stored.map(|stored| stored.body).as_deref(), Some("before"));
        match back {
            "" => track_by_triggers(&db, "comment", TriggerOptions::new()).await?,
            back => db.execute_unprepared(back).await.map(|_| ())?,
        }
    }
    server.client().data(&COMMENTS.update(), variables).await?;
    let last = server.logged().await?.pop().expect("a change");
    assert_eq!(
        (last.source.as_str(), &last.after.expect("a row")["body"]),
        ("trigger", &json!("after"))
    );
    Ok(())
}

/// A write of which the log shows nothing leaves nothing in it.
async fn triggers_that_write_nothing_are_there(server: &TestServer) -> Outcome {
    let server = &note::start(server).await?;
    let db = other(server).await?;
    track_by_triggers(&db, "note", TriggerOptions::new().exclude("body")).await?;
    let tx = server.db().begin().await?;
    let row = note::ActiveModel {
        id: Set(1),
        book_id: Set(None),
        name: Set("n1".to_owned()),
        body: Set("one".to_owned()),
    };
    let row = row.insert(&tx).await?;
    tx.commit().await?;
    let tx = server.db().begin().await?;
    let mut changed = row.into_active_model();
    changed.body = Set("two".to_owned());
    changed.update(&tx).await?;
    tx.commit().await?;
    let stored = note::Entity::find_by_id(1).one(server.db()).await?;
    assert_eq!(stored.map(|note| note.body).as_deref(), Some("two"));
    assert_eq!(server.logged().await?.len(), 1);
    // The log shows less of the table than its row has.
    Ok(())
}

/// Not even where triggers are known to record the table.
async fn a_transaction_takes_no_trigger_away(server: &TestServer) -> Outcome {
    let task = a_task(server).await?;
    let tx = server.db().begin().await?;
    let row = a_comment(&task, "before").insert(&tx).await?;
    tx.commit().await?;
    let tx = server.db().begin().await?;
    tx.execute_unprepared("UPDATE comment SET body = 'after'")
        .await?;
    for (away, _) in ways(server.db().get_database_backend()) {
        tx.execute_unprepared(away).await.expect_err(away);
    }
    tx.commit().await?;
    let last = server.logged().await?.pop().expect("a change");
    assert_eq!(last.row_key["id"], json!(row.id));
    assert_eq!(last.after.expect("a row")["body"], json!("after"));
    Ok(())
}
