//! What has to be written to undo some changes, and which later changes must not exist. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::str::FromStr;

use seachange_changelog::internal::{image, is_redacted};
use seachange_changelog::log::Model;
use seachange_changelog::{Image, Operation, Source};
use serde_json::Value as Json;

use crate::feed::{Cursor, RowName};
use crate::service::entity::ColumnInfo;
use crate::service::error::{Fact, ServiceError};
use crate::service::registered::{ByTable, Registered};

/// The name in a revert's metadata of the cursor of the change that it undoes.
pub(super) const REVERTS: &str = "reverts";
/// The name in a revert's metadata of the id of the transaction that it undoes.
pub(super) const REVERTS_TRANSACTION: &str = "revertsTransaction";

pub(super) struct RevertPlan {
    /// The rows, each once, in the order in which they are locked.
    pub(super) rows: Vec<RowPlan>,
    /// The writes, in this order.
    pub(super) steps: Vec<Step>,
}

/// One row of a plan.
pub(super) struct RowPlan {
    pub(super) name: RowName,
    /// The id of the last change to be undone.
    pub(super) last: i64,
    /// The transaction of the changes to be undone.
    transaction_id: String,
    touched: Touched,
}

/// What is to be undone in a row.
enum Touched {
    /// These columns.
    Columns(BTreeSet<String>),
    /// Its existence or absence.
    Row,
}

/// One write.
pub(super) struct Step {
    pub(super) name: RowName,
    pub(super) write: RevertWrite,
    /// What it writes stands for a moment only: it stood for a moment only when it was undone.
    pub(super) is_interim: bool,
    /// What the write must find: these columns with these values, or no row.
    finds: Option<Image>,
}

/// What a write does.
pub(super) enum RevertWrite {
    /// Removes the row.
    Delete,
    /// Puts a row there.
    Insert(Image),
    /// Sets these columns.
    Update(Image),
}

/// Consecutive changes of one row: the first has the state before, the last the state after.
struct Run<'a> {
    first: &'a Model,
    last: &'a Model,
    /// What was there before stood for a moment only.
    from_interim: bool,
}

impl RevertPlan {
    /// Plans to undo these changes of one transaction, which are in order.
    ///
    /// They are undone in reverse order, so that every intermediate state has existed before, and foreign keys
    /// hold. Consecutive changes of one row are undone at once, so that no intermediate value is written, which
    /// another row may have taken since.
    pub(super) fn of(changes: &[Model], targets: &ByTable) -> Result<Self, ServiceError> {
        let mut runs: Vec<Run<'_>> = Vec::new();
        let mut newest: HashMap<(&str, String), &Model> = HashMap::new();
        for change in changes {
            let place = (&*change.entity, change.row_key.to_string());
            let before = newest.insert(place, change);
            match runs.last_mut() {
                Some(run) if is_same_row(run.last, change) => run.last = change,
                _ => runs.push(Run {
                    first: change,
                    last: change,
                    from_interim: before.is_some_and(Model::is_interim),
                }),
            }
        }
        let mut rows: BTreeMap<(String, String), RowPlan> = BTreeMap::new();
        let mut steps = Vec::new();
        for run in runs.iter().rev() {
            let table = &run.last.entity;
            let target = targets.get(table.as_str()).ok_or_else(|| {
                ServiceError::bad_input(format!("`{table}` is not an entity of this server"))
            })?;
            let Some(step) = run.step(target)? else {
                continue;
            };
            let place = (table.clone(), run.last.row_key.to_string());
            let row = rows.entry(place).or_insert_with(|| RowPlan {
                name: step.name.clone(),
                last: run.last.id,
                transaction_id: run.last.transaction_id.clone(),
                touched: Touched::Columns(BTreeSet::new()),
            });
            row.touched.add(&step.write);
            steps.push(step);
        }
        Ok(Self {
            rows: rows.into_values().collect(),
            steps,
        })
    }
}

fn is_same_row(one: &Model, other: &Model) -> bool {
    one.entity == other.entity && one.row_key == other.row_key
}

fn image_of(json: Option<&Json>) -> Option<&Image> {
    json.and_then(Json::as_object)
}

impl Touched {
    fn add(&mut self, write: &RevertWrite) {
        match (&mut *self, write) {
            (Self::Columns(columns), RevertWrite::Update(set)) => {
                columns.extend(set.keys().cloned())
            }
            _ => *self = Self::Row,
        }
    }
}

impl Run<'_> {
    /// The step that undoes the run; `None` if the run changed nothing.
    fn step(&self, target: &Registered) -> Result<Option<Step>, ServiceError> {
        if self.first.source == Source::Baseline {
            return Err(ServiceError::bad_input(
                "a baseline records a row that existed before tracking: it cannot be undone",
            ));
        }
        let before = image_of(self.first.before.as_ref());
        let after = image_of(self.last.after.as_ref());
        let (write, finds) = match (before, after) {
            (None, None) => return Ok(None),
            (None, Some(after)) => (RevertWrite::Delete, Some(todays(after, target))),
            (Some(before), None) => (RevertWrite::Insert(row_to_insert(before, target)?), None),
            (Some(before), Some(after)) => {
                let mut columns = image::differing(before, after);
                columns.retain(|name| is_ours(name, target));
                if columns.is_empty() {
                    return self.came_to_nothing(before);
                }
                let set = values_of(before, &columns)?;
                let finds = todays(&values_of(after, &columns)?, target);
                (RevertWrite::Update(todays(&set, target)), Some(finds))
            }
        };
        let key = image_of(Some(&self.last.row_key)).cloned();
        Ok(Some(Step {
            name: RowName {
                entity: self.last.entity.clone(),
                key: key.map_or_else(Image::new, |key| target.info.restated(&key).unwrap_or(key)),
            },
            write,
            is_interim: self.from_interim,
            finds,
        }))
    }

    /// Nothing differs. In a single change this means that its values were not kept.
    fn came_to_nothing(&self, before: &Image) -> Result<Option<Step>, ServiceError> {
        match before.iter().find(|(_, value)| is_redacted(value)) {
            Some((name, _)) => Err(not_kept(name)),
            None => Ok(None),
        }
    }
}

fn not_kept(column: &str) -> ServiceError {
    let message = format!("the log does not hold the value of `{column}`");
    ServiceError::conflict(message).with_fact(Fact::Later(Vec::new()))
}

/// Whether a revert writes the column: the table still has it, and neither server nor database fill it.
fn is_ours(column: &str, target: &Registered) -> bool {
    let info = target.info.stored(column);
    target.table.columns().contains(&column) && !info.is_some_and(ColumnInfo::is_filled)
}

/// The columns of an image that a revert writes, in today's form.
fn todays(image: &Image, target: &Registered) -> Image {
    let restated = target.info.restated(image);
    let image = restated.as_ref().unwrap_or(image);
    let kept = image.iter().filter(|(name, _)| is_ours(name, target));
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A row to be inserted again: every column that is not filled otherwise. A column that was added later gets
/// the table's default, as rows that existed then did.
fn row_to_insert(image: &Image, target: &Registered) -> Result<Image, ServiceError> {
    let came_later = |column: &&ColumnInfo| !column.is_hidden && !image.contains_key(column.name);
    let columns = target.info.all_columns();
    let columns = columns.filter(|column| !column.is_filled() && !came_later(column));
    let columns: Vec<String> = columns.map(|column| column.name.to_owned()).collect();
    Ok(todays(&values_of(image, &columns)?, target))
}

/// These columns of an image, if it has their values.
fn values_of(image: &Image, columns: &[String]) -> Result<Image, ServiceError> {
    let value = |name: &String| match image.get(name) {
        Some(value) if !is_redacted(value) => Ok((name.clone(), value.clone())),
        _ => Err(not_kept(name)),
    };
    columns.iter().map(value).collect()
}

impl Step {
    /// Checks that the row is as the undone changes left it.
    pub(super) fn check(&self, now: Option<&Image>) -> Result<(), ServiceError> {
        match (&self.finds, now) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(ServiceError::conflict("the row exists again")),
            (Some(_), None) => Err(ServiceError::conflict("the row is gone")),
            (Some(finds), Some(now)) => {
                let is_there = |(name, value): (&String, &Json)| {
                    now.get(name).is_some_and(|now| image::same(now, value))
                };
                if finds.iter().all(is_there) {
                    return Ok(());
                }
                Err(ServiceError::conflict(
                    "the row is no longer as the change left it",
                ))
            }
        }
    }
}

impl RowPlan {
    /// The later changes of the row that prevent the revert, in order: they touched the same columns, and no
    /// revert has undone them since.
    pub(super) fn standing<'a>(&self, later: &'a [Model]) -> impl Iterator<Item = &'a Model> {
        let mut undone: HashSet<RevertTarget> = HashSet::new();
        let mut standing = Vec::new();
        // The change after the one that is looked at, if it is undone.
        let mut undone_next: Option<&Model> = None;
        for change in later.iter().rev() {
            let id = RevertTarget::Change(change.id);
            let transaction = RevertTarget::Transaction(change.transaction_id.clone());
            let goes_with_next = change.is_interim()
                && undone_next.is_some_and(|next| next.transaction_id == change.transaction_id);
            if change.id != 0 && undone.contains(&id)
                || undone.contains(&transaction)
                || goes_with_next
            {
                undone_next = Some(change);
                continue;
            }
            undone_next = None;
            match RevertTarget::by(change).filter(|reverted| self.is_among(reverted, later)) {
                Some(reverted) => {
                    undone.insert(reverted);
                }
                None if self.touches(change) => standing.push(change),
                None => {}
            }
        }
        standing.into_iter().rev()
    }

    /// Whether everything that was reverted is later than what is to be undone.
    fn is_among(&self, reverted: &RevertTarget, later: &[Model]) -> bool {
        match reverted {
            RevertTarget::Change(id) => later.iter().any(|change| change.id == *id),
            RevertTarget::Transaction(id) => {
                *id != self.transaction_id
                    && later.iter().any(|change| change.transaction_id == *id)
            }
        }
    }

    fn touches(&self, change: &Model) -> bool {
        let Touched::Columns(columns) = &self.touched else {
            return true;
        };
        if change.operation != Operation::Update {
            return true;
        }
        match (
            image_of(change.before.as_ref()),
            image_of(change.after.as_ref()),
        ) {
            (Some(before), Some(after)) => image::differing(before, after)
                .iter()
                .any(|name| columns.contains(name)),
            _ => true,
        }
    }
}

/// What a change says that it reverts.
#[derive(PartialEq, Eq, Hash)]
enum RevertTarget {
    /// The change with this id.
    Change(i64),
    /// The changes of this transaction.
    Transaction(String),
}

impl RevertTarget {
    fn by(change: &Model) -> Option<Self> {
        let metadata = image_of(change.metadata.as_ref())?;
        let text = |name: &str| metadata.get(name).and_then(Json::as_str);
        if let Some(cursor) = text(REVERTS) {
            // Ids remain valid in other epochs and batches.
            return Some(Self::Change(
                Cursor::from_str(cursor).ok()?.position.parts()[2],
            ));
        }
        text(REVERTS_TRANSACTION).map(|id| Self::Transaction(id.to_owned()))
    }
}
