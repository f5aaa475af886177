//! Three offline clients and writes at the server: at rest all have the same, and no edit is gone.
//!
//! CI runs a few seeds; `SEACHANGE_TEST_SYNCS=500` or `a..b` runs those.

use std::collections::{BTreeMap, BTreeSet};

use seachange_testkit::{Client, Database, Outcome, OwnDatabase, Random, TestServer};
use serde_json::{Value as Json, json};

use super::replica::{Replica, without_stamps};
use super::{conflicts, delete_task, pull_all, update_task};
use crate::graphql::given::{TASKS, project};

seachange_testkit::cases![clients_converge];

/// Seeds in CI.
const SEEDS: u64 = 6;
const CLIENTS: usize = 3;
/// Steps of one seed.
const STEPS: usize = 60;
/// Rounds after which clients that nobody disturbs must have come to rest.
const ROUNDS: usize = 20;

/// The seeds to play.
pub fn seeds() -> anyhow::Result<std::ops::Range<u64>> {
    let Ok(told) = std::env::var("SEACHANGE_TEST_SYNCS") else {
        return Ok(0..SEEDS);
    };
    Ok(match told.split_once("..") {
        Some((from, to)) => from.parse()?..to.parse()?,
        None => 0..told.parse()?,
    })
}

async fn clients_converge(server: &TestServer) -> Outcome {
    for seed in seeds()? {
        // In a box: the compiler gives up on futures nested as deep as this in a test's.
        let played: std::pin::Pin<Box<dyn Future<Output = Outcome>>> =
            Box::pin(on_its_own(&server.kind, seed));
        played
            .await
            .map_err(|error| error.context(format!("seed {seed}")))?;
    }
    Ok(())
}

/// A seed on a database of its own: what others left is nothing to it.
async fn on_its_own(kind: &Database, seed: u64) -> Outcome {
    let own = OwnDatabase::create(kind).await?;
    let server = TestServer::start(&own).await?;
    play(&server, seed).await?;
    server.finish().await?;
    own.drop().await
}

struct Play {
    random: Random,
    client: Client,
    project: Json,
    replicas: Vec<Replica>,
    /// Numbers that make each value written its own.
    count: usize,
}

async fn play(server: &TestServer, seed: u64) -> Outcome {
    let client = server.client();
    let project = json!(project(&client, "shared").await?);
    let replicas = (0..CLIENTS).map(|_| Replica::new(client.clone(), TASKS));
    let mut play = Play {
        random: Random::seeded(seed),
        replicas: replicas.collect(),
        client,
        project,
        count: 0,
    };
    for _ in 0..STEPS {
        play.step().await?;
    }
    play.come_to_rest().await?;
    play.check().await
}

impl Play {
    async fn step(&mut self) -> Outcome {
        let who = self.random.below(CLIENTS);
        match self.random.below(12) {
            0..=5 => self.edit(who),
            6 | 7 => {
                let limit = *self.random.pick(&[1, 2, 5, 100]);
                self.replicas[who].pull(limit).await?;
            }
            8..=10 => {
                let most = *self.random.pick(&[1, 3, 100]);
                let loses_answer = self.random.once_in(4);
                self.replicas[who].push(most, loses_answer).await?;
                if loses_answer && self.random.once_in(3) {
                    self.replicas[who].restart();
                }
            }
            _ => self.write_at_the_server().await?,
        }
        Ok(())
    }

    fn edit(&mut self, who: usize) {
        self.count += 1;
        let word = format!("c{who}-{}", self.count);
        let replica = &mut self.replicas[who];
        let living: Vec<Json> = replica.living().into_values().collect();
        if living.is_empty() || self.random.once_in(4) {
            replica.write(Replica::task(&self.project, &word));
            return;
        }
        let mut row = self.random.pick(&living).clone();
        match self.random.below(6) {
            0 => row["_deleted"] = json!(true),
            1 | 2 => row["title"] = json!(word),
            3 => row["body"] = json!(word),
            4 => row["owner"] = json!(word),
            _ => row["priority"] = json!(self.count),
        }
        replica.write(row);
    }

    async fn write_at_the_server(&mut self) -> Outcome {
        let (all, _) = pull_all(&self.client, TASKS).await?;
        if all.is_empty() {
            return Ok(());
        }
        self.count += 1;
        let id = self.random.pick(&all)["id"].clone();
        if self.random.once_in(5) {
            return delete_task(&self.client, &id).await;
        }
        let field = *self.random.pick(&["title", "body", "owner"]);
        let word = format!("server-{}", self.count);
        update_task(&self.client, &id, json!({ field: word })).await
    }

    async fn come_to_rest(&mut self) -> Outcome {
        come_to_rest(&mut self.replicas).await
    }

    async fn check(&self) -> Outcome {
        let (stored, _) = pull_all(&self.client, TASKS).await?;
        let id = |row: &Json| row["id"].as_str().unwrap_or_default().to_owned();
        let stored: BTreeMap<String, Json> =
            stored.into_iter().map(|row| (id(&row), row)).collect();
        let stored = without_stamps(stored);
        for (who, replica) in self.replicas.iter().enumerate() {
            let has = without_stamps(replica.living());
            assert_eq!(has, stored, "client {who}");
        }
        self.nothing_is_gone().await
    }

    /// Each value that the server took is in the log; each edit that it did not take is in the inbox.
    async fn nothing_is_gone(&self) -> Outcome {
        let mut written: BTreeSet<(Text, &str, Text)> = BTreeSet::new();
        let changes = all_changes(&self.client).await?;
        let columns = [
            ("title", "title"),
            ("body", "body"),
            ("owner", "owner"),
            ("priority", "priority"),
        ];
        for change in &changes {
            let key = change["key"]["id"].to_string();
            if change["operation"] == "DELETE" {
                written.insert((key.clone(), "_deleted", "true".to_owned()));
            }
            for (column, field) in columns {
                written.insert((key.clone(), field, change["after"][column].to_string()));
            }
        }
        let filed = conflicts(&self.client).await?;
        let filed: Vec<&Json> = filed.iter().map(|conflict| &conflict["client"]).collect();
        for replica in &self.replicas {
            for (assumed, sent) in &replica.acknowledged {
                let key = sent["id"].to_string();
                let is_written = |field: &'static str| {
                    written.contains(&(key.clone(), field, sent[field].to_string()))
                };
                if sent["_deleted"] == true {
                    let never_was = assumed.is_null();
                    anyhow::ensure!(never_was || is_written("_deleted"), "not deleted: {sent}");
                    continue;
                }
                for (_, field) in columns {
                    let is_edit = assumed[field] != sent[field];
                    anyhow::ensure!(!is_edit || is_written(field), "{field} is gone: {sent}");
                }
            }
            for sent in &replica.told {
                anyhow::ensure!(filed.contains(&sent), "not in the inbox: {sent}");
            }
        }
        Ok(())
    }
}

/// Has clients that nobody disturbs push and pull until all have the same.
pub async fn come_to_rest(replicas: &mut [Replica]) -> Outcome {
    for _ in 0..ROUNDS {
        for replica in &mut *replicas {
            replica.push(100, false).await?;
            replica.pull(100).await?;
        }
        let all = replicas.iter();
        let all = all.map(|replica| without_stamps(replica.living()));
        let all: BTreeSet<String> = all.map(|rows| format!("{rows:?}")).collect();
        if all.len() == 1 && replicas.iter().all(Replica::is_at_rest) {
            return Ok(());
        }
    }
    let told: Vec<String> = replicas.iter().map(Replica::unsettled).collect();
    anyhow::bail!("the clients do not come to rest: {told:#?}")
}

type Text = String;

/// All changes of tasks.
async fn all_changes(client: &Client) -> anyhow::Result<Vec<Json>> {
    let query = "query($after: String) { changes(entities: [\"task\"], first: 1000, after: $after) { \
                 nodes { operation key after } endCursor hasNextPage } }";
    let (mut all, mut after) = (Vec::new(), Json::Null);
    loop {
        let data = client.data(query, json!({ "after": after })).await?;
        let page = &data["changes"];
        all.extend(page["nodes"].as_array().cloned().unwrap_or_default());
        if page["hasNextPage"] != true {
            return Ok(all);
        }
        after = page["endCursor"].clone();
    }
}
