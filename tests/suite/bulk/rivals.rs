//! Many writers, overlapping rows: each row's images form one chain.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, TransactionTrait};
use seachange::changelog::{Target, TrackedConnection, TrackedTransaction, is_transient};
use seachange_testkit::{Outcome, Random, Seed, TestServer, measured};

use super::parcel;

seachange_testkit::cases![twelve_writers];

const WRITERS: u64 = 12;
/// Codes that they fight for.
const CODES: usize = 40;

/// Seconds of writing: `SEACHANGE_TEST_BULK_SECONDS`, 2 unless given.
fn time() -> Duration {
    let seconds = std::env::var("SEACHANGE_TEST_BULK_SECONDS");
    let seconds = seconds.ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(2))
}

#[derive(Default)]
struct Tally {
    committed: u64,
    tried_again: u64,
}

async fn twelve_writers(server: &TestServer) -> Outcome {
    let server = parcel::server(server).await?;
    let numbers = Arc::new(AtomicI64::new(1));
    let until = Instant::now() + time();
    let seed = u64::from(std::process::id());
    let _seed = Seed(seed);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let random = Random::seeded(seed * 64 + writer);
            tokio::spawn(write(
                server.db().clone(),
                random,
                Arc::clone(&numbers),
                until,
            ))
        })
        .collect();
    let mut all = Tally::default();
    for writer in writers {
        let tally = writer.await?.with_context(|| format!("seed {seed}"))?;
        all.committed += tally.committed;
        all.tried_again += tally.tried_again;
    }
    measured(format_args!(
        "{}: seed {seed}: {} transactions committed, {} tried again",
        server.kind.name(),
        all.committed,
        all.tried_again
    ));
    anyhow::ensure!(all.committed >= WRITERS, "nobody got through");
    // Every change begins where the one before ended, and the last is what the table has.
    server.finish().await
}

async fn write(
    db: TrackedConnection,
    mut random: Random,
    numbers: Arc<AtomicI64>,
    until: Instant,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    while Instant::now() < until {
        let tx = db.begin().await?;
        match transaction(&tx, &mut random, &numbers).await {
            Ok(()) => {
                tx.commit().await?;
                tally.committed += 1;
            }
            Err(error) => {
                anyhow::ensure!(is_transient(&error), "another error: {error:?}");
                let _ = tx.rollback().await;
                tally.tried_again += 1;
            }
        }
    }
    Ok(tally)
}

async fn transaction(
    tx: &TrackedTransaction,
    random: &mut Random,
    numbers: &AtomicI64,
) -> Result<(), DbErr> {
    for _ in 0..=random.below(2) {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let low = random.below(CODES);
        let codes: Vec<String> = (low..low + 1 + random.below(12))
            .map(|code| format!("c{}", code % CODES))
            .collect();
        match random.below(5) {
            0 => {
                let target = Target::matching(parcel::Column::Code.is_in(codes));
                tx.delete_many::<parcel::Entity>(target).await?;
            }
            1 | 2 => {
                let target = Target::matching(parcel::Column::Number.lt(number - 3));
                let change = parcel::ActiveModel {
                    number: Set(number),
                    ..Default::default()
                };
                tx.update_many::<parcel::Entity>(target, change).await?;
            }
            _ => {
                let models = codes.into_iter().map(|code| parcel::coded(code, number));
                tx.upsert_many::<parcel::Entity>(models, &[parcel::Column::Code])
                    .await?;
            }
        }
    }
    Ok(())
}
