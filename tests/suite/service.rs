//! What Rust callers can do with tracked rows, without GraphQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    TransactionTrait,
};
use seachange::changelog::internal::request;
use seachange::changelog::{Context, Retry, TrackedTransaction};
use seachange::{
    Cursor, ErrorCode, Fact, InboxChoice, InboxFilter, Limits, Page, Service, ServiceError, Start,
    When,
};
use seachange_entity::{label, project, task_label};
use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

seachange_testkit::cases![
    tried_again,
    once_under_a_key,
    expired_keys_are_removed,
    a_life_and_undoing_it,
    a_transaction_is_undone,
    pulled_pushed_and_decided,
    what_is_not_registered,
];

async fn insert(tx: &TrackedTransaction, name: &str) -> Result<i64, ServiceError> {
    let label = label::ActiveModel {
        name: Set(name.to_owned()),
        ..Default::default()
    };
    Ok(label.insert(tx).await?.id)
}

async fn rename(service: &Service, id: i64, name: &str) -> Result<(), ServiceError> {
    service
        .transact(|tx| {
            let name = name.to_owned();
            Box::pin(async move {
                let label = label::ActiveModel {
                    id: Set(id),
                    name: Set(name),
                };
                label.update(tx).await?;
                Ok(())
            })
        })
        .await
}

async fn names(server: &TestServer) -> anyhow::Result<Vec<String>> {
    let labels = label::Entity::find().all(server.db().reader()).await?;
    let mut names: Vec<String> = labels.into_iter().map(|label| label.name).collect();
    names.sort();
    Ok(names)
}

/// The cursors of a page's changes.
fn cursors(page: &Page) -> Vec<Cursor> {
    let changes = page.changes.iter();
    changes
        .map(|change| Cursor::at(&page.epoch, change.position))
        .collect()
}

async fn tried_again(server: &TestServer) -> Outcome {
    let tries = Arc::new(AtomicU32::new(0));
    let service = server.server().service();
    let done = service.transact(|tx| {
        let tries = tries.clone();
        Box::pin(async move {
            insert(tx, "once").await?;
            if tries.fetch_add(1, Ordering::Relaxed) == 0 {
                let table = "label".to_owned();
                return Err(DbErr::from(Retry::Raced { table }).into());
            }
            Ok(())
        })
    });
    done.await?;
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    assert_eq!(names(server).await?, ["once"]);
    // What another try does not help is not tried again, and leaves nothing.
    let tries = Arc::new(AtomicU32::new(0));
    let refused = service.transact(|tx| {
        let tries = tries.clone();
        Box::pin(async move {
            tries.fetch_add(1, Ordering::Relaxed);
            insert(tx, "other").await?;
            insert(tx, "once").await
        })
    });
    let refused = refused.await.expect_err("the name is taken");
    assert_eq!(refused.code(), ErrorCode::Conflict);
    assert!(refused.database().is_some());
    assert_eq!(tries.load(Ordering::Relaxed), 1);
    assert_eq!(names(server).await?, ["once"]);
    Ok(())
}

async fn once_under_a_key(server: &TestServer) -> Outcome {
    let service = server.server().service();
    let context = |actor: &str| Context {
        actor: Some(actor.to_owned()),
        ..Context::default()
    };
    let ada = service.with_context(context("ada"));
    let order = async |service: &Service, key: &str, name: &str| {
        let asked = json!({ "order": name });
        let once = service.once(key, &asked, |tx| {
            let name = name.to_owned();
            Box::pin(async move { insert(tx, &name).await })
        });
        once.await
    };
    let first = order(&ada, "key", "a").await?;
    assert_eq!(order(&ada, "key", "a").await?, first);
    assert_eq!(names(server).await?, ["a"]);
    let other = order(&ada, "key", "b").await.expect_err("another request");
    assert_eq!(other.code(), ErrorCode::Conflict);
    assert_eq!(other.fact(), Some(&Fact::UsedKey("key".to_owned())));
    // Another's key is another key, and what failed may be asked for again.
    let taken = service.with_context(context("bob"));
    assert!(order(&taken, "key", "a").await.is_err());
    order(&taken, "key", "c").await?;
    assert_eq!(names(server).await?, ["a", "c"]);
    let logged = server.logged().await?;
    let change = logged.last().expect("a change");
    assert_eq!(change.actor.as_deref(), Some("bob"));
    assert_eq!(change.mutation_id.as_deref(), Some("key"));
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "no tracked table: it has no hooks"
)]
async fn add_old_keys(server: &TestServer, many: u64) -> Outcome {
    let old = (0..many).map(|n| request::ActiveModel {
        id: Set(format!("{n:064}")),
        request: Set("0".repeat(64)),
        result: Set(None),
        created_at: Set(Utc::now() - TimeDelta::hours(2)),
    });
    request::Entity::insert_many(old)
        .exec_without_returning(server.db().writer())
        .await?;
    Ok(())
}

/// How many of them are still there.
async fn old_keys(server: &TestServer) -> anyhow::Result<u64> {
    let is_old = request::Column::CreatedAt.lt(Utc::now() - TimeDelta::minutes(90));
    let old = request::Entity::find().filter(is_old);
    Ok(old.count(server.db().reader()).await?)
}

async fn expired_keys_are_removed(server: &TestServer) -> Outcome {
    // The server keeps keys for a day, so it removes none of these.
    let limits = Limits {
        idempotency: Duration::from_secs(60 * 60),
        ..Limits::default()
    };
    let service = server.server().service().clone().with_limits(limits);
    add_old_keys(server, request::STEP + 10).await?;
    let claim = async || {
        let once = service.once("key", "a label", |tx| {
            Box::pin(async move { insert(tx, "a").await })
        });
        once.await
    };
    let first = claim().await?;
    assert_eq!(old_keys(server).await?, 10, "one look removes one step");
    for _ in 1..100 {
        assert_eq!(claim().await?, first);
    }
    assert_eq!(
        old_keys(server).await?,
        10,
        "a hundred claims have one look"
    );
    assert_eq!(claim().await?, first);
    assert_eq!(old_keys(server).await?, 0);
    assert_eq!(names(server).await?, ["a"]);
    Ok(())
}

async fn a_life_and_undoing_it(server: &TestServer) -> Outcome {
    let service = server.server().service();
    let id = service
        .transact(|tx| Box::pin(async move { insert(tx, "a").await }))
        .await?;
    rename(service, id, "b").await?;
    let page = service
        .history::<label::Entity>(id, &Start::Oldest, 10)
        .await?;
    let cursors = cursors(&page);
    assert_eq!(cursors.len(), 2);
    let then = When::At(cursors[0].clone());
    let row = service.row_as_of::<label::Entity>(id, &then).await?;
    assert_eq!(row.as_ref().map(|row| &row["name"]), Some(&json!("a")));
    let undone = service.revert_change(&cursors[1]).await?;
    assert_eq!(undone.len(), 1);
    assert_eq!(names(server).await?, ["a"]);
    // What has been changed since stands in the way, and is named.
    rename(service, id, "c").await?;
    let page = service
        .history::<label::Entity>(id, &Start::Oldest, 10)
        .await?;
    let last = self::cursors(&page).pop().expect("a change");
    let refused = service.revert_change(&cursors[1]).await;
    let refused = refused.expect_err("it has been changed since");
    assert_eq!(refused.code(), ErrorCode::Conflict);
    assert!(
        matches!(refused.fact(), Some(Fact::Later(later)) if later.contains(&last)),
        "{refused:?}"
    );
    assert_eq!(names(server).await?, ["c"]);
    Ok(())
}

async fn a_transaction_is_undone(server: &TestServer) -> Outcome {
    let service = server.server().service();
    let tx = server.db().begin().await?;
    insert(&tx, "a").await?;
    insert(&tx, "b").await?;
    let transaction = tx.transaction_id().to_owned();
    tx.commit().await?;
    assert_eq!(service.revert_transaction(&transaction).await?.len(), 2);
    assert!(names(server).await?.is_empty());
    let unknown = service.revert_transaction("unknown").await;
    let unknown = unknown.expect_err("there is none");
    assert_eq!(unknown.code(), ErrorCode::NotFound);
    Ok(())
}

/// An edit as clients push it.
fn edit(from: Option<&Json>, to: &Json) -> Json {
    json!({ "assumedMasterState": from, "newDocumentState": to })
}

fn with_name(document: &Json, name: &str) -> Json {
    let mut document = document.clone();
    document["name"] = name.into();
    document
}

async fn pulled_pushed_and_decided(server: &TestServer) -> Outcome {
    let service = server.server().service();
    let id = uuid::Uuid::now_v7().to_string();
    let new =
        json!({ "id": id, "name": "base", "owner": null, "archived": false, "_deleted": false });
    let pushed = service
        .push::<project::Entity>(vec![edit(None, &new)])
        .await?;
    assert!(pushed.documents.is_empty() && pushed.rejections.is_empty());
    let pulled = service.pull::<project::Entity>(None, 10).await?;
    let [base] = pulled.documents.as_slice() else {
        anyhow::bail!("{pulled:?}");
    };
    let theirs = with_name(base, "theirs");
    service
        .push::<project::Entity>(vec![edit(Some(base), &theirs)])
        .await?;
    let mine = with_name(base, "mine");
    let pushed = service
        .push::<project::Entity>(vec![edit(Some(base), &mine)])
        .await?;
    assert_eq!(pushed.documents[0]["name"], "theirs");
    assert_eq!(pushed.rejections.len(), 1);
    let checkpoint = Some(pulled.checkpoint.as_str());
    let pulled = service.pull::<project::Entity>(checkpoint, 10).await?;
    assert_eq!(pulled.documents[0]["name"], "theirs");

    let inbox = service.conflicts(InboxFilter::default(), 10).await?;
    let [conflict] = inbox.conflicts.as_slice() else {
        anyhow::bail!("{inbox:?}");
    };
    assert_eq!(conflict.id, pushed.rejections[0].conflict_id);
    let decided = service
        .resolve(&conflict.id, InboxChoice::UseClient, None)
        .await?;
    assert!(decided.resolved_at.is_some());
    let pulled = service
        .pull::<project::Entity>(Some(&pulled.checkpoint), 10)
        .await?;
    assert_eq!(pulled.documents[0]["name"], "mine");
    let again = service.resolve(&conflict.id, InboxChoice::KeepServer, None);
    let again = again.await.expect_err("it has been decided");
    assert_eq!(again.code(), ErrorCode::Conflict);
    Ok(())
}

async fn what_is_not_registered(server: &TestServer) -> Outcome {
    let service = Service::new(server.db().clone(), server.server().feed().clone());
    let refused = service
        .history::<label::Entity>(1, &Start::Oldest, 10)
        .await
        .expect_err("no entity is registered");
    assert_eq!(refused.code(), ErrorCode::BadInput);
    let service = service.entity::<label::Entity>();
    let page = service
        .history::<label::Entity>(1, &Start::Oldest, 10)
        .await?;
    assert!(page.changes.is_empty());
    let refused = service.pull::<task_label::Entity>(None, 10).await;
    assert_eq!(
        refused.map_err(|error| error.code()),
        Err(ErrorCode::BadInput)
    );
    Ok(())
}
