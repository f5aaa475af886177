//! Without a change log nothing is written or followed, and the refusal says what to call.

use std::sync::Arc;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, Database, Schema, TransactionTrait,
};
use seachange::changelog::{CaptureError, Refused, SetupRefusal, TrackedConnection};
use seachange::{Feed, FeedError};
use seachange_entity::label;
use seachange_testkit::{Outcome, OwnDatabase};
use tokio::sync::Notify;

seachange_testkit::cases![a_write_names_the_cure, a_feed_names_the_cure];

async fn a_write_names_the_cure(database: &OwnDatabase) -> Outcome {
    let db = Database::connect(&database.url).await?;
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(label::Entity))
        .await?;
    let db = TrackedConnection::new(db);
    let tx = db.begin().await?;
    let label = label::ActiveModel {
        name: Set("one".to_owned()),
        ..Default::default()
    };
    let error = label.insert(&tx).await.expect_err("no log");
    let refusal = CaptureError::of(&error);
    let is_named = matches!(
        refusal,
        Some(CaptureError::Setup(SetupRefusal::NoChangeLog))
    );
    assert!(is_named, "{error:?}");
    assert!(error.to_string().contains("create_change_log"), "{error}");
    drop(tx);
    Ok(db.writer().clone().close().await?)
}

async fn a_feed_names_the_cure(database: &OwnDatabase) -> Outcome {
    let db = Database::connect(&database.url).await?;
    let error = Feed::start(db.clone(), Arc::new(Notify::new()))
        .await
        .expect_err("no log");
    assert!(
        matches!(error, FeedError::Refused(Refused::NoLog)),
        "{error:?}"
    );
    assert!(error.to_string().contains("create_change_log"), "{error}");
    Ok(db.close().await?)
}
