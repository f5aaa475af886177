//! The feed and history with an entity's own types, and names that find nothing.

use futures_util::{FutureExt, Stream, StreamExt};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ActiveValue::Set, EntityTrait, IntoActiveModel, ModelTrait,
    TransactionTrait,
};
use seachange::changelog::{Context, ImageError, Operation, Source, log};
use seachange::{Feed, FeedError, FeedItem, RowName, Selection, Start, When};
use seachange_entity::{label, project};
use seachange_testkit::{Outcome, OwnDatabase, TestServer};
use serde_json::{Value as Json, json};

use crate::derived::{self, account};

seachange_testkit::cases![
    changes_are_models,
    hidden_columns_are_not_set,
    a_change_that_is_no_model_is_passed,
    a_subscription_is_a_stream,
    names_that_find_nothing_are_refused,
    history_begins_with_the_newest,
];

async fn next<T>(
    stream: &mut (impl Stream<Item = Result<T, FeedError>> + Unpin),
) -> anyhow::Result<T> {
    let item = stream.next().await;
    Ok(item.ok_or_else(|| anyhow::anyhow!("the end"))??)
}

/// A label that is created, renamed and deleted, by alice. Returns its key.
async fn life(server: &TestServer) -> anyhow::Result<i64> {
    let db = server.db().with_context(Context::actor("alice"));
    let tx = db.begin().await?;
    let new = label::ActiveModel {
        name: Set("one".to_owned()),
        ..Default::default()
    };
    let row = new.insert(&tx).await?;
    tx.commit().await?;
    let tx = db.begin().await?;
    let mut model = row.into_active_model();
    model.name = Set("two".to_owned());
    let row = model.update(&tx).await?;
    tx.commit().await?;
    let tx = db.begin().await?;
    let id = row.id;
    row.delete(&tx).await?;
    tx.commit().await?;
    Ok(id)
}

async fn changes_are_models(server: &TestServer) -> Outcome {
    let feed = server.server().feed();
    let mut live = feed.changes::<label::Entity>(&Start::Now).await?;
    let id = life(server).await?;
    let model = |name: &str| {
        let name = name.to_owned();
        Some(label::Model { id, name })
    };
    let expected = [
        (Operation::Insert, None, model("one")),
        (Operation::Update, model("one"), model("two")),
        (Operation::Delete, model("two"), None),
    ];
    let mut replayed = feed.changes::<label::Entity>(&Start::Oldest).await?;
    let mut cursors = Vec::new();
    for (operation, before, after) in &expected {
        for stream in [&mut live, &mut replayed] {
            let change = next(stream).await?;
            assert_eq!(change.operation(), *operation);
            assert_eq!((&change.before, &change.after), (before, after));
            assert_eq!(change.actor(), Some("alice"));
            assert_eq!(change.recorded_at(), change.change.row.recorded_at);
            cursors.push(change.cursor);
        }
    }
    assert_eq!(cursors[0], cursors[1]);
    let after_first = Start::After(cursors[0].clone());
    let mut rest = feed.changes::<label::Entity>(&after_first).await?;
    let change = next(&mut rest).await?;
    assert_eq!(change.operation(), Operation::Update);
    let other = change.change.after_as::<project::Model>();
    assert!(
        matches!(other, Err(ImageError::OtherTable { .. })),
        "{other:?}"
    );
    Ok(())
}

async fn hidden_columns_are_not_set(server: &TestServer) -> Outcome {
    derived::create(server).await?;
    let feed = server.server().feed();
    let tx = server.db().begin().await?;
    let new = account::ActiveModel {
        name: Set("ann".to_owned()),
        password: Set("secret".to_owned()),
        ..Default::default()
    };
    let row = new.insert(&tx).await?;
    tx.commit().await?;
    let refused = feed.changes::<account::Entity>(&Start::Oldest).await.err();
    let Some(FeedError::Hidden { table, column }) = refused else {
        anyhow::bail!("not refused: {refused:?}");
    };
    assert_eq!((&*table, &*column), ("account", "last_seen"));
    let mut partial = feed
        .partial_changes::<account::Entity>(&Start::Oldest)
        .await?;
    let change = next(&mut partial).await?;
    let expected = account::ActiveModel {
        id: Set(row.id),
        name: Set("ANN".to_owned()),
        password: ActiveValue::NotSet,
        last_seen: ActiveValue::NotSet,
        made_at: Set(row.made_at),
        updated_at: Set(row.updated_at),
    };
    assert_eq!(change.after, Some(expected));
    assert_eq!(change.before, None);
    let whole = change.change.after_as::<account::Model>();
    let column = whole
        .err()
        .and_then(|error| Some(error.column()?.to_owned()));
    assert!(column.is_some_and(|column| column == "last_seen" || column == "password"));
    Ok(())
}

/// A change whose image lacks a column, as those from before the column was added.
async fn a_change_that_is_no_model_is_passed(database: &OwnDatabase) -> Outcome {
    let server = TestServer::start(database).await?;
    let old = log::ActiveModel {
        entity: Set("label".to_owned()),
        row_key: Set(json!({ "id": "1" })),
        operation: Set(Operation::Insert),
        after: Set(Some(json!({ "id": "1" }))),
        transaction_id: Set("old".to_owned()),
        source: Set(Source::Hook),
        schema_version: Set(1),
        recorded_at: Set(chrono::Utc::now()),
        ..Default::default()
    };
    old.insert(server.db().writer()).await?;
    life(&server).await?;
    let feed = server.server().feed();
    let mut changes = feed.changes::<label::Entity>(&Start::Oldest).await?;
    let first = changes.next().await;
    let Some(Err(FeedError::Unreadable { cursor, source })) = first else {
        anyhow::bail!("{first:?}");
    };
    assert_eq!(source.column(), Some("name"));
    let second = next(&mut changes).await?;
    assert_eq!(second.operation(), Operation::Insert);
    let mut after = feed.changes::<label::Entity>(&Start::After(cursor)).await?;
    assert_eq!(next(&mut after).await?.cursor, second.cursor);
    // The row of that change is not in the table, so the log is not as the table is.
    server.stop().await
}

async fn a_subscription_is_a_stream(server: &TestServer) -> Outcome {
    life(server).await?;
    let feed = server.server().feed();
    let mut stream = feed.subscribe(&Start::Oldest, Selection::default()).await?;
    for _ in 0..3 {
        let item = next(&mut stream).await?;
        assert!(matches!(item, FeedItem::Change(_)), "{item:?}");
    }
    let item = next(&mut stream).await?;
    assert!(matches!(item, FeedItem::CaughtUp), "{item:?}");
    // What it was polled for is not lost when the caller turns to the method.
    let polled = StreamExt::next(&mut stream).now_or_never();
    assert!(polled.is_none());
    let place = stream.cursor();
    let id = life(server).await?;
    let FeedItem::Change(change) = stream.next().await? else {
        anyhow::bail!("no change");
    };
    assert_eq!(change.row.row_key, json!({ "id": id.to_string() }));
    assert_eq!(change.row.operation, Operation::Insert);
    let again = feed
        .page(&Start::After(place), &Selection::default(), 1)
        .await?;
    assert_eq!(again.changes.first(), Some(&*change));
    assert_eq!(again.cursor_of(&change), stream.cursor_of(&change));
    Ok(())
}

async fn is_refused(feed: &Feed, entity: &str, key: Json) -> anyhow::Result<String> {
    let row = RowName {
        entity: entity.to_owned(),
        key: key.as_object().cloned().unwrap_or_default(),
    };
    let wanted = Selection {
        entities: Some(vec![row.entity.clone()]),
        key: Some(row.key.clone()),
        ..Selection::default()
    };
    let now = When::By(chrono::Utc::now());
    let errors = [
        feed.history(&Start::Oldest, &row, 10).await.err(),
        feed.latest(None, &row, 10).await.err(),
        feed.past(&row, &now).await.err(),
        feed.page(&Start::Oldest, &wanted, 10).await.err(),
        feed.subscribe(&Start::Oldest, wanted).await.err(),
    ];
    let texts = errors.into_iter().map(|error| match error {
        Some(error @ FeedError::Unknown(_)) => Ok(error.to_string()),
        other => Err(anyhow::anyhow!("{entity} {key}: {other:?}")),
    });
    Ok(texts.collect::<anyhow::Result<Vec<_>>>()?.join("; "))
}

async fn names_that_find_nothing_are_refused(server: &TestServer) -> Outcome {
    let id = life(server).await?;
    let feed = server.server().feed();
    for (entity, key, said) in [
        ("custmer", json!({ "id": 1 }), "no table `custmer`"),
        ("label", json!({ "nr": id }), "lacks the column `id`"),
        (
            "label",
            json!({ "id": id, "name": "one" }),
            "`name` is not a column",
        ),
        ("label", json!({ "id": "x" }), "`id`"),
        ("label", json!({ "id": null }), "null"),
    ] {
        let text = is_refused(feed, entity, key).await?;
        assert!(text.contains(said), "{text}");
    }
    // A key is found in either form of its numbers, and as its own type.
    let named = RowName::of::<label::Entity>(id)?;
    assert_eq!(
        Json::from(named.key.clone()),
        json!({ "id": id.to_string() })
    );
    let as_number = RowName {
        key: json!({ "id": id }).as_object().cloned().unwrap_or_default(),
        ..named.clone()
    };
    for row in [named, as_number] {
        let page = feed.history(&Start::Oldest, &row, 10).await?;
        assert_eq!(page.changes.len(), 3);
        let wanted = Selection {
            entities: Some(vec![row.entity]),
            key: Some(row.key),
            ..Selection::default()
        };
        let page = feed.page(&Start::Oldest, &wanted, 10).await?;
        assert_eq!(page.changes.len(), 3);
    }
    // A table that only the log knows.
    let all = Selection {
        entities: Some(vec!["label".to_owned(), "custmer".to_owned()]),
        ..Selection::default()
    };
    let error = feed.page(&Start::Oldest, &all, 10).await.err();
    assert!(matches!(error, Some(FeedError::Unknown(_))), "{error:?}");
    Ok(())
}

async fn history_begins_with_the_newest(server: &TestServer) -> Outcome {
    let id = life(server).await?;
    life(server).await?;
    let feed = server.server().feed();
    let row = RowName::of::<label::Entity>(id)?;
    let oldest_first = feed.history(&Start::Oldest, &row, 10).await?;
    let mut expected = oldest_first.changes;
    expected.reverse();
    assert_eq!(expected.len(), 3);
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page = feed.latest(before.as_ref(), &row, 2).await?;
        found.extend(page.changes);
        before = Some(page.end);
        if !page.has_more {
            break;
        }
    }
    assert_eq!(found, expected);
    // From a place that is not of this row: everything up to it.
    let head = feed.head().await?;
    let page = feed.latest(Some(&head), &row, 10).await?;
    assert_eq!(page.changes, expected);
    assert_eq!(label::Entity::find_by_id(id).one(server.db()).await?, None);
    Ok(())
}
