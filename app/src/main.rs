//! Runs the reference application.

use std::path::PathBuf;
use std::process::ExitCode;

use mimalloc::MiMalloc;
use seachange_app::{demo, reference_app};

/// Thousands of connections and what they are sent come and go: after ten minutes of that the C library's
/// allocator kept 86 MB that were free.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Where the web client's demo is built.
const DEMO: &str = "clients/web/demo/dist";

fn main() -> ExitCode {
    let folder = std::env::var_os("SEACHANGE_DEMO").map_or_else(|| DEMO.into(), PathBuf::from);
    let app = reference_app();
    if folder.is_dir() {
        app.routes(demo(&folder)).run()
    } else {
        app.run()
    }
}
