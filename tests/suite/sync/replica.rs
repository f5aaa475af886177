//! An offline client as RxDB's replication is one: what it has, what it takes for the server's state,
//! and how far it has come.

use std::collections::{BTreeMap, BTreeSet};

use seachange_testkit::Client;
use serde_json::{Value as Json, json};

use super::{Pushed, pull, push, push_query, variables};
use crate::graphql::given::Names;

/// What a client was answered to an edit.
#[derive(Debug)]
pub struct Dealt {
    pub assumed: Json,
    pub sent: Json,
    /// The row, if it came back.
    pub back: Option<Json>,
    /// Whether a rejection said so.
    pub is_told: bool,
}

/// What the server stamps. It comes by the pull alone; where a client pulled a row whose edit was answered
/// for only later, it has the stamps of before until the row changes again.
pub const STAMPS: [&str; 2] = ["createdAt", "updatedAt"];

/// Rows as all must have them at rest: without stamps.
pub fn without_stamps(mut rows: BTreeMap<String, Json>) -> BTreeMap<String, Json> {
    for row in rows.values_mut().filter_map(Json::as_object_mut) {
        row.retain(|field, _| !STAMPS.contains(&field.as_str()));
    }
    rows
}

/// Rows of one entity on one client.
pub struct Replica {
    client: Client,
    names: Names,
    /// As the person at it sees them, deleted ones included.
    pub documents: BTreeMap<String, Json>,
    /// As the server had them when it last told.
    masters: BTreeMap<String, Json>,
    checkpoint: Json,
    /// Edits that the server has answered for: whole rows, of which it took all.
    pub acknowledged: Vec<(Json, Json)>,
    /// Edits of which the server said that it did not take them as they were.
    pub told: Vec<Json>,
    /// Rows that were sent and whose answer was lost: they are sent again before anything else.
    unanswered: Vec<(Json, Json)>,
    /// Rows that were edited here when a pull had them: the answer to the edit must bring what it brought.
    skipped: BTreeSet<String>,
}

impl Replica {
    pub fn new(client: Client, names: Names) -> Self {
        Self {
            client,
            names,
            documents: BTreeMap::new(),
            masters: BTreeMap::new(),
            checkpoint: Json::Null,
            acknowledged: Vec::new(),
            told: Vec::new(),
            unanswered: Vec::new(),
            skipped: BTreeSet::new(),
        }
    }

    /// Those that are not deleted.
    pub fn living(&self) -> BTreeMap<String, Json> {
        let living = self
            .documents
            .iter()
            .filter(|(_, row)| row["_deleted"] != true);
        living.map(|(id, row)| (id.clone(), row.clone())).collect()
    }

    /// Writes a row here, whether or not there is a server. An edit back to what the server last told is
    /// left out if a pull has passed the row by meanwhile: RxDB never sends it and never asks again. A person
    /// needs luck to do this, between a pull and the push that follows it.
    pub fn write(&mut self, row: Json) {
        let id = row["id"].as_str().unwrap_or_default().to_owned();
        if !(self.skipped.contains(&id) && self.masters.get(&id) == Some(&row)) {
            self.documents.insert(id, row);
        }
    }

    /// The client's program ends and is started again: what it has not heard the answer to, it does not
    /// remember to have sent.
    pub fn restart(&mut self) {
        for (_, sent) in std::mem::take(&mut self.unanswered) {
            let id = sent["id"].as_str().unwrap_or_default().to_owned();
            // See `write`.
            if self.skipped.contains(&id) && self.masters.get(&id) == self.documents.get(&id) {
                self.documents.insert(id, sent);
            }
        }
    }

    fn pending(&self) -> Vec<String> {
        let changed = |(id, row): &(&String, &Json)| self.masters.get(*id) != Some(row);
        let pending = self.documents.iter().filter(changed);
        pending.map(|(id, _)| id.clone()).collect()
    }

    pub fn is_at_rest(&self) -> bool {
        self.pending().is_empty() && self.unanswered.is_empty()
    }

    /// The edits that are still to be sent, or all rows if there are none.
    pub fn unsettled(&self) -> String {
        let pending = self.pending();
        let of = |id: &String| format!("{} over {:?}", self.documents[id], self.masters.get(id));
        match pending.is_empty() {
            true => format!("{:?}", self.living()),
            false => pending.iter().map(of).collect::<Vec<_>>().join("\n"),
        }
    }

    /// Takes what the server has; what is edited here is left to the push.
    pub async fn pull(&mut self, limit: usize) -> anyhow::Result<()> {
        loop {
            let checkpoint = self.checkpoint.clone();
            let (documents, next) = pull(&self.client, self.names, checkpoint, limit).await?;
            let is_last = documents.len() < limit;
            for row in documents {
                let id = row["id"].as_str().unwrap_or_default().to_owned();
                if self.documents.get(&id) == self.masters.get(&id) {
                    self.documents.insert(id.clone(), row.clone());
                    self.masters.insert(id, row);
                } else {
                    self.skipped.insert(id);
                }
            }
            self.checkpoint = next;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Sends up to `most` edits. With `loses_answer` the server does its work, and the client never
    /// hears of it.
    pub async fn push(&mut self, most: usize, loses_answer: bool) -> anyhow::Result<Vec<Dealt>> {
        if self.checkpoint.is_null() {
            // As RxDB: what it pushes, another may delete before it has ever pulled, and then nothing
            // tells it so.
            self.pull(100).await?;
        }
        let mut rows = std::mem::take(&mut self.unanswered);
        if rows.is_empty() {
            let ids: Vec<String> = self.pending().into_iter().take(most).collect();
            let edit = |id: &String| {
                let assumed = self.masters.get(id).cloned().unwrap_or_default();
                (assumed, self.documents[id].clone())
            };
            rows = ids.iter().map(edit).collect();
        }
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        if loses_answer {
            self.client
                .send(&push_query(self.names), variables(&rows))
                .await?;
            self.unanswered = rows;
            return Ok(Vec::new());
        }
        let answer = push(&self.client, self.names, &rows).await?;
        Ok(self.answered(rows, answer))
    }

    /// The server's row wins where it comes back: RxDB's default.
    fn answered(&mut self, rows: Vec<(Json, Json)>, answer: Pushed) -> Vec<Dealt> {
        let mut dealt = Vec::with_capacity(rows.len());
        let back: BTreeMap<&str, &Json> = answer
            .documents
            .iter()
            .filter_map(|row| Some((row["id"].as_str()?, row)))
            .collect();
        let told: BTreeSet<&str> = answer
            .rejections
            .iter()
            .filter_map(|told| told["key"]["id"].as_str())
            .collect();
        for (assumed, sent) in rows {
            let id = sent["id"].as_str().unwrap_or_default().to_owned();
            self.skipped.remove(&id);
            match back.get(id.as_str()) {
                Some(row) => {
                    self.documents.insert(id.clone(), (*row).clone());
                    self.masters.insert(id.clone(), (*row).clone());
                }
                None => {
                    self.masters.insert(id.clone(), sent.clone());
                }
            }
            let is_told = told.contains(id.as_str());
            dealt.push(Dealt {
                assumed: assumed.clone(),
                sent: sent.clone(),
                back: back.get(id.as_str()).map(|row| (*row).clone()),
                is_told,
            });
            if is_told {
                self.told.push(sent);
            } else {
                self.acknowledged.push((assumed, sent));
            }
        }
        dealt
    }

    /// A new row of this client.
    pub fn task(project: &Json, title: &str) -> Json {
        json!({
            "id": uuid::Uuid::now_v7().to_string(), "projectId": project, "title": title,
            "body": null, "status": "todo", "priority": 0, "estimate": null, "dueOn": null,
            "details": null, "owner": null, "createdAt": null, "updatedAt": null, "_deleted": false,
        })
    }
}
