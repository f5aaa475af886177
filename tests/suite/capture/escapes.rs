//! A connection for staging, which warns of what would escape and lets it through.

#![expect(
    clippy::disallowed_methods,
    reason = "what would be refused is called here"
)]

use std::sync::{Arc, Mutex};

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    QueryFilter, TransactionTrait,
};
use seachange::changelog::{CaptureError, CommitRefusal, TrackedConnection, WriteRefusal};
use seachange_entity::project;
use seachange_testkit::{Outcome, OwnDatabase, TestServer};

use super::a_project;

seachange_testkit::cases![
    what_is_let_through_and_found,
    what_is_recorded_stays_recorded,
    a_place_is_reported_once,
    what_would_spoil_the_log,
    never_by_default,
];

fn warning(server: &TestServer) -> TrackedConnection {
    server.db().clone().warning_of_escapes()
}

fn named(name: &str) -> project::ActiveModel {
    project::ActiveModel {
        id: Set(uuid::Uuid::now_v7()),
        name: Set(name.to_owned()),
        archived: Set(false),
        created_at: Set(chrono::Utc::now()),
        updated_at: Set(chrono::Utc::now()),
        ..Default::default()
    }
}

/// The statements run, nothing is recorded, and `verify` finds the rows.
async fn what_is_let_through_and_found(database: &OwnDatabase) -> Outcome {
    let server = &TestServer::start(database).await?;
    let row = a_project(server).await?;
    let db = warning(server);
    named("outside").insert(&db).await?;
    project::Entity::insert(named("without hooks"))
        .exec_without_returning(&db)
        .await?;
    let tx = db.begin().await?;
    let update = project::Entity::update_many()
        .col_expr(project::Column::Name, Expr::value("renamed"))
        .filter(project::Column::Id.eq(row.id));
    assert_eq!(update.exec(&tx).await?.rows_affected, 1);
    tx.execute_unprepared("UPDATE project SET archived = true WHERE name = 'outside'")
        .await?;
    tx.commit().await?;
    assert_eq!(db.escapes(), 4);
    assert_eq!(db.clone().escapes(), 4);
    let stored = project::Entity::find().all(server.db()).await?;
    let mut names: Vec<&str> = stored.iter().map(|row| row.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["outside", "renamed", "without hooks"]);
    assert_eq!(server.logged().await?.len(), 1);
    let verdict = server.verdict().await?;
    assert!(!verdict.is_sound(), "{verdict:?}");
    Ok(())
}

async fn what_is_recorded_stays_recorded(server: &TestServer) -> Outcome {
    let db = warning(server);
    let tx = db.begin().await?;
    let row = named("one").insert(&tx).await?;
    let mut model = row.into_active_model();
    model.name = Set("two".to_owned());
    model.update(&tx).await?;
    tx.insert_many::<project::Entity>([named("three")]).await?;
    tx.commit().await?;
    assert_eq!(db.escapes(), 0);
    assert_eq!(server.logged().await?.len(), 3);
    server.verify().await
}

/// Collects the warnings of this thread.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn all(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }
}

struct Text(String);

impl tracing::field::Visit for Text {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
            && metadata.target().starts_with("seachange_changelog")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().expect("no panic").push(text.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

async fn a_place_is_reported_once(database: &OwnDatabase) -> Outcome {
    let server = &TestServer::start(database).await?;
    a_project(server).await?;
    let db = warning(server);
    let warnings = Warnings::default();
    let guard = tracing::subscriber::set_default(warnings.clone());
    for _ in 0..3 {
        let update =
            project::Entity::update_many().col_expr(project::Column::Name, Expr::value("a secret"));
        update.exec(&db).await?;
    }
    project::Entity::delete_many().exec(&db).await?;
    drop(guard);
    assert_eq!(db.escapes(), 4);
    let warnings = warnings.all();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for (warning, verb) in warnings.iter().zip(["update", "delete"]) {
        for part in [verb, "`project`", "cure: ", "SEACHANGE_OUTSIDE_TRANSACTION"] {
            assert!(warning.contains(part), "no {part}: {warning}");
        }
        assert!(!warning.contains("a secret"), "{warning}");
    }
    Ok(())
}

async fn what_would_spoil_the_log(server: &TestServer) -> Outcome {
    let row = a_project(server).await?;
    let db = warning(server);
    let tx = db.begin().await?;
    for sql in ["COMMIT", "UPDATE project SET archived = true; COMMIT"] {
        let error = tx.execute_unprepared(sql).await.expect_err(sql);
        assert!(
            matches!(CaptureError::of(&error), Some(CaptureError::Write(_))),
            "{sql}: {error}"
        );
    }
    let mut model = row.clone().into_active_model();
    model.name = Set("half".to_owned());
    model.update_without_returning(&tx).await?;
    let error = tx.commit().await.expect_err("its record never came");
    assert!(
        matches!(
            CaptureError::of(&error),
            Some(CaptureError::Commit(CommitRefusal::Unfinished { .. }))
        ),
        "{error}"
    );
    assert_eq!(db.escapes(), 0);
    assert_eq!(project::Entity::find().all(server.db()).await?, [row]);
    server.verify().await
}

async fn never_by_default(server: &TestServer) -> Outcome {
    let db = server.db();
    let error = named("x").insert(db).await.expect_err("outside");
    assert!(
        matches!(
            CaptureError::of(&error),
            Some(CaptureError::Write(WriteRefusal::OutsideTransaction { .. }))
        ),
        "{error}"
    );
    assert_eq!(db.escapes(), 0);
    Ok(())
}
