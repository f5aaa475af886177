//! What a program does, and what its log must say: chosen at random, worked out on rows in memory.

use std::collections::{BTreeMap, BTreeSet};

use seachange_testkit::{Database, Random};
use serde_json::json;

use super::raw::Raw;

/// A row, but for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub book: Option<i64>,
    pub name: String,
    pub body: String,
}

/// What became of one row.
#[derive(Clone, Debug)]
pub struct Change {
    pub id: i64,
    pub before: Option<Row>,
    pub after: Option<Row>,
}

impl Change {
    /// The key, and the change as the log has it.
    pub fn told(&self) -> (String, String) {
        let image = |row: &Option<Row>| {
            row.as_ref().map_or("-".to_owned(), |row| {
                let book = row.book.map(|book| book.to_string());
                json!({
                    "id": self.id.to_string(), "book_id": book, "name": row.name, "body": row.body
                })
                .to_string()
            })
        };
        let operation = match (&self.before, &self.after) {
            (None, _) => "insert",
            (_, None) => "delete",
            _ => "update",
        };
        let (before, after) = (image(&self.before), image(&self.after));
        let key = json!({ "id": self.id.to_string() }).to_string();
        (key, format!("{operation} {before} {after}"))
    }
}

/// One step of a transaction.
#[derive(Debug)]
pub enum Step {
    Insert(i64, Row),
    /// Sets these columns, through the model as it is stored.
    Update(i64, Row),
    Delete(i64),
    InsertMany(Vec<(i64, Row)>),
    /// Sets the body of all rows with these names.
    UpdateMany(Vec<String>, String),
    /// Rows whose key is one of these.
    DeleteMany(Vec<i64>),
    UpsertManyById(Vec<(i64, Row)>),
    UpsertManyByName(Vec<(i64, Row)>),
    /// A statement that no hook sees, and what comes of it.
    Raw(Raw, Vec<Change>),
    /// A savepoint; whether it is kept.
    Savepoint(Vec<Step>, bool),
    /// An insert of a name that exists, in a savepoint that is then rolled back.
    Fails(i64, Row),
}

#[derive(Debug)]
pub enum Transaction {
    /// Steps, and whether they are committed.
    Tracked(Vec<Step>, bool),
    /// Another program's statement, and what comes of it.
    Elsewhere(Raw, Vec<Change>),
}

/// What the log says of a transaction.
pub struct Told {
    pub changes: Vec<Change>,
    /// Whether the log knows that they are one transaction. Of another program's it does so on
    /// PostgreSQL only.
    pub is_one: bool,
}

pub struct Program {
    /// There from the start; nobody tracks them.
    pub books: Vec<i64>,
    pub transactions: Vec<Transaction>,
    /// The changes of each transaction that makes any.
    pub told: Vec<Told>,
    /// The rows at the end.
    pub rows: BTreeMap<i64, Row>,
}

/// Bodies that some codec may stumble over.
const BODIES: [&str; 12] = [
    "",
    " ",
    "it's \"quoted\"",
    "back\\slash",
    "%_",
    "日本語 ✓ 🦀",
    "line\nbreak\ttab",
    "null",
    "{\"json\": [1, 2.50]}",
    "\u{1}\u{7f}",
    "trailing ",
    "$1 ? :name",
];

/// Rows beyond which a program would rather delete.
const MANY: usize = 30;

pub struct Planner {
    random: Random,
    kind: Database,
    rows: BTreeMap<i64, Row>,
    books: BTreeSet<i64>,
    /// Keys and names that were never used in any program.
    fresh: i64,
    changes: Vec<Change>,
}

impl Planner {
    pub fn new(seed: u64, kind: Database) -> Self {
        Self {
            random: Random::seeded(seed),
            kind,
            rows: BTreeMap::new(),
            books: BTreeSet::new(),
            fresh: i64::try_from(seed).unwrap_or(0) * 10_000 + 1,
            changes: Vec::new(),
        }
    }

    pub fn program(mut self) -> Program {
        let books: Vec<i64> = (0..self.random.below(4)).map(|_| self.fresh()).collect();
        self.books.extend(&books);
        let mut transactions = Vec::new();
        let mut told = Vec::new();
        for _ in 0..2 + self.random.below(5) {
            let transaction = self.transaction();
            let changes = std::mem::take(&mut self.changes);
            let is_one = matches!(transaction, Transaction::Tracked(..))
                || matches!(self.kind, Database::Postgres(_));
            if !changes.is_empty() {
                told.push(Told { changes, is_one });
            }
            transactions.push(transaction);
        }
        Program {
            books,
            transactions,
            told,
            rows: self.rows,
        }
    }

    fn transaction(&mut self) -> Transaction {
        if self.random.once_in(5) {
            let (raw, changes) = self.raw();
            return Transaction::Elsewhere(raw, changes);
        }
        let (steps, kept) = self.attempt(0);
        Transaction::Tracked(steps, kept)
    }

    /// Steps that are kept, or as if they had never been.
    fn attempt(&mut self, depth: usize) -> (Vec<Step>, bool) {
        let (rows, books, told) = (self.rows.clone(), self.books.clone(), self.changes.len());
        let steps = (0..1 + self.random.below(6)).map(|_| self.step(depth));
        let steps = steps.collect();
        let kept = !self.random.once_in(4);
        if !kept {
            (self.rows, self.books) = (rows, books);
            self.changes.truncate(told);
        }
        (steps, kept)
    }

    fn step(&mut self, depth: usize) -> Step {
        match self.random.below(16) {
            0..=2 => {
                let (id, row) = self.new_row();
                self.write(id, row.clone());
                Step::Insert(id, row)
            }
            3 | 4 => match self.some_row() {
                Some((id, mut row)) => {
                    self.vary(&mut row);
                    self.write(id, row.clone());
                    Step::Update(id, row)
                }
                None => self.insert_many(),
            },
            5 => match self.some_row() {
                Some((id, _)) => {
                    self.remove(id);
                    Step::Delete(id)
                }
                None => self.insert_many(),
            },
            6 => self.insert_many(),
            7 => {
                let names: Vec<String> = self
                    .some_rows()
                    .into_iter()
                    .map(|(_, row)| row.name)
                    .collect();
                let body = self.body();
                for name in &names {
                    let (id, mut row) = self.named(name);
                    row.body.clone_from(&body);
                    self.write(id, row);
                }
                Step::UpdateMany(names, body)
            }
            8 => {
                let keys: Vec<i64> = self.some_rows().into_iter().map(|(id, _)| id).collect();
                for id in &keys {
                    self.remove(*id);
                }
                Step::DeleteMany(keys)
            }
            9 => Step::UpsertManyById(self.upserts(|_, known, _| known)),
            10 => Step::UpsertManyByName(self.upserts(|planner, _, row| {
                // The key given is not the stored one's, which stays.
                let (id, _) = planner.named(&row.name);
                id
            })),
            11..=13 => {
                let (raw, changes) = self.raw();
                Step::Raw(raw, changes)
            }
            14 if depth < 2 => {
                let (steps, kept) = self.attempt(depth + 1);
                Step::Savepoint(steps, kept)
            }
            _ => match self.some_row() {
                Some((_, row)) => Step::Fails(self.fresh(), row),
                None => self.insert_many(),
            },
        }
    }

    fn insert_many(&mut self) -> Step {
        let rows: Vec<(i64, Row)> = (0..1 + self.random.below(8))
            .map(|_| {
                let (id, row) = self.new_row();
                self.write(id, row.clone());
                (id, row)
            })
            .collect();
        Step::InsertMany(rows)
    }

    /// Some rows that are there, changed, and some new ones; `stored` tells the key under which one
    /// that is there is found.
    fn upserts(&mut self, stored: impl Fn(&Self, i64, &Row) -> i64) -> Vec<(i64, Row)> {
        let mut given = Vec::new();
        for (known, mut row) in self.some_rows() {
            row.body = self.body();
            let id = stored(self, known, &row);
            self.write(id, row.clone());
            given.push((id, row));
        }
        for _ in 0..1 + self.random.below(3) {
            let (id, row) = self.new_row();
            self.write(id, row.clone());
            given.push((id, row));
        }
        given
    }

    fn raw(&mut self) -> (Raw, Vec<Change>) {
        let told = self.changes.len();
        let raw = Raw::choose(self);
        (raw, self.changes[told..].to_vec())
    }
}

/// What [`Raw::choose`] needs.
impl Planner {
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    pub fn kind(&self) -> &Database {
        &self.kind
    }

    pub fn fresh(&mut self) -> i64 {
        self.fresh += 1;
        self.fresh
    }

    /// A row that is not there yet; one key in four is awkward.
    pub fn new_row(&mut self) -> (i64, Row) {
        let number = self.fresh();
        let id = match self.random.below(8) {
            0 => i64::MAX - number,
            1 => -number,
            _ => number,
        };
        let books: Vec<i64> = self.books.iter().copied().collect();
        let book = (!books.is_empty() && self.random.once_in(2)).then(|| *self.random.pick(&books));
        let name = format!("name {number} {}", self.random.pick(&["", "é", "'", "\\"]));
        let body = self.body();
        (id, Row { book, name, body })
    }

    pub fn body(&mut self) -> String {
        if self.random.once_in(20) {
            return "long ".repeat(2_000);
        }
        (*self.random.pick(&BODIES)).to_owned()
    }

    /// Changes something, or nothing at all.
    fn vary(&mut self, row: &mut Row) {
        if self.random.once_in(2) {
            row.body = self.body();
        }
        if self.random.once_in(3) {
            row.name = self.new_row().1.name;
        }
        if self.random.once_in(3) {
            row.book = None;
        }
    }

    pub fn some_row(&mut self) -> Option<(i64, Row)> {
        let keys: Vec<i64> = self.rows.keys().copied().collect();
        (!keys.is_empty()).then(|| {
            let id = *self.random.pick(&keys);
            (id, self.rows[&id].clone())
        })
    }

    /// A few different rows; more where there are many.
    pub fn some_rows(&mut self) -> Vec<(i64, Row)> {
        let most = if self.rows.len() > MANY { MANY } else { 5 };
        let mut some = BTreeMap::new();
        for _ in 0..self.random.below(most) {
            some.extend(self.some_row());
        }
        some.into_iter().collect()
    }

    pub fn some_book(&mut self) -> Option<i64> {
        let books: Vec<i64> = self.books.iter().copied().collect();
        (!books.is_empty()).then(|| *self.random.pick(&books))
    }

    pub fn forget_book(&mut self, book: i64) {
        self.books.remove(&book);
    }

    pub fn in_book(&self, book: i64) -> Vec<i64> {
        let rows = self.rows.iter();
        let inside = rows.filter(|(_, row)| row.book == Some(book));
        inside.map(|(id, _)| *id).collect()
    }

    pub fn row(&self, id: i64) -> Row {
        self.rows[&id].clone()
    }

    fn named(&self, name: &str) -> (i64, Row) {
        let mut rows = self.rows.iter();
        let found = rows.find(|(_, row)| row.name == name);
        let (id, row) = found.expect("a row that is there");
        (*id, row.clone())
    }

    /// Inserts or updates; nothing is told where nothing changes.
    pub fn write(&mut self, id: i64, row: Row) {
        let before = self.rows.insert(id, row.clone());
        if before.as_ref() != Some(&row) {
            let after = Some(row);
            self.changes.push(Change { id, before, after });
        }
    }

    pub fn remove(&mut self, id: i64) {
        if let Some(row) = self.rows.remove(&id) {
            let before = Some(row);
            let after = None;
            self.changes.push(Change { id, before, after });
        }
    }
}
