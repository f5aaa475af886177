//! Entities as `sea-orm-cli generate entity` writes them, in each of its modes: a tracked table stays tracked, or
//! the program does not compile, or `doctor` says so.
//!
//! The files in `generated/` are what the generator writes, with what `rustfmt` does to it; the first test proves
//! it. They are compiled here as they are, and their rows are written.
//!
//! | command | what becomes of a tracked table |
//! |---|---|
//! | `--impl-active-model-behavior=false --model-extra-derives seachange_changelog::Track` | it is tracked, by each format |
//! | `--impl-active-model-behavior=false` | it is tracked by `track!` in a module beside it; without one it does not compile |
//! | `--experimental-preserve-user-modifications` | the derive and its options stay; where a `track!` line was, it does not compile |
//! | none of these | a derive and a `track!` line are lost: `doctor` says so. With `--model-extra-derives` it does not compile |

#![allow(
    dead_code,
    reason = "SeaORM's macro generates more than a private entity uses"
)]

// The generator's files are not formatted here.
#[rustfmt::skip]
mod apart_shelf;
#[rustfmt::skip]
mod compact_shelf;
#[rustfmt::skip]
mod default_shelf;
#[rustfmt::skip]
mod dense_book;
#[rustfmt::skip]
mod dense_shelf;
#[rustfmt::skip]
mod expanded_shelf;
mod generator;
#[rustfmt::skip]
mod kept_shelf;

/// The module beside a generated one.
mod apart {
    use super::apart_shelf::*;
    seachange_changelog::track!(updated_at: UpdatedAt, redact: [Secret]);
}

use std::collections::BTreeMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbBackend, Schema, TransactionTrait,
};
use sea_orm_codegen::EntityFormat;
use seachange::changelog::{
    FindingCode, Operation, REDACTED, Source, TriggerOptions, check_untracked, log, track_by_hooks,
    track_by_triggers, untrack,
};
use seachange_testkit::{Outcome, OwnDatabase, TestServer};

use generator::{Arguments, TRACK, bare, book, by_default, generated, merged, shelf, tracked};

seachange_testkit::cases! {
    Sqlite: the_generator_writes_these_files, what_does_not_compile;
    Every: tracked_tables_stay_tracked, a_table_that_was_lost_is_found,
        a_table_that_is_given_up_is_not_missed;
}

/// What the generator wrote when these tests were made.
const RECORDED: [(&str, &str); 7] = [
    ("apart_shelf.rs", include_str!("generated/apart_shelf.rs")),
    (
        "compact_shelf.rs",
        include_str!("generated/compact_shelf.rs"),
    ),
    (
        "default_shelf.rs",
        include_str!("generated/default_shelf.rs"),
    ),
    ("dense_book.rs", include_str!("generated/dense_book.rs")),
    ("dense_shelf.rs", include_str!("generated/dense_shelf.rs")),
    (
        "expanded_shelf.rs",
        include_str!("generated/expanded_shelf.rs"),
    ),
    ("kept_shelf.rs", include_str!("generated/kept_shelf.rs")),
];

/// A generated file to which a person has added the derive and its options, before a column came.
const KEPT: &str = r#"
use sea_orm::entity::prelude::*;
use seachange_changelog::Track;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Track)]
#[sea_orm(table_name = "kept_shelf")]
#[track(updated_at)]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    #[sea_orm(column_type = "Text", nullable)]
    #[track(redact)]
    pub secret: Option<String>,
    pub updated_at: DateTimeWithTimeZone,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
"#;

async fn the_generator_writes_these_files(_: &OwnDatabase) -> Outcome {
    let compact = Arguments {
        attributes: &["track(updated_at, redact(secret))"],
        ..tracked(EntityFormat::Compact)
    };
    let apart = Arguments {
        format: EntityFormat::Dense,
        without_behavior: true,
        ..Arguments::default()
    };
    let dense = vec![shelf("dense_shelf"), book("dense_book", "dense_shelf")];
    let mut files = generated(dense, tracked(EntityFormat::Dense))?;
    files.extend(generated(vec![shelf("compact_shelf")], compact)?);
    let expanded = tracked(EntityFormat::Expanded);
    files.extend(generated(vec![shelf("expanded_shelf")], expanded)?);
    files.extend(generated(vec![shelf("apart_shelf")], apart)?);
    files.insert("default_shelf.rs".to_owned(), by_default("default_shelf")?);
    files.insert("kept_shelf.rs".to_owned(), merged(KEPT, "kept_shelf")?);
    files.remove("mod.rs");
    for (name, recorded) in RECORDED {
        let written = files.remove(name).unwrap_or_default();
        assert_eq!(bare(&written), bare(recorded), "{name} is now:\n{written}");
    }
    assert!(files.is_empty(), "not recorded: {:?}", files.keys());
    Ok(())
}

/// Without an implementation of `ActiveModelBehavior` an entity does not compile, and neither does it with two.
/// Tracking is one.
async fn what_does_not_compile(_: &OwnDatabase) -> Outcome {
    let behaviors = |file: &str| {
        let given = file.matches("ActiveModelBehavior").count();
        let tracked = file.matches("Track").count() + file.matches("track!").count();
        given + tracked
    };
    let table = || vec![shelf("task_shelf")];
    let of =
        |mut files: BTreeMap<String, String>| files.remove("task_shelf.rs").unwrap_or_default();
    let twice = Arguments {
        derives: &[TRACK],
        ..Arguments::default()
    };
    assert_eq!(behaviors(&of(generated(table(), twice)?)), 2);
    let never = Arguments {
        without_behavior: true,
        ..Arguments::default()
    };
    assert_eq!(behaviors(&of(generated(table(), never)?)), 0);
    let by_line = KEPT
        .replace(", Track)", ")")
        .replace("use seachange_changelog::Track;", "");
    let by_line = by_line
        .replace("#[track(updated_at)]", "")
        .replace("#[track(redact)]", "");
    let by_line = by_line + "seachange_changelog::track!(updated_at: UpdatedAt);";
    assert_eq!(behaviors(&by_line), 1);
    assert_eq!(behaviors(&merged(&by_line, "kept_shelf")?), 0);
    Ok(())
}

/// The tables of these entities, with times as exact as the log's.
macro_rules! create {
    ($server:expr, $($module:ident),+) => {{
        let db = $server.db().writer();
        let schema = Schema::new(db.get_database_backend());
        $(db.execute(&schema.create_table_from_entity($module::Entity)).await?;
        if db.get_database_backend() == DbBackend::MySql {
            let exact = concat!("ALTER TABLE ", stringify!($module), " MODIFY updated_at datetime(6) NOT NULL");
            db.execute_unprepared(exact).await?;
        })+
    }};
}

macro_rules! insert {
    ($tx:expr, $($module:ident),+) => {
        $($module::ActiveModel {
            name: Set("a shelf".to_owned()),
            secret: Set(Some("a secret".to_owned())),
            updated_at: Set(chrono::Utc::now().into()),
            ..Default::default()
        }
        .insert($tx)
        .await?;)+
    };
}

async fn tracked_tables_stay_tracked(server: &TestServer) -> Outcome {
    create!(
        server,
        dense_shelf,
        compact_shelf,
        expanded_shelf,
        apart_shelf,
        kept_shelf
    );
    let db = server.db().writer();
    let schema = Schema::new(db.get_database_backend());
    let table = schema.create_table_from_entity(dense_book::Entity);
    db.execute(&table).await?;
    let tx = server.db().begin().await?;
    insert!(
        &tx,
        dense_shelf,
        compact_shelf,
        expanded_shelf,
        apart_shelf,
        kept_shelf
    );
    let book = dense_book::ActiveModel {
        shelf_id: Set(1),
        ..Default::default()
    };
    book.insert(&tx).await?;
    tx.commit().await?;
    let changes = server.logged().await?;
    let secret = |change: &log::Model| {
        let after = change.after.clone().unwrap_or_default();
        (
            change.entity.clone(),
            after["secret"].as_str().map(str::to_owned),
        )
    };
    let found: BTreeMap<_, _> = changes.iter().map(secret).collect();
    let expected = [
        ("apart_shelf", Some(REDACTED)),
        ("compact_shelf", Some(REDACTED)),
        ("dense_book", None),
        ("dense_shelf", Some("a secret")),
        ("expanded_shelf", Some("a secret")),
        ("kept_shelf", Some(REDACTED)),
    ];
    let expected = expected.map(|(table, secret)| (table.to_owned(), secret.map(str::to_owned)));
    assert_eq!(found, BTreeMap::from(expected));
    assert_eq!(lost(server).await?, [""; 0]);
    Ok(())
}

/// The tables that nothing records any more, by both ways to ask.
async fn lost(server: &TestServer) -> anyhow::Result<Vec<String>> {
    let findings = check_untracked(server.db().writer()).await?;
    let mut told = server.doctor().await?;
    told.retain(|finding| finding.code == FindingCode::TableUntracked);
    assert_eq!(findings, told);
    Ok(findings.into_iter().map(|finding| finding.table).collect())
}

/// The tables that `verify` cannot vouch for.
async fn unverified(server: &TestServer) -> anyhow::Result<Vec<String>> {
    let verdict = server.verdict().await?;
    let tables = verdict.unverified.into_iter();
    Ok(tables.map(|table| table.entity).collect())
}

/// A build before this one tracked the table; then the generator wrote its file again.
async fn a_table_that_was_lost_is_found(server: &TestServer) -> Outcome {
    let table = default_shelf::Entity;
    let name = sea_orm::EntityName::table_name(&table);
    let before = log::ActiveModel {
        entity: Set(name.to_owned()),
        row_key: Set(serde_json::json!({ "id": 1 })),
        operation: Set(Operation::Insert),
        after: Set(Some(serde_json::json!({ "id": 1 }))),
        transaction_id: Set("earlier".to_owned()),
        source: Set(Source::Hook),
        schema_version: Set(1),
        recorded_at: Set(chrono::Utc::now()),
        ..Default::default()
    };
    let db = server.db().writer();
    before.insert(db).await?;
    assert_eq!(lost(server).await?, [""; 0], "there is no such table");
    create!(server, default_shelf);
    assert_eq!(lost(server).await?, [name]);
    // Nothing else notices: the write succeeds.
    let tx = server.db().begin().await?;
    insert!(&tx, default_shelf);
    tx.commit().await?;
    assert_eq!(unverified(server).await?, [name]);
    track_by_triggers(db, name, TriggerOptions::new()).await?;
    assert_eq!(lost(server).await?, [""; 0]);
    track_by_hooks(db, name).await?;
    assert_eq!(lost(server).await?, [name]);
    db.execute_unprepared("ALTER TABLE default_shelf RENAME TO other_shelf")
        .await?;
    assert_eq!(lost(server).await?, [""; 0], "it has another name");
    db.execute_unprepared("ALTER TABLE other_shelf RENAME TO default_shelf")
        .await?;
    untrack(db, name).await?;
    assert_eq!(lost(server).await?, [""; 0]);
    assert_eq!(unverified(server).await?, [""; 0]);
    Ok(())
}

async fn a_table_that_is_given_up_is_not_missed(server: &TestServer) -> Outcome {
    let db = server.db().writer();
    for name in ["draft", "sketch"] {
        let create = format!("CREATE TABLE {name} (id integer NOT NULL PRIMARY KEY)");
        db.execute_unprepared(&create).await?;
        track_by_triggers(db, name, TriggerOptions::new()).await?;
        db.execute_unprepared(&format!("INSERT INTO {name} (id) VALUES (1)"))
            .await?;
    }
    db.execute_unprepared("DROP TABLE draft").await?;
    assert_eq!(unverified(server).await?, ["draft"]);
    untrack(db, "draft").await?;
    untrack(db, "sketch").await?;
    let recorded = server.logged().await?.len();
    db.execute_unprepared("INSERT INTO sketch (id) VALUES (2)")
        .await?;
    assert_eq!(server.logged().await?.len(), recorded);
    assert_eq!(unverified(server).await?, [""; 0]);
    assert_eq!(server.doctor().await?, []);
    Ok(())
}
