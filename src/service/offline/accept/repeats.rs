//! What the log knows of edits that were pushed before; `sync::repeat` judges by it.

use std::collections::HashMap;

use sea_orm::DbErr;
use seachange_changelog::internal::image::text_of;
use seachange_changelog::internal::reader::{RowName, known_mutations, since_mutation};
use seachange_changelog::log::Model;
use seachange_changelog::{Image, TrackedTransaction};
use serde_json::Value as Json;

use super::PushBatch;
use crate::service::hash::is_hash;
use crate::service::offline::pushed::Pushed;
use crate::service::offline::server_row::ServerRow;
use crate::service::offline::synced::Synced;
use crate::sync::{Edit, Later, Repeat, State, repeat};

/// How many changes of a row are searched for the edit that said the same.
const NEWEST: u64 = 100;

/// What changed rows after edits that said the same as those of a batch.
#[derive(Clone, Default)]
pub(super) struct Repeats {
    /// By the hash of the edit; `None` if the earlier edit lies further back than the search goes.
    since: HashMap<String, Option<Vec<Later>>>,
    /// The states that this batch has given to rows so far, by key.
    here: HashMap<String, Vec<Later>>,
}

impl Repeats {
    /// Reads the log. The rows must be locked.
    pub(super) async fn read(
        batch: &PushBatch<'_>,
        tx: &TrackedTransaction,
    ) -> Result<Self, DbErr> {
        let readable = || batch.rows.iter().filter(|pushed| pushed.edit.is_ok());
        let keys: Vec<Image> = readable().map(|pushed| pushed.key.clone()).collect();
        let ids: Vec<String> = readable()
            .map(|pushed| pushed.mutation_id.clone())
            .collect();
        let table = batch.synced.info().table;
        let known = known_mutations(tx, table, &keys, &ids).await?;
        let mut repeats = Self::default();
        for pushed in readable().filter(|pushed| known.contains(&pushed.mutation_id)) {
            let row = RowName {
                entity: table.to_owned(),
                key: pushed.key.clone(),
            };
            let since = since_mutation(tx, &row, &pushed.mutation_id, NEWEST)
                .await?
                .map(|since| {
                    let later = since.into_iter().map(|change| state_left_by(batch, change));
                    later.collect()
                });
            repeats.since.insert(pushed.mutation_id.clone(), since);
        }
        Ok(repeats)
    }

    /// Notes that the row was written in this batch.
    pub(super) fn written(&mut self, key: String, state: State) {
        let is_by_same = true;
        let later = Later { state, is_by_same };
        self.here.entry(key).or_default().push(later);
    }

    /// How the edit relates to an earlier one that said the same.
    pub(super) fn of(
        &self,
        synced: &Synced,
        pushed: &Pushed,
        edit: &Edit,
        known: Option<&ServerRow>,
    ) -> Repeat {
        let Some(since) = self.since.get(&pushed.mutation_id) else {
            return Repeat::No;
        };
        let moment = Moment::of(synced, pushed, known);
        if moment == Moment::Stored {
            return Repeat::No;
        }
        let names_moment = moment == Moment::Past;
        let here = self.here.get(&text_of(&pushed.key));
        match since {
            Some(since) => {
                let since: Vec<Later> = since
                    .iter()
                    .chain(here.into_iter().flatten())
                    .cloned()
                    .collect();
                repeat(edit, &since, names_moment)
            }
            None => Repeat::Unclear {
                is_taken_back: names_moment || edit.assumed.is_none(),
            },
        }
    }

    /// Whether the log has each of these edits, and nothing after the last of them.
    pub(super) fn have_all(&self, of_row: &[&Pushed]) -> bool {
        let since = |pushed: &&Pushed| self.since.get(&pushed.mutation_id);
        let last = of_row.last().and_then(since);
        of_row.iter().all(|pushed| since(pushed).is_some())
            && last.is_some_and(|since| since.as_ref().is_some_and(Vec::is_empty))
    }
}

/// The time of the state that an edit was made from.
#[derive(PartialEq)]
enum Moment {
    /// It has the stamp of the stored row.
    Stored,
    /// It has another stamp.
    Past,
    /// It has no stamp.
    Unknown,
}

impl Moment {
    fn of(synced: &Synced, pushed: &Pushed, known: Option<&ServerRow>) -> Self {
        let info = synced.info();
        let stamped = info.stamped.and_then(|name| info.by_name(name));
        let (Some(assumed), Some(column)) = (&pushed.assumed, stamped) else {
            return Self::Unknown;
        };
        let stored = known.and_then(|known| known.document.row.get(column.name));
        match &assumed[&column.field] {
            named @ Json::String(_) if Some(named) == stored => Self::Stored,
            Json::String(_) => Self::Past,
            _ => Self::Unknown,
        }
    }
}

/// The state that a change left.
fn state_left_by(batch: &PushBatch<'_>, change: Model) -> Later {
    // A mutation's id is a hash if it was pushed.
    let is_push = change.mutation_id.as_deref().is_some_and(is_hash);
    let is_by_same = is_push && change.actor == batch.context.actor;
    let state = match (change.after, change.before) {
        (Some(Json::Object(row)), _) => State::present(batch.synced.edited(&row)),
        (_, Some(Json::Object(row))) => State::deleted(batch.synced.edited(&row)),
        _ => State::deleted(Image::new()),
    };
    Later { state, is_by_same }
}
