//! Random programs, whose log is known beforehand: ORM calls, bulk calls, raw SQL, cascades,
//! savepoints, rollbacks.
//!
//! The same programs run on a table captured by hooks and on one captured by triggers. What hooks
//! cannot see must be refused there, and is then done row by row, so both ways end with the same rows
//! and must have told the same changes: those of the plan, each once, whole transactions in order.
//!
//! `SEACHANGE_TEST_PROGRAMS=1000` runs seeds 0 to 999; `417..418` the one.

mod plan;
mod raw;
mod run;

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::Context;
use sea_orm::{EntityTrait, QueryOrder};
use seachange::changelog::log;
use seachange::{Cursor, Selection, Start};

use crate::triggers::note;
use plan::{Change, Planner, Row, Told};
use run::{Runner, Way};
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![by_hooks, by_triggers];

/// Unless `SEACHANGE_TEST_PROGRAMS` says otherwise.
const SEEDS: Range<u64> = 0..12;
/// Changes of the log read at a time.
const PAGE: u64 = 1_000;

fn seeds() -> anyhow::Result<Range<u64>> {
    let Ok(given) = std::env::var("SEACHANGE_TEST_PROGRAMS") else {
        return Ok(SEEDS);
    };
    let (from, to) = given.split_once("..").unwrap_or(("0", &given));
    let number = |text: &str| text.parse().context("SEACHANGE_TEST_PROGRAMS");
    Ok(number(from)?..number(to)?)
}

async fn by_hooks(server: &TestServer) -> Outcome {
    note::create(server).await?;
    programs(&note::beside(server).await?, Way::Hooks).await
}

async fn by_triggers(server: &TestServer) -> Outcome {
    programs(&note::start(server).await?, Way::Triggers).await
}

async fn programs(server: &TestServer, way: Way) -> Outcome {
    let runner = Runner::new(server, way).await?;
    let mut read = server.server().feed().head().await?;
    for seed in seeds()? {
        let program = Planner::new(seed, server.kind.clone()).program();
        let outcome = async {
            runner.run(&program).await?;
            is_told(server, &program.told, &mut read).await?;
            has_rows(server, &program.rows).await?;
            // The next one begins with nothing.
            runner.clear().await?;
            read = server.server().feed().head().await?;
            anyhow::Ok(())
        };
        outcome.await.with_context(|| format!("seed {seed}"))?;
    }
    server.verify().await
}

/// The log after `read` has these transactions, in this order, and nothing else.
async fn is_told(server: &TestServer, expected: &[Told], read: &mut Cursor) -> Outcome {
    let log = log_after(server, read).await?;
    let mut rest = log.as_slice();
    for (number, Told { changes, is_one }) in expected.iter().enumerate() {
        let (these, others) = rest.split_at(changes.len().min(rest.len()));
        let found = by_key(these.iter().map(told).collect());
        let wanted = by_key(changes.iter().map(Change::told).collect());
        anyhow::ensure!(
            found == wanted,
            "transaction {number}\nfound    {found:#?}\nexpected {wanted:#?}"
        );
        let transaction = &these[0].transaction_id;
        let is_within = |change: &log::Model| change.transaction_id == *transaction;
        anyhow::ensure!(
            !is_one || these.iter().all(is_within) && !others.iter().any(is_within),
            "transaction {number} is not one"
        );
        rest = others;
    }
    anyhow::ensure!(rest.is_empty(), "more than there is: {rest:#?}");
    Ok(())
}

async fn log_after(server: &TestServer, read: &mut Cursor) -> anyhow::Result<Vec<log::Model>> {
    let mut found = Vec::new();
    loop {
        let start = Start::After(read.clone());
        let feed = server.server().feed();
        let page = feed.page(&start, &Selection::default(), PAGE).await?;
        found.extend(page.changes.into_iter().map(|change| change.row));
        *read = page.end;
        if !page.has_more {
            return Ok(found);
        }
    }
}

/// Within a transaction the order of different rows is the database's own; a row's changes have one.
fn by_key(told: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut by_key = BTreeMap::<String, Vec<String>>::new();
    for (key, change) in told {
        by_key.entry(key).or_default().push(change);
    }
    by_key
}

fn told(change: &log::Model) -> (String, String) {
    let image = |image: &Option<serde_json::Value>| {
        image
            .as_ref()
            .map_or("-".to_owned(), |image| image.to_string())
    };
    let (before, after) = (image(&change.before), image(&change.after));
    (
        change.row_key.to_string(),
        format!("{} {before} {after}", change.operation),
    )
}

async fn has_rows(server: &TestServer, expected: &BTreeMap<i64, Row>) -> Outcome {
    let rows = note::Entity::find().order_by_asc(note::Column::Id);
    let rows = rows.all(server.db().reader()).await?;
    let found: Vec<(i64, Row)> = rows
        .into_iter()
        .map(|row| {
            let note::Model {
                id,
                book_id,
                name,
                body,
            } = row;
            let book = book_id;
            (id, Row { book, name, body })
        })
        .collect();
    let expected: Vec<(i64, Row)> = expected.clone().into_iter().collect();
    anyhow::ensure!(found == expected, "rows {found:#?}\nnot {expected:#?}");
    Ok(())
}
