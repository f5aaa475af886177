//! Rows from before tracking: their images are those that capture would have written.

use sea_orm::IntoActiveModel;
use seachange::changelog::{Source, baseline};
use seachange_testkit::{Outcome, TestServer};

use super::ground::{insert, key, null_row, row, rows, start};
use super::triggered::Triggered;
use super::{Specimen, columns_of, on_each};
use crate::baseline::forget;

seachange_testkit::cases![
    baselines_of_every_value,
    baselines_of_every_value_by_triggers
];

async fn baselines_of_every_value(server: &TestServer) -> Outcome {
    on_each!(server, baselines)
}

async fn baselines_of_every_value_by_triggers(server: &TestServer) -> Outcome {
    async fn case<S: Specimen>(server: &TestServer) -> Outcome {
        baselines::<Triggered<S>>(server).await
    }
    on_each!(server, case)
}

async fn baselines<S: Specimen>(server: &TestServer) -> Outcome {
    let server = start::<S>(server).await?;
    let columns = S::columns();
    let optional = columns_of::<S, S::Optional>();
    for n in rows(&columns) {
        insert::<S::Required>(&server, row::<S::Required>(key(n), n, &columns)?).await?;
        insert::<S::Optional>(&server, row::<S::Optional>(key(n), n, &optional)?).await?;
    }
    let null = null_row::<S::Optional>(key(rows(&columns).len()))?;
    insert::<S::Optional>(&server, null.into_active_model()).await?;
    let told = async || {
        let mut told: Vec<[String; 3]> = Vec::new();
        for change in server.logged().await? {
            let after = change.after.map(|after| after.to_string());
            told.push([
                change.entity,
                change.row_key.to_string(),
                after.unwrap_or_default(),
            ]);
        }
        told.sort();
        anyhow::Ok(told)
    };
    let by_capture = told().await?;
    forget(&server).await?;
    for table in ["specimen", "specimen_optional"] {
        baseline(server.db().writer(), table).await?;
    }
    let by_baseline = told().await?;
    assert_eq!(by_capture.len(), by_baseline.len());
    for (captured, found) in by_capture.iter().zip(&by_baseline) {
        assert_eq!(captured, found);
    }
    let changes = server.logged().await?;
    assert!(changes.iter().all(|c| c.source == Source::Baseline));
    server.finish().await
}
