//! Updates by expressions: the database computes, and what it stores is recorded row by row.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, TransactionTrait};
use seachange::changelog::internal::image;
use seachange::changelog::{
    BulkRefusal, CaptureError, Operation, Source, Target, TrackedTransaction, TriggerOptions,
    Written, track_by_triggers,
};
use seachange_entity::task;
use seachange_testkit::{Outcome, TestServer};
use serde_json::json;

use super::a_project;
use super::hidden::{a_vault, serve, vault};
use crate::capture::gadget;
use crate::computed::invoice::{self, declared};

seachange_testkit::cases![
    a_difference,
    a_decimal_as_it_is_stored,
    what_does_not_change,
    constants_beside_expressions,
    many_chunks,
    what_is_refused,
    a_failed_expression,
    a_hook_has_the_last_word,
    redacted_and_managed_columns,
    columns_that_the_database_fills,
    a_table_that_triggers_capture,
];

/// Tasks with these priorities.
async fn tasks(
    tx: &TrackedTransaction,
    priorities: impl IntoIterator<Item = i32>,
) -> anyhow::Result<Vec<task::Model>> {
    let project = a_project("p").insert(tx).await?;
    let models = priorities.into_iter().map(|priority| task::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        project_id: Set(project.id),
        title: Set("Hoist the sails".to_owned()),
        priority: Set(priority),
        estimate: Set(Some("10.25".parse().expect("a decimal"))),
        ..Default::default()
    });
    Ok(tx.insert_many::<task::Entity>(models).await?)
}

fn less(by: i32) -> Expr {
    Expr::col(task::Column::Priority).sub(by)
}

/// The changes after the first `from` are the updates of these rows, in any order.
async fn recorded(
    server: &TestServer,
    from: usize,
    pairs: &[(&task::Model, &task::Model)],
) -> Outcome {
    let log = server.logged().await?;
    assert_eq!(log.len(), from + pairs.len());
    for (before, after) in pairs {
        let key = json!({ "id": after.id.to_string() });
        let change = log[from..].iter().find(|change| change.row_key == key);
        let change = change.ok_or_else(|| anyhow::anyhow!("not recorded: {after:?}"))?;
        assert_eq!(change.operation, Operation::Update);
        assert_eq!(change.before, Some(image::image_of(*before)?.into()));
        assert_eq!(change.after, Some(image::image_of(*after)?.into()));
    }
    server.verify().await
}

async fn a_difference(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let before = tasks(&tx, [3, 1, 7]).await?;
    let target = Target::matching(task::Column::Priority.gte(3));
    let written = tx
        .update_where::<task::Entity>(target)
        .col_expr(task::Column::Priority, less(3))
        .await?;
    tx.commit().await?;
    let [Written::Updated(first), Written::Updated(second)] = written.as_slice() else {
        anyhow::bail!("{written:?}");
    };
    assert_eq!((first.priority, second.priority), (0, 4));
    assert!(first.updated_at > before[0].updated_at);
    let stored = task::Entity::find_by_id(first.id).one(server.db()).await?;
    assert_eq!(stored.as_ref(), Some(first));
    recorded(server, 4, &[(&before[0], first), (&before[2], second)]).await
}

/// Of more digits than the column has.
async fn a_decimal_as_it_is_stored(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let before = tasks(&tx, [1]).await?;
    let more = Expr::col(task::Column::Estimate).mul(Expr::cust("1.1"));
    let written = tx
        .update_where::<task::Entity>(Target::all())
        .col_expr(task::Column::Estimate, more)
        .await?;
    tx.commit().await?;
    let [Written::Updated(after)] = written.as_slice() else {
        anyhow::bail!("{written:?}");
    };
    let stored = task::Entity::find_by_id(after.id).one(server.db()).await?;
    assert_eq!(stored.as_ref(), Some(after));
    assert!(after.estimate > before[0].estimate, "{after:?}");
    recorded(server, 2, &[(&before[0], after)]).await
}

async fn what_does_not_change(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let before = tasks(&tx, [3, 9]).await?;
    let at_least_five = Expr::case(Expr::col(task::Column::Priority).lt(5), 5)
        .finally(Expr::col(task::Column::Priority));
    let written = tx
        .update_where::<task::Entity>(Target::all())
        .col_expr(task::Column::Priority, at_least_five)
        .await?;
    tx.commit().await?;
    let [Written::Updated(raised), Written::Unchanged(kept)] = written.as_slice() else {
        anyhow::bail!("{written:?}");
    };
    assert_eq!((raised.priority, kept), (5, &before[1]));
    recorded(server, 3, &[(&before[0], raised)]).await
}

async fn constants_beside_expressions(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let before = tasks(&tx, [3]).await?;
    let constants = task::ActiveModel {
        priority: Set(100),
        status: Set(task::Status::Done),
        ..Default::default()
    };
    let written = tx
        .update_where::<task::Entity>(Target::all())
        .set(constants)
        .col_expr(task::Column::Title, Expr::val("Lower them"))
        // The last one counts.
        .col_expr(task::Column::Priority, less(1))
        .await?;
    tx.commit().await?;
    let after = written[0].row();
    assert_eq!((after.priority, after.status), (2, task::Status::Done));
    assert_eq!(after.title, "Lower them");
    recorded(server, 2, &[(&before[0], after)]).await
}

async fn many_chunks(server: &TestServer) -> Outcome {
    const ROWS: i32 = 1_201;
    let tx = server.db().begin().await?;
    tasks(&tx, 0..ROWS).await?;
    let written = tx
        .update_where::<task::Entity>(Target::all())
        .col_expr(task::Column::Priority, less(ROWS))
        .await?;
    tx.commit().await?;
    let mut found: Vec<i32> = written.iter().map(|row| row.row().priority).collect();
    found.sort_unstable();
    assert_eq!(found, (-ROWS..0).collect::<Vec<_>>());
    assert_eq!(server.logged().await?.len(), 1 + 2 * usize::try_from(ROWS)?);
    server.verify().await
}

async fn what_is_refused(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let before = tasks(&tx, [3, 4]).await?;
    let key = tx
        .update_where::<task::Entity>(Target::all())
        .col_expr(task::Column::Id, Expr::val(uuid::Uuid::now_v7()))
        .await
        .expect_err("a key");
    assert!(
        matches!(CaptureError::of(&key), Some(CaptureError::Bulk(BulkRefusal::KeyChanged { table })) if table == "task"),
        "{key}"
    );
    let many = tx
        .update_where::<task::Entity>(Target::all().at_most(1))
        .col_expr(task::Column::Priority, less(1))
        .await
        .expect_err("two rows");
    assert!(
        matches!(
            CaptureError::of(&many),
            Some(CaptureError::Bulk(BulkRefusal::TooMany { most: 1, .. }))
        ),
        "{many}"
    );
    let none = tx
        .update_where::<task::Entity>(Target::matching(task::Column::Priority.gt(9)))
        .col_expr(task::Column::Priority, less(1))
        .await?;
    assert!(none.is_empty());
    tx.commit().await?;
    let mut stored = task::Entity::find().all(server.db()).await?;
    stored.sort_by_key(|task| task.priority);
    assert_eq!(stored, before);
    assert_eq!(server.logged().await?.len(), 3);
    server.verify().await
}

/// Of the first row's value nothing is kept.
async fn a_failed_expression(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let before = tasks(&tx, [1, 2]).await?;
    let no_title: Option<String> = None;
    let failed = tx
        .update_where::<task::Entity>(Target::all())
        .col_expr(task::Column::Priority, less(1))
        .col_expr(task::Column::Title, Expr::val(no_title))
        .await;
    let error = failed.expect_err("a title is not null");
    assert!(CaptureError::of(&error).is_none(), "{error}");
    tx.commit().await?;
    let mut stored = task::Entity::find().all(server.db()).await?;
    stored.sort_by_key(|task| task.priority);
    assert_eq!(stored, before);
    server.verify().await
}

async fn a_hook_has_the_last_word(server: &TestServer) -> Outcome {
    gadget::create(server).await?;
    let tx = server.db().begin().await?;
    let rows = [1, 2].map(|id| gadget::ActiveModel {
        id: Set(id),
        name: Set(format!("g{id}")),
    });
    tx.insert_many::<gadget::Entity>(rows).await?;
    let name = Expr::case(Expr::col(gadget::Column::Id).eq(1), "loud").finally("quiet");
    let written = tx
        .update_where::<gadget::Entity>(Target::all())
        .col_expr(gadget::Column::Name, name)
        .await?;
    tx.commit().await?;
    let names: Vec<&str> = written.iter().map(|row| row.row().name.as_str()).collect();
    assert_eq!(names, ["LOUD", "quiet"]);
    let stored = gadget::Entity::find().all(server.db()).await?;
    assert_eq!(stored.len(), 2);
    let log = server.logged().await?;
    let mut after: Vec<_> = log[2..]
        .iter()
        .filter_map(|change| change.after.as_ref()?["name"].as_str())
        .collect();
    after.sort_unstable();
    assert_eq!(after, ["LOUD", "quiet"]);
    Ok(())
}

async fn redacted_and_managed_columns(server: &TestServer) -> Outcome {
    let server = serve(server).await?;
    let tx = server.db().begin().await?;
    let before = a_vault(1).insert(&tx).await?;
    let long_ago = chrono::DateTime::<chrono::Utc>::UNIX_EPOCH;
    let written = tx
        .update_where::<vault::Entity>(Target::all())
        .col_expr(vault::Column::Pin, Expr::col(vault::Column::Pin).add(1))
        .col_expr(vault::Column::UpdatedAt, Expr::val(long_ago))
        .await?;
    let after = written[0].row().clone();
    assert_eq!(after.pin, 4_712);
    assert!(after.updated_at > before.updated_at);
    // Of no concern to the log, and so to the time.
    let opened = Expr::col(vault::Column::Opened).add(1);
    let written = tx
        .update_where::<vault::Entity>(Target::all())
        .col_expr(vault::Column::Opened, opened)
        .await?;
    tx.commit().await?;
    assert_eq!(written[0].row().opened, 1);
    assert_eq!(written[0].row().updated_at, after.updated_at);
    let log = server.logged().await?;
    assert_eq!(log.len(), 2);
    let image = log[1]
        .after
        .clone()
        .ok_or_else(|| anyhow::anyhow!("no image"))?;
    assert_eq!(image["pin"], seachange::changelog::REDACTED_CHANGED);
    assert!(!format!("{log:?}").contains("4712"));
    server.verify().await?;
    server.stop().await
}

async fn columns_that_the_database_fills(server: &TestServer) -> Outcome {
    let server = invoice::start(server).await?;
    let tx = server.db().begin().await?;
    let row = declared::ActiveModel {
        name: Set("Ann".to_owned()),
        net: Set(1),
        ..Default::default()
    };
    row.insert(&tx).await?;
    let written = tx
        .update_where::<declared::Entity>(Target::all())
        .col_expr(
            declared::Column::Net,
            Expr::col(declared::Column::Net).add(9),
        )
        .col_expr(declared::Column::Total, Expr::val(0))
        .await?;
    tx.commit().await?;
    assert_eq!((written[0].row().net, written[0].row().total), (10, 15));
    let log = server.logged().await?;
    let image = log[1]
        .after
        .clone()
        .ok_or_else(|| anyhow::anyhow!("no image"))?;
    assert_eq!(image["total"], json!(15));
    server.verify().await?;
    server.stop().await
}

/// The trial that finds the values leaves no trace.
async fn a_table_that_triggers_capture(server: &TestServer) -> Outcome {
    track_by_triggers(server.db().writer(), "task", TriggerOptions::new()).await?;
    let tx = server.db().begin().await?;
    let before = tasks(&tx, [3, 4]).await?;
    let written = tx
        .update_where::<task::Entity>(Target::matching(task::Column::Priority.eq(4)))
        .col_expr(task::Column::Priority, less(1))
        .await?;
    tx.commit().await?;
    recorded(server, 3, &[(&before[1], written[0].row())]).await?;
    let log = server.logged().await?;
    assert_eq!(log[3].source, Source::Trigger);
    Ok(())
}
