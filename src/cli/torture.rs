//! `torture`: runs the ordering torture on the configured database.

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::progress::Progress;
use crate::app::{App, Settings};
use crate::database;
use crate::feed::FeedError;
use crate::torture::{Report, Torture};

/// The time between two steps of its meter.
const SECOND: Duration = Duration::from_secs(1);

/// How `torture` runs.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct TortureArgs {
    /// Transactions at work at once.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..))]
    writers: u16,
    /// Rows they fight for.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    rows: u32,
    /// Seconds that they write.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// How often.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Where the random choices begin.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Without the transaction that stays open.
    #[arg(long)]
    no_open_transaction: bool,
}

pub(super) async fn command(
    app: &App,
    settings: &Settings,
    args: TortureArgs,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let db = database::connect(&settings.database()).await?;
    app.migrations.up(db.writer()).await?;
    let mut is_sound = true;
    for run in 0..args.runs {
        let torture = Torture {
            writers: usize::from(args.writers),
            rows: i64::from(args.rows),
            time: Duration::from_secs(args.seconds),
            open_transaction: !args.no_open_transaction,
            seed: args.seed.wrapping_add(u64::from(run)),
        };
        let report = metered(torture, settings).await?;
        print(&report, torture.seed);
        is_sound &= report.is_sound();
    }
    Ok(ExitCode::from(u8::from(!is_sound)))
}

/// Runs it, and shows the seconds that have passed.
async fn metered(torture: Torture, settings: &Settings) -> Result<Report, FeedError> {
    let progress = Progress::on_terminal();
    progress.begin(
        format!("seed {}", torture.seed),
        Some(torture.time.as_secs()),
    );
    let database = settings.database();
    let mut running = pin!(torture.run(&database));
    let mut clock = tokio::time::interval(SECOND);
    for passed in 0.. {
        tokio::select! {
            report = &mut running => return report,
            _ = clock.tick() => progress.show(passed, || "seconds of writing".to_owned()),
        }
    }
    running.await
}

fn print(report: &Report, seed: u64) {
    println!(
        "seed {seed}: {}: {} transactions committed, {} rolled back, {} writes",
        if report.is_sound() {
            "sound"
        } else {
            "NOT SOUND"
        },
        report.transactions,
        report.rolled_back,
        report.writes
    );
    for tally in &report.readers {
        println!(
            "  {}: {} delivered, {} lost, {} doubled, {} phantoms, {} out of order, {} torn, \
             p50 {:.1} ms, p99 {:.1} ms",
            tally.reader,
            tally.delivered,
            tally.lost,
            tally.doubled,
            tally.phantoms,
            tally.out_of_order,
            tally.torn,
            tally.p50.as_secs_f64() * 1e3,
            tally.p99.as_secs_f64() * 1e3
        );
    }
}
