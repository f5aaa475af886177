//! Keys above the largest signed integer: pages end at them, and conflicts are about them.

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::counter::{self, COUNTERS, counter};
use super::inbox::resolve;
use super::{conflicts, pull, pull_all, push, stored};

seachange_testkit::cases! {
    MariaDb: a_page_ends_at_one, an_entry_of_the_inbox_has_one;
}

const KEYS: [u64; 4] = [1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX];

/// A server with a row of each key.
async fn with_rows(server: &TestServer) -> anyhow::Result<TestServer> {
    let synced = counter::start(server).await?;
    let rows = KEYS.map(|key| (Json::Null, counter(key, "before")));
    let pushed = push(&synced.client(), COUNTERS, &rows).await?;
    anyhow::ensure!(pushed.is_taken(), "{pushed:?}");
    Ok(synced)
}

async fn a_page_ends_at_one(server: &TestServer) -> Outcome {
    let synced = with_rows(server).await?;
    let client = synced.client();
    // Each page goes on after the key at which the one before it ended.
    let mut checkpoint = Json::Null;
    for key in KEYS {
        let (documents, next) = pull(&client, COUNTERS, checkpoint, 1).await?;
        assert_eq!(documents, [counter(key, "before")]);
        checkpoint = next;
    }
    let (documents, _) = pull(&client, COUNTERS, checkpoint, 1).await?;
    assert!(documents.is_empty(), "{documents:?}");
    synced.finish().await
}

async fn an_entry_of_the_inbox_has_one(server: &TestServer) -> Outcome {
    let synced = with_rows(server).await?;
    let client = synced.client();
    let theirs = KEYS.map(|key| (counter(key, "before"), counter(key, "theirs")));
    assert!(push(&client, COUNTERS, &theirs).await?.is_taken());
    let mine = KEYS.map(|key| (counter(key, "before"), counter(key, "mine")));
    let pushed = push(&client, COUNTERS, &mine).await?;
    assert_eq!(pushed.documents, KEYS.map(|key| counter(key, "theirs")));
    assert_eq!(pushed.rejections.len(), KEYS.len(), "{pushed:?}");
    for key in KEYS {
        let filed = conflicts(&client).await?;
        let filed = filed
            .iter()
            .find(|filed| filed["key"] == json!({ "id": key.to_string() }));
        let filed = filed.ok_or_else(|| anyhow::anyhow!("nothing of {key}"))?;
        assert_eq!(filed["server"]["name"], "theirs", "{filed}");
        resolve(&client, &filed["id"], json!({ "use": "USE_CLIENT" })).await?;
        let now = stored(&client, COUNTERS, &key.to_string()).await?;
        assert_eq!(now, counter(key, "mine"));
    }
    assert_eq!(pull_all(&client, COUNTERS).await?.0.len(), KEYS.len());
    synced.finish().await
}
