//! The numbers that the project holds itself to, each beside what it is compared with.
//!
//! `cargo bench` runs everything but the soak; `cargo bench -- replay postgres` only what is named. Databases are
//! those of the tests: SQLite always, PostgreSQL and MariaDB by `SEACHANGE_TEST_POSTGRES_URL` and
//! `SEACHANGE_TEST_MYSQL_URL`; each bench makes its own and drops them. `SEACHANGE_BENCH_LENGTH=5`
//! measures five times as long.
//!
//! What is compared takes turns within one run, so that a busy machine slows both: the ratio means
//! something, the times do so only on a machine of one's own. A missed target is printed, not an
//! error; a change lost or out of order is one.

mod columns;
mod crowd;
mod fanout;
mod ground;
mod idle;
mod latency;
mod memory;
mod order;
mod peer;
mod process;
mod reader;
mod relations;
mod replay;
mod routing;
mod rows;
mod soak;
mod storm;
mod sync;
mod table;
mod triggers;
mod turns;
mod writes;

use std::pin::Pin;

use ground::Ground;
use mimalloc::MiMalloc;

/// As the reference application has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Bench = fn(&Ground) -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + '_>>;

/// Every bench: its name and itself.
const BENCHES: [(&str, Bench); 14] = [
    ("writes", |ground| Box::pin(writes::run(ground))),
    ("triggers", |ground| Box::pin(triggers::run(ground))),
    ("order", |ground| Box::pin(order::run(ground))),
    ("latency", |ground| Box::pin(latency::run(ground))),
    ("columns", |ground| Box::pin(columns::run(ground))),
    ("replay", |ground| Box::pin(replay::run(ground))),
    ("sync", |ground| Box::pin(sync::run(ground))),
    ("relations", |ground| Box::pin(relations::run(ground))),
    ("idle", |ground| Box::pin(idle::run(ground))),
    ("fanout", |ground| Box::pin(fanout::run(ground))),
    ("memory", |ground| Box::pin(memory::run(ground))),
    ("routing", |ground| Box::pin(routing::run(ground))),
    ("storm", |ground| Box::pin(storm::run(ground))),
    ("soak", |ground| Box::pin(soak::run(ground))),
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() == Some(peer::ARGUMENT) {
        return peer::serve(words).await;
    }
    // Cargo adds flags of its own.
    let words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'));
    let words: Vec<String> = words.collect();
    let names = BENCHES.map(|(name, _)| name);
    let ground = Ground::new(&words, &names)?;
    for (name, bench) in BENCHES {
        if ground.wants(name) && (name != "soak" || ground.names(name)) {
            ground.heading(name);
            bench(&ground).await?;
        }
    }
    ground.sum();
    Ok(())
}
