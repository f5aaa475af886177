//! The ordering torture, and the readers that it is there to fail.

use std::collections::HashSet;
use std::time::Duration;

use sea_orm::{
    ColumnTrait, Database as SeaDatabase, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use seachange::DatabaseSettings;
use seachange::changelog::log;
use seachange::internal::Torture;
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases! {
    Every: twelve_writers, twenty_four_writers;
    Postgres: naive_readers_fail;
}

/// Seconds of writing: `SEACHANGE_TEST_TORTURE_SECONDS`, 2 unless given.
fn time() -> Duration {
    let seconds = std::env::var("SEACHANGE_TEST_TORTURE_SECONDS");
    let seconds = seconds.ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(2))
}

fn settings(server: &TestServer) -> DatabaseSettings {
    DatabaseSettings {
        connections: 10,
        ..DatabaseSettings::new(&server.settings.database_url)
    }
}

/// Invariants 4 and 5.
async fn is_sound(server: &TestServer, writers: usize) -> Outcome {
    let torture = Torture {
        writers,
        time: time(),
        seed: u64::from(std::process::id()),
        ..Torture::default()
    };
    let report = torture.run(&settings(server)).await?;
    anyhow::ensure!(report.is_sound(), "seed {}: {report:#?}", torture.seed);
    Ok(())
}

async fn twelve_writers(server: &TestServer) -> Outcome {
    is_sound(server, 12).await
}

async fn twenty_four_writers(server: &TestServer) -> Outcome {
    is_sound(server, 24).await
}

/// What most change logs do: by id, after the largest id seen. If it passed, the torture would
/// prove nothing.
///
/// SQLite's ids are in order, and MariaDB's log is written by one sequencer.
async fn naive_readers_fail(server: &TestServer) -> Outcome {
    let plain = SeaDatabase::connect(&server.settings.database_url).await?;
    let (done, mut stop) = tokio::sync::watch::channel(false);
    let naive = async {
        let (mut seen, mut after) = (HashSet::new(), 0);
        while !*stop.borrow() {
            let newer = log::Entity::find().filter(log::Column::Id.gt(after));
            let rows = newer
                .order_by_asc(log::Column::Id)
                .limit(500)
                .all(&plain)
                .await?;
            after = rows.last().map_or(after, |row| row.id);
            seen.extend(rows.iter().map(|row| row.id));
            // A poll every two milliseconds, or the end.
            let _ = tokio::time::timeout(Duration::from_millis(2), stop.changed()).await;
        }
        anyhow::Ok(seen)
    };
    let torture = async {
        let torture = Torture {
            time: time(),
            ..Torture::default()
        };
        let report = torture.run(&settings(server)).await;
        done.send(true)?;
        Ok(report?)
    };
    let (seen, report) = tokio::try_join!(naive, torture)?;
    anyhow::ensure!(report.is_sound(), "{report:#?}");
    let rows = log::Entity::find()
        .order_by_asc(log::Column::Id)
        .all(&plain)
        .await?;
    let lost = rows.iter().filter(|row| !seen.contains(&row.id)).count();
    anyhow::ensure!(lost > 0, "the naive reader lost nothing of {}", rows.len());
    let mut ended = HashSet::new();
    let mut torn = 0;
    for pair in rows.windows(2) {
        let (row, next) = (&pair[0].transaction_id, &pair[1].transaction_id);
        if row != next {
            ended.insert(row);
            torn += usize::from(ended.contains(next));
        }
    }
    anyhow::ensure!(torn > 0, "paging by plain id tore no transaction");
    Ok(())
}
