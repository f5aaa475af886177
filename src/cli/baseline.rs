//! `baseline`: records rows from before tracking in the log.

use std::process::ExitCode;

use clap::Args;
use sea_orm::{DatabaseConnection, DbErr};
use seachange_changelog::internal::tracked_here;
use seachange_changelog::{Baseline, CaptureError, Refused, SetupRefusal};

use super::interrupt::interrupted;
use super::open_feed::is_missing_table;
use super::progress::Progress;
use crate::app::{App, Settings};
use crate::database;

/// What `baseline` records.
#[derive(Args, Debug)]
pub(super) struct BaselineArgs {
    /// The table.
    #[arg(
        value_name = "TABLE",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    table: Option<String>,
    /// Every tracked table.
    #[arg(long)]
    all: bool,
}

pub(super) async fn command(
    app: &App,
    settings: &Settings,
    args: BaselineArgs,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let interrupted = interrupted()?;
    let db = database::connect(&settings.database()).await?;
    tokio::select! {
        ended = of_tables(app, db.writer(), args) => ended,
        () = interrupted => {
            eprintln!("stopped; run it again for the rest");
            Ok(ExitCode::from(1))
        }
    }
}

async fn of_tables(
    app: &App,
    db: &DatabaseConnection,
    args: BaselineArgs,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let tracked = tracked_here(db).await.map_err(or_no_log)?;
    let tables = match args.table {
        Some(table) => vec![table],
        None => {
            let registered = app.entities.registered();
            let mut tables: Vec<String> = registered
                .iter()
                .map(|entity| entity.info.table.to_owned())
                .collect();
            let others = tracked.into_iter().filter(|name| !tables.contains(name));
            let others: Vec<String> = others.collect();
            tables.extend(others);
            tables
        }
    };
    for table in tables {
        match of_table(db, &table).await {
            Ok((rows, recorded)) => println!("{table}: {recorded} of {rows} rows recorded"),
            Err(error) => match CaptureError::of(&error) {
                Some(
                    wrong @ CaptureError::Setup(
                        SetupRefusal::NoTable { .. } | SetupRefusal::NotTracked { .. },
                    ),
                ) => {
                    eprintln!("error: {wrong}");
                    return Ok(ExitCode::from(2));
                }
                _ => return Err(error.into()),
            },
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The number of rows, and the number of those that were recorded.
async fn of_table(db: &DatabaseConnection, table: &str) -> Result<(u64, u64), DbErr> {
    let mut progress = Progress::on_terminal();
    progress.count_rows(db, &[table.to_owned()]).await;
    progress.begin_table(table);
    let (mut rows, mut recorded) = (0, 0);
    let mut baseline = Baseline::of(table);
    while let Some(step) = baseline.step(db).await? {
        rows += step.rows;
        recorded += step.recorded;
        progress.show(rows, || format!("{recorded} of {rows} rows recorded"));
    }
    Ok((rows, recorded))
}

fn or_no_log(error: DbErr) -> Refused {
    if is_missing_table(&error) {
        Refused::NoLog
    } else {
        Refused::Database(error)
    }
}
