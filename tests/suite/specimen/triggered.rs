//! The same through triggers: images equal to those of hooks, value by value, whoever writes.

#![expect(
    clippy::disallowed_methods,
    reason = "what runs no hook is what triggers are for"
)]

use std::marker::PhantomData;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, QueryFilter,
    QueryTrait,
};
use seachange::App;
use seachange::changelog::internal::bindable;
use seachange::changelog::{Operation, Source, TriggerOptions, track_by_triggers};
use serde_json::{Value as Json, json};

use super::ground::{assert_image, column_of, image_in, key, newest, row, rows, start};
use super::logged::{deletes, inserts, nulls_of, signs, updates};
use super::sample::Column;
use super::{Specimen, on_each};
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![
    inserts_by_triggers,
    updates_by_triggers,
    deletes_by_triggers,
    nulls_by_triggers,
    a_zero_changes_its_sign_by_triggers,
    writes_of_other_programs
];

/// A specimen whose tables triggers capture.
pub struct Triggered<S>(PhantomData<S>);

impl<S: Specimen> Specimen for Triggered<S> {
    type Required = S::Required;
    type Optional = S::Optional;

    const DECIMAL_DIGITS: (u32, u32) = S::DECIMAL_DIGITS;

    fn register(app: App) -> App {
        S::register(app)
    }

    async fn create(db: &DatabaseConnection) -> Outcome {
        S::create(db).await?;
        track_by_triggers(db, "specimen", TriggerOptions::new()).await?;
        let options = match db.get_database_backend() {
            // A column that the entity does not have.
            DbBackend::MySql => TriggerOptions::new().exclude("text_uuid"),
            _ => TriggerOptions::new(),
        };
        track_by_triggers(db, "specimen_optional", options).await?;
        Ok(())
    }

    fn columns() -> Vec<Column> {
        S::columns()
    }

    fn has_few(column: &str) -> bool {
        S::has_few(column)
    }

    fn refused() -> Vec<(&'static str, Json)> {
        S::refused()
    }
}

async fn inserts_by_triggers(server: &TestServer) -> Outcome {
    async fn case<S: Specimen>(server: &TestServer) -> Outcome {
        inserts::<Triggered<S>>(server).await
    }
    on_each!(server, case)
}

async fn updates_by_triggers(server: &TestServer) -> Outcome {
    async fn case<S: Specimen>(server: &TestServer) -> Outcome {
        updates::<Triggered<S>>(server).await
    }
    on_each!(server, case)
}

async fn deletes_by_triggers(server: &TestServer) -> Outcome {
    async fn case<S: Specimen>(server: &TestServer) -> Outcome {
        deletes::<Triggered<S>>(server).await
    }
    on_each!(server, case)
}

async fn nulls_by_triggers(server: &TestServer) -> Outcome {
    async fn case<S: Specimen>(server: &TestServer) -> Outcome {
        nulls_of::<Triggered<S>>(server).await
    }
    on_each!(server, case)
}

async fn a_zero_changes_its_sign_by_triggers(server: &TestServer) -> Outcome {
    async fn case<S: Specimen>(server: &TestServer) -> Outcome {
        signs::<Triggered<S>>(server).await
    }
    on_each!(server, case)
}

async fn writes_of_other_programs(server: &TestServer) -> Outcome {
    on_each!(server, others)
}

/// No hook runs: SeaORM's plain calls on a connection that tracks nothing.
async fn others<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<Triggered<S>>(server).await?;
    let db = server.db().writer();
    let columns = S::columns();
    for n in rows(&columns) {
        let model = row::<S::Required>(key(n), n, &columns)?;
        let backend = db.get_database_backend();
        let mut insert = <S::Required as EntityTrait>::insert(model).build(backend);
        // What drivers lose is not the triggers' affair.
        if let Some(values) = &mut insert.values {
            let bound = values
                .0
                .iter()
                .map(|value| bindable(value.clone(), backend));
            values.0 = bound.collect();
        }
        db.execute_raw(insert).await?;
        let change = newest(&server).await?;
        assert_eq!(change.operation, Operation::Insert);
        assert_eq!(change.source, Source::Trigger);
        assert_eq!(change.actor, None);
        assert_eq!(change.row_key, json!({ "id": key(n).to_string() }));
        assert_image(image_in(&change.after)?, n, &columns)?;
        let id = column_of::<S::Required>("id");
        <S::Required as EntityTrait>::delete_many()
            .filter(id.eq(key(n)))
            .exec(db)
            .await?;
        let change = newest(&server).await?;
        assert_eq!(change.operation, Operation::Delete);
        assert_image(image_in(&change.before)?, n, &columns)?;
    }
    server.finish().await
}
