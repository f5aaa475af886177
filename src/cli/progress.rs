//! Shows the progress of a long command: a meter on standard error, if that is a terminal.

use std::borrow::Cow;
use std::collections::HashMap;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sea_orm::sea_query::{Alias, Asterisk, Expr, Func, Query};
use sea_orm::{ConnectionTrait, DbErr};

/// A meter with a known end.
const METER: &str = "{prefix} [{bar:30}] {percent:>3} % {msg} {eta}";
/// One without.
const SPINNER: &str = "{spinner} {prefix} {msg}";

/// The meter.
pub(super) struct Progress {
    bar: ProgressBar,
    /// How many rows tables have, by their names, as far as that was counted.
    rows: HashMap<String, u64>,
}

impl Progress {
    /// A meter that is shown on a terminal only, so that it gets into no file or pipe.
    pub(super) fn on_terminal() -> Self {
        Self {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            rows: HashMap::new(),
        }
    }

    /// A meter that is never shown.
    pub(super) fn silent() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            rows: HashMap::new(),
        }
    }

    /// Counts the rows of these tables, if the meter is shown. A table that cannot be counted has no known end.
    pub(super) async fn count_rows<C: ConnectionTrait>(&mut self, db: &C, tables: &[String]) {
        if self.bar.is_hidden() {
            return;
        }
        for table in tables {
            if let Ok(rows) = count_rows(db, table).await {
                self.rows.insert(table.clone(), rows);
            }
        }
    }

    /// Begins with the rows of a table.
    pub(super) fn begin_table(&self, table: &str) {
        self.begin(table.to_owned(), self.rows.get(table).copied());
    }

    /// Begins with something else, of which there is so much in all, if that is known.
    pub(super) fn begin(&self, what: impl Into<Cow<'static, str>>, whole: Option<u64>) {
        let template = match whole {
            Some(_) => METER,
            None => SPINNER,
        };
        let style = ProgressStyle::with_template(template);
        self.bar
            .set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.bar.reset();
        match whole {
            Some(whole) => self.bar.set_length(whole),
            None => self.bar.unset_length(),
        }
        self.bar.set_prefix(what);
        self.bar.set_message("");
    }

    /// So much is done. The text is made only if it is shown.
    pub(super) fn show(&self, done: u64, text: impl FnOnce() -> String) {
        self.bar.set_position(done);
        if !self.bar.is_hidden() {
            self.bar.set_message(text());
        }
    }
}

async fn count_rows<C: ConnectionTrait>(db: &C, table: &str) -> Result<u64, DbErr> {
    let count = Query::select()
        .expr_as(Func::count(Expr::col(Asterisk)), "rows")
        .from(Alias::new(table))
        .take();
    let row = db.query_one(&count).await?;
    let rows = row.map_or(Ok(0), |row| row.try_get::<i64>("", "rows"))?;
    Ok(u64::try_from(rows).unwrap_or_default())
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
