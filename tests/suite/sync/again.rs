//! Offline clients that say the same again and again: boxes ticked and unticked, words changed and changed
//! back, unique names that change hands; one of them never pulls between. No edit is dropped in silence.
//!
//! CI runs a few seeds; `SEACHANGE_TEST_SYNCS=500` or `a..b` runs those.

use seachange_testkit::{Client, Database, Outcome, OwnDatabase, Random, TestServer};
use serde_json::{Value as Json, json};

use super::converge::{come_to_rest, seeds};
use super::replica::{Dealt, Replica, STAMPS};
use super::{conflicts, pull_all, update_task};
use crate::graphql::given::{LABELS, Names, TASKS, project};

seachange_testkit::cases![clients_that_repeat_themselves_converge];

const CLIENTS: usize = 3;
/// Steps of one seed.
const STEPS: usize = 80;
/// The client that pulls at the beginning and at the end.
const NEVER_PULLS: usize = 0;
/// Names of labels: one more than there are labels.
const WORDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const LABEL_IDS: [&str; 5] = ["1", "2", "3", "4", "5"];

async fn clients_that_repeat_themselves_converge(server: &TestServer) -> Outcome {
    for seed in seeds()? {
        // In a box: the compiler gives up on futures nested as deep as this in a test's.
        let played: std::pin::Pin<Box<dyn Future<Output = Outcome>>> =
            Box::pin(alone(&server.kind, seed));
        played
            .await
            .map_err(|error| error.context(format!("seed {seed}")))?;
    }
    Ok(())
}

/// A seed on a database of its own: what others left is nothing to it.
async fn alone(kind: &Database, seed: u64) -> Outcome {
    let own = OwnDatabase::create(kind).await?;
    let server = TestServer::start(&own).await?;
    play(&server.client(), seed).await?;
    server.finish().await?;
    own.drop().await
}

struct Play {
    random: Random,
    client: Client,
    labels: Vec<Replica>,
    tasks: Vec<Replica>,
}

async fn play(client: &Client, seed: u64) -> Outcome {
    let replicas = |names: Names| -> Vec<Replica> {
        let replicas = (0..CLIENTS).map(|_| Replica::new(client.clone(), names));
        replicas.collect()
    };
    let mut play = Play {
        random: Random::seeded(seed),
        labels: replicas(LABELS),
        tasks: replicas(TASKS),
        client: client.clone(),
    };
    let project = json!(project(client, "shared").await?);
    for title in ["a", "b", "c"] {
        play.tasks[0].write(Replica::task(&project, title));
    }
    play.tasks[0].push(100, false).await?;
    for replica in play.tasks.iter_mut().chain(&mut play.labels) {
        replica.pull(100).await?;
    }
    for _ in 0..STEPS {
        play.step().await?;
    }
    come_to_rest(&mut play.tasks).await?;
    come_to_rest(&mut play.labels).await
}

impl Play {
    async fn step(&mut self) -> Outcome {
        let who = self.random.below(CLIENTS);
        let is_label = self.random.once_in(2);
        let limit = *self.random.pick(&[1, 3, 100]);
        match self.random.below(12) {
            0..=5 if is_label => self.edit_label(who),
            0..=5 => self.edit_task(who),
            6 | 7 if who == NEVER_PULLS => {}
            6 | 7 if is_label => self.labels[who].pull(limit).await?,
            6 | 7 => self.tasks[who].pull(limit).await?,
            8..=10 => self.push(who, is_label, limit).await?,
            _ if is_label => {
                // Perhaps the name is taken.
                let from = json!({ "name": { "eq": self.random.pick(&WORDS) } });
                let to = json!({ "name": self.random.pick(&WORDS) });
                let change = json!({ "filter": from, "data": to });
                self.client.send(&LABELS.update(), change).await?;
            }
            _ => {
                let (all, _) = pull_all(&self.client, TASKS).await?;
                let id = self.random.pick(&all)["id"].clone();
                let status = *self.random.pick(&["todo", "done"]);
                update_task(&self.client, &id, json!({ "status": status })).await?;
            }
        }
        Ok(())
    }

    fn edit_task(&mut self, who: usize) {
        let living: Vec<Json> = self.tasks[who].living().into_values().collect();
        if living.is_empty() {
            return;
        }
        let mut row = self.random.pick(&living).clone();
        match self.random.below(3) {
            0 => row["status"] = json!(self.random.pick(&["todo", "done"])),
            1 => row["owner"] = json!(self.random.pick(&[None, Some("ann")])),
            _ => row["title"] = json!(self.random.pick(&["a", "b"])),
        }
        self.tasks[who].write(row);
    }

    /// Names stay unique among what this client has.
    fn edit_label(&mut self, who: usize) {
        let living = self.labels[who].living();
        let is_free = |word: &&str| living.values().all(|row| row["name"] != **word);
        let free: Vec<&str> = WORDS.into_iter().filter(is_free).collect();
        let id = *self.random.pick(&LABEL_IDS);
        let named = |id: &str, name: &Json| json!({ "id": id, "name": name, "_deleted": false });
        let fresh = json!(self.random.pick(&free));
        let replica = &mut self.labels[who];
        let Some(row) = living.get(id) else {
            return replica.write(named(id, &fresh));
        };
        let other = *self.random.pick(&LABEL_IDS);
        match (self.random.below(4), living.get(other)) {
            (0, _) => {
                let mut gone = row.clone();
                gone["_deleted"] = json!(true);
                replica.write(gone);
            }
            (1 | 2, Some(other_row)) if other != id => {
                replica.write(named(id, &other_row["name"]));
                replica.write(named(other, &row["name"]));
            }
            _ => replica.write(named(id, &fresh)),
        }
    }

    async fn push(&mut self, who: usize, is_label: bool, most: usize) -> Outcome {
        let loses_answer = self.random.once_in(3);
        let (names, replica) = match is_label {
            true => (LABELS, &mut self.labels[who]),
            false => (TASKS, &mut self.tasks[who]),
        };
        let dealt = replica.push(most, loses_answer).await?;
        if loses_answer && self.random.once_in(3) {
            replica.restart();
        }
        let (stored, _) = pull_all(&self.client, names).await?;
        let filed = conflicts(&self.client).await?;
        for one in &dealt {
            let is_filed = filed.iter().any(|filed| filed["client"] == one.sent);
            let here = stored.iter().find(|row| row["id"] == one.sent["id"]);
            is_kept(one, here, is_filed)
                .map_err(|fault| anyhow::anyhow!("{fault}: {one:#?}, stored {here:?}"))?;
        }
        Ok(())
    }
}

/// Whether what became of an edit is what its client was answered.
fn is_kept(one: &Dealt, stored: Option<&Json>, is_filed: bool) -> Result<(), &'static str> {
    let is_gone = |row: Option<&Json>| row.is_none_or(|row| row["_deleted"] == true);
    let fields = one.sent.as_object().into_iter().flatten();
    let mut fields = fields.filter(|(field, _)| !STAMPS.contains(&&***field));
    match (&one.back, one.is_told) {
        (_, true) if is_filed => Ok(()),
        (_, true) => Err("refused, and not in the inbox"),
        (None, false) if one.sent["_deleted"] == true => match is_gone(stored) {
            true => Ok(()),
            false => Err("taken, and not deleted"),
        },
        (None, false) => {
            let stored = stored.ok_or("taken, and not there")?;
            match fields.all(|(field, value)| stored[field] == *value) {
                true => Ok(()),
                false => Err("taken, and not stored"),
            }
        }
        (Some(_), false) if is_filed => Ok(()),
        (Some(back), false) => {
            let mut edited = fields.filter(|(field, value)| one.assumed[*field] != **value);
            match edited.all(|(field, value)| back[field] == *value) {
                true => Ok(()),
                false => Err("neither stored nor in the inbox"),
            }
        }
    }
}
