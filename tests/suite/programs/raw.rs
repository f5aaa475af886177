//! Statements that no hook sees.

use sea_orm::{DbBackend, Statement, Value};
use seachange_testkit::Database;

use super::plan::{Planner, Row};

/// A statement, with `?` for its values.
#[derive(Debug)]
pub struct Raw {
    sql: String,
    values: Vec<Value>,
}

impl Raw {
    fn of(sql: impl Into<String>, values: Vec<Value>) -> Self {
        let sql = sql.into();
        Self { sql, values }
    }

    /// One that can be, and does to the planner's rows what it does to the table's.
    pub fn choose(plan: &mut Planner) -> Self {
        let chosen = match plan.random().below(8) {
            0 => None,
            1 => update(plan),
            2 => move_key(plan),
            3 => delete(plan),
            4 => upsert(plan),
            5 => replace(plan),
            6 => update_all(plan),
            _ => cascade(plan),
        };
        chosen.unwrap_or_else(|| insert(plan))
    }

    pub fn statement(&self, backend: DbBackend) -> Statement {
        let sql = match backend {
            DbBackend::Postgres => numbered(&self.sql),
            _ => self.sql.clone(),
        };
        Statement::from_sql_and_values(backend, sql, self.values.clone())
    }
}

/// `?` as PostgreSQL wants it.
fn numbered(sql: &str) -> String {
    let mut parts = sql.split('?');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.enumerate().fold(first, |sql, (number, part)| {
        format!("{sql}${}{part}", number + 1)
    })
}

fn values(id: i64, row: &Row) -> Vec<Value> {
    vec![
        id.into(),
        row.book.into(),
        row.name.clone().into(),
        row.body.clone().into(),
    ]
}

const INTO: &str = "INTO note (id, book_id, name, body) VALUES";

fn insert(plan: &mut Planner) -> Raw {
    let count = 1 + plan.random().below(3);
    let mut all = Vec::new();
    for _ in 0..count {
        let (id, row) = plan.new_row();
        all.extend(values(id, &row));
        plan.write(id, row);
    }
    let places = vec!["(?, ?, ?, ?)"; count].join(", ");
    Raw::of(format!("INSERT {INTO} {places}"), all)
}

fn update(plan: &mut Planner) -> Option<Raw> {
    let (id, mut row) = plan.some_row()?;
    row.body = plan.body();
    let sql = "UPDATE note SET body = ? WHERE id = ?";
    let raw = Raw::of(sql, vec![row.body.clone().into(), id.into()]);
    plan.write(id, row);
    Some(raw)
}

/// Every row that has a book leaves it.
fn update_all(plan: &mut Planner) -> Option<Raw> {
    let book = plan.some_book()?;
    for id in plan.in_book(book) {
        let mut row = plan.row(id);
        row.book = None;
        plan.write(id, row);
    }
    let sql = "UPDATE note SET book_id = NULL WHERE book_id = ?";
    Some(Raw::of(sql, vec![book.into()]))
}

/// Another key is another row.
fn move_key(plan: &mut Planner) -> Option<Raw> {
    let (id, row) = plan.some_row()?;
    let to = plan.fresh();
    plan.remove(id);
    plan.write(to, row);
    let sql = "UPDATE note SET id = ? WHERE id = ?";
    Some(Raw::of(sql, vec![to.into(), id.into()]))
}

fn delete(plan: &mut Planner) -> Option<Raw> {
    let rows = plan.some_rows();
    if rows.is_empty() {
        return None;
    }
    for (id, _) in &rows {
        plan.remove(*id);
    }
    let places = vec!["?"; rows.len()].join(", ");
    let keys = rows.iter().map(|(id, _)| (*id).into()).collect();
    Some(Raw::of(
        format!("DELETE FROM note WHERE id IN ({places})"),
        keys,
    ))
}

fn upsert(plan: &mut Planner) -> Option<Raw> {
    let (id, mut row) = plan.some_row()?;
    row.body = plan.body();
    let end = match plan.kind() {
        Database::MariaDb(_) => "ON DUPLICATE KEY UPDATE body = VALUES(body)",
        _ => "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
    };
    let raw = Raw::of(
        format!("INSERT {INTO} (?, ?, ?, ?) {end}"),
        values(id, &row),
    );
    plan.write(id, row);
    Some(raw)
}

/// The key of one row, perhaps with the name of another.
fn replace(plan: &mut Planner) -> Option<Raw> {
    let (id, mut row) = plan.some_row()?;
    let (other, named) = plan.some_row()?;
    row.body = plan.body();
    row.name = named.name;
    match plan.kind() {
        Database::Sqlite => {
            if other != id {
                plan.remove(other);
            }
        }
        // Removes whatever is in the way, itself too.
        Database::MariaDb(_) => {
            plan.remove(id);
            plan.remove(other);
        }
        Database::Postgres(_) => return None,
    }
    let raw = Raw::of(format!("REPLACE {INTO} (?, ?, ?, ?)"), values(id, &row));
    plan.write(id, row);
    Some(raw)
}

/// A book goes and takes its notes along. MariaDB tells no trigger of that, so it is refused there
/// (and `doctor` finds it): the notes go and the book stays.
fn cascade(plan: &mut Planner) -> Option<Raw> {
    let book = plan.some_book()?;
    for id in plan.in_book(book) {
        plan.remove(id);
    }
    let sql = match plan.kind() {
        Database::MariaDb(_) => "DELETE FROM note WHERE book_id = ?",
        _ => {
            plan.forget_book(book);
            "DELETE FROM book WHERE id = ?"
        }
    };
    Some(Raw::of(sql, vec![book.into()]))
}
