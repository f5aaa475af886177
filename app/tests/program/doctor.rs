//! `doctor`: what it prints and how it ends.

use sea_orm::{ConnectionTrait, Database as SeaDatabase};
use seachange_testkit::{Database, Outcome, OwnDatabase};
use serde_json::{Value as Json, json};

use crate::harness::run;

seachange_testkit::cases! {
    Every: codes_and_cures;
}

async fn codes(url: &str) -> anyhow::Result<Vec<String>> {
    let ended = run(url, &["doctor", "--json"]).await?;
    let flaws: Vec<Json> = serde_json::from_str(&ended.stdout)?;
    assert_eq!(
        ended.code(),
        Some(i32::from(!flaws.is_empty())),
        "{ended:?}"
    );
    let text = |flaw: &Json, name: &str| flaw[name].as_str().unwrap_or_default().to_owned();
    for flaw in &flaws {
        for part in ["code", "table", "message", "fix"] {
            assert!(!text(flaw, part).is_empty(), "no {part} in {flaw}");
        }
    }
    Ok(flaws
        .iter()
        .map(|flaw| format!("{} {}", text(flaw, "code"), text(flaw, "table")))
        .collect())
}

async fn codes_and_cures(database: &OwnDatabase) -> Outcome {
    let url = &database.url;
    let unmigrated = codes(url).await?;
    assert!(
        unmigrated.contains(&"log_missing change_log".to_owned()),
        "{unmigrated:?}"
    );
    assert!(
        unmigrated.contains(&"table_missing task".to_owned()),
        "{unmigrated:?}"
    );
    let migrated = run(url, &["migrate", "up"]).await?;
    assert_eq!(migrated.code(), Some(0), "{migrated:?}");
    assert_eq!(codes(url).await?, Vec::<String>::new());
    let sound = run(url, &["doctor"]).await?;
    assert_eq!(
        (sound.code(), &*sound.stdout),
        (Some(0), "sound: nothing found\n")
    );

    let db = SeaDatabase::connect(url).await?;
    db.execute_unprepared("ALTER TABLE label ADD COLUMN colour integer")
        .await?;
    assert_eq!(codes(url).await?, ["column_unknown label"]);
    let told = run(url, &["doctor"]).await?;
    assert_eq!(told.code(), Some(1), "{told:?}");
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{told:?}");
    assert!(lines[0].contains("colour; cure: "), "{told:?}");
    assert_eq!(lines[1], "NOT SOUND: 1 findings");

    if matches!(database.kind, Database::Postgres(_)) {
        db.execute_unprepared("ALTER TABLE label DROP COLUMN colour")
            .await?;
        db.execute_unprepared("UPDATE change_epoch SET identity = 'elsewhere'")
            .await?;
        // Looking does not begin a new epoch.
        for _ in 0..2 {
            assert_eq!(codes(url).await?, ["epoch_elsewhere change_epoch"]);
        }
    }
    db.execute_unprepared("DELETE FROM change_epoch").await?;
    assert!(
        codes(url)
            .await?
            .contains(&"epoch_missing change_epoch".to_owned())
    );
    db.close().await?;
    let wrong = run(url, &["doctor", "--sideways"]).await?;
    assert_eq!(wrong.code(), Some(2), "{wrong:?}");
    assert_eq!(json!(wrong.stdout), json!(""));
    Ok(())
}
