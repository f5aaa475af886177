//! Inserting new rows and updating existing ones.
//!
//! OnExisting rows are locked first. Missing ones are inserted by a statement that does nothing, or fails,
//! where another transaction was faster; then those rows are locked and updated. So no row is written before
//! its image is known, whatever other transactions write.

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IdenStatic, Iterable, QueryFilter,
    SqlErr, StatementBuilder, Value,
};

use super::custom_hooks::after_save;
use super::insert::{
    insert_statement, prepare_inserts, record_inserted, runs_of_same_columns, with_given_keys,
};
use super::locked_rows::{
    CHUNK, among, answered, as_stored, has_returning, lock, returning_all, values_in,
};
use super::row_order::{row_values_text, values_text};
use super::{BulkEntity, Written, table, update};
use crate::capture::row::canonicalise;
use crate::database;
use crate::error::{BulkRefusal, CaptureError, Retry};
use crate::log::Operation;
use crate::row_lock::RowLock;
use crate::rows::{self, Row, Stored};
use crate::tracked::TrackedTransaction;
use crate::tracked::rows_statement::{Answer, RowsStatement};

/// The number of attempts to insert a chunk on MariaDB, where a row of another transaction fails the
/// statement. Each failure shows at least one more row to update; if these attempts do not suffice, others
/// insert as fast as the rows are looked up.
const TRIES: usize = 5;

/// What an upsert does.
pub(super) struct Plan<'u, E: BulkEntity> {
    /// The columns by which it finds rows.
    pub(super) unique: &'u [E::Column],
    /// What becomes of a row that exists.
    pub(super) existing: OnExisting<E>,
}

/// What becomes of a row that exists.
pub(super) enum OnExisting<E: BulkEntity> {
    /// It gets every value that the model sets.
    Updated,
    /// It gets the model's values in these columns.
    UpdatedIn(Vec<E::Column>),
    /// It stays as it is.
    Kept,
}

/// A model whose row has not been written yet.
struct Wanted<A> {
    /// The model's place in the call.
    place: usize,
    /// Its values in the unique columns, as text and as values to search for.
    name: String,
    values: Vec<Value>,
    model: A,
}

/// Inserts or updates, and returns one outcome for each model, in the same order.
pub(super) async fn rows<E: BulkEntity>(
    tx: &TrackedTransaction,
    given: Vec<E::ActiveModel>,
    plan: &Plan<'_, E>,
) -> Result<Vec<Written<Stored<E::Model>>>, DbErr> {
    let mut written: Vec<Option<Written<Stored<E::Model>>>> = given.iter().map(|_| None).collect();
    for round in rounds::<E>(tx, given, plan.unique)? {
        let mut round = round.into_iter();
        loop {
            let chunk: Vec<_> = round.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                break;
            }
            for (place, row) in upsert::<E>(tx, chunk, plan).await? {
                written[place] = Some(row);
            }
        }
    }
    let all: Option<Vec<_>> = written.into_iter().collect();
    all.ok_or_else(|| raced::<E>().into())
}

fn raced<E: BulkEntity>() -> Retry {
    Retry::Raced {
        table: table::<E>().to_owned(),
    }
}

/// The models in rounds, such that no round has two for the same row. Each round is sorted by the unique
/// columns, so that concurrent calls lock in the same order.
fn rounds<E: BulkEntity>(
    tx: &TrackedTransaction,
    given: Vec<E::ActiveModel>,
    unique: &[E::Column],
) -> Result<Vec<Vec<Wanted<E::ActiveModel>>>, DbErr> {
    let mut rounds: Vec<Vec<Wanted<E::ActiveModel>>> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (place, mut model) in given.into_iter().enumerate() {
        canonicalise(&mut model, tx.get_database_backend())?;
        let (name, values) = find_by::<E>(&model, unique)?;
        let round = seen.entry(name.clone()).or_default();
        if rounds.len() == *round {
            rounds.push(Vec::new());
        }
        rounds[*round].push(Wanted {
            place,
            name,
            values,
            model,
        });
        *round += 1;
    }
    for round in &mut rounds {
        round.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(rounds)
}

/// The values by which the model's row is found.
fn find_by<E: BulkEntity>(
    model: &E::ActiveModel,
    unique: &[E::Column],
) -> Result<(String, Vec<Value>), CaptureError> {
    let missing = |column: &E::Column| {
        CaptureError::from(BulkRefusal::NoConflictValue {
            table: table::<E>().to_owned(),
            column: column.as_str().to_owned(),
        })
    };
    let Some(first) = unique.first() else {
        let table = table::<E>().to_owned();
        return Err(BulkRefusal::NoConflictColumn { table }.into());
    };
    for column in unique {
        let value = model.get(*column).into_value();
        if !value.is_some_and(|value| value.is_some()) {
            return Err(missing(column));
        }
    }
    match (values_text::<E>(model, unique)?, values_in(model, unique)) {
        (Some(name), Some(values)) => Ok((name, values)),
        _ => Err(missing(first)),
    }
}

type Places<M> = Vec<(usize, Written<Stored<M>>)>;

async fn upsert<E: BulkEntity>(
    tx: &TrackedTransaction,
    chunk: Vec<Wanted<E::ActiveModel>>,
    plan: &Plan<'_, E>,
) -> Result<Places<E::Model>, DbErr> {
    let unique = plan.unique;
    let mut written = Vec::with_capacity(chunk.len());
    let (stored, mut missing) = split_by_existence::<E>(tx, chunk, unique).await?;
    missing.extend(update_stored::<E>(tx, stored, plan, &mut written).await?);
    missing.sort_by(|a, b| a.name.cmp(&b.name));
    for attempt in 1..=TRIES {
        if missing.is_empty() {
            return Ok(written);
        }
        match insert_missing::<E>(tx, &missing, unique).await {
            Ok(inserted) => missing = settle::<E>(tx, missing, inserted, &mut written).await?,
            // If another transaction has inserted one of the rows, it can now be locked. Otherwise another
            // unique index refuses the row, and the next attempt will fail too.
            Err(error) if is_taken(&error) && attempt < TRIES && !has_on_conflict(tx) => {}
            Err(error) => return Err(error),
        }
        missing = update_stored::<E>(tx, missing, plan, &mut written).await?;
    }
    Err(raced::<E>().into())
}

type Parts<A> = (Vec<Wanted<A>>, Vec<Wanted<A>>);

/// Splits the models into those whose rows seem to exist and the others. Only MariaDB needs this guess: there
/// a locking read locks the gap where a row is missing, and two transactions that hold a gap and both insert
/// into it end in a deadlock.
async fn split_by_existence<E: BulkEntity>(
    tx: &TrackedTransaction,
    chunk: Vec<Wanted<E::ActiveModel>>,
    unique: &[E::Column],
) -> Result<Parts<E::ActiveModel>, DbErr> {
    if !database::of(tx).facts().locks_gaps {
        return Ok((chunk, Vec::new()));
    }
    let values = chunk.iter().map(|wanted| wanted.values.clone()).collect();
    let rows = rows::read(tx, E::find().filter(among(unique, values))).await?;
    let names = rows.iter().map(|row| row_values_text::<E>(row, unique));
    let names: HashSet<String> = names.collect();
    let is_there = |wanted: &Wanted<_>| names.contains(&wanted.name);
    Ok(chunk.into_iter().partition(is_there))
}

fn is_taken(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Whether an insert can skip existing rows. MariaDB's INSERT IGNORE would also suppress other errors.
fn has_on_conflict(tx: &TrackedTransaction) -> bool {
    has_returning(tx.get_database_backend())
}

/// Locks and updates the existing rows; returns the models of the others.
async fn update_stored<E: BulkEntity>(
    tx: &TrackedTransaction,
    wanted: Vec<Wanted<E::ActiveModel>>,
    plan: &Plan<'_, E>,
    written: &mut Places<E::Model>,
) -> Result<Vec<Wanted<E::ActiveModel>>, DbErr> {
    let unique = plan.unique;
    if wanted.is_empty() {
        return Ok(wanted);
    }
    let values = wanted.iter().map(|wanted| wanted.values.clone()).collect();
    let found = lock::<E>(tx, among(unique, values), RowLock::Update, None).await?;
    let mut by_name: HashMap<String, Row<E>> = HashMap::with_capacity(found.len());
    for row in found {
        let name = row_values_text::<E>(&row, unique);
        if by_name.insert(name, row).is_some() {
            let table = table::<E>().to_owned();
            return Err(BulkRefusal::NotUnique { table }.into());
        }
    }
    let (mut rows, mut models, mut places) = (Vec::new(), Vec::new(), Vec::new());
    let mut missing = Vec::new();
    for wanted in wanted {
        let Some(row) = by_name.remove(&wanted.name) else {
            missing.push(wanted);
            continue;
        };
        let mut changes = wanted.model;
        match &plan.existing {
            OnExisting::Updated => {}
            OnExisting::UpdatedIn(columns) => keep_only(&mut changes, columns),
            OnExisting::Kept => {
                written.push((wanted.place, Written::Unchanged(row.split().1)));
                continue;
            }
        }
        models.push(update::with_changes::<E>(&row, &changes)?);
        rows.push(row);
        places.push(wanted.place);
    }
    let extra = update::Extra::Unfit(&[]);
    let updated = update::update_locked::<E>(tx, rows, models, &extra).await?;
    written.extend(places.into_iter().zip(updated));
    Ok(missing)
}

/// Leaves only these columns of a model set.
fn keep_only<A: ActiveModelTrait>(model: &mut A, columns: &[<A::Entity as EntityTrait>::Column]) {
    for column in <A::Entity as EntityTrait>::Column::iter() {
        let is_kept = columns.iter().any(|kept| kept.as_str() == column.as_str());
        if !is_kept {
            model.not_set(column);
        }
    }
}

/// Inserts the rows that are still missing, and records them; returns the rows by the places of their models.
async fn insert_missing<E: BulkEntity>(
    tx: &TrackedTransaction,
    missing: &[Wanted<E::ActiveModel>],
    unique: &[E::Column],
) -> Result<HashMap<usize, Stored<E::Model>>, DbErr> {
    // A statement that failed must leave nothing behind for the next attempt.
    let work = insert_in::<E>(tx, missing, unique);
    if has_on_conflict(tx) {
        work.await
    } else {
        tx.savepoint(work).await
    }
}

async fn insert_in<E: BulkEntity>(
    tx: &TrackedTransaction,
    missing: &[Wanted<E::ActiveModel>],
    unique: &[E::Column],
) -> Result<HashMap<usize, Stored<E::Model>>, DbErr> {
    let backend = tx.get_database_backend();
    let given = missing.iter().map(|wanted| wanted.model.clone()).collect();
    let given = prepare_inserts::<E>(tx, given).await?;
    // Custom hooks may have changed the values by which the rows are found.
    let mut places = HashMap::with_capacity(missing.len());
    for (wanted, model) in missing.iter().zip(&given) {
        places.insert(find_by::<E>(model, unique)?.0, wanted.place);
    }
    let mut inserted = HashMap::with_capacity(missing.len());
    for run in runs_of_same_columns::<E>(&given) {
        let mut insertion = insert_statement::<E>(run);
        let write = |statement, answer| RowsStatement {
            table: table::<E>(),
            operation: Operation::Insert,
            statement,
            rows: run.len(),
            answer,
        };
        let rows = if has_on_conflict(tx) {
            let conflict = OnConflict::columns(unique.iter().copied());
            insertion
                .on_conflict(conflict.clone().do_nothing().to_owned())
                .returning(returning_all::<E>(backend));
            let insertion = StatementBuilder::build(&insertion, &backend);
            let insertion = with_given_keys::<E>(run, insertion);
            let answer = tx.write_rows(write(insertion, Answer::SomeRows)).await?;
            as_stored::<E>(tx, answered::<E>(tx, answer).await?).await?
        } else {
            let insertion = StatementBuilder::build(&insertion, &backend);
            tx.write_rows(write(insertion, Answer::Count)).await?;
            let values = run.iter().filter_map(|model| values_in(model, unique));
            lock::<E>(tx, among(unique, values.collect()), RowLock::Update, None).await?
        };
        let names: Vec<String> = rows
            .iter()
            .map(|row| row_values_text(row, unique))
            .collect();
        for (name, row) in names.iter().zip(record_inserted::<E>(tx, rows).await?) {
            let place = places.remove(name);
            // If there is no place, the database has stored other values than given, and the row's model is
            // unknown.
            inserted.insert(place.ok_or(DbErr::RecordNotInserted)?, row);
        }
    }
    Ok(inserted)
}

/// Runs the custom hooks of the inserted rows; returns the models that were not inserted.
async fn settle<E: BulkEntity>(
    tx: &TrackedTransaction,
    missing: Vec<Wanted<E::ActiveModel>>,
    mut inserted: HashMap<usize, Stored<E::Model>>,
    written: &mut Places<E::Model>,
) -> Result<Vec<Wanted<E::ActiveModel>>, DbErr> {
    let mut rest = Vec::new();
    for wanted in missing {
        match inserted.remove(&wanted.place) {
            Some(row) => {
                let row = after_save::<E>(tx, row, true).await?;
                written.push((wanted.place, Written::Inserted(row)));
            }
            None => rest.push(wanted),
        }
    }
    Ok(rest)
}
